#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every interval is bid for once a revision, forward in time, before its gate closes: also across a
SIGKILL, and when the clock is an hour slow or fast after it.

Usage: bids.py BUILD-FOLDER."""
import json

from bench import Bench, Broker, Home, Reader, check, parse_time, run, until

SPEED = 900  # an interval a second
INTERVAL_S, GATE_S, HOUR_S = 900, 120, 3600
INTERVALS = 4  # in each life


def bids_of(reader):
    """(interval, revision, expires) in the order of arrival."""
    out = []
    for *_, payload in reader.messages("bid"):
        bid = json.loads(payload)
        out.append((parse_time(bid["interval"]), bid["revision"], parse_time(bid["expires"])))
    return out


def intervals(reader):
    return {interval for interval, *_ in bids_of(reader)}


def two_lives(name, step_s):
    """Bid, die just after a bid, live again in a time that is step_s ahead, and bid."""
    with Bench(SPEED) as bench:
        bench.remember(name)
        broker = Broker(bench)
        reader = Reader(bench, broker)
        until("the reader has subscribed", reader_ready(broker, reader))
        home = Home(bench, name, decide="optimiser", cycle="10 s", broker=broker)
        until(f"{name}: bids", lambda: len(intervals(reader)) >= INTERVALS, seen=reader.text)
        count = len(bids_of(reader))
        until(f"{name}: one more", lambda: len(bids_of(reader)) > count, seen=reader.text)
        home.kill()
        first = intervals(reader)
        first_ledger = ledger(home)
        bench.start_s += step_s
        again = Home(bench, name, decide="optimiser", cycle="10 s", broker=broker)
        until(f"{name}: bids of the second life",
              lambda: len(intervals(reader)) >= len(first) + INTERVALS,
              seen=reader.text)
        check(f"{name}: lecd ends when told", again.end() == 0)
        judge(name, bids_of(reader), first_ledger, ledger(again))


def reader_ready(broker, reader):
    """A condition: what is sent arrives."""
    def arrives():
        broker.publish("lec/test", "hello")
        return bool(reader.messages("test"))
    return arrives


def ledger(home):
    return [(row["interval_s"], row["revision"], row["made_s"]) for row in home.rows(
        "ledger.db", "SELECT * FROM bid ORDER BY interval_s, revision")]


def judge(name, bids, first_ledger, rows):
    said = [bid[:2] for bid in bids]
    check(f"{name}: each bid once", len(said) == len(set(said)), said)
    check(f"{name}: forward in time, revisions within an interval", said == sorted(said), said)
    written = {row[:2] for row in rows}
    check(f"{name}: each was written down first", set(said) <= written, set(said) - written)
    check(f"{name}: the second life bid nothing again that the first had written",
          set(first_ledger) <= set(rows), set(first_ledger) - set(rows))
    check(f"{name}: revisions begin at 1 and leave none out", all(
        (i, r - 1) in written for i, r in said if r > 1))
    late = [row for row in rows if row[2] >= row[0] - GATE_S]
    check(f"{name}: none after its gate closed", not late, late)
    early = [row for row in rows if row[0] - row[2] > INTERVAL_S]
    check(f"{name}: each for the interval that comes next", not early, early)
    check(f"{name}: each says when its gate closes",
          all(expires == interval - GATE_S for interval, _, expires in bids))


def restarted():
    two_lives("restarted", 0)


def slow():
    two_lives("an hour back", -HOUR_S)


def fast():
    two_lives("an hour ahead", HOUR_S)


run(restarted, slow, fast)
