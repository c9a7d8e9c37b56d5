/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400, HOUR_S = 3600 };

/* All that can be tuned. */
static const struct {
	double load_recency;      /* weight of a day against the day after it */
	double load_other_kind;   /* weight of a weekend day for a working day, and vice versa */
	double load_same_weekday; /* additional weight of the same day of the week */
	double load_level_share;  /* how much of a departure of the last hours is believed */
	double load_level_hours;  /* and how fast that fades */
	int load_level_window;    /* hours that tell the departure */
	double pv_recency;
	double pv_ratio_hours;   /* how fast today's PV ratio fades */
	int pv_ratio_window;     /* hours that tell the ratio */
	double pv_ratio_prior_w; /* mean power at which the ratio is half believed */
	double pv_ratio_max;
	double pv_clear_margin; /* above the most seen at that time */
} tuning = {
	.load_recency = 0.90,
	.load_other_kind = 0.35,
	.load_same_weekday = 0.5,
	.load_level_share = 0.5,
	.load_level_hours = 1.5,
	.load_level_window = 1,
	.pv_recency = 0.80,
	.pv_ratio_hours = 5,
	.pv_ratio_window = 3,
	.pv_ratio_prior_w = 60,
	.pv_ratio_max = 3,
	.pv_clear_margin = 1.05,
};

/* A weighted mean with its spread. */
struct mean {
	double weight, weight2, sum, sum2, most;
};

static void mean_add(struct mean *m, double weight, double x)
{
	m->weight += weight;
	m->weight2 += weight * weight;
	m->sum += weight * x;
	m->sum2 += weight * x * x;
	m->most = fmax(m->most, x);
}

/* Variance of the mean itself. */
static double mean_variance(const struct mean *m)
{
	double mean = m->sum / m->weight;
	double spread = fmax(0, m->sum2 / m->weight - mean * mean);
	return spread * m->weight2 / (m->weight * m->weight);
}

