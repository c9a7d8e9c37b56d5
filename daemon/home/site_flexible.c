/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A site's assets that are planned in time: cars, loads that can wait, hot water, heat pumps. */
#include "daemon/home/site_private.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/csv.h"

static const char *const kinds[] = { "on-off", "continuous", NULL };
static const double water_wh_per_l_k = 1.163;

/* --- windows and what stands behind them --------------------------------------------------------
 */

/* NULL where a window can stand beside those that do, or what is expected. The others are the first
 * members of structs of so many bytes. */
static const char *check_window(const struct window *when, const void *others, size_t stride,
				int count)
{
	if (window_empty(when)) {
		return "a window that is not empty and begins before 24:00";
	}
	for (int i = 0; i < count; i++) {
		const void *other = (const char *)others + (size_t)i * stride;
		if (windows_overlap(other, when)) {
			return "windows that do not overlap";
		}
	}
	return count == WINDOWS_MAX ? "at most 8 of them" : NULL;
}

static const char *parse_windows(const char *text, void *field)
{
	struct site_windows *w = field;
	struct window when;
	if (!window_parse(&text, &when) || *text) {
		return "local times like 17:00-07:00";
	}
	const char *expected = check_window(&when, w->window, sizeof(*w->window), w->count);
	if (!expected) {
		w->window[w->count++] = when;
	}
	return expected;
}

static const char *parse_draw(const char *text, void *field)
{
	struct site_thermal *t = field;
	struct window when;
	double wh;
	if (!window_parse(&text, &when) || *text++ != ' ' ||
	    units_parse(text + strspn(text, " \t"), DIMENSION_ENERGY, &wh, NULL) < 0 || wh < 0 ||
	    wh > 1e6) {
		return "local times and heat, like 07:00-08:00 2 kWh";
	}
	const char *expected = check_window(&when, t->draw, sizeof(*t->draw), t->draws);
	if (!expected) {
		t->draw[t->draws].when = when;
		t->draw[t->draws++].wh = wh;
	}
	return expected;
}

/* "20-22 degC" */
static bool parse_band(const char *text, double *low_c, double *high_c)
{
	char low[32];
	size_t length = strcspn(text, "-");
	if (length == 0 || length >= sizeof(low) - 6 || !text[length]) {
		return false;
	}
	snprintf(low, sizeof(low), "%.*s degC", (int)length, text);
	return units_parse(low, DIMENSION_CELSIUS, low_c, NULL) == 0 &&
	       units_parse(text + length + 1, DIMENSION_CELSIUS, high_c, NULL) == 0 &&
	       *low_c <= *high_c && *high_c <= 40;
}

static const char *parse_comfort(const char *text, void *field)
{
	struct site_thermal *t = field;
	struct window when;
	double low_c, high_c;
	bool windowed = window_parse(&text, &when);
	if (windowed && *text++ != ' ') {
		return "a blank behind the window";
	}
	if (!parse_band(text + strspn(text, " \t"), &low_c, &high_c)) {
		return "a band up to 40 degC with local times or without, like 06:00-22:00 20-22 "
		       "degC";
	}
	if (!windowed) {
		t->low_c = low_c;
		t->high_c = high_c;
		return NULL;
	}
	const char *expected = check_window(&when, t->band, sizeof(*t->band), t->bands);
	if (!expected) {
		t->band[t->bands].when = when;
		t->band[t->bands].low_c = low_c;
		t->band[t->bands++].high_c = high_c;
	}
	return expected;
}

