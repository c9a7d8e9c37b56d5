#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A meter at a serial line, served by pymodbus: read through noise and beside a second master without
one wrong value, and read again when its adapter was pulled out and came back under another name,
while devices elsewhere never notice.

Usage: rtu.py BUILD-FOLDER. The line is a pair of ptys, with what disturbs it in between:
lecd - by-id -> ttyUSB0 - [socat] - near - [mangler] - far - [socat] - slave - pymodbus."""
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import termios
import threading
import time
import tty

VALUES = {  # register of the meter's map: value as we know it, name, factor
    0x00: (229.5, "grid_v", 1), 0x34: (1234.5, "grid_w", 1), 0x46: (50.0625, "grid_hz", 1),
    0x48: (321.5, "grid_import_wh", 1000), 0x4A: (77.25, "grid_export_wh", 1000)}
WATTS = (1234.5, 1250.5)  # in turn: a value that never moves is taken for a frozen one
SEED = int(os.environ.get("TEST_SEED", "20260615"), 0)
ANSWERS, GONE_S, RETURN_S = 60, 9, 5
SHOUT_S = 0.31  # real; in no step with lecd's polls


def sealed(frame):
    """The frame and its checksum."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return frame + struct.pack("<H", crc)


QUESTION = sealed(struct.pack(">BBHH", 1, 4, 0, 8))


