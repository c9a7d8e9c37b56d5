/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A three-phase feeder through the day of its load shapes: each step solved from the one before,
 * and what its loads saw. Voltages here are those across the loads, as parts of nominal. */
#ifndef LECD_GRID_THREE_DAY_H
#define LECD_GRID_THREE_DAY_H

#include "daemon/grid/three_phase.h"

/* A voltage, and whose and when. */
struct three_extreme {
	double v;
	int load, step;
};

struct three_day {
	int steps;
	double step_s;
	double *low[PHASES], *high[PHASES], *mean[PHASES]; /* of each step; of a phase with loads */
	double *load_w, *loss_w, *source_w;                /* of each step */
	int loads[PHASES];                                 /* on the phase */
	struct three_extreme lowest[PHASES], highest[PHASES];
	int64_t sweeps;
	double *room; /* owned: what the others point into */
};

/* Room for a circuit's day. Returns 0, -ENOENT: it has no shapes, or -ENOMEM. */
int three_day_init(struct three_day *d, const struct circuit *c);
void three_day_free(struct three_day *d);

/* Solve every step with all loads times factor, to tolerance. Returns 0; -EDOM: step *failed has no
 * solution. */
int three_day_run(struct three_day *d, struct three_phase *s, const struct circuit *c,
		  double factor, double tolerance, int *failed);

/* Energy of a power that each step has, Wh. */
double three_day_energy(const struct three_day *d, const double *power_w);

/* The phase whose load had the lowest, and the highest, voltage of all; -1: there are no loads. */
int three_day_lowest(const struct three_day *d);
int three_day_highest(const struct three_day *d);

#endif
