#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The golden day through `lecctl plan`: least cost and least import, to the published figures."""
import json
import os
import subprocess
import sys
import tempfile

build = sys.argv[1]
fixtures = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures")
site = open(os.path.join(fixtures, "golden-day.conf")).read()


def plan(text, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write(text)
        conf.flush()
        out = subprocess.run([os.path.join(build, "lecctl"), "plan", "--site", conf.name,
                              "--series", os.path.join(fixtures, "golden-day.csv"), *more],
                             stdout=subprocess.PIPE, check=True, text=True).stdout
    return out


def check(name, good):
    if not good:
        sys.exit("FAIL " + name)
    print("ok " + name)


cost = json.loads(plan(site))
print(cost)
check("least cost is 2772.4356 NOK", abs(cost["energy_cost"] - 2772.4356) <= 1e-3)
least = json.loads(plan(site + "\n[control]\nobjective = self-consumption\n"))
print(least)
check("least import is 8.453637 MWh", abs(least["import_kwh"] / 1e3 - 8.453637) <= 1e-5)
rows = [line.split(",") for line in plan(site, "--out", "-").splitlines()]
column = {name: i for i, name in enumerate(rows[0])}
check("a row for each hour", len(rows) == 25)
check("the day ends with the energy it began with",
      abs(float(rows[-1][column["main_soc"]]) - 0.5) < 1e-6)
for row in rows[1:]:
    grid, load, pv, battery = (float(row[column[c]]) for c in
                               ("grid_w", "load_w", "pv_w", "main_w"))
    if abs(grid + pv + battery - load) > 0.01:
        sys.exit(f"FAIL power does not balance at {row[0]}")
print("ok power balances in every hour")
