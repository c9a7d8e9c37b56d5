#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-market negotiate as a person uses it: its results, files, and what it refuses."""
import csv
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

build = sys.argv[1]
EXAMPLE = "etc/examples/negotiation.conf"
folder = tempfile.mkdtemp(prefix="lecd-negotiate-")
failed = 0


def run(*words):
    return subprocess.run([build + "/lec-market", "negotiate", *words], capture_output=True,
                          text=True, timeout=300)


def changed(name, *changes):
    """The example with lines replaced or put behind others."""
    text = open(EXAMPLE).read()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def check(name, test):
    global failed
    try:
        test()
        print("ok " + name)
    except AssertionError as error:
        failed += 1
        print("FAIL %s: %s" % (name, error))


def test_agreement():
    """An agreement is one object: the central optimum within 0.1 %, limits kept that each alone
    breaks, at a lower cost; a row for each round; a picture that is XML."""
    trace, picture = folder + "/rounds.csv", folder + "/day.svg"
    r = run(EXAMPLE, "--trace", trace, "--plot", picture)
    assert r.returncode == 0, r.stderr
    o = json.loads(r.stdout)
    for key in ("outer", "inner", "primal", "dual", "cost", "central_cost", "gap"):
        assert isinstance(o[key], (int, float)), key
    assert o["agreed"] and o["outer"] <= 30 and o["inner"] <= 10, o
    assert o["primal"] <= o["primal_most"] and o["dual"] <= o["dual_most"], o
    assert -1e-5 <= o["gap"] <= 1e-3, o["gap"]
    assert abs(o["cost"] / o["central_cost"] - 1 - o["gap"]) < 1e-6, o
    assert o["grid_price_norm"] > 0.001 * o["price_norm"] > 0, o
    assert o["agreement"]["lmo_cost"] < o["alone"]["lmo_cost"], o
    assert o["agreement"]["limits_broken"] == 0 < o["alone"]["limits_broken"], o
    rows = list(csv.DictReader(open(trace)))
    assert len(rows) == o["outer"], len(rows)
    assert sum(int(row["inner"]) for row in rows) == o["inner_all"]
    assert abs(float(rows[-1]["primal_kw"]) - o["primal"]) < 1e-6
    assert float(rows[0]["primal_kw"]) > 100 * float(rows[-1]["primal_kw"])
    assert xml.parse(picture).getroot().tag.endswith("svg")


def test_same():
    """The same scenario comes to the same, to the last digit."""
    one, two = (json.loads(run(EXAMPLE).stdout) for _ in range(2))
    for o in (one, two):
        del o["solve_ms"], o["judge_ms"]
    assert one == two


def test_table():
    """The table has a row of ours and one of the paper's for each penetration."""
    r = run(changed("30.conf", ("count = 68", "count = 30")), "--table")
    assert r.returncode == 0, r.stderr
    lines = [line.split() for line in r.stdout.splitlines()]
    ours = [line for line in lines if line and line[0] == "ours"]
    assert [line[1] for line in ours] == ["30", "45", "60", "75"], r.stdout
    assert len([line for line in lines if line and line[0] == "paper"]) == 4
    pays = [float(line[3]) for line in ours]
    assert pays == sorted(pays, reverse=True), pays


def test_not_agreed():
    """Where nothing keeps the limits, it says which residual is too large and whose, which limit is
    broken, and that there is no central optimum either; and fails."""
    r = run(changed("low.conf", ("source-voltage = 1.014", "source-voltage = 1"),
                    ("tolerance = 0.001", "tolerance = 0.001\nrounds = 40")))
    assert r.returncode == 1, r.returncode
    o = json.loads(r.stdout)
    assert o["agreed"] is False and o["central_cost"] is None and o["gap"] is None, o
    for words in ("primal residual", "at home-", "bus 61", "voltage of bus 65 below 0.95",
                  "nothing that homes can do keeps all limits"):
        assert words in r.stderr, (words, r.stderr)


