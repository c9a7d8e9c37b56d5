/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/aggregate.h"

#include <errno.h>
#include <stdlib.h>

/* --- the curve ----------------------------------------------------------------------------------
 *
 * Let the price fall from above all orders: there everybody sells and nobody buys, the net is all
 * supply. At each order's price its quantity leaves the supply, or joins the demand: both move the
 * net towards buying. What is passed while the net still sells are steps of selling, what is passed
 * while it buys are steps of buying. */

struct fall {
	int32_t *index[2]; /* orders by enum side, best first */
	int count[2];
};

static void fall_free(struct fall *f)
{
	free(f->index[SIDE_BUY]);
	free(f->index[SIDE_SELL]);
}

static int fall_begin(const struct book *b, struct fall *f)
{
	size_t size = sizeof(int32_t) * ((size_t)b->orders + 1);
	int32_t *scratch = malloc(size);
	*f = (struct fall){ .index = { malloc(size), malloc(size) } };
	int e = scratch && f->index[SIDE_BUY] && f->index[SIDE_SELL] ? 0 : -ENOMEM;
	for (int side = 0; e == 0 && side < 2; side++) {
		f->count[side] = book_merit(b, (enum side)side, NULL, f->index[side], scratch);
	}
	free(scratch);
	return e;
}

/* The next order as the price falls: buys from the dearest, sells from the dearest too. */
static const struct order *fall_next(const struct book *b, struct fall *f, int *buys, int *sells)
{
	const struct order *buy =
		*buys < f->count[SIDE_BUY] ? &b->order[f->index[SIDE_BUY][*buys]] : NULL;
	const struct order *sell = *sells > 0 ? &b->order[f->index[SIDE_SELL][*sells - 1]] : NULL;
	if (buy && (!sell || buy->price >= sell->price)) {
		(*buys)++;
		return buy;
	}
	if (sell) {
		(*sells)--;
	}
	return sell;
}

/* Add to the steps of a side, where the price is the same to the last. */
static void add_step(struct curve_step *step, int *steps, int32_t price, int64_t quantity,
		     enum side side)
{
	struct curve_step *last = *steps > 0 ? &step[*steps - 1] : NULL;
	if (last && last->side == (int32_t)side && last->price == price) {
		last->quantity += quantity;
	} else if (quantity > 0) {
		step[(*steps)++] = (struct curve_step){ quantity, price, (int32_t)side };
	}
}

/* All steps, as the price falls. */
static int walk(const struct book *b, struct fall *f, struct curve_step *step)
{
	int64_t net = 0; /* bought */
	int buys = 0, sells = f->count[SIDE_SELL], steps = 0;
	for (int i = 0; i < f->count[SIDE_SELL]; i++) {
		net -= b->order[f->index[SIDE_SELL][i]].quantity;
	}
	for (const struct order *o; (o = fall_next(b, f, &buys, &sells)) != NULL;) {
		int64_t sold = net < 0 ? (o->quantity < -net ? o->quantity : -net) : 0;
		add_step(step, &steps, o->price, sold, SIDE_SELL);
		add_step(step, &steps, o->price, o->quantity - sold, SIDE_BUY);
		net += o->quantity;
	}
	return steps;
}

/* Put the steps from first on into at most `most`, of about as much energy each; each asks for the
 * price that suits all that is in it. Returns how many. */
static int put_together(const struct curve_step *from, int count, int most, struct curve_step *out)
{
	int64_t left = 0;
	int n = 0;
	for (int i = 0; i < count; i++) {
		left += from[i].quantity;
	}
	for (int i = 0; i < count; n++) {
		bool each = count - i <= most - n;
		int64_t share = left / (most - n);
		out[n] = from[i];
		left -= from[i++].quantity;
		while (!each && i < count &&
		       (n + 1 == most || out[n].quantity + from[i].quantity / 2 <= share)) {
			out[n].quantity += from[i].quantity;
			out[n].price = from[i].price;
			left -= from[i++].quantity;
		}
	}
	return n;
}

static void reverse(struct curve_step *step, int count)
{
	for (int i = 0; i < count / 2; i++) {
		struct curve_step other = step[i];
		step[i] = step[count - 1 - i];
		step[count - 1 - i] = other;
	}
}

int aggregate_curve(const struct book *b, int steps_max, struct curve_step *step)
{
	struct fall f;
	int e = fall_begin(b, &f);
	struct curve_step *all = malloc(sizeof(*all) * (2 * (size_t)b->orders + 1));
	if (e || !all) {
		fall_free(&f);
		free(all);
		return -ENOMEM;
	}
	int count = walk(b, &f, all), sells = 0;
	while (sells < count && all[sells].side == SIDE_SELL) {
		sells++;
	}
	reverse(all, sells); /* the cheapest first, like the dearest of the buys */
	int buys = count - sells;
	int most = (int)((int64_t)steps_max * sells / (count ? count : 1));
	most = most < 1 ? 1 : most > steps_max - 1 ? steps_max - 1 : most;
	int n = count <= steps_max ? put_together(all, sells, sells ? sells : 1, step)
				   : put_together(all, sells, most, step);
	n += put_together(all + sells, buys,
			  count <= steps_max ? (buys ? buys : 1) : steps_max - most, step + n);
	fall_free(&f);
	free(all);
	return n;
}

/* --- the price back -----------------------------------------------------------------------------
 */

/* How much of a side accepts the price. */
static int64_t accepting(const struct book *b, enum side side, int32_t price)
{
	int64_t sum = 0;
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		bool accepts = side == SIDE_BUY ? o->price >= price : o->price <= price;
		sum += o->side == side && accepts ? o->quantity : 0;
	}
	return sum;
}

static void fill_side(const struct book *b, const struct fall *f, enum side side, int64_t quantity,
		      int32_t price, struct result *r)
{
	for (int i = 0; i < f->count[side] && quantity > 0; i++) {
		int at = f->index[side][i];
		int64_t most = b->order[at].quantity;
		r->filled[at] = most < quantity ? most : quantity;
		r->amount[at] = money_of(price, r->filled[at]);
		quantity -= r->filled[at];
	}
}

int aggregate_fill(const struct book *b, int32_t price, int64_t net, struct result *r)
{
	int64_t demand = accepting(b, SIDE_BUY, price), supply = accepting(b, SIDE_SELL, price);
	if (net > demand || -net > supply) {
		return -ERANGE;
	}
	int64_t bought = demand < supply + net ? demand : supply + net;
	struct fall f;
	int e = result_begin(r, b);
	if (e < 0) {
		return e;
	}
	e = fall_begin(b, &f);
	if (e == 0) {
		fill_side(b, &f, SIDE_BUY, bought, price, r);
		fill_side(b, &f, SIDE_SELL, bought - net, price, r);
		r->priced = true;
		r->price = r->low = r->high = price;
		r->quantity = bought;
		r->welfare = result_welfare(r, b);
	}
	fall_free(&f);
	return e;
}