/* "-7:2.5 7:3.5": heat per electric energy over the temperature outside. */
static const char *parse_cop(const char *text, void *field)
{
	struct site_thermal *t = field;
	char copy[192], *rest = copy;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *pair; (pair = strtok_r(rest, " \t", &rest));) {
		char *colon = strchr(pair, ':');
		double outdoor_c, cop;
		if (!colon || t->cops == COPS_MAX) {
			return "1 to 8 pairs of degC outside and COP, like -7:2.5 7:3.5";
		}
		*colon = '\0';
		if (csv_number(pair, &outdoor_c) < 0 || csv_number(colon + 1, &cop) < 0 ||
		    !(outdoor_c >= -60 && outdoor_c <= 60) || !(cop >= 1 && cop <= 10)) {
			return "-60 to 60 degC outside and a COP of 1 to 10, like -7:2.5 7:3.5";
		}
		if (t->cops && outdoor_c <= t->cop[t->cops - 1].outdoor_c) {
			return "temperatures that rise from pair to pair";
		}
		t->cop[t->cops].outdoor_c = outdoor_c;
		t->cop[t->cops++].cop = cop;
	}
	return t->cops ? NULL : "pairs of degC outside and COP, like -7:2.5 7:3.5";
}

/* --- options ------------------------------------------------------------------------------------
 */

/* clang-format off */
#define EV(field) offsetof(struct site_ev, field)
static const struct option ev_options[] = {
	QUANTITY("capacity", DIMENSION_ENERGY, EV(model.capacity_wh), 100, 1e9, NULL),
	QUANTITY("charge-limit", DIMENSION_POWER, EV(model.charge_limit_w), 0, 1e8, NULL),
	QUANTITY("charge-min", DIMENSION_POWER, EV(model.charge_min_w), 0, 1e8, "0 W"),
	QUANTITY("discharge-limit", DIMENSION_POWER, EV(model.discharge_limit_w), 0, 1e8, "0 W"),
	QUANTITY("round-trip-efficiency", DIMENSION_FRACTION, EV(round_trip), 0.3, 1, ""),
	QUANTITY("charge-efficiency", DIMENSION_FRACTION, EV(model.charge_efficiency), 0.5, 1, ""),
	QUANTITY("discharge-efficiency", DIMENSION_FRACTION, EV(model.discharge_efficiency), 0.5, 1, ""),
	QUANTITY("soc-min", DIMENSION_FRACTION, EV(model.soc_min), 0, 1, "0 %"),
	QUANTITY("soc-max", DIMENSION_FRACTION, EV(model.soc_max), 0, 1, "100 %"),
	QUANTITY("soc-start", DIMENSION_FRACTION, EV(model.soc_start), 0, 1, "50 %"),
	QUANTITY("soc-target", DIMENSION_FRACTION, EV(model.soc_target), 0, 1, ""),
	QUANTITY("unmet-price", DIMENSION_PER_KWH, EV(model.unmet_price), 0, 1000, ""),
	QUANTITY("trip", DIMENSION_ENERGY, EV(model.trip_wh), 0, 1e9, "0 Wh"),
	QUANTITY("end-value", DIMENSION_PER_KWH, EV(model.end_value), 0, 10, ""),
	QUANTITY("wear", DIMENSION_PER_KWH, EV(model.wear), 0, 10, "0 EUR/kWh"),
	REPEATED("connected", EV(connected), parse_windows),
};

#define LOAD(field) offsetof(struct site_load, field)
static const struct option load_options[] = {
	QUANTITY("power", DIMENSION_POWER, LOAD(model.power_w), 1, 1e8, NULL),
	QUANTITY("duration", DIMENSION_TIME, LOAD(duration_s), 60, 86400, NULL),
	REPEATED("window", LOAD(windows), parse_windows),
	CHOICE("kind", LOAD(kind), kinds, "on-off"),
	BOOL("interruptible", LOAD(interruptible), "no"),
	QUANTITY("start-cost", DIMENSION_MONEY, LOAD(model.start_cost), 0, 1000, "0 EUR"),
	QUANTITY("unmet-price", DIMENSION_PER_KWH, LOAD(model.unmet_price), 0, 1000, ""),
};