int forecast_init(struct forecast *f, int interval_s)
{
	if (interval_s < 300 || interval_s > HOUR_S || DAY_S % interval_s != 0) {
		return -EINVAL;
	}
	memset(f, 0, sizeof(*f));
	f->interval_s = interval_s;
	return 0;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int place(int64_t k)
{
	int64_t at = k % FORECAST_RING;
	return (int)(at < 0 ? at + FORECAST_RING : at);
}

/* Interval k, or NULL where the ring does not hold it. */
static const struct forecast_entry *entry_at(const struct forecast *f, int64_t k)
{
	if (!f->any || k > f->newest || k <= f->newest - FORECAST_RING) {
		return NULL;
	}
	return &f->ring[place(k)];
}

/* Move on to interval k; what lies between becomes unknown. */
static void advance(struct forecast *f, int64_t k)
{
	if (!f->any || k - f->newest >= FORECAST_RING) {
		memset(f->ring, 0, sizeof(f->ring));
	} else {
		for (int64_t between = f->newest + 1; between <= k; between++) {
			f->ring[place(between)] = (struct forecast_entry){ .load_known = false };
		}
	}
	f->any = true;
	f->newest = k;
}

static bool sound(double x)
{
	return isfinite(x) && x >= 0;
}

void forecast_add(struct forecast *f, int64_t start_s, bool load_known, double load_w,
		  bool pv_known, double pv_w, int32_t east_s)
{
	int64_t k = floor_divide(start_s, f->interval_s);
	if (!f->any || k > f->newest) {
		advance(f, k);
	} else if (!entry_at(f, k)) {
		return;
	}
	struct forecast_entry e = { .east_s = east_s };
	e.load_known = load_known && sound(load_w);
	e.pv_known = pv_known && sound(pv_w);
	e.load_w = e.load_known ? (float)load_w : 0;
	e.pv_w = e.pv_known ? (float)pv_w : 0;
	f->ring[place(k)] = e;
}

bool forecast_ready(const struct forecast *f)
{
	int known = 0;
	for (int k = 0; k < FORECAST_RING; k++) {
		known += f->ring[k].load_known;
	}
	return known >= DAY_S / f->interval_s;
}

/* Days since Monday, in local time. */
static int weekday(int64_t local_s)
{
	int64_t day = floor_divide(local_s, DAY_S) + 3; /* 1970 began on a Thursday */
	return (int)(day - 7 * floor_divide(day, 7));
}

static double day_weight(int64_t then_local_s, int64_t local_s, int days)
{
	int then = weekday(then_local_s), now = weekday(local_s);
	double weight = pow(tuning.load_recency, days - 1);
	weight *= (then >= 5) == (now >= 5) ? 1 : tuning.load_other_kind;
	return weight * (then == now ? 1 + tuning.load_same_weekday : 1);
}

/* The interval whose local time is local_s, or NULL. east_s is a first guess of the offset then. On
 * a day of 23 hours there may be none, on one of 25 there may be two: the first guess decides. */
static const struct forecast_entry *entry_local(const struct forecast *f, int64_t local_s,
						int32_t east_s, int64_t *k)
{
	for (int guess = 0; guess < 2; guess++) {
		*k = floor_divide(local_s - east_s, f->interval_s);
		const struct forecast_entry *e = entry_at(f, *k);
		if (!e || e->east_s == east_s) {
			return e;
		}
		east_s = e->east_s;
	}
	return NULL;
}

/* Load at a time of day, from the intervals before `before` alone. */
static struct mean load_mean(const struct forecast *f, int64_t at_s, int32_t east_s, int64_t before)
{
	struct mean m = { .weight = 0 };
	int64_t local_s = at_s + east_s;
	for (int days = 1; days <= FORECAST_DAYS_MAX; days++) {
		int64_t k, then_s = local_s - (int64_t)days * DAY_S;
		const struct forecast_entry *e = entry_local(f, then_s, east_s, &k);
		if (e && k < before && e->load_known) {
			double weight = day_weight(then_s, local_s, days);
			mean_add(&m, weight, (double)e->load_w);
		}
	}
	return m;
}

/* The mean of all that is known, where a time of day was never seen. */
static double load_overall(const struct forecast *f)
{
	struct mean m = { .weight = 0 };
	for (int k = 0; k < FORECAST_RING; k++) {
		if (f->ring[k].load_known) {
			mean_add(&m, 1, (double)f->ring[k].load_w);
		}
	}
	return m.weight > 0 ? m.sum / m.weight : 0;
}

/* Load at a time of day. The mean over days is noisy where they disagree; there the neighbours, if
 * they are near, tell more. */
static double load_base(const struct forecast *f, int64_t at_s, int32_t east_s, int64_t before)
{
	struct mean own = load_mean(f, at_s, east_s, before);
	if (own.weight <= 0) {
		return load_overall(f);
	}
	double mean = own.sum / own.weight, around = 0, weight = 0;
	for (int side = -2; side <= 2; side++) {
		struct mean m = load_mean(f, at_s + (int64_t)side * f->interval_s, east_s, before);
		if (side != 0 && m.weight > 0) {
			around += m.sum / m.weight / abs(side);
			weight += 1.0 / abs(side);
		}
	}
	if (weight <= 0) {
		return mean;
	}
	double gap = around / weight - mean;
	double variance = mean_variance(&own);
	double trust = variance + gap * gap > 0 ? variance / (variance + gap * gap) : 0;
	return mean + trust * gap;
}

/* How much more load the last hour had than its forecast. */
static double load_departure(const struct forecast *f)
{
	int window = tuning.load_level_window * HOUR_S / f->interval_s;
	double sum = 0;
	int known = 0;
	for (int back = 0; back < window; back++) {
		int64_t k = f->newest - back;
		const struct forecast_entry *e = entry_at(f, k);
		if (e && e->load_known) {
			sum += (double)e->load_w - load_base(f, k * f->interval_s, e->east_s, k);
			known++;
		}
	}
	return known > 0 ? tuning.load_level_share * sum / window : 0;
}

/* PV at a time of day, UTC, from the intervals before `before` alone; *most is the most seen. */
static double pv_base(const struct forecast *f, int64_t at_s, int64_t before, double *most)
{
	struct mean m = { .weight = 0 };
	int64_t per_day = DAY_S / f->interval_s;
	int64_t today = floor_divide(at_s, f->interval_s);
	for (int days = 1; days <= FORECAST_DAYS_MAX; days++) {
		int64_t k = today - days * per_day;
		const struct forecast_entry *e = entry_at(f, k);
		if (e && k < before && e->pv_known) {
			mean_add(&m, pow(tuning.pv_recency, days - 1), (double)e->pv_w);
		}
	}
	*most = m.most;
	return m.weight > 0 ? m.sum / m.weight : 0;
}

/* What today's PV was of its forecast, over the last hours. */
static double pv_ratio(const struct forecast *f)
{
	int window = tuning.pv_ratio_window * HOUR_S / f->interval_s;
	double seen = 0, expected = 0, most;
	for (int back = 0; back < window; back++) {
		int64_t k = f->newest - back;
		const struct forecast_entry *e = entry_at(f, k);
		if (e && e->pv_known) {
			seen += (double)e->pv_w;
			expected += pv_base(f, k * f->interval_s, k, &most);
		}
	}
	double prior = tuning.pv_ratio_prior_w * window;
	return fmin((seen + prior) / (expected + prior), tuning.pv_ratio_max);
}

struct today {
	double load_departure_w, pv_ratio;
	int64_t now_s; /* the end of the newest interval */
};

/* Load and PV of one interval to come. */
static void forecast_interval(const struct forecast *f, const struct today *today, int64_t k,
			      int32_t east_s, double *load_w, double *pv_w)
{
	int64_t at_s = k * f->interval_s;
	int64_t before = k < f->newest + 1 ? k : f->newest + 1;
	double lead_h = fmax(0, (double)(at_s - today->now_s) / HOUR_S), most;
	double load = load_base(f, at_s, east_s, before);
	load += today->load_departure_w * exp(-lead_h / tuning.load_level_hours);
	double pv = pv_base(f, at_s, before, &most);
	pv *= 1 + (today->pv_ratio - 1) * exp(-lead_h / tuning.pv_ratio_hours);
	*load_w = fmax(load, 0);
	*pv_w = fmin(fmax(pv, 0), most * tuning.pv_clear_margin);
}

/* The mean over a step of the intervals it shares time with. */
static void fill_step(const struct forecast *f, const struct today *today, struct step *s,
		      int32_t east_s)
{
	double from_s = (double)s->start_s, to_s = from_s + s->hours * HOUR_S;
	int64_t first = floor_divide(s->start_s, f->interval_s);
	double load = 0, pv = 0;
	for (int64_t k = first; (double)(k * f->interval_s) < to_s - 1e-3; k++) {
		double load_w, pv_w, start_s = (double)(k * f->interval_s);
		double share = fmin(to_s, start_s + f->interval_s) - fmax(from_s, start_s);
		forecast_interval(f, today, k, east_s, &load_w, &pv_w);
		load += load_w * share;
		pv += pv_w * share;
	}
	s->load_w = load / (to_s - from_s);
	s->pv_w = pv / (to_s - from_s);
}

void forecast_fill(const struct forecast *f, struct step *step, int steps, const int32_t *east_s)
{
	struct today today = { .load_departure_w = load_departure(f),
			       .pv_ratio = pv_ratio(f),
			       .now_s = (f->newest + 1) * f->interval_s };
	for (int t = 0; t < steps; t++) {
		fill_step(f, &today, &step[t], east_s[t]);
	}
}

/* --- scenarios ----------------------------------------------------------------------------------
 */

/* What a step would be if it went as so many days before; the forecast where that is not known. */
static void follow_day(const struct forecast *f, const struct step *s, int32_t east_s, int days,
		       double *load_w, double *pv_w)
{
	int64_t k, back_s = (int64_t)days * DAY_S;
	const struct forecast_entry *load =
		entry_local(f, s->start_s + east_s - back_s, east_s, &k);
	const struct forecast_entry *pv =
		entry_at(f, floor_divide(s->start_s - back_s, f->interval_s));
	*load_w = load && load->load_known ? (double)load->load_w : s->load_w;
	*pv_w = pv && pv->pv_known ? (double)pv->pv_w : s->pv_w;
}

static void fill_scenario(const struct forecast *f, const struct step *step, int steps,
			  const int32_t *east_s, int days, struct scenario *out)
{
	int64_t now_s = (f->newest + 1) * f->interval_s, local_s = now_s + east_s[0];
	out->weight = day_weight(local_s - (int64_t)days * DAY_S, local_s, days);
	for (int t = 0; t < steps; t++) {
		double lead_h = fmax(0, (double)(step[t].start_s - now_s) / HOUR_S);
		double load_sure = tuning.load_level_share * exp(-lead_h / tuning.load_level_hours);
		double pv_sure = exp(-lead_h / tuning.pv_ratio_hours);
		double load_w, pv_w;
		follow_day(f, &step[t], east_s[t], days, &load_w, &pv_w);
		load_w += load_sure * (step[t].load_w - load_w);
		pv_w += pv_sure * (step[t].pv_w - pv_w);
		out->load_w[t] = (float)load_w;
		out->pv_w[t] = (float)pv_w;
	}
}

int forecast_scenarios(const struct forecast *f, const struct step *step, int steps,
		       const int32_t *east_s, struct scenario *out)
{
	int count = 0;
	int64_t per_day = DAY_S / f->interval_s;
	for (int days = 1; days <= FORECAST_DAYS_MAX && count < SCENARIOS_MAX; days++) {
		const struct forecast_entry *e = entry_at(f, f->newest + 1 - days * per_day);
		if (e && e->load_known) {
			fill_scenario(f, step, steps, east_s, days, &out[count++]);
		}
	}
	return count;
}
