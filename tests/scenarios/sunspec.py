#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lecd with `profile = sunspec` against devices served by pymodbus: found out, read, and steered by
what they have, in registers laid out here by hand from the standard.

Usage: sunspec.py BUILD-FOLDER. Skipped with a word where pymodbus is not installed."""
import logging
import struct
import sys
import threading

try:
    from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext
    from pymodbus.server import StartTcpServer
except ImportError:
    print("skipped: no pymodbus (python3-pymodbus)")
    sys.exit(0)

logging.disable()  # of pymodbus, that counts exceptions among its errors

import bench
from bench import Bench, Home, check, free_port, run, until

LOAD_W, STRINGS_W = 500, (1600, 1400)
PV_W = sum(STRINGS_W)
SURPLUS_W = PV_W - LOAD_W
NONE = 0xFFFF


def signed(word):
    return word - 0x10000 if word & 0x8000 else word


def text(words, value):
    return list(struct.unpack(f">{words}H", value.encode().ljust(2 * words, b"\0")))


class Unit(ModbusSlaveContext):
    """A unit's holding registers; keeps the order of what is written."""

    def __init__(self, house, base, maker):
        super().__init__(zero_mode=True)
        self.house, self.words, self.at, self.writes = house, {}, {}, []
        self.put(base, text(2, "SunS"))
        self.end = base + 2
        self.model(1, 66, {2: text(16, maker), 18: text(16, "Tester"), 34: text(8, ""),
                           42: text(8, "1.0"), 50: text(16, "4711")})

    def put(self, address, values):
        self.words.update(enumerate([v & 0xFFFF for v in values], address))

    def model(self, number, length, points):
        """Add a model with registers by their offset; what is not given is not implemented."""
        self.at[number] = self.end
        self.put(self.end, [number, length] + [NONE] * length)
        for offset, values in points.items():
            self.put(self.end + offset, values if isinstance(values, list) else [values])
        self.end += length + 2

    def close_chain(self):
        self.put(self.end, [0xFFFF])  # without a length, as some do

    def get(self, model, offset):
        return self.words[self.at[model] + offset]

    def set(self, model, offset, *values):
        self.put(self.at[model] + offset, values)

    def validate(self, function, address, count=1):
        return function in (3, 6, 16) and all(a in self.words for a in range(address,
                                                                            address + count))

    def getValues(self, function, address, count=1):
        return [self.words[a] for a in range(address, address + count)]

    def setValues(self, function, address, values):
        self.put(address, values)
        for a in range(address, address + len(values)):
            for model, at in self.at.items():
                if at <= a <= at + self.words[at + 1] + 1:
                    self.writes.append((model, a - at))
        self.house.settle()


class House:
    """A house without inertia, behind one server."""

    def __init__(self):
        self.port = free_port()
        self.units = {200: Unit(self, 40000, "Acme")}
        self.units[200].model(203, 105, {8: 2300, 15: -1, 16: 5000, 17: -2, 22: 0})
        self.units[200].close_chain()

    def serve(self):
        self.settle()
        context = ModbusServerContext(slaves=self.units, single=False)
        threading.Thread(target=StartTcpServer, daemon=True,
                         kwargs={"context": context, "address": ("127.0.0.1", self.port),
                                 "allow_reuse_address": True}).start()

    def settle(self):
        self.units[200].set(203, 18, LOAD_W - PV_W - self.battery())

    def device(self, unit):
        return {"address": f"tcp://127.0.0.1:{self.port}/{unit}"}


class Hybrid(House):
    """One inverter with its strings and its battery behind models 124 and 160."""

    def __init__(self):
        super().__init__()
        u = self.units[1] = Unit(self, 40000, "Fronius")
        u.model(103, 50, {14: 9999, 15: 0, 38: 4})
        u.model(120, 26, {2: 82, 3: 6000, 4: 0})
        u.model(64321, 7, {})
        u.model(124, 24, {2: 5000, 5: 0, 8: 5000, 12: 10000, 13: 10000, 15: 0, 17: 0, 18: 0,
                          22: -2, 25: -2})
        u.model(160, 8 + 4 * 20, {4: -1, 8: 4})
        for i, name in enumerate(("MPPT 1", "MPPT 2", "StCha 3", "StDisCha 4")):
            u.set(160, 10 + 20 * i, i + 1, *text(8, name))
        u.close_chain()
        self.devices = {"grid": self.device(200), "roof": self.device(1), "main": self.device(1)}

    def battery(self):
        u = self.units[1]
        most, least = signed(u.get(124, 12)), -signed(u.get(124, 13))
        w = 0
        if u.get(124, 5) == 3:
            w = min(max(0, least), most) * 5000 / 10000
        for i, watts in enumerate((*STRINGS_W, max(-w, 0), max(w, 0))):
            u.set(160, 10 + 20 * i + 11, int(watts * 10))
        return int(w)


