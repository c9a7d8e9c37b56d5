#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-market negotiate of a scenario with a framework, as a person uses it: what one line chooses, its
results and files held against each other, what goes wrong on the way, and what it refuses.

Usage: league.py BUILD-FOLDER."""
import csv
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

BUILD = os.path.abspath(sys.argv[1])
EXAMPLE = "etc/examples/league.conf"
folder = tempfile.mkdtemp(prefix="lecd-league-")
failed = 0


def negotiate(*words):
    return subprocess.run([BUILD + "/lec-market", "negotiate", *words], capture_output=True, text=True,
                          timeout=300, check=False)


def changed(name, *changes):
    """The example with words replaced."""
    with open(EXAMPLE) as file:
        text = file.read()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def framework(name, *changes):
    return changed(name + ".conf", ("framework = distributed", "framework = " + name), *changes)


def check(test):
    global failed
    try:
        test()
        print("ok " + " ".join(test.__doc__.split()))
    except AssertionError as error:
        failed += 1
        print(f"FAIL {test.__name__}: {error!r}")


def whole(text):
    """A number of a CSV file in whole millionths."""
    sign = -1 if text.startswith("-") else 1
    units, _, part = text.lstrip("-").partition(".")
    return sign * (int(units) * 1000000 + int((part + "000000")[:6]))


def millionths(number):
    return round(number * 1e6)


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def told(path, *words):
    r = negotiate(path, *words)
    assert r.returncode == 0, r.stderr
    return json.loads(r.stdout)


def test_lines():
    """By a platform and by consensus communities come to one optimum within 0.1 %; trades, energy and money
    of the files and of the result are the same to the digit."""
    for name in ("decentralised", "distributed"):
        out, trace, picture = (os.path.join(folder, name + end) for end in (".csv", "-rounds.csv", ".svg"))
        o = told(framework(name), "--out", out, "--trace", trace, "--plot", picture)
        assert o["framework"] == name and o["converged"] and o["balanced"], o
        assert -1e-6 < o["gap"] < 1e-3 and o["cost"] < 0.7 * o["alone_cost"], o
        assert not o["given_up"] and not o["unagreed"], o
        assert len(rows(trace)) == o["rounds"] and float(rows(trace)[-1]["residual_w"]) <= 10, o["rounds"]
        assert xml.parse(picture).getroot().tag.endswith("svg")
        taken, paid = {}, {}
        for row in rows(out):
            kwh, price = whole(row["kwh"]), whole(row["price"])
            assert kwh > 0 and row["from"] != row["to"], row
            money = (2 * price * kwh + 1000000) // 2000000  # rounded to the nearest
            for who, sign in ((row["to"], 1), (row["from"], -1)):
                taken[who] = taken.get(who, 0) + sign * kwh
                paid[who] = paid.get(who, 0) + sign * money
        for c in o["communities"]:
            assert millionths(c["from_neighbours_kwh"]) == taken.get(c["name"], 0), c
            assert millionths(c["paid_neighbours"]) == paid.get(c["name"], 0), c
            assert c["cost"] <= c["alone_cost"] + 0.05, c  # to the tolerance
        assert sum(millionths(c["from_neighbours_kwh"]) for c in o["communities"]) == 0
        assert sum(millionths(c["paid_neighbours"]) for c in o["communities"]) == 0
        assert sum(millionths(c["fees"]) for c in o["communities"]) == millionths(o["fees"])
        assert sum(millionths(c["paid_utility"]) for c in o["communities"]) == millionths(o["paid_utility"])


def test_peers():
    """As homes they trade bilaterally, none beyond its limit, none at a loss, near to what a pool makes."""
    out, trace, picture = (os.path.join(folder, "p2p" + end) for end in (".csv", "-steps.csv", ".svg"))
    o = told(framework("p2p"), "--out", out, "--trace", trace, "--plot", picture)
    assert o["framework"] == "p2p" and o["residue"] == 0, o
    assert o["central_cost"] <= o["cost"] < o["alone_cost"], o
    assert 0.9 * o["pool_welfare"] < o["welfare"] <= o["alone_cost"] - o["central_cost"] + 1e-3, o
    assert len(rows(out)) == o["trades"] > 50
    step = {}
    for row in rows(out):
        for key in ((row["time"], row["to"], "buys"), (row["time"], row["from"], "sells")):
            step[key] = step.get(key, 0) + whole(row["kwh"])
    limit = {h["name"]: h["limit_w"] for h in o["homes"]}
    assert all(kwh <= limit[who] * 1000 for (_, who, _), kwh in step.items()), limit
    assert any(kwh == limit[who] * 1000 for (_, who, _), kwh in step.items()), "no limit ever bound"
    assert all(h["cost"] <= h["alone_cost"] + 1e-3 for h in o["homes"]), o["homes"]
    assert sum(millionths(float(row["traded_kwh"])) for row in rows(trace)) == millionths(o["traded_kwh"])
    assert any(row["price"] == "" for row in rows(trace)), "a price where nothing was traded"
    assert xml.parse(picture).getroot().tag.endswith("svg")


def test_faults():
    """With messages lost, one silent and one raving the others come to their optimum; these two are named."""
    for name in ("decentralised", "distributed"):
        trace, picture = os.path.join(folder, "lost.csv"), os.path.join(folder, "lost.svg")
        o = negotiate(framework(name, ("loss = 0 %", "loss = 10 %"),
                                ("[community quay]", "[community quay]\nsilent-from = 30"),
                                ("[community grove]", "[community grove]\nunsound-from = 50")),
                      "--trace", trace, "--plot", picture)
        assert o.returncode == 0, o.stderr
        assert all(row["residual_w"] == "" or float(row["residual_w"]) < 1e6 for row in rows(trace))
        with open(picture) as file:
            assert "inf" not in file.read() and xml.parse(picture), picture
        for who, why in (("quay", "silent"), ("grove", "unsound")):
            assert f"{who} was given up by" in o.stderr and why in o.stderr, o.stderr
        o = json.loads(o.stdout)
        assert {g["who"] for g in o["given_up"] if g["why"] == "unsound"} == {"grove"}, o["given_up"]
        assert {"hill-quay", "quay-farm", "station-grove"} <= set(o["unagreed"]), o["unagreed"]
        assert o["balanced"] and -1e-6 < o["gap"] < 1e-3, o["gap"]


def test_deadline():
    """Out of rounds it ends with 1, says who is how far apart, and what there is balances."""
    r = negotiate(changed("short.conf", ("tolerance = 10 W", "tolerance = 10 W\nrounds = 20")))
    assert r.returncode == 1, r
    assert "not agreed within 20 rounds: " in r.stderr and " W apart, tolerance 10 W" in r.stderr, r.stderr
    o = json.loads(r.stdout)
    assert not o["converged"] and o["residual_of"] and o["balanced"] and o["cost"] > o["central_cost"], o


def test_refused():
    """What is wrong is refused with 2: lines of the file, and options that do not belong together."""
    cases = (
        (("from = hill\n", "from = hall\n"), ": line hill-quay leads to 'hall', expected the name of a community"),
        (("capacity = 15 kW", "capacity = -15 kW"), "capacity"),
        (("framework = distributed", "framework = none"), "expected one of decentralised, distributed, p2p"),
        (("series = etc/examples/league.csv", "series = nowhere.csv"), "nowhere.csv"),
    )
    for change, words in cases:
        r = negotiate(changed("broken.conf", change))
        assert r.returncode == 2 and words in r.stderr and not r.stdout, r
    for word in ("--table", "--without-judge"):
        r = negotiate(EXAMPLE, word)
        assert r.returncode == 2 and word in r.stderr, r
    r = negotiate("etc/examples/negotiation.conf", "--out", "x.csv")
    assert r.returncode == 2 and "--out" in r.stderr, r
    r = negotiate(EXAMPLE, "--plot", "/nowhere/x.svg")
    assert r.returncode == 1 and "/nowhere/x.svg" in r.stderr, r


for each in (test_lines, test_peers, test_faults, test_deadline, test_refused):
    check(each)
sys.exit(failed > 0)
