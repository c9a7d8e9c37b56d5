#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A day of a house under lecd, watched, and of the community it trades in: a broker, a market, and
five homes behind Modbus TCP (lec-sim device) with an lecd each, all real programs on loopback at high
speed; at the end what the day cost the house beside what it would have cost otherwise, and every
home's bill with and without the market. Usage: demo.py BUILD-FOLDER"""
import csv
import json
import math
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone

LAST = "2026-02-13T23:45:00Z"
DAY, NEXT, WARM_UP = "2026-02-13T00:00:00Z", "2026-02-14T00:00:00Z", "2026-01-30T00:00:00Z"
TARIFF = """buy = 0.32 EUR/kWh
buy-window = 22:00-06:00 0.17 EUR/kWh
sell = 0.08 EUR/kWh
"""
SPEED = 720
MARKET = """[market]
community = fjord
timezone = Europe/Oslo
ledger = {folder}/ledger.db
homes = 10
[tariff]
{tariff}
[round intraday]
gate-closure = 2 min
opens = 1 h
mechanism = uniform
[mqtt]
broker = mqtt://127.0.0.1:{port}
"""
# The house that is watched is one of five; these are its neighbours. Of each: what it is, its plant
# and its site beyond the meter, and the series of what the plant cannot model.
PV = """[pv roof]
{link}
profile = generic-pv
peak = {peak} kW
"""
BATTERY = """[battery main]
{link}
profile = generic-battery
capacity = 10 kWh
charge-limit = 4 kW
discharge-limit = 4 kW
soc-start = 20 %
"""
NEIGHBOURS = {
    "anna": ("consumer", 3, {}),
    "bo": ("PV", 4, {"roof": 9}),
    "cara": ("PV, battery and car", 5, {"roof": 8, "main": 0}),
    "dan": ("small wind", 6, {"roof": 5}),
}
WATCHED = "home-1"
build = os.path.abspath(sys.argv[1])
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
folder = tempfile.mkdtemp(prefix="lecd-demo-")
running = []


def program(name):
    return os.path.join(build, name)


def say(text):
    print(text, file=sys.stderr, flush=True)


def start(arguments, log):
    """A program that runs beside us until the end; its words go to a file."""
    with open(os.path.join(folder, log), "w") as file:
        running.append(subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                        cwd=root))
    return running[-1]


def stop_all():
    for process in reversed(running):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"demo: {what} did not come up, see {folder}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def make_site(ports, broker_port):
    """The example's site, with this demo's addresses and folders."""
    with open(os.path.join(root, "etc/examples/site.conf")) as file:
        text = file.read()
    text = re.sub(r"cycle = 1 s", "cycle = 5 s", text)
    text = re.sub(r"horizon = 36 h", f"horizon = 36 h\nsocket = {folder}/lecd.sock", text)
    text = re.sub(r"\[site\]", "[site]\nlatitude = 59.9 deg\nlongitude = 10.7 deg\n"
                  f"profiles = {root}/etc/profiles", text)
    text = re.sub(r"(currency|buy|buy-window|sell|demand-charge|demand-period) =.*\n", "", text)
    text = text.replace("[tariff]\n", "[tariff]\n" + TARIFF)
    # At this speed the pauses that real devices want would take minutes of the house's day.
    for section, port in ports.items():
        text = re.sub(r"(\[" + section + r" \w+\]\ndriver = modbus\naddress = )\S+",
                      r"\g<1>" + port + "?request-delay=0", text)
    text = re.sub(r"broker = \S+", f"broker = mqtt://127.0.0.1:{broker_port}", text)
    text = re.sub(r"(;.*\n)?(user|password-file) = .*\n", "", text)
    text = re.sub(r"path = \S+", f"path = {folder}/store", text)
    path = os.path.join(folder, "site.conf")
    with open(path, "w") as file:
        file.write(text)
    return path


# --- the neighbours -------------------------------------------------------------------------------

