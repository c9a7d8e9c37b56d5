#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid operator over a real broker: a home's standing limit, verdicts on the market's trades, what is
hostile; the operator killed, its limits standing for their time and the cautious ones after it.

Usage: dso.py BUILD-FOLDER."""
import json
import os
import subprocess
from types import SimpleNamespace

from bench import (BUILD, Bench, Broker, Home, Market, Process, Reader, check, format_time, free_port,
                   parse_time, run, until)

SPEED = 120  # an interval of 15 min in 7.5 s
MARKET_SPEED = 30  # its gate in 4 s
INTERVAL_S, STAND_S = 900, 1800

CONF = """[dso]
community = fjord
feeder = community-lv
other-loads = 60 %
voltage-max = {v_max}
price = 0.20 EUR/kWh
import-limit = {limit}
export-limit = 400 kW
limits-stand = 30 min
cautious-import = 1.5 kW
cautious-export = 0 W
[home home-1]
bus = c5
import-limit = 2 kW
export-limit = 9 kW
[home sun]
bus = c4
[home mill]
bus = a1
[mqtt]
broker = mqtt://127.0.0.1:{port}
"""


class Operator(Process):
    def __init__(self, bench, broker, *words, v_max=1.02):
        path = os.path.join(bench.folder, "dso.conf")
        with open(path, "w") as file:
            file.write(CONF.format(port=broker.port, limit="60 kW", v_max=v_max))
        super().__init__(bench, [os.path.join(BUILD, "lec-dso"), "run", "--config", path,
                                 *bench.clock(), *words], stderr=subprocess.PIPE)
        self.follow(self.popen.stderr)


def proposal(number, at_s, *trades, **more):
    return json.dumps({"v": 1, "proposal": number, "round": "intraday", "interval": format_time(at_s),
                       "length_s": INTERVAL_S, "price": 0.2, "currency": "EUR", "trades": trades, **more})


def latest(reader, leaf, topic=None):
    found = [(kept, json.loads(p)) for _, kept, t, p in reader.messages(leaf) if topic in (None, t)]
    return found[-1][1] if found else None


def verdict(broker, reader, operator, text, number):
    "What the operator answers to that proposal."
    broker.publish("lec/fjord/dso/proposal", text)
    return until(f"a verdict on {number}", lambda: next(
        (v for v in (json.loads(p) for *_, p in reader.messages("verdict"))
         if v.get("proposal") == number), None), seen=lambda: reader.text()[-5:] + operator.text())


def vanishing():
    """A home obeys its standing limit while the operator is there, for its time after that, and the
    cautious one from then on, until the operator is back."""
    with Bench(SPEED) as bench:
        broker = Broker(bench)
        reader = Reader(bench, broker)
        operator = Operator(bench, broker)
        limit = until("a limit", lambda: latest(reader, "limit", "lec/fjord/home/home-1/limit"),
                      seen=lambda: reader.text() + operator.text())
        check("the limit is what the connection carries", limit["import_limit_w"] == 2000 and
              limit["then_import_limit_w"] == 1500 and limit["then_export_limit_w"] == 0, limit)
        check("it says how long it stands",
              parse_time(limit["until"]) - parse_time(limit["issued"]) == STAND_S, limit)
        check("power costs more than at the source", 0.2 < limit["price"] < 0.22, limit)
        late = Reader(bench, broker)
        until("what is retained", lambda: {"limit", "status"} <= {
            t.rsplit("/", 1)[-1] for _, kept, t, _ in late.messages() if kept}, seen=late.text)

        home = Home(bench, "home", broker=broker, cycle="10 s")
        # Heard between two cycles it is obeyed in the next one.
        said = home.until("the home obeys", lambda s: s.get("grid_operator", {}).get(
            "import_limit_w") is not None)["grid_operator"]
        check("the home knows its limit", said["import_limit_w"] == 2000 and not said["cautious"], said)
        first = limit["interval"]
        until("another interval's limit", lambda: latest(
            reader, "limit", "lec/fjord/home/home-1/limit")["interval"] != first, seen=operator.text)

        operator.kill()
        until("the last will", lambda: [p for *_, t, p in reader.messages("status")
                                        if t == "lec/fjord/dso/status"][-1:] == ["offline"], seen=reader.text)
        last = latest(reader, "limit", "lec/fjord/home/home-1/limit")
        until_s = parse_time(last["until"])
        said = home.status()
        check("its last limit stands", said["grid_operator"]["import_limit_w"] == 2000 or
              parse_time(said["time"]) >= until_s, said["grid_operator"])
        said = home.until("its time is over", lambda s: parse_time(s["time"]) > until_s + 30)
        check("then the cautious one holds", said["grid_operator"]["import_limit_w"] == 1500 and
              said["grid_operator"]["export_limit_w"] == 0 and said["grid_operator"]["cautious"], said)
        again = Operator(bench, broker)
        home.until("the operator is back", lambda s: s["grid_operator"]["import_limit_w"] == 2000 and
                   not s["grid_operator"]["cautious"])
        check("the operator ends when told", again.end() == 0, again.text())
        check("no message was refused", home.status()["market"]["refused"] == 0)


def verdicts():
    """Trades that the feeder carries are permitted, others are cut with the reason; hostile words are
    refused, counted and answered."""
    with Bench(SPEED) as bench:
        broker = Broker(bench)
        reader = Reader(bench, broker)
        operator = Operator(bench, broker)
        until("the operator is online", lambda: latest(reader, "limit"), seen=operator.text)
        at_s = (int(bench.house_s()) // INTERVAL_S + 4) * INTERVAL_S
        said = verdict(broker, reader, operator, proposal(
            1, at_s, {"buyer": "mill", "seller": "sun", "kwh": 5, "gain": 0.02}), 1)
        check("what the feeder carries is permitted", said["verdict"] == "permitted" and
              said["permitted"] == [5] and not said["reasons"], said)
        check("each home has its limits and costs", {h["home"] for h in said["homes"]} == {"mill", "sun"}
              and all(h["import_limit_w"] >= 0 for h in said["homes"]), said)
        micro = round(said["others_loss_cost"] * 1e6) + said["residue_micro"] + sum(
            round(h["loss_cost"] * 1e6) for h in said["homes"])
        check("the losses are paid", micro == round(said["loss_cost"] * 1e6), said)
        said = verdict(broker, reader, operator, proposal(
            2, at_s, {"seller": "sun", "kwh": 90, "gain": 0.02}), 2)
        check("a sun that lifts the voltage too far is cut", said["verdict"] == "reduced" and
              0 < said["permitted"][0] < 90 and "voltage of bus" in said["reasons"][0]["reason"] and
              "above 1.02" in said["reasons"][0]["reason"], said)
        sun = said["homes"][0]
        check("power is worth less there", sun["price"] < 0.2 and sun["network_cost"] > 0, sun)
        check("its limit is what it may feed in", abs(
            sun["export_limit_w"] - said["permitted"][0] * 4e3) < 100, sun)
        for number, text in enumerate((
                proposal(3, at_s, {"buyer": "stranger", "kwh": 1}),
                proposal(4, at_s - 86400, {"buyer": "mill", "kwh": 1}),
                proposal(5, at_s, {"buyer": "mill", "kwh": -1}),
                proposal(6, at_s, {"buyer": "mill", "kwh": 1}, parts=99)), 3):
            said = verdict(broker, reader, operator, text, number)
            check(f"proposal {number} is refused", said["verdict"] == "refused" and said["why"], said)
        broker.publish("lec/fjord/dso/proposal", "{" * 20000)
        broker.publish("lec/fjord/dso/proposal", b"\xff\x00{}")
        said = verdict(broker, reader, operator, proposal(9, at_s, {"buyer": "mill", "kwh": 2}), 9)
        check("and it goes on", said["permitted"] == [2], said)
        check("it ends when told", operator.end() == 0, operator.text())
        check("what was refused is counted", "6 messages refused" in operator.text()[-1], operator.text())


def awards(bench, broker, reader, at_s):
    "Two homes trade much in that interval; their awards once the market has asked."
    for home, side, price in (("sun", "sell", 0.06), ("mill", "buy", 0.18)):
        broker.publish(f"lec/fjord/home/{home}/bid", json.dumps({
            "v": 1, "home": home, "interval": format_time(at_s), "length_s": INTERVAL_S, "revision": 1,
            "currency": "EUR", "orders": [{"side": side, "price": price, "quantity": 60}]}))

    def find(home):
        return next((a for a in (json.loads(p) for *_, t, p in reader.messages("award")
                                 if t == f"lec/fjord/home/{home}/award")
                     if a["interval"] == format_time(at_s)), None)
    return until("both awards", lambda: (pair := (find("sun"), find("mill"))) and all(pair) and pair,
                 seen=lambda: reader.text()[-8:])


def asked():
    """The market asks before it binds: what the feeder does not carry is neither sold nor bought, and the
    award has the limits; without the operator its last limits stand."""
    with Bench(MARKET_SPEED, start="2026-06-15T10:08:00Z") as bench:
        broker = Broker(bench)
        reader = Reader(bench, broker)
        operator = Operator(bench, broker, v_max=1.004)
        until("the operator is online", lambda: latest(reader, "limit"), seen=operator.text)
        market = Market(bench, "market", broker, homes="100\nimport-limit = 400 kW\n"
                        "export-limit = 400 kW\noperator-wait = 100 s")
        until("the market is online", lambda: any(t == "lec/fjord/market/status" for _, _, t, _ in
                                                  reader.messages()), seen=market.text)
        at_s = parse_time("2026-06-15T10:15:00Z")
        sold, bought = awards(bench, broker, reader, at_s)
        said = [json.loads(p) for *_, p in reader.messages("verdict")]
        check("it asked, and asked again for less", [v["verdict"] for v in said[:1]] == ["reduced"] and
              said[-1]["verdict"] == "permitted", said)
        check("the feeder's limit binds", 0 < sold["sold_kwh"] < 59 and
              sold["sold_kwh"] <= said[0]["permitted"][0] + 1e-6, (sold, said))
        check("what one sells the other buys", sold["sold_kwh"] == bought["bought_kwh"], (sold, bought))
        check("the award has the operator's limits", sold["export_limit_w"] >= sold["sold_kwh"] * 4e3 - 100 and
              bought["import_limit_w"] >= bought["bought_kwh"] * 4e3 - 100, (sold, bought))
        last = {h["home"]: round((h["loss_cost"] + h["network_cost"]) * 1e6) for h in said[-1]["homes"]}
        kept = {f["home"]: json.loads(f["text"]).get("grid_cost_micro") for f in market.facts("award", at_s)}
        check("what its trades cost the grid is in each award, and in the ledger", kept == last and any(
            last.values()) and sold["grid_cost"] == kept["sun"] / 1e6, (kept, last, sold))

        operator.kill()
        until("the last will", lambda: [p for *_, t, p in reader.messages("status")
                                        if t == "lec/fjord/dso/status"][-1:] == ["offline"], seen=reader.text)
        limits = {h: latest(reader, "limit", f"lec/fjord/home/{h}/limit") for h in ("sun", "mill")}
        sold, bought = awards(bench, broker, reader, at_s + INTERVAL_S)
        most = min(limits["sun"]["export_limit_w"], limits["mill"]["import_limit_w"]) / 4e3
        check("without the operator its last limits stand", 0 < sold["sold_kwh"] <= most + 1e-6 and
              abs(sold["sold_kwh"] - most) < 0.01, (sold, limits))
        check("no word was refused", not any("refused" in line for line in market.text()), market.text())
        check("the market ends when told", market.end() == 0)


def unreached():
    """An operator whose broker is not there says so once, with the reason, and when it has found it."""
    with Bench() as bench:
        port = free_port()
        operator = Operator(bench, SimpleNamespace(port=port))
        until("the reason", lambda: "broker: away: Connection refused" in operator.text(), seen=operator.text)
        Broker(bench, port=port)
        until("it is found", lambda: "broker: connected" in operator.text(), seen=operator.text)
        check("once", len([line for line in operator.text() if "away" in line]) == 1, operator.text())


def conf():
    """--check reads the configuration and ends."""
    with Bench() as bench:
        broker = Broker(bench)
        operator = Operator(bench, broker, "--check")
        check("a sound one is fine", operator.wait() == 0, operator.text())
        path = os.path.join(bench.folder, "dso.conf")
        text = open(path).read()
        for wrong, words in (("series = nowhere.csv", "nowhere.csv"), ("voltage = 1", "lec-dso(1)")):
            with open(path, "w") as file:
                file.write(text.replace("[dso]", f"[dso]\n{wrong}"))
            r = subprocess.run([os.path.join(BUILD, "lec-dso"), "run", "--config", path, "--check"],
                               capture_output=True, text=True, check=False)
            check(f"one with {wrong} is not", r.returncode == 2 and words in r.stderr, r)
        r = subprocess.run([os.path.join(BUILD, "lec-dso"), "run", "--config", "/nowhere.conf"],
                           capture_output=True, text=True, check=False)
        check("one that is not there is not", r.returncode == 2 and "/nowhere.conf" in r.stderr, r)


run(vanishing, verdicts, asked, unreached, conf)