def test_negative():
    """Hours in which the wholesale price is below zero are agreed on too, within all limits; that
    there is no bound to hold it against is said."""
    series = os.path.join(folder, "negative.csv")
    with open(series, "w") as file:
        for line in open("etc/examples/negotiation.csv"):
            at, load, pv, price = line.strip().split(",")
            price = "-0.02" if at[11:13] in ("11", "12", "13") else price
            file.write(",".join((at, load, pv, price)) + "\n")
    r = run(changed("negative.conf", ("etc/examples/negotiation.csv", series),
                    ("pv = 0.5", "pv = 1.5")))
    assert r.returncode == 0, r.stderr
    o = json.loads(r.stdout)
    assert o["agreed"] and o["central_cost"] is None and o["gap"] is None, o
    assert o["agreement"]["limits_broken"] == 0, o
    assert "a wholesale price is below 0" in r.stderr, r.stderr


def test_refused():
    """Unknown buses, keys, files and options are refused by line, all at once."""
    path = changed("bad.conf", ("seed = 1", "colour = blue"), ("count = 68", "count = many"))
    r = run(path)
    assert r.returncode == 2 and not r.stdout, r
    for line, text in enumerate(open(path).read().splitlines(), 1):
        if text.startswith(("colour", "count")):
            assert "%s:%d: " % (path, line) in r.stderr, r.stderr
    assert len(r.stderr.splitlines()) == 2, r.stderr
    named = "[prosumer a]\nbus = 999\nclass = car\npeak = 5 kW\n[homes]"
    path = changed("bus.conf", ("[homes]", named))
    r = run(path)
    line = open(path).read().splitlines().index("bus = 999") + 1
    assert r.returncode == 2 and not r.stdout, r
    assert '%s:%d: ieee69 has no bus "999"' % (path, line) in r.stderr, r.stderr
    for words in ((), (EXAMPLE, "more"), (EXAMPLE, "--table", "--plot", "x"), ("--colour",),
                  ("absent.conf",)):
        r = run(*words)
        assert r.returncode == 2 and r.stderr and not r.stdout, (words, r)
    r = run(EXAMPLE, "--plot", folder + "/none/x.svg")
    assert r.returncode == 1 and "none/x.svg" in r.stderr, r


def test_processes():
    """A home or a community of a scenario as a process: files, names and brokers that are none are refused
    with 2, and what is expected is said."""
    sim, broker, league = build + "/lec-sim", "mqtt://127.0.0.1:1", "etc/examples/league.conf"
    for said, *words in (
            ("cannot be read", "prosumer", "absent.conf", "--home", "home-1", "--broker", broker),
            ("--home nobody, expected", "prosumer", EXAMPLE, "--home", "nobody", "--broker", broker),
            ("--broker foo, expected", "prosumer", EXAMPLE, "--home", "home-1", "--broker", "foo"),
            ("--broker, expected mqtt://", "neighbour", league, "--name", "mill", "--broker", "foo")):
        r = subprocess.run([sim, *words], capture_output=True, text=True, timeout=60)
        assert r.returncode == 2 and said in r.stderr and not r.stdout, (words, r)
        assert len(r.stderr.splitlines()) == 1, r.stderr


def test_currency():
    """A scenario in another currency needs it in each price that it gives, and in no other."""
    r = run(changed("nok.conf", ("EUR/kWh", "NOK/kWh")), "--without-judge")
    assert r.returncode == 0, r.stderr
    assert json.loads(r.stdout)["currency"] == "NOK"
    text = open(EXAMPLE).read().replace("EUR/kWh", "NOK/kWh")
    path = os.path.join(folder, "defaults.conf")
    with open(path, "w") as file:
        file.write("\n".join(line for line in text.splitlines()
                             if not line.startswith(("penalty", "wear"))))
    r = run(path, "--without-judge")
    assert r.returncode == 0, r.stderr


for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        check(" ".join(test.__doc__.split()), test)
sys.exit(failed > 0)
