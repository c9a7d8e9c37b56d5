#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that keep a command for ever: whatever becomes of lecd, they get their default back.

Usage: release.py BUILD-FOLDER. The devices are pymodbus's; what they show and what was written to
them is taken from their side. Skipped with a word where pymodbus is not installed."""
import logging
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

try:
    from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext
    from pymodbus.server import StartTcpServer
except ImportError:
    print("skipped: no pymodbus (python3-pymodbus)")
    sys.exit(0)

logging.disable()  # of pymodbus, that counts exceptions among its errors

import bench  # noqa: E402
from bench import BUILD, ROOT, Bench, Home, check, free_port, run, until  # noqa: E402

MODE, SETPOINT, PRESET = 100, 101, 110  # the latched battery's control registers
DEFAULT = {MODE: 2, SETPOINT: 1234, PRESET: 7}  # what its owner had set
FORCED = {MODE: 9, SETPOINT: 0xF000, PRESET: 8}
LIMIT_S = 10  # a service manager's patience


class Unit(ModbusSlaveContext):
    """Registers, and what was written to them in order."""

    def __init__(self, words):
        super().__init__(zero_mode=True)
        self.words, self.writes, self.deaf = dict(words), [], False
        self.changed = lambda: None

    def validate(self, function, address, count=1):
        return all(a in self.words for a in range(address, address + count))

    def getValues(self, function, address, count=1):
        return [self.words[a] for a in range(address, address + count)]

    def setValues(self, function, address, values):
        self.writes.append((function, address, tuple(values)))
        if not self.deaf:
            self.words.update(enumerate(values, address))
        self.changed()

    def shows(self, words):
        return all(self.words[a] == v for a, v in words.items())


class Line:
    """An endpoint and its units; one that is away keeps silent."""

    def __init__(self, **units):
        self.port = free_port()
        self.context = ModbusServerContext(slaves={int(u[1:]): d for u, d in units.items()},
                                           single=False)
        threading.Thread(target=StartTcpServer, daemon=True, kwargs={
            "context": self.context, "address": ("127.0.0.1", self.port),
            "allow_reuse_address": True, "ignore_missing_slaves": True}).start()

    def address(self, unit):
        return f"tcp://127.0.0.1:{self.port}/{unit}"

    def take_away(self, unit):
        device = self.context[unit]
        del self.context[unit]
        return device

    def put_back(self, unit, device):
        self.context[unit] = device


class House(Line):
    """A meter, an inverter in the dark and a latched battery at one endpoint, without inertia; with
    a surplus to charge from."""
    SURPLUS_W = 3000

    def __init__(self):
        self.meter, self.roof = Unit({a: 0 for a in range(0x200)}), Unit({a: 0 for a in range(200)})
        self.battery = Unit(DEFAULT | {0: 0, 1: 500})
        self.battery.changed = self.settle
        self.settle()
        super().__init__(u1=self.meter, u2=self.battery, u3=self.roof)
        self.devices = {name: {"address": self.address(unit) + "?request-delay=0"}
                        for name, unit in (("grid", 1), ("main", 2), ("roof", 3))}

    def settle(self):
        """Only a forced mode obeys the set-point."""
        words = self.battery.words
        forced = words[MODE] in (11, 12) and words[PRESET] == 8
        self.battery_w = words[SETPOINT] - (words[SETPOINT] >> 15 << 16) if forced else 0
        words[0] = self.battery_w & 0xFFFF
        self.meter.words.update(enumerate(struct.unpack(">HH", struct.pack(
            ">f", -self.SURPLUS_W - self.battery_w)), 0x34))


def seal(text):
    """The journal's checksum, from its description: FNV-1a of all bytes before it, 64 bits."""
    value = 14695981039346656037
    for byte in text.encode():
        value = (value ^ byte) * 1099511628211 % 2 ** 64
    return text + f"checksum = {value:016x}\n"


class Store:
    """A store with journals that a lecd has left behind."""

    def __init__(self, bench, name):
        self.folder = os.path.join(bench.folder, name)
        os.makedirs(f"{self.folder}/restore")

    def path(self, name):
        return f"{self.folder}/restore/{name}.restore"

    def journal(self, name, address, unit, function=6):
        text = (f"[restore]\ndevice = {name}\naddress = {address}\ntimeout = 1000 ms\n"
                "connect-delay = 0 ms\nrequest-delay = 0 ms\nsettle = 0 ms\n")
        text += "".join(f"write = {unit} {function} {a} {v:04x}\n" for a, v in DEFAULT.items())
        with open(self.path(name), "w") as file:
            file.write(seal(text))

    def has(self, name):
        return os.path.exists(self.path(name))

    def release(self):
        """Run lecd-release; its exit code, what it said, and how long it took."""
        begun_s = time.monotonic()
        done = subprocess.run([f"{BUILD}/lecd-release", "--store", self.folder], text=True,
                              capture_output=True, timeout=60, check=False)
        return done.returncode, done.stderr, time.monotonic() - begun_s


