/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/pauses.h"

#include <math.h>
#include <string.h>

/* The least cost from step t on, with so much left to serve, from that of the step after. */
static double choose(const struct pauses *p, const struct pauses_run *r, int t,
		     const struct pauses_costs *after, int whole, int part, int was_on,
		     unsigned char *choice)
{
	double start = was_on ? 0 : p->start_cost;
	double least = after->left[whole][part][0];
	*choice = PAUSES_OFF;
	if (part) {
		double cost = r->part * p->cost[t] + start + after->left[whole][0][0];
		*choice = cost < least ? PAUSES_PART : *choice;
		least = fmin(least, cost);
	}
	if (whole > 0) {
		double cost = p->cost[t] + start + after->left[whole - 1][part][1];
		*choice = cost < least ? PAUSES_ON : *choice;
		least = fmin(least, cost);
	}
	return least;
}

/* Of all that can be left before step t. */
static void step_back(const struct pauses *p, const struct pauses_run *r, int t,
		      struct pauses_plan *out)
{
	out->after = out->before;
	for (int whole = 0; whole <= r->whole; whole++) {
		for (int k = 0; k < 4; k++) {
			int part = k / 2, was_on = k % 2;
			out->before.left[whole][part][was_on] =
				choose(p, r, t, &out->after, whole, part, was_on,
				       &out->choice[t][whole][part][was_on]);
		}
	}
}

/* What run k costs and all after it, by whether it was on before; next: that of the run after. */
static void solve_run(const struct pauses *p, int k, double next[2], struct pauses_plan *out)
{
	const struct pauses_run *r = &p->run[k];
	bool follows = k + 1 < p->runs && p->run[k + 1].first == r->end;
	for (int whole = 0; whole <= r->whole; whole++) {
		for (int j = 0; j < 4; j++) {
			int part = j / 2, was_on = j % 2;
			out->before.left[whole][part][was_on] =
				next[follows ? was_on : 0] +
				p->unmet_cost * (whole + (part ? r->part : 0));
		}
	}
	for (int t = r->end - 1; t >= r->first; t--) {
		step_back(p, r, t, out);
	}
	next[0] = out->before.left[r->whole][r->part > 0][0];
	next[1] = out->before.left[r->whole][r->part > 0][1];
}

static bool was_running(const struct pauses *p)
{
	return p->running && p->run[0].first == 0;
}

/* Along the choices. */
static void follow(const struct pauses *p, struct pauses_plan *out)
{
	int was_on = was_running(p);
	for (int k = 0; k < p->runs; k++) {
		const struct pauses_run *r = &p->run[k];
		int whole = r->whole, part = r->part > 0;
		was_on = k > 0 && p->run[k - 1].end < r->first ? 0 : was_on;
		for (int t = r->first; t < r->end; t++) {
			out->at[t] = out->choice[t][whole][part][was_on];
			was_on = out->at[t] == PAUSES_ON;
			whole -= was_on;
			part = out->at[t] == PAUSES_PART ? 0 : part;
		}
	}
}

void pauses_solve(const struct pauses *p, struct pauses_plan *out)
{
	double next[2] = { 0, 0 };
	memset(out->at, PAUSES_OFF, sizeof(out->at));
	for (int k = p->runs - 1; k >= 0; k--) {
		solve_run(p, k, next, out);
	}
	out->cost = p->runs > 0 ? next[was_running(p)] : 0;
	follow(p, out);
}
