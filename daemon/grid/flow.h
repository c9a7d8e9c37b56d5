/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AC power flow of a tree by backward/forward sweeps: currents of the loads summed up towards the
 * source, voltages dropped from the source on. Each sweep narrows the error by about the voltage
 * drop at full load, so that a warm start takes a few. Shirmohammadi et al. 1988,
 * 10.1109/59.192932.
 *
 * All in per unit of network.base_va. Loads are constant powers; a load below 0 feeds in. Nothing
 * here allocates but flow_init. */
#ifndef LECD_GRID_FLOW_H
#define LECD_GRID_FLOW_H

#include "daemon/grid/network.h"

struct phasor {
	double re, im;
};

struct flow {
	int nodes;
	struct phasor *v; /* voltage of each node, in the sweep's scale */
	struct phasor *i; /* current of the branch that feeds a node, its load and all behind it */
	int sweeps;       /* of the last flow_solve */
};

/* Room for a network. Returns 0 or -ENOMEM. */
int flow_init(struct flow *s, const struct network *k);
void flow_free(struct flow *s);

/* Begin at the source's voltage everywhere: before the first flow_solve, and after one failed. */
void flow_start(struct flow *s, double source_v);

/* Solve for the loads p and q by node, from the voltages that are there, until each voltage is
 * within `tolerance` (per unit, 1e-13 or more) of the solution, as far as the last three sweeps
 * tell. Returns 0; -EDOM: no solution was found, voltages collapse (flow_collapse says where). */
int flow_solve(struct flow *s, const struct network *k, const double *p, const double *q,
	       double tolerance);

/* What is left of the error after a sweep that changed voltages by the square root of `most`, when
 * sweeps multiply a change by the square root of `gain` each at worst; and twice that, as it is an
 * estimate. */
double flow_error_left(double most, double gain);

/* After -EDOM: the node whose voltage gave way most. */
int flow_collapse(const struct flow *s);

/* Of a solved flow: a node's true voltage; the power lost in branches and shunts; the power from
 * the source. q may be NULL. */
double flow_voltage(const struct flow *s, const struct network *k, int node);
void flow_loss(const struct flow *s, const struct network *k, double *p, double *q);
void flow_source(const struct flow *s, const struct network *k, const double *load_p,
		 const double *load_q, double *p, double *q);

/* The power that enters the branch that feeds a node, at the node's end; its apparent power at the
 * end that carries more. */
void flow_through(const struct flow *s, int node, double *p, double *q);
double flow_apparent(const struct flow *s, const struct network *k, int node);

/* The node of the lowest, and of the highest, true voltage. */
int flow_lowest(const struct flow *s, const struct network *k);
int flow_highest(const struct flow *s, const struct network *k);

/* The largest difference between a node's load and what its branches bring, in per unit. */
double flow_mismatch(const struct flow *s, const struct network *k, const double *p,
		     const double *q);

#endif