def journals():
    """By itself, with journals laid out here by hand."""
    with Bench() as bench:
        one, two = Unit(FORCED), Unit(DEFAULT | {50: 1})
        line = Line(u1=one, u2=two)
        store = Store(bench, "store")
        code, said, _ = store.release()
        check("no journal: nothing to do", (code, said) == (0, ""), (code, said))
        os.rmdir(f"{store.folder}/restore")
        code, said, _ = store.release()
        check("no folder of journals: nothing to do", (code, said) == (0, ""), (code, said))
        os.mkdir(f"{store.folder}/restore")

        store.journal("battery-one", line.address(1), 1)
        store.journal("battery-two", line.address(2), 2)
        code, said, _ = store.release()
        check("all devices are back", code == 0 and said.count(": restored\n") == 2, said)
        check("the device shows its default", one.shows(DEFAULT), one.words)
        check("it was written what the journal holds, in its order, and nothing else",
              one.writes == [(6, a, (v,)) for a, v in DEFAULT.items()], one.writes)
        check("a device killed between journal and write is not written at all",
              two.writes == [], two.writes)
        check("the journals are gone", not os.listdir(f"{store.folder}/restore"))

        one.words.update({SETPOINT: 5})
        one.writes.clear()
        store.journal("battery-one", line.address(1), 1)
        code, said, _ = store.release()
        check("killed in the midst of a release: only what is missing is written",
              code == 0 and one.writes == [(6, SETPOINT, (DEFAULT[SETPOINT],))], one.writes)


def damaged():
    """A journal that is torn harms no device, nor the other devices' restore."""
    with Bench() as bench:
        one, two = Unit(FORCED), Unit(FORCED)
        line = Line(u1=one, u2=two)
        store = Store(bench, "store")
        store.journal("battery-one", line.address(1), 1)
        store.journal("battery-two", line.address(2), 2)
        with open(store.path("battery-one")) as file:
            whole = file.read()
        with open(store.path("battery-one"), "w") as file:
            file.write(whole[:whole.rindex("write")])
        with open(store.path("battery-one") + ".tmp", "w") as file:
            file.write("half a")  # what a power cut leaves beside it
        code, said, _ = store.release()
        lines = whole[:whole.rindex("write")].count("\n")
        check("torn: it is named with its line", code == 2 and
              f"{store.path('battery-one')}:{lines}: " in said, said)
        check("torn: its device is not touched", one.writes == [], one.writes)
        check("torn: the file is kept", store.has("battery-one"))
        check("torn: the other device is back", two.shows(DEFAULT) and
              not store.has("battery-two"), two.words)
        with open(store.path("battery-one"), "w") as file:
            file.write(whole.replace("04d2", "04d3"))
        check("changed by hand: refused", store.release()[0] == 2 and one.writes == [])


def away():
    """A device that does not answer: bounded, kept, restored by the next run."""
    with Bench() as bench:
        one, two, deaf = Unit(FORCED), Unit(FORCED), Unit(FORCED)
        line, other = Line(u1=one, u2=two), Line(u3=deaf)
        store = Store(bench, "store")
        store.journal("battery-one", line.address(1), 1)
        store.journal("battery-two", line.address(2), 2)
        store.journal("battery-deaf", other.address(3), 3, 16)
        store.journal("battery-gone", f"tcp://127.0.0.1:{free_port()}/1", 1)
        deaf.deaf = True
        line.take_away(1)
        code, said, seconds = store.release()
        check("away: something is left", code == 1 and "no answer in time" in said, said)
        check("away: it ends in time", seconds < LIMIT_S or os.environ.get("TEST_WATCHED"), seconds)
        check("away: its neighbour on the line is back", two.shows(DEFAULT) and
              not store.has("battery-two"), two.words)
        check("away: its journal is kept", store.has("battery-one"))
        check("a device that ignores writes is not called restored", store.has("battery-deaf") and
              "it does not show what was written" in said, said)
        check("nor is it written more than three times", len(deaf.writes) == 3 * len(DEFAULT),
              len(deaf.writes))
        os.unlink(store.path("battery-gone"))
        deaf.deaf = False
        line.put_back(1, one)
        code, said, _ = store.release()
        check("back again: restored by the next run", code == 0 and one.shows(DEFAULT) and
              deaf.shows(DEFAULT) and not os.listdir(f"{store.folder}/restore"), said)


