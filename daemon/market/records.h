/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of the ledger entries that are the rounds' own: bids and clearings, as facts.h says it
 * of the others.
 *
 *   bid       {"v":1,"orders":[{"side":"buy","price_micro":N,"quantity_mwh":N},...]}
 *   clearing  {"v":1,"mechanism":WORD,"void":BOOL,"bids":N,"price_micro":N|null,
 *              "utility_buy_micro":N,"utility_sell_micro":N,
 *              "bought_mwh":N,"paid_micro":N,"sold_mwh":N,"received_micro":N} */
#ifndef LECD_MARKET_RECORDS_H
#define LECD_MARKET_RECORDS_H

#include "daemon/market/facts.h"
#include "daemon/market/rounds.h"

enum { RECORD_TEXT_MAX = 8192 };

int record_bid_write(const struct round_bid *b, char *out, size_t size);
/* Fills the steps of *out only. */
int record_bid_read(const char *text, struct round_bid *out, char why[FACT_WHY_MAX]);
int record_clearing_write(const struct round_clearing *c, const struct mechanism *m,
			  int32_t utility_buy, int32_t utility_sell, char *out, size_t size);
/* Whether there are awards of it. */
int record_clearing_read_awarded(const char *text, bool *awarded, char why[FACT_WHY_MAX]);

#endif
