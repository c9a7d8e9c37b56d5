#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A learned policy in a running house: refused where it does not fit, decides where it does, read
again while the house is under control, and known again after a restart.

Usage: learned.py BUILD-FOLDER."""
import json
import os
import shutil
import signal
import subprocess

from bench import BUILD, ROOT, Bench, Broker, Home, Reader, check, run, until

ACTORS = os.path.join(ROOT, "tests", "data", "actors")
MEANING = os.path.join(ROOT, "tests", "fixtures", "actor.conf")
SPEED = 900  # an interval in a second
POLICY = "[policy]\nactor = {folder}/actor.onnx\nregret-limit = 1000 EUR\n"


class Learned:
    """A home with a past and with an actor of its own, which can be replaced."""

    def __init__(self, bench, name, model="relu-13", decide="policy", broker=None):
        self.bench, self.name, self.decide, self.broker = bench, name, decide, broker
        self.folder = os.path.join(bench.folder, name)
        bench.remember(name)
        self.put(model)
        shutil.copy(MEANING, f"{self.folder}/actor.conf")

    def put(self, model):
        """As one replaces a file that may be read meanwhile."""
        shutil.copy(f"{ACTORS}/{model}.onnx", f"{self.folder}/new.onnx")
        os.replace(f"{self.folder}/new.onnx", f"{self.folder}/actor.onnx")

    def start(self):
        return Home(self.bench, self.name, decide=self.decide, cycle="15 s", broker=self.broker,
                    more=POLICY.format(folder=self.folder))


def reload(home):
    done = subprocess.run([os.path.join(BUILD, "lecctl"), "reload", "--socket",
                           f"{home.folder}/sock"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def refused():
    """An actor that does not fit its house is an error at the start and in --check, all of it at
    once, with file and line."""
    with Bench(SPEED) as bench:
        house = Learned(bench, "refused")  # without a market
        home = house.start()
        check("refused: lecd does not start", home.wait() == 2)
        words = "actor.conf:42: [action quantity] needs [mqtt]"
        until("refused: it says why", lambda: any(words in line for line in home.text()),
              seen=home.text)
        checked = subprocess.run([os.path.join(BUILD, "lecd"), "--check", "--config",
                                  f"{house.folder}/site.conf"], capture_output=True, text=True,
                                 check=False)
        check("refused: so does --check", checked.returncode == 2 and words in checked.stderr,
              checked.stderr)


def decides():
    """The policy decides, and its regret and what the optimiser would do are told."""
    with Bench(SPEED) as bench:
        broker = Broker(bench)
        reader = Reader(bench, broker)
        house = Learned(bench, "decides", broker=broker)
        home = house.start()
        home.until("decides: the policy decides", lambda s: s["decider"] == "policy")
        status = home.until("decides: and is judged",
                            lambda s: s["policy"]["regret"]["intervals"] >= 3 and
                            s["policy"]["policy_w"] is not None)
        check("decides: as is told", status["policy"]["decides"] and not status["policy"]["shadow"] and
              status["policy"]["fitness"] == "fit" and
              status["policy"]["optimiser_w"] is not None, status["policy"])
        lines = until("decides: lecctl explain tells", lambda: next(
            (x for x in [home.explain()] if any("the optimiser would" in line for line in x)), None))
        check("decides: who", any("the learned policy decides" in line for line in lines), lines)
        until("decides: it is on MQTT", lambda: any(
            json.loads(m[3]).get("policy", {}).get("decides") for m in reader.messages("state")))
        check("decides: lecd ends when told", home.end() == 0)
        verdicts = home.rows("ledger.db", "SELECT * FROM verdict ORDER BY interval_s")
        check("decides: each verdict is kept", len(verdicts) >= 3 and
              all(json.loads(row["text"])["regret"] is not None for row in verdicts), verdicts)
        again = house.start()
        status = again.until("decides: a restart goes on with it", lambda s: s["policy"])
        before = sum(json.loads(row["text"])["regret"] for row in verdicts)
        check("decides: where it was", status["policy"]["regret"]["intervals"] >= len(verdicts) and
              (status["policy"]["regret"]["intervals"] > len(verdicts) or
               abs(status["policy"]["regret"]["sum"] - before) < 1e-3), status["policy"])
        check("decides: lecd ends again", again.end() == 0)


def replaced():
    """A bad actor leaves the old one in place, a good one is taken up, by lecctl and by SIGHUP."""
    with Bench(SPEED) as bench:
        house = Learned(bench, "replaced", broker=Broker(bench))
        home = house.start()
        home.until("replaced: the policy decides", lambda s: s["decider"] == "policy")
        house.put("broken/circle")
        code, out, said = reload(home)
        check("replaced: a bad one is refused with its reason",
              code == 1 and not out and said.startswith(f"{house.folder}/actor.onnx: "), said)
        home.logged("the new actor is refused, the one before goes on")
        home.until("replaced: the old one goes on",
                   lambda s: s["decider"] == "policy" and s["policy"]["regret"]["intervals"] > 1)
        house.put("scaled-13")
        code, out, said = reload(home)
        check("replaced: a good one is taken up", code == 0 and "is taken up" in out, said)
        home.until("replaced: with a regret of its own",
                   lambda s: s["decider"] == "policy" and s["policy"]["regret"]["intervals"] < 2)
        os.remove(f"{house.folder}/actor.onnx")
        home.popen.send_signal(signal.SIGHUP)
        home.logged("actor.onnx: cannot be read: No such file")
        house.put("relu-13")
        taken = sum("is taken up" in line for line in home.text())
        home.popen.send_signal(signal.SIGHUP)
        until("replaced: SIGHUP takes one up as well",
              lambda: sum("is taken up" in line for line in home.text()) > taken, seen=home.text)
        check("replaced: lecd ends when told", home.end() == 0)


def shadow():
    """In the shadow the optimiser decides; without a file it does, too, and an alarm says so."""
    with Bench(SPEED) as bench:
        house = Learned(bench, "shadow", decide="shadow", broker=Broker(bench))
        home = house.start()
        status = home.until("shadow: it is judged",
                            lambda s: s["policy"]["regret"]["intervals"] >= 2)
        check("shadow: and decides nothing", status["decider"] == "optimiser" and
              status["policy"]["shadow"] and status["policy"]["regret"]["decided"] == 0, status)
        check("shadow: lecd ends when told", home.end() == 0)
        check("shadow: nothing was decided by it",
              not any(row["decider"] == 5 for row in home.samples()))
        os.remove(f"{house.folder}/actor.onnx")
        house.decide = "policy"
        home = house.start()
        status = home.until("shadow: a missing one is an alarm",
                            lambda s: any(a["alarm"] == "unfit" for a in s["alarms"]))
        check("shadow: and the optimiser decides", status["policy"]["fitness"] == "missing" and
              status["decider"] != "policy", status)
        check("shadow: lecd ends again", home.end() == 0)


def nothing_to_reload():
    """Without a policy there is nothing to read again, and SIGHUP does no harm."""
    with Bench(SPEED) as bench:
        home = Home(bench, "plain")
        home.ready()
        code, _, said = reload(home)
        check("plain: lecctl reload says so", code == 1 and "asks for no policy" in said, said)
        home.popen.send_signal(signal.SIGHUP)
        home.logged("reload: the site asks for no policy")
        check("plain: lecd ends when told", home.end() == 0)


run(refused, decides, replaced, shadow, nothing_to_reload)
