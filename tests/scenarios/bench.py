# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench the scenarios stand on: lec-sim, lecd, mosquitto and its readers as processes with free
ports, in a folder of their own, sharing one clock; each ended by its pid when the bench closes.

Verdicts are taken from what the programs record in house time: the simulator's journal (the
devices' side), lecd's samples and ledger (its own), never from how fast this machine is."""
import contextlib
import csv
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROFILES = os.path.join(ROOT, "etc", "profiles")
DEADLINE_S = 60  # for anything to happen at all; generous, as machines are busy

GOOD = 1  # enum quality
DECIDER = ["optimiser", "last-plan", "rules", "hold", "person", "policy"]  # enum decider
RELEASED = 1 << 9  # REASON_RELEASED

PLANT = """[plant]
latitude = 59.9 deg
longitude = 10.7 deg
timezone = Europe/Oslo
{series}
[meter grid]
listen = tcp://127.0.0.1:0/1
profile = eastron-sdm630
[pv roof]
listen = tcp://127.0.0.1:1/1
profile = generic-pv
peak = 6 kW
rating = 6 kW
[battery main]
listen = tcp://127.0.0.1:1/2
profile = generic-battery
capacity = {capacity}
charge-limit = 5 kW
discharge-limit = 5 kW
"""

SITE = """[site]
id = {id}
role = {role}
community = fjord
timezone = Europe/Oslo
latitude = 59.9 deg
longitude = 10.7 deg
profiles = {profiles}
[control]
cycle = {cycle}
decide = {decide}
socket = {folder}/sock
[grid]
import-limit = {import_limit}
export-limit = 10 kW
[tariff]
buy = 0.20 EUR/kWh
buy-window = 17:00-22:00 0.40 EUR/kWh
sell = 0.05 EUR/kWh
{tariff}{devices}[store]
path = {folder}/store
{mqtt}"""
DEVICES = {
    "grid": "[meter grid]\n{link}\n",
    "roof": "[pv roof]\n{link}\npeak = 6 kW\n",
    "main": """[battery main]
{link}
capacity = {capacity}
charge-limit = 5 kW
discharge-limit = 5 kW
soc-min = 10 %
soc-max = 95 %
"""}
PROFILE_OF = {"grid": "eastron-sdm630", "roof": "generic-pv", "main": "generic-battery"}


class Failed(Exception):
    """A check that did not hold."""


one_failed = threading.Event()  # of the cases side by side: the others need not go on


class Pulse(threading.Thread):
    """What the machine did meanwhile: a heart that should beat each 20 ms, and when it stood still."""
    # What is left of a timeout that is used up to 90 %; two seconds of a house at 20 times.
    STALL_S = 0.1

    def __init__(self):
        super().__init__(daemon=True)
        self.beat = threading.Event()  # never set
        self.stalls = []  # (when it went on, for how long it had stood)

    def run(self):
        last = time.monotonic()
        while True:
            self.beat.wait(0.02)
            now = time.monotonic()
            if now - last > self.STALL_S:
                self.stalls.append((now, now - last))
            last = now

    def longest_s(self, since):
        return max((length for at, length in list(self.stalls) if at >= since), default=0)


def check(what, condition, seen=None):
    if not condition:
        raise Failed(f"wrong: {what}" + ("" if seen is None else f"; seen: {seen}"))
    sys.stdout.write(f"ok {what}\n")
    sys.stdout.flush()


def program(name, *words):
    """Run one of our programs to its end: what it said and its exit code."""
    return subprocess.run([os.path.join(BUILD, name), *words], capture_output=True, text=True, check=False)


def most_threads(processes):
    """Wait for their ends; how many threads any of them was seen to have."""
    most = 0
    while running := [p for p in processes if p.poll() is None]:
        for p in running:
            with contextlib.suppress(FileNotFoundError):
                most = max(most, len(os.listdir(f"/proc/{p.pid}/task")))
        with contextlib.suppress(subprocess.TimeoutExpired):
            running[0].wait(0.2)
    return most


def lone(name, *words):
    """As program, for one that lives in one thread, as is made sure: no race, and nothing for TSan to watch."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([os.path.join(BUILD, name), *words], stdout=out, stderr=said,
                                   env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # it has idle ones
        most = most_threads([process])
        check(f"{name} {words[0]} lives in one thread", most == 1, most)
        out.seek(0)
        said.seek(0)
        return subprocess.CompletedProcess(words, process.returncode, out.read(), said.read())


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def until(what, condition, seen=None, seconds=DEADLINE_S):
    """Wait for condition() to be true and return what it returned."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Failed(f"not within {seconds:.0f} s: {what}" + (f"; seen: {seen()}" if seen else ""))
        if one_failed.wait(0.02):
            raise Failed(f"given up: {what}")


def parse_time(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


def format_time(at_s):
    return datetime.fromtimestamp(at_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


kept = []  # sockets that are bound and never listen


def free_port():
    """A port that is ours until this process ends, also while nobody listens there: the kernel
    gives it to no one else, and a server that sets SO_REUSEADDR may have it."""
    ours = socket.socket()  # and not the last of those kept: cases run side by side
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ours.bind(("127.0.0.1", 0))
    kept.append(ours)
    return ours.getsockname()[1]


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program of ours: its lines as they come, with the monotonic time of each."""

    def __init__(self, bench, arguments, **streams):
        bench.processes.append(self)
        self.lines, self.readers = [], []
        self.started_s = time.monotonic()
        streams = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, **streams}
        self.popen = subprocess.Popen(arguments, text=True, errors="replace", bufsize=1, **streams)
        self.pid = self.popen.pid

    def follow(self, stream):
        def run():
            for line in stream:
                self.lines.append((time.monotonic(), line.rstrip("\n")))
        self.readers.append(threading.Thread(target=run, daemon=True))
        self.readers[-1].start()

    def text(self):
        return [line for _, line in list(self.lines)]

    def wait(self):
        """Until it has ended, and its last line is read; its exit code."""
        code = self.popen.wait(DEADLINE_S)
        for reader in self.readers:
            reader.join(DEADLINE_S)
        return code

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def end(self):
        """Ask it to end; its exit code."""
        self.popen.terminate()
        return self.wait()


