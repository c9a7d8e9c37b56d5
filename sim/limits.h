/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a house keeps its limits, judged by what its plant really does: never by what the
 * controller believes. */
#ifndef LECD_SIM_LIMITS_H
#define LECD_SIM_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/home/site.h"
#include "drivers/plant.h"

/* Cycles in which a limit was broken. */
struct limits {
	uint64_t power;  /* a battery's, by more than 1 % */
	uint64_t charge; /* moved on beyond its lowest or highest charge by more than 0.5 % */
	/* The connection's, by more than 3 % and 60 W, for longer than the six cycles that seeing,
	 * telling and moving may take, while a battery could have helped, and was not on trial:
	 * then the guard lets the connection go, see signs.h. */
	uint64_t connection;
	int over; /* cycles that it has been beyond it by now */
};

void limits_look(struct limits *l, const struct site *site, const struct plant *p, bool trial);

#endif
