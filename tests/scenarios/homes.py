#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measured homes are judged as a few lines of Python judge them, by the hour and by the quarter; homes held out
are judged beside those learned from, and nothing held out is learned from; and the same where real ones, of the
CityLearn Challenge 2022, are at hand.

Usage: homes.py BUILD-FOLDER."""
import csv
import json
import math
import os
import random
import subprocess
import tempfile

from bench import check, lone, program

DATA = "../shared/data/citylearn2022/homes12_hourly.csv"
CAPACITY, POWER, WAY = 6.4, 5.0, math.sqrt(0.9)  # kWh, kW, each way
BATTERY = """capacity = 6.4 kWh
charge-limit = 5 kW
discharge-limit = 5 kW
round-trip-efficiency = 90 %
soc-min = 0 %
soc-max = 100 %
soc-start = 0 %
wear = 0 USD/kWh
"""
HEAD = """[community]
start = 2016-08-01T00:00:00Z
warm-up-days = 1
train-days = 2
test-days = %d
interval = %d min
[training]
episode-days = 1
episodes = 8
hidden = 8
batch = 16
actor-rate = 0.02
calm-updates = 0
communities = 1
ahead = 4
[tariff]
buy = 1 USD/kWh
sell = 0 USD/kWh
[homes %s]
folder = %s
held-out = %d
"""


def make_up(path, days):
    """Three homes of that many days, in the data's columns."""
    draw = random.Random(7)
    with open(path, "w", encoding="utf-8") as f:
        f.write("t,price_usd_per_kwh,load1_kwh,load2_kwh,load3_kwh,pv1_kwh,pv2_kwh,pv3_kwh\n")
        for t in range(24 * days):
            sun = max(0.0, math.sin((t % 24 - 6) / 12 * math.pi))
            loads = [f"{draw.uniform(0.1, 2):.4f}" for _ in range(3)]
            suns = [f"{sun * draw.uniform(0, 4):.4f}" for _ in range(3)]
            price = 0.54 if 16 <= t % 24 < 21 else 0.22
            f.write(",".join([str(t), str(price), *loads, *suns]) + "\n")


def read(path):
    with open(path, encoding="utf-8", newline="") as f:
        rows = [[float(x) for x in row] for row in list(csv.reader(f))[1:]]
    homes = (len(rows[0]) - 2) // 2
    loads = [[row[2 + i] for row in rows] for i in range(homes)]
    suns = [[row[2 + homes + i] for row in rows] for i in range(homes)]
    return [row[1] for row in rows], loads, suns


def serve(nets, hours):
    """A home's nets behind a battery that serves it, in kWh of steps; and what is stored at the end."""
    stored, out = 0.0, []
    for net in nets:
        if net > 0:
            battery = min(net, POWER * hours, stored * WAY)
            stored -= battery / WAY
        else:
            battery = -min(-net, POWER * hours, (CAPACITY - stored) / WAY)
            stored -= battery * WAY
        out.append(net - battery)
    return out, stored


def figures(homes, prices, hours, stored):
    """What evaluate calls these nets by home, in kWh of steps; sold for nothing."""
    nets = [sum(step) for step in zip(*homes)]
    day = round(24 / hours)
    days = [nets[i:i + day] for i in range(0, len(nets), day)]
    return {
        "import_kwh": sum(max(0, x) for home in homes for x in home),
        "export_kwh": sum(max(0, -x) for home in homes for x in home),
        "cost": sum(max(0, x) * p for home in homes for x, p in zip(home, prices))
        - sum(prices) / len(prices) / 2 * WAY * stored,
        "netted_import_kwh": sum(max(0, x) for x in nets),
        "netted_export_kwh": sum(max(0, -x) for x in nets),
        "netted_cost": sum(max(0, x) * p for x, p in zip(nets, prices)),
        "peak_kw": sum(max(0, *d) for d in days) / len(days) / hours,
        "peak_export_kw": sum(max(0, *(-x for x in d)) for d in days) / len(days) / hours,
        "ramp_kw": sum(abs(b - a) for a, b in zip(nets, nets[1:])) / (len(nets) - 1) / hours,
    }


def agree(name, it, expected, within):
    for key, value in expected.items():
        check(f"{name}: {key}", abs(it[key] - value) <= within * max(1, abs(value)), f"{it[key]} {value}")


def quartered(values):
    return [value / 4 for value in values for _ in range(4)]


def prepare(folder, data, *, minutes, generates, days, held=0):
    series = os.path.join(folder, f"series-{minutes}-{generates}")
    words = [data, series] + ["--quarters"] * (minutes == 15) + ["--without-pv"] * (not generates)
    subprocess.run(["tests/citylearn.py", *words], check=True)
    path = os.path.join(folder, f"{minutes}-{generates}-{held}.conf")
    with open(path, "w", encoding="utf-8") as f:
        kind = "pv-battery" if generates else "consumer"
        f.write(HEAD % (days, minutes, kind, os.path.basename(series), held) + BATTERY * generates)
    return path


def judged(path):
    result = lone("lec-train", "evaluate", path, "--seeds", "1", "--without-optima")
    check("is judged", result.returncode == 0, result.stderr)
    return json.loads(result.stdout)["seeds"][0]


