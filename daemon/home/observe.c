/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/observe.h"

#include <math.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/home/outlook.h"

static const double day_s = 86400;
/* A result of the market that is older is no observation any more. */
static const int64_t clearing_age_max_s = 86400;

static void observe_calendar(int64_t at_s, double *value)
{
	int64_t local_s = at_s + timezone_offset_s(at_s), new_year_s = 0;
	char text[ISOTIME_SIZE];
	(void)isotime_format(local_s, text);
	memcpy(text + 4, "-01-01T00:00:00Z", sizeof("-01-01T00:00:00Z"));
	(void)isotime_parse(text, &new_year_s);
	double hour = 2 * M_PI * timezone_day_second(at_s) / day_s;
	double year = 2 * M_PI * (double)(local_s - new_year_s) / (365 * day_s);
	value[SOURCE_HOUR_SIN] = sin(hour);
	value[SOURCE_HOUR_COS] = cos(hour);
	value[SOURCE_YEAR_SIN] = sin(year);
	value[SOURCE_YEAR_COS] = cos(year);
}

static void observe_last(const struct interval *last, int64_t at_s, double *value)
{
	bool before = last->start_s + (int64_t)last->length_s == at_s;
	if (!before || !(last->load_s > last->length_s / 2)) {
		return;
	}
	value[SOURCE_LOAD] = last->load_wh / last->load_s * 3600;
	value[SOURCE_PV] = last->pv_wh / last->load_s * 3600;
	value[SOURCE_NET] = value[SOURCE_LOAD] - value[SOURCE_PV];
}

/* Means of the forecast for so many hours from then on. */
static void observe_hours(const struct forecast *forecast, int64_t at_s, int hours, double *load_w,
			  double *pv_w)
{
	enum { HOURS_MAX = 24 };
	struct step step[HOURS_MAX];
	int32_t east_s[HOURS_MAX] = { 0 };
	for (int k = 0; k < hours; k++) {
		step[k] = (struct step){ .start_s = at_s + k * 3600, .hours = 1 };
		east_s[k] = (int32_t)timezone_offset_s(step[k].start_s);
	}
	forecast_fill(forecast, step, hours, east_s);
	*load_w = *pv_w = 0;
	for (int k = 0; k < hours; k++) {
		*load_w += step[k].load_w / hours;
		*pv_w += step[k].pv_w / hours;
	}
}

static void observe_step(const struct site *site, const struct forecast *forecast, int64_t at_s,
			 double *value)
{
	struct step step = { .start_s = at_s, .hours = site->interval_s / 3600 };
	int32_t east_s = (int32_t)timezone_offset_s(at_s);
	outlook_set_prices(site, &step);
	value[SOURCE_BUY] = step.buy;
	value[SOURCE_SELL] = step.sell;
	if (forecast_ready(forecast)) {
		forecast_fill(forecast, &step, 1, &east_s);
		value[SOURCE_LOAD_NEXT] = step.load_w;
		value[SOURCE_PV_NEXT] = step.pv_w;
		observe_hours(forecast, at_s, 6, &value[SOURCE_LOAD_6H], &value[SOURCE_PV_6H]);
		observe_hours(forecast, at_s, 24, &value[SOURCE_LOAD_24H], &value[SOURCE_PV_24H]);
	}
}

static void observe_charge(const struct site *site, const struct state *s, double *value)
{
	double stored_wh = 0, capacity_wh = 0;
	bool known = site->batteries > 0;
	for (int b = 0; b < site->batteries; b++) {
		double wh = site->battery[b].model.capacity_wh;
		known = known && reading_good(&s->battery[b].soc);
		stored_wh += s->battery[b].soc.value * wh;
		capacity_wh += wh;
	}
	if (known && capacity_wh > 0) {
		value[SOURCE_SOC] = stored_wh / capacity_wh;
	}
}

static void observe_market(const struct clearing *c, int64_t at_s, double *value)
{
	if (c->start_s == 0 || at_s - c->start_s > clearing_age_max_s) {
		return;
	}
	if (c->has_price) {
		value[SOURCE_LOCAL_PRICE] = c->price;
	}
	if (c->has_quantity) {
		value[SOURCE_LOCAL_QUANTITY] = c->quantity_wh;
	}
}

void observe(const struct site *site, const struct state *s, const struct interval *last,
	     const struct forecast *forecast, const struct market *market,
	     double value[SOURCE_COUNT])
{
	int64_t at_s = interval_start(site->interval_s, s->wall_s);
	for (int i = 0; i < SOURCE_COUNT; i++) {
		value[i] = NAN;
	}
	observe_calendar(at_s, value);
	observe_last(last, at_s, value);
	observe_step(site, forecast, at_s, value);
	observe_charge(site, s, value);
	observe_market(&market->clearing, at_s, value);
}
