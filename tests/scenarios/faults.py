#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices can do to a house, and what comes of it: the real lecd against lec-sim's devices,
with each verdict from their journal. Which test proves which fault is the table below.

Usage: faults.py BUILD-FOLDER [--long] [NUMBER ...]. In the house's time and side by side;
with --long in real time, with the bounds that depend on the machine."""
import os
import sys

from bench import ROOT, check, run
import fault_command as command
import fault_line as line
import fault_value as value

CASES = (  # the fault, what proves it here, and what else does
    (1, (line.black_hole, line.black_hole_pv, line.black_hole_battery), ()),
    (2, (line.resets, line.refused), ("unit/test_bus.c",)),
    (3, (line.late,), ("unit/test_wire.c",)),
    (4, (line.drip,), ("unit/test_wire.c", "unit/test_bus.c")),
    (5, (line.frames,), ("unit/test_frames_fuzzed.c", "fuzz/frame.c")),
    (6, (line.exceptions,), ("unit/test_modbus.c",)),
    (7, (value.sentinels, value.scale_factors), ("unit/test_point.c",)),
    (8, (value.scale_jump, value.scale_jump_exporting), ("unit/test_leap.c",)),
    (9, (value.frozen_soc,), ("unit/test_lies.c",)),
    (10, (value.soc_step,), ("unit/test_rate.c", "unit/test_lies.c")),
    (11, (value.inverted,), ("unit/test_lies.c",)),
    (12, (command.ignored,), ("unit/test_obedience.c",)),
    (13, (command.overwritten,), ("unit/test_conflict.c",)),
    (14, (command.killed, command.restarted, command.killed_fixed, command.killed_heartbeat),
     ("scenarios/release.py",)),  # class C: latched, and put back by lecd-release
    (15, (command.stopped,), ("system/run",)),
    # A serial line with bit errors, stuck, with a second master, and a port that is back elsewhere.
    (24, (), ("scenarios/rtu.py", "scenarios/pty_line.py")),
)


def others_are_there():
    """What else is said to prove a fault has not been moved away."""
    gone = [other for _, _, others in CASES for other in others
            if not os.path.isfile(os.path.join(ROOT, "tests", other))]
    check("every test of the table is there", not gone, gone)


wanted = [int(word) for word in sys.argv[2:] if not word.startswith("--")]
run(others_are_there, *(case for number, cases, _ in CASES for case in cases
                        if not wanted or number in wanted))
