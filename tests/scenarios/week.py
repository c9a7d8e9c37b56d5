#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seven days in closed loop, in winter and in summer: the plant is richer than the planner's model,
forecasts come from history only. The cost is at most 5 % above perfect foresight of the same days
and below self-consumption rules that end with as much stored energy."""
import json
import os
import subprocess
import sys

build = sys.argv[1]
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
weeks = ("2026-01-12", "2026-06-01")
failed = False

runs = [subprocess.Popen([os.path.join(build, "lec-sim"), "home",
                          "--config", os.path.join(root, "tests/fixtures/week.conf"),
                          "--plant", os.path.join(root, "etc/examples/plant.conf"),
                          "--cycle", "5", "--start", week + "T00:00:00Z"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)
        for week in weeks]
for week, run in zip(weeks, runs):
    out, table = run.communicate(timeout=600)
    print(table)
    if run.returncode:
        sys.exit(f"week of {week}: lec-sim home ended with {run.returncode}")
    totals = json.loads(out)
    print(json.dumps(totals, indent=1))
    ours, rules = totals["lecd"]["cost"], totals["rules_cost_same_storage"]
    for name, good in ((f"week of {week}: at most 5 % above perfect foresight "
                        f"({totals['above_foresight_percent']} %)",
                        totals["above_foresight_percent"] <= 5),
                       (f"week of {week}: {ours:.3f} is below the rules' {rules:.3f}", ours < rules),
                       (f"week of {week}: the rules are below no battery",
                        totals["rules"]["cost"] < totals["no_battery"]["cost"])):
        print(("ok " if good else "FAIL ") + name)
        failed = failed or not good
sys.exit(1 if failed else 0)
