/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A solved flow in a few figures, and what of it is outside its limits. */
#ifndef LECD_GRID_SUMMARY_H
#define LECD_GRID_SUMMARY_H

#include "daemon/grid/flow.h"

struct summary {
	double load_p, load_q, loss_p, loss_q, source_p, source_q; /* per unit */
	int lowest, highest;                                       /* nodes */
	double v_min, v_max;                                       /* their voltages, per unit */
	int outside;   /* buses outside their voltage limits, the source aside */
	int overloads; /* branches that carry more than their limit */
};

/* Sum up a flow that was solved for loads p and q by node. */
void summary_make(struct summary *out, const struct flow *s, const struct network *k,
		  const struct feeder *f, const double *p, const double *q);

#endif
