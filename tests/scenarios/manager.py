#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A community with a manager, all real programs: its connection's limit, which its homes break without
it, holds, at no higher cost and at nobody's expense; homes with plans of their own, dead homes, a dead
manager and hostile words change nothing of what is safe.

Usage: manager.py BUILD-FOLDER."""
import json
import os
import socket
import threading
import time

from bench import (RELEASED, Bench, Broker, Home, Plant, Reader, check, format_time, parse_time, run,
                   until)

WATCHED = "TEST_WATCHED" in os.environ
SPEED = 100 if WATCHED else 300  # an interval in 3 s
INTERVAL_S = 900
START = "2026-06-15T12:00:00Z"
EVENING = (parse_time("2026-06-15T15:00:00Z"), parse_time("2026-06-15T20:00:00Z"))
COUNTED = range(int(parse_time("2026-06-15T13:00:00Z")), int(parse_time("2026-06-15T16:00:00Z")),
                INTERVAL_S)
LIMIT_W = 10e3
# Everybody would charge before the evening and sell in it.
TARIFF = "sell-window = 17:00-22:00 0.35 EUR/kWh\n"
STORED_WORTH = 0.33  # of a kWh that is sold later in the evening
CAPACITY_KWH = 8
KINDS = {  # devices, manner
    "home-1": (("grid", "roof", "main"), "follow"),
    "home-2": (("grid", "main"), "follow"),
    "home-3": (("grid", "main"), "follow"),
    "home-4": (("grid", "roof"), "follow"),
    "home-5": (("grid", "main"), "own"),
}
FACTS = {"decide": "optimiser", "cycle": "10 s", "capacity": f"{CAPACITY_KWH} kWh", "tariff": TARIFF}


def start_home(bench, broker, name, managed=True):
    devices, manner = KINDS[name]
    return Home(bench, name, id=name, broker=broker, devices=devices, **FACTS,
                more=f"[community]\nmanager = {manner}\n" if managed else "")


def start_manager(bench, broker, plant):
    return Home(bench, "ems", plant, id="ems", role="community", broker=broker, devices=("grid", "main"),
                import_limit=f"{LIMIT_W / 1e3} kW", **FACTS,
                more="".join(f"[member {name}]\n" for name in KINDS))


def remember(bench):
    for name, (devices, _) in KINDS.items():
        bench.remember(name, id=name, devices=devices, load_w=600, pv_w=2000 if "roof" in devices else 0,
                       **FACTS)


def begin(bench):
    """The clock stood while pasts were made."""
    bench.start_s, bench.anchor_s = parse_time(START), time.time()


def until_time(bench, at_s):
    until(format_time(at_s), lambda: bench.house_s() > at_s, seconds=60 + (at_s - bench.house_s()) / SPEED)


def cost(at_s, net_wh):
    evening = EVENING[0] <= at_s < EVENING[1]
    return net_wh / 1e3 * ((0.40 if evening else 0.20) if net_wh > 0 else (0.35 if evening else 0.05))


def meters(home):
    return {row["interval_s"]: row["import_wh"] - row["export_wh"]
            for row in home.rows("ledger.db", "SELECT * FROM meter") if row["interval_s"] in COUNTED}


def stored_more(home):
    """kWh in its battery at the end of what is counted, less at its begin; 0 where there is none."""
    known = [(row["time_s"], row["soc"]) for row in home.samples() if row["soc"] is not None]

    def at(time_s):
        return min(known, key=lambda sample: abs(sample[0] - time_s))[1]
    return (at(COUNTED.stop) - at(COUNTED.start)) * CAPACITY_KWH if known else 0


def outcome(homes):
    return {name: (meters(home), stored_more(home)) for name, home in homes.items()}


def sums(results, own=None):
    """By interval, W, of all homes and the community's own."""
    own = own or {}
    return {at: (sum(net[at] for net, _ in results.values()) + own.get(at, 0)) * 3600 / INTERVAL_S
            for at in COUNTED}


