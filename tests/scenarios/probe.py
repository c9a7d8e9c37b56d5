#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lecctl probe and lecctl test-write: what a device is, found out without one write, and one write
that is announced, watched and taken back.

Usage: probe.py BUILD-FOLDER. The devices are those of lec-sim and, where it is installed, servers of
pymodbus that record what is written."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

from bench import (BUILD, DEADLINE_S, PROFILES, Bench, Home, Plant, Process, check, free_port, listening,
                   run, until)

try:
    import sunspec
    from pymodbus.datastore import (ModbusSequentialDataBlock, ModbusServerContext,
                                    ModbusSlaveContext)
    from pymodbus.server import StartTcpServer
except (ImportError, SystemExit):
    sunspec = None


def lecctl(*words, code=0, stdin=""):
    """Run it to its end; what it said on both streams."""
    r = subprocess.run([os.path.join(BUILD, "lecctl"), *words], capture_output=True, text=True,
                       input=stdin, timeout=DEADLINE_S, check=False)
    check(f"lecctl {' '.join(w for w in words if '/' not in w)} ends with {code}",
          r.returncode == code, (r.returncode, r.stdout, r.stderr))
    return r


def probe(address, *words, code=0):
    return json.loads(lecctl("probe", address, "--profiles", PROFILES, "--json", *words,
                             code=code).stdout)


def chosen(document):
    return {t["profile"]: t for t in document["profiles"] if t["chosen"]}


def readings(trial):
    return {r["name"]: r for r in trial["readings"] + trial["controls"]}


# --- lec-sim --------------------------------------------------------------------------------------

def simulated():
    with Bench() as bench:
        plant = Plant(bench, "house", load_w=700, pv_w=2000)
        at = {name: d["address"] for name, d in plant.devices.items()}
        found = probe(at["main"])
        check("the battery is the generic one", list(chosen(found)) == ["generic-battery"] and
              found["found"] and found["unit"] == 2, chosen(found).keys())
        check("what does not fit says why", any("exception 2" in why for t in found["profiles"]
                                               if not t["fits"] for why in t["against"]))
        points = readings(chosen(found)["generic-battery"])
        check("its charge is read, with its register", points["battery_soc"]["quality"] == "good" and
              points["battery_soc"]["table"] == "input" and
              points["battery_soc"]["register"] == 2 and
              int(points["battery_soc"]["raw"][0], 16) / 1000 ==
              round(points["battery_soc"]["value"], 3), points["battery_soc"])
        check("its controls are read too", points["control_enable"]["value"] == 0 and
              points["revert_s"]["quality"] == "good" and
              points["battery_setpoint_w"]["table"] == "holding", points["control_enable"])
        check("its pace is told", 0 < found["link"]["latency_p50_ms"] <=
              found["link"]["latency_p99_ms"])
        found = probe(at["roof"].rsplit("/", 1)[0], "--timeout", "0.2")
        check("without a unit the usual ones are asked", list(chosen(found)) == ["generic-pv"] and
              found["unit"] == 1, found["units"])
        answers = {u["unit"]: u["answers"] for u in found["units"]}
        check("and who else answers is told", answers[1] and answers[2] and not answers[71] and
              len(answers) >= 9, answers)
        found = probe(at["grid"])
        fits = [t["profile"] for t in found["profiles"] if t["fits"]]
        check("where several fit alike none is chosen", not chosen(found) and
              {"eastron-sdm630", "eastron-sdm72"} <= set(fits), fits)
        found = probe(at["grid"], "--profile", "eastron-sdm630")
        points = readings(chosen(found)["eastron-sdm630"])
        check("a profile that is named is read", points["grid_hz"]["quality"] == "good" and
              abs(points["grid_hz"]["value"] - struct.unpack(">f", bytes.fromhex(
                  "".join(points["grid_hz"]["raw"])))[0]) < 1e-5, points["grid_hz"])
        text = lecctl("probe", at["main"], "--profiles", PROFILES).stdout
        check("people get a table", "Generic battery, as a battery" in text and
              "input 2: 0" in text and "\033" not in text, text)
        plant.say("fault main sentinel")
        found = probe(at["main"], "--profile", "generic-battery", code=1)
        check("what is not implemented has no value", all(
            r["value"] is None and r["quality"] == "not-implemented"
            for r in chosen(found)["generic-battery"]["readings"]))
        plant.say("heal main")
        check("nothing was ever written", not plant.journal(event="write"),
              plant.journal(event="write"))


