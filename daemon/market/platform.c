/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/platform.h"

#include <errno.h>
#include <math.h>

enum { SWEEPS_MAX = 500, BALANCE_ROUNDS = 100 };
/* Boyd et al. 2011, section 3.4.1: the penalty doubles or halves where one residual is larger than
 * the other by this; not for ever, lest it keeps the rounds from settling, and not further from
 * where it began: who is silent for a while leaves a residual that no penalty makes smaller. */
static const double balance_factor = 10, penalty_range = 30;
static const double sweep_precision = 1e-3; /* of the tolerance */

void platform_begin(struct platform *p, const struct league *l, const struct platform_terms *terms)
{
	*p = (struct platform){
		.league = l, .terms = *terms, .penalty = terms->penalty, .worst = -1
	};
	p->primal_kw = p->dual_kw = INFINITY;
}

void platform_ask(const struct platform *p, int member, double *centre_kw, double *stiffness)
{
	const struct platform_member *m = &p->member[member];
	for (int t = 0; t < p->league->steps; t++) {
		centre_kw[t] = 2 * m->carried_kw[t] - m->state_kw[t];
	}
	*stiffness = p->penalty;
}

int platform_hear(struct platform *p, int member, const double *taken_kw)
{
	struct platform_member *m = &p->member[member];
	if (m->gone) {
		return -ENOTCONN;
	}
	for (int t = 0; t < p->league->steps; t++) {
		if (!(fabs(taken_kw[t]) <= p->terms.taken_max_kw)) {
			m->gone = m->unsound = true;
			return -EPROTO;
		}
	}
	for (int t = 0; t < p->league->steps; t++) {
		m->taken_kw[t] = taken_kw[t];
	}
	m->fresh = true;
	m->heard_round = p->round;
	return 0;
}

/* --- flows --------------------------------------------------------------------------------------
 */

/* The flows of a step that come nearest to what members want, fees counted: line after line, each
 * the best while the others stay, which ends at the optimum of all (the cost is smooth but for a
 * part of each line's own). carried_kw[]: as it stands for the flows there are. */
static void find_flows(struct platform *p, int t, const double *wanted_kw, double *carried_kw)
{
	const struct league *l = p->league;
	double moved_kw = INFINITY;
	for (int sweep = 0; sweep < SWEEPS_MAX; sweep++) {
		if (moved_kw < sweep_precision * p->terms.tolerance_kw) {
			break;
		}
		moved_kw = 0;
		for (int k = 0; k < l->lines; k++) {
			int a = l->line[k].a, b = l->line[k].b;
			if (p->member[a].gone || p->member[b].gone) {
				continue;
			}
			double *flow_kw = &p->flow_kw[k][t];
			double a_wants = wanted_kw[a] - carried_kw[a] + *flow_kw;
			double b_gives = carried_kw[b] + *flow_kw - wanted_kw[b];
			double next_kw = line_flow(&l->line[k].terms, l->hours, p->penalty,
						   (a_wants + b_gives) / 2);
			double step_kw = next_kw - *flow_kw;
			*flow_kw = next_kw;
			carried_kw[a] += step_kw;
			carried_kw[b] -= step_kw;
			moved_kw = fmax(moved_kw, fabs(step_kw));
		}
	}
}

static void turn_step(struct platform *p, int t)
{
	double wanted_kw[LEAGUE_MEMBERS_MAX], carried_kw[LEAGUE_MEMBERS_MAX];
	int members = p->league->members;
	for (int i = 0; i < members; i++) {
		struct platform_member *m = &p->member[i];
		double apart_kw = m->taken_kw[t] - m->carried_kw[t];
		carried_kw[i] = m->carried_kw[t];
		if (m->fresh) {
			m->state_kw[t] += p->terms.relaxation * apart_kw;
		}
		wanted_kw[i] = m->state_kw[t];
	}
	find_flows(p, t, wanted_kw, carried_kw);
	for (int i = 0; i < members; i++) {
		struct platform_member *m = &p->member[i];
		if (m->gone) {
			continue;
		}
		double apart_kw = fabs(m->taken_kw[t] - carried_kw[i]);
		p->dual_kw = fmax(p->dual_kw, fabs(carried_kw[i] - m->carried_kw[t]));
		if (apart_kw > p->primal_kw) {
			p->primal_kw = apart_kw;
			p->worst = i;
		}
		m->carried_kw[t] = carried_kw[i];
	}
}

/* Take a member that was given up out of the flows. */
static void cut_off(struct platform *p, int member)
{
	const struct league *l = p->league;
	for (int k = 0; k < l->lines; k++) {
		int a = l->line[k].a, b = l->line[k].b;
		if (a != member && b != member) {
			continue;
		}
		for (int t = 0; t < l->steps; t++) {
			p->member[a].carried_kw[t] -= p->flow_kw[k][t];
			p->member[b].carried_kw[t] += p->flow_kw[k][t];
			p->flow_kw[k][t] = 0;
		}
	}
}

static void balance(struct platform *p)
{
	double factor = p->primal_kw > balance_factor * p->dual_kw   ? 2
			: p->dual_kw > balance_factor * p->primal_kw ? 0.5
								     : 1;
	double change = p->penalty * factor / p->terms.penalty;
	if (change > penalty_range || change < 1 / penalty_range) {
		return;
	}
	p->penalty *= factor;
	for (int i = 0; factor != 1 && i < p->league->members; i++) {
		for (int t = 0; t < p->league->steps; t++) {
			struct platform_member *m = &p->member[i];
			double lean_kw = m->state_kw[t] - m->carried_kw[t];
			m->state_kw[t] = m->carried_kw[t] + lean_kw / factor;
		}
	}
}

void platform_turn(struct platform *p)
{
	for (int i = 0; i < p->league->members; i++) {
		struct platform_member *m = &p->member[i];
		m->silent = m->fresh ? 0 : m->silent + 1;
		m->gone |= m->silent >= p->terms.silence;
		if (m->gone) {
			cut_off(p, i);
		}
	}
	p->primal_kw = p->dual_kw = 0;
	p->worst = -1;
	for (int t = 0; t < p->league->steps; t++) {
		turn_step(p, t);
	}
	for (int i = 0; i < p->league->members; i++) {
		p->member[i].fresh = false;
	}
	if (fmax(p->primal_kw, p->dual_kw) > p->terms.tolerance_kw) {
		p->calm_round = p->round + 1;
	}
	if (p->round++ < BALANCE_ROUNDS) {
		balance(p);
	}
}

bool platform_has_converged(const struct platform *p)
{
	bool heard = p->round > p->calm_round;
	for (int i = 0; i < p->league->members; i++) {
		heard &= p->member[i].gone || p->member[i].heard_round >= p->calm_round;
	}
	return heard;
}

double platform_price(const struct platform *p, int member, int step)
{
	const struct platform_member *m = &p->member[member];
	return p->penalty * (m->state_kw[step] - m->carried_kw[step]) / p->league->hours;
}