def usage():
    with Bench() as bench:
        for arguments in ([], ["--store", f"{bench.folder}/none"], ["--what"], ["x"],
                          ["--store", bench.folder, "--config", "x"], ["--config", "/none"]):
            done = subprocess.run([f"{BUILD}/lecd-release", *arguments], text=True,
                                  capture_output=True, timeout=60, check=False)
            check(f"bad usage: {' '.join(arguments[:1])}", done.returncode == 2 and
                  ("expected" in done.stderr or
                  "usage" in done.stderr or "No such file" in done.stderr), done.stderr)


def forced(b, name, house):
    """lecd, charging from the surplus."""
    house.battery.writes.clear()
    home = Home(b, name, house)
    home.ready()
    until(f"{name}: charging", lambda: house.battery.writes and
          house.battery_w < -House.SURPLUS_W + 100, seen=home.text)
    return home


def killed():
    """lecd is killed in mid-charge, and lecd-release runs as a service manager would run it."""
    with Bench() as b:
        house = House()
        home = forced(b, "home", house)
        store = Store(b, "home")
        store.folder += "/store"
        check("the default was kept before the first write", store.has("battery-main"))
        home.kill()
        check("killed: it charges on, as nobody tells it otherwise", house.battery_w < 0)
        house.battery.writes.clear()
        code, said, _ = store.release()
        check("killed: released with its owner's default", code == 0 and house.battery_w == 0 and
              house.battery.shows(DEFAULT), (said, house.battery.words))
        check("killed: control is taken away first", house.battery.writes[0] ==
              (6, MODE, (DEFAULT[MODE],)), house.battery.writes)
        check("killed: no journal is left", not store.has("battery-main"))

        home = forced(b, "home", house)
        home.kill()
        battery = house.take_away(2)
        code, said, _ = store.release()
        check("killed, and the battery away: 1, and the journal is kept",
              code == 1 and store.has("battery-main"), said)
        house.put_back(2, battery)
        again = forced(b, "home", house)
        check("the next lecd ends when told", again.end() == 0, again.text())
        check("what it found is not taken for the default", battery.shows(DEFAULT) and
              house.battery_w == 0, battery.words)
        check("at a normal end no journal is left", not store.has("battery-main"))


def claimed():
    """Who works with a store is alone there, whatever another one's socket is."""
    with Bench() as b:
        house = House()
        home = forced(b, "home", house)
        store = Store(b, "none")
        store.folder = f"{b.folder}/home/store"
        code, said, _ = store.release()
        check("claimed: lecd-release leaves a lecd in control alone", code == 1 and
              "stop it first" in said and house.battery_w < 0 and store.has("battery-main"),
              (code, said))
        with open(f"{b.folder}/home/site.conf") as file:
            text = file.read()
        with open(f"{b.folder}/second.conf", "w") as file:
            file.write(text.replace("home/sock", "second.sock"))
        second = subprocess.run([f"{BUILD}/lecd", "--config", f"{b.folder}/second.conf"], text=True,
                                capture_output=True, timeout=60, check=False)
        check("claimed: a second lecd does not start", second.returncode == 1 and
              "works with" in second.stderr, second.stderr)
        home.kill()
        code, said, _ = store.release()
        check("claimed: a death ends the claim", code == 0 and house.battery.shows(DEFAULT), said)


def lost():
    """The journal is gone with its store: nobody's default is a command."""
    with Bench() as b:
        house = House()
        forced(b, "home", house).kill()
        shutil.rmtree(f"{b.folder}/home/store")
        home = forced(b, "home", house)
        check("lost: lecd ends when told", home.end() == 0)
        check("lost: the battery has the maker's default mode, and rests",
              house.battery.words[MODE] == 1 and house.battery_w == 0, house.battery.words)


def unkept():
    """A default that cannot be kept: the battery is read and never written."""
    with Bench() as b:
        house = House()
        os.makedirs(f"{b.folder}/home/store/restore/battery-main.restore.tmp")  # in its way
        home = Home(b, "home", house)
        said = home.until("the battery read", lambda s: s["batteries"][0]["battery_soc"])
        until("why it is not commanded", lambda: any(
            "not commanded: keeping its default" in d["error"]
            for d in home.ask("devices")["devices"]))
        check("unkept: nothing is written", house.battery.writes == [], (said, house.battery.writes))
        check("unkept: lecd ends when told", home.end() == 0)
        check("unkept: nor at the end", house.battery.writes == [], house.battery.writes)


with tempfile.TemporaryDirectory() as folder:
    bench.PROFILES = f"{folder}/profiles"
    bench.PROFILE_OF["main"] = "latched"
    shutil.copytree(os.path.join(ROOT, "etc/profiles"), bench.PROFILES)
    shutil.copy(os.path.join(ROOT, "tests/fixtures/latched.conf"), bench.PROFILES)
    run(journals, damaged, away, usage, killed, claimed, lost, unkept)
