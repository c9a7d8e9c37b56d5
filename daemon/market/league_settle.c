/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/league_settle.h"

#include <stdlib.h>

#include "daemon/market/money.h"

static int64_t fee_price(const struct line_terms *t)
{
	return (int64_t)(t->fee * MILLION + 0.5);
}

bool league_line_counts(const struct league *l, const struct league_books *ends)
{
	const struct league_book *a = &ends->end[0], *b = &ends->end[1];
	bool same = a->agreed && b->agreed;
	for (int t = 0; same && t < l->steps; t++) {
		same = a->taken_mwh[t] == -b->taken_mwh[t] && a->price[t] == b->price[t];
	}
	return same;
}

static void settle_line(const struct league_line *line, const struct league_book *book, int steps,
			struct league_settled *out, struct league_line_settled *s)
{
	struct league_member_settled *a = &out->member[line->a], *b = &out->member[line->b];
	s->counts = true;
	for (int t = 0; t < steps; t++) {
		int64_t mwh = book->taken_mwh[t];
		int64_t paid = money_of(book->price[t], mwh);
		int64_t fee = money_of(fee_price(&line->terms), llabs(mwh)), half = fee / 2;
		s->traded_mwh += llabs(mwh);
		s->paid += paid;
		s->fees += fee;
		a->taken_mwh += mwh;
		b->taken_mwh -= mwh;
		a->paid += paid;
		b->paid -= paid;
		a->fees += mwh > 0 ? fee - half : half; /* who takes pays the odd millionth */
		b->fees += mwh > 0 ? half : fee - half;
	}
	out->fees += s->fees;
}

/* What each step leaves to the utility: its prices are of the step, so nothing is netted over
 * them. */
static void settle_grid(const struct league *l, const struct league_books *book,
			const struct league_meter *meter, int i, struct league_settled *out)
{
	struct league_member_settled *m = &out->member[i];
	for (int t = 0; t < l->steps; t++) {
		int64_t grid = meter->net_mwh[t];
		for (int k = 0; k < l->lines; k++) {
			if (out->line[k].counts && (l->line[k].a == i || l->line[k].b == i)) {
				grid -= book[k].end[l->line[k].b == i].taken_mwh[t];
			}
		}
		int64_t money = money_of(grid > 0 ? meter->buy[t] : meter->sell[t], grid);
		m->net_mwh += meter->net_mwh[t];
		m->grid_mwh += grid;
		m->grid += money;
	}
	m->total = m->paid + m->fees + m->grid;
	out->utility += m->grid;
	out->delivered_mwh += m->grid_mwh;
}

void league_settle(const struct league *l, const struct league_books *book,
		   const struct league_meter *meter, struct league_settled *out)
{
	*out = (struct league_settled){ .utility = 0 };
	for (int k = 0; k < l->lines; k++) {
		if (league_line_counts(l, &book[k])) {
			settle_line(&l->line[k], &book[k].end[0], l->steps, out, &out->line[k]);
		}
	}
	for (int i = 0; i < l->members; i++) {
		settle_grid(l, book, &meter[i], i, out);
	}
}

bool league_is_balanced(const struct league *l, const struct league_settled *s)
{
	int64_t net = 0, taken = 0, paid = 0, fees = 0, total = 0;
	bool each = true;
	for (int i = 0; i < l->members; i++) {
		const struct league_member_settled *m = &s->member[i];
		net += m->net_mwh;
		taken += m->taken_mwh;
		paid += m->paid;
		fees += m->fees;
		total += m->total;
		each &= m->net_mwh == m->taken_mwh + m->grid_mwh;
	}
	return each && taken == 0 && paid == 0 && fees == s->fees && net == s->delivered_mwh &&
	       total == s->utility + s->fees;
}
