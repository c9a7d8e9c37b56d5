#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-sim at a serial line: mbpoll reads its meters there, and so does lecd, through flipped bits, a
stuck line and an adapter that is pulled out, while devices elsewhere never notice.

Usage: pty_line.py BUILD-FOLDER. The part of mbpoll is skipped with a word where it is missing."""
import os
import re
import shutil
import subprocess

import bench
from bench import DEADLINE_S, Bench, Home, Plant, check, run, until

LOAD_W, ANSWERS = 800, 40
GRID_W = 0x34  # the meter's register of power, a float
BAUD = 19200


def near(watts):  # the battery is empty and rests
    return abs(watts - LOAD_W) < 30  # the meter's noise, and no more


def mbpoll(path, unit):
    """What an independent master reads from a meter at the line."""
    r = subprocess.run(["mbpoll", "-m", "rtu", "-b", str(BAUD), "-P", "none", "-a", str(unit), "-0",
                        "-r", str(GRID_W), "-c", "1", "-t", "3:float", "-B", "-1", "-o", "5", path],
                       capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    value = re.search(r"\[52\]:\s+(\S+)", r.stdout)
    return float(value.group(1)) if r.returncode == 0 and value else r.stdout + r.stderr


def device(home, name):
    return next(d for d in home.ask("devices")["devices"] if d["name"] == name)


def line():
    with Bench() as b:
        path = os.path.join(b.folder, "port")
        at = f"rtu://{path}/%d?baud={BAUD}"
        template = bench.PLANT.replace("tcp://127.0.0.1:0/1", at % 1) + \
            "soc-start = 10 %\n" \
            f"[meter cellar]\nlisten = {at % 7}\nprofile = eastron-sdm630\n"
        plant = Plant(b, "house", load_w=LOAD_W, template=template)
        check("the address is one for lecd",
              plant.devices["grid"]["address"].startswith(at % 1), plant.devices["grid"])
        if shutil.which("mbpoll"):
            for unit in (1, 7):
                watts = mbpoll(path, unit)
                check(f"mbpoll reads unit {unit}", isinstance(watts, float) and near(watts), watts)
        else:
            print("skipped: mbpoll is not installed")
        plant.devices["grid"]["address"] += "&request-delay=0"
        home = Home(b, "house", plant, cycle="0.5 s")
        status = home.until("the meter read", lambda s: s["quality"]["grid_w"] == "good")
        check("lecd reads the meter at the line", near(status["grid_w"]), status["grid_w"])
        faults(home, plant, path)
        check("lecd ends when told", home.end() == 0)
        wrong = [row["grid_w"] for row in home.samples()
                 if row["grid_good"] and not near(row["grid_w"])]
        check("no wrong value was ever acted on", not wrong, wrong)
        plant.say("quit")
        plant.wait()
        check("the port is gone with the simulator", not os.path.lexists(path))


def faults(home, plant, path):
    before = device(home, "grid")["link"]
    plant.say("fault grid bit-errors=10")
    until("answers through flipped bits", lambda: device(home, "grid")["link"]["answers"] >=
          before["answers"] + ANSWERS, seen=lambda: device(home, "grid"))
    plant.say("heal grid")
    home.until("the meter read", lambda s: s["quality"]["grid_w"] == "good")
    others = device(home, "roof")["link"]
    plant.say("fault grid stuck-line")
    home.until("the meter lost", lambda s: s["quality"]["grid_w"] != "good")
    plant.say("heal grid")
    home.until("the meter read again", lambda s: s["quality"]["grid_w"] == "good")
    port = os.readlink(path)
    plant.say("fault grid unplug")
    until("the port is gone", lambda: not os.path.lexists(path))
    home.until("the meter lost", lambda s: s["quality"]["grid_w"] != "good")
    plant.say("heal grid")
    home.until("the meter read again", lambda s: s["quality"]["grid_w"] == "good")
    check("replugged: the port has another name", os.readlink(path) != port)
    heals = plant.journal("grid", "heal")
    now = device(home, "roof")["link"]
    check("devices elsewhere never noticed", now["connects"] == others["connects"] and
          now["timeouts"] == others["timeouts"] and now["answers"] > others["answers"], now)
    check("faults and heals are in the journal", len(heals) == 3, heals)


run(line)