class Apart(House):
    """A PV inverter with models 103 and 123 at register 0, a storage inverter with 701 to 713 at
    50000."""

    def __init__(self):
        super().__init__()
        u = self.units[1] = Unit(self, 0, "Acme")
        u.model(103, 50, {14: PV_W // 10, 15: 1, 24: [1, 0], 26: 0, 38: 4})
        u.model(121, 30, {2: 600, 22: 1})
        u.model(123, 24, {5: 100, 7: 0, 9: 0, 23: 0})
        u.close_chain()
        u = self.units[2] = Unit(self, 50000, "Acme")
        u.model(701, 153, {116: 0, 120: 0})
        u.model(702, 50, {26: 50, 34: 40, 35: 50, 45: 2})
        u.model(704, 65, {22: 0, 23: 0, 24: [0, 0], 30: 0, 31: [0, 0], 55: 1})
        u.model(713, 7, {2: 135, 4: 50, 7: 2, 8: 0})
        u.close_chain()
        self.devices = {"grid": self.device(200), "roof": self.device(1), "main": self.device(2)}

    def battery(self):
        u = self.units[2]
        w = 0
        if u.get(704, 22) == 1 and u.get(704, 23) == 1:
            w = struct.unpack(">i", struct.pack(">2H", u.get(704, 24), u.get(704, 25)))[0] * 10
        u.set(701, 10, w)
        return w


def in_order(writes, *wanted):
    """Whether these were written, for the first time, in that order."""
    first = [writes.index(w) if w in writes else None for w in wanted]
    return None not in first and first == sorted(first)


def steer(name, house, held):
    house.serve()
    with Bench() as b:
        home = Home(b, name, house)
        status = home.until(f"{name}: read", lambda s: all(
            s["quality"][q] == "good" for q in ("grid_w", "pv_w")))
        check(f"{name}: PV power", abs(status["pv_w"] - PV_W) < 1, status["pv_w"])
        battery = home.until(f"{name}: state of charge", lambda s: s["batteries"][0]
                             ["battery_soc_quality"] == "good")["batteries"][0]
        check(f"{name}: state of charge is 50 %", abs(battery["battery_soc"] - 0.5) < 1e-6,
              battery)
        until(f"{name}: charging", lambda: house.battery() < -SURPLUS_W / 2, seen=home.text)
        status = home.until(f"{name}: charging is read", lambda s: (
            s["batteries"][0]["battery_w"] or 0) < -SURPLUS_W / 2)
        # On a slow machine its set-point may swing; it goes on a minute later.
        until(f"{name}: the surplus is stored", lambda: abs(house.battery() + SURPLUS_W) < 100,
              seen=home.status, seconds=300)
        held(house)
        check(f"{name}: lecd ends when told", home.end() == 0)
        check(f"{name}: given back at the end", house.battery() == 0)


def hybrid():
    def held(house):
        u = house.units[1]
        check("hybrid: the revert timer is set first, control is switched on last",
              in_order(u.writes, (124, 15), (124, 12), (124, 13), (124, 5)), u.writes)
        check("hybrid: the revert timer is not long", 1 <= u.get(124, 15) <= 120, u.get(124, 15))
        check("hybrid: charging from the grid is allowed", u.get(124, 17) == 1)
        check("hybrid: nothing else is written",
              set(u.writes) <= {(124, o) for o in (5, 12, 13, 15, 17)}, set(u.writes))
    steer("hybrid", Hybrid(), held)


def apart():
    def held(house):
        u = house.units[2]
        check("apart: the revert timer is set first, control is switched on last",
              in_order(u.writes, (704, 31), (704, 23), (704, 24), (704, 22)), u.writes)
        check("apart: the revert timer is not long", u.get(704, 31) == 0 and
              1 <= u.get(704, 32) <= 120, u.get(704, 32))
        check("apart: the PV inverter is left alone",
              set(house.units[1].writes) <= {(123, 9)}, house.units[1].writes)
    steer("apart", Apart(), held)


if __name__ == "__main__":
    bench.PROFILE_OF.update(grid="sunspec", roof="sunspec", main="sunspec")
    run(hybrid, apart)
