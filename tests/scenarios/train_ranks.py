#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A training divided over processes by MPI: one is as without it, two agree on every bit and repeat it, a
rank that is killed ends the job and leaves a checkpoint that goes on to the same bytes, and what does not
divide is told.

Usage: train_ranks.py BUILD-FOLDER. Without OpenMPI or build/mpi it is skipped."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from bench import check, program, until, write
from train import COMMUNITY, all_bytes, refused

BUILD = sys.argv[1]
TRAIN, RANKS = (os.path.join(BUILD, "mpi", name) for name in ("lec-train", "test_ranks"))
# On this machine alone: no port but on the loopback, and messages through memory.
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_btl": "self,vader", "OMPI_MCA_oob_tcp_if_include": "lo",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}


def start(count, *words):
    return subprocess.Popen(["mpirun", "-n", str(count), *words], env=ENVIRONMENT, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def together(count, *words):
    with start(count, *words) as process:
        out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return []


def agrees():
    for count in (1, 2, 3):
        result = together(count, RANKS)
        check(f"{count} ranks agree", result.returncode == 0, result.stdout + result.stderr)


def one_is_alone(folder, path):
    alone, one = os.path.join(folder, "alone"), os.path.join(folder, "one")
    result = program("lec-train", "maddpg", path, "--out", alone)
    check("learns alone", result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    result = together(1, TRAIN, "maddpg", path, "--out", one)
    check("learns as one rank", result.returncode == 0, result.stderr)
    check("which is as alone", all_bytes(alone) == all_bytes(one))
    return report


def learn(folder, path, out, *more):
    out = os.path.join(folder, out)
    return out, together(2, TRAIN, "maddpg", path, "--out", out, *more)


def two_repeat(folder, path, alone):
    one, result = learn(folder, path, "two", "--threads", "1")
    check("two ranks learn", result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    check("as much as one", report["ranks"] == 2 and report["episodes"] == alone["episodes"] and
          abs(report["updates"] - alone["updates"]) <= 0.1 * alone["updates"] > 10, (report, alone))
    other, result = learn(folder, path, "again", "--threads", "2")
    check("they repeat it", result.returncode == 0, result.stderr)
    check("to the last bit, by any number of threads", all_bytes(one) == all_bytes(other))
    rows = all_bytes(one)["training.csv"].decode().splitlines()
    check("a row for each round", [int(row.split(",")[0]) for row in rows[1:]] == list(range(2, 31, 2)),
          rows)
    return all_bytes(one)


def goes_on(folder, path, whole):
    out = os.path.join(folder, "killed")
    with start(2, TRAIN, "maddpg", path, "--out", out) as process:
        until("there is a checkpoint", lambda: os.path.exists(os.path.join(out, "checkpoint")))
        ranks = children(process.pid)
        check("two ranks run", len(ranks) == 2, ranks)
        os.kill(ranks[1], signal.SIGKILL)
        process.communicate(timeout=60)
    check("a killed rank ends the job", process.returncode != 0)
    check("before its end", not os.path.exists(os.path.join(out, "report.json")))
    refused("going on alone", program("lec-train", "maddpg", path, "--out", out, "--resume"),
            "checkpoint: is of 2 ranks, expected 1")
    _, result = learn(folder, path, "killed", "--resume")
    check("two go on", result.returncode == 0, result.stderr)
    check("to the same bytes", all_bytes(out) == whole)
    with open(os.path.join(out, "checkpoint"), "r+b") as f:
        f.seek(-5000, os.SEEK_END)  # what the last rank has seen
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))
    _, result = learn(folder, path, "killed", "--resume")
    refused("a corrupt checkpoint", result, "checkpoint: is corrupt")


def bad_input(folder, text):
    path = write(folder, "odd.conf", text.replace("episodes = 30", "episodes = 31")
                 .replace("batch = 32", "batch = 33"))
    _, result = learn(folder, path, "odd")
    refused("what does not divide", result, "odd.conf: episodes = 31, expected a multiple of the 2 ranks",
            "odd.conf: batch = 33")


def main():
    if not shutil.which("mpirun") or not os.path.exists(TRAIN):
        print("[  SKIPPED ] train_ranks: OpenMPI is not installed, or make mpi was not run")
        return
    text = (COMMUNITY % ("matd3", "20")).replace("episodes = 8", "episodes = 30")
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, "community.conf", text)
        agrees()
        alone = one_is_alone(folder, path)
        goes_on(folder, path, two_repeat(folder, path, alone))
        bad_input(folder, text)


main()
