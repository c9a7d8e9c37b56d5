# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of what a device tells: sentinels, scales, frozen and leaping charge, inverted power."""
from bench import check, until
from fault_house import (ALL_SUNSPEC, LOAD_W, PV_W, SMALL, SMALL_WH, SUNSPEC, SURPLUS_W, at_speed,
                         break_device, ended, heal, held_again, never_released, released, settled,
                         steered, told, told_unknown, undeterred, wait_alarm, wait_until, within)

UNKNOWN_S = 60  # a charge that is not known for so long, and the battery is let go


def sentinels():
    """7: sentinels of each type are excluded, never numbers; a state of charge that is unknown for
    60 s lets the battery go."""
    with at_speed(5) as b:
        plant, home = steered(b, "sentinels")
        told_unknown(plant, home, "grid", ("sentinel", "sentinel=nan", "sentinel=fltmax"))
        told_unknown(plant, home, "roof", ("sentinel",))
        told_unknown(plant, home, "main", ("sentinel", "sentinel=0xFFFF"))
        fault_s = break_device(plant, "main", "sentinel")
        within(b, "charge unknown: the battery is let go", released(plant, fault_s) - fault_s,
               UNKNOWN_S)
        heal_s = heal(plant, "main")
        held_again(plant, heal_s)
        settled(plant, -SURPLUS_W, home)
        ended(home)


def scale_factors():
    """7, of SunSpec: what stands for nothing in each type, and in the scale factor."""
    with at_speed(5) as b:
        plant, home = steered(b, "scale-factors", plant={"template": SUNSPEC}, profiles=ALL_SUNSPEC)
        told_unknown(plant, home, "grid", ("sentinel", "sentinel=0x8000", "sentinel=sf"))
        told_unknown(plant, home, "roof", ("sentinel", "sentinel=sf"))
        told_unknown(plant, home, "main", ("sentinel", "sentinel=0xFFFF", "sentinel=sf"))
        ended(home)


def jumps(name, load_w, pv_w, share_w):
    with at_speed(5) as b:
        plant, home = steered(b, name, load_w, pv_w, share_w=share_w)
        wait_until(b, b.house_s() + 5)  # until the meter tells of it, too
        first_s = b.house_s()
        for device in ("grid", "roof", "main"):
            for _ in range(3):
                break_device(plant, device, "scale-jump=1")
                wait_until(b, b.house_s() + 4)
                heal(plant, device)
        never_released(plant, "scale jumps", first_s)
        undeterred(plant, "scale jumps", share_w, first_s)
        ended(home)
        flows = plant.journal("grid", "state", "grid_w")  # a busy machine makes the loop swing

        def flowed(row):
            return any(abs(row["grid_w"] - w) <= 100 for t, w in flows if 0 <= row["time_s"] + 2 - t <= 12)
        wrong = [row for row in home.samples() if row["time_s"] >= first_s and
                 (row["grid_good"] and not flowed(row) or
                  (row["pv_w"] or 0) > pv_w + 50 or (row["soc"] or 0.5) > 0.6)]
        check("scale jumps: none was recorded", not wrong, wrong[:3])


def scale_jump():
    """8: a scale that jumps between two reads: the value is refused, and nobody acts on it."""
    jumps("scale-jump", LOAD_W, PV_W, -SURPLUS_W)


def scale_jump_exporting():
    """8, where the battery takes all it can, and the meter shows what is left."""
    jumps("exporting", 0, 5900, -5000)


def frozen_soc():
    """9: the state of charge is frozen while 3 kW flow: an alarm within 5 min, and the battery is
    charged no further than is sure by the energy."""
    with at_speed(20) as b:
        plant, home = steered(b, "frozen-soc", capacity=SMALL, plant={
            "capacity": SMALL, "battery": "soc-start = 70 %\n"})
        fault_s = break_device(plant, "main", "frozen-soc")
        shown = home.status()["batteries"][0]["battery_soc"]
        wait_alarm(home, "main", "soc-still")
        within(b, "charge frozen: the alarm", b.house_s() - fault_s, 300)
        until("the charge is ended", lambda: plant.truth("main", "battery_w") > -100 or
              plant.truth("main", "battery_soc") > 0.97)
        check("charge frozen: the battery still tells of another one",
              abs(home.status()["batteries"][0]["battery_soc"] - shown) < 0.02)
        wait_until(b, b.house_s() + 60)
        most = max(v for _, v in plant.journal("main", "state", "battery_soc"))
        ended(home)
        # A busy machine makes cycles late, and what flows in between is nobody's to end.
        times = [row["time_s"] for row in home.samples() if row["time_s"] >= fault_s]
        unseen_s = max(later - earlier for earlier, later in zip(times, times[1:]))
        limit = 0.95 + SURPLUS_W * unseen_s / 3600 / SMALL_WH
        check("charge frozen: never charged beyond the limit", most <= limit, (most, limit))


def soc_step():
    """10: the state of charge goes from 60 to 5 and back to 60 %: it is held, there is an alarm,
    and the set-point does not turn."""
    with at_speed(5) as b:
        plant, home = steered(b, "soc-step", 3000, 0, plant={"battery": "soc-start = 60 %\n"})
        fault_s = break_device(plant, "main", "soc-step=5")
        wait_alarm(home, "main", "soc-leap")
        wait_until(b, fault_s + 40)
        heal(plant, "main")
        home.until("no alarm", lambda s: not s["alarms"])
        never_released(plant, "charge leaps", fault_s)
        undeterred(plant, "charge leaps", 3000, fault_s)
        ended(home)


def inverted():
    """11: the meter counts the other way: the loop is not closed on it, the battery is let go."""
    with at_speed(5) as b:
        plant, home = steered(b, "inverted", share_w=None,
                              prepare=lambda plant: plant.say("fault grid inverted"))
        wait_alarm(home, "grid", "sign")
        off_s = released(plant, 0)
        until("at rest", lambda: abs(plant.truth("main", "battery_w")) < 50)
        wait_until(b, b.house_s() + 60)
        later = plant.journal("main", "enabled")[-1]
        check("inverted: the battery stays let go", later == (off_s, 0) or later[1] == 0, later)
        drawn_wh = sum(max(v, 0) for _, v in plant.journal("main", "state", "battery_w")) / 3600
        check("inverted: the loop did not run away", drawn_wh < 30, drawn_wh)
        heal_s = heal(plant, "grid")
        home.ask("mode", "auto")
        held_again(plant, heal_s)
        settled(plant, LOAD_W - PV_W, home)
        check("turned: nothing is told to the contrary", told(plant, heal_s)[-1] < 0)
        ended(home)
