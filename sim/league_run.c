/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/league_run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/chance.h"

/* Rounds in which lines are put down when the time is up, in silences. */
enum { CLOSING = 3 };
static const double mwh_per_kwh = 1e6, micro = 1e6;
/* What no sound answer exceeds: some lines' worth of everything there is. */
static const double sound_kw = 1e6, sound_price = 1e3;

const char *const frameworks[] = { "decentralised", "distributed", "p2p", NULL };
_Static_assert(sizeof(frameworks) / sizeof(*frameworks) == FRAMEWORKS + 1, "each has its word");

struct run {
	const struct league *l;
	const struct league_way *way;
	struct league_outcome *out;
	struct member_room *room;
	struct member_agent agent[LEAGUE_MEMBERS_MAX];
	int64_t round;
	/* Consensus: a node of each member, and where a line's ends are in its nodes. */
	struct consensus *node;
	int edge[LEAGUE_LINES_MAX][2];
	struct platform *platform;
};

static bool is_dead(const struct run *r, int member)
{
	int64_t at = r->way->dies_at[member];
	return at >= 0 && r->round >= at;
}

static bool is_raving(const struct run *r, int member)
{
	int64_t at = r->way->raves_at[member];
	return at >= 0 && r->round >= at;
}

static bool is_lost(const struct run *r, int stream)
{
	return chance_uniform(r->way->seed, (uint32_t)stream, r->round) < r->way->loss;
}

static void note_round(struct run *r, double residual_kw, int worst)
{
	r->out->residual[r->out->rounds++] = residual_kw;
	r->out->residual_kw = residual_kw;
	r->out->worst = worst;
}

/* --- consensus ----------------------------------------------------------------------------------
 */

struct consensus_terms league_consensus_terms(const struct league *l, const struct league_way *way)
{
	return (struct consensus_terms){ .steps = l->steps,
					 .hours = l->hours,
					 .penalty = way->penalty,
					 .relaxation = way->relaxation,
					 .tolerance_kw = way->tolerance_kw,
					 .trade_max_kw = sound_kw,
					 .price_max = sound_price,
					 .span = l->members > 1 ? l->members - 1 : 1,
					 .silence = (int)way->silence };
}

static int begin_nodes(struct run *r)
{
	const struct consensus_terms terms = league_consensus_terms(r->l, r->way);
	for (int i = 0; i < r->l->members; i++) {
		int line[NEIGHBOURS_MAX], lines = league_lines_of(r->l, i, line);
		struct line_terms own[NEIGHBOURS_MAX];
		bool offers[NEIGHBOURS_MAX];
		for (int k = 0; k < lines; k++) {
			bool is_b = r->l->line[line[k]].b == i;
			r->edge[line[k]][is_b] = k;
			own[k] = r->l->line[line[k]].terms;
			offers[k] = !is_b;
		}
		const struct party party = { member_respond, &r->agent[i] };
		int e = consensus_begin(&r->node[i], &terms, &party, own, offers, lines);
		if (e < 0) {
			return e;
		}
	}
	return 0;
}

static struct consensus_edge *edge_of(struct run *r, int line, bool is_b)
{
	const struct league_line *l = &r->l->line[line];
	return &r->node[is_b ? l->b : l->a].edge[r->edge[line][is_b]];
}

/* One end of a line speaks to the other. */
static void carry(struct run *r, int line, bool from_b)
{
	const struct league_line *l = &r->l->line[line];
	int from = from_b ? l->b : l->a, to = from_b ? l->a : l->b;
	struct consensus_message m;
	if (edge_of(r, line, from_b)->end != CONSENSUS_OPEN || is_dead(r, from) || is_dead(r, to) ||
	    is_lost(r, 2 * line + from_b)) {
		return;
	}
	consensus_say(&r->node[from], r->edge[line][from_b], &m);
	if (is_raving(r, from)) {
		m.price[0] = NAN;
	}
	(void)consensus_hear(&r->node[to], r->edge[line][!from_b], &m);
}

/* Returns whether it goes on, or -errno. */
static int turn_nodes(struct run *r)
{
	double most_kw = 0;
	int worst = -1;
	bool open = false;
	for (int k = 0; k < r->l->lines; k++) {
		carry(r, k, false);
		carry(r, k, true);
	}
	for (int i = 0; i < r->l->members; i++) {
		struct consensus *n = &r->node[i];
		int e = is_dead(r, i) ? 0 : consensus_turn(n);
		if (e < 0) {
			return e;
		}
		double residual_kw = is_dead(r, i) ? 0 : consensus_residual(n, NULL);
		if (residual_kw > most_kw) {
			most_kw = residual_kw;
			worst = i;
		}
		open |= !is_dead(r, i) && !consensus_is_closed(n);
	}
	note_round(r, most_kw, worst);
	return open;
}

