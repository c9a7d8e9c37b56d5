/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Supply meets demand: the largest volume that no seller asks more for than a buyer bids, which is
 * also the welfare-optimal one, and who gets how much of it. Found without sorting, by three
 * histograms over the price, each within one bar of the one before. */
#ifndef LECD_MARKET_MERIT_H
#define LECD_MARKET_MERIT_H

#include "daemon/market/book.h"
#include "daemon/market/mechanism.h"
#include "daemon/market/result.h"

/* Which orders take part. */
enum part_kind {
	PART_ALL,
	PART_BUYS_OF,  /* owner's purchases, the others' sales */
	PART_SELLS_OF, /* owner's sales, the others' purchases */
	PART_WITHOUT   /* all but owner's */
};
struct part {
	enum part_kind kind;
	int32_t owner;
};

static inline bool part_has(const struct part *p, const struct order *o)
{
	bool own = o->owner == p->owner;
	switch (p->kind) {
	case PART_ALL:
		return true;
	case PART_BUYS_OF:
		return own == (o->side == SIDE_BUY);
	case PART_SELLS_OF:
		return own == (o->side == SIDE_SELL);
	default:
		return !own;
	}
}

/* Where the curves meet. Better orders than the margin's price are filled; those of one side at
 * that price share what is left; the other side is filled up to that price. */
struct margin {
	int64_t volume;    /* mWh */
	int32_t price;     /* of the orders that share */
	enum side side;    /* of the orders that share */
	int64_t want, get; /* what these offer, and what they share */
};

void merit_find(const struct book *b, const struct part *p, struct margin *out);

/* Fill the orders of a part up to its margin, into r->filled; the others' stay. At the margin by
 * share (rounded to mWh so that the sum fits; each is within 1 mWh of its exact share), or by
 * arrival. */
void merit_fill(const struct book *b, const struct part *p, const struct margin *m, enum ties ties,
		struct result *r);

/* Prices at the margin; a partly filled order counts as accepted and as rejected. */
struct marginal {
	bool traded;                  /* else there is neither last */
	int32_t last_bid, last_ask;   /* the worst that were accepted */
	int32_t first_bid, first_ask; /* the best that were not; else beyond all prices */
};
void merit_marginal(const struct book *b, const struct part *p, const struct result *r,
		    struct marginal *out);

/* The interval of prices by a rule, and the price in it. Only where something was traded. */
void merit_price(const struct marginal *m, const struct terms *t, int32_t *low, int32_t *high,
		 int32_t *price);

#endif
