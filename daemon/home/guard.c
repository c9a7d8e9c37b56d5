/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/guard.h"

#include <math.h>

#include "daemon/home/reason.h"

/* A full battery takes no charge until it is this far below again, and so for an empty one. */
static const double soc_hysteresis = 0.01;
/* PV is limited once it comes this near to what may be generated. */
static const double curtail_from = 0.9;

void guard_init(struct guard *g, const struct guard_conf *conf, int64_t now_us)
{
	*g = (struct guard){ .conf = *conf,
			     .last.pv_untouched = true,
			     .last_us = now_us,
			     .known_us = now_us,
			     .order_import_w = INFINITY,
			     .order_export_w = INFINITY };
	for (int b = 0; b < BATTERIES_MAX; b++) {
		g->last.release[b] = true;
		g->last.untouched[b] = true;
		g->battery_known_us[b] = now_us;
	}
}

void guard_order(struct guard *g, double import_w, double export_w, int64_t until_s)
{
	g->order_import_w = import_w;
	g->order_export_w = export_w;
	g->order_until_s = until_s;
}

static bool battery_known(const struct battery_state *b)
{
	return reading_good(&b->soc) && reading_good(&b->w);
}

/* Whether battery b and its house are known now. */
static bool look(struct guard *g, const struct state *s, int b)
{
	bool known = reading_good(&s->net_w) && battery_known(&s->battery[b]);
	if (known) {
		g->battery_known_us[b] = s->now_us;
	}
	return known;
}

/* What is unknown is frozen first and released when it stays so. What was never known is left to
 * what an earlier life told it for as long. */
static void freeze(const struct guard *g, const struct state *s, int b, struct action *out)
{
	bool late = s->now_us - g->battery_known_us[b] >= g->conf.release_us;
	out->untouched[b] = g->last.untouched[b] && !late;
	out->release[b] = g->last.release[b] || late;
	out->battery_w[b] = out->release[b] ? 0 : g->last.battery_w[b];
	out->reasons |= out->release[b] ? REASON_RELEASED : REASON_FROZEN;
}

static double bound(double value, double low, double high, uint32_t reason, uint32_t *reasons)
{
	if (value < low || value > high) {
		*reasons |= reason;
		return value < low ? low : high;
	}
	return value;
}

static double limit_ramp(const struct guard *g, const struct state *s, int b, double want_w,
			 uint32_t *reasons)
{
	if (g->conf.ramp_w_per_s <= 0) {
		return want_w;
	}
	double from_w = g->last.release[b] ? s->battery[b].w.value : g->last.battery_w[b];
	double step_w = g->conf.ramp_w_per_s * (double)(s->now_us - g->last_us) / 1e6;
	return bound(want_w, from_w - step_w, from_w + step_w, REASON_RAMP, reasons);
}

/* Watch battery b do what it was told last. */
static enum obedience_state watch(struct guard *g, const struct state *s, int b, uint32_t *reasons)
{
	static const uint32_t reason[OBEDIENCE_STATES] = {
		[STRAYING] = REASON_DEVIATION, [GIVEN_UP] = REASON_GIVEN_UP
	};
	enum obedience_state is =
		obedience_check(&g->obedience[b], &s->battery[b], !g->last.release[b],
				g->last.battery_w[b], s->now_us);
	*reasons |= s->battery[b].refused ? REASON_GIVEN_UP : reason[is];
	return is;
}

/* The range of powers battery b may be given, and the reason of each end. */
struct range {
	double low_w, high_w; /* low <= 0 <= high */
	uint32_t low_reason, high_reason;
};

