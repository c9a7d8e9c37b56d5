#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device falls silent, or answers what cannot be true: what is unknown is told so in time, the
battery comes to rest, its neighbours go on, and what returns is taken back.

Usage: silence.py BUILD-FOLDER. All bounds are in the house's time."""
from bench import RELEASED, Bench, Home, Plant, check, run, until

LOAD_W, PV_W = 500, 3500
SURPLUS_W = PV_W - LOAD_W
# Two polls missed make a reading stale; what was asked before the fault may be answered for as long
# as the network's side waits, in real time.
STALE_S, TIMEOUT_S = 2.5, 1
PATIENCE_S, SAFE_S, RECOVERY_S = 13, 15, 10
REVERT_S = 60
# The tries of a silent device are spaced in real time, at most 8 s apart.
FAULTS_SPEED = 5


def charging(bench, name):
    """A house whose surplus goes into the battery, by the rules."""
    plant = Plant(bench, name, LOAD_W, PV_W)
    home = Home(bench, name, plant)
    home.until(f"{name}: charging",
               lambda s: s["batteries"][0]["battery_w"] is not None and
               s["batteries"][0]["battery_w"] < -SURPLUS_W / 2)
    return plant, home


def wait_for(plant, what, device, event, name, value, after_s):
    """Wait for that line of the journal; its time."""
    return until(what, lambda: next((t for t, v in plant.journal(device, event, name)
                                     if t >= after_s and v == value), None))


def steer(plant, device, event, line):
    """Say a line to the simulator; when it took effect."""
    before = len(plant.journal(device, event))
    plant.say(line)
    return until(line, lambda: plant.journal(device, event)[before:])[0][0]


def break_device(plant, device, kind):
    return steer(plant, device, "fault", f"fault {device} {kind}")


def heal(plant, device):
    return steer(plant, device, "heal", f"heal {device}")


def believed_s(samples, what, since_s):
    """For how long after that the reading was still taken for good."""
    rows = [row for row in samples if row["time_s"] > since_s]
    bad_s = next(row["time_s"] for row in rows if not row[what + "_good"])
    return max((row["time_s"] for row in rows if row["time_s"] < bad_s), default=since_s) - since_s


def good_again(samples, what, since_s):
    return next((row["time_s"] for row in samples
                 if row["time_s"] > since_s and row[what + "_good"]), 1 << 60)


def unaffected(samples, what, since_s, until_s):
    rows = [row for row in samples if since_s <= row["time_s"] <= until_s]
    return len(rows) > 5 and all(row[what + "_good"] for row in rows)


def meter():
    with Bench() as bench:
        plant, home = charging(bench, "meter")
        fault_s = break_device(plant, "grid", "silence")
        safe_s = wait_for(plant, "the battery let go", "main", "enabled", "enabled", 0, fault_s)
        check("meter silent: the device is released within 15 s", safe_s - fault_s <= SAFE_S,
              safe_s - fault_s)
        heal_s = heal(plant, "grid")
        back_s = wait_for(plant, "the battery held again", "main", "enabled", "enabled", 1, heal_s)
        check("meter back: the device is steered within 10 s", back_s - heal_s <= RECOVERY_S,
              back_s - heal_s)
        status = home.until("the meter read again", lambda s: s["quality"]["grid_w"] == "good")
        check("meter back: nothing was restarted", status["planner"]["starts"] == 1)
        check("lecd ends when told", home.end() == 0)
        samples = home.samples()
        held_s = believed_s(samples, "grid", fault_s)
        check("meter silent: stale when two polls are missed", held_s <= STALE_S + TIMEOUT_S,
              held_s)
        again_s = good_again(samples, "grid", heal_s)
        check("meter back: good within 10 s", again_s - heal_s <= RECOVERY_S, again_s - heal_s)
        for what in ("pv", "battery"):
            check(f"meter silent: {what} readings are unaffected",
                  unaffected(samples, what, fault_s, again_s))
        check("meter silent: what is unknown is no number",
              all((row["grid_w"] is None) == (not row["grid_good"]) for row in samples))


def pv():
    with Bench() as bench:
        plant, home = charging(bench, "pv")
        fault_s = break_device(plant, "roof", "silence")
        home.until("PV not known", lambda s: s["quality"]["pv_w"] == "stale" and s["pv_w"] is None
                   and s["load_w"] is None)
        # So long that a battery that had been given up would have been released.
        home.until(f"{PATIENCE_S} s of silence", lambda _: bench.house_s() > fault_s + PATIENCE_S)
        check("PV silent: the battery charges on", plant.truth("main", "battery_w") <
              100 - SURPLUS_W)
        heal_s = heal(plant, "roof")
        home.until("PV read again", lambda s: s["quality"]["pv_w"] == "good")
        enabled = [v for t, v in plant.journal("main", "enabled") if t >= fault_s]
        check("PV silent: the battery is never let go", enabled == [], enabled)
        check("lecd ends when told", home.end() == 0)
        samples = home.samples()
        held_s = believed_s(samples, "pv", fault_s)
        check("PV silent: stale when two polls are missed", held_s <= STALE_S + TIMEOUT_S,
              held_s)
        again_s = good_again(samples, "pv", heal_s)
        check("PV back: good within 10 s", again_s - heal_s <= RECOVERY_S, again_s - heal_s)
        for what in ("grid", "battery"):
            check(f"PV silent: {what} readings are unaffected",
                  unaffected(samples, what, fault_s, again_s))


