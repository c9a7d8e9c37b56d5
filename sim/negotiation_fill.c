/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What homes, grid and market face over a horizon. */
#include <errno.h>
#include <math.h>

#include "daemon/base/chance.h"
#include "daemon/base/isotime.h"
#include "sim/negotiation_private.h"

enum { DAY_S = 86400, HOUR_S = 3600 };
enum { LOAD_PERIOD_S = 3 * HOUR_S, PV_PERIOD_S = 2 * HOUR_S };
#define LOAD_STRAYS 0.15 /* of a home's load around the series, one deviation */
#define PV_STRAYS   0.06
#define LEAST       0.2    /* of the series, whatever it strays */
#define PRICE_MAX   1000.0 /* per kWh, either way */
#define ROUNDING    1e-9

static int64_t time_of(const struct negotiation *w, int t)
{
	return w->start_s + t * (int64_t)w->conf->step_s;
}

static double strayed(const struct negotiation *w, int stream, int64_t at_s, int period_s,
		      double by)
{
	double noise = chance_noise((uint64_t)w->conf->seed, (uint32_t)stream, at_s, period_s);
	return fmax(1 + by * noise, LEAST);
}

static double at_step(const struct negotiation *w, int column, int t)
{
	double value = 0; /* the series was found to cover the horizon */
	(void)series_mean(&w->series, column, time_of(w, t), time_of(w, t + 1), &value);
	return value;
}

static bool plugged(const struct negotiation *w, const struct negotiation_home *h, int t)
{
	return window_holds(&h->plugged, timezone_day_second(time_of(w, t)));
}

/* How much of the stay at step t is over when the step begins. */
static double stay_share(const struct negotiation *w, const struct negotiation_home *h, int t)
{
	int since_s = timezone_day_second(time_of(w, t)) - h->plugged.from_s;
	since_s += since_s < 0 ? DAY_S : 0;
	return (double)since_s / window_length_s(&h->plugged);
}

/* A car's store counts what was charged since the horizon began: at least all that it needs for the
 * trips begun, at most for those it came back from; a stay that the horizon ends in is charged by
 * as much as has passed of it. */
static void fill_car(struct negotiation *w, struct negotiation_home *h, bool first)
{
	const struct negotiation_conf *c = w->conf;
	double night_kwh = h->peak_kw * c->car_s / HOUR_S, low = 0, high = 0;
	bool was = plugged(w, h, 0);
	high = was ? night_kwh : 0;
	h->home.start_kwh = !was    ? 0
			    : first ? night_kwh * stay_share(w, h, 0)
				    : fmin(h->home.start_kwh, night_kwh);
	for (int t = 0; t < w->steps; t++) {
		struct storage_step *s = &h->home.step[t];
		bool here = plugged(w, h, t), next = plugged(w, h, t + 1);
		high += here && !was ? night_kwh : 0;
		was = here;
		low = here && !next ? high : low;
		s->charge_max_kw = here ? h->peak_kw * c->car_power : 0;
		s->discharge_max_kw = 0;
		s->wear = 0;
		s->low_kwh = low;
		s->high_kwh = high;
		if (t == w->steps - 1 && here && next) {
			s->low_kwh += (high - low) * stay_share(w, h, t + 1);
		}
	}
	h->home.end_kwh = h->home.step[w->steps - 1].low_kwh;
}

static void fill_battery(struct negotiation *w, struct negotiation_home *h, bool first)
{
	const struct negotiation_conf *c = w->conf;
	double kwh = h->peak_kw * c->battery_s / HOUR_S;
	h->home.start_kwh = first ? kwh / 2 : fmin(fmax(h->home.start_kwh, 0), kwh);
	for (int t = 0; t < w->steps; t++) {
		struct storage_step *s = &h->home.step[t];
		s->charge_max_kw = s->discharge_max_kw = h->peak_kw * c->battery_power;
		s->wear = c->wear;
		s->low_kwh = t == w->steps - 1 ? kwh / 2 : 0;
		s->high_kwh = kwh;
	}
	h->home.end_kwh = kwh / 2;
}

