/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of ledger entries that settlement reads and writes: one JSON object each, whole numbers
 * only (mWh, 1e-6 of the currency), keys in a fixed order. Readers take no notice of keys they do
 * not know, so that whoever writes an award may add to it.
 *
 *   award       {"v":1,"bought_mwh":N,"paid_micro":N,"sold_mwh":N,"received_micro":N} and, where
 * the grid operator told it, "grid_cost_micro":N meter       {"v":1,"import_mwh":N,"export_mwh":N}
 *   settlement  {"v":1,"estimated":BOOL,"import_mwh":N, ... as struct settle_line}
 *   balance     {"v":1,"rule":WORD,"currency":TEXT,"length_s":N, ... as struct settle_terms and
 *               settle_balance}
 *
 * Writers return the length or -ENOBUFS; readers 0 or -errno with a sentence in why, and then leave
 * out untouched. */
#ifndef LECD_MARKET_FACTS_H
#define LECD_MARKET_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/market/settle.h"

enum { FACT_TEXT_MAX = 1024, FACT_WHY_MAX = 160 }; /* room for any of them */

/* An amount that may be there. */
struct fact_told {
	bool is;
	int64_t micro;
};

/* Of one round; of a pool one of the two energies is 0. */
struct fact_award {
	int64_t bought, paid;
	int64_t sold, received;
	/* What all trades of the home for the interval cost the grid, those of earlier rounds too:
	 * losses and limits in the way; below 0: it relieves the grid. */
	struct fact_told grid_cost;
};

struct fact_meter {
	int64_t import, export;
};

struct fact_balance {
	char currency[4];
	int64_t length_s;
	struct settle_terms terms;
	struct settle_balance sums;
};

int fact_award_write(const struct fact_award *a, char *out, size_t size);
int fact_award_read(const char *text, struct fact_award *out, char why[FACT_WHY_MAX]);
int fact_meter_write(const struct fact_meter *m, char *out, size_t size);
int fact_meter_read(const char *text, struct fact_meter *out, char why[FACT_WHY_MAX]);
int fact_line_write(const struct settle_line *l, char *out, size_t size);
int fact_line_read(const char *text, struct settle_line *out, char why[FACT_WHY_MAX]);
int fact_balance_write(const struct fact_balance *b, char *out, size_t size);
int fact_balance_read(const char *text, struct fact_balance *out, char why[FACT_WHY_MAX]);

#endif