class Busbar(threading.Thread):
    """What the homes' meters read is what the community's meter sees, a cycle or two later."""

    def __init__(self, plant):
        super().__init__(daemon=True)
        self.homes, self.plant, self.over, self.net_w = {}, plant, threading.Event(), {}

    def look(self, name):
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(5)
            asked.connect(f"{self.homes[name].folder}/sock")
            asked.sendall(b"status\n")
            text = b""
            while more := asked.recv(65536):
                text += more
        power_w = json.loads(text)["grid_w"]
        if power_w is not None:
            self.net_w[name] = power_w

    def run(self):
        while not self.over.wait(0.02):
            for name in self.homes:
                try:
                    self.look(name)
                except OSError:
                    pass  # it is not there yet, or was killed: what it draws does not end with that
            if self.net_w:
                self.plant.say(f"load {sum(self.net_w.values()):.0f}")

    def end(self):
        self.over.set()
        self.join()


def by_themselves():
    """The same homes without a manager: each as well as it can."""
    with Bench(SPEED, start=START) as bench:
        remember(bench)
        broker = Broker(bench)
        begin(bench)
        homes = {name: start_home(bench, broker, name, managed=False) for name in KINDS}
        until_time(bench, COUNTED.stop + 120)
        for home in homes.values():
            check("alone: lecd ends when told", home.end() == 0)
        return outcome(homes)


def accounts(manager):
    """Each member's rows by interval."""
    out = {name: {} for name in KINDS}
    for row in manager.rows("ledger.db", "SELECT * FROM share"):
        text = json.loads(row["text"])
        out[text["member"]][row["interval_s"]] = text
    return out


HEAD = {"v", "home", "issued", "until", "start", "length_s", "currency"}
SAID = {
    "flexibility": HEAD | {"follows", "price", "worth", "net_w", "low_w", "high_w", "up_wh", "down_wh"},
    "schedule": HEAD | {"revision", "net_w", "import_limit_w", "export_limit_w", "saved"},
    "fairness": {"v", "interval", "members", "settled", "saved", "fund", "currency", "saved_jain",
                 "saved_min_max", "asked_jain", "asked_min_max"},
}


def private(reader):
    """What the manager and its members told each other is what the protocol has, and no more."""
    for leaf, keys in SAID.items():
        said = [set(json.loads(payload)) for *_, payload in reader.messages(leaf)]
        check(f"{len(said)} times {leaf}: nothing but what it is to hold",
              len(said) > 3 and all(words <= keys for words in said), [words - keys for words in said][-1:])


def hostile(bench, broker, manager, homes):
    """What is wrong is refused and counted; what is mad goes no further than what was offered."""
    home = homes["home-1"]
    reader = Reader(bench, broker, "lec/fjord/home/home-1/#")
    until("a schedule and an offer", lambda: reader.messages("schedule") and reader.messages("flexibility"),
          seen=reader.text)
    schedule = json.loads(reader.messages("schedule")[-1][3])
    before = home.status()["market"]["refused"]
    topic = "lec/fjord/home/home-1/schedule"
    bad = ["{", "[]", json.dumps({**schedule, "home": "home-2"}), json.dumps({**schedule, "v": 2}),
           json.dumps({**schedule, "net_w": [1e12]}), json.dumps({**schedule, "until": "soon"}),
           json.dumps({**schedule, "until": "2030-01-01T00:00:00Z"}), "x" * 20000]
    for payload in bad:
        broker.publish(topic, payload)
    said = home.until("each is refused", lambda s: s["market"]["refused"] >= before + len(bad))
    check("and no more than these", said["market"]["refused"] == before + len(bad), said["market"])
    before = manager.status()["market"]["refused"]
    offer = json.loads(reader.messages("flexibility")[-1][3])
    for name, payload in (("ghost", json.dumps({**offer, "home": "ghost"})), ("home-1", "{}"),
                          ("home-1", json.dumps({**offer, "home": "home-2"})),
                          ("home-1", json.dumps({**offer, "low_w": [9e8] * len(offer["low_w"])}))):
        broker.publish(f"lec/fjord/home/{name}/flexibility", payload)
    said = manager.until("the manager refuses as well", lambda s: s["market"]["refused"] >= before + 4)
    check("and no more either", said["market"]["refused"] == before + 4, said["market"])

    now = format_time(bench.house_s())
    offer = json.loads(next(p for *_, p in reversed(reader.messages("flexibility")) if "\"low_w\": [9" not in p
                            and p != "{}" and "home-2" not in p))
    mad = {**schedule, "issued": now, "until": format_time(bench.house_s() + INTERVAL_S), "revision": 9999,
           "net_w": [-1e6] * len(schedule["net_w"]),
           "import_limit_w": [0] * len(schedule["net_w"])}
    broker.publish(topic, json.dumps(mad))
    said = home.until("a mad one is taken", lambda s: s["membership"].get("revision") == 9999)["membership"]
    check("and asks for no more than was offered", "asked_w" not in said or
          said["asked_w"] >= min(offer["low_w"]) - 1, (said, offer))
    check("the home decides itself", home.status()["decider"] == "optimiser")


