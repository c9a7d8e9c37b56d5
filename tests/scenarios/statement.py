#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger written by another program, as ledger.h and facts.h say it: lec-market verify proves it,
lec-market statement makes a bill of it, and what is broken is named and still read.

Usage: statement.py BUILD-FOLDER."""
import csv
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from datetime import datetime, timezone

build = sys.argv[1]
folder = tempfile.TemporaryDirectory()
BUY, SELL, NETWORK, LOCAL = 250000, 80000, 50000, 20000
PRICE = 170000
LENGTH_S = 900


def check(name, good, seen=""):
    if not good:
        sys.exit(f"FAIL {name} {seen}")
    print("ok " + name)


def lec_market(*words):
    return subprocess.run([os.path.join(build, "lec-market"), *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


class Ledger:
    """The format, from its description alone."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.executescript(
            "PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"
            "CREATE TABLE entry(sequence INTEGER PRIMARY KEY, made_s INTEGER NOT NULL, kind TEXT "
            "NOT NULL, round TEXT NOT NULL, interval_s INTEGER NOT NULL, home TEXT NOT NULL, "
            "revision INTEGER NOT NULL, text TEXT NOT NULL, hash BLOB NOT NULL);"
            "CREATE UNIQUE INDEX fact ON entry(kind, interval_s, round, home, revision);")
        self.sequence, self.hash = 0, "0" * 64

    def put(self, made_s, kind, round_, interval_s, home, revision, **text):
        self.sequence += 1
        text = json.dumps({"v": 1, **text}, separators=(",", ":"))
        row = (self.sequence, made_s, kind, round_, interval_s, home, revision, text)
        words = "\n".join([self.hash, *(str(word) for word in row)])
        self.hash = hashlib.sha256(words.encode()).hexdigest()
        self.db.execute("INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (*row, bytes.fromhex(self.hash)))

    def close(self):
        self.db.commit()
        self.db.close()


def money(price, energy):
    return (price * energy + 500000) // 1000000


def line(import_, export, traded, sells, estimated):
    """A home that bought or sold so much and kept it."""
    bought, sold = (0, traded) if sells else (traded, 0)
    paid, received = money(PRICE, bought), money(PRICE, sold)
    whole = money(BUY + NETWORK, import_) - money(BUY + NETWORK, bought)
    network = money(NETWORK, import_ - bought)
    gain = money(SELL, export) - money(SELL, sold)
    fees = network + money(LOCAL, bought)
    return {"estimated": estimated, "import_mwh": import_, "export_mwh": export,
            "bought_mwh": bought, "paid_micro": paid, "sold_mwh": sold, "received_micro": received,
            "not_taken_mwh": 0, "not_given_mwh": 0, "from_utility_mwh": import_ - bought,
            "utility_cost_micro": whole - network, "to_utility_mwh": export - sold,
            "utility_gain_micro": gain, "fees_micro": fees, "penalty_micro": 0,
            "total_micro": paid + whole - network + fees - received - gain,
            "alone_micro": money(BUY + NETWORK, import_) - money(SELL, export)}


def balance(lines):
    def total(key):
        return sum(one[key] for one in lines)
    delivered, taken = total("from_utility_mwh"), total("to_utility_mwh")
    utility = money(BUY, delivered) - money(SELL, taken)
    grid = money(NETWORK, delivered) + money(LOCAL, total("bought_mwh"))
    return {"rule": "metered", "currency": "EUR", "length_s": LENGTH_S, "utility_buy_micro": BUY,
            "utility_sell_micro": SELL, "network_fee_micro": NETWORK, "local_fee_micro": LOCAL,
            "penalty_micro": 0, "homes": len(lines), "estimated": total("estimated"),
            "traded_mwh": total("bought_mwh"), "delivered_mwh": delivered, "taken_mwh": taken,
            "total_micro": total("total_micro"), "utility_account_micro": utility,
            "grid_account_micro": grid, "penalties_account_micro": 0,
            "residue_account_micro": total("total_micro") - utility - grid}


def settle(ledger, at_s, revision, consumer, producer):
    made_s = at_s + LENGTH_S + 3600
    for home, one in (("home-1", consumer), ("home-2", producer)):
        ledger.put(made_s, "settlement", "", at_s, home, revision, **one)
    ledger.put(made_s, "balance", "", at_s, "", revision, **balance([consumer, producer]))


def write(path):
    """June 2026 in Oslo: home-1 consumes, home-2 has sun to sell; home-1's readings of ten intervals
    never come, of one it came late."""
    ledger = Ledger(path)
    first_s = int(datetime(2026, 5, 31, 22, tzinfo=timezone.utc).timestamp())
    sums = {}
    for i in range(-4, 30 * 96 + 4):  # and an hour of the months around it
        at_s = first_s + i * LENGTH_S
        traded = 100000 + i % 7 * 1111
        ledger.put(at_s - 60, "award", "intraday", at_s, "home-1", 0, bought_mwh=traded,
                   paid_micro=money(PRICE, traded), sold_mwh=0, received_micro=0)
        ledger.put(at_s - 60, "award", "intraday", at_s, "home-2", 0, bought_mwh=0, paid_micro=0,
                   sold_mwh=traded, received_micro=money(PRICE, traded))
        lost, late = 100 <= i < 110, i == 500
        consumer = line(300000 + i % 5 * 7, 0, traded, False, False)
        producer = line(0, 200000 + i % 3 * 13, traded, True, False)
        ledger.put(at_s + LENGTH_S, "meter", "", at_s, "home-2", 0, import_mwh=0,
                   export_mwh=producer["export_mwh"])
        if lost or late:
            settle(ledger, at_s, 0, line(traded, 0, traded, False, True), producer)
        if not lost:
            ledger.put(at_s + 9000, "meter", "", at_s, "home-1", 0,
                       import_mwh=consumer["import_mwh"], export_mwh=0)
            settle(ledger, at_s, int(late), consumer, producer)
        else:
            consumer = line(traded, 0, traded, False, True)
        if 0 <= i < 30 * 96:
            for key, value in consumer.items():
                sums[key] = sums.get(key, 0) + value
    ledger.close()
    return ledger, sums


path = os.path.join(folder.name, "ledger.db")
ledger, sums = write(path)

# --- the proof -----------------------------------------------------------------------------------
run = lec_market("verify", "--ledger", path)
check("another program's ledger is proven", run.returncode == 0, run.stderr)
said = json.loads(run.stdout)
check("and counted", (said["sound"], said["entries"], said["head"], said["intervals"],
                      said["corrections"], said["estimated"]) ==
      (True, ledger.sequence, ledger.hash, 30 * 96 + 8, 1, 10), said)
run = lec_market("verify", "--ledger", path, "--head", f"{ledger.sequence}:{ledger.hash}")
check("its head is part of it", run.returncode == 0, run.stderr)
run = lec_market("verify", "--ledger", path, "--head", f"{ledger.sequence - 1}:{ledger.hash}")
check("another head is not", run.returncode == 1 and "made anew" in run.stderr, run)
run = lec_market("verify", "--ledger", path, "--head", f"{ledger.sequence + 1}:{ledger.hash}")
check("nor a later one", run.returncode == 1 and "ends before" in run.stderr, run)

# --- what was never settled -------------------------------------------------------------------------
ledger.db = sqlite3.connect(path)
end_s = max(at for (at,) in ledger.db.execute("SELECT interval_s FROM entry WHERE kind = 'balance'"))
late = [end_s + LENGTH_S * i for i in (1, 2, 3)]
ledger.put(late[0], "tariff", "", late[0], "", 0, length_s=LENGTH_S, meter_wait_s=3600)
for at_s in late:
    ledger.put(at_s - 120, "clearing", "intraday", at_s, "", 0, bids=2, void=False)
whole = os.path.join(folder.name, "whole.db")
ledger.put(late[2] + 5400 - 120, "clearing", "intraday", late[2] + 5400, "", 0, bids=0, void=False)
ledger.close()
shutil.copy(path, whole)
run = lec_market("verify", "--ledger", whole)
said = json.loads(run.stdout)
named = [datetime.fromtimestamp(at_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") for at_s in late[:2]]
check("traded and never settled: sound, named, and told by the exit status", run.returncode == 3 and
      said["sound"] and said["unsettled"] == 2 and said["unsettled_intervals"] == named and all(
          f"interval {at}: traded and not settled" in run.stderr for at in named), run)

# --- the bill --------------------------------------------------------------------------------------
month = ["--month", "2026-06", "--ledger", path, "--timezone", "Europe/Oslo"]
run = lec_market("statement", "home-1", *month, "--json")
check("a bill for machines", run.returncode == 0, run.stderr)
bill = json.loads(run.stdout)
for key, column in (("total", "total_micro"), ("alone", "alone_micro"), ("bought_kwh", "bought_mwh"),
                    ("paid", "paid_micro"), ("import_kwh", "import_mwh"), ("fees", "fees_micro")):
    check(f"its {key} is the sum, to the last millionth", round(bill[key] * 1e6) == sums[column],
          (bill[key], sums[column]))
check("its saving is what is left", round(bill["saving"] * 1e6) ==
      sums["alone_micro"] - sums["total_micro"] > 0, bill)
check("its intervals are the local month's",
      (bill["from"], bill["to"], bill["intervals"], bill["settled"], bill["expected"]) ==
      ("2026-05-31T22:00:00Z", "2026-06-30T22:00:00Z", 2880, 2880, 2880), bill)
check("the ledger's head stands in it", bill["head"] == f"{ledger.sequence}:{ledger.hash}", bill)
check("estimates and corrections are counted", (bill["estimated"], bill["corrected"]) == (10, 1), bill)

run = lec_market("statement", "home-1", *month, "--csv")
rows = list(csv.DictReader(io.StringIO(run.stdout)))
check("a row for each interval", len(rows) == 2880 and rows[0]["time"] == "2026-05-31T22:00:00Z")
check("rows add up to the bill", sum(round(float(r["total"]) * 1e6) for r in rows) ==
      sums["total_micro"])
check("estimated and corrected rows say so", [r["estimated"] for r in rows].count("yes") == 10 and
      [r["revision"] for r in rows].count("1") == 1 and rows[500]["revision"] == "1")

run = lec_market("statement", "home-1", *month)
print(run.stdout)
check("a bill for people", run.returncode == 0 and not run.stderr, run.stderr)
for words in ("Statement of home-1, 2026-06 (2026-06-01 00:00 to 2026-07-01 00:00, Europe/Oslo)",
              f"bought from neighbours {sums['bought_mwh'] / 1e6:32.3f}     0.1700",
              f"you pay {sums['total_micro'] / 1e6:71.2f}",
              f"the same energy with the utility alone {sums['alone_micro'] / 1e6:40.2f}",
              "saved by the market",
              "Estimated for lack of a reading, as if trades were kept: 10 intervals "
              "(2026-06-02 01:00 to 2026-06-02 03:30); corrected when",
              "Corrected since they were first settled: 1 interval (2026-06-06 05:00 to "
              "2026-06-06 05:15)",
              f"The ledger's head, to hold it to: {ledger.sequence}:{ledger.hash}"):
    check(f"it says {words.split('  ')[0][:40]}", words in run.stdout, words)
run = lec_market("statement", "home-2", *month)
check("who sells receives", "you receive" in run.stdout and "sold to neighbours" in run.stdout)
run = lec_market("statement", "home-2", "--month", "2026-07", "--ledger", path, "--timezone",
                 "Europe/Oslo")
check("a month that is not over says so", "Not complete: 4 of 2976" in run.stdout, run.stdout)

# --- what is broken ----------------------------------------------------------------------------------
broken = os.path.join(folder.name, "broken.db")
for sql, sequence, reason in (
        ("UPDATE entry SET interval_s = interval_s + 1 WHERE sequence = 2000", 2000, "its hash is not that of its words"),
        ("DELETE FROM entry WHERE sequence = 1234", 1234, "it is missing")):
    shutil.copy(path, broken)
    db = sqlite3.connect(broken)
    db.execute(sql)
    db.commit()
    db.close()
    run = lec_market("verify", "--ledger", broken)
    said = json.loads(run.stdout)
    check(f"{sql[:6]}: refused by its sequence and reason", run.returncode == 1 and
          not said["sound"] and said["sequence"] == sequence and reason in said["reason"] and
          f"entry {sequence}: {reason}" in run.stderr, run)
shutil.copy(path, broken)
db = sqlite3.connect(broken)
(sequence,) = db.execute("SELECT sequence FROM entry WHERE kind = 'settlement' AND "
                         "sequence > 2000 AND home = 'home-1'").fetchone()
db.execute("UPDATE entry SET text = replace(text, '\"paid_micro\":', '\"paid_micro\":1') "
           "WHERE sequence = ?", (sequence,))
db.commit()
db.close()
run = lec_market("statement", "home-1", "--month", "2026-06", "--ledger", broken)
check("a bill of it can be read, and says what it is worth", run.returncode == 1 and
      "you pay" in run.stdout and f"NOT TO BE RELIED ON: entry {sequence} " in run.stdout and
      f"entry {sequence} was changed" in run.stderr, run)
run = lec_market("statement", "home-2", "--month", "2026-08", "--ledger", path)
check("a month of which there is nothing", run.returncode == 1 and
      "nothing of home-2 is settled in 2026-08" in run.stderr, run)
with open(os.path.join(folder.name, "none.db"), "w") as file:
    file.write("no ledger" * 1000)
for words, reason in (
        (["verify", "--ledger", folder.name + "/none.db"], "file is not a database"),
        (["verify", "--ledger", folder.name + "/nowhere.db"], "unable to open"),
        (["verify"], "expected --ledger FILE"),
        (["verify", "--ledger", path, "--head", "5:abc"], "--head, expected SEQUENCE:HASH"),
        (["statement", "--month", "2026-06", "--ledger", path], "expected one home"),
        (["statement", "home-1", "--ledger", path], "expected --month"),
        (["statement", "home-1", "--month", "2026-06"], "expected --ledger"),
        (["statement", "home-1", "--month", "2026-13", "--ledger", path], "a month like 2026-06"),
        (["statement", "home-1", "--month", "2026-00", "--ledger", path], "a month like 2026-06"),
        (["statement", "home-1", "--month", "June", "--ledger", path], "a month like 2026-06"),
        (["statement", "home-1", *month, "--csv", "--json"], "expected one of them"),
        (["statement", "home-1", *month[:4], "--timezone", "Oslo"], "--timezone, expected")):
    run = lec_market(*words)
    check(f"refused: {' '.join(words[:1] + words[-2:])[:50]}", run.returncode == 2 and
          reason in run.stderr and not run.stdout, run)
