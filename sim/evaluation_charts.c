/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/evaluation_charts.h"

#include <math.h>

#include "daemon/base/svg.h"

enum { BAR = 30, TOP = 26, BELOW = 40, DAY_HEIGHT = 250, GAP = 50 };
static const double margin = 0.06;

/* Colours that the colour-blind tell apart (Okabe and Ito 2008), by group. */
const char *evaluation_colour(int group)
{
	static const char *const fixed[ROW_LEARNED] = { "#999999", "#56B4E9", "#009E73",
							"#CC79A7", "#0072B2", "#8c6d31" };
	static const char *const learned[] = { "#D55E00", "#E69F00", "#882255", "#332288" };
	return group < ROW_LEARNED ? fixed[group] : learned[(group - ROW_LEARNED) % 4];
}

/* --- what everyone costs ------------------------------------------------------------------------
 */

struct bar {
	const char *name, *colour;
	struct spread cost;
};

static int list_bars(const struct evaluation *v, struct bar bar[ROWS_MAX + 2])
{
	int bars = 0;
	for (int i = 0; i < v->groups; i++) {
		bar[bars++] = (struct bar){ v->group[i].name, evaluation_colour(i),
					    evaluation_spread(v, &v->group[i],
							      offsetof(struct evaluated, j.cost)) };
	}
	const double bound[2] = { evaluation_bound(v, offsetof(struct trial, alone)),
				  evaluation_bound(v, offsetof(struct trial, optimum)) };
	static const char *const names[2] = { "foresight, alone", "foresight, as one" };
	for (int i = 0; i < 2; i++) {
		if (isfinite(bound[i])) {
			bar[bars++] = (struct bar){ names[i], "#222222", { bound[i], NAN, 1 } };
		}
	}
	return bars;
}

static double either_side(const struct spread *s)
{
	return isfinite(s->deviation) ? s->deviation : 0;
}

static void find_range(const struct bar *bar, int bars, double edge[2])
{
	edge[0] = edge[1] = 0;
	for (int i = 0; i < bars; i++) {
		edge[0] = fmin(edge[0], bar[i].cost.mean - either_side(&bar[i].cost));
		edge[1] = fmax(edge[1], bar[i].cost.mean + either_side(&bar[i].cost));
	}
	edge[1] += edge[1] > edge[0] ? margin / 2 * (edge[1] - edge[0]) : 1;
}

void evaluation_put_costs(FILE *f, const struct evaluation *v)
{
	static const struct pen whisker = { "#222222", 1, false };
	struct bar bar[ROWS_MAX + 2];
	int bars = list_bars(v, bar);
	double edge[2];
	struct svg s;
	struct panel p = { .top = TOP, .height = bars * BAR, .low = 0, .high = bars };
	find_range(bar, bars, edge);
	svg_begin_of(&s, f, edge, 1, TOP + bars * BAR + BELOW);
	s.numbers = s.bare = true;
	svg_panel(&s, &p,
		  "the community's cost on the days held out, and its deviation over trainings",
		  v->conf.tariff.currency, true);
	for (int i = 0; i < bars; i++) {
		double at = bars - i - 0.5, mean = bar[i].cost.mean;
		double reach = either_side(&bar[i].cost);
		char text[64];
		svg_cell(&s, &p, fmin(0, mean), fmax(0, mean), at - 0.3, at + 0.3, bar[i].colour);
		svg_segment(&s, &p, mean - reach, at, mean + reach, at, &whisker);
		(void)snprintf(text, sizeof(text), "%.24s  %.2f", bar[i].name, mean);
		svg_beside(&s, &p, at, text);
	}
	svg_end(&s);
}

/* --- over a day ---------------------------------------------------------------------------------
 */

/* The groups' means by hour of the day. */
static void find_hourly(struct panel *p, const struct evaluation *v, size_t field,
			double hourly[ROWS_MAX][JUDGE_HOURS])
{
	for (int i = 0; i < v->groups; i++) {
		for (int h = 0; h < JUDGE_HOURS; h++) {
			size_t at = field + (size_t)h * sizeof(double);
			double mean = evaluation_spread(v, &v->group[i], at).mean;
			hourly[i][h] = mean;
			p->low = isfinite(mean) ? fmin(p->low, mean) : p->low;
			p->high = isfinite(mean) ? fmax(p->high, mean) : p->high;
		}
	}
	double more = margin * (p->high - p->low);
	p->high += more > 0 ? more : 1;
}

