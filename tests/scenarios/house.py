#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole house through `lecctl plan`: columns, reasons and picture of it; what cannot be kept is
warned of, what cannot be read is refused."""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

build = sys.argv[1]
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
examples = os.path.join(root, "etc", "examples")
site, series = (os.path.join(examples, "house." + kind) for kind in ("conf", "csv"))
folder = tempfile.TemporaryDirectory()


def check(name, good):
    if not good:
        sys.exit("FAIL " + name)
    print("ok " + name)


def lecctl(*words):
    return subprocess.run([os.path.join(build, "lecctl"), *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


def write(name, text):
    path = os.path.join(folder.name, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def texts(path):
    tree = xml.etree.ElementTree.parse(path).getroot()
    return tree, ["".join(t.itertext()) for t in tree.iter("{http://www.w3.org/2000/svg}text")]


# --- the example, as a user has it ---------------------------------------------------------------
plot, out = (os.path.join(folder.name, name) for name in ("plan.svg", "plan.csv"))
run = lecctl("plan", "--site", site, "--series", series, "--out", out, "--plot", plot)
print(run.stdout, run.stderr)
check("the example house is planned", run.returncode == 0)
result = json.loads(run.stdout)
check("the plan is as good as proven", result["status"] in ("optimal", "feasible", "soft"))
rows = list(csv.DictReader(open(out)))
check("a row for each of the series", len(rows) == 144)
assets = {"main_w", "main_soc", "car_w", "car_soc", "dishwasher_w", "washing_w", "pool_w", "water_w",
          "water_c", "rooms_w", "rooms_c"}
check("columns for every asset", assets <= set(rows[0]))
uses = ("load_w", "dishwasher_w", "washing_w", "pool_w", "water_w", "rooms_w")
gives = ("grid_w", "pv_w", "main_w", "car_w")
check("power balances in every row",
      all(abs(sum(float(r[c]) for c in gives) - sum(float(r[c]) for c in uses)) < 0.05
          for r in rows))
away = [r for r in rows if "05:00" <= r["time"][11:16] < "15:00"]  # 07:00-17:00 there
check("the car rests while it is away", all(float(r["car_w"]) == 0 for r in away))
check("loads run in their windows only",
      all(float(r["washing_w"]) == 0 for r in rows if not "06:00" <= r["time"][11:16] < "18:00"))
tree, words = texts(plot)
check("the picture is of 1200 by 800", (tree.get("width"), tree.get("height")) == ("1200", "800"))
for word in ("2026-10-15", "00:00", "Price, EUR/kWh", "dishwasher", "rooms, °C"):
    check(f"the picture says {word}", word in words)
check("its title says the cost", f"{result['energy_cost']:.2f} EUR" in words[0])

# --- smaller houses, for what goes wrong -----------------------------------------------------------
head = "[site]\nid = a\n[tariff]\nbuy = 0.30 EUR/kWh\nsell = 0.05 EUR/kWh\n"
day = write("day.csv", "time,load_w\n" + "".join(f"2026-06-01T{h:02d}:00:00Z,400\n"
                                                 for h in range(24)))
short = write("short.conf", head + "[ev car]\ncapacity = 60 kWh\ncharge-limit = 7 kW\n"
              "soc-start = 20 %\nsoc-target = 80 %\nconnected = 10:00-12:00\n")
run = lecctl("plan", "--site", short, "--series", day)
check("a car that cannot be full in time is a plan with a warning",
      run.returncode == 0 and json.loads(run.stdout)["status"] == "soft" and
      "warning: 2026-06-01 11:00" in run.stderr and "short of its target" in run.stderr)
run = lecctl("plan", "--site", short, "--series", day, "--explain")
check("a line for each slot", len(run.stdout.splitlines()) == 24)
check("which says the same", "short of its target" in run.stdout.splitlines()[11])
load = write("load.conf", head + "[load wash]\npower = 1 kW\nduration = 2 h\n"
             "window = 23:00-01:30\n")
run = lecctl("plan", "--site", load, "--series", day, "--plot", plot)
check("a load whose window is not in the series is warned of",
      run.returncode == 0 and f"{load}:6: warning: no whole window of [load wash]" in run.stderr)
check("and stands in the picture all the same", "wash" in texts(plot)[1])
run = lecctl("plan", "--site", load, "--series", day, "--plot", folder.name + "/none/plan.svg")
check("a picture that cannot be written is an error",
      run.returncode == 1 and "cannot be written" in run.stderr)
both = write("both.conf", head + "[tank water]\nvolume = 200 l\npower = 2 kW\nloss = 2 W/K\n"
             "kind = continuous\n[ev car]\ncapacity = 60 kWh\ncharge-limit = 7 kW\n")
broken = os.path.join(root, "tests", "broken")
for name, expected in (
        ("nan", ":3: water 'nan', expected a finite number"),
        ("gap", ":2: a row of 49 h to the next, expected 1 min to 24 h"),
        ("overlap", ":3: time 2026-06-01T00:00:00Z goes back, expected each row later"),
        ("twice", ":3: time 2026-06-01T00:00:00Z stands twice, expected each row later"),
        ("draw", ":2: water -5, expected a draw of 0 to 1e6 W"),
        ("price", ":3: buy_per_kwh 'inf', expected a finite number"),
        ("limit", ":2: import_limit_w -1, expected a number >= 0"),
        ("outdoor", ":2: outdoor_c 280, expected -60 to 60 degC outside"),
        ("connected", ":3: car 0.5, expected 0 (away) or 1 (connected)"),
        ("no-load", ":1: has no column load_w, expected one")):
    path = os.path.join(broken, f"series-{name}.csv")
    run = lecctl("plan", "--site", both, "--series", path)
    check(f"series-{name}: refused at its line",
          run.returncode == 2 and path + expected in run.stderr)
check("every broken series is expected so",
      len([f for f in os.listdir(broken) if f.startswith("series-")]) == 10)
