/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in the ledger, for those who ask again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/market/desk_private.h"

static int find(struct desk *d, enum ledger_kind kind, int round, int64_t start_s, const char *home,
		int64_t revision)
{
	struct ledger_entry e = { .kind = kind, .interval_s = start_s, .revision = revision };
	snprintf(e.round, sizeof(e.round), "%s", d->market->rounds.round[round].name);
	snprintf(e.home, sizeof(e.home), "%s", home);
	return ledger_find(d->ledger, &e, d->text, sizeof(d->text));
}

int desk_find_accepted(struct desk *d, const struct round_bid *b)
{
	char text[RECORD_TEXT_MAX];
	if (record_bid_write(b, text, sizeof(text)) < 0) {
		return -ENOENT;
	}
	for (int i = 0; i < d->market->rounds.rounds; i++) {
		if (find(d, LEDGER_BID, i, b->start_s, b->home, b->revision) == 0 &&
		    strcmp(d->text, text) == 0) {
			return i;
		}
	}
	return -ENOENT;
}

int desk_find_award(struct desk *d, int round, int64_t start_s, const char *home,
		    struct fact_award *out)
{
	char why[FACT_WHY_MAX];
	int r = find(d, LEDGER_AWARD, round, start_s, home, 0);
	return r < 0 ? r : fact_award_read(d->text, out, why);
}
