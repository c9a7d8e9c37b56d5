/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A home's bill for a time: what the ledger's settlements come to, as a text for a person, as JSON
 * and as CSV. Energies in mWh, money in 1e-6 of the currency. */
#ifndef LECD_MARKET_BILL_H
#define LECD_MARKET_BILL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/market/ledger.h"
#include "daemon/market/settle.h"

struct bill_row {
	int64_t interval_s;
	int64_t revision; /* > 0: corrected since it was first settled */
	struct settle_line line;
};

struct bill {
	char home[LEDGER_NAME_MAX];
	char currency[4]; /* "": nothing is settled */
	int64_t from_s, to_s;
	int64_t length_s; /* of an interval */
	int64_t settled;  /* intervals, of the whole community */
	int64_t expected; /* intervals there are */
	int metered_rule; /* settled by SETTLE_METERED */
	int traded_rule;  /* by SETTLE_TRADED */
	int rows, room;
	struct bill_row *row; /* owned, by time: the latest revision of each */
	struct settle_line sum;
	int estimated, corrected;
	int64_t broken; /* sequence of an entry that does not fit the chain; 0: none does not */
	/* The ledger's end when the bill was made: who keeps the bill can hold the ledger to it. */
	int64_t head_sequence;
	unsigned char head[DIGEST_SIZE];
};

/* Read a home's settlements of intervals in [from_s, to_s). b is to be freed with bill_free, also
 * after an error. 0; -ENOENT: the ledger has none of that home then; -EBADMSG: why says which entry
 * cannot be read; -ENOMEM, -EIO. */
int bill_read(struct ledger *l, const char *home, int64_t from_s, int64_t to_s, struct bill *b,
	      char *why, size_t size);
void bill_free(struct bill *b);

/* For a person; times local to the process's zone, zone is its name. */
void bill_print(FILE *to, const struct bill *b, const char *title, const char *zone);
/* One object; -EIO where it cannot be written. */
int bill_print_json(FILE *to, const struct bill *b);
/* A row an interval, times UTC. */
void bill_print_csv(FILE *to, const struct bill *b);

#endif