def nobody():
    with Bench() as bench:
        found = probe(f"tcp://127.0.0.1:{free_port()}", code=1)
        check("refused: said so, and not asked again", not found["found"] and [
            u["last"] for u in found["units"]] == ["Connection refused"], found["units"])
        check("a serial port that is not there is told", [u["last"] for u in probe(
            f"rtu://{bench.folder}/none/1", code=1)["units"]] == ["no such serial port"])
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(64)
            found = probe(f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--timeout", "0.05",
                          code=1)
            check("silence: every unit was tried", not found["found"] and
                  len(found["units"]) >= 9 and not found["profiles"] and
                  all(u["last"] == "no answer in time" for u in found["units"]), found["units"])
        plant = Plant(bench, "house")
        plant.say("fault main exception=4")
        found = probe(plant.devices["main"]["address"], code=1)
        check("errors alone are not a device, and are counted", not chosen(found) and
              found["units"][0]["answers"] and found["link"]["exceptions"]["4"] > 10,
              found["link"])


def usage():
    for words, said in (
            (("probe",), "nothing is no address, expected"),
            (("probe", "tcp://x:99999/1"), "expected a port"),
            (("probe", "tcp://127.0.0.1", "--timeout", "x"), "--timeout x, expected a number"),
            (("probe", "tcp://127.0.0.1", "--profile", "none"), "profile \"none\" is not in"),
            (("probe", "tcp://127.0.0.1", "more"), "one word too many"),
            (("test-write", "tcp://127.0.0.1/1"), "no --profile, expected"),
            (("test-write", "tcp://127.0.0.1/1", "--profile", "generic-battery", "--power", "1001"),
             "--power 1001, expected a number from -1000 to 1000"),
            (("test-write", "tcp://127.0.0.1/1", "--profile", "generic-battery", "--power", "0"),
             "expected at least 1 W"),
            (("test-write", "tcp://127.0.0.1/1", "--profile", "generic-battery", "--seconds",
              "600"), "--seconds 600, expected a number from 3 to 60")):
        r = lecctl(*words, code=2)
        check(f"usage: {said}", said in r.stderr, r.stderr)


# --- test-write -----------------------------------------------------------------------------------

def write(plant, *words, code, profiles=PROFILES, **more):
    return lecctl("test-write", plant.devices["main"]["address"], "--profile", "generic-battery",
                  "--profiles", profiles, "--seconds", "6", *words, code=code, **more)


def released(plant):
    values = [v for _, v in plant.journal("main", "write", "control_enable")]
    return bool(values) and values[-1] == 0


def obeyed():
    with Bench() as bench:
        plant = Plant(bench, "house", load_w=700, pv_w=0)
        r = write(plant, code=1, stdin="n\n")
        check("it says what it would write", "battery_setpoint_w" in r.stderr and
              "holding 100: FFFF FE0C" in r.stderr and "Go on?" in r.stderr, r.stderr)
        check("who does not agree writes nothing", not plant.journal(event="write"))
        result = json.loads(write(plant, "--yes", "--json", "--power", "-400", code=0).stdout)
        check("obeyed", result["verdict"] == "obeyed" and result["released"] and
              abs(result["during_w"] + 400) < 60, result)
        writes = [v for _, v in plant.journal("main", "write", "battery_setpoint_w")]
        check("only what was announced is written", set(writes) == {-400.0} and
              {n for n in ("revert_s", "control_enable", "battery_setpoint_w")
               if plant.journal("main", "write", n)} == {"revert_s", "control_enable",
                                                         "battery_setpoint_w"}, writes)
        check("the device would have let go by itself", all(
            1 <= v <= 10 for _, v in plant.journal("main", "write", "revert_s")))
        check("given back", released(plant))


