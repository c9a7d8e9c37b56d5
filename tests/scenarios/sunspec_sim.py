#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-sim as a SunSpec hybrid and meter: pymodbus walks it by the standard's offsets, lecd reads and
steers it, and when lecd is killed the inverter gives up by its own timer, to the second.

Usage: sunspec_sim.py BUILD-FOLDER. The walk is skipped with a word where pymodbus is missing."""
import bench
from bench import Bench, Home, Plant, check, run, until

try:
    from pymodbus.client import ModbusTcpClient
except ImportError:
    ModbusTcpClient = None

LOAD_W, PV_W = 500, 3000
SPEED = 10
bench.PROFILE_OF.update(grid="sunspec", roof="sunspec", main="sunspec")
bench.PLANT = """[plant]
latitude = 59.9 deg
longitude = 10.7 deg
meter-noise = 1 W
{series}
[meter grid]
listen = tcp://127.0.0.1:0/200
profile = sunspec
models = 1,203
[pv roof]
listen = tcp://127.0.0.1:0/1
profile = sunspec
peak = 6 kW
[battery main]
listen = tcp://127.0.0.1:0/1
profile = sunspec
capacity = {capacity}
charge-limit = 5 kW
discharge-limit = 5 kW
"""


def signed(word):
    return word - 0x10000 if word & 0x8000 else word


class Walk:
    """A unit's models as they lie behind each other, by the standard."""

    def __init__(self, client, unit):
        self.client, self.unit, self.at = client, unit, {}
        check(f"unit {unit}: SunS stands at 40000", self.read(40000, 2) == [0x5375, 0x6E53])
        address = 40002
        while True:
            model, length = self.read(address, 2)
            if model == 0xFFFF:
                break
            self.at[model] = address
            address += 2 + length

    def read(self, address, count):
        answer = self.client.read_holding_registers(address, count, slave=self.unit)
        check("pymodbus gets an answer", not answer.isError(), answer)
        return answer.registers

    def get(self, model, offset, factor=None):
        """A signed register, with its scale factor."""
        value = signed(self.read(self.at[model] + offset, 1)[0])
        return value * 10 ** signed(self.read(self.at[model] + factor, 1)[0]) if factor else value


def walk(plant):
    if not ModbusTcpClient:
        print("skipped: no pymodbus (python3-pymodbus)")
        return
    client = ModbusTcpClient("127.0.0.1", port=plant.devices["main"]["port"])
    client.connect()
    meter, hybrid = Walk(client, 200), Walk(client, 1)
    check("the meter's models", list(meter.at) == [1, 203], meter.at)
    check("the hybrid's models", list(hybrid.at) == [1, 103, 120, 123, 124, 160], hybrid.at)
    check("power at the meter", abs(meter.get(203, 18, 22) - LOAD_W + PV_W) < 10)
    check("voltage at the meter", 200 < meter.get(203, 8, 15) < 260)
    check("what a meter lacks is not implemented", meter.get(203, 19) == -0x8000)
    check("AC power is that of PV", abs(hybrid.get(103, 14, 15) - PV_W) < 10)
    check("it is a hybrid", hybrid.get(120, 2) == 82)
    check("the strings make the sum", abs(hybrid.get(160, 21, 4) + hybrid.get(160, 41, 4) -
                                          PV_W) < 10)
    check("the state of charge", abs(hybrid.get(124, 8, 22) - 50) < 0.1)
    check("storage is not controlled", hybrid.get(124, 5) == 0 and hybrid.get(124, 12, 25) == 100)
    refused = client.write_register(hybrid.at[103] + 14, 5, slave=1)
    check("a measurement cannot be written", refused.isError())
    client.close()


def steered():
    with Bench(speed=SPEED) as b:
        plant = Plant(b, "house", load_w=LOAD_W, pv_w=PV_W)
        walk(plant)
        home = Home(b, "house", plant)
        status = home.until("read", lambda s: all(
            s["quality"][q] == "good" for q in ("grid_w", "pv_w")))
        check("lecd reads PV", abs(status["pv_w"] - PV_W) < 10, status["pv_w"])
        until("the surplus is stored", lambda: abs(
            plant.truth("main", "battery_w") + PV_W - LOAD_W) < 100, seen=home.status)
        home.kill()
        check("killed in the middle of a charge", plant.truth("main", "battery_w") < -1000)
        until("given up", lambda: [v for _, v in plant.journal("main", "enabled")][-1] == 0,
              seen=lambda: plant.journal("main", "enabled"))
        writes = plant.journal("main", "write")
        revert_s = plant.journal("main", "write", "124.InOutWRte_RvrtTms")[-1][1]
        off_s = plant.journal("main", "enabled")[-1][0]
        check("by its own timer, which lecd set", 1 <= revert_s <= 120 and
              abs(off_s - writes[-1][0] - revert_s) < 0.002, (off_s, writes[-1], revert_s))
        until("it rests", lambda: abs(plant.truth("main", "battery_w")) < 1)
        again = Home(b, "house", plant)
        until("lecd is back and steers again", lambda: plant.truth("main", "battery_w") <
              -(PV_W - LOAD_W) / 2, seen=again.text)
        check("lecd ends when told", again.end() == 0)
        until("given back", lambda: abs(plant.truth("main", "battery_w")) < 1)


run(steered)
