/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feeder made ready for the power flow: a tree of nodes in which a parent stands before its
 * children, level by level, so that sweeps run through arrays from end to end.
 *
 * A transformer off its nominal ratio is taken into the scale of the voltages behind it, and what
 * is left is series impedances alone: the sweep knows no transformers. A node's true voltage is
 * scale times the one of the sweep; power is the same in both. */
#ifndef LECD_GRID_NETWORK_H
#define LECD_GRID_NETWORK_H

#include <stdbool.h>

#include "daemon/grid/feeder.h"

struct network {
	int nodes;     /* 0: the source */
	int *parent;   /* of each node; -1 of the source */
	double *r, *x; /* of the branch that feeds a node, per unit, scaled; 0 of the source */
	double *g, *b; /* shunts, per unit, scaled */
	double *scale; /* of the voltages, > 0 */
	bool shunts;   /* some g or b is not 0 */
	int *bus;      /* the feeder's, of each node */
	int *node;     /* of each bus of the feeder */
	int *branch;   /* the feeder's, that feeds a node; -1 of the source */
	bool *turned;  /* it is told from the node to the parent */
	double base_va;
};

/* Make one of a feeder that passed feeder_check. Returns 0 or -ENOMEM. */
int network_init(struct network *k, const struct feeder *f);
void network_free(struct network *k);

/* Take the feeder's impedances, shunts and ratios anew: after a tap was moved. */
void network_update(struct network *k, const struct feeder *f);

/* Loads of the feeder's buses in per unit, by node, times `factor`. p and q hold nodes numbers. */
void network_loads(const struct network *k, const struct feeder *f, double factor, double *p,
		   double *q);

#endif
