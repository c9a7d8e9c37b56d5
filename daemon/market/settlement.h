/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An interval settled from the ledger's entries and into it: its awards and meter readings in, a
 * settlement for each home and a balance for all out. Appends; the caller commits.
 *
 * Called again after a reading came, it appends what changed: the balance and the lines that are
 * not as they were get the next revision, the others stand. Where nothing changed it appends
 * nothing, so that it may be called at any time, also after a restart. */
#ifndef LECD_MARKET_SETTLEMENT_H
#define LECD_MARKET_SETTLEMENT_H

#include "daemon/market/facts.h"
#include "daemon/market/ledger.h"

struct settlement_order {
	int64_t interval_s, length_s;
	int64_t made_s;
	struct settle_terms terms;
	char currency[4];
	const char *const *member; /* who gets a line in any case, in any order; others get one
				      where the ledger has an award or reading of them */
	int members;
};

/* Of an interval: whether all who get a line are metered, so that there is nothing to wait for. */
struct settlement_outlook {
	int homes, metered;
};

/* Count, and append nothing. 0 or -errno as below. */
int settlement_look(struct ledger *l, const struct settlement_order *o,
		    struct settlement_outlook *out);

/* Settle: who is not metered is estimated to have kept its awards. Returns how many entries were
 * appended; 0 nothing changed; -EBADMSG an entry cannot be read (why says which), -ERANGE, -EINVAL
 * as settle_interval, -ENOMEM, or as ledger_append. */
int settlement_append(struct ledger *l, const struct settlement_order *o, char *why, size_t size);

/* What the entries of an interval come to, for settlement_append and for those who prove it. Owned
 * by the caller. */
struct settlement_home {
	char home[LEDGER_NAME_MAX];
	struct settle_home in;
	struct settle_line line; /* the latest one that stands; where revision >= 0 */
	int64_t revision;        /* of it; -1: none stands */
	int64_t meter_revision;  /* of the reading; -1: there is none */
	int64_t cost_sequence;   /* of the award that tells in.grid_cost; 0: none does */
	struct settle_line due;  /* what it comes to by settlement_work_out */
};

struct settlement_book {
	struct settlement_home *home; /* by name */
	int homes, room;
};

/* Read an interval's awards, latest readings and latest lines into b, which is emptied first
 * (zeroed before its first use), as they stood when the ledger's last entry was upto; INT64_MAX:
 * all of them. 0 or -errno as above. */
int settlement_read(struct ledger *l, int64_t interval_s, int64_t upto, struct settlement_book *b,
		    char *why, size_t size);
void settlement_free(struct settlement_book *b);

/* Work out what is due to each home of the book, and the balance of all. 0, -ENOMEM, or as
 * settle_interval. */
int settlement_work_out(struct settlement_book *b, const struct settle_terms *t,
			struct settle_balance *out);

#endif
