/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a voltage, a branch's load and the losses of a solved flow move with the load at each node:
 * by the adjoint of the sweep, all nodes at once, in a few sweeps of the tree each.
 *
 * At the solution V = E - M I(V, S), where M sums impedances along the tree and I = conj(S / V) + Y
 * V. With D = conj(S) / conj(V)^2 a small dS moves V by dV + M (Y dV - D conj(dV)) = -M conj(dS) /
 * conj(V), and a real g with dg = Re(sum c dV) + Re(sum e dI) by dg = Re(sum h conj(dS) / conj(V)),
 * h = e - M w,  w = c + Y h - conj(D h), since M is symmetric. h is found like the voltages: gather
 * w, drop h, again until it stands.
 *
 * Everything is told per unit of *load*: more load lowers voltages, so that dV/dP is below 0. What
 * is fed in counts the other way round. Nothing here allocates but sensitivity_init. */
#ifndef LECD_GRID_SENSITIVITY_H
#define LECD_GRID_SENSITIVITY_H

#include "daemon/grid/flow.h"

struct sensitivity {
	int nodes;
	struct phasor *d; /* D of each node */
	struct phasor *c; /* what is asked about directly, 0 between calls */
	struct phasor *w, *h;
	int sweeps; /* of the last question */
};

/* Room for a network. Returns 0 or -ENOMEM. */
int sensitivity_init(struct sensitivity *a, const struct network *k);
void sensitivity_free(struct sensitivity *a);

/* Take a solved flow and its loads; before the questions, and again after each flow_solve. */
void sensitivity_at(struct sensitivity *a, const struct flow *s, const double *p, const double *q);

/* Of each of these, the change per load of each node, into dp and dq (nodes numbers each; dq may be
 * NULL), per unit all. Return 0; -EDOM: so close to the collapse that the sums do not converge,
 * outputs are then no answer.
 *
 * The losses in branches and shunts. */
int sensitivity_loss(struct sensitivity *a, const struct flow *s, const struct network *k,
		     double *dp, double *dq);
/* The true voltage of a node. */
int sensitivity_voltage(struct sensitivity *a, const struct flow *s, const struct network *k,
			int node, double *dp, double *dq);
/* The apparent power of the branch that feeds a node, as flow_apparent has it; not of the source.
 */
int sensitivity_apparent(struct sensitivity *a, const struct flow *s, const struct network *k,
			 int node, double *dp, double *dq);

#endif