static void draw_hourly(struct svg *s, const struct panel *p, const struct evaluation *v,
			double hourly[ROWS_MAX][JUDGE_HOURS])
{
	for (int i = ROW_RULES; i < v->groups; i++) {
		struct pen pen = { evaluation_colour(i), 1, false };
		svg_steps(s, p, hourly[i], &pen);
		svg_legend(s, &pen, false, v->group[i].name);
	}
}

void evaluation_put_day(FILE *f, const struct evaluation *v)
{
	static const struct pen utility = { "#222222", 1, true };
	static double hourly[ROWS_MAX][JUDGE_HOURS];
	const struct trial *t = &v->trial[0];
	double edge[JUDGE_HOURS + 1];
	struct svg s;
	struct panel price = { .top = TOP, .height = DAY_HEIGHT },
		     trade = { .top = TOP + DAY_HEIGHT + GAP, .height = DAY_HEIGHT };
	for (int h = 0; h <= JUDGE_HOURS; h++) {
		edge[h] = h;
	}
	svg_begin_of(&s, f, edge, JUDGE_HOURS, TOP + 2 * DAY_HEIGHT + GAP + BELOW);
	s.numbers = true;
	for (int h = 0; h < JUDGE_HOURS; h++) {
		price.low = fmin(price.low, t->hour_sell[h]);
		price.high = fmax(price.high, t->hour_buy[h]);
	}
	find_hourly(&price, v, offsetof(struct evaluated, j.hour_price), hourly);
	char unit[24];
	(void)snprintf(unit, sizeof(unit), "%s per kWh", v->conf.tariff.currency);
	svg_panel(&s, &price,
		  "price among neighbours by hour of the local day, where there is trade", unit,
		  false);
	svg_steps(&s, &price, t->hour_buy, &utility);
	svg_steps(&s, &price, t->hour_sell, &utility);
	svg_legend(&s, &utility, false, "the utility's, both");
	draw_hourly(&s, &price, v, hourly);
	find_hourly(&trade, v, offsetof(struct evaluated, j.hour_local_kwh), hourly);
	svg_panel(&s, &trade, "bought among neighbours by hour of the local day", "kWh an hour",
		  true);
	draw_hourly(&s, &trade, v, hourly);
	svg_end(&s);
}

/* --- who buys and sells -------------------------------------------------------------------------
 */

static int classes_of(const struct evaluation *v)
{
	int classes = 0;
	for (int c = 0; c < CLASS_COUNT; c++) {
		classes += v->conf.count[c] > 0;
	}
	return classes;
}

static void draw_shares(struct svg *s, struct panel *p, const struct evaluation *v, int group,
			bool last)
{
	static const char *const colours[] = { "#0072B2", "#E69F00", "#dddddd" };
	int at = classes_of(v);
	svg_panel(s, p, v->group[group].name, "% of intervals", last);
	for (int c = 0; c < CLASS_COUNT; c++) {
		struct class_shares of = evaluation_shares(v, &v->group[group], c);
		double part[] = { of.buy, of.sell, of.refrain }, from = 0;
		if (v->conf.count[c] == 0) {
			continue;
		}
		at--;
		for (int k = 0; k < 3; k++) {
			svg_cell(s, p, from, from + 100 * part[k], at + 0.18, at + 0.82,
				 colours[k]);
			from += 100 * part[k];
		}
		svg_beside(s, p, at + 0.5, class_models[c].name);
	}
}

void evaluation_put_shares(FILE *f, const struct evaluation *v)
{
	static const double edge[2] = { 0, 100 };
	static const int rows_shown[] = { ROW_RULES, ROW_OPTIMISER, ROW_UNTRAINED };
	int classes = classes_of(v), height = classes * 24, shown = 3 + v->groups - ROW_LEARNED;
	struct svg s;
	svg_begin_of(&s, f, edge, 1, TOP + shown * (height + 34) + 10);
	s.numbers = s.bare = true;
	for (int k = 0; k < shown; k++) {
		struct panel p = { .top = TOP + k * (height + 34),
				   .height = height,
				   .high = classes };
		draw_shares(&s, &p, v, k < 3 ? rows_shown[k] : ROW_LEARNED + k - 3, k == shown - 1);
	}
	svg_end(&s);
}