def hours_of(start, days):
    """Quarters of an hour from start on, with the local hour of each."""
    at = datetime.strptime(start, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    for i in range(days * 96):
        yield at.strftime("%Y-%m-%dT%H:%M:%SZ"), (at.hour + at.minute / 60 + 1) % 24
        at += timedelta(minutes=15)


def write_series(path, seed, car, turbine_w):
    """A family's load, with a car that charges when they come home, and what a turbine gives."""
    dice = random.Random(seed)
    wind = 6.0  # m/s
    with open(path, "w") as file:
        file.write("time,load_w,pv_w\n" if turbine_w else "time,load_w\n")
        for at, hour in hours_of(WARM_UP, 16):
            load_w = 250 + dice.expovariate(1 / 150) + sum(
                1300 * math.exp(-((hour - peak) / width) ** 2)
                for peak, width in ((7.5, 1), (18.5, 2)))
            load_w += 7200 if car and 17.5 <= hour < 19.5 else 0
            wind += 0.02 * (6.5 - wind) + dice.gauss(0, 0.35)
            share = min(max((wind - 3) / 8, 0), 1) ** 2
            file.write(f"{at},{load_w:.0f}" + (f",{turbine_w * share:.0f}" if turbine_w else "") + "\n")


def make_neighbour(name, broker_port, addresses=None):
    """Its plant (without addresses) or its site; returns the path."""
    kind, seed, has = NEIGHBOURS[name]
    home = os.path.join(folder, name)
    os.makedirs(home + "/store", mode=0o700, exist_ok=True)
    plant_file, site = home + "/plant.conf", home + "/site.conf"
    car, wind = "car" in kind, "wind" in kind
    if addresses is None:
        lines = (f"[plant]\nseed = {seed}\nlatitude = 59.9 deg\nlongitude = 10.7 deg\n"
                 "timezone = Europe/Oslo\nannual-load = 4500 kWh\n")
        if car or wind:
            write_series(home + "/series.csv", seed, car, 1000 * has["roof"] if wind else 0)
            lines += f"series = {home}/series.csv\n"
    else:
        lines = (f"[site]\nid = {name}\ncommunity = fjord\ntimezone = Europe/Oslo\n"
                 f"latitude = 59.9 deg\nlongitude = 10.7 deg\nprofiles = {root}/etc/profiles\n"
                 f"[control]\ncycle = 10 s\nsocket = {home}/sock\n[grid]\nimport-limit = 17 kW\n"
                 f"[tariff]\n{TARIFF}")

    def link(device, port):
        if addresses is None:
            return f"listen = tcp://127.0.0.1:{port}/1"
        return f"driver = modbus\naddress = {addresses.get(device, 'tcp://127.0.0.1:1/1')}?request-delay=0"
    lines += f"[meter grid]\n{link('grid', 0)}\nprofile = eastron-sdm630\n"
    if "roof" in has:
        lines += PV.format(link=link("roof", 1), peak=has["roof"])
    if "main" in has:
        lines += BATTERY.format(link=link("main", 2))
    if addresses is not None:
        lines += (f"[mqtt]\nbroker = mqtt://127.0.0.1:{broker_port}\n[store]\npath = {home}/store\n")
    with open(site if addresses is not None else plant_file, "w") as file:
        file.write(lines)
    return site if addresses is not None else plant_file


def remember(site, plant_file, store):
    """A home's last two weeks, for its forecast to learn from."""
    return subprocess.Popen([program("lec-sim"), "home", "--config", site, "--plant", plant_file,
                             "--start", WARM_UP, "--days", "14", "--store", store],
                            stderr=subprocess.DEVNULL, cwd=root)


def start_devices(name, plant_file, clock):
    start([program("lec-sim"), "device", "--config", plant_file, "--profiles", root + "/etc/profiles",
           "--ephemeral", "--port-file", f"{folder}/ports-{name}", "--for", "10 min", *clock],
          f"device-{name}.log")


def devices_of(name):
    path = f"{folder}/ports-{name}"
    wait_for(f"the house of {name}", lambda: os.path.exists(path) and os.path.getsize(path))
    with open(path) as file:
        return {d["name"]: d["address"] for d in json.load(file)["devices"]}


COLUMNS = ("import_kwh", "export_kwh", "bought_kwh", "sold_kwh", "alone", "total")


def bill(home):
    """The sums of a home's settled intervals of the day, and whether the last of them is among them."""
    out = subprocess.run([program("lec-market"), "statement", home, "--month", DAY[:7], "--timezone",
                          "Europe/Oslo", "--ledger", folder + "/ledger.db", "--csv"],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [row for row in csv.DictReader(out.splitlines()) if DAY <= row["time"] < NEXT]
    sums = {key: sum(float(row[key]) for row in rows) for key in COLUMNS}
    sums["saved"] = sums["alone"] - sums["total"]
    return sums if any(row["time"] == LAST for row in rows) else None


def print_bills(bills):
    """Each home's bill beside the utility's alone, and how evenly the savings are spread."""
    kinds = {WATCHED: "PV and battery", **{name: kind for name, (kind, *_) in NEIGHBOURS.items()}}
    print(f"{'the community':<28}" + "".join(f"{word:>12}" for word in (
        "imported", "exported", "bought", "sold", "alone", "together", "saved")))
    for home, b in bills.items():
        print(f"{home + ', ' + kinds[home]:<28}" + "".join(
            f"{b[key]:>12.2f}" for key in (*COLUMNS, "saved")))
    saved = sorted(b["saved"] for b in bills.values())
    n, total, square = len(saved), sum(saved), sum(value ** 2 for value in saved)
    print(f"{'all':<28}{total:>84.2f}")
    print("imported, exported: by the meter, kWh; bought, sold: of that with neighbours.  alone: what "
          "it costs\nwith the utility alone, EUR; together: the home's bill in the community.")
    if total > 0:
        spread = sum((2 * i - n + 1) * value for i, value in enumerate(saved))
        print(f"fairness of what is saved: Jain {total ** 2 / (n * square):.2f} (1: all alike), Gini "
              f"{spread / (n * total):.2f} (0: all alike),\nleast over mean "
              f"{saved[0] * n / total:.2f}.\n")


# --- the watched house ----------------------------------------------------------------------------

def ask(*arguments):
    return subprocess.run([program("lecctl"), *arguments, "--socket", folder + "/lecd.sock"],
                          stdout=subprocess.PIPE, text=True, check=True).stdout


def history():
    rows = ask("history", "--kind", "quarters", "--from", DAY, "--to", NEXT, "--json")
    return [json.loads(row) for row in rows.splitlines() if row.strip()]


def baselines(site, soc_end):
    out = subprocess.run([program("lec-sim"), "home", "--config", site, "--plant", plant,
                          "--start", DAY, "--days", "1", "--warm-up", "0", "--soc-start", "15",
                          "--soc-end", f"{soc_end * 100:.2f}"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
                         cwd=root).stdout
    return json.loads(out)


def print_table(day, others, soc_end, wear, saved):
    ours = {"energy_cost": sum(q["cost"] for q in day) - saved,
            "import_kwh": sum(q["import_wh"] for q in day) / 1e3,
            "export_kwh": sum(q["export_wh"] for q in day) / 1e3,
            "discharge_kwh": sum(q["discharge_wh"] for q in day) / 1e3, "soc_end": soc_end}
    ours["cost"] = ours["energy_cost"] + wear * ours["discharge_kwh"]
    columns = (("no battery", others["no_battery"]), ("rules", others["rules"]), ("lecd", ours),
               ("foresight", others["foresight"]))
    rows = (("paid for energy, EUR", "energy_cost", 1), ("battery wear included, EUR", "cost", 1),
            ("imported, kWh", "import_kwh", 1), ("exported, kWh", "export_kwh", 1),
            ("battery at the end, %", "soc_end", 100))
    print(f"\n{DAY[:10]:<28}" + "".join(f"{name:>12}" for name, _ in columns))
    for title, key, factor in rows:
        cells = ("-" if key == "soc_end" and name == "no battery" else f"{values[key] * factor:.2f}"
                 for name, values in columns)
        print(f"{title:<28}" + "".join(f"{cell:>12}" for cell in cells))
    print("rules: store surplus, serve the load.  lecd: with what it traded with its neighbours, "
          f"{saved:.2f} EUR better than\nat the utility's prices.  foresight: the optimum of one who "
          "knew the day, has no neighbours, and ends it\nwith the energy lecd ended with.\n")


signal.signal(signal.SIGHUP, lambda *_: sys.exit(1))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
plant = os.path.join(folder, "plant.conf")
try:
    os.mkdir(os.path.join(folder, "store"), 0o700)
    with open(os.path.join(root, "etc/examples/plant.conf")) as example, open(plant, "w") as file:
        file.write(example.read().replace("soc-start = 50 %", "soc-start = 15 %"))
    say("the homes' last two weeks, for their forecasts to learn from (simulated) ...")
    plants = {WATCHED: plant, **{name: make_neighbour(name, 1) for name in NEIGHBOURS}}
    drafts = {WATCHED: make_site({}, 1), **{name: make_neighbour(name, 1, {}) for name in NEIGHBOURS}}
    stores = {name: f"{folder}/{'' if name == WATCHED else name + '/'}store" for name in plants}
    past = [remember(drafts[name], plants[name], stores[name]) for name in plants]
    if any(process.wait() for process in past):
        raise SystemExit("demo: a home has no past")
    port = free_port()
    with open(os.path.join(folder, "mosquitto.conf"), "w") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    start([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", folder + "/mosquitto.conf"],
          "mosquitto.log")
    wait_for("the broker", lambda: answers(port))
    clock = ["--speed", str(SPEED), "--start", DAY, "--anchor", f"{time.time() + 3:.3f}"]
    with open(os.path.join(folder, "market.conf"), "w") as file:
        file.write(MARKET.format(folder=folder, tariff=TARIFF, port=port))
    market = start([program("lec-market"), "run", "--config", folder + "/market.conf", *clock],
                   "market.log")
    for name, plant_file in plants.items():
        start_devices(name, plant_file, clock)
    devices = devices_of(WATCHED)
    site = make_site({"meter": devices["grid"], "pv": devices["roof"], "battery": devices["main"]},
                     port)
    start([program("lecd"), "--config", site, *clock], "lecd.log")
    neighbours = [start([program("lecd"), "--config", make_neighbour(name, port, devices_of(name)),
                         *clock], f"lecd-{name}.log") for name in NEIGHBOURS]
    wait_for("lecd", lambda: os.path.exists(folder + "/lecd.sock"))
    say(f"a day at {SPEED} times its speed: two minutes. Broker at port {port}, all files in {folder}")
    view = subprocess.run([program("lecctl"), "watch", "--until", NEXT, "--socket",
                           folder + "/lecd.sock"])
    if view.returncode:
        raise SystemExit(f"demo: lecd went away, see {folder}/lecd.log")
    status = json.loads(ask("status", "--json"))
    soc = status["batteries"][0]["battery_soc"] or 0.5
    # The last minute of samples is written when the store is next due.
    day = wait_for("the day's history", lambda: (rows := history()) and len(rows) == 96 and rows)
    if any(process.poll() is not None for process in [market, *neighbours]):
        raise SystemExit(f"demo: the market or a neighbour went away, see {folder}")
    bills = {name: wait_for(f"the last settlement of {name}", lambda name=name: bill(name))
             for name in plants}
    print_table(day, baselines(site, soc), soc, 0.02, bills[WATCHED]["saved"])
    print_bills(bills)
    loop = status["loop"]
    print(f"lecd ran {loop['cycles']} cycles, {loop['overruns']} overruns, work p99 "
          f"{loop['work_p99_us']} us; broker: {status['broker']['sent']} messages sent.")
finally:
    stop_all()
shutil.rmtree(folder)
