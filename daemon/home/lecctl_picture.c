/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/lecctl_picture.h"

#include <math.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/scale.h"
#include "daemon/home/lecctl_show.h"

enum { VALUE_AT = 9, BAR_AT = 19, BAR = 40, WORDS_AT = 61 };

static struct figure power_of(const struct json_value *status, const char *key)
{
	return figure_of(status, key, json_member(status, "quality"), key);
}

/* Of all batteries together: known where each is. */
static struct figure battery_power(const struct json_value *status)
{
	const struct json_value *batteries = json_member(status, "batteries");
	struct figure sum = { .known = true, .quality = "" };
	for (int i = 0; i < json_items(batteries); i++) {
		const struct json_value *battery = json_item(batteries, i);
		struct figure w = figure_of(battery, "battery_w", battery, "battery_w_quality");
		sum.value += w.known ? w.value : 0;
		if (!w.known && sum.known) {
			sum.known = false;
			sum.quality = w.quality;
		}
	}
	return sum;
}

/* --- what flows now -----------------------------------------------------------------------------
 */

static void put_header(struct page *p, const struct json_value *status)
{
	int64_t now_s;
	bool connected = false;
	page_ink(p, INK_STRONG);
	page_put(p, "%.20s  ", show_text(status, "id"));
	if (isotime_parse(show_text(status, "time"), &now_s) == 0) {
		page_time(p, now_s);
	}
	page_ink(p, INK_PLAIN);
	page_put(p, "  %s, %s decides", show_text(status, "mode"), show_text(status, "decider"));
	page_to(p, WORDS_AT);
	if (!json_member(status, "broker")) {
		page_put(p, "no broker");
	} else if (json_flag(json_member(json_member(status, "broker"), "connected"), &connected) &&
		   connected) {
		page_put(p, "broker connected");
	} else {
		page_ink(p, INK_RED);
		page_put(p, "broker away");
		page_ink(p, INK_PLAIN);
	}
	page_end(p);
}

/* The bars' scale above them. */
static void put_scale(struct page *p, double scale_w)
{
	char text[32];
	struct page end;
	page_begin(&end, text, sizeof(text), 0, false);
	page_power(&end, scale_w);
	page_ink(p, INK_FAINT);
	page_to(p, BAR_AT);
	page_put(p, "0");
	page_to(p, BAR_AT + BAR - end.column);
	page_put(p, "%s", text);
	page_ink(p, INK_PLAIN);
	page_end(p);
}

/* "grid       345 W  ████····  importing" */
static void put_bar(struct page *p, const char *label, const char *value, double fraction,
		    enum ink ink, const char *words)
{
	page_put(p, "%.8s", label);
	page_to(p, VALUE_AT);
	page_put(p, "%8s", value);
	page_to(p, BAR_AT);
	page_ink(p, ink);
	page_bar(p, fraction, BAR);
	page_ink(p, INK_PLAIN);
	page_to(p, WORDS_AT);
	page_put(p, "%s", words);
	page_end(p);
}

/* words: for a power below 0, of none, above 0. */
static void put_power(struct page *p, const char *label, const struct figure *f, double scale_w,
		      enum ink ink, const char *const words[3])
{
	char value[32];
	struct page number;
	if (!f->known) {
		put_bar(p, label, "unknown", 0, ink, f->quality);
		return;
	}
	page_begin(&number, value, sizeof(value), 0, false);
	page_power(&number, fabs(f->value));
	int which = fabs(f->value) <= 0.5 ? 1 : f->value > 0 ? 2 : 0;
	put_bar(p, label, value, fabs(f->value) / scale_w, ink, words[which]);
}

static void put_flows(struct page *p, const struct json_value *status, double *scale_w)
{
	const struct {
		const char *label;
		struct figure figure;
		enum ink ink;
		const char *words[3];
	} rows[] = {
		{ "sun", power_of(status, "pv_w"), INK_YELLOW, { "taking", "-", "generating" } },
		{ "battery",
		  battery_power(status),
		  INK_GREEN,
		  { "charging", "idle", "discharging" } },
		{ "grid", power_of(status, "grid_w"), INK_BLUE, { "exporting", "-", "importing" } },
		{ "house", power_of(status, "load_w"), INK_CYAN, { "giving", "-", "using" } },
	};
	for (int i = 0; i < 4; i++) {
		double w = rows[i].figure.known ? fabs(rows[i].figure.value) : 0;
		*scale_w = w > *scale_w ? scale_round_up(w, 1000) : *scale_w;
	}
	*scale_w = *scale_w > 0 ? *scale_w : 1000;
	put_scale(p, *scale_w);
	for (int i = 0; i < 4; i++) {
		put_power(p, rows[i].label, &rows[i].figure, *scale_w, rows[i].ink, rows[i].words);
	}
}

