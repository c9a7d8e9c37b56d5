#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-dso check from the command line: a day's trades, prices, refusals and exit codes.
Usage: check.py BUILD-FOLDER"""
import collections
import csv
import json
import subprocess
import sys
import tempfile

BUILD = sys.argv[1]
CONF, TRADES = "etc/examples/dso.conf", "etc/examples/trades.csv"


def lec_dso(*words):
    done = subprocess.run([f"{BUILD}/lec-dso", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def read(path):
    return list(csv.DictReader(open(path)))


def flow(hour, verdicts, homes):
    "The AC flow of what was permitted in an hour, by the command for flows."
    net = collections.Counter()
    for v in verdicts:
        if v["time"] == hour:
            for side, sign in (("buyer", -1), ("seller", 1)):
                if v[side] != "utility":
                    net[homes[v[side]]] += sign * float(v["permitted_kwh"])
    words = [w for bus, kw in net.items() for w in ("--inject", f"{bus}={kw:.6f}")]
    code, out, err = lec_dso("flow", "ieee69", "--scale", "0.55", *words)
    assert code == 0, err
    return json.loads(out)


def homes_of(path):
    homes, name = {}, None
    for line in open(path):
        if line.startswith("[home "):
            name = line.strip()[6:-1]
        elif line.startswith("bus = "):
            homes[name] = line.split("=")[1].strip()
    return homes


def test_day():
    "A day that would break limits clears within them in every hour, and its losses are paid."
    with tempfile.TemporaryDirectory() as folder:
        code, out, err = lec_dso("check", "--config", CONF, "--trades", TRADES, "--out", f"{folder}/v.csv",
                                 "--prices", f"{folder}/p.csv", "--plot", f"{folder}/p.svg")
        assert code == 0 and err == "", (code, err)
        sums, verdicts, prices = json.loads(out), read(f"{folder}/v.csv"), read(f"{folder}/p.csv")
        assert sums["intervals"] == sums["intervals_kept"] == 24, sums
        assert sums["intervals_broken_before"] >= 8 and sums["reduced"] >= 8, sums
        assert len(verdicts) == sums["trades"] and len(prices) == 24 * 69
        assert all(bool(v["reason"]) == (v["kwh"] != v["permitted_kwh"]) for v in verdicts), "reasons"
        loss = 0
        for hour in sorted({v["time"] for v in verdicts}):
            r = flow(hour, verdicts, homes_of(CONF))
            loss += r["loss_kw"]
            assert r["v_min"] > 0.93 - 1e-5 and r["v_max"] < 1.03 + 1e-5, (hour, r)
            cut = any(v["reason"] for v in verdicts if v["time"] == hour)
            for p in (p for p in prices if p["time"] == hour):
                parts = sum(float(p[k]) for k in ("energy", "loss", "congestion", "voltage"))
                assert abs(float(p["price"]) - parts) < 3e-6, p
                assert cut or p["voltage"] == "0.000000", p
        assert abs(loss - sums["loss_kwh"]) < 1e-3 * loss, (loss, sums)
        micro = [round(sums[k] * 1e6) for k in ("loss_cost", "homes_loss_cost", "others_loss_cost")]
        assert micro[0] == micro[1] + micro[2] + sums["residue_micro"], sums
        assert open(f"{folder}/p.svg").read().count("<rect") > 24 * 69


def test_refusals():
    "What is wrong with trades is told with its line, all of it."
    with tempfile.TemporaryDirectory() as folder:
        for text, said in [
            ("time,buyer,seller,kwh,price\n2026-06-01T00:00:00Z,block-9,nobody,1,0.1\n",
             't.csv:2: seller is "nobody", expected a home'),
            ("time,buyer,seller,kwh,price\n2026-06-01T00:10:00Z,block-9,,1,0.1\n", "at which an interval begins"),
            ("time,buyer,seller,kwh,price\n2026-06-01T00:00:00Z,block-9,,-1,0.1\n", "kwh is \"-1\""),
            ("time,buyer,seller,kwh,price\n2026-06-01T00:00:00Z,,utility,1,0.1\n", "expected two"),
            ("time,buyer,seller,kwh,price\n2026-06-01T00:00:00Z,block-9,,1,0.1\n"
             "2026-06-01T00:00:00Z,block-8,,1,0.2\n", "expected 0.1 as in line 2"),
            ("time,buyer,seller,kwh\n", "no column price"),
            ("time,buyer,seller,kwh,price,colour\n", 'column "colour"'),
            ("time,buyer,seller,kwh,price\n2026-06-01T00:00:00Z,block-9\n", "2 fields, expected 5"),
            ("", "is empty"),
        ]:
            open(f"{folder}/t.csv", "w").write(text)
            code, out, err = lec_dso("check", "--config", CONF, "--trades", f"{folder}/t.csv")
            assert code == 2 and out == "" and said in err, (text, code, err)
        code, _, err = lec_dso("check", "--config", CONF)
        assert code == 2 and "expected --config, --trades" in err, err


for name, test in sorted(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name, "-", test.__doc__)
