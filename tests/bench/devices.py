#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lecd with 32 devices on 8 endpoints in real time, 1 s cycles, with store and broker: what it costs,
what three dead endpoints do to the others, and what a dripping device does to its caller. Prints
`name value unit`. Usage: devices.py BUILD-FOLDER; BENCH_SECONDS says how long (default 30)."""
import glob
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../scenarios"))
from bench import BUILD, PROFILES, Bench, Broker, Process, until  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
ENDPOINTS, UNITS = 8, 4
DEAD = {5: "silence", 6: "drip=400", 7: "refuse"}
BATTERIES = ["generic-battery", "foxess-h3", "huawei-luna2000", "victron-gx"]
READ_ONLY = BATTERIES[2:]
DELAY = "?request-delay=10"  # four devices with 50 ms before each request would be too many for a line
EXCHANGES, TRIES, TIMEOUT_MS = 3000, 3, 1000


def assets():
    """(section, profile, endpoint, unit): a meter, a battery at four endpoints, else PV."""
    for endpoint in range(ENDPOINTS):
        for unit in range(1, UNITS + 1):
            name = f"e{endpoint}u{unit}"
            if (endpoint, unit) == (0, 1):
                yield f"meter {name}", "carlo-gavazzi-em340", endpoint, unit
            elif unit == 1 and endpoint <= len(BATTERIES):
                yield f"battery {name}", BATTERIES[endpoint - 1], endpoint, unit
            else:
                yield f"pv {name}", "generic-pv", endpoint, unit


def options(section, limit="3 kW"):
    return {"meter": "", "pv": "peak = 1 kW\n",
            "battery": f"capacity = 10 kWh\ncharge-limit = {limit}\ndischarge-limit = {limit}\n"}[
                section.split()[0]]


def start_plant(bench):
    path = bench.folder + "/plant.conf"
    with open(path, "w") as file:
        file.write("[plant]\nlatitude = 59.9 deg\nlongitude = 10.7 deg\ntimezone = Europe/Oslo\n")
        for section, profile, endpoint, unit in assets():
            rating = "rating = 1 kW\n" if section.startswith("pv") else ""
            file.write(f"[{section}]\nlisten = tcp://127.0.0.1:{endpoint + 1}/{unit}\n"
                       f"profile = {profile}\n{options(section)}{rating}")
    plant = Process(bench, [BUILD + "/lec-sim", "device", "--config", path, "--profiles", PROFILES,
                            "--ephemeral", "--until-eof"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    plant.devices = {d["name"]: d for d in json.loads(plant.popen.stdout.readline())["devices"]}
    return plant


def start_lecd(bench, plant, broker):
    path = bench.folder + "/site.conf"
    with open(path, "w") as file:
        file.write(f"[site]\nid = home-1\ncommunity = fjord\ntimezone = Europe/Oslo\n"
                   f"profiles = {PROFILES}\n[control]\nsocket = {bench.folder}/sock\n"
                   "[tariff]\nbuy = 0.20 EUR/kWh\nsell = 0.05 EUR/kWh\n"
                   f"[mqtt]\nbroker = mqtt://127.0.0.1:{broker.port}\ndiscovery = homeassistant\n"
                   f"[store]\npath = {bench.folder}\n")
        for section, profile, _, _ in assets():
            address = plant.devices[section.split()[1]]["address"]
            limit = "0 W" if profile in READ_ONLY else "3 kW"
            file.write(f"[{section}]\ndriver = modbus\naddress = {address}{DELAY}\n"
                       f"profile = {profile}\n{options(section, limit)}")
    # As the unit runs it: before other work of the machine (where we may say so).
    lecd = Process(bench, ["nice", "-n", "-10" if os.geteuid() == 0 else "0", BUILD + "/lecd",
                           "--config", path], stderr=subprocess.PIPE)
    lecd.follow(lecd.popen.stderr)
    until("lecd is ready", lambda: any("ready" in line for line in lecd.text()), seen=lecd.text)
    return lecd


def ask(bench, what):
    return json.loads(subprocess.run([BUILD + "/lecctl", what, "--json", "--socket",
                                      bench.folder + "/sock"], stdout=subprocess.PIPE,
                                     check=True).stdout)


def devices(bench):
    return {d["name"]: d for d in ask(bench, "devices")["devices"]}


def say(plant, line):
    plant.popen.stdin.write(line + "\n")
    answer = plant.popen.stdout.readline()
    assert answer.startswith("ok"), answer


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def show(name, value, unit):
    print(name, value, unit, flush=True)


def measure_load(bench, lecd):
    until("all devices answer", lambda: all(d["up"] for d in devices(bench).values()),
          seen=lambda: [d["error"] for d in devices(bench).values() if not d["up"]])
    before, begin = cpu_s(lecd.pid), time.monotonic()
    first = devices(bench)
    time.sleep(SECONDS)
    cpu = (cpu_s(lecd.pid) - before) / (time.monotonic() - begin) * 100
    loop, last = ask(bench, "status")["loop"], devices(bench)
    show("devices32_devices", len(last), "devices")
    show("devices32_work_p50_us", loop["work_p50_us"], "us")
    show("devices32_work_p99_us", loop["work_p99_us"], "us")
    show("devices32_rss_kib", rss_kib(lecd.pid), "KiB")
    show("devices32_cpu_percent", f"{cpu:.2f}", "percent_of_a_core")
    show("devices32_overruns", loop["overruns"], f"of_{loop['cycles']}")
    show("devices32_answers_per_s",
         f"{sum(last[n]['link']['answers'] - first[n]['link']['answers'] for n in last) / SECONDS:.0f}",
         "per_second")
    lost = sum(d["link"]["timeouts"] + d["link"]["rejected"] for d in last.values())
    show("devices32_lost", lost, f"of_{sum(d['link']['requests'] for d in last.values())}")


def measure_dead(bench, plant, pid):
    """Three of the eight fail: what their neighbours' rate is, by answers per cycle."""
    first, before = devices(bench), ask(bench, "status")["loop"]
    time.sleep(10)
    second, healthy = devices(bench), ask(bench, "status")["loop"]
    for section, _, endpoint, _ in assets():
        if endpoint in DEAD:
            say(plant, f"fault {section.split()[1]} {DEAD[endpoint]}")
    time.sleep(5)
    third, middle = devices(bench), ask(bench, "status")["loop"]
    cpu, begin = cpu_s(pid), time.monotonic()
    time.sleep(SECONDS)
    cpu = (cpu_s(pid) - cpu) / (time.monotonic() - begin) * 100
    last, end = devices(bench), ask(bench, "status")["loop"]
    rates = []
    for section, _, endpoint, _ in assets():
        name = section.split()[1]
        if endpoint not in DEAD:
            well = (second[name]["link"]["answers"] - first[name]["link"]["answers"]) / \
                (healthy["cycles"] - before["cycles"])
            now = (last[name]["link"]["answers"] - third[name]["link"]["answers"]) / \
                (end["cycles"] - middle["cycles"])
            rates.append(now / well)
    show("dead3of8_neighbour_rate", f"{min(rates):.2f}", "of_its_rate_before_the_lowest")
    show("dead3of8_overruns", end["overruns"] - healthy["overruns"],
         f"of_{end['cycles'] - healthy['cycles']}")
    show("dead3of8_work_p99_us", end["work_p99_us"], "us")
    show("dead3of8_cpu_percent", f"{cpu:.2f}", "percent_of_a_core")


