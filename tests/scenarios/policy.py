#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lecctl policy: describes an actor, runs it on rows, and says what is wrong with a file.
Usage: policy.py BUILD-FOLDER"""
import json
import os
import subprocess
import sys
import tempfile

LECCTL = os.path.join(sys.argv[1], "lecctl")
ACTORS = "tests/data/actors"


def policy(*arguments):
    done = subprocess.run([LECCTL, "policy", *arguments], capture_output=True, text=True, check=False,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr


def rows_of(text):
    return [[float(x) for x in line.split(",")] for line in text.strip().split("\n")]


def describes():
    """A description names inputs, outputs, operators, parameters and the operator set."""
    code, out, _ = policy(f"{ACTORS}/relu-13.onnx")
    assert code == 0
    told = json.loads(out)
    assert told["opset"] == 13 and told["producer"] == "pytorch", told
    assert told["inputs"] == [{"name": "obs", "type": "float", "shape": [1, 6]}], told
    assert told["outputs"] == [{"name": "action", "type": "float", "shape": [1, 2]}], told
    assert told["operators"] == {"Gemm": 3, "Relu": 2, "Tanh": 1}, told
    assert told["parameters"] == 6 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2, told


def runs():
    """Each row is answered, under a header, on standard output or in a file; a header is skipped."""
    with open(f"{ACTORS}/ppo-17.expected.csv", encoding="utf-8") as file:
        expected = rows_of(file.read())
    code, out, _ = policy(f"{ACTORS}/ppo-17.onnx", "--input", f"{ACTORS}/ppo-17.csv")
    header, rows = out.split("\n", 1)
    assert code == 0 and header == "action_0,action_1,value_0,value_1,log_prob", out
    got = rows_of(rows)
    assert len(got) == len(expected)
    for one, other in zip(got, expected):
        assert all(abs(a - b) < 1e-5 for a, b in zip(one, other)), (one, other)
    with tempfile.TemporaryDirectory() as folder:
        named, to = os.path.join(folder, "in.csv"), os.path.join(folder, "out.csv")
        with open(f"{ACTORS}/ppo-17.csv", encoding="utf-8") as file, \
                open(named, "w", encoding="utf-8") as copy:
            copy.write("a,b,c,d,e,f\n" + file.read())
        code, quiet, _ = policy(f"{ACTORS}/ppo-17.onnx", "--input", named, "--out", to)
        with open(to, encoding="utf-8") as file:
            assert code == 0 and quiet == "" and file.read() == out


def refuses():
    """Each broken file is refused with exit code 2 and a line that names it."""
    for name in sorted(os.listdir(f"{ACTORS}/broken")):
        if name.endswith(".onnx"):
            code, out, said = policy(f"{ACTORS}/broken/{name}")
            assert code == 2 and out == "", (name, code, out)
            assert said.startswith(f"{ACTORS}/broken/{name}: "), said
    for arguments in ([], ["/nowhere.onnx"], [f"{ACTORS}/relu-13.onnx", "--out", "x"],
                      [f"{ACTORS}/relu-13.onnx", "--input", "/nowhere.csv"], ["Makefile"]):
        code, out, said = policy(*arguments)
        assert code == 2 and out == "" and said, (arguments, code)


def refuses_what_is_no_file():
    """A pipe that nobody writes, a folder and a device are refused at once."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = os.path.join(folder, "pipe.onnx")
        os.mkfifo(pipe)
        for path in (pipe, folder, "/dev/zero"):
            code, out, said = policy(path)
            assert code == 2 and out == "", (path, code, out)
            assert said == f"{path}: is no file, expected an ONNX file\n", said


