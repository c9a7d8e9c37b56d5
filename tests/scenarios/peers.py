#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's Modbus programs on the other side: mbpoll reads and moves what `lec-sim device`
serves, and lecd reads a meter from pymodbus's reactive server, that answers late, with noise, not at
all or with errors when told to.

Usage: peers.py BUILD-FOLDER. What is not installed is skipped with a word."""
import asyncio
import configparser
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import urllib.request

VALUES = {  # register of an SDM630: value as we know it, name, factor
    0x00: (229.5, "grid_v", 1), 0x34: (1234.5, "grid_w", 1), 0x46: (50.0625, "grid_hz", 1),
    0x48: (321.5, "grid_import_wh", 1000), 0x4A: (77.25, "grid_export_wh", 1000)}
WATTS = (1234.5, 1250.5)  # in turn: a value that never moves is taken for a frozen one


def serve(port, web_port):
    """Be the meter, as the reactive server: told by HTTP how to answer."""
    from pymodbus.datastore import (ModbusSequentialDataBlock, ModbusServerContext,
                                    ModbusSlaveContext)
    from pymodbus.server.reactive.main import ReactiveServer

    class Lively(ModbusSequentialDataBlock):
        turn = 0

        def getValues(self, address, count=1):
            self.turn += 1
            watts = WATTS[self.turn // 5 % 2]
            self.setValues(0x34, list(struct.unpack(">HH", struct.pack(">f", watts))))
            return super().getValues(address, count)
    words = [0] * 0x200
    for register, (value, _, _) in VALUES.items():
        words[register:register + 2] = struct.unpack(">HH", struct.pack(">f", value))

    async def forever():
        slave = ModbusSlaveContext(ir=Lively(0, words), zero_mode=True)
        context = ModbusServerContext(slaves={1: slave}, single=False)
        server = ReactiveServer.factory("tcp", context=context, host="127.0.0.1",
                                        modbus_port=port, web_port=web_port,
                                        allow_reuse_address=True)
        await server.run_async()
        await asyncio.Event().wait()
    asyncio.run(forever())


if len(sys.argv) > 3 and sys.argv[1] == "--serve":
    serve(int(sys.argv[2]), int(sys.argv[3]))
    sys.exit(0)

from bench import (PROFILES, Bench, Failed, Home, Plant, Process, check, free_port, run,  # noqa: E402
                   until)

# --- mbpoll ---------------------------------------------------------------------------------------

MBPOLL_TYPES = {"u16": "", "s16": "", "u32": ":int", "s32": ":int", "f32": ":float"}
NOISE_W = {"grid_w": 12, "pv_w": 12, "battery_w": 12}  # W: the house's noise between two looks


def points(profile):
    """The points of a profile file, as they stand there."""
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    parser.read(os.path.join(PROFILES, f"{profile}.conf"))
    table = parser["bus"]["function"]
    return {name[6:]: {"function": table, **parser[name]} for name in parser.sections()
            if name.startswith("point ")}


def mbpoll(device, point, table, *values):
    """One value read by mbpoll, or written."""
    r = subprocess.run(
        ["mbpoll", "-m", "tcp", "-p", str(device["port"]), "-a", str(device["unit"]), "-0", "-B",
         "-1", "-o", "10", "-r", str(int(point["register"], 0)), "-t",
         f"{table}{MBPOLL_TYPES[point['type']]}", *([] if values else ["-c", "1"]), "127.0.0.1",
         *(["--", *map(str, values)] if values else [])],
        capture_output=True, text=True, timeout=60, check=False)
    if values:
        return r.returncode == 0
    found = re.search(r"\[\d+\]:\s+(-?[\d.]+(?:e[+-]?\d+)?)", r.stdout)
    if r.returncode != 0 or not found:
        raise Failed(f"mbpoll on register {point['register']} of {device['name']}: {r}")
    value = float(found.group(1))
    if point["type"] in ("u16", "u32") and value < 0:
        value += 1 << (16 if point["type"] == "u16" else 32)
    scale = float(point.get("scale", "1"))
    return value * (-scale if point.get("invert") == "yes" else scale)


def agrees(plant, name, quantity, point):
    """Whether mbpoll reads what is true in the house, which goes on meanwhile."""
    before = plant.truth(name, quantity)
    value = mbpoll(plant.devices[name], point, 3 if point["function"] == "input" else 4)
    after = plant.truth(name, quantity)
    off = max(min(before, after) - value, value - max(before, after))
    allowed = NOISE_W.get(quantity, 0) + abs(float(point.get("scale", "1"))) + abs(value) * 1e-6
    return off <= allowed, (before, value, after)


def foreign_client():
    if not shutil.which("mbpoll"):
        print("skipped: no mbpoll")
        return
    with Bench() as bench:
        plant = Plant(bench, "house", load_w=700, pv_w=2000)
        count = 0
        for name, profile in (("grid", "eastron-sdm630"), ("roof", "generic-pv"),
                              ("main", "generic-battery")):
            for quantity, point in points(profile).items():
                if "write-function" in point or "on" in point or quantity == "revert_s":
                    continue
                good, seen = agrees(plant, name, quantity, point)
                check(f"mbpoll: {name} {quantity} is what is true", good, seen)
                count += 1
        check("mbpoll: every measurement of the three was read", count == 13, count)
        control, main = points("generic-battery"), plant.devices["main"]
        check("mbpoll: the writes are taken", mbpoll(main, control["revert_s"], 4, 300) and
              mbpoll(main, control["battery_setpoint_w"], 4, 1500) and
              mbpoll(main, control["control_enable"], 4, 1))
        until("mbpoll: the battery charges with 1500 W",
              lambda: abs(plant.truth("main", "battery_w") + 1500) < 2)
        good, seen = agrees(plant, "main", "battery_w", control["battery_w"])
        check("mbpoll: and is read to do so", good and abs(seen[1] + 1500) < 10, seen)
        until("mbpoll: the meter sees it", lambda: abs(mbpoll(
            plant.devices["grid"], points("eastron-sdm630")["grid_w"], 3) -
            (700 - 2000 + 1500)) < 50)
        check("mbpoll: the writes are in the journal",
              [name for name in ("revert_s", "battery_setpoint_w", "control_enable")
               if len(plant.journal("main", "write", name)) == 1] ==
              ["revert_s", "battery_setpoint_w", "control_enable"])


# --- the reactive server --------------------------------------------------------------------------

def wrong(meter):
    """Readings that are taken for good and are not what the meter has."""
    return {name: meter["readings"][name]["value"] for value, name, factor in VALUES.values()
            if meter["readings"].get(name, {}).get("quality") == "good" and
            meter["readings"][name]["value"] != value * factor and
            not (name == "grid_w" and meter["readings"][name]["value"] in WATTS)}


class Meter:
    def __init__(self, bench):
        self.port, self.web_port = free_port(), free_port()
        Process(bench, ["/usr/bin/python3", os.path.abspath(__file__), "--serve", str(self.port),
                        str(self.web_port)], stderr=subprocess.DEVNULL)
        until("the reactive server is told to be good", self.be)

    def be(self, response_type="normal", **how):
        """Tell it how to answer from now on."""
        body = {"response_type": response_type, "clear_after": 0, **how}
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/",
                                        json.dumps(body).encode(), timeout=60) as answer:
                return answer.status == 200
        except OSError:
            return False


def grid(home):
    return next(d for d in home.ask("devices")["devices"] if d["name"] == "grid")


def reactive():
    """Each misbehaviour until lecd has met it often enough; then the meter is good again."""
    if subprocess.run(["/usr/bin/python3", "-c", "import pymodbus.server.reactive.main"],
                      capture_output=True, check=False).returncode:
        print("skipped: no reactive server (python3-pymodbus, python3-aiohttp)")
        return
    cases = (  # how, and the counters that must grow by one of them
        ("late", {"response_type": "delayed", "delay_by": 1.5}, "timeouts"),
        ("stray bytes", {"response_type": "stray", "data_len": 29}, "rejected"),
        ("few stray bytes", {"response_type": "stray", "data_len": 5}, "timeouts rejected"),
        ("nothing", {"response_type": "empty"}, "timeouts"),
        ("exception 2", {"response_type": "error", "error_code": 2}, "exceptions"),
        ("exception 4", {"response_type": "error", "error_code": 4}, "exceptions"),
        ("exception 6", {"response_type": "error", "error_code": 6}, "exceptions"),
        ("exception 11", {"response_type": "error", "error_code": 11}, "exceptions"),
    )
    with Bench() as bench:
        meter = Meter(bench)
        plant = Plant(bench, "house")
        plant.devices["grid"]["address"] = f"tcp://127.0.0.1:{meter.port}/1?request-delay=0"
        home = Home(bench, "house", plant, cycle="0.2 s")
        home.until("the meter read", lambda s: s["quality"]["grid_w"] == "good")
        seen = [grid(home)]
        for name, how, counters in cases:
            before = grid(home)["link"]
            meter.be(**how)

            def met():
                seen.append(grid(home))
                return sum(seen[-1]["link"][c] - before[c] for c in counters.split()) >= 2
            until(f"{name}: met twice", met, seen=lambda: seen[-1])
            answered = grid(home)["link"]
            check(f"{name}: other devices are up", all(
                d["up"] for d in home.ask("devices")["devices"] if d["name"] != "grid"))
            until(f"{name}: good again", meter.be)
            until(f"{name}: read again", lambda: (
                seen.append(grid(home)) or seen[-1]["readings"]["grid_w"]["quality"] == "good" and
                seen[-1]["link"]["answers"] - answered["answers"] >= 10),
                seen=lambda: seen[-1])
            check(f"{name}: no wrong value is shown", not any(wrong(d) for d in seen))
        check("lecd ends when told", home.end() == 0)
        samples = home.samples()
        bad = [row["grid_w"] for row in samples if row["grid_good"] and row["grid_w"] not in WATTS]
        check("no wrong value was ever acted on", any(row["grid_good"] for row in samples) and
              not bad, bad or len(samples))


run(foreign_client, reactive)
