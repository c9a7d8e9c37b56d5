#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lecd is killed while it charges the battery: the battery reverts by itself, and the next lecd is
in control at once, by what the devices say and not by what it wrote down.

Usage: kill.py BUILD-FOLDER. What the device did is taken from the simulator's journal."""
from bench import Bench, Home, Plant, check, run, until

LOAD_W, PV_W = 500, 4500
REVERT_S = 60  # of the house; a command is a lease of that long
RESTART_S = 5  # real
SMALL = "2 kWh"  # 4 kW move its charge by a percent in less than 20 s


def charging(bench, name):
    plant = Plant(bench, name, LOAD_W, PV_W, SMALL)
    home = Home(bench, name, plant, capacity=SMALL)
    until("charging", lambda: plant.truth("main", "battery_w") < LOAD_W - PV_W + 100)
    return plant, home


def first_after(rows, after_s, value=None):
    return next((t for t, v in rows if t > after_s and value in (None, v)), None)


def revert():
    """Left alone for long: the battery has ended the charge, and its charge is another."""
    with Bench(speed=20) as bench:
        plant, home = charging(bench, "revert")
        until("charged to 55 %", lambda: plant.truth("main", "battery_soc") > 0.55)
        home.kill()
        killed_s = bench.house_s()
        off_s = until("the battery reverted", lambda: first_after(
            plant.journal("main", "enabled"), killed_s, 0))
        last_s = plant.journal("main", "write")[-1][0]
        check("killed in mid-charge: the battery reverts by itself within its timer",
              last_s <= killed_s and off_s - last_s <= REVERT_S + 1, off_s - last_s)
        until("the battery rests", lambda: abs(plant.truth("main", "battery_w")) < 50)
        kept = home.rows("telemetry.db", "SELECT soc FROM sample ORDER BY time_s DESC LIMIT 1")
        soc = plant.truth("main", "battery_soc")
        check("its charge is not what was written down last",
              not kept or abs(kept[0]["soc"] - soc) > 0.02, (kept, soc))
        # The next one finds an empty battery's house: what it does comes from what it reads.
        again = Home(bench, "revert", plant, capacity=SMALL)
        seen = again.until("the battery read", lambda s: s["batteries"][0]["battery_soc"] is not None)
        soc = seen["batteries"][0]["battery_soc"]
        low, high = sorted((kept[0]["soc"] if kept else 0, soc))
        check("the next one has the charge from the device",
              abs(soc - plant.truth("main", "battery_soc")) < 0.02 and (not kept or high - low > 0.02),
              (soc, kept))
        until("charging again", lambda: plant.truth("main", "battery_w") < LOAD_W - PV_W + 100)
        check("lecd ends when told", again.end() == 0)
        check("what it held is released at the end",
              until("released", lambda: plant.journal("main", "enabled")[-1][1] == 0))


def restart():
    """Started again at once, as a supervisor does: steered before the lease has run out."""
    with Bench() as bench:
        plant, home = charging(bench, "restart")
        home.kill()
        again = Home(bench, "restart", plant, capacity=SMALL)
        born_s = bench.house_of(again.started_s)
        ready_s = again.ready()
        check("restarted: in control within 5 s", ready_s <= RESTART_S, ready_s)
        wrote_s = until("a command of the new one", lambda: first_after(
            plant.journal("main", "write", "battery_setpoint_w"), born_s))
        check("restarted: it steers the battery within 5 s", wrote_s - born_s <= RESTART_S,
              wrote_s - born_s)
        until("it charges on", lambda: plant.truth("main", "battery_w") < LOAD_W - PV_W + 100)
        status = again.until("all read", lambda s: s["batteries"][0]["battery_soc"] is not None)
        check("restarted: charge as the device tells it",
              abs(status["batteries"][0]["battery_soc"] - plant.truth("main", "battery_soc")) < 0.02)
        second = Home(bench, "restart", plant, capacity=SMALL)
        born_s = bench.house_of(second.started_s)
        check("a second lecd at the same socket refuses", second.wait() == 1, second.text())
        until("the house went on", lambda: plant.journal("house")[-1][0] > bench.house_of(
            second.started_s) + 2)
        enabled = [v for t, v in plant.journal("main", "enabled") if t > born_s]
        check("a second lecd touches no device", enabled == [], enabled)


run(revert, restart)
