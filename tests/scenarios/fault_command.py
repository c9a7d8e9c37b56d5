# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of who commands: a device that does not obey, or obeys another, and a lecd that dies."""
import signal

from bench import Bench, Home, check, until
from fault_house import (ALL_SUNSPEC, LEASE_S, LOAD_W, PV_W, SMALL, SUNSPEC, SURPLUS_W, at_speed,
                         break_device, ended, heal, held_again, released, settled, steered, told,
                         wait_alarm, wait_for, wait_until, within)

RESTART_S = 5  # real
OWN_LINE = """[plant]
latitude = 59.9 deg
longitude = 10.7 deg
{{series}}
[meter grid]
listen = tcp://127.0.0.1:0/1
profile = eastron-sdm630
[pv roof]
listen = tcp://127.0.0.1:1/1
profile = generic-pv
peak = 6 kW
[battery main]
listen = tcp://127.0.0.1:2/{unit}
profile = {profile}
capacity = {{capacity}}
charge-limit = 5 kW
discharge-limit = 5 kW
"""


def writes_since(plant, after_s):
    return [(t, v) for t, v in plant.journal("main", "write") if t > after_s]


def at_rest(plant):
    until("the battery rests", lambda: abs(plant.truth("main", "battery_w")) < 50)


def charge_read(home):
    """What lecd reads of the battery's charge."""
    return home.until("the battery read", lambda s: s["batteries"][0]["battery_soc"] is not None)[
        "batteries"][0]["battery_soc"]


def ignored():
    """12: writes are acknowledged and ignored: an alarm, at most three more tries, and the battery
    is let go and not counted on."""
    with at_speed(5) as b:
        plant, home = steered(b, "ignored")
        break_device(plant, "main", "ignore-writes")
        off_s = released(plant, b.house_s())  # it was not renewed
        wait_alarm(home, "main", "deviation")
        within(b, "ignored: the alarm", b.house_s() - off_s, 3 + 2)
        wait_alarm(home, "main", "given-up")
        let_go_s = wait_for(plant, "told to let go", "main", "write", "control_enable", 0, off_s)
        within(b, "ignored: given up after three tries of three polls", let_go_s - off_s, 15)
        wait_until(b, let_go_s + 120)
        later = [v for t, v in plant.journal("main", "write", "battery_setpoint_w") if t > let_go_s]
        check("ignored: then nothing is told any more", later == [], later)
        at_rest(plant)
        heal_s = heal(plant, "main")
        home.ask("mode", "auto")
        held_again(plant, heal_s)
        settled(plant, -SURPLUS_W, home)
        ended(home)


def overwritten():
    """13: a cloud puts its default back every 30 s: after three more tries the battery is left to
    it, and there is no storm of writes."""
    with at_speed(10) as b:
        plant, home = steered(b, "overwritten")
        break_device(plant, "main", "overwrite=30")

        def left():
            """The battery was left to the cloud: five times nothing was said to it."""
            lost = [t for t, _ in plant.journal("main", "overwrite")]
            return len(lost) >= 5 and writes_since(plant, 0)[-1][0] < lost[-5] and lost
        lost = until("the fight ends", left)
        told = [t for t, v in plant.journal("main", "enabled") if v == 1 and t > lost[0]]
        # Three times what was seen to hold is told again. What is overwritten before it was read
        # back is a write that failed, and no sign of another controller yet: a busy machine has
        # some.
        check("overwritten: told again three times, and hardly more", 3 <= len(told) <= 6,
              (told, lost))
        check("overwritten: the battery is let go", plant.journal("main", "enabled")[-1][1] == 0)
        at_rest(plant)
        said = home.ask("devices")["devices"]
        check("overwritten: and that is said", any("another controller" in d["error"]
                                                   for d in said), said)
        heal_s = heal(plant, "main")
        home.ask("mode", "auto")
        held_again(plant, heal_s)
        ended(home)