class Plant(Process):
    """lec-sim device: a house with load and generation that do not change, if load_w is given.
    battery: more lines of the battery, the last device of a template."""

    def __init__(self, bench, name, load_w=None, pv_w=0, capacity="13.5 kWh", template=None,
                 battery=""):
        self.folder = os.path.join(bench.folder, name)
        os.makedirs(self.folder)
        self.journal_path = os.path.join(self.folder, "journal.csv")
        series = ""
        if load_w is not None:
            series = f"series = {self.folder}/series.csv"
            with open(f"{self.folder}/series.csv", "w") as file:
                file.write("time,load_w,pv_w\n")
                for day in (-1, 0, 1):
                    at = format_time(bench.start_s + day * 86400)
                    file.write(f"{at},{load_w},{pv_w}\n")
        path = os.path.join(self.folder, "plant.conf")
        with open(path, "w") as file:
            file.write((template or PLANT).format(series=series, capacity=capacity) + battery)
        super().__init__(bench, [os.path.join(BUILD, "lec-sim"), "device", "--config", path,
                                 "--profiles", PROFILES, "--ephemeral", "--until-eof",
                                 "--log", self.journal_path, *bench.clock()],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        first = self.popen.stdout.readline()
        if not first:
            raise Failed("lec-sim did not start")
        self.devices = {d["name"]: d for d in json.loads(first)["devices"]}

    def say(self, line):
        self.popen.stdin.write(line + "\n")
        answer = self.popen.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise Failed(f"lec-sim: {line}: {answer}")
        return answer[3:]

    def truth(self, name, quantity):
        return float(self.say(f"read {name} {quantity}"))

    def journal(self, device=None, event=None, name=None):
        """The journal's rows so far as (time_s, value), of whole lines only."""
        with open(self.journal_path, newline="") as file:
            text = file.read()
        rows = csv.DictReader(text[:text.rfind("\n") + 1].splitlines())
        return [(float(r["time_s"]), float(r["value"])) for r in rows
                if device in (None, r["device"]) and event in (None, r["event"]) and
                name in (None, r["name"])]


class Home(Process):
    """lecd, and lecctl to ask it. The same folder again is the same home in another life."""

    def __init__(self, bench, name, plant=None, decide="rules", cycle="1 s", capacity="13.5 kWh",
                 broker=None, profiles=None, devices=("grid", "roof", "main"), id="home-1",
                 more="", role="home", import_limit="17 kW", tariff=""):
        self.folder = os.path.join(bench.folder, name)
        self.bench = bench
        os.makedirs(f"{self.folder}/store", exist_ok=True)
        links = {device: "driver = simulated" for device in PROFILE_OF}
        # The silence a meter needs between requests does not shrink with the house's time.
        delay = "" if bench.speed == 1 else "?request-delay=0"
        if plant:
            links = {device: "driver = modbus\n"
                             f"address = {plant.devices[device]['address']}{delay}\n"
                             f"profile = {profile}"
                     for device, profile in {**PROFILE_OF, **(profiles or {})}.items()}
        mqtt = ""
        if broker:
            mqtt = f"[mqtt]\nbroker = mqtt://127.0.0.1:{broker.port}\ndiscovery = homeassistant\n"
        path = os.path.join(self.folder, "site.conf")
        with open(path, "w") as file:
            file.write(SITE.format(
                folder=self.folder, profiles=PROFILES, decide=decide, cycle=cycle, mqtt=mqtt + more, id=id,
                role=role, import_limit=import_limit, tariff=tariff,
                devices="".join(DEVICES[device].format(link=links[device], capacity=capacity)
                                for device in devices)))
        super().__init__(bench, [os.path.join(BUILD, "lecd"), "--config", path, *bench.clock()],
                         stderr=subprocess.PIPE)
        self.follow(self.popen.stderr)

    def ready(self):
        """Wait until it is in control; the real seconds that took from its start."""
        return self.logged("ready: in control") - self.started_s

    def logged(self, words):
        """Wait for a line of its log; when it came."""
        return until(f"lecd logs \"{words}\"", lambda: next(
            (at for at, line in list(self.lines) if words in line), None) or self.gone(),
            seen=self.text)

    def gone(self):
        if self.popen.poll() is not None:
            raise Failed(f"lecd ended with {self.popen.returncode}: {self.text()}")

    def ask(self, *words):
        r = subprocess.run([os.path.join(BUILD, "lecctl"), *words, "--json", "--socket",
                            f"{self.folder}/sock"], capture_output=True, text=True,
                           timeout=DEADLINE_S, check=False)
        if r.returncode != 0:
            self.gone()
            raise Failed(f"lecctl {words}: {r.stderr or r.stdout}; {self.text()}")
        return json.loads(r.stdout)

    def status(self):
        self.ready()
        return self.ask("status")

    def explain(self):
        return self.ask("explain")["lines"]

    def until(self, what, condition):
        """Wait until condition(status) holds; that status."""
        last = {}

        def look():
            last.update(self.status())
            return last if condition(last) else None
        return until(what, look, seen=lambda: last)

    def rows(self, file, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/store/{file}?mode=ro",
                                                uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql)]

    def samples(self):
        """What lecd recorded each cycle; complete once it has ended."""
        rows = self.rows("telemetry.db", "SELECT * FROM sample ORDER BY time_s")
        for row in rows:
            for i, name in enumerate(("grid", "pv", "load", "battery")):
                row[name + "_good"] = (row["quality"] >> 4 * i) % 16 == GOOD
        return rows