def exchange(address, register, count):
    return json.loads(subprocess.run([BUILD + "/bench/exchange", address, str(register), str(count),
                                      str(TIMEOUT_MS)], stdout=subprocess.PIPE, check=True).stdout)


def measure_exchanges(plant):
    device = plant.devices["e1u1"]
    good = exchange(device["address"], 100, EXCHANGES)
    show("bus_exchange_us_p50", good["p50_us"], "us")
    assert good["answered"] == EXCHANGES, good
    for name, fault in (("drip", "drip=400"), ("late", f"delay={TIMEOUT_MS * 11 // 10}")):
        say(plant, f"fault e1u1 {fault}")
        held = exchange(device["address"], 100, TRIES)
        assert held["answered"] == 0, held
        show(f"{name}_hold_ms", f"{held['max_us'] / 1e3:.1f}", f"ms_of_{TIMEOUT_MS}")
        say(plant, "heal e1u1")


with Bench() as house:
    broker = Broker(house)
    simulator = start_plant(house)
    controller = start_lecd(house, simulator, broker)
    measure_load(house, controller)
    measure_dead(house, simulator, controller.pid)
    controller.end()
    measure_exchanges(simulator)
    sys.stdout.flush()
    subprocess.run([BUILD + "/bench/decode", *sorted(glob.glob(PROFILES + "/*.conf"))],
                   stderr=subprocess.DEVNULL, check=True)
