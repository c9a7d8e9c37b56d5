#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Days in closed loop: the plant is richer than the planner's model, forecasts come from history
only. A week in winter and one in summer cost at most 3 % more than the least that anyone could pay for
them with that battery and perfect foresight, and less than by self-consumption rules that end with as much
stored energy. Four weeks in autumn under a tariff with a dear evening are nearer to perfect foresight, each
run ending with as much stored energy as its own, when the plan is hedged than when it is not."""
import json
import os
import re
import subprocess
import sys
import tempfile

import bench

build, root = bench.BUILD, bench.ROOT
WIDE = """[tariff]
buy = 0.17 EUR/kWh
buy-window = 17:00-21:00 0.32 EUR/kWh
buy-window = 00:00-06:00 0.08 EUR/kWh
"""
weeks = ("2026-01-12", "2026-06-01")
runs = [subprocess.Popen([os.path.join(build, "lec-sim"), "home",
                          "--config", os.path.join(root, "tests/fixtures/week.conf"),
                          "--plant", os.path.join(root, "etc/examples/plant.conf"),
                          "--cycle", "5", "--start", week + "T00:00:00Z"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)
        for week in weeks]
failed = bench.most_threads(runs) != 1
print(f"{'FAIL' if failed else 'ok'} it is lived in one thread: no race, and nothing for TSan to watch")
for week, run in zip(weeks, runs):
    out, table = run.communicate()
    print(table)
    if run.returncode:
        sys.exit(f"week of {week}: lec-sim home ended with {run.returncode}")
    totals = json.loads(out)
    print(json.dumps(totals, indent=1))
    ours, rules = totals["lecd"]["cost"], totals["rules_cost_same_storage"]
    for name, good in ((f"week of {week}: at most 3 % above perfect foresight "
                        f"({totals['above_foresight_percent']} %)",
                        0 <= totals["above_foresight_percent"] <= 3),
                       (f"week of {week}: {ours:.3f} is below the rules' {rules:.3f}", ours < rules),
                       (f"week of {week}: the rules are below no battery",
                        totals["rules"]["cost"] < totals["no_battery"]["cost"])):
        print(("ok " if good else "FAIL ") + name)
        failed = failed or not good
with tempfile.TemporaryDirectory() as folder:
    site = open(os.path.join(root, "tests/fixtures/week.conf")).read()
    wide = re.sub("(?m)^buy.*\n", "", site).replace("[tariff]\n", WIDE)
    cost = {}
    for hedge in ("yes", "no"):
        path = os.path.join(folder, "site.conf")
        with open(path, "w") as file:
            file.write(f"{wide}\n[control]\nhedge = {hedge}\n")
        out = subprocess.run([os.path.join(build, "lec-sim"), "home", "--config", path,
                              "--plant", os.path.join(root, "etc/examples/plant.conf"),
                              "--cycle", "10", "--start", "2026-10-05T00:00:00Z", "--days", "28"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, cwd=root)
        cost[hedge] = json.loads(out.stdout)["above_foresight_percent"]
    good = cost["yes"] < cost["no"]
    print(("ok " if good else "FAIL ") + f"hedged, four weeks are {cost['yes']} % above foresight, "
          f"not hedged {cost['no']} %")
    failed = failed or not good
sys.exit(1 if failed else 0)
