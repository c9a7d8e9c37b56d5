#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-dso flow from the command line: results, refusals and exit codes. Usage: flow.py BUILD-FOLDER"""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

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


def test_names():
    "Ends of a feeder whose names would lie on each other share a line of the picture."
    with tempfile.TemporaryDirectory() as folder:
        solved("community-lv", "--inject", "c5=80", "--plot", f"{folder}/p.svg")
        text = open(f"{folder}/p.svg").read()
        assert ">b5, d5<" in text and ">a5<" in text and ">c5<" in text, text


def test_tap():
    "A tap of the transformer lifts what is behind it, and only a transformer has one."
    base, lifted = solved("community-lv"), solved("community-lv", "--tap", "lv=0.95")
    assert lifted["v_min"] > base["v_min"] + 0.02, (base, lifted)
    assert flow("community-lv", "--tap", "a1=0.95")[0] == 2


def test_lost():
    "A result that cannot be written is said to be lost; what is no option is told by the program's name."
    with open("/dev/full", "w") as full:
        done = subprocess.run([f"{BUILD}/lec-dso", "flow", "ieee69"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "cannot be written" in done.stderr, done
    assert flow("ieee69", "--day")[2].startswith("lec-dso flow: "), flow("ieee69", "--day")


def test_collapse():
    "What no feeder can carry ends with 1, where it gives way, and how much it could carry."
    code, out, err = flow("ieee69", "--scale", "4")
    assert code == 1 and out == "" and "collapses, first at bus 6" in err, (code, err)
    part = float(err.split("can carry ")[1].split(" %")[0]) / 100
    assert flow("ieee69", "--scale", str(4 * part * 0.995))[0] == 0
    assert flow("ieee69", "--scale", str(4 * part * 1.005))[0] == 1


CASE_END = """
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, ...
    VA, BASE_KV, ZONE, VMAX, VMIN, LAM_P, LAM_Q, MU_VMAX, MU_VMIN] = idx_bus;
[F_BUS, T_BUS, BR_R, BR_X, BR_B, RATE_A, RATE_B, RATE_C, ...
    TAP, SHIFT, BR_STATUS, PF, QF, PT, QT, MU_SF, MU_ST, ...
    ANGMIN, ANGMAX, MU_ANGMIN, MU_ANGMAX] = idx_brch;
V = mpc.bus(1, BASE_KV) * 1e3;   %% V
S = mpc.baseMVA * 1e6;           %% VA
mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (V^2 / S);
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
"""


def write_case(path, name):
    "The published tables of a feeder, loads in kW and branches in ohm, as a MATPOWER case."
    tables = "../shared/data/feeders"
    buses = list(csv.DictReader(open(f"{tables}/{name}_bus.csv")))
    branches = list(csv.DictReader(open(f"{tables}/{name}_branch.csv")))
    with open(path, "w") as file:
        print(f"function mpc = {name}\nmpc.version = '2';\nmpc.baseMVA = 10;", file=file)
        print("mpc.bus = [  %% in kW", file=file)
        for row in buses:
            kind, high, low = (3, 1, 1) if row["bus"] == "1" else (1, 1.1, 0.9)
            print("", row["bus"], kind, row["p_kw"], row["q_kvar"], 0, 0, 1, 1, 0, 12.66, 1, high,
                  f"{low};", sep="\t", file=file)
        print("];\nmpc.gen = [", *[1, 0, 0, 10, -10, 1, 100, 1, 10], *12 * [0], "];", file=file)
        print("mpc.branch = [", file=file)
        for row in branches:
            print("", row["from"], row["to"], row["r_ohm"], row["x_ohm"], *6 * [0], row["status"],
                  -360, "360;", sep="\t", file=file)
        print("];", CASE_END, file=file)


def test_matpower():
    "The published tables as a MATPOWER case, with its conversions, give what our own files give."
    if not os.path.exists("../shared/data/feeders/case69_bus.csv"):
        print("skipped: no ../shared/data here")
        return
    with tempfile.TemporaryDirectory() as folder:
        for case, ours in (("case69", "ieee69"), ("case33bw", "ieee33")):
            write_case(f"{folder}/{case}.m", case)
            r, known = solved(f"{folder}/{case}.m"), solved(ours)
            for key, value in known.items():
                assert r[key] == value or abs(r[key] - value) < 1e-5, (case, key, r[key], value)


def write_series(path, rows, columns):
    with open(path, "w") as file:
        print("time", *columns, sep=",", file=file)
        for hour, row in enumerate(rows):
            print(f"2026-{1 + hour // 672:02}-{1 + hour // 24 % 28:02}T{hour % 24:02}:00:00Z", *row,
                  sep=",", file=file)


def test_series():
    "Each row of a series gives the flow of its own loads, and the totals are their sums."
    with tempfile.TemporaryDirectory() as folder:
        scales = [0.3 + 0.7 * ((hour * 37) % 24) / 24 for hour in range(672)]
        rows = [(f"{x:.6f}", -200 * (hour % 5), 50) for hour, x in enumerate(scales)]
        write_series(f"{folder}/s.csv", rows, ("scale", "61", "27.kvar"))
        total = solved("ieee69", "--series", f"{folder}/s.csv", "--out", f"{folder}/o.csv", "--plot",
                       f"{folder}/o.svg", "--inject", "50=10")
        steps = list(csv.DictReader(open(f"{folder}/o.csv")))
        assert total["steps"] == len(steps) == 672 and total["unsolved"] == 0, total
        for hour in (0, 13, 671):
            r = solved("ieee69", "--scale", rows[hour][0], "--inject", f"61={-rows[hour][1]}",
                       "--inject", "27=0,-50", "--inject", "50=10")
            step = steps[hour]
            for key in ("load_kw", "loss_kw", "source_kw", "v_min", "v_max"):
                assert abs(float(step[key]) - r[key]) < 1e-5, (hour, key, step, r)
            assert step["v_min_bus"] == r["v_min_bus"]
        assert abs(total["loss_kwh"] - sum(float(s["loss_kw"]) for s in steps)) < 1e-2
        assert total["v_min"] == min(float(s["v_min"]) for s in steps)
        assert sum(int(s["iterations"]) for s in steps) / 672 < 9 # each begins near its end
        assert "</svg>" in open(f"{folder}/o.svg").read()


def test_series_trouble():
    "A step without a solution is named and left blank, the others stand; columns are no guesses."
    with tempfile.TemporaryDirectory() as folder:
        write_series(f"{folder}/s.csv", [(0.5,), (9,), (0.5,)], ("scale",))
        code, out, err = flow("ieee69", "--series", f"{folder}/s.csv", "--out", "-")
        rows = list(csv.DictReader(io.StringIO(out)))
        assert code == 1 and "T01:00:00Z: the voltage collapses, first at bus 6" in err, (code, err)
        assert rows[1]["load_kw"] == "" and rows[0]["loss_kw"] == rows[2]["loss_kw"] != ""
        for column, said in (("70", "s.csv:1: column 70 is no bus"), ("load_w", "no bus of"),
                             ("61.kw", "no bus of")):
            write_series(f"{folder}/s.csv", 3 * [(1,)], (column,))
            code, out, err = flow("ieee69", "--series", f"{folder}/s.csv")
            assert code == 2 and said in err, (column, code, err)


def test_linear():
    "LinDistFlow stands beside the flow with the errors that it has."
    r = solved("ieee69", "--linear")
    assert abs(r["linear"]["v_error"] - 0.0039) < 5.1e-5, r
    assert abs(r["linear"]["loss_error_kw"] / r["loss_kw"] + 0.149) < 5.1e-4, r


def test_sensitivities():
    "The table tells what one more kW costs in losses, and how it moves a voltage."
    _, out, _ = flow("ieee69", "--out", "-", "--sensitivity", "65")
    row = next(r for r in csv.DictReader(io.StringIO(out)) if r["bus"] == "65")
    assert abs(float(row["loss_per_kw"]) - 0.17013) < 5.1e-6, row
    assert abs(float(row["dv_per_mw"]) - 0.054507) < 5.1e-7, row
    code, _, err = flow("ieee69", "--out", "-", "--sensitivity", "70")
    assert code == 2 and 'no bus "70"' in err, err


def test_plot():
    "The picture has a line for each branch before and after, and the ends by their names."
    with tempfile.TemporaryDirectory() as folder:
        solved("ieee69", "--inject", "61=1872.7", "--plot", f"{folder}/p.svg")
        text = open(f"{folder}/p.svg").read()
        assert text.count("<path") >= 2 * 68 and ">27</text>" in text, text[:300]
        solved("ieee69", "--plot", f"{folder}/p.svg")
        assert 68 <= open(f"{folder}/p.svg").read().count("<path") < 80


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
