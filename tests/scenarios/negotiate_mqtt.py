#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A negotiation between ten homes, market and grid operator as processes over a real broker: the same optimum as
in one process; messages lost, a home killed and one that lies, closed by its deadline and settled; nothing private
on the wire.

Usage: negotiate_mqtt.py BUILD-FOLDER."""
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import threading
import time

from bench import BUILD, Bench, Broker, Failed, Process, Reader, check, parse_time, run, until, write
from relay import Relay

SPEED = 20
START = "2026-06-15T11:58:00Z"
DAY = "2026-06-16"
PEAK, PV, BATTERY, CAR = 90.0, 0.5, 0.5, 0.8  # kW; each of it
SCALE, SOURCE_V = 0.8, 1.014
BUSES = ["61", "61", "61", "61", "64", "49", "49", "50", "50", "61"]
HOMES = [(f"home-{i + 1}", bus, "car" if i % 3 == 2 else "battery", PEAK + 7 * i) for i, bus in enumerate(BUSES)]
LOAD = [0.45, 0.43, 0.41, 0.41, 0.43, 0.5, 0.62, 0.72, 0.7, 0.66, 0.64, 0.66,
        0.68, 0.66, 0.64, 0.66, 0.74, 0.88, 0.99, 1.0, 0.95, 0.83, 0.66, 0.53]
SUN = [0] * 5 + [0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 1, 0.95, 0.85, 0.7, 0.5, 0.3, 0.15, 0.05] + [0] * 4
PRICE = [0.021, 0.019, 0.024, 0.045, 0.06, 0.04, 0.035, 0.03, 0.055, 0.09, 0.07, 0.04]  # of two hours each


def connection_kw(kind, peak):
    return peak * max(1.6, 1.2 * PV) + peak * (CAR if kind == "car" else BATTERY)


def feeder(folder, less):
    """The feeder with less load, kW by bus, at its source's voltage."""
    lines = []
    with open("etc/feeders/ieee69.csv") as file:
        for line in file:
            word = line.strip().split(",")
            if word[0] == "bus":
                word[2] = repr(float(word[2]) - less.get(word[1], 0) / SCALE)
            if word[0] == "source":
                word[3] = str(SOURCE_V)
            lines.append(",".join(word))
    return write(folder, "less.csv", "\n".join(lines) + "\n")


def scenario(folder, name="day.conf", store=True):
    hours = [f"{day}T{hour:02}:00:00Z" for day in (DAY, "2026-06-17") for hour in range(24)]
    series = write(folder, "series.csv", "time,load,pv,wholesale_per_kwh\n" + "".join(
        f"{at},{LOAD[i % 24]},{SUN[i % 24]},{PRICE[i % 24 // 2]}\n" for i, at in enumerate(hours)))
    write(folder, "scale.csv", "time,scale\n" + "".join(
        f"{at},{LOAD[i % 24]}\n" for i, at in enumerate(hours)))
    homes = "".join(f"[prosumer {name}]\nbus = {bus}\nclass = {kind}\npeak = {peak} kW\n"
                    for name, bus, kind, peak in HOMES)
    power = (BATTERY, CAR, 2) if store else (0, 0, 0)
    return write(folder, name, f"""[scenario]
feeder = ieee69
series = {series}
start = {DAY}T00:00:00Z
horizon = 24 h
step = 60 min
load-scale = {SCALE}
source-voltage = {SOURCE_V}
voltage-min = 0.95
voltage-max = 1.05
[tariff]
buy = 0.12 EUR/kWh
sell = 0.03 EUR/kWh
[negotiation]
penalty = 0.01 EUR/kWh
relaxation = 1.2
tolerance = 0.001
[homes]
pv = {PV}
battery = {power[2]} h
battery-power = {power[0]}
car = {power[2]} h
car-power = {power[1]}
efficiency = 95 %
wear = 0.004 EUR/kWh
{homes}""")