static void put_charge(struct page *p, const struct json_value *status)
{
	const struct json_value *batteries = json_member(status, "batteries");
	for (int i = 0; i < json_items(batteries); i++) {
		const struct json_value *battery = json_item(batteries, i);
		struct figure soc =
			figure_of(battery, "battery_soc", battery, "battery_soc_quality");
		char value[32], words[32];
		struct page number;
		page_begin(&number, value, sizeof(value), 0, false);
		page_number(&number, soc.known, soc.value * 100, 1, 0);
		page_put(&number, " %%");
		snprintf(words, sizeof(words), "%.10s charged", show_text(battery, "name"));
		put_bar(p, "charge", soc.known ? value : "unknown", soc.known ? soc.value : 0,
			INK_GREEN, soc.known ? words : soc.quality);
	}
}

static void put_number_or(struct page *p, const char *words, const struct json_value *value)
{
	double number = 0;
	bool known = json_number(value, &number);
	page_put(p, "%s", words);
	page_number(p, known, number, 4, 0);
}

static void put_prices(struct page *p, const struct json_value *status)
{
	const struct json_value *market = json_member(status, "market");
	const char *bid = show_text(market, "bid_interval");
	int64_t bid_s;
	page_put(p, "price");
	page_to(p, VALUE_AT);
	put_number_or(p, "buy ", json_member(status, "buy_price"));
	put_number_or(p, ", sell ", json_member(status, "sell_price"));
	page_put(p, " %.3s/kWh", show_text(status, "currency"));
	if (isotime_parse(bid, &bid_s) == 0) {
		char time[ISOTIME_SIZE];
		isotime_format(bid_s, time);
		page_to(p, WORDS_AT - 14);
		page_put(p, "market: bid for %.5s, %.0f orders", time + 11,
			 show_number(market, "orders", 0));
	}
	page_end(p);
}

/* --- why ----------------------------------------------------------------------------------------
 */

/* Always so many lines, so that what is below stays where it is. */
static void put_why(struct page *p, const struct json_value *explain, int lines_max)
{
	const struct json_value *lines = json_member(explain, "lines");
	int used = 0;
	for (int i = 0; i < json_items(lines) && used < lines_max; i++) {
		const char *line = json_text(json_item(lines, i));
		int room = lines_max - used < 2 ? lines_max - used : 2;
		page_put(p, "%s", i ? "" : "why");
		page_to(p, VALUE_AT);
		used += page_wrap(p, VALUE_AT + 2, room, line ? line : "?");
	}
	for (; used < lines_max; used++) {
		page_end(p);
	}
}

void picture_draw(struct page *p, struct picture *picture)
{
	int64_t now_s = 0;
	int batteries = json_items(json_member(picture->status, "batteries"));
	(void)isotime_parse(show_text(picture->status, "time"), &now_s);
	put_header(p, picture->status);
	put_flows(p, picture->status, &picture->scale_w);
	put_charge(p, picture->status);
	put_prices(p, picture->status);
	page_end(p);
	put_why(p, picture->explain, batteries < 3 ? 5 - batteries : 2);
	page_end(p);
	chart_draw(p, picture->plan, now_s);
}

void picture_line(struct page *p, const struct json_value *status)
{
	struct figure sun = power_of(status, "pv_w"), grid = power_of(status, "grid_w");
	struct figure load = power_of(status, "load_w"), battery = battery_power(status);
	const struct json_value *batteries = json_member(status, "batteries");
	page_put(p, "%s %s by %s: sun ", show_text(status, "time"), show_text(status, "mode"),
		 show_text(status, "decider"));
	show_flow(p, &sun, "gives", "takes", "gives 0 W");
	page_put(p, ", battery ");
	show_flow(p, &battery, "discharges", "charges", "idle");
	for (int i = 0; i < json_items(batteries); i++) {
		const struct json_value *b = json_item(batteries, i);
		struct figure soc = figure_of(b, "battery_soc", b, "battery_soc_quality");
		page_put(p, " at ");
		page_number(p, soc.known, soc.value * 100, 1, 0);
		page_put(p, " %%");
	}
	page_put(p, ", grid ");
	show_flow(p, &grid, "imports", "exports", "0 W");
	page_put(p, ", house ");
	show_flow(p, &load, "uses", "gives", "uses 0 W");
	put_number_or(p, ", buy ", json_member(status, "buy_price"));
	put_number_or(p, ", sell ", json_member(status, "sell_price"));
	page_end(p);
}