static void take_nodes(struct run *r)
{
	for (int k = 0; k < r->l->lines; k++) {
		for (int end = 0; end < 2; end++) {
			const struct consensus_edge *e = edge_of(r, k, end);
			struct league_book *book = &r->out->book[k].end[end];
			r->out->end[k][end] = e->end;
			book->agreed = consensus_has_terms(e);
			for (int t = 0; t < r->l->steps; t++) {
				book->taken_mwh[t] = e->taken_mwh[t];
				book->price[t] = e->price_micro[t];
			}
		}
	}
}

static int by_consensus(struct run *r)
{
	int going = 1, e = begin_nodes(r);
	bool stopped = false;
	int64_t end = r->way->rounds_max + CLOSING * r->way->silence;
	for (r->round = 0; e == 0 && going > 0 && r->round < end; r->round++) {
		for (int i = 0; r->round == r->way->rounds_max && i < r->l->members; i++) {
			stopped |= !is_dead(r, i) && !r->node[i].still;
			consensus_stop(&r->node[i]);
		}
		going = turn_nodes(r);
	}
	if (e < 0 || going < 0) {
		return e < 0 ? e : going;
	}
	r->out->converged = !stopped;
	take_nodes(r);
	return 0;
}

/* --- a platform ---------------------------------------------------------------------------------
 */

/* A question goes out and an answer comes back; either may be lost. */
static int ask(struct run *r, int i)
{
	double centre_kw[LEAGUE_STEPS_MAX], taken_kw[LEAGUE_STEPS_MAX], stiffness;
	if (is_dead(r, i) || is_lost(r, 2 * i) || is_lost(r, 2 * i + 1)) {
		return 0;
	}
	platform_ask(r->platform, i, centre_kw, &stiffness);
	int e = member_respond(&r->agent[i], centre_kw, stiffness, taken_kw);
	if (e < 0) {
		return e;
	}
	if (is_raving(r, i)) {
		taken_kw[0] = NAN;
	}
	(void)platform_hear(r->platform, i, taken_kw);
	return 0;
}

static void take_platform(struct run *r)
{
	const struct platform *p = r->platform;
	for (int k = 0; k < r->l->lines; k++) {
		const struct league_line *line = &r->l->line[k];
		struct league_book *a = &r->out->book[k].end[0], *b = &r->out->book[k].end[1];
		const struct platform_member *ends[] = { &p->member[line->a], &p->member[line->b] };
		a->agreed = b->agreed = !ends[0]->gone && !ends[1]->gone;
		for (int end = 0; end < 2; end++) { /* each tells why the other one is gone */
			r->out->end[k][end] = !ends[!end]->gone     ? CONSENSUS_OPEN
					      : ends[!end]->unsound ? CONSENSUS_UNSOUND
								    : CONSENSUS_SILENT;
		}
		for (int t = 0; t < r->l->steps; t++) {
			double price =
				(platform_price(p, line->a, t) + platform_price(p, line->b, t)) / 2;
			a->taken_mwh[t] = llround(p->flow_kw[k][t] * r->l->hours * mwh_per_kwh);
			b->taken_mwh[t] = -a->taken_mwh[t];
			a->price[t] = b->price[t] = llround(price * micro);
		}
	}
}

static int by_platform(struct run *r)
{
	const struct platform_terms terms = { .penalty = r->way->penalty,
					      .relaxation = 2 * r->way->relaxation,
					      .tolerance_kw = r->way->tolerance_kw,
					      .taken_max_kw = sound_kw,
					      .silence = (int)r->way->silence };
	platform_begin(r->platform, r->l, &terms);
	for (r->round = 0; !r->out->converged && r->round < r->way->rounds_max; r->round++) {
		for (int i = 0; i < r->l->members; i++) {
			int e = ask(r, i);
			if (e < 0) {
				return e;
			}
		}
		platform_turn(r->platform);
		note_round(r, fmax(r->platform->primal_kw, r->platform->dual_kw),
			   r->platform->worst);
		r->out->converged = platform_has_converged(r->platform);
	}
	take_platform(r);
	return 0;
}

/* --- what it came to ----------------------------------------------------------------------------
 */

/* What a member takes by the lines that count, in whole mWh, and the price it sees: the mean of its
 * lines' for what goes over them. */
static void take_lines(const struct league *l, int i, struct league_outcome *out, double *taken_kw)
{
	double weight[LEAGUE_STEPS_MAX] = { 0 }, price[LEAGUE_STEPS_MAX] = { 0 };
	for (int t = 0; t < l->steps; t++) {
		taken_kw[t] = 0;
	}
	for (int k = 0; k < l->lines; k++) {
		bool is_b = l->line[k].b == i;
		const struct league_book *own = &out->book[k].end[is_b];
		if ((l->line[k].a != i && !is_b) || !league_line_counts(l, &out->book[k])) {
			continue;
		}
		out->member[i].gone = false;
		for (int t = 0; t < l->steps; t++) {
			double kw = (double)own->taken_mwh[t] / mwh_per_kwh / l->hours;
			double share = fabs(kw) + 1e-9;
			taken_kw[t] += kw;
			weight[t] += share;
			price[t] += share * (double)own->price[t] / micro;
		}
	}
	for (int t = 0; t < l->steps; t++) {
		out->member[i].price[t] = weight[t] > 0 ? price[t] / weight[t] : NAN;
	}
}

