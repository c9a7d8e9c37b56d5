# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the line and of what comes over it: silence, resets, delay, frames, exceptions."""
import contextlib
import os
import socket
import struct
import threading
import time

from bench import RELEASED, Bench, check, until
from fault_house import (LEASE_S, LONG, RECOVERY_S, SAFE_S, SURPLUS_W, at_speed, break_device,
                         ended, heal, held_again, never_released, released, settled, steered, told,
                         told_unknown, undeterred, wait_until, within)

# Two polls missed make a reading stale; what was asked before the fault may be answered for as long
# as the network's side waits, in real time.
STALE_S, TIMEOUT_S = 2.5, 1
PATIENCE_S, FROZEN_S = 13, 5
# The tries of a silent device are spaced in real time, at most 8 s apart.
FAULTS_SPEED = 5


def believed_s(samples, what, since_s):
    """For how long after that the reading was still taken for good."""
    rows = [row for row in samples if row["time_s"] > since_s]
    bad_s = next(row["time_s"] for row in rows if not row[what + "_good"])
    return max((row["time_s"] for row in rows if row["time_s"] < bad_s), default=since_s) - since_s


def unaffected(samples, what, since_s, until_s):
    rows = [row for row in samples if since_s <= row["time_s"] <= until_s]
    return len(rows) > 5 and all(row[what + "_good"] for row in rows)


def no_lie_recorded(samples, pv_w=3500):
    wrong = [row for row in samples
             if not -SURPLUS_W - 50 <= (row["grid_w"] or 0) <= 5050 - SURPLUS_W or
             not 0 <= (row["pv_w"] or 0) <= pv_w + 50 or
             not 0.4 < (row["soc"] or 0.5) < 0.6 or
             not -5050 <= (row["battery_w"] or 0) <= 50]
    check("no lie was recorded as a number", not wrong, wrong[:3])
    check("what was recorded came from good readings",
          all((row["grid_w"] is not None) == row["grid_good"] for row in samples))


def black_hole():
    """1: the meter's TCP is a black hole: its quality is bad after two polls, the ramp is frozen
    within 5 s, the battery is let go within 15 s, and steered 10 s after the meter is back."""
    with Bench() as b:
        plant, home = steered(b, "meter")
        fault_s = break_device(plant, "grid", "silence")
        safe_s = released(plant, fault_s)
        within(b, "meter silent: the device is released", safe_s - fault_s, SAFE_S)
        moves = set(told(plant, fault_s + FROZEN_S, safe_s))
        check("meter silent: the set-point stands", len(moves) <= 1, moves)
        heal_s = heal(plant, "grid")
        within(b, "meter back: the device is steered", held_again(plant, heal_s) - heal_s,
               RECOVERY_S)
        status = home.until("the meter read again", lambda s: s["quality"]["grid_w"] == "good")
        check("meter back: nothing was restarted", status["planner"]["starts"] == 1)
        ended(home)
        samples = home.samples()
        within(b, "meter silent: stale when two polls are missed",
               believed_s(samples, "grid", fault_s), STALE_S + TIMEOUT_S)
        for what in ("pv", "battery"):
            check(f"meter silent: {what} readings are unaffected",
                  unaffected(samples, what, fault_s, heal_s))
        check("meter silent: what is unknown is no number",
              all((row["grid_w"] is None) == (not row["grid_good"]) for row in samples))


def black_hole_pv():
    """1, of PV: it is not known, and the battery goes on."""
    with Bench() as b:
        plant, home = steered(b, "pv")
        fault_s = break_device(plant, "roof", "silence")
        home.until("PV not known", lambda s: s["quality"]["pv_w"] == "stale" and s["pv_w"] is None
                   and s["load_w"] is None)
        # So long that a battery that had been given up would have been released.
        wait_until(b, fault_s + PATIENCE_S)
        check("PV silent: the battery charges on", plant.truth("main", "battery_w") <
              100 - SURPLUS_W)
        heal_s = heal(plant, "roof")
        home.until("PV read again", lambda s: s["quality"]["pv_w"] == "good")
        within(b, "PV back: read again", b.house_s() - heal_s, RECOVERY_S)
        never_released(plant, "PV silent", fault_s)
        undeterred(plant, "PV silent", -SURPLUS_W, fault_s)
        ended(home)
        samples = home.samples()
        within(b, "PV silent: stale when two polls are missed", believed_s(samples, "pv", fault_s),
               STALE_S + TIMEOUT_S)
        for what in ("grid", "battery"):
            check(f"PV silent: {what} readings are unaffected",
                  unaffected(samples, what, fault_s, heal_s))


