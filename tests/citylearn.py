#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The homes of the CityLearn Challenge 2022 as series of lecd, a file for each home.

Usage: citylearn.py HOMES.csv FOLDER [--homes N-N] [--quarters] [--without-pv]

HOMES.csv has columns t (hours), price_usd_per_kwh, loadN_kwh and pvN_kwh; its first hour is that of Monday,
2016-08-01. Written are FOLDER/home-NN.csv with time, load_w, pv_w and buy_per_kwh: what is paid for export is
the community file's to say. --homes: of those numbers, as 1-6; --quarters: rows of 15 min, each as its hour; --without-pv: load alone, for homes of
class consumer."""
import argparse
import csv
import datetime
import os
import re

FIRST = datetime.datetime(2016, 8, 1)


def read(path):
    """Prices by hour, and by home its load and generation in kWh by hour."""
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    prices = [float(row["price_usd_per_kwh"]) for row in rows]
    numbers = sorted(int(m.group(1)) for m in (re.fullmatch(r"load(\d+)_kwh", name) for name in rows[0]) if m)
    homes = {n: [(float(row[f"load{n}_kwh"]), float(row[f"pv{n}_kwh"])) for row in rows] for n in numbers}
    return prices, homes


def write(path, prices, home, minutes, generates):
    with open(path, "w", encoding="utf-8") as f:
        f.write("time,load_w," + ("pv_w," if generates else "") + "buy_per_kwh\n")
        for hour, ((load, pv), price) in enumerate(zip(home, prices)):
            for minute in range(0, 60, minutes):
                time = FIRST + datetime.timedelta(hours=hour, minutes=minute)
                power = f"{1000 * load:.1f}," + (f"{1000 * pv:.1f}," if generates else "")
                f.write(f"{time.isoformat()}Z,{power}{price:g}\n")


def numbers_of(text):
    """The first and the last of "1-6", or of "6"."""
    told = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not told:
        raise argparse.ArgumentTypeError(f"{text}, expected numbers of homes, as 1-6")
    return int(told[1]), int(told[2] or told[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("homes")
    parser.add_argument("folder")
    parser.add_argument("--homes", type=numbers_of, default=(0, 10**6), dest="numbers")
    parser.add_argument("--quarters", action="store_true")
    parser.add_argument("--without-pv", action="store_true")
    told = parser.parse_args()
    prices, homes = read(told.homes)
    first, last = told.numbers
    chosen = {n: home for n, home in homes.items() if first <= n <= last}
    if not chosen:
        parser.error(f"--homes {first}-{last}: {told.homes} has none of these, expected some")
    os.makedirs(told.folder, exist_ok=True)
    for n, home in chosen.items():
        path = os.path.join(told.folder, f"home-{n:02d}.csv")
        write(path, prices, home, 15 if told.quarters else 60, not told.without_pv)


if __name__ == "__main__":
    main()