def deaths(bench, broker, plant, manager, homes):
    """A member that is gone is not asked; without the manager everybody goes on alone."""
    asked = manager.status()["manager"]["asked"]
    homes["home-3"].kill()
    said = manager.until("a dead home is not asked any more", lambda s: s["manager"]["asked"] < asked)
    gone = next(h for h in said["manager"]["homes"] if h["id"] == "home-3")
    check("it is known to be away", not gone["online"] and gone["manner"] == "none", gone)
    check("the others are asked on", said["manager"]["asked"] == asked - 1, said["manager"])
    before = manager.status()["manager"]
    watch = Reader(bench, broker, "lec/fjord/community/status")
    manager.kill()
    until("the last will", lambda: [p for *_, p in watch.messages()][-1:] == ["offline"], seen=watch.text)
    for name in ("home-1", "home-2"):
        said = homes[name].until("it is asked for nothing",
                                 lambda s: "asked_w" not in s["membership"] and not s["membership"]["online"])
        check(f"{name} goes on by its own plan", said["decider"] == "optimiser", said["decider"])
        check(f"{name} says so", any("own plan holds" in line for line in homes[name].explain()))
    again = start_manager(bench, broker, plant)
    said = again.until("the manager again", lambda s: s["manager"]["asked"] > 0)["manager"]
    for old, new in zip(before["homes"], said["homes"]):
        check(f"{old['id']}: its account goes on", new["saved"] >= old["saved"] - 1e-3 and
              new["intervals"] >= old["intervals"], (old, new))
    return again


def community(bench):
    """The manager and its members, once it asks them."""
    remember(bench)
    bench.remember("ems", id="ems", role="community", devices=("grid", "main"), load_w=3000, pv_w=0,
                   **FACTS)
    broker = Broker(bench)
    begin(bench)
    plant = Plant(bench, "transformer", load_w=3000, capacity=f"{CAPACITY_KWH} kWh")
    busbar = Busbar(plant)
    reader = Reader(bench, broker, "lec/fjord/#")
    manager = start_manager(bench, broker, plant)
    homes = {name: start_home(bench, broker, name) for name in KINDS}
    for home in homes.values():
        home.ready()
    busbar.homes = homes
    busbar.start()
    manager.until("three that can be asked", lambda s: s["manager"]["asked"] == 3)
    return broker, plant, busbar, reader, manager, homes