def killed():
    """14: lecd is killed while it charges a battery with a revert timer (class A): it reverts by
    itself, and the next lecd has its charge from the device, not from what was written down."""
    with at_speed(20) as b:
        plant, home = steered(b, "killed", capacity=SMALL, plant={"capacity": SMALL})
        until("charged to 55 %", lambda: plant.truth("main", "battery_soc") > 0.55)
        home.kill()
        killed_s = b.house_s()
        off_s = released(plant, killed_s)
        last_s = plant.journal("main", "write")[-1][0]
        check("killed in mid-charge: the battery reverts by itself within its timer",
              last_s <= killed_s and off_s - last_s <= LEASE_S + 1, off_s - last_s)
        at_rest(plant)
        kept = home.rows("telemetry.db", "SELECT soc FROM sample WHERE soc IS NOT NULL "
                         "ORDER BY time_s DESC LIMIT 1")
        soc = plant.truth("main", "battery_soc")
        check("its charge is not what was written down last",
              not kept or abs(kept[0]["soc"] - soc) > 0.02, (kept, soc))
        # What the next one does comes from what it reads.
        again = Home(b, "killed", plant, capacity=SMALL)
        soc = charge_read(again)
        check("the next one has the charge from the device",
              abs(soc - plant.truth("main", "battery_soc")) < 0.02 and
              (not kept or abs(kept[0]["soc"] - soc) > 0.02), (soc, kept))
        settled(plant, -SURPLUS_W, again)
        ended(again)
        check("what it held is released at the end",
              until("released", lambda: plant.journal("main", "enabled")[-1][1] == 0))


def restarted():
    """14, started again at once, as a supervisor does: steered before the lease has run out; and a
    second lecd touches no device."""
    with Bench() as b:
        plant, home = steered(b, "restarted")
        home.kill()
        again = Home(b, "restarted", plant)
        born_s = b.house_of(again.started_s)
        within(b, "restarted: in control", again.ready(), RESTART_S)
        wrote_s = until("a command of the new one", lambda: next(
            (t for t, _ in plant.journal("main", "write", "battery_setpoint_w") if t > born_s),
            None))
        within(b, "restarted: it steers the battery", wrote_s - born_s, RESTART_S)
        settled(plant, -SURPLUS_W, again)
        check("restarted: charge as the device tells it",
              abs(charge_read(again) - plant.truth("main", "battery_soc")) < 0.02)
        second = Home(b, "restarted", plant)
        born_s = b.house_of(second.started_s)
        check("a second lecd at the same socket refuses", second.wait() == 1, second.text())
        wait_until(b, b.house_of(second.started_s) + 2)
        enabled = [v for t, v in plant.journal("main", "enabled") if t > born_s]
        check("a second lecd touches no device", enabled == [], enabled)


def killed_at(name, revert_s, template, battery="", **home):
    """Killed in mid-charge: the device's own time ends the charge."""
    with at_speed(5) as b:
        plant, first = steered(b, name, plant={"template": template, "battery": battery}, **home)
        first.kill()
        killed_s = b.house_s()
        off_s = released(plant, killed_s)
        last_s, _ = writes_since(plant, 0)[-1]
        check(f"{name}: the battery reverts by itself within {revert_s} s",
              last_s <= killed_s and off_s - last_s <= revert_s + 1, off_s - last_s)
        at_rest(plant)
        again = Home(b, name, plant, **home)
        held_again(plant, off_s)
        settled(plant, -SURPLUS_W, again)
        ended(again)


def killed_fixed():
    """14, of a device with a revert time of its own (class B)."""
    killed_at("kostal", 30, OWN_LINE.format(unit=71, profile="kostal-plenticore"),
              "revert = 30 s\n", profiles={"main": "kostal-plenticore"})


def killed_heartbeat():
    """14, of a device that watches a heartbeat (class D)."""
    killed_at("heartbeat", 20, SUNSPEC, "models = 1,701,702,704,713,715\nrevert = 20 s\n",
              profiles=ALL_SUNSPEC)


def stopped():
    """15: lecd stands still, as in a deadlock, and nobody sees to it: the battery reverts by
    itself; when lecd goes on, it is steered again. (The watchdog that kills it: tests/system.)"""
    with at_speed(10) as b:
        plant, home = steered(b, "stopped")
        home.popen.send_signal(signal.SIGSTOP)
        stopped_s = b.house_s()
        off_s = released(plant, stopped_s)
        check("stopped: the battery reverts by itself", off_s - stopped_s <= LEASE_S,
              off_s - stopped_s)
        at_rest(plant)
        home.popen.send_signal(signal.SIGCONT)
        held_again(plant, off_s)
        settled(plant, LOAD_W - PV_W, home)
        check("going on: nothing but what the house needs was told", all(
            v > -SURPLUS_W - 250 for v in told(plant, off_s)), told(plant, off_s))
        ended(home)
