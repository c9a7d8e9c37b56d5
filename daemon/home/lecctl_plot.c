/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lecctl plan --plot`: a plan as a picture: prices, powers, charge and temperatures over local
 * time. The colours are those of Okabe and Ito, told apart with any kind of colour vision. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/svg.h"
#include "daemon/base/tariff.h"
#include "daemon/home/lecctl.h"
#include "daemon/home/lecctl_picture.h"
#include "daemon/home/lecctl_show.h"
#include "policy/plan.h"

enum {
	ASSETS_MAX = BATTERIES_MAX + EVS_MAX + LOADS_MAX + THERMALS_MAX,
	TOP = 72, /* below the title */
	BOTTOM = 44,
	GAP = 30,
	PRICE = 90,
	CHARGE = 100,
	HEAT = 190, /* of all temperatures together */
};

static const double span_max_s = 31 * 86400.0;
static const char blue[] = "#0072B2", orange[] = "#D55E00", yellow[] = "#F0E442";
static const char green[] = "#009E73", black[] = "#000000", sky[] = "#56B4E9", grey[] = "#999999";
static const char purple[] = "#CC79A7", amber[] = "#E69F00";

/* What the pictures of an asset are drawn from. */
struct asset {
	const char *kind, *name;
	int index; /* in the arrays of its kind */
	struct pen pen;
	bool heat, store;
	double soc_min, soc_max, soc_target; /* of a store; target < 0: none */
	const char *power, *level;           /* the arrays' keys; level NULL: none */
};

struct plot {
	struct svg svg;
	const struct json_value *plan, *slots;
	int count; /* of slots */
	double edge_s[STEPS_MAX + 1];
	int assets;
	struct asset asset[ASSETS_MAX];
	double up[STEPS_MAX], down[STEPS_MAX]; /* how high it is stacked, kW */
	double value[STEPS_MAX], base[STEPS_MAX];
};

/* --- the document -------------------------------------------------------------------------------
 */

static const struct {
	const char *kind, *colour, *power, *level;
	bool heat;
} kinds[] = {
	{ "battery", green, "battery_w", "soc", false },
	{ "ev", sky, "ev_w", "ev_soc", false },
	{ "load", orange, "run_w", NULL, false },
	{ "tank", purple, "heat_w", "heat_c", true },
	{ "heat-pump", amber, "heat_w", "heat_c", true },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static void add_asset(struct plot *p, const struct json_value *from)
{
	for (int k = 0; k < KINDS && p->assets < ASSETS_MAX; k++) {
		if (strcmp(kinds[k].kind, show_text(from, "kind")) != 0) {
			continue;
		}
		int index = 0, alike = 0;
		for (int i = 0; i < p->assets; i++) {
			index += strcmp(p->asset[i].power, kinds[k].power) == 0;
			alike += p->asset[i].kind == kinds[k].kind;
		}
		p->asset[p->assets++] = (struct asset){
			.kind = kinds[k].kind,
			.name = show_text(from, "name"),
			.index = index,
			/* Those of a kind by lightness. */
			.pen = { kinds[k].colour, fmax(0.3, 0.9 - 0.25 * alike), alike > 0 },
			.heat = kinds[k].heat,
			.store = kinds[k].level && !kinds[k].heat,
			.soc_min = show_number(from, "soc_min", 0),
			.soc_max = show_number(from, "soc_max", 1),
			.soc_target = show_number(from, "soc_target", -1),
			.power = kinds[k].power,
			.level = kinds[k].level,
		};
	}
}

/* Returns false where the slot is none, or not one that follows. */
static bool read_slot(struct plot *p, int t)
{
	const struct json_value *slot = json_item(p->slots, t);
	double hours = show_number(slot, "hours", 0);
	int64_t start_s;
	if (isotime_parse(show_text(slot, "start"), &start_s) < 0 || !(hours > 0 && hours <= 24)) {
		return false;
	}
	double from_s = (double)start_s, to_s = from_s + hours * 3600;
	if (t > 0 && (from_s <= p->edge_s[t - 1] || to_s > p->edge_s[0] + span_max_s)) {
		return false;
	}
	p->edge_s[t] = from_s;
	p->edge_s[t + 1] = to_s;
	p->count++;
	return true;
}

/* Returns false where there is nothing to draw. */
static bool read_plan(struct plot *p, const struct json_value *plan)
{
	const struct json_value *assets = json_member(plan, "assets");
	*p = (struct plot){ .plan = plan, .slots = json_member(plan, "slots") };
	for (int t = 0; t < json_items(p->slots) && t < STEPS_MAX && read_slot(p, t); t++) {
	}
	for (int i = 0; i < json_items(assets); i++) {
		add_asset(p, json_item(assets, i));
	}
	return p->count > 0;
}

/* A number of each slot into value[]; index < 0: a member, else of an array. Unknown counts as 0.
 */
static void take(struct plot *p, const char *key, int index, double factor)
{
	for (int t = 0; t < p->count; t++) {
		const struct json_value *of = json_member(json_item(p->slots, t), key);
		double number = 0;
		(void)json_number(index < 0 ? of : json_item(of, index), &number);
		p->value[t] = number * factor;
	}
}

/* --- panels -------------------------------------------------------------------------------------
 */

/* Widen to the values at hand. */
static void cover(const struct plot *p, struct panel *panel)
{
	for (int t = 0; t < p->count; t++) {
		panel->low = fmin(panel->low, p->value[t]);
		panel->high = fmax(panel->high, p->value[t]);
	}
}

static void draw_prices(struct plot *p, double top)
{
	static const struct pen buy = { orange, 1, false }, sell = { blue, 1, true };
	struct panel panel = { top, PRICE, 0, 0.01 };
	char unit[24];
	snprintf(unit, sizeof(unit), "%.3s/kWh", show_text(p->plan, "currency"));
	take(p, "sell", -1, 1);
	cover(p, &panel);
	take(p, "buy", -1, 1);
	cover(p, &panel);
	panel.high += (panel.high - panel.low) * 0.08;
	svg_panel(&p->svg, &panel, "Price", unit, false);
	svg_steps(&p->svg, &panel, p->value, &buy);
	take(p, "sell", -1, 1);
	svg_steps(&p->svg, &panel, p->value, &sell);
	svg_legend(&p->svg, &buy, false, "buying");
	svg_legend(&p->svg, &sell, false, "selling");
}

/* Stack the positive part of sign * value[] on what is there; draw it where there is a panel. */
static void stack(struct plot *p, const struct panel *panel, bool up, double sign,
		  const struct pen *pen)
{
	double *level = up ? p->up : p->down;
	double edge[STEPS_MAX];
	for (int t = 0; t < p->count; t++) {
		double kw = fmax(0, sign * p->value[t]);
		p->base[t] = level[t];
		level[t] += up ? kw : -kw;
		edge[t] = level[t];
	}
	if (panel) {
		svg_area(&p->svg, panel, p->base, edge, pen);
	}
}

/* Everything that gives above zero, everything that takes below it. */
static void stack_all(struct plot *p, const struct panel *panel)
{
	static const struct pen sun = { yellow, 0.9, false }, load = { grey, 0.5, false };
	static const struct pen import = { blue, 0.85, false }, export = { black, 0.6, false };
	memset(p->up, 0, sizeof(p->up));
	memset(p->down, 0, sizeof(p->down));
	take(p, "load_w", -1, 1e-3);
	stack(p, panel, false, 1, &load);
	take(p, "pv_w", -1, 1e-3);
	stack(p, panel, true, 1, &sun);
	for (int i = 0; i < p->assets; i++) {
		const struct asset *a = &p->asset[i];
		take(p, a->power, a->index, 1e-3);
		if (a->store) {
			stack(p, panel, true, 1, &a->pen);
		}
		stack(p, panel, false, a->store ? -1 : 1, &a->pen);
	}
	take(p, "grid_w", -1, 1e-3);
	stack(p, panel, true, 1, &import);
	stack(p, panel, false, -1, &export);
	if (panel) {
		svg_legend(&p->svg, &import, true, "grid: import");
		svg_legend(&p->svg, &export, true, "grid: export");
		svg_legend(&p->svg, &sun, true, "sun");
		svg_legend(&p->svg, &load, true, "load");
		for (int i = 0; i < p->assets; i++) {
			svg_legend(&p->svg, &p->asset[i].pen, true, p->asset[i].name);
		}
	}
}

static void draw_powers(struct plot *p, double top, double height, bool last)
{
	struct panel panel = { top, height, 0, 0.1 };
	stack_all(p, NULL);
	for (int t = 0; t < p->count; t++) {
		panel.high = fmax(panel.high, p->up[t] * 1.04);
		panel.low = fmin(panel.low, p->down[t] * 1.04);
	}
	svg_panel(&p->svg, &panel, "Power: sources above, uses below", "kW", last);
	stack_all(p, &panel);
}

/* Where a car leaves: its target. */
static void mark_departures(struct plot *p, const struct panel *panel, const struct asset *a)
{
	bool was = false;
	for (int t = 0; t < p->count; t++) {
		bool is = false;
		const struct json_value *flags =
			json_member(json_item(p->slots, t), "ev_connected");
		(void)json_flag(json_item(flags, a->index), &is);
		if (was && !is) {
			svg_mark(&p->svg, panel, t - 1, a->soc_target * 100, &a->pen);
		}
		was = is;
	}
}

static void draw_charge(struct plot *p, double top, bool last)
{
	struct panel panel = { top, CHARGE, 0, 105 };
	svg_panel(&p->svg, &panel, "Charge: dotted its limits, a ring the target at a departure",
		  "%", last);
	for (int i = 0; i < p->assets; i++) {
		const struct asset *a = &p->asset[i];
		if (!a->store) {
			continue;
		}
		take(p, a->level, a->index, 100);
		svg_level(&p->svg, &panel, a->soc_min * 100, &a->pen);
		svg_level(&p->svg, &panel, a->soc_max * 100, &a->pen);
		svg_curve(&p->svg, &panel, p->value, &a->pen);
		if (a->soc_target >= 0) {
			mark_departures(p, &panel, a);
		}
		svg_legend(&p->svg, &a->pen, false, a->name);
	}
}

static void draw_heat(struct plot *p, const struct asset *a, double top, double height, bool last)
{
	const struct pen band = { a->pen.colour, 0.25, false };
	struct panel panel = { top, height, INFINITY, -INFINITY };
	take(p, "heat_high_c", a->index, 1);
	cover(p, &panel);
	take(p, a->level, a->index, 1);
	cover(p, &panel);
	take(p, "heat_low_c", a->index, 1);
	cover(p, &panel);
	memcpy(p->base, p->value, sizeof(p->base));
	double margin = fmax(0.5, (panel.high - panel.low) * 0.08);
	panel.low -= margin;
	panel.high += margin;
	svg_panel(&p->svg, &panel, a->name, "°C", last);
	take(p, "heat_high_c", a->index, 1);
	svg_area(&p->svg, &panel, p->base, p->value, &band);
	take(p, a->level, a->index, 1);
	svg_curve(&p->svg, &panel, p->value, &a->pen);
	svg_legend(&p->svg, &a->pen, false, "temperature");
	svg_legend(&p->svg, &band, true, "its band");
}

/* --- the picture --------------------------------------------------------------------------------
 */

static void draw_title(struct plot *p)
{
	char from[ISOTIME_SIZE];
	const char *zone = show_text(p->plan, "timezone");
	int64_t start_s = (int64_t)p->edge_s[0];
	isotime_format(start_s + timezone_offset_s(start_s), from);
	svg_text(&p->svg, 70, 28, "start", 18, "Plan from %.10s %.5s: energy costs %.2f %.3s", from,
		 from + 11, show_number(p->plan, "energy_cost", 0), show_text(p->plan, "currency"));
	svg_text(&p->svg, 70, 46, "start", 12,
		 "with wear, peak and what is left %.2f %.3s; %s; times of %s",
		 show_number(p->plan, "total_cost", 0), show_text(p->plan, "currency"),
		 show_text(p->plan, "status"), *zone ? zone : "UTC");
}

static void draw(struct plot *p)
{
	int stores = 0, heats = 0;
	for (int i = 0; i < p->assets; i++) {
		stores += p->asset[i].store;
		heats += p->asset[i].heat;
	}
	double heat = heats ? (HEAT - GAP * (heats - 1.0)) / heats : 0;
	double below = (stores ? CHARGE + GAP : 0) + (heats ? HEAT + GAP : 0);
	double top = TOP;
	draw_title(p);
	draw_prices(p, top);
	top += PRICE + GAP;
	draw_powers(p, top, SVG_HEIGHT - BOTTOM - below - top, below == 0);
	top = SVG_HEIGHT - BOTTOM - below + GAP;
	if (stores) {
		draw_charge(p, top, heats == 0);
		top += CHARGE + GAP;
	}
	for (int i = 0; i < p->assets; i++) {
		if (p->asset[i].heat) {
			draw_heat(p, &p->asset[i], top, heat, --heats == 0);
			top += heat + GAP;
		}
	}
}

int lecctl_plot(const struct json_value *plan, const char *path)
{
	static struct plot p;
	const char *zone = show_text(plan, "timezone");
	if (!read_plan(&p, plan)) {
		fputs("lecctl: no plan yet: lecctl explain tells why\n", stderr);
		return 1;
	}
	(void)timezone_use(*zone ? zone : "UTC");
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (!file) {
		fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(errno));
		return 1;
	}
	svg_begin(&p.svg, file, p.edge_s, p.count);
	draw(&p);
	svg_end(&p.svg);
	bool failed = ferror(file) || (file != stdout && fclose(file) != 0);
	if (failed) {
		fprintf(stderr, "%s: cannot be written whole\n", path);
	}
	return failed;
}
