# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fault cases share: a house that is steered, something broken in it, and what its devices
wrote down meanwhile. With --long the house's time is real, and what depends on the machine
counts."""
import sys

import bench
from bench import Bench, Home, Plant, check, until

LONG = "--long" in sys.argv
bench.DEADLINE_S = 1800 if LONG else 120
SLACK_S = 0 if LONG else 20  # real, for a machine that is busy with other tests
LOAD_W, PV_W = 500, 3500
SURPLUS_W = PV_W - LOAD_W
LEASE_S = 60  # a command's, and the revert timer with it
SAFE_S, RECOVERY_S = 15, 10
SMALL, SMALL_WH = "2 kWh", 2000  # 3 kW move its charge by a percent in less than 30 s
SUNSPEC = """[plant]
latitude = 59.9 deg
longitude = 10.7 deg
{series}
[meter grid]
listen = tcp://127.0.0.1:0/200
profile = sunspec
models = 1,203
[pv roof]
listen = tcp://127.0.0.1:1/1
profile = sunspec
peak = 6 kW
[battery main]
listen = tcp://127.0.0.1:2/1
profile = sunspec
capacity = {capacity}
charge-limit = 5 kW
discharge-limit = 5 kW
"""
ALL_SUNSPEC = dict.fromkeys(("grid", "roof", "main"), "sunspec")


def at_speed(speed, **options):
    """A bench of that speed where time is not real."""
    return Bench(1 if LONG else speed, **options)


def within(b, what, took_s, limit_s):
    """A bound of the house's time."""
    check(f"{what} within {limit_s:g} s", took_s <= limit_s + SLACK_S * b.speed, took_s)


def steered(b, name, load_w=LOAD_W, pv_w=PV_W, share_w=0, prepare=None, plant=None, **home):
    """A house in balance: its battery takes the surplus, or covers the load, by the rules; share_w:
    what it does then, if not that; None: not waited for. prepare(plant) comes before lecd."""
    plant = Plant(b, name, load_w, pv_w, **plant or {})
    if prepare:
        prepare(plant)
    home = Home(b, name, plant, **home)
    if share_w is not None:
        settled(plant, share_w or load_w - pv_w, home)
    return plant, home


def settled(plant, battery_w, home):
    until("the battery does its share", lambda: home.gone() or
          abs(plant.truth("main", "battery_w") - battery_w) < 100,
          seen=lambda: (plant.truth("main", "battery_w"), home.text()))


def wait_for(plant, what, device, event, name, value, after_s):
    """Wait for that line of the journal; its time."""
    return until(what, lambda: next((t for t, v in plant.journal(device, event, name)
                                     if t >= after_s and v == value), None),
                 seen=lambda: plant.journal(device, event, name)[-10:])


def wait_until(b, house_s):
    """Let the house's time pass."""
    until(f"{house_s - b.house_s():.0f} s of the house", lambda: b.house_s() >= house_s)


def released(plant, after_s):
    return wait_for(plant, "the battery let go", "main", "enabled", "enabled", 0, after_s)


def held_again(plant, after_s):
    return wait_for(plant, "the battery held again", "main", "enabled", "enabled", 1, after_s)


def never_released(plant, what, after_s):
    changes = [v for t, v in plant.journal("main", "enabled") if t >= after_s]
    check(f"{what}: the battery is never let go", changes == [], changes)


def steer(plant, device, event, line):
    """Say a line to the simulator; when it took effect."""
    before = len(plant.journal(device, event))
    plant.say(line)
    return until(line, lambda: plant.journal(device, event)[before:])[0][0]


def break_device(plant, device, kind):
    return steer(plant, device, "fault", f"fault {device} {kind}")


def heal(plant, device):
    return steer(plant, device, "heal", f"heal {device}")


def told(plant, after_s, until_s=float("inf")):
    """The set-points that the battery took."""
    return [v for t, v in plant.journal("main", "write", "battery_setpoint_w")
            if after_s <= t <= until_s]


def undeterred(plant, what, battery_w, after_s, until_s=float("inf")):
    """Nothing but what the house needs was ever commanded: no lie had a consequence."""
    wrong = [v for v in told(plant, after_s, until_s) if abs(v - battery_w) > 250]
    check(f"{what}: no false command reaches the battery", not wrong, wrong)


def told_unknown(plant, home, device, kinds):
    """Each of these makes the device unknown, never a number; nothing false is commanded."""
    def told_of(status):
        battery = status["batteries"][0]
        return {"grid": (status["quality"]["grid_w"], status["grid_w"]),
                "roof": (status["quality"]["pv_w"], status["pv_w"]),
                "main": (battery["battery_soc_quality"], battery["battery_soc"])}[device]
    for kind in kinds:
        fault_s = break_device(plant, device, kind)
        wanted = ["not-implemented"] if kind.startswith("sentinel") else \
            ["stale", "not-implemented", "out-of-range"]
        status = home.until(f"{device} {kind}: told unknown", lambda s: told_of(s)[0] in wanted)
        check(f"{device} {kind}: no number", told_of(status)[1] is None, told_of(status))
        heal(plant, device)
        home.until(f"{device} {kind}: back", lambda s: told_of(s)[0] == "good" and
                   s["batteries"][0]["setpoint_w"] is not None)
        undeterred(plant, f"{device} {kind}", -SURPLUS_W, fault_s)


def alarms(status):
    return {(a["name"], a["alarm"]) for a in status["alarms"]}


def wait_alarm(home, device, alarm):
    home.until(f"{device}: {alarm}", lambda s: (device, alarm) in alarms(s))


def ended(home):
    check("lecd ends when told", home.end() == 0)
