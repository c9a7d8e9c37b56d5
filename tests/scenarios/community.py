#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homes of several kinds trade on one market, all real programs: every home's ledger agrees with the
market's, no home pays more than with the utility alone, and the market's ledger proves itself.

Usage: community.py BUILD-FOLDER [--long [HOURS]]. Four homes for three hours; --long: twenty for a week,
or for so many hours."""
import json
import os
import subprocess
import sys

from bench import BUILD, Bench, Broker, Home, Market, check, format_time, run, until

LONG = "--long" in sys.argv
HOMES, HOURS, SPEED, CYCLE = (20, 7 * 24, 450, "30 s") if LONG else (4, 3, 600, "10 s")
HOURS = int(sys.argv[3]) if len(sys.argv) > 3 else HOURS
INTERVAL_S = 900
KINDS = (("grid",), ("grid", "roof"), ("grid", "roof", "main"), ("grid", "main"))


def home_of(bench, broker, i):
    return Home(bench, f"home-{i}", id=f"home-{i}", decide="optimiser", cycle=CYCLE, broker=broker,
                devices=KINDS[i % len(KINDS)], capacity=f"{5 + i} kWh")


def remember(bench, i):
    """Some have much sun and some much load."""
    bench.remember(f"home-{i}", id=f"home-{i}", devices=KINDS[i % len(KINDS)], cycle=CYCLE,
                   load_w=400 + 150 * (i % 5), pv_w=3000 if "roof" in KINDS[i % len(KINDS)] else 0)


def awards_of(home):
    """By interval and round, in mWh: what the home has in its own ledger."""
    out = {}
    for row in home.rows("ledger.db", "SELECT * FROM award"):
        text = json.loads(row["text"])
        out[row["interval_s"], text["round"]] = (round(text["bought_kwh"] * 1e6),
                                                 round(text["sold_kwh"] * 1e6))
    return out


def readings_of(home):
    return {row["interval_s"]: (round(row["import_wh"] * 1e3), round(row["export_wh"] * 1e3))
            for row in home.rows("ledger.db", "SELECT * FROM meter")}


def latest(facts):
    """The last revision of each fact, by interval, round and home."""
    out = {}
    for fact in facts:
        key = (fact["interval_s"], fact["round"], fact["home"])
        if key not in out or fact["revision"] > out[key][0]:
            out[key] = (fact["revision"], json.loads(fact["text"]))
    return {key: text for key, (_, text) in out.items()}


def agree(homes, market, from_s, to_s):
    """Both sides have the same awards and readings of the intervals between."""
    theirs = latest(market.facts("award"))
    metered = latest(market.facts("meter"))
    traded = 0
    for home in homes:
        name = os.path.basename(home.folder)
        ours = {k: v for k, v in awards_of(home).items() if from_s <= k[0] < to_s}
        said = {(at, name_of): (text["bought_mwh"], text["sold_mwh"])
                for (at, name_of, who), text in theirs.items()
                if who == name and from_s <= at < to_s}
        check(f"{name}: {len(ours)} awards, the same in both ledgers", ours == said,
              set(ours.items()) ^ set(said.items()))
        traded += sum(bought for bought, _ in said.values())
        mine = {k: v for k, v in readings_of(home).items() if from_s <= k < to_s}
        held = {at: (text["import_mwh"], text["export_mwh"])
                for (at, _, who), text in metered.items() if who == name and from_s <= at < to_s}
        check(f"{name}: {len(held)} readings, the same in both ledgers", len(held) > 0 and all(
            all(abs(a - b) <= 50 for a, b in zip(mine[at], held[at])) for at in held),
            (mine, held))
    return traded


def settled(market, homes):
    lines = latest(market.facts("settlement"))
    worse = {key: (text["total_micro"], text["alone_micro"]) for key, text in lines.items()
             if text["total_micro"] > text["alone_micro"]}
    check(f"{len(lines)} settlements: nobody pays more than with the utility alone",
          len(lines) >= homes * 4 and not worse, worse)
    saved = sum(text["alone_micro"] - text["total_micro"] for text in lines.values())
    check(f"and together they saved {saved / 1e6:.2f} EUR", saved > 0)


def community():
    with Bench(SPEED, start="2026-06-15T09:00:00Z") as bench:
        for i in range(HOMES):
            remember(bench, i)
        broker = Broker(bench)
        bench.set_clock()
        market = Market(bench, "market", broker)
        market.logged("broker: connected")
        homes = [home_of(bench, broker, i) for i in range(HOMES)]
        for home in homes:
            home.ready()
        from_s = (int(bench.house_s()) // INTERVAL_S + 2) * INTERVAL_S
        until_s = from_s + HOURS * 3600
        until("the time is over", lambda: bench.house_s() > until_s + INTERVAL_S,
              seconds=60 + (until_s - bench.house_s()) / SPEED * 1.5)
        until("settled up to then", lambda: market.facts("settlement", until_s - INTERVAL_S),
              seen=market.text)
        for home in homes:
            check("lecd ends when told", home.end() == 0)
        check("the market ends when told", market.end() == 0)
        traded = agree(homes, market, from_s, until_s)
        check(f"{traded / 1e6:.1f} kWh were traded until {format_time(until_s)}", traded > 0)
        settled(market, HOMES)
        r = subprocess.run([os.path.join(BUILD, "lec-market"), "verify", "--ledger",
                            os.path.join(market.folder, "ledger.db")], capture_output=True, text=True,
                           check=False)
        check("the ledger proves itself", r.returncode == 0, r)


run(community)