def three_rows(folder, data, days, minutes, within=1e-4):
    """Load alone, PV beside an idle battery, and a battery that serves its home."""
    prices, loads, suns = read(data)
    hours = minutes / 60
    if minutes == 15:
        prices = [p for p in prices for _ in range(4)]
        loads, suns = [quartered(x) for x in loads], [quartered(x) for x in suns]
    skip, end = round(72 / hours), round((72 + 24 * days) / hours)
    prices = prices[skip:end]
    loads, suns = [x[skip:end] for x in loads], [x[skip:end] for x in suns]
    nets = [[a - b for a, b in zip(*home)] for home in zip(loads, suns)]
    served, stored = zip(*(serve(home, hours) for home in nets))
    trial = judged(prepare(folder, data, minutes=minutes, generates=False, days=days))
    agree(f"{minutes} min, load", trial["no control"], figures(loads, prices, hours, 0), within)
    trial = judged(prepare(folder, data, minutes=minutes, generates=True, days=days))
    agree(f"{minutes} min, idle", trial["no control"], figures(nets, prices, hours, 0), within)
    agree(f"{minutes} min, greedy", trial["utility only"], figures(served, prices, hours, sum(stored)), within)


def held_out(folder, data):
    path = prepare(folder, data, minutes=60, generates=True, days=2, held=1)
    result = lone("lec-train", "evaluate", path)
    check("those held out are judged", result.returncode == 0, result.stderr)
    seen, unseen = json.loads(result.stdout)["seeds"]
    check("two to learn from, one never seen", (seen["homes"], unseen["homes"]) == (2, 1))
    check("one alone has nobody to trade with", unseen["rules"]["local_share"] == 0)
    result = program("lec-train", "evaluate", path, "--year")
    check("no year of measured homes", result.returncode == 2 and "measured" in result.stderr, result.stderr)


def learned(path, out):
    result = program("lec-train", "maddpg", path, "--out", out)
    check("learns from measured homes", result.returncode == 0, result.stderr)
    names = sorted(name for name in os.listdir(out) if name.startswith("actor") or name == "training.csv")
    files = {}
    for name in names:
        with open(os.path.join(out, name), "rb") as f:
            files[name] = f.read()
    return files


def change(path, changes):
    """Give the rows of a series for which changes(time) another load."""
    with open(path, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split(",") for line in f]
    with open(path, "w", encoding="utf-8") as f:
        for row in rows:
            f.write(",".join([row[0], "77", *row[2:]] if row[0] != "time" and changes(row[0]) else row) + "\n")


def learns(folder, data):
    """What is held out is not learned from: not a bit of what is learned depends on it."""
    path = prepare(folder, data, minutes=60, generates=True, days=2, held=1)
    series = os.path.join(folder, "series-60-True")
    first = learned(path, os.path.join(folder, "first"))
    change(os.path.join(series, "home-03.csv"), lambda time: True)
    check("no home held out", learned(path, os.path.join(folder, "second")) == first)
    change(os.path.join(series, "home-01.csv"), lambda time: time >= "2016-08-04")
    change(os.path.join(series, "home-02.csv"), lambda time: time >= "2016-08-04")
    check("no day held out", learned(path, os.path.join(folder, "third")) == first)
    result = program("lec-train", "maddpg", path, "--out", os.path.join(folder, "first"), "--resume")
    check("a checkpoint of other series is refused", result.returncode == 2 and "checkpoint" in result.stderr)
    change(os.path.join(series, "home-01.csv"), lambda time: "2016-08-02" < time < "2016-08-02T12")
    check("but all else", learned(path, os.path.join(folder, "fourth")) != first)
    result = program("lec-train", "evaluate", path, "--policy", os.path.join(folder, "first"))
    check("and judged in both communities", result.returncode == 0, result.stderr)
    policies = [trial["policies"][0] for trial in json.loads(result.stdout)["seeds"]]
    check("without a broken limit", [it["violations"] for it in policies] == [0, 0])


def refusals(folder, path):
    """All that is wrong is told at once."""
    series = os.path.join(folder, "series-60-True")
    with open(os.path.join(series, "home-02.csv"), "a", encoding="utf-8") as f:
        f.write("2016-08-30T00:00:00Z,1,1,0.2\n")
    with open(os.path.join(series, "home-03.csv"), encoding="utf-8") as f:
        text = f.read()
    with open(os.path.join(series, "home-03.csv"), "w", encoding="utf-8") as f:
        f.write(text.replace("load_w", "load_kw"))
    with open(path, "a", encoding="utf-8") as f:
        f.write("[homes turbine]\ncount = 3\n[home x]\nclass = pv\nseries = gone.csv\ncapacity = 4 kW\n")
    result = program("lec-train", "evaluate", path)
    check("refused", result.returncode == 2, result.stderr)
    for word in ("home-02.csv:", "home-03.csv:1: column load_kw", "[homes turbine]", "gone.csv", "capacity = \"4 kW\""):
        check(f"says {word}", word in result.stderr, result.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "homes.csv")
        make_up(data, 8)
        three_rows(folder, data, 5, 60)
        three_rows(folder, data, 5, 15)
        held_out(folder, data)
        learns(folder, data)
        refusals(folder, os.path.join(folder, "60-True-1.conf"))
    if not os.path.exists(DATA):
        print(f"skipped: no {DATA} here")
        return
    with tempfile.TemporaryDirectory() as folder:
        three_rows(folder, DATA, 60, 60)


main()
