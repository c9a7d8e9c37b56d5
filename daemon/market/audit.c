/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/settlement.h"

enum { ROOM_MIN = 1024, PROGRESS_BALANCES = 16 };

/* A balance to be proven. */
struct stated {
	int64_t sequence, interval_s, revision;
	struct fact_balance balance;
};

struct all_stated {
	struct stated *stated; /* by interval, revision */
	int64_t count, room;
	struct ledger_fault *fault;
};

static int accuse(struct ledger_fault *fault, int64_t sequence, const char *what, const char *whose)
{
	fault->sequence = sequence;
	snprintf(fault->what, sizeof(fault->what), "%.60s%s%.90s", what, *whose ? ": " : "", whose);
	return -EBADMSG;
}

static int take_balance(const struct ledger_entry *e, void *argument)
{
	struct all_stated *all = argument;
	char why[FACT_WHY_MAX];
	struct stated c = { e->sequence, e->interval_s, e->revision, { .length_s = 0 } };
	if (fact_balance_read(e->text, &c.balance, why) < 0) {
		return accuse(all->fault, e->sequence, "a balance that cannot be read", why);
	}
	if (all->count == all->room) {
		int64_t room = all->room ? 2 * all->room : ROOM_MIN;
		struct stated *more = realloc(all->stated, (size_t)room * sizeof(*more));
		if (!more) {
			return -ENOMEM;
		}
		all->stated = more;
		all->room = room;
	}
	all->stated[all->count++] = c;
	return 0;
}

static int by_interval(const void *a, const void *b)
{
	const struct stated *x = a, *y = b;
	return x->interval_s != y->interval_s
		       ? (x->interval_s < y->interval_s ? -1 : 1)
		       : (x->revision > y->revision) - (x->revision < y->revision);
}

/* Every line belongs to a balance of its revision. */
static int match_line(const struct ledger_entry *e, void *argument)
{
	struct all_stated *all = argument;
	const struct stated key = { .interval_s = e->interval_s, .revision = e->revision };
	const struct stated *found = all->count ? bsearch(&key, all->stated, (size_t)all->count,
							  sizeof(key), by_interval)
						: NULL;
	if (!found || found->sequence < e->sequence) {
		return accuse(all->fault, e->sequence, "a settlement without its balance", e->home);
	}
	return 0;
}

/* --- one balance -------------------------------------------------------------------------------
 */

static bool same_line(const struct settle_line *a, const struct settle_line *b)
{
	char x[FACT_TEXT_MAX], y[FACT_TEXT_MAX];
	return fact_line_write(a, x, sizeof(x)) > 0 && fact_line_write(b, y, sizeof(y)) > 0 &&
	       strcmp(x, y) == 0;
}

static bool same_sums(const struct fact_balance *a, const struct settle_balance *sums)
{
	struct fact_balance b = *a;
	char x[FACT_TEXT_MAX], y[FACT_TEXT_MAX];
	b.sums = *sums;
	return fact_balance_write(a, x, sizeof(x)) > 0 &&
	       fact_balance_write(&b, y, sizeof(y)) > 0 && strcmp(x, y) == 0;
}

/* Hold what was written against what it comes to. */
static int compare(const struct stated *c, const struct settlement_book *b,
		   const struct settle_balance *sums, struct ledger_fault *fault)
{
	for (int i = 0; i < b->homes; i++) {
		const struct settlement_home *h = &b->home[i];
		if (h->revision < 0) {
			return accuse(fault, c->sequence, "a home is not settled", h->home);
		}
		if (!same_line(&h->line, &h->due)) {
			return accuse(fault, c->sequence,
				      "a home's line is not what its awards and readings come to",
				      h->home);
		}
	}
	return same_sums(&c->balance, sums)
		       ? 0
		       : accuse(fault, c->sequence, "the accounts are not those of its lines", "");
}

/* What is exchanged with a market above, see upstream.h. */
static void add_above(const struct settlement_book *b, struct audit *sums)
{
	for (int i = 0; i < b->homes; i++) {
		const struct settlement_home *h = &b->home[i];
		if (h->in.above) {
			sums->from_above += h->line.export;
			sums->to_above += h->line.import;
			sums->paid_above -= h->line.total;
		}
	}
}

static int prove(struct ledger *l, const struct stated *c, bool stands, struct settlement_book *b,
		 struct audit *sums, struct ledger_fault *fault)
{
	char why[FACT_WHY_MAX] = "";
	int r = settlement_read(l, c->interval_s, c->sequence, b, why, sizeof(why));
	if (r < 0) {
		(void)accuse(fault, c->sequence, "its interval cannot be read", why);
		return r;
	}
	sums->intervals += c->revision == 0;
	sums->corrections += c->revision > 0;
	if (stands) {
		sums->estimated += c->balance.sums.estimated;
		sums->traded += c->balance.sums.traded;
		sums->residue += c->balance.sums.residue;
		add_above(b, sums);
	}
	struct settle_balance due;
	r = settlement_work_out(b, &c->balance.terms, &due);
	if (r == -ENOMEM) {
		return r;
	}
	return r < 0 ? accuse(fault, c->sequence, "a balance of numbers that cannot be", "")
		     : compare(c, b, &due, fault);
}

int audit_balances(struct ledger *l, void (*progress)(int64_t done, int64_t of, void *argument),
		   void *argument, struct audit *out, struct ledger_fault *fault)
{
	struct ledger_query q = { .kind = LEDGER_BALANCE, .from_s = INT64_MIN, .to_s = INT64_MAX };
	struct ledger_fault found = { .what = "its entries cannot be read" };
	struct all_stated all = { .fault = &found };
	struct settlement_book b = { 0 };
	struct audit sums = { 0 };
	int r = ledger_each(l, &q, take_balance, &all);
	q.kind = LEDGER_SETTLEMENT;
	r = r ? r : ledger_each(l, &q, match_line, &all);
	for (int64_t i = 0; i < all.count && r == 0; i++) {
		const struct stated *c = &all.stated[i];
		bool stands = i + 1 == all.count || c[1].interval_s != c->interval_s;
		r = prove(l, c, stands, &b, &sums, &found);
		if (progress && i % PROGRESS_BALANCES == 0) {
			progress(i, all.count, argument);
		}
	}
	free(all.stated);
	settlement_free(&b);
	if (r < 0) {
		*fault = found;
		return r;
	}
	*out = sums;
	return 0;
}
