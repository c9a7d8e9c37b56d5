#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A community learns: the same seed gives the same actors to the last bit, lecctl can run them, they are
judged without a broken limit, for a year too, and never below what is possible, and what is wrong with the
files is told.

Usage: train.py BUILD-FOLDER."""
import csv
import json
import os
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

from bench import check, program, until, write

COMMUNITY = """[community]
warm-up-days = 3
train-days = 6
test-days = 3
[tariff]
buy = 0.22 EUR/kWh
buy-window = 16:00-21:00 0.40 EUR/kWh
sell = 0.08 EUR/kWh
[homes consumer]
count = 1
[homes pv]
count = 1
[homes pv-battery]
count = 2
[training]
algorithm = %s
episodes = 8
episode-days = 1
hidden = 16
batch = 32
actor-rate = 0.001
update-every = 1
calm-updates = 0
communities = 2
ahead = 4
reward-scale = %s
"""
CLASSES = ("consumer", "pv", "pv-battery")


def all_bytes(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            out[name] = f.read()
    return out


def learn(folder, algorithm, out, *more, seed="3", scale="20"):
    path = write(folder, f"{algorithm}.conf", COMMUNITY % (algorithm, scale))
    out = os.path.join(folder, out)
    return path, out, program("lec-train", "maddpg", path, "--out", out, "--seed", seed, *more)


def learns(folder, algorithm):
    path, one, result = learn(folder, algorithm, f"{algorithm}-1")
    check(f"{algorithm}: learns", result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    check(f"{algorithm}: all episodes, none lost",
          report["episodes"] == 8 and report["updates"] > 50 and not report["diverged"])
    page = all_bytes(one)["report.html"].decode()
    picture = ElementTree.fromstring(page[page.index("<svg"):])
    check(f"{algorithm}: its report is a picture of three curves",
          len(picture.findall("{*}polyline") + picture.findall("{*}path")) >= 2
          and f"{algorithm}: 4 homes, seed 3" in page and "nan" not in page)
    check(f"{algorithm}: its report tells the currency", "EUR" in page and "money" not in page)
    gained = report["checked_cost"] < report["untrained_cost"]
    check(f"{algorithm}: what it began with is the best until something is better",
          report["checked_cost"] <= report["untrained_cost"]
          and ("less than the untrained middle" in page) == gained
          and ("Nothing is gained" in page) != gained, report)
    *_, result = learn(folder, algorithm, f"{algorithm}-2", "--threads", "3")
    files = all_bytes(one)
    check(f"{algorithm}: the same seed, the same bytes, by any number of threads",
          files == all_bytes(os.path.join(folder, f"{algorithm}-2")))
    *_, result = learn(folder, algorithm, f"{algorithm}-3", seed="4")
    other = all_bytes(os.path.join(folder, f"{algorithm}-3"))
    for name in CLASSES:
        onnx = f"actor-{name}.onnx"
        check(f"{algorithm}: another seed, another {onnx}", files[onnx] != other[onnx])
        conf = os.path.join(one, f"actor-{name}.conf")
        result = program("lecctl", "policy", os.path.join(one, onnx), "--actor", conf)
        check(f"lecctl takes {onnx}", result.returncode == 0, result.stderr)
    return path, one


def goes_on(folder, path, whole):
    """Killed at any moment and resumed, it ends with the same bytes; what is corrupt is refused."""
    out = os.path.join(folder, "killed")
    words = ["maddpg", path, "--out", out, "--seed", "3"]
    with subprocess.Popen([os.path.join(sys.argv[1], "lec-train"), *words], stdout=subprocess.DEVNULL) as process:
        until("there is a checkpoint", lambda: os.path.exists(os.path.join(out, "checkpoint")))
        process.kill()
    result = program("lec-train", *words, "--resume", "--threads", "2")
    check("goes on", result.returncode == 0, result.stderr)
    check("ends with the same bytes", all_bytes(out) == whole)
    refused("another seed", program("lec-train", *words[:-1], "5", "--resume"), "checkpoint:", "seed")
    never = os.path.join(folder, "never")
    refused("what was never begun", program("lec-train", "maddpg", path, "--out", never, "--resume"),
            "never/checkpoint:", "--resume")
    check("and no folder is made for it", not os.path.exists(never))
    with open(os.path.join(out, "checkpoint"), "r+b") as f:
        f.seek(5000)
        byte = f.read(1)
        f.seek(5000)
        f.write(bytes([byte[0] ^ 1]))
    refused("a corrupt checkpoint", program("lec-train", *words, "--resume"), "checkpoint:", "corrupt")
    os.truncate(os.path.join(out, "training.csv"), 100)
    with open(os.path.join(out, "checkpoint"), "r+b") as f:
        f.seek(5000)
        f.write(byte)
    refused("a log that was cut off", program("lec-train", *words, "--resume"), "training.csv:", "expected")
    write(out, "training.csv", whole["training.csv"].decode())
    check("nothing else was touched", all_bytes(out)["training.csv"] == whole["training.csv"])


FIXED = ("no control", "utility only", "rules", "zero intelligence", "optimiser", "untrained")


def is_sound(trial, kind, it):
    check(f"{kind}: no limit is broken", it["violations"] == 0)
    check(f"{kind}: not below what is possible", it["cost"] >= trial["optimum"] - 1e-6,
          f"{it['cost']} {trial['optimum']}")
    for shares in it["shares"].values():
        check(f"{kind}: shares are of all", abs(sum(shares.values()) - 1) < 1e-3)


def diverges(folder):
    """Critics that are stepped far too fast: it stops and says so, what did best before is there, and the
    last good checkpoint leads to the same end."""
    text = COMMUNITY % ("maddpg", "0.000001") + "critic-rate = 1\ndiscount = 0.5\n"
    text = text.replace("hidden = 16", "hidden = 128").replace("batch = 32", "batch = 128")
    path = write(folder, "fast.conf", text)
    # Of three seeds in eight critics die and stay within what can be, of the others they go beyond it at once.
    for seed in map(str, range(1, 17)):
        out = f"{folder}/fast-{seed}"
        result = program("lec-train", "maddpg", path, "--seed", seed, "--out", out)
        if result.returncode:
            break
    check("diverges: it says so", result.returncode == 1 and "diverges in episode" in result.stderr
          and out in result.stderr, result.stderr)
    report = json.loads(result.stdout)
    check("diverges: so does the report", report["diverged"] and 0 < report["episodes"] < 8, report)
    for name in CLASSES:
        again = program("lecctl", "policy", f"{out}/actor-{name}.onnx", "--actor", f"{out}/actor-{name}.conf")
        check(f"diverges: there is a sound actor for {name}", again.returncode == 0, again.stderr)
    files = all_bytes(out)
    again = program("lec-train", "maddpg", path, "--seed", seed, "--out", out, "--resume")
    check("diverges: from its checkpoint again", again.returncode == 1 and
          json.loads(again.stdout) == report and all_bytes(out) == files, again.stderr)


def waits(folder):
    """A training that ends before its actors learn says so; one that is long enough says nothing."""
    text = (COMMUNITY % ("maddpg", "20")).replace("ahead = 4", "ahead = 0")
    for updates, told in (("100000", True), ("0", False)):
        path = write(folder, "calm.conf", text.replace("calm-updates = 0", f"calm-updates = {updates}"))
        result = program("lec-train", "maddpg", path, "--out", f"{folder}/calm-{updates}")
        check(f"{updates} calm updates: {'told' if told else 'quiet'}", result.returncode == 0
              and ("actors are as they began" in result.stderr) == told, result.stderr)


def is_judged(folder, path, policies):
    out = os.path.join(folder, "judged")
    words = [word for policy in policies for word in ("--policy", policy)]
    result = program("lec-train", "evaluate", path, *words, "--seeds", "2", "--out", out)
    check("is judged", result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    check("two communities", [t["unseen"] for t in report["seeds"]] == [False, True])
    for trial in report["seeds"]:
        for kind in FIXED:
            is_sound(trial, kind, trial[kind])
        for it in trial["policies"]:
            is_sound(trial, it["policy"], it)
        check("alone nobody trades", trial["utility only"]["local_share"] == 0)
        check("on the market somebody does", trial["rules"]["local_share"] > 0)
        check("and nobody pays more for it",
              trial["rules"]["cost"] < trial["utility only"]["cost"])
        check("serving oneself beats no control",
              trial["utility only"]["cost"] < trial["no control"]["cost"])
        check("a home that knows everything beats rules alone, together they do better",
              trial["optimum"] < trial["optimum_alone"] < trial["utility only"]["cost"])
    groups = {row["name"]: row for row in report["rows"]}
    check("an algorithm's trainings are one row", list(groups) == [*FIXED, "maddpg", "ddpg"], list(groups))
    trainings = [sum(t["policies"][k]["cost"] for t in report["seeds"]) / 2 for k in (0, 1)]
    mean = sum(trainings) / 2
    deviation = sum((x - mean) ** 2 for x in trainings) ** 0.5
    check("mean and deviation are of the trainings",
          abs(groups["maddpg"]["cost"]["mean"] - mean) < 1e-5
          and abs(groups["maddpg"]["cost"]["sd"] - deviation) < 1e-5 and deviation > 0)
    nothing = "gains nothing over untrained"
    with open(os.path.join(out, "evaluation.html"), encoding="utf-8") as f:
        page = f.read()
    for name in ("maddpg", "ddpg"):
        duel = groups[name]["costs_less_than"]["untrained"]
        sd = groups[name]["cost"]["sd"]
        gains = duel["by"] > (sd or 0) and 2 * duel["times"] > duel["of"]
        known = not gains or sd is not None
        words = f"{name} {'gains something over untrained, but is one training' if gains else nothing}"
        check(f"{name}: whether it gains over untrained, if several trainings tell",
              groups[name].get("gains") == (gains if known else None), duel)
        check(f"{name}: and where not, a sentence says so",
              (words in result.stderr) == (not gains or not known) == (words in page), words)
    duel = groups["ddpg"]["costs_less_than"]["rules"]
    won = sum(t["policies"][2]["cost"] < t["rules"]["cost"] for t in report["seeds"])
    check("who costs less is counted", duel["times"] == won and duel["of"] == 2)
    with open(os.path.join(out, "evaluation.json"), encoding="utf-8") as f:
        check("the file says the same", f.read() == result.stdout)
    with open(os.path.join(out, "evaluation.html"), encoding="utf-8") as f:
        page = f.read()
    pictures = [ElementTree.fromstring(part[:part.index("</svg>") + 6])
                for part in ("<svg" + rest for rest in page.split("<svg")[1:])]
    check("its page has four pictures, and needs nothing beside it",
          len(pictures) == 4 and "nan" not in page and "href" not in page and "src=" not in page)


def is_judged_for_a_year(path, policy):
    result = program("lec-train", "evaluate", path, "--policy", policy, "--year")
    check("a year is judged", result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    check("365 days without a broken limit", report["days"] == 365 and report["violations"] == 0)
    check("without optima", report["seeds"][0]["optimum"] is None)
    alone = program("lec-train", "evaluate", path, "--seeds", "1")
    check("who learned nothing is judged too", json.loads(alone.stdout)["seeds"][0]["policies"] == [])


def is_compared(folder, path):
    """One command learns and judges all; what it was told to learn is what maddpg alone learns."""
    out = os.path.join(folder, "compared")
    words = ("compare", path, "--out", out, "--algorithms", "ddpg,maddpg", "--trainings", "1", "--seeds", "1")
    result = program("lec-train", *words)
    check("is compared", result.returncode == 0, result.stderr)
    names = [row["name"] for row in json.loads(result.stdout)["rows"]]
    check("both were learned and judged", names == [*FIXED, "ddpg", "maddpg"], names)
    check("its page stands there", os.path.exists(os.path.join(out, "evaluation.html")))
    alone = os.path.join(folder, "alone")
    program("lec-train", "maddpg", path, "--out", alone, "--seed", "1")
    check("as maddpg alone learns", all_bytes(alone) == all_bytes(os.path.join(out, "maddpg-1")))
    check("by another algorithm than the file's", all_bytes(os.path.join(out, "ddpg-1")) != all_bytes(alone))
    again = program("lec-train", *words)
    check("what was learned is not learned again, and the same", again.stdout == result.stdout
          and all_bytes(os.path.join(out, "maddpg-1")) == all_bytes(alone), again.stderr)
    with open(path, encoding="utf-8") as f:
        other = write(folder, "other.conf", f.read().replace("0.40 EUR", "0.50 EUR"))
    refused("another file's trainings", program("lec-train", words[0], other, *words[2:]), "ddpg-1/checkpoint:")
    refused("an algorithm nobody knows", program("lec-train", *words[:5], "sarsa"), "sarsa", "maddpg,ddpg,matd3")
    result = program("lec-train", "evaluate", path, "--homes", "9", "--seeds", "1", "--without-optima")
    check("as many homes as told", json.loads(result.stdout)["seeds"][0]["homes"] == 9, result.stderr)
    refused("fewer homes than classes", program("lec-train", "evaluate", path, "--homes", "2"), "--homes 2")


def sizes_are_told(folder, path):
    """What is told of numbers of homes is what training.csv and evaluate say of each."""
    out = os.path.join(folder, "sizes")
    words = ("sizes", path, "--out", out, "--homes", "3,6", "--trainings", "2", "--seeds", "1")
    result = program("lec-train", *words)
    check("sizes are told", result.returncode == 0, result.stderr)
    told = json.loads(result.stdout)
    for k, homes in enumerate(told["homes"]):
        trainings = [os.path.join(out, f"homes-{homes}-{seed}") for seed in (1, 2)]
        last = 0
        for training in trainings:
            with open(os.path.join(training, "training.csv"), encoding="utf-8") as f:
                last += float(list(csv.DictReader(f))[-1]["volume_deviation_kwh"]) / 2
        check(f"{homes} homes: the end of learning", abs(told["training_volume_deviation"]["mean"][k] - last) < 1e-5)
        judged = program("lec-train", "evaluate", path, "--homes", str(homes), "--seeds", "1", "--without-optima",
                     "--policy", trainings[0], "--policy", trainings[1])
        rows = {row["name"]: row for row in json.loads(judged.stdout)["rows"]}
        for key, row in (("learned", "maddpg"), ("rules", "rules"), ("optimiser", "optimiser")):
            check(f"{homes} homes: {key} as judged", abs(told[f"{key}_jain"]["mean"][k] - rows[row]["jain"]["mean"]) < 1e-5)
    jain = told["rules_jain"]
    check("two sizes rise or fall", jain["tau"] == (1 if jain["mean"][1] > jain["mean"][0] else -1), jain)
    check("and claim no more than that", "may be chance" in jain["verdict"] or "not hold" in jain["verdict"])
    refused("sizes that fall", program("lec-train", *words[:5], "6,3"), "6,3", "rise")
    refused("too small a size, before anything is learned",
            program("lec-train", "sizes", path, "--out", folder + "/never", "--homes", "4,2"), "--homes 4,2")
    check("nothing was made", not os.path.exists(folder + "/never"))
    check("it is said that 3 homes are not of the kind of 6", "3 homes have other shares" in result.stderr, result.stderr)
    result = program("lec-train", "sizes", path, "--out", out + "-alike", "--homes", "4,8", "--seeds", "1")
    check("and of those that are nothing is", result.returncode == 0 and "shares" not in result.stderr, result.stderr)


def learns_on(folder, path, policy):
    """Each class learns on alone; what it was trained with must be told again."""
    words = ("deviate", path, "--policy", policy, "--episodes", "4")
    result = program("lec-train", *words, "--seed", "3")
    check("learns on", result.returncode == 0, result.stderr)
    told = json.loads(result.stdout)
    check("each class in turn", list(told["classes"]) == list(CLASSES) and told["episodes"] == 4)
    for name, it in told["classes"].items():
        check(f"{name}: its gain is what it pays less", abs(it["gain"] - it["before"] + it["after"]) < 1e-5)
        check(f"{name}: as a share of what it turns over", abs(it["gain_share"]) <= abs(it["gain"]) / 2)
    again = program("lec-train", *words, "--seed", "3")
    check("and the same again", again.stdout == result.stdout)
    refused("another seed", program("lec-train", *words, "--seed", "4"), "checkpoint:", "seed")
    refused("another algorithm", program("lec-train", *words, "--seed", "3", "--algorithm", "ddpg"), "checkpoint:")
    refused("no training", program("lec-train", "deviate", path, "--policy", folder), "checkpoint")
    checkpoint = os.path.join(policy, "checkpoint")
    with open(checkpoint, "r+b") as f:
        f.seek(5000)
        byte = f.read(1)
        f.seek(5000)
        f.write(bytes([byte[0] ^ 1]))
    refused("a corrupt checkpoint", program("lec-train", *words, "--seed", "3"), "checkpoint:", "corrupt")

def refused(name, result, *words):
    check(f"{name}: refused", result.returncode == 2, result.stderr)
    for word in words:
        check(f"{name}: says {word}", word in result.stderr, result.stderr)


def bad_input(folder, path, policy):
    text = COMMUNITY % ("maddpg", "20")
    bad = write(folder, "bad.conf", text.replace("[homes pv]", "[homes turbine]")
                .replace("episodes = 8", "episodes = 0") + "demand-charge = 1\n")
    refused("an unknown class", program("lec-train", "maddpg", bad, "--out", folder),
            "bad.conf:11: ", "[homes turbine]", "episodes", "demand-charge")
    bad = write(folder, "demand.conf", text.replace("sell = 0", "demand-charge = 3 EUR/kW\nsell = 0"))
    refused("a demand charge", program("lec-train", "maddpg", bad, "--out", folder), "demand-charge")
    bad = write(folder, "long.conf", text.replace("episode-days = 1", "episode-days = 7"))
    refused("too long episodes", program("lec-train", "maddpg", bad, "--out", folder), "episode-days")
    for threads in ("0", "65", "2.5", "two"):
        refused(f"{threads} threads", program("lec-train", "maddpg", path, "--out", folder, "--threads",
                                          threads), f"--threads {threads}, expected a whole number")
    refused("threads to judge with", program("lec-train", "evaluate", path, "--policy", policy,
                                         "--threads", "2"), "--threads", "maddpg")
    refused("no folder", program("lec-train", "maddpg", path), "--out")
    refused("no number of communities", program("lec-train", "evaluate", path, "--seeds", "0"), "--seeds 0", "1 to 20")
    refused("no such policy", program("lec-train", "evaluate", path, "--policy", folder + "/none"),
            "actor-consumer.conf", "actor-pv-battery.onnx")
    for name in ("untrained", "no algorithm"):
        write(policy, "report.json", json.dumps({"algorithm": name}))
        result = program("lec-train", "evaluate", path, "--policy", policy, "--seeds", "1", "--without-optima")
        names = [row["name"] for row in json.loads(result.stdout)["rows"]]
        check(f"{name} is not what learned", names == [*FIXED, "learned"], names)
    files = all_bytes(policy)
    for kind in ("conf", "onnx"):
        with open(os.path.join(policy, f"actor-pv-battery.{kind}"), "wb") as f:
            f.write(files[f"actor-consumer.{kind}"])
    refused("another class's whole actor", program("lec-train", "evaluate", path, "--policy", policy),
            "actor-pv-battery.conf:4: was trained for homes of class consumer, expected pv-battery")
    consumer = files["actor-consumer.onnx"]
    with open(os.path.join(policy, "actor-pv.onnx"), "wb") as f:
        f.write(consumer)
    refused("another class's policy", program("lec-train", "evaluate", path, "--policy", policy),
            "actor-pv.conf:", "observations")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path, policy = learns(folder, "maddpg")
        goes_on(folder, path, all_bytes(policy))
        diverges(folder)
        waits(folder)
        learns(folder, "matd3")
        *_, independent = learns(folder, "ddpg")
        is_judged(folder, path, (policy, independent, os.path.join(folder, "maddpg-3")))
        is_judged_for_a_year(path, policy)
        is_compared(folder, path)
        sizes_are_told(folder, path)
        learns_on(folder, path, policy)
        bad_input(folder, path, policy)


if __name__ == "__main__":
    main()
