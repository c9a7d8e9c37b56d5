/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid operator's side of a negotiation: what net power costs at each bus, by energy, losses
 * and limits (a DLMP), and what is lost on the way.
 *
 * The market tells for each party and step what net power it would give it for the energy alone,
 * the wish x, and how far that gives way to a price, w. The grid answers with the prices at which
 *
 *   z = argmin sum (z - x)^2 / (2 w) + energy * loss(z)   so that  z is within the grid's limits
 *
 * Losses and limits are taken on AC sweeps at the z of the answer before, linearised there by their
 * exact slopes: each answer is a step of a sequence that ends, after two to five, where nothing is
 * linearised any more. Where losses bend more than the parties hold on to their wishes, a step goes
 * only a part of the way, by the bend that the last two sweeps show (Barzilai & Borwein 1988,
 * 10.1093/imanum/8.1.141). Limits are met by one small dual problem a step, of those that bind.
 *
 * Powers of parties in kW, > 0 takes; prices per kWh; by party and step, [party * steps + step]. A
 * limit's excess and its multiplier's unit are those of limits.h, per unit. Nothing but nodal_init
 * allocates. */
#ifndef LECD_GRID_NODAL_H
#define LECD_GRID_NODAL_H

#include "daemon/grid/limits.h"

enum { NODAL_BINDING_MAX = 12 }; /* limits that bind in a step */

/* Limits that bind, or did, in a step. */
struct nodal_binding {
	int count;
	struct limit limit[NODAL_BINDING_MAX];
	double multiplier[NODAL_BINDING_MAX]; /* >= 0 */
};

struct nodal {
	const struct feeder *f; /* the caller's, must outlive it */
	const struct network *k;
	int parties, steps;
	double margin; /* what is kept free before each limit, per unit */
	double source_v;
	int *node; /* of each party */
	double *base_p,
		*base_q;   /* other loads, [step * nodes + node], per unit; the caller's to set */
	struct flow *flow; /* of each step */
	struct nodal_binding *binding; /* of each step */
	double *at_kw;                 /* z of the last answer, [step * parties + party] */
	double *before_kw; /* z of the answer before that, and what losses cost each at it, per kWh
			    */
	double *before_cost;
	double *wish_kw, *pull; /* as told last; what it was answered beside the energy, per kWh */
	double *part;           /* of each step: how far it goes, 0..1 */
	int answers;
	/* Of the last answer, before it moved z: the worst excess over all steps and limits, whose
	 * and when; below 0: all are kept. */
	double excess;
	struct limit worst;
	int worst_step;
	/* work: */
	struct sensitivity a;
	int limits;
	struct limit *limit;
	double *p, *slope, *moves, *aim;
};

/* node: of each party. Returns 0 or -ENOMEM. */
int nodal_init(struct nodal *n, const struct feeder *f, const struct network *k, double source_v,
	       int parties, int steps, const int *node);
void nodal_free(struct nodal *n);

/* Answer the wish: losses by step into loss_kw, prices by party and step. gives: of each party, kW
 * per price. Returns 0; -EDOM: the voltage collapses at the wish and at any part of it, outputs are
 * then no answer. */
int nodal_answer(struct nodal *n, const double *wish_kw, const double *gives, const double *energy,
		 double *loss_kw, double *price);

/* The flow of step t at these net powers: 0 or -EDOM. It stands in n->flow[t] then, for what one
 * wants to know of it, and p in n->p. */
int nodal_flow(struct nodal *n, int t, const double *power_kw);

/* What net power costs at each node at the flow that stands in step t, by the limits that bound
 * when last answered. Returns 0 or -EDOM. */
int nodal_map(struct nodal *n, int t, double energy, double *price);

/* The worst excess of the flow of step t; *limit: whose. */
double nodal_excess(const struct nodal *n, int t, struct limit *limit);

#endif
