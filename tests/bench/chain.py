#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeders and the market above them on one mosquitto, each a real lec-market run, with the homes of
lec-sim bidders: what the way up and down takes, in seconds of real time. Prints `name value unit`.
Usage: chain.py BUILD-FOLDER [FEEDERS HOMES]..."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from market import cpu_s, free_port, kib

build = os.path.abspath(sys.argv[1])
words = [int(word) for word in sys.argv[2:]] or [10, 1000]
SPEED, START = 10, "2026-06-15T10:00:00Z"  # an interval of 5 min in 30 s
GATE_S, ABOVE_S = 180, 120  # so long before an interval
CONF = """[market]
community = {community}
interval = 5 min
homes = {homes}
operator-wait = 1 s
ledger = {folder}/{community}.db
import-limit = {limit}
export-limit = {limit}
[tariff]
buy = 0.30 EUR/kWh
sell = 0.05 EUR/kWh
[settlement]
rule = traded
[round intraday]
gate-closure = {gate} s
opens = 30 min
mechanism = uniform
[mqtt]
broker = mqtt://127.0.0.1:{port}
"""
UPSTREAM = """[upstream]
community = city
id = {community}
round = intraday
gate-closure = {above} s
answer = 30 s
"""


def facts(folder, community, kind):
    sql = f"SELECT home, interval_s, length(text) FROM entry WHERE kind = '{kind}'"
    r = subprocess.run(["sqlite3", "-readonly", "-separator", " ", f"{folder}/{community}.db", sql],
                       capture_output=True, text=True, check=True)
    return [line.split() for line in r.stdout.splitlines()]


def chain(feeders, homes):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lecd-bench-"))

        def start(*arguments, **options):
            process = subprocess.Popen(arguments, text=True, stderr=subprocess.DEVNULL,
                                       **{"stdout": subprocess.DEVNULL, **options})
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process
        port = free_port()
        with open(os.path.join(folder, "mosquitto.conf"), "w") as file:
            file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                       "max_queued_messages 0\nuser root\n")
        broker = start(shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c",
                       os.path.join(folder, "mosquitto.conf"))
        clock = ["--speed", str(SPEED), "--start", START, "--anchor", f"{time.time():.6f}"]

        def market(community, gate_s, count, limit, more=""):
            path = os.path.join(folder, f"{community}.conf")
            with open(path, "w") as file:
                file.write(CONF.format(community=community, folder=folder, port=port, gate=gate_s,
                                       homes=count, limit=limit) +
                           more.format(community=community, above=ABOVE_S))
            return start(os.path.join(build, "lec-market"), "run", "--config", path, *clock)
        city = market("city", ABOVE_S, feeders, "10 MW")
        names = [f"f{i}" for i in range(feeders)]
        markets = [market(name, GATE_S, homes, "17 kW", UPSTREAM) for name in names]
        bidders = [start(os.path.join(build, "lec-sim"), "bidders", "--broker",
                         f"mqtt://127.0.0.1:{port}", "--community", name, "--homes", str(homes),
                         "--interval", "300", "--gate", str(GATE_S), "--seed", str(i + 1), *clock,
                         stdout=subprocess.PIPE) for i, name in enumerate(names)]
        said = [json.loads(b.communicate()[0]) for b in bidders]
        if any(b.returncode for b in bidders):
            sys.exit(f"chain.py: {feeders} feeders of {homes} homes: {said}")
        above = facts(folder, "city", "award")
        if len(above) < feeders:
            sys.exit(f"chain.py: {len(above)} of {feeders} feeders were awarded above")
        name = f"chain_{feeders}x{homes}"
        last_s = max(s["gate_to_award_s"] for s in said)
        print(f"{name}_award_s {last_s - (GATE_S - ABOVE_S) / SPEED:.3f} s")
        print(f"{name}_city_cpu_s {cpu_s(city.pid):.2f} s")
        print(f"{name}_city_rss_kib {kib(city.pid, 'VmHWM')} KiB")
        print(f"{name}_feeder_cpu_s {max(cpu_s(m.pid) for m in markets):.2f} s")
        print(f"{name}_feeder_rss_kib {max(kib(m.pid, 'VmHWM') for m in markets)} KiB")
        print(f"{name}_broker_rss_kib {kib(broker.pid, 'VmHWM')} KiB")
        up = [int(size) for _, _, size in facts(folder, "city", "bid")]
        print(f"{name}_bid_above_bytes {sum(up) / len(up):.0f} B", flush=True)


for at in range(0, len(words), 2):
    chain(words[at], words[at + 1])