MARKET = """[market]
community = {community}
timezone = Europe/Oslo
ledger = {folder}/ledger.db
homes = {homes}
[tariff]
buy = 0.20 EUR/kWh
buy-window = 17:00-22:00 0.40 EUR/kWh
sell = 0.05 EUR/kWh
[round intraday]
gate-closure = {gate}
opens = 1 h
mechanism = uniform
{more}
[mqtt]
broker = mqtt://127.0.0.1:{port}
"""


class Market(Process):
    """lec-market run. The same name again is the same market in another life."""

    def __init__(self, bench, name, broker, more="", homes=100, community="fjord", gate="2 min"):
        self.folder = os.path.join(bench.folder, name)
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, "market.conf")
        with open(path, "w") as file:
            file.write(MARKET.format(folder=self.folder, port=broker.port, more=more, homes=homes,
                                     community=community, gate=gate))
        super().__init__(bench, [os.path.join(BUILD, "lec-market"), "run", "--config", path,
                                 *bench.clock()], stderr=subprocess.PIPE)
        self.follow(self.popen.stderr)

    def logged(self, words):
        """Wait for a line of its log; when it came."""
        return until(f"lec-market logs \"{words}\"", lambda: next(
            (at for at, line in list(self.lines) if words in line), None), seen=self.text)

    def facts(self, kind, interval_s=None):
        """The ledger's entries of a kind, in their order."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/ledger.db?mode=ro",
                                                uri=True)) as db:
            db.row_factory = sqlite3.Row
            rows = db.execute("SELECT * FROM entry WHERE kind = ? ORDER BY sequence", (kind,))
            return [dict(row) for row in rows if interval_s in (None, row["interval_s"])]


class Broker(Process):
    def __init__(self, bench, port=None, more=""):
        self.port = port or free_port()
        path = os.path.join(bench.folder, f"mosquitto-{self.port}.conf")
        with open(path, "w") as file:
            file.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                       f"persistence false\nuser root\n{more}")
        super().__init__(bench, [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", path],
                         stderr=subprocess.DEVNULL)
        until("the broker listens", lambda: listening(self.port))

    def publish(self, topic, payload, retain=False, lines=False):
        """One message, or one a line."""
        payload = payload.encode() if isinstance(payload, str) else payload
        source = "-l" if lines else "-s" if payload else "-n"
        subprocess.run(["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", topic, source,
                        *(["-r"] if retain else [])],
                       input=payload, check=True, timeout=DEADLINE_S)


class Reader(Process):
    """mosquitto_sub: messages as (real time of arrival, retained, topic's leaf, payload)."""

    def __init__(self, bench, broker, topic="#"):
        super().__init__(bench, ["mosquitto_sub", "-V", "5", "-p", str(broker.port), "-q", "1",
                                 "-t", topic, "-F", "%U|%r|%t|%p"], stdout=subprocess.PIPE)
        self.follow(self.popen.stdout)

    def messages(self, leaf=None):
        out = []
        for line in self.text():
            at, retained, topic, payload = line.split("|", 3)
            if leaf in (None, topic.rsplit("/", 1)[-1]):
                out.append((float(at), retained == "1", topic, payload))
        return out


class Bench:
    """A folder, a clock that all programs share, and what runs on it."""

    def __init__(self, speed=1, start="2026-06-15T10:00:00Z"):
        self.processes = []
        self.folder = tempfile.mkdtemp(prefix="lecd-bench-")
        self.speed = speed
        self.anchor_s = time.time()
        self.start_s = parse_time(start) if speed != 1 else self.anchor_s

    def clock(self):
        if self.speed == 1:
            return []
        return ["--speed", str(self.speed), "--start", format_time(self.start_s),
                "--anchor", f"{self.anchor_s:.6f}"]

    def set_clock(self):
        """Let the programs that start from now on begin at the next quarter of an hour."""
        self.start_s = (int(self.house_s()) // 900 + 1) * 900
        self.anchor_s = time.time()

    def house_s(self, real_s=None):
        """The house's time at a Unix time."""
        return self.start_s + ((real_s or time.time()) - self.anchor_s) * self.speed

    def house_of(self, monotonic_s):
        return self.house_s(time.time() + monotonic_s - time.monotonic())

    def remember(self, name, days=3, load_w=800, pv_w=2500, **options):
        """Give the home of that name a past, in the tables that lecd itself makes: load all day,
        and generation from 6 to 18 UTC."""
        home = Home(self, name, **options)
        home.ready()
        check(f"{name}: lecd ends when told", home.end() == 0)
        now_s = int(self.house_s()) // 900 * 900
        with contextlib.closing(sqlite3.connect(f"{home.folder}/store/telemetry.db")) as db, db:
            db.execute("DELETE FROM quarter")
            for at_s in range(now_s - days * 86400, now_s, 900):
                pv_wh = pv_w / 4 if 6 <= at_s % 86400 // 3600 < 18 else 0
                net_wh = load_w / 4 - pv_wh
                db.execute("INSERT INTO quarter(start_s, seconds, grid_s, pv_s, load_s, battery_s,"
                           " price_s, import_wh, export_wh, pv_wh, load_wh, charge_wh,"
                           " discharge_wh, cost, buy, sell) VALUES(?, 900, 900, 900, 900, 900, 900,"
                           " ?, ?, ?, ?, 0, 0, 0, 0.2, 0.05)",
                           (at_s, max(net_wh, 0), max(-net_wh, 0), pv_wh, load_w / 4))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.popen.poll() is None:
                process.kill()
        shutil.rmtree(self.folder)


TRIES = 4


def run(*cases):
    """Run the cases side by side; leave with 1 and the first failure's words if one fails. A case
    that fails while the machine stands still has shown nothing: it is run again when the others
    are done, by itself, saying so."""
    failures = []
    pulse = Pulse()
    pulse.start()

    def one(case, again):
        """Run it; again: who is to be run once more, None: nobody is."""
        began = time.monotonic()
        try:
            case()
        except Exception as error:  # whatever it is, the others' processes must be ended too
            words = error if isinstance(error, Failed) else repr(error)
            stall_s = pulse.longest_s(began)
            if again is not None and stall_s and not one_failed.is_set():
                print(f"again {case.__name__}, as the machine stood still for {stall_s:.1f} s: "
                      f"{words}", flush=True)
                again.append(case)
                return
            failures.append(f"{case.__name__}: {words}")
            one_failed.set()
    again = []
    threads = [threading.Thread(target=one, args=(case, again)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for left in reversed(range(TRIES - 1)):
        stalled, again = again, []
        for case in stalled:
            one(case, again if left else None)
    if failures:
        sys.exit(failures[0])
