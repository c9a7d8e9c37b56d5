/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/forecast_private.h"

/* All that can be tuned. */
static const struct {
	double load_recency;      /* weight of a day against the day after it */
	double load_other_kind;   /* weight of a weekend day for a working day, and vice versa */
	double load_same_weekday; /* additional weight of the same day of the week */
	double load_level_share;  /* how much of a departure of the last hours is believed */
	double load_level_hours;  /* and how fast that fades */
	int load_level_window;    /* hours that tell the departure */
	double pv_recency;
	double pv_ratio_share;    /* how much of today's PV ratio fades within hours, ... */
	double pv_ratio_hours;    /* and how fast */
	double pv_ratio_days_h;   /* the rest in this time */
	double pv_ratio_window;   /* hours in which what tells the ratio fades */
	double pv_ratio_prior_wh; /* energy at which the ratio is half believed */
	double pv_ratio_max;
	double pv_clear_margin; /* above the most seen at that time */
	int spread_days;        /* in which errors are looked for, ... */
	int spread_near_s;      /* and how far from the time of day */
} tuning = {
	.load_recency = 0.90,
	.load_other_kind = 0.35,
	.load_same_weekday = 0.5,
	.load_level_share = 0.5,
	.load_level_hours = 1.5,
	.load_level_window = 1,
	.pv_recency = 0.90,
	.pv_ratio_share = 0.35,
	.pv_ratio_hours = 3,
	.pv_ratio_days_h = 36,
	.pv_ratio_window = 3,
	.pv_ratio_prior_wh = 20,
	.pv_ratio_max = 3,
	.pv_clear_margin = 1.05,
	.spread_days = 14,
	.spread_near_s = HOUR_S,
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
	if (interval_s < INTERVAL_MIN_S || interval_s > HOUR_S || DAY_S % interval_s != 0) {
		return -EINVAL;
	}
	memset(f, 0, sizeof(*f));
	f->interval_s = interval_s;
	return 0;
}

int64_t forecast_floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int place(int64_t k)
{
	int64_t at = k % FORECAST_RING;
	return (int)(at < 0 ? at + FORECAST_RING : at);
}

const struct forecast_entry *forecast_entry_at(const struct forecast *f, int64_t k)
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
	int64_t day = forecast_floor_divide(local_s, DAY_S) + 3; /* 1970 began on a Thursday */
	return (int)(day - 7 * forecast_floor_divide(day, 7));
}

/* share to the power of days. */
static double fade(double share, int days)
{
	double weight = 1;
	for (; days > 0; days >>= 1) {
		weight *= days & 1 ? share : 1;
		share *= share;
	}
	return weight;
}

double forecast_day_weight(int64_t then_local_s, int64_t local_s, int days)
{
	int then = weekday(then_local_s), now = weekday(local_s);
	double weight = fade(tuning.load_recency, days - 1);
	weight *= (then >= 5) == (now >= 5) ? 1 : tuning.load_other_kind;
	return weight * (then == now ? 1 + tuning.load_same_weekday : 1);
}

const struct forecast_entry *forecast_entry_local(const struct forecast *f, int64_t local_s,
						  int32_t east_s, int64_t *k)
{
	for (int guess = 0; guess < 2; guess++) {
		*k = forecast_floor_divide(local_s - east_s, f->interval_s);
		const struct forecast_entry *e = forecast_entry_at(f, *k);
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
		const struct forecast_entry *e = forecast_entry_local(f, then_s, east_s, &k);
		if (e && k < before && e->load_known) {
			double weight = forecast_day_weight(then_s, local_s, days);
			mean_add(&m, weight, (double)e->load_w);
		}
	}
	return m;
}

/* Means that were made: each is its neighbours' neighbour. */
enum { KEPT = 8 };
struct kept {
	bool made[KEPT];
	int64_t at_s[KEPT];
	struct mean mean[KEPT];
};