def market_conf(folder, port, negotiation):
    windows = "".join(f"{side}-window = {2 * i:02}:00-{(2 * i + 2) % 24:02}:00 {p} EUR/kWh\n"
                      for side in ("buy", "sell") for i, p in enumerate(PRICE))  # wholesale: either way
    homes = "".join(f"[home {name}]\nimport-limit = {connection_kw(kind, peak)!r} kW\n"
                    f"export-limit = {connection_kw(kind, peak)!r} kW\n" for name, _, kind, peak in HOMES)
    negotiation = "".join(f"{key} = {value}\n" for key, value in negotiation.items())
    return write(folder, f"market-{port}.conf", f"""[market]
community = fjord
timezone = UTC
interval = 60 min
ledger = {folder}/ledger.db
homes = 20
members = listed
operator-wait = 30 s
[tariff]
buy = 0.04 EUR/kWh
{windows}sell = 0.04 EUR/kWh
[round day-ahead]
kind = day
gate = 12:00
opens = 1 h
mechanism = negotiation
[negotiation]
penalty = 0.01 EUR/kWh
relaxation = 1.2
tolerance = 0.001
{negotiation}{homes}[mqtt]
broker = mqtt://127.0.0.1:{port}
""")


def dso_conf(folder, port, v_min):
    less = {}
    for _, bus, _, peak in HOMES:
        less[bus] = less.get(bus, 0) + peak
    homes = "".join(f"[home {name}]\nbus = {bus}\n" for name, bus, *_ in HOMES)
    return write(folder, "dso.conf", f"""[dso]
community = fjord
feeder = {feeder(folder, less)}
interval = 60 min
other-loads = {SCALE * 100:g} %
series = {folder}/scale.csv
voltage-min = {v_min}
voltage-max = 1.05
price = 0.05 EUR/kWh
import-limit = 1000 kW
export-limit = 1000 kW
{homes}[mqtt]
broker = mqtt://127.0.0.1:{port}
""")


class Service(Process):
    def __init__(self, bench, *words):
        super().__init__(bench, [os.path.join(BUILD, words[0]), *words[1:]], stderr=subprocess.PIPE)
        self.follow(self.popen.stderr)


def alone(path):
    """What lec-market negotiate comes to in one process."""
    it = subprocess.run([os.path.join(BUILD, "lec-market"), "negotiate", path, "--without-judge"],
                        capture_output=True, text=True)
    check("it is agreed in one process", it.returncode == 0, it.stderr)
    return json.loads(it.stdout)


class Day:
    """Ten homes, grid operator and market, from before the gate on."""

    def __init__(self, bench, loss=0, absent=(), v_min=0.95, **negotiation):
        self.bench = bench
        self.scenario = scenario(bench.folder)
        self.broker = Broker(bench, more="max_queued_messages 10000\nmax_inflight_messages 0\n")
        self.relay = Relay(self.broker, loss)
        self.reader = Reader(bench, self.broker)
        port = self.relay.port
        self.homes = {name: Service(bench, "lec-sim", "prosumer", self.scenario, "--home", name, "--broker",
                                    f"mqtt://127.0.0.1:{port}") for name, *_ in HOMES if name not in absent}
        until("all homes are there", lambda: sum(
            p == "online" for *_, p in self.reader.messages("status")) >= len(self.homes), seen=self.reader.text)
        bench.start_s, bench.anchor_s = parse_time(START), time.time()
        self.dso = Service(bench, "lec-dso", "run", "--config", dso_conf(bench.folder, port, v_min), *bench.clock())
        until("the operator is there", lambda: any(
            t.endswith("dso/status") and p == "online" for _, _, t, p in self.reader.messages("status")),
            seen=self.dso.text)
        self.market_conf = market_conf(bench.folder, port, {
            "answer-wait": "5 s", "deadline": "10 min"} | negotiation)
        self.market = Service(bench, "lec-market", "run", "--config", self.market_conf, *bench.clock())

    def result(self):
        text = until("the negotiation ends", lambda: next(
            (p for *_, p in self.reader.messages("result")), None),
            seen=lambda: self.market.text()[-5:] + self.dso.text()[-3:])
        return json.loads(text)

    def facts(self, kind):
        with contextlib.closing(sqlite3.connect(f"file:{self.bench.folder}/ledger.db?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM entry WHERE kind = ? ORDER BY sequence",
                                                    (kind,))]

    def cleared(self):
        """The awards, once all intervals of the day are on the disk."""
        until("24 clearings", lambda: len(self.facts("clearing")) == 24,
              seen=lambda: self.market.text()[-5:] + [len(self.facts("clearing"))])
        return [(row["home"], row["interval_s"], json.loads(row["text"])) for row in self.facts("award")]




