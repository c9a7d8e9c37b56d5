/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/heater.h"

#include <errno.h>
#include <math.h>

/* Points nearer than this are one. */
static const double point_apart_c = 1e-12;
/* Costs nearer than this are the same: rounding makes no switches. */
static const double same_cost = 1e-12;
/* Far outside of the band the curve need not be as exact: the slack grows so much per K. */
static const double slack_growth_per_k = 10;

struct heater_step heater_step_of(const struct thermal_model *h, int t, double hours)
{
	double decay = h->loss_w_per_k / h->capacity_wh_per_k * hours;
	double k_per_w =
		decay > 0 ? -expm1(-decay) / h->loss_w_per_k : hours / h->capacity_wh_per_k;
	return (struct heater_step){
		.keep = exp(-decay),
		.drift = -expm1(-decay) * h->ambient_c[t] - k_per_w * h->draw_w[t],
		.rise = k_per_w * h->cop[t] * h->power_limit_w,
		.low_c = h->low_c[t],
		.high_c = h->high_c[t],
	};
}

static bool put(struct heater_curve *f, double c, double cost)
{
	if (f->points > 0 && c - f->c[f->points - 1] < point_apart_c) {
		return true;
	}
	if (f->points == HEATER_CURVE_MAX) {
		return false;
	}
	f->c[f->points] = c;
	f->cost[f->points++] = cost;
	return true;
}

/* Between points k - 1 and k. */
static double cost_between(const struct heater_curve *f, int k, double c)
{
	double share = (c - f->c[k - 1]) / (f->c[k] - f->c[k - 1]);
	return f->cost[k - 1] + share * (f->cost[k] - f->cost[k - 1]);
}

/* The first point at or above c, starting to look at k; the last one where there is none. */
static int seek(const struct heater_curve *f, int k, double c)
{
	while (k < f->points - 1 && f->c[k] < c) {
		k++;
	}
	return k;
}

static double cost_at(const struct heater_curve *f, int k, double c)
{
	return k == 0 || c >= f->c[k] ? f->cost[k] : cost_between(f, k, c);
}

static double outside_k(const struct heater_step *s, double c)
{
	return fmax(0, fmax(s->low_c - c, c - s->high_c));
}

/* The cost from the end of step s on, from that after it: with what is outside of the band. */
static bool add_outside(const struct heater_step *s, const struct heater_curve *after,
			struct heater_curve *out)
{
	const double bends[] = { s->low_c, s->high_c };
	int next = 0;
	bool room = true;
	out->points = 0;
	for (int k = 0; k < after->points; k++) {
		for (; next < 2 && bends[next] <= after->c[k]; next++) {
			double c = bends[next];
			if (k > 0) {
				room &= put(out, c, cost_between(after, k, c));
			}
		}
		room &= put(out, after->c[k], after->cost[k]);
	}
	for (int k = 0; k < out->points; k++) {
		out->cost[k] += s->outside * outside_k(s, out->c[k]);
	}
	return room;
}

/* That as a function of the temperature before the step, from low_c to high_c. */
static bool step_back(const struct heater_step *s, bool on, const struct heater_curve *ends,
		      double low_c, double high_c, struct heater_curve *out)
{
	double shift = s->drift + (on ? s->rise : 0), cost = on ? s->on_cost : 0;
	double from_c = s->keep * low_c + shift, to_c = s->keep * high_c + shift;
	int k = seek(ends, 0, from_c);
	out->points = 0;
	bool room = put(out, low_c, cost + cost_at(ends, k, from_c));
	for (; k < ends->points && ends->c[k] < to_c; k++) {
		double c = (ends->c[k] - shift) / s->keep;
		room &= c <= low_c || c >= high_c || put(out, c, cost + ends->cost[k]);
	}
	k = seek(ends, k < ends->points ? k : ends->points - 1, to_c);
	return room && put(out, high_c, cost + cost_at(ends, k, to_c));
}

static bool put_switch(struct heater_plan *p, double c)
{
	if (p->switches == HEATER_SWITCHES_MAX) {
		return false;
	}
	p->switch_c[p->switches++] = c;
	return true;
}

/* The lesser of being off and on in step t, over the temperature before it, and where that changes.
 */
