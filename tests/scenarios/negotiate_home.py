#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three lecd with a battery each, the market and the grid's operator negotiate the next day over a real broker: all
answer by their own plans, agree, and have their awards on their disks.

Usage: negotiate_home.py BUILD-FOLDER."""
import contextlib
import json
import os
import sqlite3
import subprocess
import time

from bench import BUILD, Bench, Broker, Home, Process, Reader, check, parse_time, run, until

SPEED = 60
DAY = "2026-06-16"
BUSES = {"home-1": "c5", "home-2": "c4", "home-3": "a1"}
LOADS = {"home-1": (900, 4000), "home-2": (600, 0), "home-3": (1500, 2000)}  # W: load, PV

MARKET = """[market]
community = fjord
timezone = UTC
interval = 15 min
ledger = {folder}/ledger.db
homes = 10
operator-wait = 60 s
[tariff]
buy = 0.15 EUR/kWh
buy-window = 17:00-21:00 0.30 EUR/kWh
sell = 0.15 EUR/kWh
sell-window = 17:00-21:00 0.30 EUR/kWh
[round day-ahead]
kind = day
gate = 23:00
opens = 1 h
mechanism = negotiation
[negotiation]
answer-wait = 120 s
deadline = 20 min
{homes}[mqtt]
broker = mqtt://127.0.0.1:{port}
"""
DSO = """[dso]
community = fjord
feeder = community-lv
other-loads = 50 %
price = 0.15 EUR/kWh
{homes}[mqtt]
broker = mqtt://127.0.0.1:{port}
"""


class Service(Process):
    def __init__(self, bench, program, name, text):
        path = os.path.join(bench.folder, name)
        with open(path, "w") as file:
            file.write(text)
        super().__init__(bench, [os.path.join(BUILD, program), "run", "--config", path, *bench.clock()],
                         stderr=subprocess.PIPE)
        self.follow(self.popen.stderr)


def entries(bench, kind):
    with contextlib.closing(sqlite3.connect(f"file:{bench.folder}/ledger.db?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM entry WHERE kind = ?", (kind,))]


def powers(reader, home):
    return [json.loads(p)["power"] for *_, t, p in reader.messages("power") if f"/{home}/" in t]


def negotiation():
    with Bench(SPEED, start="2026-06-15T21:00:00Z") as bench:
        for name, (load_w, pv_w) in LOADS.items():
            bench.remember(name, load_w=load_w, pv_w=pv_w, id=name)
        broker = Broker(bench, more="max_queued_messages 10000\n")
        reader = Reader(bench, broker)
        bench.start_s, bench.anchor_s = parse_time("2026-06-15T22:50:00Z"), time.time()
        dso = Service(bench, "lec-dso", "dso.conf", DSO.format(port=broker.port, homes="".join(
            f"[home {name}]\nbus = {bus}\n" for name, bus in BUSES.items())))
        until("the operator is there", lambda: any(
            t.endswith("dso/status") and p == "online" for _, _, t, p in reader.messages("status")), seen=dso.text)
        market = Service(bench, "lec-market", "market.conf", MARKET.format(
            folder=bench.folder, port=broker.port, homes="".join(f"[home {name}]\n" for name in BUSES)))
        homes = {name: Home(bench, name, decide="optimiser", cycle="10 s", broker=broker, id=name)
                 for name in BUSES}
        text = until("the negotiation ends", lambda: next(
            (p for *_, p in reader.messages("result")), None),
            seen=lambda: market.text()[-5:] + [line for h in homes.values() for line in h.text()[-3:]])
        it = json.loads(text)
        check("it is agreed, and nobody was refused", it["agreed"] and
              not any(h["refused"] or not h["present"] for h in it["homes"]), it)
        for name, (load_w, _) in LOADS.items():
            dear = powers(reader, name)[-1][72:84]  # from 18:00 on there is no sun
            check(f"{name} serves the dear hours from its battery", sum(dear) / 12 < load_w / 1e3 - 0.3, dear)
        until("96 clearings", lambda: len(entries(bench, "clearing")) == 96, seen=market.text)
        start_s = parse_time(DAY + "T00:00:00Z")
        for row in entries(bench, "award"):
            a = json.loads(row["text"])
            kwh = (a["bought_mwh"] - a["sold_mwh"]) / 1e6
            said = powers(reader, row["home"])[-1][int(row["interval_s"] - start_s) // 900] / 4
            if abs(kwh - said) > 2e-5:
                raise SystemExit(f"{row['home']} said {said} kWh and was awarded {kwh}")
        check("each is awarded what it said", len(entries(bench, "award")) == 3 * 96)
        for name, home in homes.items():
            until(f"{name} has its awards on its disk", lambda home=home: len(home.rows(
                "ledger.db", "SELECT * FROM award")) >= 96, seen=home.text)
            check(f"{name} refused nothing", home.status()["market"]["refused"] == 0, home.text()[-3:])


run(negotiation)