static void fill_home(struct negotiation *w, int i, bool first)
{
	struct negotiation_home *h = &w->home[i];
	for (int t = 0; t < w->steps; t++) {
		int64_t at_s = time_of(w, t);
		double load = at_step(w, w->load, t) *
			      strayed(w, NEGOTIATION_STREAMS * i + NEGOTIATION_LOAD, at_s,
				      LOAD_PERIOD_S, LOAD_STRAYS);
		double pv =
			at_step(w, w->pv, t) * strayed(w, NEGOTIATION_STREAMS * i + NEGOTIATION_PV,
						       at_s, PV_PERIOD_S, PV_STRAYS);
		h->home.step[t].hours = w->hours;
		h->home.step[t].net_kw = h->peak_kw * (load - w->conf->pv * pv);
	}
	(h->class == NEGOTIATION_CAR ? fill_car : fill_battery)(w, h, first);
}

/* The households that are not active; those that are were theirs. */
static void fill_base(struct negotiation *w, int t)
{
	size_t nodes = (size_t)w->k.nodes;
	double *p = w->grid.base_p + (size_t)t * nodes, *q = w->grid.base_q + (size_t)t * nodes;
	double load = at_step(w, w->load, t), sum = 0;
	network_loads(&w->k, &w->f, w->conf->load_scale * load, p, q);
	for (int i = 0; i < w->homes; i++) {
		double *here = &p[w->home[i].node];
		*here = fmax(*here - w->home[i].peak_kw * load * 1e3 / w->k.base_va, 0);
	}
	for (size_t n = 0; n < nodes; n++) {
		sum += p[n];
	}
	w->market.base_kw[t] = sum * w->k.base_va / 1e3;
	w->market.upstream[t] = at_step(w, w->wholesale, t);
	w->buy[t] = tariff_mean(&w->conf->tariff.buy, time_of(w, t), (int64_t)w->conf->step_s) +
		    tariff_mean(&w->conf->tariff.network, time_of(w, t), (int64_t)w->conf->step_s);
	w->sell[t] = fmin(w->buy[t], tariff_mean(&w->conf->tariff.sell, time_of(w, t),
						 (int64_t)w->conf->step_s));
}

/* Parts of a peak are no more than it: so a connection carries whatever a home has. */
static int check_column(const struct negotiation *w, int column, double low, double high,
			struct diag *d)
{
	char at[ISOTIME_SIZE];
	double value;
	for (int t = 0; t < w->steps; t++) {
		if (series_mean(&w->series, column, time_of(w, t), time_of(w, t + 1), &value) < 0) {
			return diag_error(
				d, w->conf->series, 0,
				"does not cover the horizon, expected rows from its start on");
		}
		if (value < low - ROUNDING || value > high + ROUNDING) {
			return diag_error(d, w->conf->series, 0,
					  "%s is %g at %s, expected numbers from %g to %g",
					  w->series.name[column], value,
					  isotime_format(time_of(w, t), at), low, high);
		}
	}
	return 0;
}

static int check_series(const struct negotiation *w, struct diag *d)
{
	int load = check_column(w, w->load, 0, 1, d), pv = check_column(w, w->pv, 0, 1, d);
	int price = check_column(w, w->wholesale, -PRICE_MAX, PRICE_MAX, d);
	return load < 0 ? load : pv < 0 ? pv : price;
}

int negotiation_fill(struct negotiation *w, bool first, struct diag *d)
{
	int r = check_series(w, d);
	if (r < 0) {
		return r;
	}
	for (int i = 0; i < w->homes; i++) {
		fill_home(w, i, first);
	}
	for (int t = 0; t < w->steps; t++) {
		fill_base(w, t);
	}
	return 0;
}

int negotiation_move(struct negotiation *w, struct diag *d)
{
	for (int i = 0; i < w->homes; i++) {
		struct negotiation_home *h = &w->home[i];
		bool left = h->class == NEGOTIATION_CAR && !plugged(w, h, 1);
		h->home.start_kwh = left ? 0 : h->stored_kwh;
	}
	w->start_s = time_of(w, 1);
	negotiate_shift(&w->market, 1);
	return negotiation_fill(w, false, d);
}
