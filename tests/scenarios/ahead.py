#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two homes and a market with a round for the day ahead and one within the day: they bid tomorrow from
their plans, one of them in two lives, are awarded, and trade the difference when the day has come.

Usage: ahead.py BUILD-FOLDER."""
import json
import time

from bench import Bench, Broker, Home, Market, check, parse_time, run, until

SPEED = 300  # an interval in 3 s
INTERVAL_S = 900
DAY_AHEAD = "[round day-ahead]\nkind = day\ngate = 21:55\nopens = 6 h\nmechanism = uniform\n"


def ahead():
    with Bench(SPEED, start="2026-06-15T19:00:00Z") as bench:  # 21:00 there
        start_s, day_s = bench.start_s, int(parse_time("2026-06-15T22:00:00Z"))  # midnight there
        buys = {"id": "home-2", "devices": ("grid",)}
        bench.remember("home-1")
        bench.remember("home-2", pv_w=0, **buys)
        bench.start_s, bench.anchor_s = start_s, time.time()
        broker = Broker(bench)
        market = Market(bench, "market", broker, more=DAY_AHEAD)
        market.logged("broker: connected")

        def life(name, **options):
            return Home(bench, name, decide="optimiser", cycle="10 s", broker=broker, **options)
        homes = {"home-1": life("home-1"), "home-2": life("home-2", **buys)}

        def all_bid(s):
            return s["market"]["ahead_bids"] >= 90 and \
                s["market"]["ahead_acknowledged"] == s["market"]["ahead_bids"]
        for name, home in homes.items():
            home.until(f"{name}: tomorrow is bid for and acknowledged", all_bid)
        homes["home-1"].kill()
        homes["home-1"] = life("home-1")
        homes["home-1"].until("the same in another life", all_bid)
        refused = [line for line in market.text() if "/bid: " in line]
        check("no bid was refused", not refused, refused)
        bids = [f for f in market.facts("bid") if f["round"] == "day-ahead"]
        for name in homes:
            own = {f["interval_s"] for f in bids if f["home"] == name}
            check(f"{name}: intervals of tomorrow, and no others", len(own) >= 90 and
                  day_s <= min(own) and max(own) < day_s + 86400, sorted(own))
            written = {(r["interval_s"], r["revision"]) for r in homes[name].rows(
                "ledger.db", "SELECT * FROM bid")}
            check(f"{name}: each bid is on its own disk", {
                (f["interval_s"], f["revision"]) for f in bids if f["home"] == name} <= written)
        until("the gate closes", lambda: len([
            f for f in market.facts("clearing") if f["round"] == "day-ahead"]) == 96, seen=market.text)
        traded = [f for f in market.facts("award") if f["round"] == "day-ahead" and
                  json.loads(f["text"])["bought_mwh"] + json.loads(f["text"])["sold_mwh"] > 0]
        check("some of it was traded", len(traded) > 10, traded)

        def awards(name):
            return {(r["interval_s"], json.loads(r["text"])["round"]) for r in homes[name].rows(
                "ledger.db", "SELECT * FROM award")}
        for name in homes:
            until(f"{name}: each award of tomorrow is on its disk", lambda n=name: {
                (f["interval_s"], f["round"]) for f in market.facts("award")
                if f["home"] == n and f["round"] == "day-ahead"} <= awards(n), seen=lambda n=name: awards(n))

        # The day has come: what a round gave before is taken off what is bid for.
        last_s = day_s + 3 * INTERVAL_S
        until("hours of both rounds", lambda: {"intraday"} == {
            f["round"] for f in market.facts("clearing", last_s)} - {"day-ahead"}, seen=market.text,
            seconds=90)
        both = [at for at in range(day_s, last_s, INTERVAL_S) if {
            f["round"] for f in market.facts("bid", at) if f["home"] == "home-2"} == {
                "day-ahead", "intraday"}]
        for name in homes:
            revisions = [(f["interval_s"], f["revision"]) for f in market.facts("bid") if f["home"] == name]
            check(f"{name}: an interval and a revision are one bid", len(revisions) == len(set(revisions)),
                  revisions)

        def net(at):
            return sum(json.loads(f["text"])["bought_mwh"] - json.loads(f["text"])["sold_mwh"]
                       for f in market.facts("award", at) if f["home"] == "home-1") / 1e6
        homes["home-1"].until("its trade is that of all rounds", lambda s: abs(
            s["market"].get("traded_kwh", 0) - net(int(bench.house_s()) // INTERVAL_S * INTERVAL_S)) < 1e-6)
        check(f"intraday goes on beside it: {len(both)} intervals of both", both, market.facts("bid"))
        check("still no bid was refused", not [t for t in market.text() if "/bid: " in t], market.text())
        for name, home in homes.items():
            check(f"{name} ends when told", home.end() == 0)
        check("the market ends when told", market.end() == 0)


run(ahead)