def refuses_rows():
    """All that is wrong with rows is said at once, each with its line, and nothing is answered."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("1,2,3,4,5,6\n1,2,3\n1,2,3,x,5,6\n1,2,3,nan,5,6\n1,2,3,4,5,1e30\n")
        file.flush()
        code, out, said = policy(f"{ACTORS}/relu-13.onnx", "--input", file.name)
        assert code == 2 and out == "", out
        lines = said.strip().split("\n")
        assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "5"], said
        assert "3 numbers, expected 6" in lines[0] and "finite number" in lines[1], said
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("a,b\n")
        file.flush()
        code, out, said = policy(f"{ACTORS}/relu-13.onnx", "--input", file.name)
        assert code == 2 and "has no row of 6 numbers" in said, said


def refuses_header():
    """A first row is a header only where no field of it is meant as a number, and with --actor its
    names stand in the actor's order."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        row = "0.5,700,1000,0.5,0.2,0.05\n"
        for first, line, words in (
                ("nan,700,1000,0.5,0.2,0.05", 1, 'field 1 is "nan", expected a finite number'),
                ("-inf,nan,nan,1e999,nan,nan", 1, 'field 1 is "-inf", expected a finite number'),
                ("x,700,1000,0.5,0.2,0.05", 1, 'field 1 is "x", expected a finite number')):
            with open(path, "w", encoding="utf-8") as file:
                file.write(first + "\n" + row)
            code, out, said = policy(f"{ACTORS}/relu-13.onnx", "--input", path)
            assert code == 2 and out == "" and said == f"{path}:{line}: {words}\n", said
        conf = ["--actor", "tests/fixtures/actor.conf"]
        for header, wrong in (("hour-sin,load,pv,soc,buy,sell", []), ("a,b,c,d,e,f", []),
                              ("load,hour-sin,pv,soc,buy,sell",
                               ["field 1 is load, expected hour-sin",
                                "field 2 is hour-sin, expected load"])):
            with open(path, "w", encoding="utf-8") as file:
                file.write(header + "\n" + row)
            code, out, said = policy(f"{ACTORS}/relu-13.onnx", *conf, "--input", path)
            assert said == "".join(f"{path}:1: {words}\n" for words in wrong), said
            assert (code == 2 and out == "") if wrong else (code == 0 and out), (code, out)


def keeps_rows():
    """Rows may come through a pipe, and answers take their file's place, but for none that is
    wrong."""
    with open(f"{ACTORS}/relu-13.csv", encoding="utf-8") as file:
        rows = file.read()
    code, expected, _ = policy(f"{ACTORS}/relu-13.onnx", "--input", f"{ACTORS}/relu-13.csv")
    assert code == 0 and len(expected.split("\n")) > 2
    done = subprocess.run([LECCTL, "policy", f"{ACTORS}/relu-13.onnx", "--input", "/dev/stdin"],
                          input=rows, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, ""), done
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        for text, code, left in ((rows, 0, expected), (rows + "1,2\n", 2, rows + "1,2\n")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            assert policy(f"{ACTORS}/relu-13.onnx", "--input", path, "--out", path)[0] == code
            with open(path, encoding="utf-8") as file:
                assert file.read() == left


def fits():
    """With --actor rows are observations and answers are actions; with --site a house is held
    against it."""
    conf = ["--actor", "tests/fixtures/actor.conf"]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("0.5,700,1000,0.5,0.2,0.05\n")
        file.flush()
        code, out, _ = policy(f"{ACTORS}/relu-13.onnx", *conf, "--input", file.name)
        assert code == 0 and out.startswith("battery-power,quantity\n"), out
        power, quantity = rows_of(out.split("\n", 1)[1])[0]
        assert 50 <= abs(power) <= 5000 and 0 < abs(quantity) <= 2000, out
        file.write("0.5,7000,1000,0.5,0.2,0.05\n")
        file.flush()
        code, out, said = policy(f"{ACTORS}/relu-13.onnx", *conf, "--input", file.name)
        words = ":2: load = 7000 W, it was trained for 0 W to 6000 W\n"
        assert code == 2 and out == "" and words in said, said
    code, out, said = policy(f"{ACTORS}/relu-13.onnx", *conf, "--site", "etc/examples/house.conf")
    assert code == 2 and "actor.conf:42: [action quantity] needs [mqtt]" in said, said
    code, out, _ = policy(f"{ACTORS}/relu-13.onnx", *conf)
    assert json.loads(out)["actions"] == ["battery-power", "quantity"], out
    code, _, said = policy(f"{ACTORS}/relu-13.onnx", "--site", "etc/examples/house.conf")
    assert code == 2 and "--site without --actor" in said, said


for test in (describes, runs, refuses, refuses_what_is_no_file, refuses_rows, refuses_header,
             keeps_rows, fits):
    test()
    print(f"ok {test.__name__}")