#define THERMAL(field) offsetof(struct site_thermal, field)
#define HEAT(usual) \
	QUANTITY("start", DIMENSION_CELSIUS, THERMAL(start_c), -20, 100, ""), \
	QUANTITY("power", DIMENSION_POWER, THERMAL(power_w), 1, 1e8, NULL), \
	QUANTITY("loss", DIMENSION_HEAT_LOSS, THERMAL(loss_w_per_k), 0, 1e6, NULL), \
	QUANTITY("discomfort", DIMENSION_PER_KELVIN_HOUR, THERMAL(discomfort), 0, 1000, ""), \
	QUANTITY("end-value", DIMENSION_PER_KWH, THERMAL(end_value), 0, 10, ""), \
	CHOICE("kind", THERMAL(kind), kinds, usual)

static const struct option tank_options[] = {
	HEAT("on-off"),
	QUANTITY("volume", DIMENSION_VOLUME, THERMAL(volume_l), 1, 1e6, NULL),
	QUANTITY("low", DIMENSION_CELSIUS, THERMAL(low_c), 0, 100, "45 degC"),
	QUANTITY("high", DIMENSION_CELSIUS, THERMAL(high_c), 0, 100, "60 degC"),
	QUANTITY("ambient", DIMENSION_CELSIUS, THERMAL(outdoor_c), -40, 60, "20 degC"),
	REPEATED("draw", 0, parse_draw),
};

static const struct option heat_pump_options[] = {
	HEAT("continuous"),
	QUANTITY("heat-capacity", DIMENSION_HEAT_CAPACITY, THERMAL(capacity_wh_per_k), 1, 1e9, NULL),
	REPEATED("comfort", 0, parse_comfort),
	CUSTOM("cop", 0, NULL, parse_cop),
	QUANTITY("outdoor", DIMENSION_CELSIUS, THERMAL(outdoor_c), -60, 60, "8 degC"),
	QUANTITY("outdoor-swing", DIMENSION_KELVIN, THERMAL(swing_k), 0, 30, "4 K"),
	QUANTITY("gain", DIMENSION_POWER, THERMAL(gain_w), 0, 1e6, "0 W"),
};
/* clang-format on */

/* --- checks -------------------------------------------------------------------------------------
 */

static int longest_s(const struct site_windows *w)
{
	int longest = w->count ? 0 : 86400;
	for (int i = 0; i < w->count; i++) {
		int length_s = window_length_s(&w->window[i]);
		longest = length_s > longest ? length_s : longest;
	}
	return longest;
}

/* Whether a car can be at its target when it leaves, each day again. */
static void check_departure(const struct config *c, int at, const struct site_ev *e, struct diag *d)
{
	const struct ev_model *m = &e->model;
	double charged_wh =
		longest_s(&e->connected) / 3600.0 * m->charge_limit_w * m->charge_efficiency;
	if (m->soc_target > m->soc_max) {
		diag_error(d, c->path, config_line(c, at, "soc-target"),
			   "soc-target is above soc-max, expected at most %g %%", m->soc_max * 100);
	} else if (e->connected.count == 0) {
		diag_error(d, c->path, config_line(c, at, "soc-target"),
			   "soc-target for a car that never leaves, expected connected windows");
	} else if (charged_wh < m->trip_wh) {
		diag_error(d, c->path, config_line(c, at, "soc-target"),
			   "soc-target cannot be reached: the longest connected window charges "
			   "%.4g kWh, expected at least the trip's %.4g kWh",
			   charged_wh / 1e3, m->trip_wh / 1e3);
	}
}

static void read_ev(struct config *c, int at, struct site_ev *e, char *currency, struct diag *d)
{
	struct ev_model *m = &e->model;
	m->soc_target = -1;
	config_apply(c, at, ev_options, sizeof(ev_options) / sizeof(*ev_options), e, currency, d);
	site_set_efficiencies(c, at, e->round_trip, &m->charge_efficiency, &m->discharge_efficiency,
			      d);
	e->has_end = config_has(c, at, "end-value");
	e->has_unmet = config_has(c, at, "unmet-price");
	if (m->soc_min > m->soc_max) {
		diag_error(d, c->path, config_line(c, at, "soc-min"),
			   "soc-min is above soc-max, expected at most %g %%", m->soc_max * 100);
	}
	if (m->charge_min_w > m->charge_limit_w) {
		diag_error(d, c->path, config_line(c, at, "charge-min"),
			   "charge-min is above charge-limit, expected at most %g W",
			   m->charge_limit_w);
	}
	if (m->trip_wh > m->capacity_wh * m->soc_max) {
		diag_error(d, c->path, config_line(c, at, "trip"),
			   "trip takes more than the car stores, expected at most %g kWh",
			   m->capacity_wh * m->soc_max / 1e3);
	} else if (config_has(c, at, "soc-target")) {
		check_departure(c, at, e, d);
	}
}

