/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market's own steps between what arrives. */
#include <math.h>
#include <string.h>

#include "daemon/market/negotiate_private.h"

/* Boyd et al. 3.4.1, who wait until one lags tenfold: by then it has for a dozen rounds. */
static const double lag = 3, balance_by = 2;
static const double balance_most = 1000; /* from the penalty it began with, either way */

void negotiate_set_penalty(struct negotiate *n, double penalty)
{
	n->penalty = penalty;
	for (int a = 0; a < n->conf.parties; a++) {
		n->party[a].penalty = penalty / n->party[a].connection_kw;
	}
}

double negotiate_gives(const struct negotiate *n, int party)
{
	const struct negotiate_party *p = &n->party[party];
	return p->present && p->silent < NEGOTIATE_PATIENCE ? 1 / p->penalty : 0;
}

/* The price of energy in step t at which the source is within its bounds, and each wish at it. */
static void price_energy(struct negotiate *n, int t)
{
	int steps = n->conf.steps;
	double source = n->base_kw[t] + n->loss_kw[t], moves = 0;
	for (int a = 0; a < n->conf.parties; a++) {
		long i = (long)a * steps + t;
		double gives = negotiate_gives(n, a);
		moves += gives;
		source += n->relaxed[i] + (n->price[i] - n->part[i] - n->upstream[t]) * gives;
	}
	double bound = fmin(fmax(source, n->conf.low_kw), n->conf.high_kw);
	n->energy[t] = n->upstream[t] + (moves > 0 ? (source - bound) / moves : 0);
	for (int a = 0; a < n->conf.parties; a++) {
		long i = (long)a * steps + t;
		n->wish[i] = n->relaxed[i] + (n->price[i] - n->energy[t]) * negotiate_gives(n, a);
	}
}

void negotiate_price_energy(struct negotiate *n)
{
	for (int t = 0; t < n->conf.steps; t++) {
		price_energy(n, t);
	}
}

/* z from the wish and the grid's part of the prices, which become the multipliers. */
static void set_targets(struct negotiate *n)
{
	int steps = n->conf.steps;
	memcpy(n->target_before, n->target, negotiate_cells(n) * sizeof(*n->target));
	for (int a = 0; a < n->conf.parties; a++) {
		double gives = negotiate_gives(n, a);
		for (int t = 0; t < steps; t++) {
			long i = (long)a * steps + t;
			n->target[i] = n->wish[i] - n->part[i] * gives;
			n->price[i] = n->energy[t] + n->part[i];
		}
	}
}

static void measure(struct negotiate *n)
{
	int steps = n->conf.steps;
	double powers = 0, targets = 0, prices = 0, highest = 0, off = 0;
	n->dual = 0;
	n->worst_primal = n->worst_dual = 0;
	for (int a = 0; a < n->conf.parties; a++) {
		struct negotiate_party *p = &n->party[a];
		double here = 0;
		for (int t = 0; t < steps && p->present; t++) {
			long i = (long)a * steps + t;
			double apart = n->power[i] - n->target[i];
			double moved = p->penalty * fabs(n->target[i] - n->target_before[i]);
			here += apart * apart;
			powers += n->power[i] * n->power[i];
			targets += n->target[i] * n->target[i];
			prices += n->price[i] * n->price[i];
			highest = fmax(highest, fabs(n->price[i]));
			n->worst_dual = moved > n->dual ? a : n->worst_dual;
			n->dual = fmax(n->dual, moved);
		}
		off += here;
		p->off_kw = sqrt(here);
		n->worst_primal =
			p->off_kw > n->party[n->worst_primal].off_kw ? a : n->worst_primal;
	}
	n->primal = sqrt(off);
	n->price_norm = sqrt(prices);
	n->primal_most = n->conf.absolute + n->conf.relative * sqrt(fmax(powers, targets));
	n->dual_most = n->conf.absolute + n->conf.relative * highest;
}

void negotiate_settle(struct negotiate *n)
{
	set_targets(n);
	measure(n);
}

/* Each residual is weighed by what it must come down to. */
void negotiate_balance(struct negotiate *n)
{
	double primal = n->primal / fmax(n->primal_most, 1e-300);
	double dual = n->dual / fmax(n->dual_most, 1e-300);
	double by = primal > lag * dual ? balance_by : dual > lag * primal ? 1 / balance_by : 1;
	double penalty = n->penalty * by;
	if (penalty <= n->conf.penalty * balance_most &&
	    penalty >= n->conf.penalty / balance_most) {
		negotiate_set_penalty(n, penalty);
	}
}

/* Over-relaxed: a step beyond where the parties went; not of those who stay where they are. */
void negotiate_relax(struct negotiate *n)
{
	int steps = n->conf.steps;
	for (int a = 0; a < n->conf.parties; a++) {
		double by = negotiate_gives(n, a) > 0 ? n->conf.relaxation : 1;
		for (long i = (long)a * steps; i < (long)(a + 1) * steps; i++) {
			n->relaxed[i] = by * n->power[i] + (1 - by) * n->target[i];
		}
	}
}

/* Take the grid's parts of the prices and the losses. Returns whether z and losses stand. */
bool negotiate_take_grid(struct negotiate *n, const double *loss_kw, const double *price)
{
	int steps = n->conf.steps;
	double moved = 0, size = 0, loss_moved = 0, loss_size = 0;
	for (int a = 0; a < n->conf.parties; a++) {
		double gives = negotiate_gives(n, a);
		for (int t = 0; t < steps; t++) {
			long i = (long)a * steps + t;
			double part = price[i] - n->energy[t];
			double change = (part - n->part[i]) * gives;
			double target = n->wish[i] - part * gives;
			moved += change * change;
			size += target * target;
			n->part[i] = part;
		}
	}
	for (int t = 0; t < steps; t++) {
		loss_moved = fmax(loss_moved, fabs(loss_kw[t] - n->loss_kw[t]));
		loss_size = fmax(loss_size, fabs(loss_kw[t]));
		n->loss_kw[t] = loss_kw[t];
	}
	return sqrt(moved) <= n->conf.absolute + n->conf.inner * sqrt(size) &&
	       loss_moved <= n->conf.absolute + n->conf.inner * loss_size;
}
