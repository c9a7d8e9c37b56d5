/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The limits of a feeder, as functions of its loads that may not exceed a bound: a bus's voltage
 * either way, and what a branch carries. */
#ifndef LECD_GRID_LIMITS_H
#define LECD_GRID_LIMITS_H

#include <stddef.h>

#include "daemon/grid/sensitivity.h"

enum limit_kind { LIMIT_VOLTAGE_LOW, LIMIT_VOLTAGE_HIGH, LIMIT_BRANCH, LIMIT_KINDS };

struct limit {
	enum limit_kind kind;
	int node; /* the bus; of a branch the one that it feeds */
};

/* Room for so many limits: two for each node but the source, and each branch that has one. */
int limits_count(const struct network *k, const struct feeder *f);
void limits_list(const struct network *k, const struct feeder *f, struct limit *out);

/* By how much a solved flow is over the limit, per unit: 0 at the bound, below 0 within it. */
double limit_excess(const struct limit *l, const struct flow *s, const struct network *k,
		    const struct feeder *f);

/* How the excess moves with the load of each node. As sensitivity_voltage. */
int limit_slope(const struct limit *l, struct sensitivity *a, const struct flow *s,
		const struct network *k, double *dp);

/* "voltage of bus 65 below 0.95". Returns out. */
const char *limit_text(const struct limit *l, const struct network *k, const struct feeder *f,
		       char *out, size_t size);

#endif
