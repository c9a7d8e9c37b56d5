/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "daemon/market/consensus_private.h"

/* A word may be ahead by what a node can have slept; beyond it, nothing later would be news. */
enum { AHEAD_MAX = 10000, CALM_MAX = 1000000 };
static const double mwh_per_kwh = 1e6, micro = 1e6;

const char *const consensus_ends[] = { "open", "silent", "unsound", "differs", "loss", NULL };
_Static_assert(sizeof(consensus_ends) / sizeof(*consensus_ends) == CONSENSUS_ENDS + 1,
	       "each end has its word");

static bool is_open(const struct consensus_edge *e)
{
	return e->end == CONSENSUS_OPEN;
}

bool consensus_has_terms(const struct consensus_edge *e)
{
	return e->stage == CONSENSUS_SEALED || (e->stage == CONSENSUS_OFFERED && !e->offers);
}

double consensus_price(const struct consensus *c, int edge, int step)
{
	const struct consensus_edge *e = &c->edge[edge];
	return c->terms.penalty * (e->taken_kw[step] - e->state_kw[step]) / c->terms.hours;
}

/* A copy of the flow as its end would have it after it leant on its price. */
static double lean_kw(const struct consensus_terms *t, double taken_kw, double price)
{
	return taken_kw + price * t->hours / t->penalty;
}

double consensus_agreed_kw(const struct consensus *c, int edge, int step)
{
	const struct consensus_edge *e = &c->edge[edge];
	const struct consensus_terms *t = &c->terms;
	double own = lean_kw(t, e->taken_kw[step], consensus_price(c, edge, step));
	double other = lean_kw(t, e->heard_kw[step], e->heard_price[step]);
	return line_flow(&e->line, t->hours, t->penalty, (own - other) / 2);
}

/* --- the party's answer, shared out over the lines ----------------------------------------------
 */

static int respond(struct consensus *c)
{
	double centre_kw[LEAGUE_STEPS_MAX] = { 0 }, taken_kw[LEAGUE_STEPS_MAX];
	int open = 0;
	for (int i = 0; i < c->edges; i++) {
		for (int t = 0; is_open(&c->edge[i]) && t < c->terms.steps; t++) {
			centre_kw[t] += c->edge[i].state_kw[t];
		}
		open += is_open(&c->edge[i]);
	}
	if (open == 0) {
		return 0;
	}
	/* Shared out so that each line is as far from its state as the others. */
	int r = c->party.respond(c->party.self, centre_kw, c->terms.penalty / open, taken_kw);
	for (int i = 0; r == 0 && i < c->edges; i++) {
		struct consensus_edge *e = &c->edge[i];
		for (int t = 0; is_open(e) && t < c->terms.steps; t++) {
			e->taken_kw[t] = e->state_kw[t] + (taken_kw[t] - centre_kw[t]) / open;
		}
	}
	return r;
}

static bool are_sound(const struct consensus_terms *t)
{
	return t->steps >= 1 && t->steps <= LEAGUE_STEPS_MAX && t->hours > 0 && t->penalty > 0 &&
	       t->relaxation > 0 && t->relaxation < 1 && t->tolerance_kw > 0 &&
	       t->trade_max_kw > 0 && t->price_max > 0 && t->span >= 1 && t->silence >= 1;
}

int consensus_begin(struct consensus *c, const struct consensus_terms *terms,
		    const struct party *party, const struct line_terms *line, const bool *offers,
		    int lines)
{
	if (!are_sound(terms) || lines < 0 || lines > NEIGHBOURS_MAX) {
		return -EINVAL;
	}
	*c = (struct consensus){ .terms = *terms, .party = *party, .edges = lines };
	for (int i = 0; i < lines; i++) {
		if (!(line[i].capacity_kw >= 0) || !(line[i].fee >= 0)) {
			return -EINVAL;
		}
		c->edge[i] = (struct consensus_edge){ .line = line[i],
						      .offers = offers[i],
						      .heard_round = -1,
						      .residual_kw = INFINITY };
	}
	return respond(c);
}

/* --- words --------------------------------------------------------------------------------------
 */

void consensus_say(const struct consensus *c, int edge, struct consensus_message *out)
{
	const struct consensus_edge *e = &c->edge[edge];
	*out = (struct consensus_message){ .round = c->round, .calm = c->calm, .stage = e->stage };
	for (int t = 0; t < c->terms.steps; t++) {
		out->taken_kw[t] = e->taken_kw[t];
		out->price[t] = consensus_price(c, edge, t);
		out->taken_mwh[t] = e->taken_mwh[t];
		out->price_micro[t] = e->price_micro[t];
	}
}

static bool within(double value, double most)
{
	return value >= -most && value <= most; /* not NaN either */
}