static struct range battery_range(struct guard *g, const struct state *s, int b)
{
	const struct guard_limits *limits = &g->conf.battery[b];
	const struct battery_state *battery = &s->battery[b];
	struct range r = { .low_w = -fmin(limits->charge_w, battery->charge_max_w),
			   .high_w = fmin(limits->discharge_w, battery->discharge_max_w),
			   .low_reason = REASON_POWER_LIMIT,
			   .high_reason = REASON_POWER_LIMIT };
	if (battery->charge_max_w < limits->charge_w) {
		r.low_reason = REASON_BMS_LIMIT;
	}
	if (battery->discharge_max_w < limits->discharge_w) {
		r.high_reason = REASON_BMS_LIMIT;
	}
	double highest = battery->soc.value + battery->soc_above;
	double lowest = battery->soc.value - battery->soc_below;
	double hysteresis = g->full[b] ? soc_hysteresis : 0;
	g->full[b] = highest >= limits->soc_max - hysteresis;
	hysteresis = g->empty[b] ? soc_hysteresis : 0;
	g->empty[b] = lowest <= limits->soc_min + hysteresis;
	if (g->full[b]) {
		r.low_w = 0;
		r.low_reason = REASON_SOC_MAX;
	}
	if (g->empty[b]) {
		r.high_w = 0;
		r.high_reason = REASON_SOC_MIN;
	}
	return r;
}

static double limit_range(const struct range *r, double want_w, uint32_t *reasons)
{
	if (isnan(want_w)) {
		*reasons |= REASON_POWER_LIMIT;
		return 0;
	}
	want_w = bound(want_w, r->low_w, INFINITY, r->low_reason, reasons);
	return bound(want_w, -INFINITY, r->high_w, r->high_reason, reasons);
}

/* The limits that hold now at the connection. */
struct connection {
	double import_w, export_w;
	uint32_t import_reason, export_reason;
};

static struct connection connection_limits(const struct guard *g, const struct state *s)
{
	struct connection c = { .import_w = g->conf.import_limit_w,
				.export_w = g->conf.export_limit_w,
				.import_reason = REASON_IMPORT_LIMIT,
				.export_reason = REASON_EXPORT_LIMIT };
	if (s->wall_s < g->order_until_s) {
		if (g->order_import_w < c.import_w) {
			c.import_w = g->order_import_w;
			c.import_reason = REASON_GRID_OPERATOR;
		}
		if (g->order_export_w < c.export_w) {
			c.export_w = g->order_export_w;
			c.export_reason = REASON_GRID_OPERATOR;
		}
	}
	return c;
}

/* Move the batteries by need_w in all (> 0: discharge more), each within its range. Returns what
 * could not be moved. */
static double shift(struct action *out, const struct range *range, const bool *movable,
		    int batteries, double need_w)
{
	for (int b = 0; b < batteries && need_w != 0; b++) {
		if (!movable[b]) {
			continue;
		}
		double to_w =
			fmax(range[b].low_w, fmin(range[b].high_w, out->battery_w[b] + need_w));
		/* Never against the need, where a set-point lies out of its range. */
		double moved_w = need_w > 0 ? fmax(to_w - out->battery_w[b], 0)
					    : fmin(to_w - out->battery_w[b], 0);
		out->battery_w[b] += moved_w;
		need_w -= moved_w;
	}
	return need_w;
}

/* Limit PV to what may be generated when the batteries have done what they can. */
static void curtail(struct guard *g, const struct state *s, double grid_w, double export_limit_w,
		    struct action *out)
{
	if (!g->conf.curtailable || !isfinite(export_limit_w)) {
		return;
	}
	double allowed_w = fmax(0, s->limitable_w.value + grid_w + export_limit_w);
	double from = g->last.pv_limited ? curtail_from * curtail_from : curtail_from;
	if (allowed_w < g->conf.pv_peak_w && s->limitable_w.value >= from * allowed_w) {
		out->pv_limited = true;
		out->pv_limit_w = allowed_w;
		out->reasons |= REASON_CURTAILED;
	}
}

/* Keep the connection within its limits by the batteries: those that do as they are told first; of
 * the others only what they really do counts. Returns the grid's power then. */
