#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The broker is away for an hour of the house: control does not notice, nothing piles up, nothing
old is sent afterwards, and what is retained is there again. Killed, lecd is told offline.

Usage: broker.py BUILD-FOLDER."""
import json
import os

from bench import RELEASED, Bench, Broker, Home, Reader, check, parse_time, run, until

SPEED = 600
AWAY_S = 3600
RSS_GROWTH_KIB = 1024
DISCOVERY = "homeassistant/device/lecd_home-1/config"


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def retained(bench, broker):
    """Who subscribes now finds everything that is retained, and valid."""
    reader = Reader(bench, broker)
    until("all that is retained", lambda: {"status", "state", "plan", "config"} <= {
        topic.rsplit("/", 1)[-1] for _, kept, topic, _ in reader.messages() if kept},
        seen=reader.text)
    kept = {topic: payload for _, is_kept, topic, payload in reader.messages() if is_kept}
    home = "lec/fjord/home/home-1/"
    check("retained: online", kept[home + "status"] == "online", kept[home + "status"])
    check("retained: state", json.loads(kept[home + "state"])["v"] == 1)
    check("retained: plan", len(json.loads(kept[home + "plan"])["slots"]) > 90)
    check("retained: discovery", "components" in json.loads(kept[DISCOVERY]), kept[DISCOVERY])
    reader.kill()


def broker():
    with Bench(SPEED) as bench:
        bench.remember("home")
        first = Broker(bench)
        home = Home(bench, "home", decide="optimiser", cycle="10 s", broker=first)
        reader = Reader(bench, first)
        until("bids for two intervals", lambda: len(reader.messages("bid")) >= 2,
              seen=reader.text)
        retained(bench, first)

        before = home.status()
        before_kib = rss_kib(home.pid)
        first.end()
        away_s = parse_time(home.until("the broker missed",
                                       lambda s: not s["broker"]["connected"])["time"])
        check("away: explain says so", any("broker: away" in line for line in home.explain()))
        after = home.until("an hour", lambda s: parse_time(s["time"]) >= away_s + AWAY_S)
        check("away: still away", not after["broker"]["connected"] and
              after["broker"]["connects"] == 1)
        growth_kib = rss_kib(home.pid) - before_kib
        if "TEST_WATCHED" in os.environ:
            print("skipped: memory is not told while a sanitizer watches it")
        else:
            check("away: memory is flat", growth_kib < RSS_GROWTH_KIB, growth_kib)
        check("away: cycles went on", after["loop"]["cycles"] > before["loop"]["cycles"] + 100)
        check("away: plans went on", after["decider"] == "optimiser" and
              after["plan"]["age_s"] < 1800, after["plan"])

        back_s = bench.house_s()
        second = Broker(bench, first.port)
        late = Reader(bench, second)
        home.until("connected again", lambda s: s["broker"]["connects"] == 2)
        until("a bid again", lambda: late.messages("bid"), seen=late.text)
        expired = [p for *_, p in late.messages("bid")
                   if parse_time(json.loads(p)["expires"]) <= back_s]
        check("back: no bid came that had expired", not expired, expired)
        check("back: no bid is retained", not any(kept for _, kept, *_ in late.messages("bid")))
        retained(bench, second)

        home.kill()
        until("the last will", lambda: [p for *_, p in late.messages("status")][-1:] == ["offline"],
              seen=late.text)
        check("killed: the broker says offline", True)
        samples = home.samples()
        check("control was untouched", len(samples) > 100 and not any(
            row["reasons"] & RELEASED for row in samples[5:]))


run(broker)
