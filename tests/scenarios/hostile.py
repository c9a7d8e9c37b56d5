#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is sent to the topics a home listens to: what is not right is dropped, counted and named
in the log once, and the battery stays within its limits; a good award and a good command are taken.

Usage: hostile.py BUILD-FOLDER."""
import json

from bench import Bench, Broker, Home, check, format_time, run, until

SPEED = 10
LIMIT_W = 5000
AWARD, COMMAND = "lec/fjord/home/home-1/award", "lec/fjord/home/home-1/command"
FLOOD = 500
# Between what lecd takes (16 KiB) and what it lets the broker send (64 KiB); and beyond.
LARGE, TOO_LARGE, HUGE = 20000, 1 << 20, 10 << 20


def award(interval, **changes):
    good = {"v": 1, "home": "home-1", "interval": interval, "bought_kwh": 1.0, "price": 0.1}
    return json.dumps({**good, **changes})


def bad_awards(now, stale, odd, far):
    return {
        "empty": "", "binary": bytes(range(256)), "no JSON": "award!", "an array": "[]",
        "cut short": award(now)[:-1], "trailing": award(now) + "{}",
        "twice the key": award(now)[:-1] + ',"price":0.2}',
        "too deep": '{"v":1,"x":' + "[" * 100 + "]" * 100 + "}",
        "deep without end": "{\"a\":" * 2000,
        "NaN": award(now, price=float("nan")), "infinity": award(now, bought_kwh=float("inf")),
        "too big a number": award(now)[:-1] + ',"sold_kwh":1e999}',
        "another version": award(now, v=2), "no version": award(now, v=None),
        "another home": award(now, home="home-2"), "no home": award(now, home=7),
        "a long home": award(now, home="h" * 1000),
        "text for a price": award(now, price="0.1"), "a list": award(now, bought_kwh=[1]),
        "price 1e9": award(now, price=1e9), "negative energy": award(now, bought_kwh=-1),
        "negative sale": award(now, sold_kwh=-0.5), "negative limit": award(now, import_limit_w=-1),
        "stale interval": award(stale), "within an interval": award(odd),
        "years ahead": award(far), "no time": award("soon"), "a number for time": award(12),
        "hidden zero": award(now).replace("home-1", "home-1\\u0000"),
        "half a rune": award(now).encode().replace(b"home-1", b"home-\xc3"),
    }


BAD_COMMANDS = {
    "empty": "", "binary": b"\xff\x00\xfe", "unknown mode": '{"v":1,"mode":"turbo"}',
    "no mode": '{"v":1}', "no version": '{"mode":"off"}', "a number": '{"v":1,"mode":3}',
    "a bare word": "off", "quoted": '"off"', "a list": '{"v":1,"mode":["off"]}',
    "two": '{"v":1,"mode":"off","mode":"self"}',
}


def refused(status):
    return status["market"]["refused"]


def send_bad(bench, broker, home):
    """Everything that is wrong, one at a time: each is counted, nothing else changes."""
    now_s = int(bench.house_s()) // 900 * 900
    awards = bad_awards(format_time(now_s), format_time(now_s - 1800), format_time(now_s + 60),
                        format_time(now_s + 3 * 365 * 86400))
    sent = refused(home.status())
    for topic, payloads in ((AWARD, awards), (COMMAND, BAD_COMMANDS)):
        for what, payload in payloads.items():
            broker.publish(topic, payload)
            sent += 1
            status = home.until(f"counted: {what}", lambda s: refused(s) >= sent)
            check(f"{topic.rsplit('/', 1)[-1]}, {what}: refused",
                  refused(status) == sent and status["mode"] == "auto" and
                  "traded_kwh" not in status["market"], status["market"])


def send_large(broker, home):
    before = home.status()
    for topic in (AWARD, COMMAND):
        for size in (LARGE, TOO_LARGE, HUGE):
            broker.publish(topic, '{"v":1,"mode":"off","x":"' + "x" * size + '"}')
    after = home.until("counted: too large", lambda s: s["broker"]["oversize"] >=
                       before["broker"]["oversize"] + 2)
    check("too large: dropped", after["mode"] == "auto" and
          "traded_kwh" not in after["market"] and after["broker"]["connects"] == 1, after["broker"])
    lines = [line for line in home.text() if "too large" in line]
    check("too large: named in the log once a topic", len(lines) == len(set(lines)) == 2, lines)


def flood(broker, home):
    """Two kinds in turn: the log has each once."""
    before = refused(home.status())
    cycles = home.status()["loop"]["cycles"]
    broker.publish(COMMAND, "\n".join(('{"v":1,"mode":"flood"}', '{"v":9}') * (FLOOD // 2)),
                   lines=True)
    home.until("the flood counted", lambda s: refused(s) > before + FLOOD // 10)
    home.until("cycles went on", lambda s: s["loop"]["cycles"] > cycles + 20)
    lines = [line for line in home.text() if "message refused" in line]
    check("all of this: logged once a kind", len(lines) == len(set(lines)) < 50, lines)


def take_good(bench, broker, home):
    now_s = int(bench.house_s()) // 900 * 900
    before = home.status()
    count = refused(before)
    # For this interval and the next: the turn may come in between.
    for start_s in (now_s, now_s + 900):
        broker.publish(AWARD, award(format_time(start_s), bought_kwh=2.0, price=0.11))
    status = home.until("the award taken", lambda s: s["market"].get("traded_kwh") == 2.0)
    check("good award: in the status", status["market"]["price"] == 0.11)
    until("good award: explained", lambda: any("market: bought 2.000 kWh" in line
                                               for line in home.explain()), seen=home.explain)
    # 8 kW are bought and the house takes less: the rest goes into the battery.
    home.until("good award: the plan charges", lambda s: s["decider"] == "optimiser" and
               home.ask("plan")["slots"][0]["battery_w"][0] < -2000)
    home.until("good award: the battery charges",
               lambda s: (s["batteries"][0]["setpoint_w"] or 0) < -2000)
    for mode, decider in (("self", "rules"), ("hold", "person"), ("off", "person"),
                          ("auto", "optimiser")):
        broker.publish(COMMAND, json.dumps({"v": 1, "mode": mode}))
        status = home.until(f"mode {mode}", lambda s: s["mode"] == mode and
                            s["decider"] == decider)
        check(f"good command {mode}: taken and explained",
              any(f"(mode {mode})" in line for line in home.explain()))
    check("good messages: none refused", refused(home.status()) == count)


def tariffs(broker, home):
    """A market that settles at another tariff: told once, shown as long as it lasts."""
    def tell(**changes):
        windows = {"windows": [{"from_s": 61200, "to_s": 79200, "price": 0.4}]}
        broker.publish("lec/fjord/market/tariff", json.dumps({
            "v": 1, "currency": "EUR", "timezone": "Europe/Oslo", "buy": {"price": 0.2, **windows},
            "network_charge": {"price": 0, "windows": []}, "sell": {"price": 0.05, "windows": []},
            **changes}), retain=True)

    def difference(what, words):
        home.until(what, lambda s: s["market"]["tariff_difference"] == words)
    tell()
    difference("the same tariff", "")
    for _ in range(3):
        tell(sell={"price": 0.02, "windows": []})
    words = "sell from 00:00 is 0.05 EUR/kWh here and 0.02 there"
    difference("another tariff", words)
    count = refused(home.status())
    broker.publish("lec/fjord/market/tariff", '{"v":1,"buy":"all"}')
    broker.publish("lec/fjord/market/round", '{"v":1,"length_s":900,"open":[{"round":7}]}')
    home.until("what is none is counted", lambda s: refused(s) == count + 2)
    difference("and changes nothing", words)
    check("explained", any(words in line for line in home.explain()))
    check("logged once", len([t for t in home.text() if "its tariff is not ours" in t]) == 1, home.text())
    tell()
    difference("the same again", "")


def hostile():
    with Bench(SPEED) as bench:
        bench.remember("home")
        broker = Broker(bench)
        broker.publish(COMMAND, '{"v":1,"mode":"off"}', retain=True)
        home = Home(bench, "home", decide="optimiser", broker=broker)
        status = home.until("the retained command", lambda s: refused(s) == 1)
        check("a retained command is refused", status["mode"] == "auto" and
              "retained" in status["market"]["refusal"], status["market"])
        home.until("a plan", lambda s: s["decider"] == "optimiser")
        broker.publish("lec/fjord/home/home-2/award", award(format_time(bench.house_s() // 900 * 900),
                                                            home="home-1"))
        send_bad(bench, broker, home)
        check("another home's topic is not listened to", refused(home.status()) ==
              1 + len(bad_awards("", "", "", "")) + len(BAD_COMMANDS))
        send_large(broker, home)
        flood(broker, home)
        take_good(bench, broker, home)
        # Well formed, and more than the connection carries: refused. As much as it does: taken, and
        # what holds is the guard.
        count = refused(home.status())
        for side, most in (("bought_kwh", 4.2), ("sold_kwh", 2.2)):
            now = format_time(bench.house_s() // 900 * 900)
            broker.publish(AWARD, award(now, **{side: 1e6}))
            count += 1
            home.until("the mad award refused", lambda s: refused(s) >= count)
            for start_s in (0, 900):
                broker.publish(AWARD, award(
                    format_time(bench.house_s() // 900 * 900 + start_s),
                    **{"bought_kwh": 0, side: most}))
            home.until("the largest award taken",
                       lambda s: abs(s["market"].get("traded_kwh", 0)) == most)
        tariffs(broker, home)
        check("lecd ends when told", home.end() == 0)
        samples = home.samples()
        check("limits held", len(samples) > 20 and all(
            abs(row["setpoint_w"] or 0) <= LIMIT_W and
            (row["soc"] is None or 0.09 < row["soc"] < 0.96) for row in samples))


run(hostile)