def serve(port):
    """Be the meter."""
    from pymodbus.datastore import (ModbusSequentialDataBlock, ModbusServerContext,
                                    ModbusSlaveContext)
    from pymodbus.server import StartSerialServer
    from pymodbus.transaction import ModbusRtuFramer

    class Lively(ModbusSequentialDataBlock):
        turn = 0

        def getValues(self, address, count=1):
            self.turn += 1
            self.setValues(0x34, list(struct.unpack(">HH", struct.pack(">f", WATTS[self.turn // 3 % 2]))))
            return super().getValues(address, count)
    words = [0] * 0x200
    for register, (value, _, _) in VALUES.items():
        words[register:register + 2] = struct.unpack(">HH", struct.pack(">f", value))
    slave = ModbusSlaveContext(ir=Lively(0, words), zero_mode=True)
    context = ModbusServerContext(slaves={1: slave}, single=False)
    StartSerialServer(context=context, framer=ModbusRtuFramer, port=port, baudrate=115200,
                      timeout=0.05, ignore_missing_slaves=True)


if len(sys.argv) > 2 and sys.argv[1] == "--serve":
    serve(sys.argv[2])
    sys.exit(0)

from bench import Bench, Home, Plant, Process, check, run, until  # noqa: E402


class Mangler(threading.Thread):
    """Hands bytes on between two ports; of a hundred, one is spoilt, lost or doubled. While it
    shouts it is a second master, that asks for voltages and current: all at the line hear it."""

    def __init__(self, near, far):
        super().__init__(daemon=True)
        self.random, self.percent, self.spoilt = random.Random(SEED), 0, 0
        self.shouting, self.next_s = False, 0
        self.near, self.far = near, far

    def spoil(self, data):
        out = bytearray()
        for byte in data:
            if self.random.random() * 100 >= self.percent:
                out.append(byte)
                continue
            self.spoilt += 1
            out += self.random.choice([bytes([byte ^ 1 << self.random.randrange(8)]), b"",
                                       bytes([byte, byte])])
        return bytes(out)

    @staticmethod
    def open(path):
        """Open a port when it is there, and whole."""
        def try_it():
            try:
                fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
                tty.setraw(fd)
                return [fd]
            except (OSError, termios.error):
                return None
        return until(path, try_it)[0]

    def run(self):
        near, far = self.open(self.near), self.open(self.far)
        while True:
            if self.shouting and time.monotonic() >= self.next_s:
                self.next_s = time.monotonic() + SHOUT_S
                os.write(far, QUESTION)
                os.write(near, QUESTION)
            for fd in select.select([near, far], [], [], SHOUT_S / 4)[0]:
                try:
                    data = os.read(fd, 4096)
                except OSError:
                    data = b""
                if not data:  # pulled out
                    os.close(near)
                    near = self.open(self.near)
                    break
                os.write(far if fd == near else near, self.spoil(data))


class Line:
    def __init__(self, bench):
        self.bench = bench
        self.at = {end: os.path.join(bench.folder, end) for end in ("by-id", "near", "far", "slave")}
        self.ports, self.taken = [], []
        self.plug_in()
        self.pair("far", "slave")
        self.mangler = Mangler(self.at["near"], self.at["far"])
        self.mangler.start()
        Process(bench, ["/usr/bin/python3", os.path.abspath(__file__), "--serve",
                        self.at["slave"]])

    def pair(self, one, other):
        process = Process(self.bench, ["socat", f"pty,rawer,link={self.at[one]}",
                                       f"pty,rawer,link={self.at[other]}"])
        until("socat", lambda: os.path.exists(self.at[one]) and os.path.exists(self.at[other]))
        return process

    def plug_in(self):
        """As the kernel and udev do it: the next free name, and the same link to it as ever."""
        name = f"ttyUSB{len(self.ports)}"
        self.at[name] = os.path.join(self.bench.folder, name)
        self.adapter = self.pair(name, "near")
        self.ports.append(os.path.realpath(self.at[name]))
        os.symlink(self.at[name], self.at["by-id"])

    def pull_out(self):
        self.adapter.end()
        os.unlink(self.at["by-id"])

        def take():  # so that its number is not free when it returns
            self.taken.append(os.openpty())
            return os.ttyname(self.taken[-1][1]) == self.ports[-1]
        until("its name is somebody else's", take)


def device(home, name):
    return next(d for d in home.ask("devices")["devices"] if d["name"] == name)


def wrong(meter):
    """Readings that are taken for good and are not what the meter has."""
    out = {}
    for value, name, factor in VALUES.values():
        reading = meter["readings"][name]
        if reading["quality"] == "good" and reading["value"] != value * factor and \
                not (name == "grid_w" and reading["value"] in WATTS):
            out[name] = reading["value"]
    return out


def beside_another(line, home, seen):
    """Another master asks the same slave in between: its questions and their answers are heard."""
    before = device(home, "grid")["link"]
    line.mangler.shouting = True

    def enough():
        seen.append(device(home, "grid"))
        return seen[-1]["link"]["answers"] - before["answers"] >= ANSWERS // 3 and \
            seen[-1]["link"]["rejected"] >= before["rejected"] + 3
    until("answers, and others refused, beside another master", enough, seen=lambda: seen[-1]["link"])
    line.mangler.shouting = False
    check("second master: no wrong value is ever shown", not any(wrong(d) for d in seen))
    home.until("the meter read", lambda s: s["quality"]["grid_w"] == "good")


def serial():
    with Bench() as bench:
        line = Line(bench)
        plant = Plant(bench, "house")
        plant.devices["grid"]["address"] = \
            f"rtu://{line.at['by-id']}/1?baud=115200&request-delay=0"
        home = Home(bench, "house", plant, cycle="0.2 s")
        home.until("the meter read", lambda s: s["quality"]["grid_w"] == "good")
        seen = []

        def whole():
            seen.append(device(home, "grid"))
            return all(seen[-1]["readings"][n]["quality"] == "good" for _, n, _ in VALUES.values())
        until("all of an independent slave is read over a serial line", whole, seen=lambda: seen[-1])
        check("an independent slave is read as it is", not any(wrong(d) for d in seen))
        quiet = seen[-1]
        line.mangler.percent = 1

        def enough():
            seen.append(device(home, "grid"))
            return seen[-1]["link"]["answers"] - quiet["link"]["answers"] >= ANSWERS
        until(f"{ANSWERS} answers through noise", enough, seen=lambda: seen[-1]["link"])
        link = seen[-1]["link"]
        check("noise: many frames were refused", link["rejected"] >= 3 and
              line.mangler.spoilt >= 15, link)
        check("noise: no wrong value is ever shown", not any(wrong(d) for d in seen))
        line.mangler.percent = 0
        home.until("the meter read", lambda s: s["quality"]["grid_w"] == "good")
        beside_another(line, home, seen)
        others = device(home, "roof")["link"]
        line.pull_out()
        gone_s = bench.house_s()
        home.until("the meter lost", lambda s: s["quality"]["grid_w"] != "good")
        until("the loss is told", lambda: device(home, "grid")["error"])
        until("it is gone for long", lambda: bench.house_s() > gone_s + GONE_S)
        line.plug_in()
        back_s = bench.house_s()
        home.until("the meter read again", lambda s: s["quality"]["grid_w"] == "good")
        until("it is recorded", lambda: bench.house_s() > back_s + RETURN_S)
        check("replugged: it has another name now", line.ports[0] != line.ports[1], line.ports)
        check("replugged: opened again by its path", device(home, "grid")["link"]["connects"] >= 2)
        now = device(home, "roof")["link"]
        check("replugged: the other bus never noticed", now["connects"] == others["connects"] and
              now["timeouts"] == others["timeouts"] and now["answers"] > others["answers"], now)
        check("lecd ends when told", home.end() == 0)
        samples = home.samples()
        bad = [row["grid_w"] for row in samples if row["grid_good"] and row["grid_w"] not in WATTS]
        check("no wrong value was ever acted on", len(samples) > 20 and not bad, bad)
        again_s = next(row["time_s"] for row in samples if row["time_s"] > back_s and
                       row["grid_good"])
        check(f"replugged: read again within {RETURN_S} s", again_s - back_s <= RETURN_S,
              again_s - back_s)
        check("replugged: PV readings are unaffected",
              all(row["pv_good"] for row in samples if gone_s <= row["time_s"] <= again_s))


if not shutil.which("socat") or subprocess.run(["/usr/bin/python3", "-c", "import pymodbus.server"],
                                               capture_output=True, check=False).returncode:
    print("skipped: needs socat and python3-pymodbus")
    sys.exit(0)
run(serial)
