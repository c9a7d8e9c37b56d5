#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of etc/policies fit a house of their class at lecd's own interval, are refused by one of another,
and in a community that they never saw cost less than self-consumption rules that trade, in summer and in winter,
breaking no limit.

Usage: policies.py BUILD-FOLDER."""
import json
import os
import tempfile

from bench import check, lone, program, write

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
POLICIES = os.path.join(ROOT, "etc", "policies")
PV = "[pv roof]\ndriver = simulated\npeak = 6 kW\n"
BATTERY = """[battery main]
driver = simulated
capacity = 10 kWh
charge-limit = 5 kW
discharge-limit = 5 kW
soc-min = 10 %
soc-max = 95 %
"""
HOUSES = {"consumer": "", "pv": PV, "pv-battery": PV + BATTERY, "pv-battery-ev": PV + BATTERY,
          "wind-battery": PV + BATTERY}
SITE = """[site]
id = home-1
community = fjord
timezone = Europe/Amsterdam
[control]
decide = policy
[tariff]
buy = 0.22 EUR/kWh
buy-window = 16:00-21:00 0.40 EUR/kWh
sell = 0.08 EUR/kWh
[policy]
actor = {actor}
[mqtt]
broker = mqtt://127.0.0.1:1
bid = yes
[meter grid]
driver = simulated
{house}"""
# Homes and skies of a seed that nothing was learned from, in days behind those learned from.
COMMUNITY = """[community]
seed = 4242
timezone = Europe/Amsterdam
start = {start}T00:00:00Z
interval = 15 min
warm-up-days = 8
train-days = 2
test-days = 4
[tariff]
buy = 0.22 EUR/kWh
buy-window = 16:00-21:00 0.40 EUR/kWh
sell = 0.08 EUR/kWh
[homes consumer]
count = 3
[homes pv]
count = 2
[homes pv-battery]
count = 2
[homes pv-battery-ev]
count = 2
[homes wind-battery]
count = 1
"""


def fits(folder):
    for name, house in HOUSES.items():
        actor = os.path.join(POLICIES, f"actor-{name}.onnx")
        site = write(folder, f"{name}.conf", SITE.format(actor=actor, house=house))
        result = program("lecd", "--check", "--config", site)
        check(f"{name}: fits its house", result.returncode == 0, result.stderr)
    actor = os.path.join(POLICIES, "actor-pv-battery.onnx")
    site = write(folder, "other.conf", SITE.format(actor=actor, house=PV))
    result = program("lecd", "--check", "--config", site)
    check("a house without a battery refuses what needs one",
          result.returncode == 2 and "needs a [battery]" in result.stderr, result.stderr)


def is_worth_it(folder, season, start):
    community = write(folder, f"{season}.conf", COMMUNITY.format(start=start))
    result = lone("lec-train", "evaluate", community, "--policy", POLICIES, "--seeds", "1")
    check(f"is judged in {season}", result.returncode == 0, result.stderr)
    trial = json.loads(result.stdout)["seeds"][0]
    learned = trial["policies"][0]
    for other in ("rules", "utility only", "no control"):
        check(f"costs less in {season} than {other}", learned["cost"] < trial[other]["cost"],
              (learned["cost"], trial[other]["cost"]))
    check(f"closes 70 % of the gap to what is possible in {season}", learned["gap_recovered"] > 0.7,
          learned["gap_recovered"])
    check(f"no limit is broken in {season}", learned["violations"] == 0)
    check(f"it is asked in {season}, and not the rules", learned["rules_in_place"] < 0.1,
          learned["rules_in_place"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        fits(folder)
        is_worth_it(folder, "summer", "2025-07-01")
        is_worth_it(folder, "winter", "2026-01-01")


if __name__ == "__main__":
    main()