static bool take_lesser(struct heater_plan *p, int t)
{
	const struct heater_curve *off = &p->off, *on = &p->heated;
	int i = 0, k = 0;
	double c_before = 0, more_before = 0; /* by which on costs more */
	bool room = true, is_on = on->cost[0] < off->cost[0];
	p->best.points = 0;
	p->on_at_low[t] = is_on;
	p->first_switch[t] = p->switches;
	while (i < off->points && k < on->points) {
		double c = fmin(off->c[i], on->c[k]);
		double off_cost = cost_at(off, i, c), on_cost = cost_at(on, k, c);
		double more = on_cost - off_cost;
		if (is_on ? more > same_cost : more < -same_cost) {
			double share = fmin(fmax(more_before / (more_before - more), 0), 1);
			double at_c = c_before + share * (c - c_before);
			double at_off = i > 0 ? cost_at(off, i, at_c) : off_cost;
			room &= put(&p->best, at_c, at_off) && put_switch(p, at_c);
			is_on = !is_on;
		}
		room &= put(&p->best, c, fmin(off_cost, on_cost));
		i += off->c[i] <= c;
		k += on->c[k] <= c;
		c_before = c;
		more_before = more;
	}
	return room;
}

/* From best, with pieces that lie within the slack drawn together: straight on as long as a line
 * from the last point passes below each point by no more than that. */
static void draw_together(const struct heater *h, int t, const struct heater_curve *f,
			  struct heater_curve *out)
{
	const struct heater_step *s = &h->step[t];
	double c = f->c[0], cost = f->cost[0] - h->slack / 2;
	out->points = 0;
	(void)put(out, c, cost);
	for (int from = 0; from < f->points - 1;) {
		double least = -INFINITY, most = INFINITY;
		int to = from;
		for (int k = from + 1; k < f->points; k++) {
			double far_k = fmax(outside_k(s, f->c[k]) - s->rise, 0);
			double slack = h->slack * (1 + slack_growth_per_k * far_k);
			double high = (f->cost[k] - cost) / (f->c[k] - c);
			double low = (f->cost[k] - slack - cost) / (f->c[k] - c);
			if (fmax(least, low) > fmin(most, high)) {
				break;
			}
			least = fmax(least, low);
			most = fmin(most, high);
			to = k;
		}
		cost += (least + most) / 2 * (f->c[to] - c);
		c = f->c[to];
		(void)put(out, c, cost);
		from = to;
	}
}

static void find_reach(const struct heater *h, struct heater_plan *p)
{
	p->low_c[0] = p->high_c[0] = h->start_c;
	for (int t = 0; t < h->steps; t++) {
		const struct heater_step *s = &h->step[t];
		p->low_c[t + 1] = s->keep * p->low_c[t] + s->drift;
		p->high_c[t + 1] = s->keep * p->high_c[t] + s->drift + s->rise;
	}
}

static void start_at_end(const struct heater *h, struct heater_plan *p)
{
	double zero_c = h->step[h->steps - 1].low_c;
	double low_c = p->low_c[h->steps], high_c = p->high_c[h->steps];
	p->after.points = 0;
	(void)put(&p->after, low_c, -h->end_value * (low_c - zero_c));
	(void)put(&p->after, high_c, -h->end_value * (high_c - zero_c));
}

static bool is_on_at(const struct heater_plan *p, int t, double c)
{
	bool on = p->on_at_low[t];
	/* The steps were found from the last to the first. */
	int end = t > 0 ? p->first_switch[t - 1] : p->switches;
	for (int k = p->first_switch[t]; k < end && p->switch_c[k] <= c; k++) {
		on = !on;
	}
	return on;
}

int heater_solve(const struct heater *h, struct heater_plan *out)
{
	struct heater_plan *p = out;
	find_reach(h, p);
	start_at_end(h, p);
	p->switches = 0;
	for (int t = h->steps - 1; t >= 0; t--) {
		const struct heater_step *s = &h->step[t];
		double low_c = p->low_c[t], high_c = p->high_c[t];
		if (!add_outside(s, &p->after, &p->best) ||
		    !step_back(s, false, &p->best, low_c, high_c, &p->off) ||
		    !step_back(s, true, &p->best, low_c, high_c, &p->heated) ||
		    !take_lesser(p, t)) {
			return -ENOSPC;
		}
		draw_together(h, t, &p->best, &p->after);
	}
	p->bound = p->after.cost[0];
	double c = h->start_c;
	for (int t = 0; t < h->steps; t++) {
		const struct heater_step *s = &h->step[t];
		p->on[t] = is_on_at(p, t, c);
		c = s->keep * c + s->drift + (p->on[t] ? s->rise : 0);
	}
	return 0;
}