def disobeyed():
    with Bench() as bench:
        plant = Plant(bench, "house", load_w=700, pv_w=0)
        turned = os.path.join(bench.folder, "profiles")
        os.mkdir(turned)
        with open(os.path.join(PROFILES, "generic-battery.conf")) as file:
            head, tail = file.read().split("[point battery_setpoint_w]")
        with open(os.path.join(turned, "generic-battery.conf"), "w") as file:
            file.write(head + "[point battery_setpoint_w]" + tail.replace("invert = yes\n", ""))
        r = write(plant, "--yes", code=1, profiles=turned)
        check("the wrong sign is called so", r.stdout.startswith("wrong sign: 500 W was wanted, -"),
              r.stdout)
        check("wrong sign: given back", released(plant))
        plant.say("fault main ignore-writes")
        r = write(plant, "--yes", code=1)
        check("ignored is called so", r.stdout.startswith("ignored: ") and
              "does not read" in r.stdout + r.stderr or "reads" in r.stdout, r.stdout)


def latched():
    """What would hold for ever is not begun."""
    with Bench() as bench:
        plant = Plant(bench, "house", load_w=700, pv_w=0)
        folder = os.path.join(bench.folder, "profiles")
        os.mkdir(folder)
        with open(os.path.join(PROFILES, "generic-battery.conf")) as file:
            text = file.read().replace("liveness = A", "liveness = C")
        with open(os.path.join(folder, "generic-battery.conf"), "w") as file:
            file.write(text[:text.index("[point revert_s]")])
        r = write(plant, "--yes", code=1, profiles=folder)
        check("class C is refused", "does as told for ever (class C)" in r.stderr, r.stderr)
        check("class C: nothing was written", not plant.journal(event="write"))
        found = probe(plant.devices["main"]["address"], "--profiles", folder, "--profile",
                      "generic-battery")
        check("its class is told", chosen(found)["generic-battery"]["liveness"] == "C")


def interrupted():
    with Bench() as bench:
        plant = Plant(bench, "house", load_w=700, pv_w=0)
        p = Process(bench, [os.path.join(BUILD, "lecctl"), "test-write",
                            plant.devices["main"]["address"], "--profile", "generic-battery",
                            "--profiles", PROFILES, "--seconds", "60", "--yes"],
                    stderr=subprocess.PIPE)
        p.follow(p.popen.stderr)
        until("it is under way", lambda: any("after" in line for line in p.text()), seen=p.text)
        p.popen.send_signal(signal.SIGINT)
        check("an interrupt ends it with 1", p.wait() == 1, p.text())
        check("an interrupt gives the battery back", released(plant))


def driven():
    """Not where a lecd is at work already, nor where somebody else commands the battery."""
    with Bench() as bench:
        plant = Plant(bench, "house", load_w=700, pv_w=0)
        home = Home(bench, "house", plant)
        home.ready()
        r = write(plant, "--yes", "--socket", f"{home.folder}/sock", code=1)
        check("a lecd at that line is respected", "has a device at that line" in r.stderr, r.stderr)
        until("lecd commands the battery", lambda: plant.journal("main", "write",
                                                                 "control_enable")[-1:] and
              plant.journal("main", "write", "control_enable")[-1][1] == 1)
        r = write(plant, "--yes", "--socket", f"{bench.folder}/none", code=1)
        check("somebody else's command is respected", "somebody else commands it" in r.stderr,
              r.stderr)
        writes = {v for _, v in plant.journal("main", "write", "battery_setpoint_w")}
        check("nothing of ours was written", 500.0 not in writes, writes)
        r = lecctl("test-write", plant.devices["grid"]["address"], "--profile", "eastron-sdm630",
                   "--profiles", PROFILES, "--yes", "--socket", f"{bench.folder}/none", code=1)
        check("a meter is refused", "no profile of a battery" in r.stderr, r.stderr)