def near(a, b, part=1e-6):
    return abs(a - b) <= part * max(abs(a), abs(b))


def settled(day):
    """A later life of the market settles the day, when nobody's meter came: energy and money balance."""
    check("the market ends when told", day.market.end() == 0, day.market.text())
    later = [*day.bench.clock()]
    later[later.index("--start") + 1] = "2026-06-17T02:00:00Z"
    later[later.index("--anchor") + 1] = f"{time.time():.6f}"
    day.market = Service(day.bench, "lec-market", "run", "--config", day.market_conf, *later)
    until("24 balances", lambda: len(day.facts("balance")) == 24, seen=day.market.text)
    check("it ends again", day.market.end() == 0)
    lines = {}
    for row in day.facts("settlement"):
        lines.setdefault(row["interval_s"], []).append(json.loads(row["text"]))
    for row in day.facts("balance"):
        it, homes = json.loads(row["text"]), lines[row["interval_s"]]
        check_balance(it, homes)
    print("ok energy and money balance in 24 intervals", flush=True)
    it = subprocess.run([os.path.join(BUILD, "lec-market"), "verify", "--ledger", f"{day.bench.folder}/ledger.db"],
                        capture_output=True, text=True)
    if it.returncode:
        raise Failed(f"the ledger is not right: {it.stdout}{it.stderr}")


def check_balance(it, homes):
    net = sum(h["import_mwh"] - h["export_mwh"] for h in homes)
    if net != it["delivered_mwh"] - it["taken_mwh"]:
        raise Failed(f"energy does not balance: {it}")
    total = sum(h["total_micro"] for h in homes)
    if total != sum(it[f"{who}_account_micro"] for who in ("utility", "grid", "penalties", "residue")):
        raise Failed(f"money does not balance: {it}")
    if abs(it["residue_account_micro"]) > len(homes):
        raise Failed(f"more than rounding is left over: {it}")


def same():
    """Ten homes, market and operator come to what they come to in one process, and nothing private is said."""
    with Bench(SPEED) as bench:
        day = Day(bench)
        one, it = alone(day.scenario), day.result()
        check("it is agreed", it["agreed"] and not it["homes"], it)
        check("after as many rounds", (it["rounds"], it["passes"]) == (one["outer"], one["inner_all"]), it)
        for key in ("primal", "dual", "price_norm"):
            check(f"the same {key}", near(it[key], one[key]), (it[key], one[key]))
        awards = day.cleared()
        check("240 awards", len(awards) == 240, len(awards))
        pays = sum(a["paid_micro"] - a["received_micro"] + a["grid_cost_micro"] for *_, a in awards) / 1e6
        check("homes pay the same", near(pays, one["agreement"]["bill"]), (pays, one["agreement"]["bill"]))
        grid = sum(a["grid_cost_micro"] for *_, a in awards) / 1e6
        check("a part of it for the grid", 0.01 * pays < grid < 0.5 * pays, grid)
        awarded(day, awards)
        private(day)
        settled(day)


def last_powers(day):
    """The last power of each home on the wire."""
    return {topic.split("/")[-2]: json.loads(payload)["power"] for topic, payload in day.relay.said()
            if topic.endswith("/power") and payload.startswith(b'{"v":1') and len(payload) > 300}


