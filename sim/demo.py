#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A day of a house under lecd, watched: a broker, a house behind Modbus TCP (lec-sim device) and lecd
on top, all real programs on loopback at high speed, and at the end what the day cost beside what it
would have cost otherwise. Usage: demo.py BUILD-FOLDER"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

DAY, NEXT, WARM_UP = "2026-02-13T00:00:00Z", "2026-02-14T00:00:00Z", "2026-01-30T00:00:00Z"
TARIFF = """buy = 0.32 EUR/kWh
buy-window = 22:00-06:00 0.17 EUR/kWh
sell = 0.08 EUR/kWh
"""
SPEED = 720
build = os.path.abspath(sys.argv[1])
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
folder = tempfile.mkdtemp(prefix="lecd-demo-")
running = []


def program(name):
    return os.path.join(build, name)


def say(text):
    print(text, file=sys.stderr, flush=True)


def start(arguments, log):
    with open(os.path.join(folder, log), "w") as file:
        running.append(subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                        cwd=root))
    return running[-1]


def stop_all():
    for process in reversed(running):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"demo: {what} did not come up, see {folder}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def make_site(ports, broker_port):
    """The example's site, with this demo's addresses and folders."""
    with open(os.path.join(root, "etc/examples/site.conf")) as file:
        text = file.read()
    text = re.sub(r"cycle = 1 s", "cycle = 5 s", text)
    text = re.sub(r"horizon = 36 h", f"horizon = 36 h\nsocket = {folder}/lecd.sock", text)
    text = re.sub(r"\[site\]", "[site]\nlatitude = 59.9 deg\nlongitude = 10.7 deg\n"
                  f"profiles = {root}/etc/profiles", text)
    text = re.sub(r"(currency|buy|buy-window|sell|demand-charge|demand-period) =.*\n", "", text)
    text = text.replace("[tariff]\n", "[tariff]\n" + TARIFF)
    # At this speed the pauses that real devices want would take minutes of the house's day.
    for section, port in ports.items():
        text = re.sub(r"(\[" + section + r" \w+\]\ndriver = modbus\naddress = )\S+",
                      r"\g<1>" + port + "?request-delay=0", text)
    text = re.sub(r"broker = \S+", f"broker = mqtt://127.0.0.1:{broker_port}", text)
    text = re.sub(r"(;.*\n)?(user|password-file) = .*\n", "", text)
    text = re.sub(r"path = \S+", f"path = {folder}/store", text)
    path = os.path.join(folder, "site.conf")
    with open(path, "w") as file:
        file.write(text)
    return path


def ask(*arguments):
    return subprocess.run([program("lecctl"), *arguments, "--socket", folder + "/lecd.sock"],
                          stdout=subprocess.PIPE, text=True, check=True).stdout


def history():
    rows = ask("history", "--kind", "quarters", "--from", DAY, "--to", NEXT, "--json")
    return [json.loads(row) for row in rows.splitlines() if row.strip()]


def baselines(site, soc_end):
    out = subprocess.run([program("lec-sim"), "home", "--config", site, "--plant", plant,
                          "--start", DAY, "--days", "1", "--warm-up", "0", "--soc-start", "15",
                          "--soc-end", f"{soc_end * 100:.2f}"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
                         cwd=root).stdout
    return json.loads(out)


def print_table(day, others, soc_end, wear):
    ours = {"energy_cost": sum(q["cost"] for q in day),
            "import_kwh": sum(q["import_wh"] for q in day) / 1e3,
            "export_kwh": sum(q["export_wh"] for q in day) / 1e3,
            "discharge_kwh": sum(q["discharge_wh"] for q in day) / 1e3, "soc_end": soc_end}
    ours["cost"] = ours["energy_cost"] + wear * ours["discharge_kwh"]
    columns = (("no battery", others["no_battery"]), ("rules", others["rules"]), ("lecd", ours),
               ("foresight", others["foresight"]))
    rows = (("paid for energy, EUR", "energy_cost", 1), ("battery wear included, EUR", "cost", 1),
            ("imported, kWh", "import_kwh", 1), ("exported, kWh", "export_kwh", 1),
            ("battery at the end, %", "soc_end", 100))
    print(f"\n{DAY[:10]:<28}" + "".join(f"{name:>12}" for name, _ in columns))
    for title, key, factor in rows:
        cells = ("-" if key == "soc_end" and name == "no battery" else f"{values[key] * factor:.2f}"
                 for name, values in columns)
        print(f"{title:<28}" + "".join(f"{cell:>12}" for cell in cells))
    print("rules: store surplus, serve the load.  foresight: the optimum of one who knew the day and "
          "ends it\nwith the energy lecd ended with.\n")


signal.signal(signal.SIGHUP, lambda *_: sys.exit(1))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
plant = os.path.join(folder, "plant.conf")
try:
    os.mkdir(os.path.join(folder, "store"), 0o700)
    with open(os.path.join(root, "etc/examples/plant.conf")) as example, open(plant, "w") as file:
        file.write(example.read().replace("soc-start = 50 %", "soc-start = 15 %"))
    say("the house's last two weeks, for the forecast to learn from (simulated) ...")
    draft = make_site({}, 1)
    subprocess.run([program("lec-sim"), "home", "--config", draft, "--plant", plant, "--start", WARM_UP,
                    "--days", "14", "--store", folder + "/store"], check=True, cwd=root)
    port = free_port()
    with open(os.path.join(folder, "mosquitto.conf"), "w") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    start([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", folder + "/mosquitto.conf"],
          "mosquitto.log")
    wait_for("the broker", lambda: answers(port))
    clock = ["--speed", str(SPEED), "--start", DAY, "--anchor", f"{time.time() + 1:.3f}"]
    start([program("lec-sim"), "device", "--config", plant, "--profiles", root + "/etc/profiles",
           "--ephemeral", "--port-file", folder + "/ports", "--for", "10 min", *clock], "device.log")
    wait_for("the simulated house", lambda: os.path.exists(folder + "/ports")
             and os.path.getsize(folder + "/ports"))
    with open(folder + "/ports") as file:
        devices = {d["name"]: d["address"] for d in json.load(file)["devices"]}
    site = make_site({"meter": devices["grid"], "pv": devices["roof"], "battery": devices["main"]},
                     port)
    start([program("lecd"), "--config", site, *clock], "lecd.log")
    wait_for("lecd", lambda: os.path.exists(folder + "/lecd.sock"))
    say(f"a day at {SPEED} times its speed: two minutes. Broker at port {port}, all files in {folder}")
    view = subprocess.run([program("lecctl"), "watch", "--until", NEXT, "--socket",
                           folder + "/lecd.sock"])
    if view.returncode:
        raise SystemExit(f"demo: lecd went away, see {folder}/lecd.log")
    status = json.loads(ask("status", "--json"))
    soc = status["batteries"][0]["battery_soc"] or 0.5
    # The last minute of samples is written when the store is next due.
    day = wait_for("the day's history", lambda: (rows := history()) and len(rows) == 96 and rows)
    print_table(day, baselines(site, soc), soc, 0.02)
    loop = status["loop"]
    print(f"lecd ran {loop['cycles']} cycles, {loop['overruns']} overruns, work p99 "
          f"{loop['work_p99_us']} us; broker: {status['broker']['sent']} messages sent.")
finally:
    stop_all()
shutil.rmtree(folder)
