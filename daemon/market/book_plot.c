/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/book_plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/svg.h"

enum { TOP = 80, HEIGHT = 640, PIECES_DRAWN = 16 };

/* Both curves over the energies at which one of them steps. */
struct curves {
	const struct book *b;
	int32_t *order[2]; /* by side, in merit order */
	int orders[2];
	double *edge_kwh; /* slots + 1 */
	double *price[2]; /* of each slot; NaN beyond a curve's end */
	int slots;
	double low, high;
};

static double kwh(int64_t quantity)
{
	return (double)quantity / MILLION;
}

static double price_at(const struct curves *c, int side, int i)
{
	if (i < c->orders[side]) {
		return (double)c->b->order[c->order[side][i]].price / MILLION;
	}
	return NAN;
}

/* Walk along both curves. */
static void merge(struct curves *c)
{
	int at[2] = { 0, 0 };
	int64_t end[2] = { 0, 0 }, reached = 0;
	for (int s = 0; s < 2; s++) {
		end[s] = c->orders[s] ? c->b->order[c->order[s][0]].quantity : INT64_MAX;
	}
	while (at[0] < c->orders[0] || at[1] < c->orders[1]) {
		reached = end[0] < end[1] ? end[0] : end[1];
		for (int s = 0; s < 2; s++) {
			c->price[s][c->slots] = price_at(c, s, at[s]);
		}
		c->edge_kwh[++c->slots] = kwh(reached);
		for (int s = 0; s < 2; s++) {
			if (end[s] == reached) {
				at[s]++;
				end[s] =
					at[s] < c->orders[s]
						? reached + c->b->order[c->order[s][at[s]]].quantity
						: INT64_MAX;
			}
		}
	}
}

static void find_range(struct curves *c)
{
	c->low = 0;
	c->high = 0;
	for (int i = 0; i < c->b->orders; i++) {
		double price = (double)c->b->order[i].price / MILLION;
		c->low = fmin(c->low, price);
		c->high = fmax(c->high, price);
	}
	double margin = fmax(0.01, (c->high - c->low) * 0.08);
	c->high += margin;
	c->low -= c->low < 0 ? margin : 0;
}

static void draw_prices(struct svg *s, const struct panel *p, const struct result *r)
{
	static const struct pen pen = { "#009E73", 1, true }, sell = { "#CC79A7", 1, true };
	if (r->priced || r->two_priced) {
		int32_t price = r->priced ? r->price : r->buy_price;
		svg_level(s, p, (double)price / MILLION, &pen);
		svg_legend(s, &pen, false, r->priced ? "price" : "buyers' price");
	}
	if (r->two_priced) {
		svg_level(s, p, (double)r->sell_price / MILLION, &sell);
		svg_legend(s, &sell, false, "sellers' price");
	}
	for (int i = 0; i < r->pieces && r->pieces <= PIECES_DRAWN; i++) {
		svg_level(s, p, (double)r->piece[i].price / MILLION, &pen);
	}
	if (r->pieces > 0 && r->pieces <= PIECES_DRAWN) {
		svg_legend(s, &pen, false, "prices");
	}
}

/* The volume, where it is an edge of the curves. */
static void mark_volume(struct svg *s, const struct panel *p, const struct curves *c,
			const struct result *r)
{
	static const struct pen pen = { "#009E73", 1, false };
	for (int t = 0; r->priced && t < c->slots; t++) {
		if (fabs(c->edge_kwh[t + 1] - kwh(r->quantity)) < 1e-9) {
			svg_mark(s, p, t, (double)r->price / MILLION, &pen);
		}
	}
}

static void draw(FILE *to, const struct mechanism *m, const struct curves *c,
		 const struct result *r)
{
	static const struct pen demand = { "#0072B2", 1, false }, supply = { "#E69F00", 1, false };
	struct svg s;
	struct panel p = { TOP, HEIGHT, c->low, c->high };
	svg_begin(&s, to, c->edge_kwh, c->slots);
	s.numbers = true;
	svg_text(&s, 70, 28, "start", 18, "%s: %.3f kWh of %d orders", m->name, kwh(r->quantity),
		 c->orders[SIDE_BUY] + c->orders[SIDE_SELL]);
	svg_text(&s, 70, 46, "start", 12, "welfare %.6g", (double)r->welfare / 1e12);
	svg_panel(&s, &p, "Price over energy", "per kWh", true);
	svg_steps(&s, &p, c->price[SIDE_BUY], &demand);
	svg_steps(&s, &p, c->price[SIDE_SELL], &supply);
	svg_legend(&s, &demand, false, "demand");
	svg_legend(&s, &supply, false, "supply");
	draw_prices(&s, &p, r);
	mark_volume(&s, &p, c, r);
	svg_text(&s, SVG_WIDTH / 2.0, TOP + HEIGHT + 40, "middle", 12, "kWh");
	svg_end(&s);
}

/* 1 in stands[] for the orders as they stood at last: not what was cancelled or replaced. last[]
 * and the others: room for the book. */
static void find_standing(const struct book *b, int32_t *index, int32_t *scratch, int32_t *last,
			  int64_t *stands)
{
	for (int32_t i = 0; i < b->orders; i++) {
		index[i] = i;
		last[i] = i;
		stands[i] = b->order[i].action == ACTION_NEW;
	}
	book_by_arrival(b, index, b->orders, scratch);
	for (int k = 0; k < b->orders; k++) {
		const struct order *o = &b->order[index[k]];
		if (o->action != ACTION_NEW && stands[last[o->earlier]]) {
			stands[last[o->earlier]] = 0;
			last[o->earlier] = index[k];
			stands[index[k]] = o->action == ACTION_REPLACE;
		}
	}
}

int book_plot(FILE *to, const struct mechanism *m, const struct book *b, const struct result *r)
{
	size_t n = (size_t)b->orders + 2;
	struct curves c = { .b = b, .edge_kwh = calloc(n, sizeof(double)) };
	int32_t *scratch = malloc(sizeof(*scratch) * n), *last = malloc(sizeof(*last) * n);
	int64_t *stands = malloc(sizeof(*stands) * n);
	int e = scratch && last && stands && c.edge_kwh ? 0 : -ENOMEM;
	for (int s = 0; s < 2; s++) {
		c.order[s] = malloc(sizeof(*c.order[s]) * n);
		c.price[s] = malloc(sizeof(*c.price[s]) * n);
		e = c.order[s] && c.price[s] ? e : -ENOMEM;
	}
	if (e == 0) {
		find_standing(b, c.order[0], scratch, last, stands);
		for (int s = 0; s < 2; s++) {
			c.orders[s] = book_merit(b, (enum side)s, stands, c.order[s], scratch);
		}
		find_range(&c);
		merge(&c);
		draw(to, m, &c, r);
	}
	for (int s = 0; s < 2; s++) {
		free(c.order[s]);
		free(c.price[s]);
	}
	free(c.edge_kwh);
	free(scratch);
	free(last);
	free(stands);
	return e;
}
