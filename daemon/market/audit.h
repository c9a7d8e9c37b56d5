/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The proof that a ledger's money and energy are right: each settlement is worked out again from
 * the awards and readings that stood before it and held against what was written, to the last mWh
 * and the last 1e-6. (That the entries are those once written is the chain's: ledger_verify.) */
#ifndef LECD_MARKET_AUDIT_H
#define LECD_MARKET_AUDIT_H

#include <stdint.h>

#include "daemon/market/ledger.h"

/* What was proven. */
struct audit {
	int64_t intervals;   /* settled */
	int64_t corrections; /* balances beyond the first of an interval */
	int64_t estimated;   /* lines that stand, without a reading */
	int64_t traded;      /* mWh between homes, by the balances that stand */
	int64_t residue;     /* 1e-6 of the currency, the same */
	/* Of the account of a market above, by the lines that stand: mWh, and what we pay it for
	 * all of that, less what it pays. */
	int64_t from_above, to_above, paid_above;
};

/* Go through all balances. progress (may be NULL) is called now and then. 0; -EBADMSG: fault names
 * the entry that is wrong and why; -ENOMEM, -EIO ...: the ledger could not be read. */
int audit_balances(struct ledger *l, void (*progress)(int64_t done, int64_t of, void *argument),
		   void *argument, struct audit *out, struct ledger_fault *fault);

#endif
