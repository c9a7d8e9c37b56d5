/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/estimate.h"

#include <math.h>

/* No connection carries more. */
static const double grid_max_w = 1e9;
/* A power this far above the rating is a lie, not a measurement. */
static const double rating_factor = 1.5;
static const double rating_margin_w = 500;

/* Add r to sum: the value, the older time and the worse quality. */
static void add(struct reading *sum, const struct reading *r)
{
	if (!reading_good(sum)) {
		return;
	}
	if (!reading_good(r)) {
		*sum = (struct reading){ .quality = r->quality, .at_us = r->at_us };
		return;
	}
	sum->value += r->value;
	sum->at_us = r->at_us < sum->at_us ? r->at_us : sum->at_us;
}

static struct reading zero(int64_t now_us)
{
	return (struct reading){ .quality = QUALITY_GOOD, .at_us = now_us };
}

static struct reading within(struct reading r, double low, double high)
{
	if (reading_good(&r) && !(r.value >= low && r.value <= high)) {
		r.quality = QUALITY_OUT_OF_RANGE;
	}
	return r;
}

/* What the BMS allows; the site's limit where it tells no such thing. One that told and cannot be
 * read any more allows nothing. */
static double bms_limit(struct reading r, double site_w)
{
	if (r.quality == QUALITY_NEVER_SEEN || r.quality == QUALITY_NOT_IMPLEMENTED) {
		return site_w;
	}
	return reading_good(&r) ? fmin(fmax(r.value, 0), site_w) : 0;
}

static void estimate_battery(const struct site_battery *conf, const struct snapshot *seen,
			     int64_t now_us, int64_t stale_us, struct battery_state *out)
{
	const struct battery_model *m = &conf->model;
	double most_w =
		fmax(m->charge_limit_w, m->discharge_limit_w) * rating_factor + rating_margin_w;
	*out = (struct battery_state){ .up = seen->up };
	out->w = within(reading_aged(seen->reading[BATTERY_W], now_us, stale_us), -most_w, most_w);
	out->soc = within(reading_aged(seen->reading[BATTERY_SOC], now_us, stale_us), 0, 1);
	out->charge_max_w =
		bms_limit(reading_aged(seen->reading[BATTERY_CHARGE_MAX_W], now_us, stale_us),
			  m->charge_limit_w);
	out->discharge_max_w =
		bms_limit(reading_aged(seen->reading[BATTERY_DISCHARGE_MAX_W], now_us, stale_us),
			  m->discharge_limit_w);
}

void estimate(const struct site *site, const struct snapshots *seen, int64_t now_us, int64_t wall_s,
	      int64_t stale_us, struct state *out)
{
	struct state s = { .now_us = now_us, .wall_s = wall_s, .batteries = site->batteries };
	const struct reading *meter = seen->meter.reading;
	s.grid_w = within(reading_aged(meter[GRID_W], now_us, stale_us), -grid_max_w, grid_max_w);
	s.import_wh = reading_aged(meter[GRID_IMPORT_WH], now_us, stale_us);
	s.export_wh = reading_aged(meter[GRID_EXPORT_WH], now_us, stale_us);
	s.pv_w = zero(now_us);
	s.limitable_w = zero(now_us);
	for (int i = 0; i < site->pvs; i++) {
		double most_w = site->pv[i].peak_w * rating_factor + rating_margin_w;
		struct reading r = reading_aged(seen->pv[i].reading[PV_W], now_us, stale_us);
		r = within(r, -rating_margin_w, most_w);
		r.value = fmax(r.value, 0); /* an inverter's own consumption at night is load */
		add(&s.pv_w, &r);
		if (site->pv[i].curtailable) {
			add(&s.limitable_w, &r);
		}
	}
	s.net_w = s.grid_w;
	s.load_w = s.grid_w;
	for (int b = 0; b < site->batteries; b++) {
		struct battery_state *battery = &s.battery[b];
		estimate_battery(&site->battery[b], &seen->battery[b], now_us, stale_us, battery);
		add(&s.load_w, &battery->w);
		if (reading_good(&battery->w)) {
			add(&s.net_w, &battery->w);
		}
	}
	add(&s.load_w, &s.pv_w);
	s.load_w.value = fmax(s.load_w.value, 0); /* readings a moment apart may cross zero */
	*out = s;
}
