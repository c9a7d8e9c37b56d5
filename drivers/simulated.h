/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Simulated devices: the meter, PV inverters and batteries of one plant in this process, behind the
 * device contract. A snapshot moves the plant to its time; a command acts at the next step.
 *
 * No threads, no allocation. A plant and its devices belong to one thread. */
#ifndef LECD_DRIVERS_SIMULATED_H
#define LECD_DRIVERS_SIMULATED_H

#include "drivers/device.h"
#include "drivers/plant.h"

/* Ways to misbehave, for tests and demonstrations. */
enum simulated_fault {
	SIMULATED_HEALTHY,
	SIMULATED_SILENT,        /* no answers, no commands taken: readings grow old */
	SIMULATED_FROZEN,        /* answers, always the same */
	SIMULATED_SENTINEL,      /* answers that nothing is implemented */
	SIMULATED_OUT_OF_RANGE,  /* answers nonsense */
	SIMULATED_IGNORES_WRITES /* accepts commands and does nothing */
};

struct simulated {
	struct device device; /* first: what the cycle gets */
	struct plant *plant;  /* not owned */
	int index;            /* of the inverter or battery in the plant */
	enum simulated_fault fault;
	struct snapshot last; /* the latest answer */
};

/* Make a device of a plant; index is ignored for a meter. */
void simulated_init(struct simulated *s, struct plant *plant, enum device_kind kind, int index);

void simulated_set_fault(struct simulated *s, enum simulated_fault fault);

#endif
