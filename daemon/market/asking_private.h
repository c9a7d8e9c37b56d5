/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What asking.c, which asks and judges, and asking_messages.c share. */
#ifndef LECD_MARKET_ASKING_PRIVATE_H
#define LECD_MARKET_ASKING_PRIVATE_H

#include "daemon/base/standing.h"
#include "daemon/market/asking.h"

enum { PART_TRADES = 64, PARTS_MAX = 64, TRADES_MAX = PART_TRADES * PARTS_MAX };
enum { PART_SIZE = 16384 };

enum asking_state {
	IDLE,    /* nothing was asked of this book yet, or its bids were capped since */
	WAITING, /* for a verdict */
	BOUND,   /* no more questions */
};

struct grid_home {
	struct standing limit;
	double import_w, export_w; /* for the award; NAN: not told */
	double cost;               /* of its trades for the grid, currency; NAN: not told */
	int64_t net;               /* what it trades by the clearing at hand, mWh: bought > 0 */
	int32_t offer;             /* what it offered for a kWh of that, 1e-6 currency */
	int64_t permitted;         /* of it, the amount */
};

struct asking {
	const struct market_conf *market;
	int (*send)(void *context, const char *topic, const char *payload, size_t length,
		    bool retain);
	void *context;
	bool online, heard; /* the operator; ever */
	int homes;
	struct grid_home *home;

	int round; /* the book at hand */
	int64_t start_s;
	enum asking_state state;
	int tries;
	int64_t number;
	int64_t sent_s; /* the first proposal of the book: the wait is for all of them */
	int trades, parts;
	uint64_t missing; /* a bit for each part */
	bool refused;
	struct {
		int buyer, seller; /* homes; -1: the utility */
		int64_t amount, permitted;
		int32_t gain; /* lost for each kWh not permitted, 1e-6 currency */
	} trade[TRADES_MAX];
	int64_t *left; /* work, by home */
	char text[PART_SIZE];
};

/* Write a part of the proposal at hand into text; price: of energy, per kWh. Returns the length. */
int asking_part_json(struct asking *a, const struct rounds *r, int part, double price);

#endif