def awarded(day, awards):
    """Each is awarded what it said last."""
    powers = last_powers(day)
    start_s = int(parse_time(DAY + "T00:00:00Z"))
    for home, at_s, a in awards:
        kwh = (a["bought_mwh"] - a["sold_mwh"]) / 1e6
        said = powers[home][(at_s - start_s) // 3600]
        if abs(kwh - said) > 1e-6 * max(1, abs(said)):
            raise Failed(f"{home} said {said} kW and was awarded {kwh} kWh")
    print("ok each is awarded what it said", flush=True)


# --- what may not be said -------------------------------------------------------------------------------------

WORDS = {  # all that messages of a negotiation are made of
    "v", "negotiation", "round", "pass", "start", "length_s", "steps", "part", "parts", "homes", "home",  # whose
    "power", "target", "wish", "loss", "price", "energy", "penalty", "gives",  # powers, losses, prices, multipliers
    "agreed", "rounds", "passes", "primal", "primal_most", "dual", "dual_most", "worst_primal", "worst_dual",
    "price_norm", "grid_late", "grid_refused", "late", "refused", "last", "present"}
SECRETS = re.compile(rb"load|soc|stored|schedule|ohm|impedance|resistance|battery|capacity|wear|efficien|\bpv\b|"
                     rb"generation|plugged", re.I)


def digits(value):
    return f"{value:.9g}"


def words_and_numbers(value, words, numbers, lists):
    if isinstance(value, dict):
        words.update(value)
        for each in value.values():
            words_and_numbers(each, words, numbers, lists)
    elif isinstance(value, list):
        if value and isinstance(value[0], float):
            lists.append([digits(x) for x in value])
        for each in value:
            words_and_numbers(each, words, numbers, lists)
    elif isinstance(value, float):
        numbers.add(digits(value))


def loads(bench):
    """Each home's load less its PV: what it answers where it has no store."""
    broker = Broker(bench)
    reader = Reader(bench, broker)
    bare = scenario(bench.folder, "bare.conf", store=False)
    for name, *_ in HOMES:
        Service(bench, "lec-sim", "prosumer", bare, "--home", name, "--broker", f"mqtt://127.0.0.1:{broker.port}")
    until("all are there", lambda: len(reader.messages("status")) >= len(HOMES), seen=reader.text)
    offer = json.dumps({"v": 1, "negotiation": 1, "round": 1, "start": DAY + "T00:00:00Z", "length_s": 3600,
                        "steps": 24, "penalty": 1, "price": [0.1] * 24, "target": [0] * 24})
    for name, *_ in HOMES:
        broker.publish(f"lec/fjord/admm/market/offer/{name}", offer)
    until("all answered", lambda: len(reader.messages("power")) >= len(HOMES), seen=reader.text)
    return {topic.split("/")[-2]: json.loads(payload)["power"] for *_, topic, payload in reader.messages("power")}


def schedules(power, load, stored):
    """What a store did, kW, and what was stored then, kWh, in every step in which it did anything."""
    out = []
    for p, n in zip(power, load):
        kw = n - p
        stored -= kw / 0.95 if kw > 0 else kw * 0.95
        out += [kw, stored] if abs(kw) > 1e-9 else []
    return out


def private(day):
    """Every byte that is said is read."""
    said = [word for word in day.relay.said() if not word[0].endswith("market/counts")]  # of refusals, by reason
    for topic, payload in said:
        found = SECRETS.search(topic.encode() + b" " + payload)
        if found:
            raise Failed(f"{found.group(0)} is on the wire: {topic} {payload[:200]}")
    words, numbers, lists = set(), set(), []
    talk = [json.loads(payload) for topic, payload in said if "/admm/" in topic]
    for message in talk:
        words_and_numbers(message, words, numbers, lists)
    check("no word but those of a negotiation", words <= WORDS, words - WORDS)
    load = loads(day.bench)
    powers = [(m["home"], m["power"]) for m in talk if "power" in m]
    check("many a power was said", len(powers) >= 10 * len(HOMES) - 10, len(powers))
    begins = {name: peak if kind == "battery" else 0.0 for name, _, kind, peak in HOMES}  # kWh; of a car: since
    secret = {digits(x) for home, p in powers for x in schedules(p, load[home], begins[home])}
    check("schedules were found out with the load", len(secret) > 300, len(secret))
    check("no schedule, nothing stored is said", not secret & numbers, secret & numbers)
    whole = [[digits(x) for x in each] for each in load.values()]
    check("nobody's load is said", not [each for each in whole if each in lists])
    with open("etc/feeders/ieee69.csv") as file:
        ohms = {digits(float(x)) for line in file if line.startswith("line,") for x in line.split(",")[3:5]}
    unit = 12.66 ** 2
    ohms |= {digits(float(x) / unit) for x in ohms} | {digits(float(x) / unit * 10) for x in ohms}
    check("no impedance is said", len(ohms) > 100 and not ohms & numbers, ohms & numbers)


# --- what goes wrong ------------------------------------------------------------------------------------------

def lie(day, home):
    """What cannot be, said in that home's name: in answer to its first offer, and more than it can carry in
    answer to each, as one that is lost or late is not looked at."""
    topic, answered = f"lec/fjord/admm/home/{home}/power", 0

    def offers():
        return [json.loads(p) for *_, t, p in day.reader.messages(home) if "/offer/" in t]

    def answer(offer):
        return {**{key: offer[key] for key in ("v", "negotiation", "round", "start", "length_s", "steps")},
                "home": home, "power": [1.0] * 24}

    def too_much():
        nonlocal answered
        while not day.reader.messages("result"):
            new = offers()[answered:]
            answered += len(new)
            if new:
                day.broker.publish(topic, json.dumps({**answer(new[-1]), "power": [1e9] * 24}))
            time.sleep(0.01)
    first = answer(until("an offer", offers)[0])
    lies = ("{\"v\":1,\"power\":[", json.dumps({**first, "round": 100000}), json.dumps({**first, "home": "home-1"}),
            json.dumps({**first, "negotiation": 5}), json.dumps({**first, "power": [None] * 24}))
    day.broker.publish(topic, "\n".join(lies), lines=True)
    threading.Thread(target=too_much, daemon=True).start()


def faults():
    """A tenth of all messages lost, a home killed and one that lies: closed by its deadline, and settled."""
    deadline_s = 200
    with Bench(SPEED) as bench:
        day = Day(bench, loss=0.1, absent=("home-7",), deadline=f"{deadline_s} s")
        lie(day, "home-7")
        until("the third round", lambda: any(
            json.loads(p)["round"] >= 3 for *_, t, p in day.reader.messages() if t.endswith("offer/home-4")))
        day.homes["home-4"].kill()
        it = day.result()
        ended_s = bench.house_s(next(at for at, *_ in day.reader.messages("result")))
        check("messages were lost", day.relay.lost > 20, day.relay.lost)
        check("it ends by its deadline", ended_s <= it["negotiation"] + deadline_s + 20, ended_s)
        named = {h["home"]: h for h in it["homes"]}
        check("who lied is named, and takes no part", named["home-7"]["refused"] >= 5 and
              not named["home-7"]["present"], named)
        check("who was killed is named, and stands by its word", named["home-4"]["late"] >= 3 and
              named["home-4"]["present"] and named["home-4"]["refused"] == 0, named)
        check("nobody else is accused", all(h["refused"] == 0 for h in it["homes"] if h["home"] != "home-7"), named)
        day.market.logged = lambda words: until(words, lambda: any(
            words in line for line in day.market.text()), seen=day.market.text)
        day.market.logged("home-7/power: more than its connection carries")
        day.market.logged("negotiation: home-4 fell silent")
        day.market.logged("negotiation: home-7 took no part")
        awards = day.cleared()
        check("nine homes have awards", {home for home, *_ in awards} == {n for n, *_ in HOMES} - {"home-7"})
        settled(day)


def strained():
    """Limits that nothing keeps: it is closed as it stands, after so many rounds however slow the machine is,
    and nobody is asked for prices that still moved."""
    with Bench(SPEED) as bench:
        day = Day(bench, v_min=0.99, **{"answer-wait": "2 min", "rounds": 20, "deadline": "2 h"})
        it = day.result()
        check("it is not agreed", not it["agreed"] and it["primal"] > it["primal_most"], it)
        check("prices are beyond all reason", it["price_norm"] > 100, it["price_norm"])
        awards = [a for *_, a in day.cleared()]
        check("240 awards", len(awards) == 240, len(awards))
        most = max(abs(a.get("grid_cost_micro", 0)) / max(a["bought_mwh"], a["sold_mwh"], 1) for a in awards)
        check("nobody pays the grid more than 1 per kWh", most < 1, most)
        settled(day)


def restarted():
    """A market that is killed while homes negotiate begins again in its next life, and awards the day."""
    with Bench(SPEED) as bench:
        day = Day(bench)
        until("the third round", lambda: any(
            json.loads(p)["round"] >= 3 for *_, t, p in day.reader.messages() if t.endswith("offer/home-4")))
        day.market.kill()
        day.market = Service(bench, "lec-market", "run", "--config", day.market_conf, *bench.clock())
        check("240 awards", len(day.cleared()) == 240)
        settled(day)


run(same, faults, strained, restarted)
