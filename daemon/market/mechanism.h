/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market mechanisms behind one interface: a book and terms in, a result out. Nothing here
 * touches a file, a clock or a random number, and the same book gives the same result to the last
 * digit. docs/lec-market.1 says what each does. */
#ifndef LECD_MARKET_MECHANISM_H
#define LECD_MARKET_MECHANISM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/book.h"
#include "daemon/market/result.h"

enum price_rule {
	PRICE_EQUILIBRIUM, /* of the prices at which supply meets demand */
	PRICE_PAIR         /* between the last accepted ask and the last accepted bid */
};
enum ties { TIES_PRO_RATA, TIES_ARRIVAL };

struct terms {
	enum price_rule price_rule;
	int32_t k; /* millionths: 0 the sellers' end of the price's interval, MILLION the buyers' */
	enum ties ties;
	bool self_trade;           /* whether an owner may trade with itself */
	bool pairs;                /* whether trades are wanted where the price needs none */
	int32_t utility_buy;       /* what the utility asks per kWh */
	int32_t utility_sell;      /* what it pays; not more */
	int32_t importer_fee;      /* of `community`: per kWh of the largest import */
	int64_t solve_deadline_us; /* blocks: by clock_real_us() */
};

struct mechanism {
	const char *name;
	/* After result_begin. Return 0, -ENOMEM, or as said where it is made. */
	int (*clear)(const struct book *b, const struct terms *t, struct result *r);
	int32_t k;    /* where the user gives none */
	bool zones;   /* knows zones and their fees */
	bool blocks;  /* knows blocks and intervals */
	bool events;  /* knows cancel and replace */
	bool utility; /* needs the utility's prices; limits of orders are not looked at */
	const char *about;
};

enum { MECHANISMS = 8 };
extern const struct mechanism mechanisms[MECHANISMS];

/* By name; NULL where there is none. */
const struct mechanism *mechanism_find(const char *name);

/* What keeps this mechanism from this book: "zones", "blocks", "intervals", "cancel or replace"...;
 * or NULL where nothing does. */
const char *mechanism_lacks(const struct mechanism *m, const struct book *b);

/* Clear a sound book (see book_check). Return 0; -ENOTSUP: mechanism_lacks something; -EINVAL:
 * terms out of range; -ENOMEM; -E2BIG: more than is solved exactly; -ERANGE: quantities of blocks
 * too far apart for that; -ETIME: nothing found in time; other: the solver gave up. */
int mechanism_clear(const struct mechanism *m, const struct book *b, const struct terms *t,
		    struct result *r);

/* --- the mechanisms, a file each
 * ------------------------------------------------------------------
 */
int uniform_clear(const struct book *b, const struct terms *t, struct result *r);
int pay_as_bid_clear(const struct book *b, const struct terms *t, struct result *r);
int continuous_clear(const struct book *b, const struct terms *t, struct result *r);
int mid_market_clear(const struct book *b, const struct terms *t, struct result *r);
int supply_demand_ratio_clear(const struct book *b, const struct terms *t, struct result *r);
int mcafee_clear(const struct book *b, const struct terms *t, struct result *r);
int vcg_clear(const struct book *b, const struct terms *t, struct result *r);
int community_clear(const struct book *b, const struct terms *t, struct result *r);

#endif
