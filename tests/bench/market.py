#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A round of many homes through a real mosquitto and a real lec-market run: from gate closure to the
last award, seconds of real time. Prints `name value unit`. Usage: market.py BUILD-FOLDER [HOMES...]"""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

build = os.path.abspath(sys.argv[1])
sizes = [int(word) for word in sys.argv[2:]] or [1000, 10000]
SPEED, START = 20, "2026-06-15T10:00:00Z"  # an interval of 5 min in 15 s
CONF = """[market]
community = fjord
interval = 5 min
homes = {homes}
ledger = {folder}/ledger.db
[tariff]
buy = 0.30 EUR/kWh
sell = 0.05 EUR/kWh
[round intraday]
gate-closure = 2 min
opens = 30 min
mechanism = uniform
[mqtt]
broker = mqtt://127.0.0.1:{port}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def kib(pid, what):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(what))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def one_round(homes):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lecd-bench-"))

        def start(*arguments):
            process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process
        port = free_port()
        with open(os.path.join(folder, "mosquitto.conf"), "w") as file:
            # Bids of all homes may wait for the market at once.
            file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                       "max_queued_messages 0\nuser root\n")
        with open(os.path.join(folder, "market.conf"), "w") as file:
            file.write(CONF.format(homes=homes, folder=folder, port=port))
        broker = start(shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c",
                       os.path.join(folder, "mosquitto.conf"))
        clock = ["--speed", str(SPEED), "--start", START, "--anchor", f"{time.time():.6f}"]
        market = start(os.path.join(build, "lec-market"), "run", "--config",
                       os.path.join(folder, "market.conf"), *clock)
        r = subprocess.run([os.path.join(build, "lec-sim"), "bidders", "--broker",
                            f"mqtt://127.0.0.1:{port}", "--homes", str(homes), "--interval", "300",
                            *clock], stdout=subprocess.PIPE, text=True, check=False)
        if r.returncode:
            sys.exit(f"market.py: {homes} homes: {r.stdout}")
        said = json.loads(r.stdout)
        print(f"round_{homes}_homes_s {said['gate_to_award_s']:.3f} s")
        print(f"receipts_{homes}_homes_s {said['receipts_s']:.3f} s")
        print(f"market_{homes}_homes_cpu_s {cpu_s(market.pid):.2f} s")
        print(f"market_{homes}_homes_rss_kib {kib(market.pid, 'VmHWM')} KiB")
        print(f"broker_{homes}_homes_rss_kib {kib(broker.pid, 'VmHWM')} KiB", flush=True)
        return said["bytes_per_home"]


if __name__ == "__main__":
    last = [one_round(homes) for homes in sizes][-1]
    print(f"market_bytes_per_home {last:.0f} B")
