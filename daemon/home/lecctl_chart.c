/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan as a picture: a column of the screen is a piece of time. */
#include <math.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/scale.h"
#include "daemon/home/lecctl_picture.h"
#include "daemon/home/lecctl_show.h"
#include "policy/problem.h"

enum { CHART_AT = 10, COLUMNS = PICTURE_WIDTH - CHART_AT, LEVELS = 8, MINUTE_S = 60 };

enum curve { CURVE_CHARGE, CURVE_SUN, CURVE_HOUSE, CURVE_PRICE, CURVES };

static const struct {
	const char *name;
	int rows;
	enum ink ink;
} curves[CURVES] = {
	[CURVE_CHARGE] = { "charge", 2, INK_GREEN },
	[CURVE_SUN] = { "sun", 2, INK_YELLOW },
	[CURVE_HOUSE] = { "house", 2, INK_CYAN },
	[CURVE_PRICE] = { "price", 2, INK_PLAIN },
};

/* How long a column may last, and the hours between marks that go with it. */
static const struct {
	const char *words;
	int minutes;
	int mark_h;
} steps[] = {
	{ "a quarter of an hour", 15, 1 }, { "half an hour", 30, 3 }, { "an hour", 60, 6 },
	{ "two hours", 120, 12 },          { "four hours", 240, 24 },
};
enum { STEPS = sizeof(steps) / sizeof(*steps) };

struct slot {
	double start_s, end_s;
	bool known[CURVES];
	double value[CURVES];
};

struct chart {
	int slots;
	struct slot slot[STEPS_MAX];
	int step;
	int64_t start_s; /* of the first column */
	bool known[CURVES][COLUMNS];
	double value[CURVES][COLUMNS];
	double low[CURVES], high[CURVES]; /* what an empty and a full column mean */
};

/* --- the plan's slots ---------------------------------------------------------------------------
 */

/* The mean charge of the batteries. */
static bool mean_charge(const struct json_value *soc, double *out)
{
	double sum = 0, one = 0;
	for (int i = 0; i < json_items(soc); i++) {
		if (!json_number(json_item(soc, i), &one)) {
			return false;
		}
		sum += one;
	}
	*out = json_items(soc) ? sum / json_items(soc) : 0;
	return json_items(soc) > 0;
}

static void read_slots(struct chart *c, const struct json_value *plan)
{
	const struct json_value *list = json_member(plan, "slots");
	c->slots = 0;
	for (int i = 0; i < json_items(list) && c->slots < STEPS_MAX; i++) {
		const struct json_value *from = json_item(list, i);
		struct slot *s = &c->slot[c->slots];
		int64_t start_s;
		double hours = show_number(from, "hours", 0);
		if (isotime_parse(show_text(from, "start"), &start_s) < 0 || !(hours > 0)) {
			continue;
		}
		s->start_s = (double)start_s;
		s->end_s = s->start_s + hours * 3600;
		s->known[CURVE_CHARGE] =
			mean_charge(json_member(from, "soc"), &s->value[CURVE_CHARGE]);
		s->known[CURVE_SUN] = json_number(json_member(from, "pv_w"), &s->value[CURVE_SUN]);
		s->known[CURVE_HOUSE] =
			json_number(json_member(from, "load_w"), &s->value[CURVE_HOUSE]);
		s->known[CURVE_PRICE] =
			json_number(json_member(from, "buy"), &s->value[CURVE_PRICE]);
		c->slots++;
	}
}

/* --- columns ------------------------------------------------------------------------------------
 */

/* The finest column with which the plan's end is on the screen, or nearly. */
static void choose_step(struct chart *c, int64_t now_s)
{
	double hours = (c->slot[c->slots - 1].end_s - (double)now_s) / 3600;
	c->step = 0;
	while (c->step < STEPS - 1 && hours > (COLUMNS + 2.5) * steps[c->step].minutes / 60.0) {
		c->step++;
	}
	int64_t length_s = steps[c->step].minutes * MINUTE_S;
	c->start_s = now_s - now_s % length_s;
}

/* The mean of one curve over a column, by what each slot shares with it. */
static void fill_column(struct chart *c, enum curve curve, int column)
{
	double length_s = steps[c->step].minutes * MINUTE_S;
	double from_s = (double)c->start_s + column * length_s;
	double sum = 0, shared_s = 0;
	for (int i = 0; i < c->slots; i++) {
		const struct slot *s = &c->slot[i];
		double both_s = fmin(s->end_s, from_s + length_s) - fmax(s->start_s, from_s);
		if (s->known[curve] && both_s > 0) {
			sum += s->value[curve] * both_s;
			shared_s += both_s;
		}
	}
	c->known[curve][column] = shared_s > 0;
	c->value[curve][column] = shared_s > 0 ? sum / shared_s : 0;
}

