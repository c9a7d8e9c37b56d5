/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both ends of a line put down once they stand still. */
#include <math.h>
#include <stdlib.h>

#include "daemon/market/consensus_private.h"

/* How far apart both ends may find the same: by rounding of the last digit on the wire. */
enum { SLACK = 2 };
static const double mwh_per_kwh = 1e6, micro = 1e6;

/* Whether the other end's terms are those that this end put down. */
static bool are_mine(const struct consensus_edge *e, const struct consensus_message *m, int steps)
{
	for (int t = 0; t < steps; t++) {
		if (m->taken_mwh[t] != -e->taken_mwh[t] || m->price_micro[t] != e->price_micro[t]) {
			return false;
		}
	}
	return true;
}

/* What both ends' last words come to, in whole numbers; at this end. */
static int64_t whole_mwh(const struct consensus *c, int edge, int step)
{
	return llround(consensus_agreed_kw(c, edge, step) * c->terms.hours * mwh_per_kwh);
}

static int64_t whole_price(const struct consensus *c, int edge, int step)
{
	double own = consensus_price(c, edge, step);
	return llround((own + c->edge[edge].heard_price[step]) / 2 * micro);
}

/* Whether what is put down is worth its price to this end, with half of the fee, over all steps. As
 * what a party has of trading is convex, what it sees for the last kWh is the least. */
static bool is_worth(const struct consensus *c, int edge)
{
	const struct consensus_edge *e = &c->edge[edge];
	double gain = 0, slack_kwh = 2 * c->terms.tolerance_kw * c->terms.hours, most = 0;
	for (int t = 0; t < c->terms.steps; t++) {
		double kwh = (double)e->taken_mwh[t] / mwh_per_kwh,
		       own = consensus_price(c, edge, t);
		gain += (own - (double)e->price_micro[t] / micro) * kwh;
		gain -= e->line.fee / 2 * fabs(kwh);
		most += slack_kwh * fabs(own) + 2 / micro;
	}
	return gain >= -most;
}

void consensus_offer(struct consensus *c, int edge)
{
	struct consensus_edge *e = &c->edge[edge];
	for (int t = 0; t < c->terms.steps; t++) {
		e->taken_mwh[t] = whole_mwh(c, edge, t);
		e->price_micro[t] = whole_price(c, edge, t);
	}
	if (is_worth(c, edge)) {
		e->stage = CONSENSUS_OFFERED;
	} else {
		consensus_give_up(c, edge, CONSENSUS_LOSS);
	}
}

static bool is_fair(const struct consensus *c, int edge, const struct consensus_message *m)
{
	for (int t = 0; t < c->terms.steps; t++) {
		if (llabs(m->taken_mwh[t] + whole_mwh(c, edge, t)) > SLACK ||
		    llabs(m->price_micro[t] - whole_price(c, edge, t)) > SLACK) {
			return false;
		}
	}
	return true;
}

static void accept_offer(struct consensus *c, int edge, const struct consensus_message *m)
{
	struct consensus_edge *e = &c->edge[edge];
	for (int t = 0; t < c->terms.steps; t++) {
		e->taken_mwh[t] = -m->taken_mwh[t];
		e->price_micro[t] = m->price_micro[t];
	}
	if (is_worth(c, edge)) {
		e->stage = CONSENSUS_OFFERED;
	} else {
		consensus_give_up(c, edge, CONSENSUS_LOSS);
	}
}

void consensus_hear_terms(struct consensus *c, int edge, const struct consensus_message *m)
{
	struct consensus_edge *e = &c->edge[edge];
	bool first = e->stage == CONSENSUS_STILL;
	/* Nobody accepts what was not offered. */
	bool fits = first ? !e->offers && is_fair(c, edge, m) : are_mine(e, m, c->terms.steps);
	if (!fits) {
		consensus_give_up(c, edge, CONSENSUS_DIFFERS);
		return;
	}
	if (first) {
		accept_offer(c, edge, m);
	}
	if (e->end == CONSENSUS_OPEN && (e->offers || m->stage == CONSENSUS_SEALED)) {
		e->stage = CONSENSUS_SEALED;
	}
}
