#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metered interval comes to the market's ledger: through a broker that is killed, a market that
is killed and a home that is killed, one after the other.

Usage: readings.py BUILD-FOLDER."""
import json

from bench import Bench, Broker, Home, Market, check, run, until

SPEED = 450  # an interval in 2 s
KNOWN_S = 0.9 * 900
ACCEPTED = 1


def owed(home):
    """Interval, import and export in mWh of what was metered and can be taken."""
    rows = home.rows("ledger.db", "SELECT * FROM owed JOIN meter USING(interval_s) ORDER BY interval_s")
    return {row["interval_s"]: (round(row["import_wh"] * 1e3), round(row["export_wh"] * 1e3))
            for row in rows if row["answered"] == ACCEPTED or not row["answered"] and
            json.loads(row["text"])["known_s"] >= KNOWN_S}


def kept(market):
    return {f["interval_s"]: (text["import_mwh"], text["export_mwh"])
            for f in market.facts("meter") for text in [json.loads(f["text"])]}


def readings():
    with Bench(SPEED) as bench:
        bench.remember("home")
        broker = Broker(bench)
        market = Market(bench, "market", broker)
        market.logged("broker: connected")

        def live():
            return Home(bench, "home", cycle="10 s", broker=broker)
        home = live()

        def more(what, count):
            before = home.status()["market"]["readings_accepted"]
            return home.until(f"readings acknowledged: {what}", lambda s: s["market"][
                "readings_accepted"] >= before + count)

        def metered(what, count):
            before = len(home.rows("ledger.db", "SELECT * FROM meter"))
            until(f"intervals metered: {what}", lambda: len(home.rows(
                "ledger.db", "SELECT * FROM meter")) >= before + count, seen=home.text)
        more("in peace", 2)
        broker.kill()  # and with it what it held
        metered("without a broker", 2)
        broker = Broker(bench, broker.port)
        more("after the broker is back", 3)
        market.kill()
        metered("without a market", 2)
        home.kill()
        home = live()
        metered("in another life, without a market", 1)
        broker.kill()  # it held what was said meanwhile
        broker = Broker(bench, broker.port)
        market = Market(bench, "market", broker)
        more("after the market is back", 4)
        home.until("nothing but the last is owed", lambda s: s["market"]["readings_owed"] <= 1)
        check("lecd ends when told", home.end() == 0)
        # What it metered last may be under way.
        due = dict(sorted(owed(home).items())[:-1])
        until("all are in the market's ledger", lambda: due.keys() <= kept(market).keys(),
              seen=lambda: (sorted(due.keys() - kept(market).keys()), market.text()))
        has = kept(market)
        check(f"all {len(due)} readings, to the mWh", len(due) >= 8 and all(
            abs(a - b) <= 1 for at in due for a, b in zip(due[at], has[at])), (due, has))
        others = [line for line in market.text() if "refused" in line and "known_s: too little" not in line]
        check("none was refused but what a life began too late for", not others, others)


run(readings)
