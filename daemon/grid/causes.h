/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who causes a feeder's losses: each load's part of them, by Aumann and Shapley's rule. All loads
 * grow together from nothing to what they are, and each pays for its own growth what losses grow by
 * it: part of load i = P_i * mean of dLoss/dP_i along the way, and the same with Q. The parts add
 * up to the losses, less those that are there without any load, which are told too. A load that
 * relieves the feeder gets a part below 0. */
#ifndef LECD_GRID_CAUSES_H
#define LECD_GRID_CAUSES_H

#include "daemon/grid/sensitivity.h"

struct causes {
	double loss;  /* of the flow, per unit */
	double fixed; /* without any load: shunts and charging; and what the sum below is off by */
	double *mean_p; /* dLoss/dP of each node, the mean along the way */
	double *mean_q;
	double *p, *q; /* work */
};

/* Room for a network. Returns 0 or -ENOMEM. */
int causes_init(struct causes *c, const struct network *k);
void causes_free(struct causes *c);

/* For loads p and q by node. s and a are used as room, s keeps its source's voltage. The parts
 *   sum over nodes (p mean_p + q mean_q) + fixed = loss
 * hold exactly. Returns 0 or -EDOM: no flow. */
int causes_find(struct causes *c, struct flow *s, struct sensitivity *a, const struct network *k,
		const double *p, const double *q);

#endif