def black_hole_battery():
    """1, of the battery: it reverts by itself, and is steered again when it is back."""
    with at_speed(FAULTS_SPEED) as b:
        plant, home = steered(b, "battery")
        fault_s = break_device(plant, "main", "silence")
        revert_s = released(plant, fault_s)
        check("battery silent: it reverts by itself", revert_s - fault_s <= LEASE_S,
              revert_s - fault_s)
        heal_s = heal(plant, "main")
        within(b, "battery back: steered", held_again(plant, heal_s) - heal_s,
               RECOVERY_S * b.speed)
        home.until("the battery read again",
                   lambda s: s["batteries"][0]["battery_soc_quality"] == "good")
        ended(home)
        samples = home.samples()
        within(b, "battery silent: stale when two polls are missed",
               believed_s(samples, "battery", fault_s), STALE_S + TIMEOUT_S * b.speed)
        released_s = next((row["time_s"] for row in samples
                           if row["time_s"] > fault_s and row["reasons"] & RELEASED), 1 << 60)
        within(b, "battery silent: given up", released_s - fault_s, SAFE_S)
        check("battery silent: meter readings are unaffected",
              unaffected(samples, "grid", fault_s, heal_s))


class Gate:
    """What stands before a device's port: hands on what comes, or resets each connection."""

    def __init__(self, address):
        self.target, self.shut, self.tries, self.links = address, False, [], []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.watch, daemon=True).start()

    @staticmethod
    def slam(link):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()

    def shut_it(self):
        self.shut = True
        for link in self.links:
            with contextlib.suppress(OSError):  # it is gone
                link.shutdown(socket.SHUT_RDWR)

    def watch(self):
        while True:
            link, _ = self.door.accept()
            self.tries.append(time.monotonic())
            if self.shut:
                self.slam(link)
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.links += [link, far]
            for source, sink in ((link, far), (far, link)):
                threading.Thread(target=self.hand_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def hand_on(source, sink):
        with contextlib.suppress(OSError):  # one of them is gone
            while data := source.recv(4096):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resets():
    """2: the meter resets each connection: it is tried after 1, 2, 4 s and so on, the CPU stays
    below 5 %, and the log is not flooded (less than a line in 10 s)."""
    with Bench() as b:
        gates = []

        def behind_a_gate(plant):
            port = plant.devices["grid"]["port"]
            gates.append(Gate(port))
            plant.devices["grid"]["address"] = plant.devices["grid"]["address"].replace(
                f":{port}/", f":{gates[0].port}/")
        plant, home = steered(b, "resets", prepare=behind_a_gate)
        gate, lines, busy_s, fault_s = gates[0], len(home.lines), cpu_s(home.pid), b.house_s()
        before = len(gate.tries)
        gate.shut_it()
        safe_s = released(plant, fault_s)
        within(b, "resets: the device is released", safe_s - fault_s, SAFE_S)

        def gaps():
            tries = gate.tries[before:]
            return [later - earlier for earlier, later in zip(tries, tries[1:])]
        longest_s = 30 if LONG else 8  # 30 from five minutes on
        until(f"left alone for {longest_s} s", lambda: max(gaps(), default=0) > longest_s - 0.3,
              seen=gaps)
        # A reset that comes before the connection is up is one of the port, and counted apart.
        check("resets: tried ever more seldom", min(gaps()) > 0.7 and
              sum(gap < longest_s - 0.3 for gap in gaps()) <= (60 if LONG else 7), gaps())
        took_s, said = b.house_s() - fault_s, home.text()[lines:]
        share = (cpu_s(home.pid) - busy_s) / took_s
        if LONG:
            check("resets: the CPU stays below 5 %", share < 0.05, share)
        check("resets: the log is not flooded", len(said) <= max(4, took_s / 10), said)
        gate.shut = False
        held_again(plant, safe_s)
        settled(plant, -SURPLUS_W, home)
        ended(home)


def refused():
    """2, of a port that is closed."""
    with Bench() as b:
        plant, home = steered(b, "refused")
        lines = len(home.lines)
        fault_s = break_device(plant, "grid", "refuse")
        released(plant, fault_s)
        heal_s = heal(plant, "grid")
        within(b, "refused: steered again", held_again(plant, heal_s) - heal_s, RECOVERY_S)
        said = home.text()[lines:]
        check("refused: the log is not flooded", len(said) <= 4, said)
        link = next(d for d in home.ask("devices")["devices"] if d["name"] == "grid")
        check("refused: the link says it was lost once", link["link"]["connects"] == 2,
              link["link"])
        ended(home)


def late():
    """3: the inverter answers after 0.9, 1.1 and 3 times its timeout: no wrong value is ever taken,
    the connection is made anew, and the battery behind it loses no cycle."""
    with Bench() as b:
        plant, home = steered(b, "late")

        def link():
            return next(d for d in home.ask("devices")["devices"] if d["name"] == "roof")["link"]
        first_s = b.house_s()
        for percent, in_time in ((90, True), (110, False), (300, False)):
            before = link()
            fault_s = break_device(plant, "roof", f"late={percent}")
            if in_time:
                until("late answers", lambda: link()["answers"] >= before["answers"] + 3)
            else:
                until("timeouts", lambda: link()["timeouts"] >= before["timeouts"] + 2)
            heal(plant, "roof")
            home.until("PV read again", lambda s: s["quality"]["pv_w"] == "good")
            after = link()
            check(f"{percent} % of the timeout: taken, or the connection made anew",
                  after["timeouts"] == before["timeouts"] if in_time else
                  after["connects"] > before["connects"], (before, after))
            undeterred(plant, f"{percent} % of the timeout", -SURPLUS_W, fault_s)
        never_released(plant, "late answers", first_s)
        ended(home)
        samples = home.samples()
        no_lie_recorded(samples)
        if LONG:
            for what in ("grid", "battery"):
                check(f"late answers: {what} readings are unaffected",
                      unaffected(samples, what, first_s, b.house_s()))


def drip():
    """4: the meter drips its answers, a byte each 400 ms: the call ends at its timeout, the control
    of the others goes on, and the battery is let go within 15 s. (The call's end to the
    millisecond: test_wire, test_bus.)"""
    with Bench() as b:
        plant, home = steered(b, "drip")
        fault_s = break_device(plant, "grid", "drip=400")
        safe_s = released(plant, fault_s)
        within(b, "drip: the device is released", safe_s - fault_s, SAFE_S)
        heal_s = heal(plant, "grid")
        within(b, "drip: steered again", held_again(plant, heal_s) - heal_s, RECOVERY_S)
        undeterred(plant, "drip", -SURPLUS_W, fault_s, safe_s)
        ended(home)
        samples = home.samples()
        no_lie_recorded(samples)
        for what in ("pv", "battery"):
            check(f"drip: {what} readings are unaffected",
                  unaffected(samples, what, fault_s, heal_s))


def frames():
    """5: frames of a wrong transaction, unit, function, too short, too long, of another request, or
    random: all refused. (A million of them, under the sanitizers as well: test_frames_fuzzed.)"""
    with at_speed(FAULTS_SPEED) as b:
        plant, home = steered(b, "frames")
        told_unknown(plant, home, "grid", ("wrong-tid", "wrong-unit", "wrong-function", "short",
                                           "oversize", "garbage", "late-by-one"))
        ended(home)
        no_lie_recorded(home.samples())


def exceptions():
    """6: exceptions 1, 2, 3, 4, 6 and 0x0B at every point are qualities, never 0; at one point of a
    block it alone is missed; busy is asked again. (Each block split once: test_modbus.)"""
    with at_speed(FAULTS_SPEED) as b:
        plant, home = steered(b, "exceptions")
        told_unknown(plant, home, "grid", [f"exception={code}" for code in (1, 2, 3, 4, 6, 11)])
        told_unknown(plant, home, "roof", ["exception=2", "exception=4"])
        told_unknown(plant, home, "main", ["exception=2", "exception=4"])
        fault_s = break_device(plant, "grid", "exception-at=70:2")

        def grid():
            return next(d for d in home.ask("devices")["devices"] if d["name"] == "grid")
        until("the frequency is not there", lambda: grid()["readings"]["grid_hz"]["quality"] ==
              "not-implemented", seen=grid)
        check("one point refused: the others are read", grid()["readings"]["grid_w"]["quality"] ==
              "good", grid())
        heal(plant, "grid")
        before = grid()["link"]["exceptions"]
        busy_s = break_device(plant, "grid", "busy=1")
        until("busy", lambda: grid()["link"]["exceptions"] > before)
        never_released(plant, "one point refused, and busy", fault_s)
        undeterred(plant, "one point refused, and busy", -SURPLUS_W, fault_s)
        ended(home)
        samples = home.samples()
        no_lie_recorded(samples)
        check("busy: no cycle is lost", all(row["grid_good"] for row in samples
                                            if row["time_s"] > busy_s))