def managed():
    with Bench(SPEED, start=START) as bench:
        _, _, busbar, reader, manager, homes = community(bench)
        until_time(bench, COUNTED.stop + 3 * INTERVAL_S)
        said = manager.status()["manager"]
        print(json.dumps(said))
        check("the manager explains itself", any("community: 3 of 5 members" in line
                                                 for line in manager.explain()), manager.explain())
        result = outcome(homes)
        own = {row["start_s"]: row["charge_wh"] - row["discharge_wh"]
               for row in manager.rows("telemetry.db", "SELECT * FROM quarter")}
        kept = accounts(manager)
        busbar.end()
        private(reader)
        return result, own, stored_more(manager), kept, said


def troubles():
    with Bench(SPEED, start=START) as bench:
        broker, plant, busbar, _, manager, homes = community(bench)
        hostile(bench, broker, manager, homes)
        manager = deaths(bench, broker, plant, manager, homes)
        busbar.end()
        for name, home in homes.items():
            check("lecd ends when told", name == "home-3" or home.end() == 0)
            released = [row for row in home.samples()[10:] if row["reasons"] & RELEASED]
            check(f"{name}: nothing was ever released", not released, released[:2])
        check("the manager ends when told", manager.end() == 0)


def compare(alone, result):
    together, own, own_stored, kept, said = result
    before, after = sums(alone), sums(together, own)
    for at in COUNTED:
        print(format_time(at), {n: round(alone[n][0][at] * 4) for n in KINDS}, round(before[at]), "|",
              {n: round(together[n][0][at] * 4) for n in KINDS}, round(own.get(at, 0) * 4), round(after[at]))
    check(f"without the manager the limit is broken: {max(before.values()):.0f} W",
          max(before.values()) > 1.2 * LIMIT_W)
    check(f"with it it holds: {max(after.values()):.0f} W", max(after.values()) <= LIMIT_W * 1.02)
    cost_before = sum(cost(at, net[at]) for net, _ in alone.values() for at in COUNTED) - \
        STORED_WORTH * sum(more for _, more in alone.values())
    cost_after = sum(cost(at, watts / 4) for at, watts in after.items()) - \
        STORED_WORTH * (own_stored + sum(more for _, more in together.values()))
    check(f"the community pays {cost_after:.2f} EUR, its homes by themselves {cost_before:.2f}",
          cost_after <= cost_before)
    for name in KINDS:
        rows = kept[name]
        check(f"{name}: each interval is settled", all(at in rows for at in COUNTED), sorted(rows))
        paid = rows[COUNTED[-1]]["paid"] - rows[COUNTED[0] - INTERVAL_S]["paid"]
        paid -= STORED_WORTH * together[name][1]
        alone_cost = sum(cost(at, alone[name][0][at]) for at in COUNTED) - STORED_WORTH * alone[name][1]
        check(f"{name} pays {paid:.2f} EUR, by itself {alone_cost:.2f}", paid <= alone_cost + 0.02)
    by_id = {home["id"]: home for home in said["homes"]}
    check("who has a plan of its own was asked for nothing", by_id["home-5"]["manner"] == "own" and
          by_id["home-5"]["asked_kwh"] == 0 and by_id["home-5"]["intervals"] > 0, by_id["home-5"])
    check("those who follow were asked, and those without the sun's surprises did it",
          by_id["home-1"]["asked_kwh"] > 0 and all(
              by_id[name]["asked_kwh"] > 1 and by_id[name]["delivered_kwh"] > 0.7 * by_id[name]["asked_kwh"]
              for name in ("home-2", "home-3")), by_id)
    check("savings are spread evenly", said["saved"] > 0 and said["saved_jain"] > 0.99 and
          said["saved_min_max"] > 0.95, said)
    check("and so is what was asked", said["asked_jain"] > 0.6, said)


results = {}


def alone_case():
    results["alone"] = by_themselves()


def managed_case():
    results["managed"] = managed()


def compared():
    compare(results["alone"], results["managed"])


if WATCHED:
    print("skipped: what is saved is not told while a sanitizer watches it")
    run(troubles)
else:
    run(alone_case, managed_case)
    run(compared, troubles)
