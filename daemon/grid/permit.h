/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which trades a feeder can carry, and what power is worth at each bus then.
 *
 * Network permission by sensitivities, then an AC check (after Guerrero et al. 2018,
 * arXiv:1809.06976): all trades are tried; the limits that they would break become rows of a linear
 * program in the trades' sizes, with the sensitivities at that point; it gives up the least gain
 * that keeps them; and again from its answer, until the AC flow keeps every limit. Limits that no
 * trade could keep, since the other loads alone break them, are told and kept as well as trades
 * can.
 *
 * The program's duals are what a binding limit costs: the price at bus n is
 *   price (1 + dLoss/dP_n) + sum over limits of dual * d(excess)/dP_n
 * (energy, losses, congestion of branches, voltage). */
#ifndef LECD_GRID_PERMIT_H
#define LECD_GRID_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/grid/limits.h"

enum { PERMIT_UTILITY = 0, PERMIT_BINDING_MAX = 64 };

struct permit_trade {
	int buyer, seller; /* nodes; the utility is at the source, PERMIT_UTILITY */
	double w;          /* wanted: mean power, >= 0 */
	double gain; /* lost for each kWh not permitted, >= 0; cheap ones are given up first */
	double permitted_w; /* out: 0 to w */
	int reason;         /* out: the binding limit, an index into permit.binding; -1: none */
};

struct permit_price {
	double energy, loss, congestion, voltage; /* per kWh of load; their sum is the price */
};

struct permit {
	const struct feeder *f;
	const struct network *k;
	struct flow s; /* of the last answer */
	struct sensitivity a;
	int limits;
	struct limit *limit;
	double *p, *q, *loss, *slope; /* work, by node; slope: of each binding limit in turn */
	/* Out: */
	int bindings;
	struct limit binding[PERMIT_BINDING_MAX]; /* limits that were in the way */
	double dual[PERMIT_BINDING_MAX];          /* money per kWh, and per unit of the excess */
	double excess[PERMIT_BINDING_MAX];        /* per unit; above 1e-6: no trade could keep it */
	double wanted_excess; /* of the worst limit if all were permitted; INFINITY: no flow */
	int passes;
	struct permit_price *price; /* by node */
};

/* f and k must outlive it. Returns 0 or -ENOMEM. */
int permit_init(struct permit *g, const struct feeder *f, const struct network *k, double source_v);
void permit_free(struct permit *g);

/* Fit the trades into what is left of the network beside loads p and q by node (per unit). price:
 * of energy at the source, per kWh. With `losses` a trade must also gain what it loses on the way.
 * deadline_us: by clock_real_us. Returns 0: every limit is kept but those with an excess; -EDOM:
 * the loads alone let the voltage collapse; -E2BIG: more limits than PERMIT_BINDING_MAX are in the
 * way; -ELOOP: no answer that keeps them was found (nothing is permitted then); -ENOMEM, or as
 * lp_relax. */
int permit_solve(struct permit *g, const double *p, const double *q, struct permit_trade *trade,
		 int trades, double price, bool losses, int64_t deadline_us);

/* Of a bus after permit_solve: the sum. */
double permit_price_of(const struct permit *g, int node);

#endif