# --- servers of pymodbus --------------------------------------------------------------------------

def foreign_sunspec():
    house = sunspec.Hybrid()
    house.serve()
    until("the server listens", lambda: listening(house.port))
    found = probe(house.device(1)["address"])
    models = {m["model"]: m["length"] for m in found["sunspec"]["models"]}
    check("SunSpec: who it is", [found["sunspec"][k] for k in (
        "manufacturer", "model", "version", "serial")] == ["Fronius", "Tester", "1.0", "4711"])
    check("SunSpec: its models", models == {1: 66, 103: 50, 120: 26, 124: 24, 160: 88}, models)
    check("SunSpec: what was passed over", [(m["model"], m["length"]) for m in found["sunspec"][
        "passed_over"]] == [(64321, 7)], found["sunspec"]["passed_over"])
    kinds = {t["kind"]: readings(t) for t in found["profiles"]}
    check("SunSpec: an inverter and a battery", set(kinds) == {"pv", "battery"}, kinds.keys())
    check("SunSpec: its PV power, of two strings with their factor",
          abs(kinds["pv"]["pv_w"]["value"] - sunspec.PV_W) < 1 and
          len(kinds["pv"]["pv_w"]["with"]) >= 2, kinds["pv"]["pv_w"])
    check("SunSpec: its charge", kinds["battery"]["battery_soc"]["value"] == 0.5)
    found = probe(f"tcp://127.0.0.1:{house.port}", "--timeout", "0.5", "--profile", "sunspec")
    check("SunSpec: named, at its usual unit", found["unit"] == 1 and found["sunspec"])
    found = probe(house.device(200)["address"])
    check("SunSpec: the meter", [t["kind"] for t in found["profiles"]] == ["meter"])
    check("SunSpec: nothing was ever written", not any(u.writes for u in house.units.values()))


def foreign_meter():
    written = []

    class Recorder(ModbusSlaveContext):
        def setValues(self, function, address, values):
            written.append((function, address, values))
    words = [0] * 0x200
    for register, value in ((0x00, 229.5), (0x34, -1234.5), (0x46, 50.0625), (0x48, 321.5),
                            (0x4A, 77.25)):
        words[register:register + 2] = struct.unpack(">HH", struct.pack(">f", value))
    meter = Recorder(ir=ModbusSequentialDataBlock(0, words),
                     hr=ModbusSequentialDataBlock(0, [0] * 10), zero_mode=True)
    port = free_port()
    threading.Thread(target=StartTcpServer, daemon=True, kwargs={
        "context": ModbusServerContext(slaves={1: meter}, single=False),
        "address": ("127.0.0.1", port), "allow_reuse_address": True}).start()
    until("the server listens", lambda: listening(port))
    found = probe(f"tcp://127.0.0.1:{port}/1")
    best = found["profiles"][0]
    check("a foreign SDM630 is found out", best["profile"] in ("eastron-sdm630", "eastron-sdm72") and
          best["good"] == best["points"] == 5, best)
    found = probe(f"tcp://127.0.0.1:{port}/1", "--profile", "eastron-sdm630")
    points = readings(chosen(found)["eastron-sdm630"])
    check("its readings are right", points["grid_w"]["value"] == -1234.5 and
          points["grid_import_wh"]["value"] == 321500, points)
    check("it was never written to", not written, written)


cases = [simulated, nobody, usage, obeyed, disobeyed, latched, interrupted, driven]
if sunspec:
    cases += [foreign_sunspec, foreign_meter]
else:
    print("skipped: servers of pymodbus, which is not installed")
run(*cases)