static void find_range(struct chart *c, enum curve curve)
{
	double low = INFINITY, high = -INFINITY;
	for (int i = 0; i < COLUMNS; i++) {
		if (c->known[curve][i]) {
			low = fmin(low, c->value[curve][i]);
			high = fmax(high, c->value[curve][i]);
		}
	}
	if (curve == CURVE_CHARGE) {
		low = 0;
		high = 1;
	} else if (curve != CURVE_PRICE) {
		low = 0;
		high = scale_round_up(high, 500);
	}
	c->low[curve] = low;
	c->high[curve] = high;
}

/* --- drawing ------------------------------------------------------------------------------------
 */

/* 0..LEVELS * rows. A price is never empty: its lowest is one level high. */
static int level_of(const struct chart *c, enum curve curve, int column)
{
	int full = LEVELS * curves[curve].rows;
	int least = curve == CURVE_PRICE;
	double range = c->high[curve] - c->low[curve];
	double part = range > 0 ? (c->value[curve][column] - c->low[curve]) / range : 0.5;
	part = part > 0 ? (part < 1 ? part : 1) : 0;
	return least + (int)lround(part * (full - least));
}

static void put_label(struct page *p, const struct chart *c, enum curve curve, int row)
{
	double low = c->low[curve], high = c->high[curve];
	if (row < curves[curve].rows - 1) {
		page_put(p, "%s", curves[curve].name);
	} else if (!isfinite(low) || !isfinite(high)) {
		page_put(p, "unknown");
	} else if (curve == CURVE_CHARGE) {
		page_put(p, "0-100 %%");
	} else if (curve == CURVE_PRICE) {
		bool small = fabs(low) < 9.99 && fabs(high) < 9.99 && low >= 0;
		page_put(p, small ? "%.2f-%.2f" : "%.3g-%.3g", low, high);
	} else {
		page_put(p, high < 1e5 ? "0-%.3g kW" : "0-%.2g kW", high / 1e3);
	}
	page_to(p, CHART_AT);
}

static void put_row(struct page *p, const struct chart *c, enum curve curve, int row)
{
	int below = LEVELS * (curves[curve].rows - 1 - row);
	bool bottom = below == 0;
	put_label(p, c, curve, row);
	page_ink(p, curves[curve].ink);
	for (int i = 0; i < COLUMNS; i++) {
		if (c->known[curve][i]) {
			page_column(p, level_of(c, curve, i) - below);
		} else {
			page_put(p, "%s", bottom ? "·" : " ");
		}
	}
	page_ink(p, INK_PLAIN);
	page_end(p);
}

/* "└06", its corner under the column where that hour begins. */
static void put_hours(struct page *p, const struct chart *c)
{
	int64_t length_s = steps[c->step].minutes * MINUTE_S;
	int64_t mark_s = steps[c->step].mark_h * INT64_C(3600);
	page_ink(p, INK_FAINT);
	page_put(p, "hour UTC");
	for (int i = 0; i + 3 <= COLUMNS; i++) {
		int64_t at_s = c->start_s + i * length_s;
		if (at_s % mark_s == 0) {
			page_put(p, "%*s", CHART_AT + i - p->column, "");
			page_put(p, "└%02d", (int)(at_s / 3600 % 24));
		}
	}
	page_ink(p, INK_PLAIN);
	page_end(p);
}

static void put_title(struct page *p, const struct chart *c, const struct json_value *plan)
{
	page_ink(p, INK_STRONG);
	page_put(p, "plan");
	page_ink(p, INK_PLAIN);
	page_to(p, CHART_AT);
	page_put(p, "a column is %s; price of buying in %.3s/kWh", steps[c->step].words,
		 show_text(plan, "currency"));
	page_end(p);
}

void chart_draw(struct page *p, const struct json_value *plan, int64_t now_s)
{
	static struct chart chart;
	struct chart *c = &chart;
	read_slots(c, plan);
	if (c->slots == 0) {
		page_put(p, "plan");
		page_to(p, CHART_AT);
		page_put(p, "none yet");
		page_end(p);
		return;
	}
	choose_step(c, now_s);
	put_title(p, c, plan);
	for (int curve = 0; curve < CURVES; curve++) {
		for (int i = 0; i < COLUMNS; i++) {
			fill_column(c, (enum curve)curve, i);
		}
		find_range(c, (enum curve)curve);
		for (int row = 0; row < curves[curve].rows; row++) {
			put_row(p, c, (enum curve)curve, row);
		}
	}
	put_hours(p, c);
}
