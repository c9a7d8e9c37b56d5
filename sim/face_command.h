/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the control registers of a face mean to its plant; see face.h for the rules. */
#ifndef LECD_SIM_FACE_COMMAND_H
#define LECD_SIM_FACE_COMMAND_H

#include "sim/face.h"

/* What a write puts into the control registers. */
struct change {
	bool on;
	double value;
};

/* Everything as a device has it when it was switched on. */
void face_command_init(struct face *f);

/* The plant's command of this device, NULL for a meter. */
struct plant_command *face_command_of(const struct face *f);

/* Bring the registers in line with time: those of a command that has ended since. */
void face_command_settle(struct face *f);

/* Let a write act. */
void face_command_change(struct face *f, const struct change change[CONTROL_COUNT]);

#endif
