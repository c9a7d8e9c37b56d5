#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-dso flow of three phases from the command line. Usage: flow_three.py BUILD-FOLDER"""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

BUILD = sys.argv[1]
STREET = "etc/feeders/street.dss"


def flow(*words):
    done = subprocess.run([f"{BUILD}/lec-dso", "flow", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def solved(*words):
    code, out, err = flow(*words)
    assert code == 0 and err == "", (words, code, err)
    return json.loads(out)


def rows(*words):
    code, out, err = flow(*words, "--out", "-")
    assert code == 0 and err == "", (words, code, err)
    return list(csv.DictReader(io.StringIO(out)))


def test_street():
    "The power of a street adds up at each bus and phase, and its lowest voltage is in the table."
    r, table = solved(STREET), rows(STREET)
    assert abs(r["source_kw"] - r["load_kw"] - r["loss_kw"]) < 1e-5, r
    assert len(table) == 3 * 8
    behind = [row for row in table if row["bus"] != "sourcebus"]
    lowest = min(behind, key=lambda row: float(row["v_pu"]))
    assert lowest["bus"] == r["v_min_bus"] and int(lowest["phase"]) == r["v_min_phase"]
    assert abs(float(lowest["v_pu"]) - r["v_min"]) < 1e-7
    for row in table:  # the end of a branch brings the bus's load, unless others hang on it
        if row["bus"].startswith("s") and row["bus"] != "sourcebus":
            assert abs(float(row["through_kw"]) - float(row["load_kw"])) < 1e-5, row


def test_phase():
    "A car on one phase pulls that phase down where it is, and lifts another."
    calm, car = rows(STREET), rows(STREET, "--inject", "s3.1=-7.4")
    change = {(a["bus"], a["phase"]): float(b["v_pu"]) - float(a["v_pu"]) for a, b in zip(calm, car)}
    assert change["s3", "1"] < -0.02, change
    assert max(change["s3", "2"], change["s3", "3"]) > 0.002, change
    assert solved(STREET, "--inject", "s3=9")["load_kw"] < solved(STREET)["load_kw"] - 8.9


def test_day():
    "The day is the steps one by one: energy, extremes and times."
    day, steps = solved(STREET, "--day"), rows(STREET, "--day")
    assert day["steps"] == 24 and len(steps) == 24
    assert abs(sum(float(s["load_kw"]) for s in steps) - day["load_kwh"]) < 1e-4
    assert abs(day["source_kwh"] - day["load_kwh"] - day["loss_kwh"]) < 1e-4
    worst = min(steps, key=lambda s: min(float(s[f"v_min_{p}"]) for p in (1, 2, 3)))
    assert worst["time"] == day["v_min_time"] == "19:00", (worst, day)
    once = solved(STREET, "--step", worst["step"])
    lowest = min(once["phases"], key=lambda p: p["v_min"])
    assert abs(lowest["v_min"] - day["v_min"]) < 1e-8 and lowest["phase"] == day["v_min_phase"]
    sunny = solved(STREET, "--step", "13")
    assert sunny["source_kw"] < 0 and day["v_max_time"] == "12:00", (sunny, day)


def test_plot():
    "The picture of the day holds a panel for each phase and says what is lowest, and when."
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "day.svg")
        solved(STREET, "--day", "--plot", path)
        with open(path, encoding="utf-8") as file:
            picture = file.read()
    for words in ("phase 1, 6 loads", "phase 2, 6 loads", "phase 3, 4 loads", "at 19:00 (bus s3"):
        assert words in picture, words
    assert picture.count("<path") >= 6 and "nan" not in picture


def test_collapse():
    "What a street cannot carry ends with 1 and says where and when."
    code, out, err = flow(STREET, "--inject", "s3.1=-500")
    assert code == 1 and out == "" and "collapses, first at bus s3.1" in err, (code, err)
    part = float(err.split("can carry ")[1].split(" %")[0]) / 100
    assert 0.1 < part < 0.9, err
    code, out, err = flow(STREET, "--day", "--inject", "s3.1=-500")
    assert code == 1 and "no power flow in step 1: " in err, (code, err)


def test_refusals():
    "Bad words end with 2 and say what is expected."
    for words, said in [
        ((STREET, "--inject", "s9.1=5"), "no such bus and phase"),
        ((STREET, "--inject", "s3.4=5"), "no such bus and phase"),
        ((STREET, "--inject", "s3.1=x"), "expected BUS.PHASE=KW[,KVAR]"),
        ((STREET, "--scale", "-1"), "expected a number from 0 to 1000"),
        ((STREET, "--step", "0"), "expected a whole number from 1"),
        ((STREET, "--step", "25"), "have 24 steps"),
        ((STREET, "--step", "2", "--day"), "expected one of the two"),
        ((STREET, "--plot", "x.svg"), "expected --day with it"),
        ((STREET, "--tap", "lv=1"), "expected Taps= in the script"),
        ((STREET, STREET), "expected one feeder"),
        (("/nowhere.dss",), "/nowhere.dss: cannot be read"),
    ]:
        code, out, err = flow(*words)
        assert code == 2 and out == "" and said in err, (words, code, err)
    assert flow(STREET, "--help")[0] == 0


for name, test in sorted(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name, "-", test.__doc__)