def battery():
    with Bench(FAULTS_SPEED) as bench:
        plant, home = charging(bench, "battery")
        fault_s = break_device(plant, "main", "silence")
        revert_s = wait_for(plant, "the battery reverted", "main", "enabled", "enabled", 0, fault_s)
        check("battery silent: it reverts by itself", revert_s - fault_s <= REVERT_S,
              revert_s - fault_s)
        heal_s = heal(plant, "main")
        back_s = wait_for(plant, "the battery held again", "main", "enabled", "enabled", 1, heal_s)
        check("battery back: steered within 10 s of the network",
              back_s - heal_s <= RECOVERY_S * FAULTS_SPEED, back_s - heal_s)
        home.until("the battery read again",
                   lambda s: s["batteries"][0]["battery_soc_quality"] == "good")
        check("lecd ends when told", home.end() == 0)
        samples = home.samples()
        held_s = believed_s(samples, "battery", fault_s)
        check("battery silent: stale when two polls are missed", held_s <= STALE_S + TIMEOUT_S * FAULTS_SPEED,
              held_s)
        released_s = next((row["time_s"] for row in samples
                           if row["time_s"] > fault_s and row["reasons"] & RELEASED), 1 << 60)
        check("battery silent: given up within 15 s", released_s - fault_s <= SAFE_S,
              released_s - fault_s)
        check("battery silent: meter readings are unaffected",
              unaffected(samples, "grid", fault_s, heal_s))


def lies():
    """Exceptions, sentinels and late answers: never a number."""
    with Bench(FAULTS_SPEED) as bench:
        plant, home = charging(bench, "lies")
        for device, kind, unknown in (
                ("grid", "exception=4", lambda s: s["quality"]["grid_w"] != "good"),
                ("grid", "sentinel", lambda s: s["quality"]["grid_w"] == "not-implemented"),
                ("grid", "wrong-tid", lambda s: s["quality"]["grid_w"] != "good"),
                ("grid", "delay=1100", lambda s: s["quality"]["grid_w"] != "good"),
                ("grid", "drip=400", lambda s: s["quality"]["grid_w"] != "good"),
                ("main", "sentinel",
                 lambda s: s["batteries"][0]["battery_soc_quality"] != "good"),
                ("main", "exception=2",
                 lambda s: s["batteries"][0]["battery_soc_quality"] != "good"),
                ("roof", "sentinel", lambda s: s["quality"]["pv_w"] == "not-implemented")):
            fault_s = break_device(plant, device, kind)
            status = home.until(f"{device} {kind}: told unknown", unknown)
            battery = status["batteries"][0]
            value = {"grid": status["grid_w"], "roof": status["pv_w"],
                     "main": battery["battery_soc"]}[device]
            check(f"{device} {kind}: no number", value is None, value)
            heal(plant, device)
            home.until(f"{device} {kind}: back", lambda s: not unknown(s) and
                       s["batteries"][0]["setpoint_w"] is not None)
        check("lecd ends when told", home.end() == 0)
        samples = home.samples()
        wrong = [row for row in samples
                 if not -SURPLUS_W - 50 <= (row["grid_w"] or 0) <= 5050 - SURPLUS_W or
                 not 0 <= (row["pv_w"] or 0) <= PV_W + 50 or
                 not 0.4 < (row["soc"] or 0.5) < 0.6 or
                 not -5050 <= (row["battery_w"] or 0) <= 50]
        check("no lie was recorded as a number", not wrong, wrong[:3])
        check("what was recorded came from good readings",
              all((row["grid_w"] is not None) == row["grid_good"] for row in samples))


def refused():
    with Bench() as bench:
        plant, home = charging(bench, "refused")
        lines = len(home.lines)
        fault_s = break_device(plant, "grid", "refuse")
        wait_for(plant, "the battery let go", "main", "enabled", "enabled", 0, fault_s)
        heal_s = heal(plant, "grid")
        back_s = wait_for(plant, "the battery held again", "main", "enabled", "enabled", 1, heal_s)
        check("refused: steered again within 10 s", back_s - heal_s <= RECOVERY_S,
              back_s - heal_s)
        said = home.text()[lines:]
        check("refused: the log is not flooded", len(said) <= 4, said)
        link = next(d for d in home.ask("devices")["devices"] if d["name"] == "grid")
        check("refused: the link says it was lost once", link["link"]["connects"] == 2,
              link["link"])


run(meter, pv, battery, lies, refused)
