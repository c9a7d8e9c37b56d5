#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What 28 simulated days in January cost above the least anyone could pay with that battery and perfect
foresight: planned, planned without hedging, and by self-consumption rules that end with as much stored
energy. Forecasts come from history only. Prints `name value unit`.
Usage: closed_loop.py BUILD-FOLDER; BENCH_START names another first day."""
import json
import os
import subprocess
import sys
import tempfile

build = os.path.abspath(sys.argv[1])
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
start = os.environ.get("BENCH_START", "2026-01-12")


def run(site):
    return subprocess.Popen([os.path.join(build, "lec-sim"), "home", "--config", site,
                             "--plant", os.path.join(root, "etc/examples/plant.conf"),
                             "--cycle", "2", "--start", start + "T00:00:00Z", "--days", "28"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root)


def result(process):
    out = process.communicate(timeout=1800)[0]
    if process.returncode:
        sys.exit(f"closed_loop: lec-sim home ended with {process.returncode}")
    return json.loads(out)


with tempfile.NamedTemporaryFile("w", suffix=".conf") as unhedged:
    site = os.path.join(root, "tests/fixtures/week.conf")
    with open(site, encoding="utf-8") as file:
        unhedged.write(file.read() + "\n[control]\nhedge = no\n")
    unhedged.flush()
    processes = [run(site), run(unhedged.name)]
    hedged, plain = [result(p) for p in processes]
print(f"closed_loop_28d_gap_percent {hedged['above_foresight_percent']:.2f} %")
print(f"closed_loop_28d_unhedged_percent {plain['above_foresight_percent']:.2f} %")
print(f"closed_loop_28d_rules_percent {hedged['rules_above_foresight_percent']:.2f} %")
