#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lec-sim device as a process: served over TCP, steered by lines, journalled, ended.

Usage: device.py BUILD-FOLDER. Prints `ok WHAT` for each thing that holds."""
import csv
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "lec-sim")
CONFIG = "etc/examples/plant.conf"
DEADLINE_S = 120  # for anything to happen at all; generous, as machines are busy
folder = tempfile.mkdtemp(prefix="lec-sim-")


class Simulator:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [PROGRAM, "device", "--config", CONFIG, "--ephemeral", "--until-eof", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.devices = {d["name"]: d for d in json.loads(self.process.stdout.readline())["devices"]}

    def say(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().strip()

    def connect(self, name, timeout=DEADLINE_S):
        return socket.create_connection(("127.0.0.1", self.devices[name]["port"]), timeout)

    def ask(self, name, function, address, tail, timeout=DEADLINE_S, link=None):
        """One request on one connection: the answer from its function on, or None."""
        frame = struct.pack(">HHHBBH", 7, 0, 4 + len(tail), self.devices[name]["unit"], function,
                            address) + tail
        try:
            with link or self.connect(name, timeout) as s:
                s.settimeout(timeout)
                s.sendall(frame)
                head = s.recv(7, socket.MSG_WAITALL)
                if len(head) < 7 or struct.unpack(">H", head[:2])[0] != 7:
                    return None
                return s.recv(struct.unpack(">H", head[4:6])[0] - 1, socket.MSG_WAITALL)
        except (TimeoutError, ConnectionError):
            return None

    def read(self, name, address, count, timeout=DEADLINE_S):
        return self.ask(name, 4, address, struct.pack(">H", count), timeout)

    def write(self, name, address, value):
        return self.ask(name, 6, address, struct.pack(">H", value))

    def hold(self, watts):
        """A set-point of the generic battery, + discharge; the wire counts charging positive."""
        return self.ask("main", 16, 100, struct.pack(">HBi", 2, 4, -watts))

    def close(self):
        self.process.stdin.close()
        return self.process.wait(DEADLINE_S)


def until(what, condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {DEADLINE_S} s: {what}")


def check(what, condition):
    if not condition:
        sys.exit(f"wrong: {what}")
    print("ok", what, flush=True)


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def control_and_journal():
    log, ports = os.path.join(folder, "log.csv"), os.path.join(folder, "ports.json")
    s = Simulator("--speed", "60", "--start", "2026-06-15T10:00:00Z", "--log", log,
                  "--port-file", ports)
    with open(ports) as file:
        check("port file says what stdout said",
              {d["name"]: d for d in json.load(file)["devices"]} == s.devices)
    check("inverter and battery share a port, the meter has its own",
          s.devices["roof"]["port"] == s.devices["main"]["port"] != s.devices["grid"]["port"])
    volts = struct.unpack(">f", s.read("grid", 0, 2)[2:])[0]
    check("the meter shows a mains voltage", 200 < volts < 260)
    check("writes are acknowledged",
          s.write("main", 103, 90)[0] == 6 and s.hold(-3000)[0] == 16 and
          s.write("main", 102, 1)[0] == 6)
    until("reverted", lambda: s.ask("main", 3, 102, struct.pack(">H", 1))[-1] == 0)
    check("quit is answered", s.say("quit") == "ok quit")
    check("quit ends it", s.process.wait(DEADLINE_S) == 0)
    lines = rows(log)
    writes = [(r["name"], float(r["value"])) for r in lines if r["event"] == "write"]
    check("the journal has the writes in order",
          writes == [("revert_s", 90), ("battery_setpoint_w", -3000), ("control_enable", 1)])
    on, off = [float(r["time_s"]) for r in lines if r["event"] == "enabled"]
    check("the lease lasted 90 s of the house", abs(off - on - 90) < 0.002)
    watts = [float(r["value"]) for r in lines
             if r["name"] == "battery_w" and on + 10 < float(r["time_s"]) < off]
    check("the battery charged all the while", all(abs(w + 3000) < 1 for w in watts) and
          len(watts) > 70)
    times = [float(r["time_s"]) for r in lines if r["name"] == "load_w"]
    check("the journal has every second once",
          all(b - a == 1 for a, b in zip(times, times[1:])) and len(times) > 60)


def faults():
    s = Simulator("--fault", "main:silence")
    check("a device can begin silent", s.read("main", 0, 2, 0.3) is None)
    check("its neighbour on the port answers", s.read("roof", 0, 2)[0] == 4)
    check("healed, it answers", s.say("heal main") == "ok heal main" and
          s.read("main", 0, 2)[0] == 4)
    for fault in ("silence", "drip=200", "delay=5000", "wrong-tid", "refuse"):
        s.say(f"fault main {fault}")
        check(f"{fault} gives no answer", s.read("main", 0, 2, 0.3) is None)
        s.say("heal main")
        until(f"{fault} healed", lambda: s.read("main", 0, 2) is not None)
    s.say("fault main exception=6")
    check("exceptions come as asked", s.read("main", 0, 2) == bytes([0x84, 6]))
    s.say("heal main")
    s.say("fault main sentinel")
    check("sentinels are on the wire", s.read("main", 2, 1) == bytes([4, 2, 0xff, 0xff]))
    s.say("heal main")
    check("bad lines are answered", s.say("fault main nonsense").startswith("error: expected"))
    link = s.connect("main")
    link.sendall(b"GET / HTTP/1.1\r\n\r\n")
    check("who speaks no Modbus is hung up on", link.recv(1) == b"")
    check("gaps are illegal addresses", s.read("main", 0, 100) == bytes([0x84, 2]))
    check("the end of input ends it", s.close() == 0)


def endings():
    s = Simulator("--for", "100ms")
    check("--for ends it", s.process.wait(DEADLINE_S) == 0)
    s = Simulator()
    s.process.send_signal(signal.SIGTERM)
    check("SIGTERM ends it", s.process.wait(DEADLINE_S) == 0)


def bad_lines():
    """Lines that cannot be: each refused with what is expected, and nothing is replaced."""
    path, port = os.path.join(folder, "lines.conf"), os.path.join(folder, "port")
    head = "[plant]\nlatitude = 50 deg\nlongitude = 10 deg\n"
    meter = "[meter m%d]\nlisten = rtu://%s/%d?baud=%d\nprofile = eastron-sdm630\n"
    for text, said in (
            (meter % (0, port, 1, 9600) + meter % (1, port, 2, 19200),
             ":8: m1 listens on the line of m0, expected its baud rate, parity and stop bits"),
            (meter % (0, port, 1, 9600) + meter % (1, port, 1, 9600), "expected another"),
            (meter % (0, path, 1, 9600), f":5: m0 cannot listen on {path}: File exists")):
        with open(path, "w") as file:
            file.write(head + text)
        r = subprocess.run([PROGRAM, "device", "--config", path, "--check"], capture_output=True,
                           text=True, timeout=DEADLINE_S, check=False)
        check(f"refused: {said}", r.returncode == 2 and said in r.stderr)
        check("nothing is left behind", not os.path.lexists(port) and os.path.isfile(path))


def bad_input():
    broken = os.path.join(folder, "broken.conf")
    with open(CONFIG) as file, open(broken, "w") as out:
        out.write(file.read().replace("127.0.0.1:1502", "192.168.1.1:1502"))
    for arguments, said in (
            (["--config", broken], f"{broken}:17: grid listens on 192.168.1.1, expected a loopback"),
            (["--config", "/none"], "/none"),
            ([], "expected --config FILE"),
            (["--config", CONFIG, "--speed", "0"], "--speed 0, expected"),
            (["--config", CONFIG, "--start", "noon"], "--start noon, expected"),
            (["--config", CONFIG, "--for", "5"], "--for 5, expected"),
            (["--config", CONFIG, "--ephemeral", "--fault", "x:silence"], "--fault x:silence, expected"),
            (["--config", CONFIG, "rest"], "\"rest\" is no option")):
        r = subprocess.run([PROGRAM, "device", *arguments], capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False)
        check(f"refused: {' '.join(arguments) or 'nothing'}", r.returncode == 2 and said in r.stderr)


def crowd():
    """32 devices of one house at 8 ports, each with its own client at the same time."""
    path, text = os.path.join(folder, "crowd.conf"), "[plant]\nlatitude = 50 deg\nlongitude = 10 deg\n"
    kinds = (("meter", "eastron-sdm630", ""), ("pv", "generic-pv", "peak = 5 kW\n"),
             ("battery", "generic-battery",
              "capacity = 9 kWh\ncharge-limit = 3 kW\ndischarge-limit = 3 kW\n"))
    for i in range(32):
        kind, profile, rest = kinds[0 if i % 8 == 0 else 1 + i % 2]
        text += f"[{kind} d{i}]\nlisten = tcp://127.0.0.1:{1 + i % 8}/{1 + i // 8}\nprofile = {profile}\n{rest}"
    with open(path, "w") as file:
        file.write(text)
    s = Simulator("--config", path)
    check("32 devices stand at 8 ports", len(s.devices) == 32 and
          len({d["port"] for d in s.devices.values()}) == 8)
    links = {name: s.connect(name) for name in s.devices}
    check("each of 32 clients is answered by its device",
          all(s.ask(name, 4, 0, struct.pack(">H", 2), link=link)[:2] == bytes([4, 4])
              for name, link in links.items()))
    s.close()


def mbpoll():
    if not shutil.which("mbpoll"):
        print("skipped: mbpoll is not installed")
        return
    s = Simulator()
    r = subprocess.run(["mbpoll", "-m", "tcp", "-p", str(s.devices["grid"]["port"]), "-a", "1", "-0",
                        "-r", "0", "-c", "1", "-t", "3:float", "-B", "-1", "127.0.0.1"],
                       capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    check("mbpoll reads the voltage", r.returncode == 0 and "[0]:" in r.stdout)
    s.close()


try:
    control_and_journal()
    faults()
    endings()
    bad_input()
    bad_lines()
    crowd()
    mbpoll()
finally:
    shutil.rmtree(folder)
