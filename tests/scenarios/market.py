#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A book through `lec-market clear` by every mechanism: JSON, trades, picture, and what is refused.

Usage: market.py BUILD-FOLDER."""
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile

build = sys.argv[1]
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
examples = os.path.join(root, "etc", "examples")
UTILITY = ["--utility-buy", "0.3", "--utility-sell", "0.1"]
POOLS = ["mid-market", "supply-demand-ratio", "community"]
PAIRS = ["uniform", "pay-as-bid", "continuous", "mcafee"]


def check(name, good, seen=""):
    if not good:
        sys.exit(f"FAIL {name} {seen}")
    print("ok " + name)


def clear(*words):
    return subprocess.run([os.path.join(build, "lec-market"), "clear", *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


keys = set()


def cleared(*words):
    done = clear(*words)
    if done.returncode:
        sys.exit(f"FAIL {words}: {done.stderr}")
    said = json.loads(done.stdout)
    keys.update(said)
    for price in said.get("prices", []):
        keys.update(price)
    return said


def example(name):
    return os.path.join(examples, name)


with tempfile.TemporaryDirectory() as folder:
    out, plot = os.path.join(folder, "trades.csv"), os.path.join(folder, "book.svg")

    # An order at the highest price there is does not come before a block that was taken.
    book = os.path.join(folder, "at-the-cap.csv")
    for least, welfare in ((1, 6500), (0.9, 6550)):
        with open(book, "w") as file:
            file.write("order,owner,side,price,quantity,interval,block,min_ratio\n1,a,buy,1000,5,i,,\n"
                       f"2,b,buy,900,5,i,x,{least}\n3,c,sell,0,7,i,,\n")
        said = cleared("--mechanism", "uniform", "--out", out, book)
        check(f"a block of at least {least} beside an order at the cap: the best welfare",
              said["welfare"] == welfare, said)
        with open(out) as file:
            filled = sum(float(t["quantity"]) for t in csv.DictReader(file) if t["buy_order"] == "2")
        check("and the block is filled", filled >= 5 * least, filled)

    book = os.path.join(folder, "negative.csv")
    with open(book, "w") as file:
        file.write("order,owner,side,price,quantity\n1,a,buy,-0.1,1\n2,b,sell,-0.3,1\n")
    said = cleared("--mechanism", "vcg", book)
    check("vcg below zero: each side's price is its own",
          (said["buy_price"], said["sell_price"]) == (-0.3, -0.1), said)

    book = os.path.join(folder, "names.csv")
    with open(book, "w") as file:
        name = "\x01" * 60
        file.write("order,owner,side,price,quantity,interval\n"
                   f"1,a{name},buy,2,1,i{name}\n2,b{name},sell,1,1,i{name}\n"
                   f"3,a{name},buy,2,1,j{name}\n4,b{name},sell,1,1,j{name}\n")
    check("names that are all escapes are told whole",
          cleared("--mechanism", "uniform", book)["quantity"] == 2)
    with open("/dev/full", "w") as full:
        done = subprocess.run([os.path.join(build, "lec-market"), "clear", "--mechanism", "uniform",
                               book], text=True, stdout=full, stderr=subprocess.PIPE)
    check("a result that cannot be written is said to be lost",
          done.returncode == 1 and "cannot be written" in done.stderr, done)

    book = os.path.join(folder, "published.csv")
    with open(book, "w") as file:
        file.write("order,owner,side,price,quantity\n1,A,buy,1,10\n2,B,buy,2,15\n3,C,buy,3,20\n"
                   "4,A,sell,1.00002,25\n5,B,sell,5,30\n6,C,sell,2.4,35\n")
    seen = cleared("--mechanism", "uniform", book)
    check("the published book clears 25 kWh at 2", seen["quantity"] == 25 and seen["price"] == 2
          and abs(seen["welfare"] - 44.9995) < 1e-9, seen)
    seen = cleared("--mechanism", "uniform", "--price", "pair", "--k", "0.5", book)
    check("and at 1.50001 by its last pair", seen["price"] == 1.50001, seen)

    for mechanism in PAIRS + POOLS + ["vcg"]:
        seen = cleared("--mechanism", mechanism, *UTILITY, "--out", out, "--plot", plot,
                       example("orders.csv"))
        rows = list(csv.DictReader(open(out)))
        energy = sum(abs(float(row["quantity"])) for row in rows)
        total = seen["quantity"] * (1 if mechanism in PAIRS else 2)
        traded = len(rows) if mechanism in PAIRS else sum(float(row["quantity"]) != 0 for row in rows)
        check(f"{mechanism}: the trades are told", seen["trades"] == traded
              and seen.get("members") == (None if mechanism in PAIRS else len(rows)), seen)
        check(f"{mechanism}: the trades hold the quantity",
              abs(energy - total - seen.get("import", 0) - seen.get("export", 0)) < 1e-6, seen)
        check(f"{mechanism}: a picture of it", open(plot).read().rstrip().endswith("</svg>"))

    with open(book, "w") as file:
        file.write("order,owner,side,price,quantity\n1,a,buy,1,2\n2,b,sell,0,2\n3,c,buy,1,3\n4,c,sell,0,3\n")
    for mechanism in POOLS:
        seen = cleared("--mechanism", mechanism, *UTILITY, "--out", out, book)
        check(f"{mechanism}: who ends at nothing is a member and no trade",
              (seen["members"], seen["trades"], len(open(out).readlines())) == (3, 2, 4), seen)

    with open(book, "w") as file:
        file.write("order,owner,side,price,quantity\n1,a,buy,0.5,10\n2,a,sell,0.1,10\n3,b,buy,0.2,1\n"
                   "4,b,sell,0.45,1\n")
    seen = cleared("--mechanism", "uniform", book)
    check("who may not trade with itself buys and sells at prices of its own",
          [(p["owner"], p["side"], p["price"]) for p in seen["prices"]]
          == [("a", "buy", 0.5), ("a", "sell", 0.1)], seen)

    lines = open(example("orders.csv")).read().splitlines()
    first = clear("--mechanism", "uniform", example("orders.csv"), "--out", out)
    trades = open(out).read()
    for seed in range(5):
        random.seed(seed)
        rows = lines[1:]
        random.shuffle(rows)
        with open(book, "w") as file:
            file.write("\n".join([lines[0], *rows]) + "\n")
        again = clear("--mechanism", "uniform", book, "--out", out)
        check("the rows in another order give the same", again.stdout == first.stdout
              and open(out).read() == trades)

    seen = cleared("--mechanism", "uniform", "--fees", example("fees.csv"),
                   example("orders-zones.csv"))
    check("each zone and side has a price", len(seen["prices"]) == 4 and seen["price"] is None, seen)
    with open(book, "w") as file:
        file.write("order,owner,side,price,quantity,zone,interval,block\n"
                   "1,a,buy,0.30,4,north,i,\n2,b,sell,0.05,3,south,i,x\n3,b,sell,0.05,3,south,j,x\n"
                   "4,a,buy,0.02,4,north,j,\n5,c,sell,0.08,2,north,i,\n")
    seen = cleared("--mechanism", "uniform", "--fees", example("fees.csv"), book)
    check("a block that is sold over a grid's fee in two intervals: it is taken for both, and paid what "
          "it loses in one", seen["quantity"] == 7 and abs(seen["welfare"] - 0.76) < 1e-9
          and seen["fees"] == 0.12 and seen["uplift"] == 0.12 and seen["proven"], seen)
    seen = cleared("--mechanism", "uniform", example("orders-blocks.csv"))
    check("blocks are proven, each interval has a price",
          seen["proven"] and [p["price"] for p in seen["prices"]] == [0.24, 0.2], seen)

    # A book with zones, intervals and blocks in any order of its rows.
    for seed in range(4):
        random.seed(seed)
        rows = [f"{i},h{random.randrange(5)},{random.choice(['buy', 'sell'])},{random.randrange(8) / 20},"
                f"{random.randrange(1, 9) / 4},{random.choice(['north', 'south'])},"
                f"{random.choice('ij')},,\n" for i in range(40)]
        for i in range(4):
            side, price = random.choice(["buy", "sell"]), random.randrange(8) / 20
            rows += [f"{j}{i},h{i},{side},{price},{random.randrange(1, 9) / 4},north,{j},b{i},"
                     f"{0.5 if i < 2 else ''}\n" for j in "ij"][:1 + i % 2]
        seen = []
        for _ in range(3):
            random.shuffle(rows)
            with open(book, "w") as file:
                file.write("order,owner,side,price,quantity,zone,interval,block,min_ratio\n"
                           + "".join(rows))
            said = cleared("--mechanism", "uniform", "--fees", example("fees.csv"), "--out", out, book)
            seen.append((said, open(out).read()))
        check("zones, intervals and blocks in another order give the same",
              seen[0] == seen[1] == seen[2] and seen[0][0]["proven"], seen)

with open(os.path.join(root, "docs", "lec-market.1")) as file:
    manual = file.read().split(".Sh RESULT")[1].split(".El")[0]  # of clear; negotiate's lists follow it
told = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"(?m)^\.(?:It )?Cm (.*)$", manual))))
check("each key of the result is in the manual", keys <= told, keys - told)
check("and no other", told - {"continuous", "mcafee", "vcg", "community"} <= keys, told - keys)

REFUSED = [
    (["--mechanism", "lottery", example("orders.csv")], "--mechanism, expected one of"),
    (["--mechanism", "uniform", "--k", "1.5", example("orders.csv")], "--k, expected a number from 0 to 1"),
    (["--mechanism", "uniform", "--ties", "luck", example("orders.csv")], "expected pro-rata or arrival"),
    (["--mechanism", "mid-market", example("orders.csv")], "--utility-buy, expected"),
    (["--mechanism", "mid-market", "--utility-buy", "0.1", "--utility-sell", "0.2",
      example("orders.csv")], "--utility-sell, expected not more than --utility-buy"),
    (["--mechanism", "vcg", example("orders-blocks.csv")], "blocks, expected none with vcg"),
    (["--mechanism", "mcafee", "--fees", example("fees.csv"), example("orders-zones.csv")],
     "zones, expected none with mcafee"),
    (["--mechanism", "uniform", "--price-cap", "0.25", example("orders.csv")],
     "orders.csv:2: price '0.30', expected a price per kWh from -0.25 to 0.25"),
    (["--mechanism", "uniform", "no-such.csv"], "no-such.csv"),
    (["--mechanism", "uniform"], "0 files of orders, expected one"),
    (["--mechanism", "uniform", "--no-such"], "Usage"),
]
for words, expected in REFUSED:
    done = clear(*words)
    check(f"{' '.join(words[:4])} is refused", done.returncode == 2 and expected in done.stderr
          and not done.stdout, (done.returncode, done.stderr))
done = clear("--mechanism", "uniform", "--out", "/nowhere/trades.csv", example("orders.csv"))
check("what cannot be written is told", done.returncode == 1 and "/nowhere/trades.csv" in done.stderr)