static struct mean load_mean_kept(const struct forecast *f, int64_t at_s, int32_t east_s,
				  int64_t before, struct kept *kept)
{
	int i = (int)(at_s / f->interval_s & (KEPT - 1));
	if (!kept->made[i] || kept->at_s[i] != at_s) {
		kept->made[i] = true;
		kept->at_s[i] = at_s;
		kept->mean[i] = load_mean(f, at_s, east_s, before);
	}
	return kept->mean[i];
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
static double load_base(const struct forecast *f, int64_t at_s, int32_t east_s, int64_t before,
			struct kept *kept)
{
	struct mean own = load_mean_kept(f, at_s, east_s, before, kept);
	if (own.weight <= 0) {
		return load_overall(f);
	}
	double mean = own.sum / own.weight, around = 0, weight = 0;
	for (int side = -2; side <= 2; side++) {
		struct mean m = load_mean_kept(f, at_s + (int64_t)side * f->interval_s, east_s,
					       before, kept);
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

double forecast_load_departs(double lead_h)
{
	return tuning.load_level_share * exp(-lead_h / tuning.load_level_hours);
}

/* How much more load the last hour had than the days before made of it. */
static double load_departure(const struct forecast *f)
{
	int window = tuning.load_level_window * HOUR_S / f->interval_s;
	double sum = 0;
	for (int back = 0; back < window; back++) {
		const struct forecast_entry *e = forecast_entry_at(f, f->newest - back);
		if (e && e->load_known) {
			sum += (double)e->load_w - (double)e->load_base_w;
		}
	}
	return sum / window;
}

/* PV at a time of day, UTC, from the intervals before `before` alone; *most is the most seen. */
static double pv_base(const struct forecast *f, int64_t at_s, int64_t before, double *most)
{
	struct mean m = { .weight = 0 };
	int64_t per_day = DAY_S / f->interval_s;
	int64_t today = forecast_floor_divide(at_s, f->interval_s);
	for (int days = 1; days <= FORECAST_DAYS_MAX; days++) {
		int64_t k = today - days * per_day;
		const struct forecast_entry *e = forecast_entry_at(f, k);
		if (e && k < before && e->pv_known) {
			mean_add(&m, fade(tuning.pv_recency, days - 1), (double)e->pv_w);
		}
	}
	*most = m.most;
	return m.weight > 0 ? m.sum / m.weight : 0;
}

/* What the last day's PV was of what the days before made of it, the last hours of light counting
 * most. */
static double pv_ratio(const struct forecast *f)
{
	double seen = 0, expected = 0, per_interval = (double)f->interval_s / HOUR_S;
	double fading = exp(-per_interval / tuning.pv_ratio_window), weight = per_interval;
	for (int64_t k = f->newest; k > f->newest - DAY_S / f->interval_s; k--) {
		const struct forecast_entry *e = forecast_entry_at(f, k);
		if (e && e->pv_known && e->pv_base_w > 0) {
			seen += weight * (double)e->pv_w;
			expected += weight * (double)e->pv_base_w;
		}
		weight *= fading;
	}
	double prior = tuning.pv_ratio_prior_wh;
	return fmin((seen + prior) / (expected + prior), tuning.pv_ratio_max);
}

struct today {
	double load_departure_w, pv_ratio;
	int64_t now_s; /* the end of the newest interval */
};

/* How much of the ratio is left after so many hours: clouds come and go, the weather stays. */
static double pv_persistence(double lead_h)
{
	return tuning.pv_ratio_share * exp(-lead_h / tuning.pv_ratio_hours) +
	       (1 - tuning.pv_ratio_share) * exp(-lead_h / tuning.pv_ratio_days_h);
}

/* Load and PV of one interval to come. */
static void forecast_interval(const struct forecast *f, const struct today *today, int64_t k,
			      int32_t east_s, struct kept *kept, double *load_w, double *pv_w)
{
	int64_t at_s = k * f->interval_s;
	int64_t before = k < f->newest + 1 ? k : f->newest + 1;
	double lead_h = fmax(0, (double)(at_s - today->now_s) / HOUR_S), most;
	double load = load_base(f, at_s, east_s, before, kept);
	load += today->load_departure_w * forecast_load_departs(lead_h);
	double pv = pv_base(f, at_s, before, &most);
	pv *= 1 + (today->pv_ratio - 1) * pv_persistence(lead_h);
	*load_w = fmax(load, 0);
	*pv_w = fmin(fmax(pv, 0), most * tuning.pv_clear_margin);
}

/* The mean over a step of the intervals it shares time with. */
static void fill_step(const struct forecast *f, const struct today *today, struct step *s,
		      int32_t east_s, struct kept *kept)
{
	double from_s = (double)s->start_s, to_s = from_s + s->hours * HOUR_S;
	int64_t first = forecast_floor_divide(s->start_s, f->interval_s);
	double load = 0, pv = 0;
	for (int64_t k = first; (double)(k * f->interval_s) < to_s - 1e-3; k++) {
		double load_w, pv_w, start_s = (double)(k * f->interval_s);
		double share = fmin(to_s, start_s + f->interval_s) - fmax(from_s, start_s);
		forecast_interval(f, today, k, east_s, kept, &load_w, &pv_w);
		load += load_w * share;
		pv += pv_w * share;
	}
	s->load_w = load / (to_s - from_s);
	s->pv_w = pv / (to_s - from_s);
}

static struct today look_at_today(const struct forecast *f)
{
	return (struct today){ .load_departure_w = load_departure(f),
			       .pv_ratio = pv_ratio(f),
			       .now_s = (f->newest + 1) * f->interval_s };
}

void forecast_fill(const struct forecast *f, struct step *step, int steps, const int32_t *east_s)
{
	struct today today = look_at_today(f);
	struct kept kept = { .made = { false } };
	for (int t = 0; t < steps; t++) {
		/* A mean is one of its clock's, and of the days that were before its own. */
		bool anew = t > 0 && east_s[t] != east_s[t - 1];
		anew |= step[t].start_s <= (f->newest + 1) * f->interval_s;
		if (anew) {
			memset(kept.made, 0, sizeof(kept.made));
		}
		fill_step(f, &today, &step[t], east_s[t], &kept);
	}
}

/* --- how far off it was -------------------------------------------------------------------------
 */

/* What the mean over so many intervals from k on was off by. Returns whether that is known. */
static bool error_of(const struct forecast *f, int64_t k, int intervals, double *error_w)
{
	*error_w = 0;
	for (int i = 0; i < intervals; i++) {
		const struct forecast_entry *e = forecast_entry_at(f, k + i);
		if (!e || !e->told || !e->load_known || !e->pv_known) {
			return false;
		}
		double net_w = (double)e->load_w - (double)e->pv_w;
		*error_w += (net_w - (double)e->told_w) / intervals;
	}
	return true;
}

double forecast_spread(const struct forecast *f, const struct step *s)
{
	int64_t per_day = DAY_S / f->interval_s;
	int64_t first = forecast_floor_divide(s->start_s, f->interval_s);
	int intervals = (int)fmax(1, round(s->hours * HOUR_S / f->interval_s));
	int near = tuning.spread_near_s / f->interval_s, known = 0;
	int64_t ahead = first - f->newest; /* back by whole days to what came */
	first -= ahead > 0 ? (ahead - 1) / per_day * per_day : 0;
	double sum2 = 0, error_w;
	for (int days = 1; days <= tuning.spread_days; days++) {
		for (int shift = -near; shift <= near; shift++) {
			if (error_of(f, first - days * per_day + shift, intervals, &error_w)) {
				sum2 += error_w * error_w;
				known++;
			}
		}
	}
	return known > 0 ? sqrt(sum2 / known) : 0;
}

/* --- what came ----------------------------------------------------------------------------------
 */

static bool sound(double x)
{
	return isfinite(x) && x >= 0;
}

/* What is to be said of interval k before it comes. */
static void foretell(const struct forecast *f, int64_t k, struct forecast_entry *e)
{
	struct kept kept = { .made = { false } };
	double load_w, pv_w, most;
	e->load_base_w = (float)load_base(f, k * f->interval_s, e->east_s, k, &kept);
	e->pv_base_w = (float)pv_base(f, k * f->interval_s, k, &most);
	const struct forecast_entry *before = forecast_entry_at(f, k);
	bool seen = load_mean_kept(f, k * f->interval_s, e->east_s, k, &kept).weight > 0;
	if (before) {
		e->told = before->told;
		e->told_w = before->told_w;
	} else if (seen && k == f->newest + 1) {
		struct today today = look_at_today(f);
		forecast_interval(f, &today, k, e->east_s, &kept, &load_w, &pv_w);
		e->told = true;
		e->told_w = (float)(load_w - pv_w);
	}
}

void forecast_add(struct forecast *f, int64_t start_s, bool load_known, double load_w,
		  bool pv_known, double pv_w, int32_t east_s)
{
	int64_t k = forecast_floor_divide(start_s, f->interval_s);
	bool newer = !f->any || k > f->newest;
	struct forecast_entry e = { .east_s = east_s };
	if (!newer && !forecast_entry_at(f, k)) {
		return;
	}
	if (f->any) {
		foretell(f, k, &e);
	}
	if (newer) {
		advance(f, k);
	}
	e.load_known = load_known && sound(load_w);
	e.pv_known = pv_known && sound(pv_w);
	e.load_w = e.load_known ? (float)load_w : 0;
	e.pv_w = e.pv_known ? (float)pv_w : 0;
	f->ring[place(k)] = e;
}