static int plan_member(const struct league *l, int i, const struct member_agent *a,
		       struct league_meter *meter, struct league_outcome *out)
{
	static const double nothing[LEAGUE_STEPS_MAX];
	double taken_kw[LEAGUE_STEPS_MAX];
	struct league_fate *fate = &out->member[i];
	fate->gone = true; /* until a line of it counts */
	take_lines(l, i, out, taken_kw);
	int e = member_cost(a, nothing, &fate->alone, NULL);
	e = e < 0 ? e : member_cost(a, taken_kw, &fate->cost, fate->grid_kw);
	for (int t = 0; e == 0 && t < l->steps; t++) {
		double net_kwh = (fate->grid_kw[t] + taken_kw[t]) * l->hours;
		meter->net_mwh[t] = llround(net_kwh * mwh_per_kwh);
		meter->buy[t] = llround(a->model->buy[t] * micro);
		meter->sell[t] = llround(a->model->sell[t] * micro);
	}
	return e;
}

/* Who would pay more than alone, but for what is within the tolerance, takes no part: its end of
 * each line does not count. Returns whether there was one. */
static bool withdraw(const struct league *l, const struct member_model *member,
		     const struct league_way *way, struct league_outcome *out)
{
	bool any = false;
	for (int i = 0; i < l->members; i++) {
		const struct league_member_settled *s = &out->settled.member[i];
		double all = out->member[i].cost + (double)(s->paid + s->fees) / micro;
		double slack = 1e-5;
		for (int t = 0; t < l->steps; t++) {
			slack += way->tolerance_kw * l->hours * member[i].buy[t];
		}
		for (int k = 0; all > out->member[i].alone + slack && k < l->lines; k++) {
			bool is_b = l->line[k].b == i;
			if ((l->line[k].a == i || is_b) && out->settled.line[k].counts) {
				out->book[k].end[is_b].agreed = false;
				out->end[k][is_b] = CONSENSUS_LOSS;
				any = true;
			}
		}
	}
	return any;
}

int league_conclude(const struct league *l, const struct member_model *member,
		    struct member_room *room, struct league_outcome *out)
{
	struct league_meter *meter = calloc((size_t)l->members, sizeof(*meter));
	int e = meter ? 0 : -ENOMEM;
	out->cost = out->alone = 0;
	for (int i = 0; e == 0 && i < l->members; i++) {
		const struct member_agent agent = { &member[i], room };
		e = plan_member(l, i, &agent, &meter[i], out);
		out->cost += out->member[i].cost;
		out->alone += out->member[i].alone;
	}
	if (e == 0) {
		league_settle(l, out->book, meter, &out->settled);
		out->cost += (double)out->settled.fees / micro;
		out->unagreed = 0;
		for (int k = 0; k < l->lines; k++) {
			out->unagreed += !out->settled.line[k].counts;
		}
	}
	free(meter);
	return e;
}

int league_negotiate(const struct league *l, const struct member_model *member,
		     const struct league_way *way, struct league_outcome *out)
{
	struct run r = { .l = l, .way = way, .out = out };
	size_t rounds = (size_t)(way->rounds_max + CLOSING * way->silence);
	*out = (struct league_outcome){ .worst = -1 };
	out->residual = calloc(rounds, sizeof(*out->residual));
	r.room = calloc(1, sizeof(*r.room));
	r.node = calloc((size_t)l->members, sizeof(*r.node));
	r.platform = calloc(1, sizeof(*r.platform));
	int e = out->residual && r.room && r.node && r.platform ? 0 : -ENOMEM;
	for (int i = 0; i < l->members; i++) {
		r.agent[i] = (struct member_agent){ &member[i], r.room };
	}
	if (e == 0) {
		e = way->framework == FRAMEWORK_DISTRIBUTED ? by_consensus(&r) : by_platform(&r);
	}
	e = e < 0 ? e : league_conclude(l, member, r.room, out);
	/* The platform's word is a proposal; what neighbours sealed binds. Each time one more stays
	 * alone at least. */
	while (e == 0 && way->framework == FRAMEWORK_DECENTRALISED &&
	       withdraw(l, member, way, out)) {
		e = league_conclude(l, member, r.room, out);
	}
	free(r.room);
	free(r.node);
	free(r.platform);
	return e;
}

void league_outcome_free(struct league_outcome *out)
{
	free(out->residual);
	out->residual = NULL;
}
