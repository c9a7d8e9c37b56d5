#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices can do to a house, and what comes of it: the real lecd against lec-sim's devices, with
each verdict from their journal. The cases by their number are below.

Usage: faults.py BUILD-FOLDER [--long] [NUMBER ...]. In the house's time and side by side; with --long
in real time, with the bounds that depend on the machine: make test-long."""
import sys

from bench import run
import fault_command as command
import fault_line as line
import fault_value as value

CASES = (
    (1, line.black_hole, line.black_hole_pv, line.black_hole_battery),
    (2, line.resets, line.refused),
    (3, line.late),
    (4, line.drip),
    (5, line.frames),
    (6, line.exceptions),
    (7, value.sentinels, value.scale_factors),
    (8, value.scale_jump, value.scale_jump_exporting),
    (9, value.frozen_soc),
    (10, value.soc_step),
    (11, value.inverted),
    (12, command.ignored),
    (13, command.overwritten),
    (14, command.killed, command.restarted, command.killed_fixed, command.killed_heartbeat),
    (15, command.stopped),
)

wanted = {int(word) for word in sys.argv[2:] if word != "--long"}
run(*(case for number, *cases in CASES for case in cases if number in wanted or not wanted))
