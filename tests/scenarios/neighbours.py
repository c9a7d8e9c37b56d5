#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Communities that negotiate with their neighbours over a real broker, a process each and nobody in
the middle: both ends of each line put down the same, together the optimum; one killed, one that
raves; and what is on the wire.

Usage: neighbours.py BUILD-FOLDER."""
import json
import os
import re
import subprocess

from bench import BUILD, ROOT, Bench, Broker, Process, Reader, check, run, until



def scenario(bench, loss="0 %", silence=100, **changes):
    """The league that is shipped, a little less exact, so that it is soon there."""
    with open(os.path.join(ROOT, "etc", "examples", "league.conf")) as file:
        text = file.read()
    series = os.path.join(ROOT, "etc", "examples", "league.csv")
    text = re.sub(r"series = \S+", f"series = {series}", text)
    text = text.replace("tolerance = 10 W", f"tolerance = 50 W\nsilence = {silence}")
    text = text.replace("loss = 0 %", f"loss = {loss}")
    for name, more in changes.items():
        text = text.replace(f"[community {name}]", f"[community {name}]\n{more}")
    path = os.path.join(bench.folder, "league.conf")
    with open(path, "w") as file:
        file.write(text)
    return path, re.findall(r"\[community (\S+)\]", text)


def line_fees(path):
    """Of each line, in millionths per kWh."""
    with open(path) as file:
        found = re.findall(r"\[line (\S+)\]([^\[]*)", file.read())
    return {name: round(float((re.findall(r"fee = (\S+)", body) or ["0"])[0]) * 1e6) for name, body in found}


class Neighbour(Process):
    def __init__(self, bench, broker, path, name, *more):
        super().__init__(bench, [os.path.join(BUILD, "lec-sim"), "neighbour", path, "--name", name, "--broker",
                                 f"mqtt://127.0.0.1:{broker.port}", "--deadline", "600", *more],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.name = name
        self.follow(self.popen.stderr)

    def result(self):
        """What it put down, once it has ended."""
        return json.loads(self.popen.stdout.read())


def nodelay(bench):
    """Each word waits for the one before: a broker that saves up small packets costs 40 ms a round."""
    return Broker(bench, more="set_tcp_nodelay true\n")


def millionths(value):
    return round(value * 1e6)


def books(results):
    """By line, what its ends put down: [(community, taken, price)], in whole millionths."""
    found = {}
    for name, result in results.items():
        for line in result["lines"]:
            if line["agreed"]:
                found.setdefault(line["line"], []).append(
                    (name, [millionths(x) for x in line["taken_kwh"]], [millionths(x) for x in line["price"]]))
    return found


def settle(path, results):
    """The fees of all lines that count, in money, and how many of these there are."""
    fees, count, per_kwh = 0, 0, line_fees(path)
    for name, ends in books(results).items():
        if len(ends) == 2:
            (_, taken, price), (_, other, other_price) = ends
            check(f"{name}: both ends put down the same", taken == [-x for x in other] and price == other_price)
            fees += sum(abs(x) for x in taken) * per_kwh[name]
            count += 1
    return fees / 1e12, count


def central(path):
    """The same league in one process: the optimum, and what each community pays alone."""
    r = subprocess.run([os.path.join(BUILD, "lec-market"), "negotiate", path], capture_output=True, text=True,
                       check=False)
    check("in one process it is agreed too", r.returncode == 0, r.stderr)
    told = json.loads(r.stdout)
    return told["central_cost"], {c["name"]: c["alone_cost"] for c in told["communities"]}


def agree():
    """Twelve processes come to the optimum; nothing but trades and prices is on the wire."""
    with Bench() as bench:
        broker = nodelay(bench)
        reader = Reader(bench, broker)
        path, names = scenario(bench)
        nodes = [Neighbour(bench, broker, path, name) for name in names]
        check("all twelve end agreed", all(node.wait() == 0 for node in nodes),
              [(node.name, node.text()) for node in nodes])
        results = {node.name: node.result() for node in nodes}
        fees, lines = settle(path, results)
        check("each line was put down", lines == len(line_fees(path)), lines)
        best, alone = central(path)
        cost = sum(r["cost"] for r in results.values()) + fees
        check("what it costs all is the optimum within 0.1 %", best - 1e-4 * best <= cost <= best * 1.001,
              (cost, best, sum(alone.values())))
        words = reader.messages()
        check("words were heard", len(words) > 1000, len(words))
        keys = {"v", "community", "round", "calm", "stage", "taken_kw", "price", "terms_kwh", "terms_price"}
        for _, kept, topic, payload in words:
            word = json.loads(payload)
            who, to = re.fullmatch(r"lec/(\w+)/admm/neighbour/(\w+)", topic).groups()
            if kept or not set(word) <= keys or word["community"] != who or to not in names:
                check("nothing else is on the wire", False, (topic, payload))
        check("nothing but trades, prices and how far it is was on the wire", True)


def lossy():
    """The same with a tenth of all words lost."""
    with Bench() as bench:
        broker = nodelay(bench)
        reader = Reader(bench, broker, "lec/mill/#")
        path, names = scenario(bench, loss="10 %", silence=1000)
        nodes = [Neighbour(bench, broker, path, name, "--patience", "10") for name in names]
        check("all twelve end agreed", all(node.wait() == 0 for node in nodes),
              [(node.name, node.text()) for node in nodes])
        results = {node.name: node.result() for node in nodes}
        fees, lines = settle(path, results)
        check("each line was put down", lines == len(line_fees(path)), lines)
        best, _ = central(path)
        cost = sum(r["cost"] for r in results.values()) + fees
        check("what it costs all is the optimum within 0.1 %", best - 1e-4 * best <= cost <= best * 1.001,
              (cost, best))
        words = {}
        for _, _, topic, payload in reader.messages():
            words.setdefault(topic, set()).add(json.loads(payload)["round"])
        lost = {topic: 1 - len(rounds) / (max(rounds) + 1) for topic, rounds in words.items()}
        check("words were lost", len(lost) == 2 and all(0.04 < part < 0.2 for part in lost.values()), lost)


def killed():
    """One is killed on the way: its neighbours give it up, the others come to their optimum."""
    with Bench() as bench:
        broker = nodelay(bench)
        reader = Reader(bench, broker, "lec/farm/admm/#")
        path, names = scenario(bench)
        nodes = [Neighbour(bench, broker, path, name) for name in names]
        farm = next(node for node in nodes if node.name == "farm")
        until("it negotiates", lambda: any(json.loads(p)["round"] >= 20 for *_, p in reader.messages()))
        farm.kill()
        nodes.remove(farm)
        check("all others end agreed", all(node.wait() == 0 for node in nodes),
              [(node.name, node.text()) for node in nodes])
        results = {node.name: node.result() for node in nodes}
        ends = {name: [line["end"] for line in r["lines"] if line["neighbour"] == "farm"]
                for name, r in results.items()}
        check("its neighbours gave it up", {n for n, e in ends.items() if e == ["silent"]} ==
              {"quay", "depot", "harbour"}, ends)
        fees, _ = settle(path, results)
        best, alone = central(scenario(bench, farm="silent-from = 0")[0])
        cost = sum(r["cost"] for r in results.values()) + fees
        left = best - alone["farm"]
        check("the others are at their optimum within 0.1 %", left - 1e-4 * best <= cost <= left * 1.001,
              (cost, left))


def raving():
    """One says what cannot be: it is named and given up, and the others agree."""
    with Bench() as bench:
        broker = nodelay(bench)
        path, names = scenario(bench)
        nodes = [Neighbour(bench, broker, path, name) for name in names if name != "mill"]
        steps = ",".join(["0"] * 24)
        good = '{{"v":1,"community":"mill","round":{},"calm":0,"stage":"seeking","taken_kw":[{}],"price":[{}]}}'
        until("both of its neighbours gave it up", lambda: [
            broker.publish("lec/mill/admm/neighbour/harbour", '{"v":1,"round":'),
            broker.publish("lec/mill/admm/neighbour/church", good.format(1, steps.replace("0", "1e9", 1), steps)),
            all(any("mill" in line for line in node.text()) for node in nodes
                if node.name in ("harbour", "church"))][-1])
        check("all others end agreed", all(node.wait() == 0 for node in nodes),
              [(node.name, node.text()) for node in nodes])
        results = {node.name: node.result() for node in nodes}
        ends = {line["end"] for r in results.values() for line in r["lines"] if line["neighbour"] == "mill"}
        check("as unsound", ends == {"unsound"}, ends)
        check("and counted", results["harbour"]["refused"] == results["church"]["refused"] == 1)
        check("nobody else was given up for it", all(
            line["end"] != "unsound" for r in results.values() for line in r["lines"]
            if line["neighbour"] != "mill"))


def refused():
    """What is wrong is refused; one that meets nobody ends with 1."""
    with Bench() as bench:
        broker = nodelay(bench)
        path, _ = scenario(bench)

        def words(*more, file=path):
            return subprocess.run([os.path.join(BUILD, "lec-sim"), "neighbour", file, "--broker",
                                   f"mqtt://127.0.0.1:{broker.port}", *more], capture_output=True, text=True,
                                  check=False)
        for more, said in ((("--name", "nobody"), "--name"), ((), "--name"), (("--name", "mill", "--meet", "-1"),
                                                                             "--meet")):
            r = words(*more)
            check(f"{' '.join(more)} is refused", r.returncode == 2 and said in r.stderr and not r.stdout, r)
        with open(path) as file:
            text = file.read()
        pooled = os.path.join(bench.folder, "pooled.conf")
        with open(pooled, "w") as file:
            file.write(text.replace("framework = distributed", "framework = decentralised"))
        r = words("--name", "mill", file=pooled)
        check("another framework is refused", r.returncode == 2 and "expected distributed" in r.stderr, r)
        r = words("--name", "mill", "--meet", "0", "--patience", "1")
        told = json.loads(r.stdout)
        check("one that meets nobody gives all up and ends with 1", r.returncode == 1 and
              [line["end"] for line in told["lines"]] == ["silent", "silent"] and
              not any(line["agreed"] for line in told["lines"]), r)


run(agree, lossy, killed, raving, refused)