static bool is_sound(const struct consensus *c, const struct consensus_message *m)
{
	const struct consensus_terms *t = &c->terms;
	if (m->round < 0 || m->round > c->round + AHEAD_MAX || m->calm < 0 || m->calm > CALM_MAX ||
	    m->stage < 0 || m->stage >= CONSENSUS_STAGES) {
		return false;
	}
	for (int i = 0; i < t->steps; i++) {
		if (!within(m->taken_kw[i], t->trade_max_kw) ||
		    !within(m->price[i], t->price_max) ||
		    !within((double)m->taken_mwh[i], t->trade_max_kw * t->hours * mwh_per_kwh) ||
		    !within((double)m->price_micro[i], t->price_max * micro)) {
			return false;
		}
	}
	return true;
}

int consensus_hear(struct consensus *c, int edge, const struct consensus_message *m)
{
	struct consensus_edge *e = &c->edge[edge];
	if (!is_open(e)) {
		return -ENOTCONN;
	}
	if (!is_sound(c, m)) {
		c->refused++;
		consensus_give_up(c, edge, CONSENSUS_UNSOUND);
		return -EPROTO;
	}
	if (m->round <= e->heard_round) {
		return -EALREADY;
	}
	e->fresh = true;
	e->heard_round = m->round;
	e->heard_calm = m->calm;
	e->heard_stage = m->stage;
	for (int t = 0; t < c->terms.steps; t++) {
		e->heard_kw[t] = m->taken_kw[t];
		e->heard_price[t] = m->price[t];
	}
	if (c->still && m->stage >= CONSENSUS_OFFERED) {
		consensus_hear_terms(c, edge, m);
	}
	return 0;
}

void consensus_give_up(struct consensus *c, int edge, enum consensus_end why)
{
	c->edge[edge].end = (int)why;
	c->calm = 0; /* what the others had settled on is no more */
}

/* --- a round ------------------------------------------------------------------------------------
 */

/* Move a line's state towards what both ends' words come to. */
static void meet(struct consensus *c, int edge)
{
	struct consensus_edge *e = &c->edge[edge];
	e->residual_kw = 0;
	for (int t = 0; t < c->terms.steps; t++) {
		double apart_kw = consensus_agreed_kw(c, edge, t) - e->taken_kw[t];
		e->residual_kw = fmax(e->residual_kw, fabs(apart_kw));
		e->state_kw[t] += 2 * c->terms.relaxation * apart_kw;
	}
}

static void listen(struct consensus *c, int edge)
{
	struct consensus_edge *e = &c->edge[edge];
	if (e->fresh && !c->still) {
		meet(c, edge);
	}
	e->silent = e->fresh ? 0 : e->silent + 1;
	e->fresh = false;
	if (e->silent >= c->terms.silence) {
		consensus_give_up(c, edge, CONSENSUS_SILENT);
	}
}

static void count_calm(struct consensus *c)
{
	int64_t least = CALM_MAX - 1;
	if (consensus_residual(c, NULL) > c->terms.tolerance_kw) {
		c->calm = 0;
		return;
	}
	for (int i = 0; i < c->edges; i++) {
		if (is_open(&c->edge[i]) && c->edge[i].heard_calm < least) {
			least = c->edge[i].heard_calm;
		}
	}
	c->calm = least + 1;
}

int consensus_turn(struct consensus *c)
{
	int r = 0;
	for (int i = 0; i < c->edges; i++) {
		if (is_open(&c->edge[i])) {
			listen(c, i);
		}
	}
	c->round++;
	if (!c->still) {
		r = respond(c);
		count_calm(c);
	}
	if (!c->still && c->calm > c->terms.span) {
		consensus_stop(c);
	}
	for (int i = 0; i < c->edges; i++) {
		const struct consensus_edge *e = &c->edge[i];
		if (is_open(e) && e->offers && e->stage == CONSENSUS_STILL &&
		    e->heard_stage >= CONSENSUS_STILL) {
			consensus_offer(c, i);
		}
	}
	return r;
}

void consensus_stop(struct consensus *c)
{
	for (int i = 0; i < c->edges && !c->still; i++) {
		c->edge[i].stage = CONSENSUS_STILL;
	}
	c->still = true;
}

bool consensus_is_closed(const struct consensus *c)
{
	for (int i = 0; i < c->edges; i++) {
		const struct consensus_edge *e = &c->edge[i];
		if (is_open(e) && (e->stage != CONSENSUS_SEALED ||
				   (e->offers && e->heard_stage != CONSENSUS_SEALED))) {
			return false;
		}
	}
	return c->still;
}

double consensus_residual(const struct consensus *c, int *edge)
{
	double most_kw = 0;
	for (int i = 0; i < c->edges; i++) {
		if (is_open(&c->edge[i]) && c->edge[i].residual_kw > most_kw) {
			most_kw = c->edge[i].residual_kw;
			if (edge) {
				*edge = i;
			}
		}
	}
	return most_kw;
}
