/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a market says and hears as one home of the market above it, docs/protocol.md: its homes'
 * curve as a bid, what of it the market above gave, and what passed between the two as a meter
 * reading. JSON in and out, nothing else; who sends, waits and writes down is the desk's, see
 * desk_upstream.c. Energies are whole mWh, money and prices millionths, as settle.h has them.
 *
 * In the ledger the market above is an account with the name COMMUNITY/ID, which no home can have:
 * it sells what was bought above, and buys what was sold there. */
#ifndef LECD_MARKET_UPSTREAM_H
#define LECD_MARKET_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/market/facts.h"
#include "daemon/market/messages.h"

/* Whether a name in the ledger is that of a market above. */
bool upstream_is_account(const char *name);

/* Writers return the length, or -ENOBUFS. */
int upstream_write_bid(const struct market_conf *c, const struct round_bid *b, char *out,
		       size_t size);
/* m: by the meter between the two, import from above. */
int upstream_write_meter(const struct market_conf *c, int64_t start_s, const struct fact_meter *m,
			 char *out, size_t size);

/* The market's answer to a bid or reading; start_s 0: to one that it could not read. */
struct upstream_receipt {
	bool reading;
	int64_t start_s;
	bool accepted;
	bool again;                   /* where it is not: it may be said again as it is */
	char reason[MESSAGE_WHY_MAX]; /* where it is not */
};

/* Readers return 0, or -errno and a sentence in why; then *out is untouched. An award is as the
 * market above has it: bought by us. */
int upstream_read_receipt(const struct market_conf *c, const char *payload, size_t length,
			  struct upstream_receipt *out, char why[MESSAGE_WHY_MAX]);
int upstream_read_award(const struct market_conf *c, const char *payload, size_t length,
			int64_t *start_s, struct fact_award *out, char why[MESSAGE_WHY_MAX]);

/* Whether the tariff of the market above lets us pass its trades on: the same currency, trades that
 * count as they were made, no fee of its own on them. -EINVAL: it does not, and why. */
int upstream_check_tariff(const struct market_conf *c, const char *payload, size_t length,
			  char why[MESSAGE_WHY_MAX]);

#endif