static void read_load(struct config *c, int at, struct site_load *l, char *currency, struct diag *d)
{
	config_apply(c, at, load_options, sizeof(load_options) / sizeof(*load_options), l, currency,
		     d);
	l->model.kind = l->kind == 1       ? LOAD_CONTINUOUS
			: l->interruptible ? LOAD_INTERRUPTIBLE
					   : LOAD_BLOCK;
	l->has_unmet = config_has(c, at, "unmet-price");
	for (int i = 0; i < l->windows.count; i++) {
		int length_s = window_length_s(&l->windows.window[i]);
		if (l->duration_s > length_s) {
			diag_error(d, c->path, config_line(c, at, "duration"),
				   "duration = %g min is longer than a window, expected at most "
				   "%d min",
				   l->duration_s / 60, length_s / 60);
			return;
		}
	}
}

static void read_thermal(struct config *c, int at, struct site_thermal *t, char *currency,
			 struct diag *d)
{
	t->building = strcmp(c->section[at].kind, "heat-pump") == 0;
	t->low_c = 20;
	t->high_c = 22;
	if (t->building) {
		config_apply(c, at, heat_pump_options,
			     sizeof(heat_pump_options) / sizeof(*heat_pump_options), t, currency,
			     d);
	} else {
		config_apply(c, at, tank_options, sizeof(tank_options) / sizeof(*tank_options), t,
			     currency, d);
		t->capacity_wh_per_k = t->volume_l * water_wh_per_l_k;
	}
	if (t->low_c > t->high_c) {
		diag_error(d, c->path, config_line(c, at, "low"),
			   "low is above high, expected at most %g degC", t->high_c);
	}
	if (!config_has(c, at, "start")) {
		t->start_c = (t->low_c + t->high_c) / 2;
	}
	t->has_discomfort = config_has(c, at, "discomfort");
	t->has_end = config_has(c, at, "end-value");
}

/* A place for one more, or NULL: complained about. */
static void *take(struct config *c, int at, void *array, size_t size, int *count, int most,
		  struct diag *d)
{
	struct config_section *section = &c->section[at];
	if (*count == most) {
		section->known = true;
		diag_error(d, c->path, section->line, "one [%s] too many, expected at most %d",
			   section->kind, most);
		return NULL;
	}
	struct site_link *link = (void *)((char *)array + (size_t)(*count)++ * size);
	memcpy(link->name, section->name, sizeof(link->name));
	link->line = section->line;
	return link;
}

void site_read_flexible(struct config *c, int at, struct site *s, struct diag *d)
{
	const char *kind = c->section[at].kind;
	char *currency = s->tariff.currency;
	void *asset;
	if (strcmp(kind, "ev") == 0) {
		if ((asset = take(c, at, s->ev, sizeof(*s->ev), &s->evs, EVS_MAX, d))) {
			read_ev(c, at, asset, currency, d);
		}
	} else if (strcmp(kind, "load") == 0) {
		if ((asset = take(c, at, s->load, sizeof(*s->load), &s->loads, LOADS_MAX, d))) {
			read_load(c, at, asset, currency, d);
		}
	} else if (strcmp(kind, "tank") == 0 || strcmp(kind, "heat-pump") == 0) {
		if ((asset = take(c, at, s->thermal, sizeof(*s->thermal), &s->thermals,
				  THERMALS_MAX, d))) {
			read_thermal(c, at, asset, currency, d);
		}
	}
}
