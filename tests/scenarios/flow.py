#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-dso flow from the command line: results, refusals and exit codes. Usage: flow.py BUILD-FOLDER"""
import csv
import io
import json
import subprocess
import sys

BUILD = sys.argv[1]


def flow(*words):
    done = subprocess.run([f"{BUILD}/lec-dso", "flow", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def solved(*words):
    code, out, err = flow(*words)
    assert code == 0 and err == "", (words, code, err)
    return json.loads(out)


def test_figures():
    "The 69-bus feeder by its name gives the published losses, scaled and with a generator as well."
    r = solved("ieee69")
    assert abs(r["load_kw"] - 3802.1) < 1e-3 and abs(r["loss_kw"] - 224.992) < 1e-3, r
    assert abs(r["v_min"] - 0.90919) < 5.1e-6 and r["v_min_bus"] == "65", r
    assert abs(r["source_kw"] - r["load_kw"] - r["loss_kw"]) < 1e-4, r
    assert abs(solved("ieee69", "--scale", "0.5")["loss_kw"] - 51.604) < 1e-3
    r = solved("etc/feeders/ieee69.csv", "--inject", "61=1828,1300")
    assert abs(r["loss_kw"] - 23.170) < 1e-3 and r["v_min_bus"] == "27", r
    r = solved("ieee69", "--inject", "65=3048.7", "--voltage", "1.0")
    assert abs(r["v_max"] - 1.05) < 1e-5 and r["v_max_bus"] == "65", r


def test_table():
    "The table holds each bus once, and its lowest voltage is the summary's."
    _, out, _ = flow("ieee33", "--out", "-")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 33 and len({row["bus"] for row in rows}) == 33
    lowest = min(rows, key=lambda row: float(row["v_pu"]))
    assert lowest["bus"] == "18" and abs(float(lowest["v_pu"]) - solved("ieee33")["v_min"]) < 1e-7


def test_tap():
    "A tap of the transformer lifts what is behind it, and only a transformer has one."
    base, lifted = solved("community-lv"), solved("community-lv", "--tap", "lv=0.95")
    assert lifted["v_min"] > base["v_min"] + 0.02, (base, lifted)
    assert flow("community-lv", "--tap", "a1=0.95")[0] == 2


def test_collapse():
    "What no feeder can carry ends with 1, where it gives way, and how much it could carry."
    code, out, err = flow("ieee69", "--scale", "4")
    assert code == 1 and out == "" and "collapses, first at bus 6" in err, (code, err)
    part = float(err.split("can carry ")[1].split(" %")[0]) / 100
    assert flow("ieee69", "--scale", str(4 * part * 0.995))[0] == 0
    assert flow("ieee69", "--scale", str(4 * part * 1.005))[0] == 1


def test_refusals():
    "Bad words end with 2 and say what is expected."
    for words, said in [
        (("ieee70",), "is no feeder we ship"),
        (("ieee69", "--inject", "70=5"), 'has no bus "70"'),
        (("ieee69", "--inject", "7=x"), "expected BUS=KW[,KVAR]"),
        (("ieee69", "--inject", "7"), "expected BUS=NUMBER"),
        (("ieee69", "--scale", "-1"), "expected a number from 0 to 1000"),
        (("ieee69", "--voltage", "nan"), "expected a number from 0.5 to 1.5"),
        (("ieee69", "ieee33"), "expected one feeder"),
        (("tests/broken/feeder-meshed.csv",), "closes a loop"),
        (("/nowhere.csv",), "cannot be read"),
    ]:
        code, out, err = flow(*words)
        assert code == 2 and out == "" and said in err, (words, code, err)


for name, test in sorted(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name, "-", test.__doc__)