static double limit_connection(const struct guard *g, const struct state *s,
			       const struct connection *c, const struct range *range,
			       const bool *movable, struct action *out)
{
	double grid_w = s->net_w.value;
	bool obeys[BATTERIES_MAX], strays[BATTERIES_MAX];
	for (int b = 0; b < g->conf.batteries; b++) {
		strays[b] = movable[b] && g->obedience[b].state == STRAYING;
		obeys[b] = movable[b] && !strays[b];
		if (reading_good(&s->battery[b].w)) {
			/* One that cannot be moved goes on doing what it does. */
			bool own_way = out->release[b] || strays[b];
			grid_w -= own_way ? s->battery[b].w.value : out->battery_w[b];
		}
	}
	bool imports = grid_w > c->import_w;
	double over_w = imports ? grid_w - c->import_w : fmin(grid_w + c->export_w, 0);
	double left_w = shift(out, range, obeys, g->conf.batteries, over_w);
	if (shift(out, range, strays, g->conf.batteries, left_w) != over_w) {
		out->reasons |= imports ? c->import_reason : c->export_reason;
	}
	return grid_w - (over_w - left_w);
}

/* The house is not known: PV stays as it is limited, and when that lasts it may generate no more
 * than may be exported. */
static void curtail_blindly(const struct guard *g, const struct state *s, double export_limit_w,
			    struct action *out)
{
	bool late = s->now_us - g->known_us >= g->conf.release_us;
	out->pv_untouched = g->last.pv_untouched && !late;
	out->pv_limited = g->last.pv_limited;
	out->pv_limit_w = g->last.pv_limit_w;
	if (late) {
		out->pv_limited = g->conf.curtailable && export_limit_w < g->conf.pv_peak_w;
		out->pv_limit_w = out->pv_limited ? export_limit_w : 0;
	}
	out->reasons |= out->pv_limited ? REASON_CURTAILED : 0;
}

/* The connection, by the batteries first and then by PV. */
static void guard_connection(struct guard *g, const struct state *s, const struct wish *want,
			     const struct range *range, const bool *movable, struct action *out)
{
	struct connection c = connection_limits(g, s);
	double grid_w = 0;
	if (reading_good(&s->net_w)) {
		grid_w = limit_connection(g, s, &c, range, movable, out);
	}
	if (reading_good(&s->net_w) && reading_good(&s->limitable_w)) {
		curtail(g, s, grid_w, want->no_export ? 0 : c.export_w, out);
		g->known_us = s->now_us;
	} else {
		curtail_blindly(g, s, c.export_w, out);
	}
}

/* Why the wish is not what was decided, and what is doubted of the batteries. */
static uint32_t told_reasons(const struct guard *g, const struct state *s, const struct wish *want)
{
	uint32_t reasons = (want->damped ? REASON_SWING : 0) | (want->misled ? REASON_SIGN : 0);
	for (int b = 0; b < g->conf.batteries; b++) {
		bool doubted = s->battery[b].soc_below > 0 || s->battery[b].soc_above > 0;
		reasons |= doubted ? REASON_SOC_DOUBT : 0;
	}
	return reasons;
}

uint32_t guard_apply(struct guard *g, const struct state *s, const struct wish *want,
		     struct action *out)
{
	struct action a = { .reasons = told_reasons(g, s, want) };
	struct range range[BATTERIES_MAX];
	bool movable[BATTERIES_MAX];
	for (int b = 0; b < g->conf.batteries; b++) {
		bool known = look(g, s, b);
		bool refused = watch(g, s, b, &a.reasons) == GIVEN_UP || s->battery[b].refused;
		movable[b] = known && !want->release && !refused;
		a.again[b] = g->obedience[b].again;
		a.release[b] = want->release || refused;
		if (!known && want->idle && battery_known(&s->battery[b])) {
			g->battery_known_us[b] = s->now_us; /* 0 W needs no house */
		} else if (!known && !a.release[b]) {
			freeze(g, s, b, &a);
		}
		if (!movable[b]) {
			continue;
		}
		range[b] = battery_range(g, s, b);
		a.battery_w[b] = limit_ramp(g, s, b, want->battery_w[b], &a.reasons);
		a.battery_w[b] = limit_range(&range[b], a.battery_w[b], &a.reasons);
		movable[b] = !want->trial;
	}
	guard_connection(g, s, want, range, movable, &a);
	g->last = a;
	g->last_us = s->now_us;
	*out = a;
	return a.reasons;
}
