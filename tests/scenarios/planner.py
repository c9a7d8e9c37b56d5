#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner's process is stopped, killed, or answers garbage: control goes on by the last plan,
`lecctl explain` says so and why, and plans come again afterwards. While all is well, each slot of
the plan is explained and the whole is drawn.

Usage: planner.py BUILD-FOLDER."""
import ctypes
import os
import random
import signal
import socket
import subprocess
import xml.etree.ElementTree
from datetime import datetime
from zoneinfo import ZoneInfo

from bench import BUILD, DECIDER, Bench, Home, check, run, until

# A plan is the current one for half an hour. A planner that hangs is killed after 5 real seconds,
# one that died is started again after one: the house must be that much faster.
HANGING_SPEED, DYING_SPEED = 600, 3600
STALL_REAL_S = 4  # less than a cycle would lose that waited for a planner that hangs
PLANNER_FD = 3  # the child's end of the socket pair
PIDFD_OPEN, PIDFD_GETFD = 434, 438  # system calls
libc = ctypes.CDLL(None, use_errno=True)


def planned(bench, name):
    """A home with a past, so that it plans at once. Some 60 cycles in a real second."""
    bench.remember(name)
    home = Home(bench, name, decide="optimiser", cycle=f"{bench.speed // 60} s")
    home.until(f"{name}: the optimiser decides", lambda s: s["decider"] == "optimiser")
    return home


def back(home, name, since):
    status = home.until(f"{name}: planning again", lambda s: s["decider"] == "optimiser" and
                        s["planner"]["error"] == "" and s["planner"]["starts"] > since)
    check(f"{name}: plans come again, from another process",
          status["planner"]["starts"] > since)
    check(f"{name}: lecd ends when told", home.end() == 0)
    samples = home.samples()
    gaps = [b["time_s"] - a["time_s"] for a, b in zip(samples, samples[1:])]
    check(f"{name}: control never waited", max(gaps) < STALL_REAL_S * home.bench.speed,
          max(gaps))
    # A machine that stands still for some cycles makes the house unknown: then holding is right.
    deciders = {DECIDER[row["decider"]] for row in samples if row["load_good"]}
    check(f"{name}: the last plan decided meanwhile",
          "last-plan" in deciders and "hold" not in deciders, deciders)


def harm_each(home, words, harm):
    """Do harm to every planner that is started, until explain has all of words."""
    harmed = set()

    def look():
        pid = home.status()["planner"]["pid"]
        if pid and pid not in harmed:
            harm(pid)
            harmed.add(pid)
        lines = home.explain()
        return all(any(w in line for line in lines) for w in words)
    until(f"explain says {words}", look, seen=home.explain)


def explained():
    """The plan that is followed: each slot explained, and the whole drawn."""
    with Bench(HANGING_SPEED) as bench:
        home = planned(bench, "explained")

        def look():
            lines, plan = home.ask("explain", "--plan")["lines"], home.ask("plan")
            first = datetime.fromisoformat(plan["slots"][0]["start"].replace("Z", "+00:00"))
            local = first.astimezone(ZoneInfo(plan["timezone"]))
            return len(lines) == len(plan["slots"]) + 1 and lines[1].startswith(
                local.strftime("%Y-%m-%d %H:%M ")) and lines
        lines = until("a line for each slot", look)
        check("explained: the whole and each slot", "plan by" in lines[0] and
              all("; main " in line for line in lines[1:]), lines[:3])
        path = os.path.join(home.folder, "plan.svg")
        subprocess.run([os.path.join(BUILD, "lecctl"), "plan", "--plot", path, "--socket",
                        f"{home.folder}/sock"], check=True)
        root = xml.etree.ElementTree.parse(path).getroot()
        check("explained: drawn", root.get("width") == "1200" and "main" in
              ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")])
        check("explained: lecd ends when told", home.end() == 0)


def stopped():
    with Bench(HANGING_SPEED) as bench:
        home = planned(bench, "stopped")
        before = home.status()
        harm_each(home, ["the last valid plan decides", "the planner was late and was killed"],
                  lambda pid: os.kill(pid, signal.SIGSTOP))
        status = home.status()
        check("stopped: cycles went on", status["loop"]["cycles"] > before["loop"]["cycles"] + 50)
        back(home, "stopped", before["planner"]["starts"])


def killed():
    with Bench(DYING_SPEED) as bench:
        home = planned(bench, "killed")
        starts = home.status()["planner"]["starts"]
        harm_each(home, ["the last valid plan decides", "the planner died"],
                  lambda pid: os.kill(pid, signal.SIGKILL))
        back(home, "killed", starts)


class Hidden(Exception):
    """This user may not reach into that process."""


def send_as(pid, *messages):
    """Send what the process could send on its end of the socket pair."""
    process = libc.syscall(PIDFD_OPEN, pid, 0)
    if process < 0:
        return  # gone already
    fd = libc.syscall(PIDFD_GETFD, process, PLANNER_FD, 0)
    error = ctypes.get_errno()
    os.close(process)
    if fd < 0:
        if error in (1, 38):  # EPERM, ENOSYS
            raise Hidden
        return
    with socket.socket(fileno=fd) as s:
        for message in messages:
            try:
                s.send(message, socket.MSG_DONTWAIT)
            except OSError:
                return  # it was killed for the one before


def garbage():
    with Bench(DYING_SPEED) as bench:
        home = planned(bench, "garbage")
        starts = home.status()["planner"]["starts"]
        seed = random.randrange(1 << 32)
        print("garbage: seed", seed, flush=True)
        source = random.Random(seed)

        def harm(pid):
            size = source.choice((1, 8, 100, 4096, 60000))
            send_as(pid, source.randbytes(size), bytes(size), b"")
        try:
            harm_each(home, ["the last valid plan decides", "the planner sent garbage"], harm)
        except Hidden:
            print("skipped: garbage: this user may not reach into the planner", flush=True)
            return
        check("garbage: what was decided stays within limits", all(
            abs(row["setpoint_w"] or 0) <= 5000
            for row in home.rows("telemetry.db", "SELECT setpoint_w FROM sample")))
        back(home, "garbage", starts)


run(explained, stopped, killed, garbage)
