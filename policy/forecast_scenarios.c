/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "policy/forecast_private.h"

static const double light_hours = 3;   /* how fast what tells how bright it is fades */
static const double pv_alike = 0.25;   /* days whose PV index differs by that are hardly alike */
static const double pv_sure_hours = 1; /* how fast a scenario leaves the forecast */

/* The last interval at the time of day of interval k that is `days` days back, or, where that is
 * still to come, as many days more as it takes in whole rounds. */
static int days_back(const struct forecast *f, int64_t start_s, int days)
{
	int64_t newest_s = (f->newest + 1) * f->interval_s;
	while (start_s - (int64_t)days * DAY_S >= newest_s) {
		days += SCENARIOS_MAX;
	}
	return days;
}

/* What a step would be if it went as so many days before; the forecast where that is not known. */
static void follow_day(const struct forecast *f, const struct step *s, int32_t east_s, int days,
		       double *load_w, double *pv_w)
{
	double load = 0, pv = 0, load_sum = 0, pv_sum = 0;
	int64_t end_s = s->start_s + (int64_t)lround(s->hours * HOUR_S);
	int64_t back_s = (int64_t)days_back(f, s->start_s, days) * DAY_S, k;
	for (int64_t at_s = s->start_s; at_s < end_s; at_s += f->interval_s) {
		const struct forecast_entry *of_load =
			forecast_entry_local(f, at_s + east_s - back_s, east_s, &k);
		const struct forecast_entry *of_pv =
			forecast_entry_at(f, forecast_floor_divide(at_s - back_s, f->interval_s));
		if (of_load && of_load->load_known) {
			load += (double)of_load->load_w;
			load_sum++;
		}
		if (of_pv && of_pv->pv_known) {
			pv += (double)of_pv->pv_w;
			pv_sum++;
		}
	}
	*load_w = load_sum > 0 ? load / load_sum : s->load_w;
	*pv_w = pv_sum > 0 ? pv / pv_sum : s->pv_w;
}

/* The most PV seen at each time of day. */
static void most_pv(const struct forecast *f, double *most)
{
	int per_day = DAY_S / f->interval_s;
	memset(most, 0, (size_t)per_day * sizeof(*most));
	for (int64_t k = f->newest; k > f->newest - (int64_t)FORECAST_DAYS_MAX * per_day; k--) {
		const struct forecast_entry *e = forecast_entry_at(f, k);
		int at = (int)(k - forecast_floor_divide(k, per_day) * per_day);
		most[at] = e && e->pv_known ? fmax(most[at], (double)e->pv_w) : most[at];
	}
}

/* How much of the most PV there was in the hours of light before interval `end`, -1 where that is
 * not known. */
static double pv_index(const struct forecast *f, const double *most, int64_t end)
{
	int per_day = DAY_S / f->interval_s;
	double seen = 0, clear = 0, per_interval = (double)f->interval_s / HOUR_S;
	double fading = exp(-per_interval / light_hours), weight = per_interval;
	for (int64_t k = end - 1; k >= end - per_day; k--) {
		const struct forecast_entry *e = forecast_entry_at(f, k);
		if (e && e->pv_known) {
			seen += weight * (double)e->pv_w;
			clear += weight * most[k - forecast_floor_divide(k, per_day) * per_day];
		}
		weight *= fading;
	}
	return clear > 0 ? seen / clear : -1;
}

static void fill_scenario(const struct forecast *f, const struct step *step, int steps,
			  const int32_t *east_s, int days, struct scenario *out)
{
	int64_t now_s = (f->newest + 1) * f->interval_s;
	for (int t = 0; t < steps; t++) {
		double lead_h = fmax(0, (double)(step[t].start_s - now_s) / HOUR_S);
		double load_sure = forecast_load_departs(lead_h);
		double pv_sure = exp(-lead_h / pv_sure_hours);
		double load_w, pv_w;
		follow_day(f, &step[t], east_s[t], days, &load_w, &pv_w);
		load_w += load_sure * (step[t].load_w - load_w);
		pv_w += pv_sure * (step[t].pv_w - pv_w);
		out->load_w[t] = (float)load_w;
		out->pv_w[t] = (float)pv_w;
	}
}

/* How alike the time before that many days ago is to the time before now. */
static double likeness(const struct forecast *f, const double *most, int32_t east_s, int days,
		       double index)
{
	int64_t per_day = DAY_S / f->interval_s;
	int64_t now_s = (f->newest + 1) * f->interval_s, local_s = now_s + east_s;
	double then = pv_index(f, most, f->newest + 1 - days * per_day);
	double apart = index >= 0 && then >= 0 ? (then - index) / pv_alike : 0;
	return forecast_day_weight(local_s - (int64_t)days * DAY_S, local_s, days) *
	       exp(-apart * apart / 2);
}

int forecast_scenarios(const struct forecast *f, const struct step *step, int steps,
		       const int32_t *east_s, struct scenario *out)
{
	int count = 0;
	int days[SCENARIOS_MAX];
	int64_t per_day = DAY_S / f->interval_s;
	double most[DAY_S / INTERVAL_MIN_S];
	most_pv(f, most);
	double index = pv_index(f, most, f->newest + 1);
	for (int back = 1; back <= FORECAST_DAYS_MAX; back++) {
		const struct forecast_entry *e =
			forecast_entry_at(f, f->newest + 1 - back * per_day);
		if (!e || !e->load_known) {
			continue;
		}
		double weight = fmax(likeness(f, most, east_s[0], back, index), 1e-6);
		int k = count < SCENARIOS_MAX ? count++ : SCENARIOS_MAX;
		for (; k > 0 && out[k - 1].weight < weight; k--) {
			if (k < SCENARIOS_MAX) {
				out[k].weight = out[k - 1].weight;
				days[k] = days[k - 1];
			}
		}
		if (k < SCENARIOS_MAX) {
			out[k].weight = weight;
			days[k] = back;
		}
	}
	for (int i = 0; i < count; i++) {
		fill_scenario(f, step, steps, east_s, days[i], &out[i]);
	}
	return count;
}
