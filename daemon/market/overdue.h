/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Intervals of a ledger that were traded and never settled, though the wait for their readings is
 * over: money that nobody has moved. How long that wait is the ledger's tariffs tell (where none
 * does, it is the longest there is), and how far the market had come its last clearing or balance:
 * the same ledger always has the same answer. */
#ifndef LECD_MARKET_OVERDUE_H
#define LECD_MARKET_OVERDUE_H

#include <stdint.h>

#include "daemon/market/ledger.h"

enum { OVERDUE_NAMED_MAX = 16 };

struct overdue {
	int64_t intervals; /* all of them */
	int named;
	int64_t interval_s[OVERDUE_NAMED_MAX]; /* the earliest */
	int64_t wait_s;                        /* after an interval's end */
	int64_t by_s;                          /* the market had come so far */
};

/* Returns 0; -EBADMSG: an entry cannot be read, and fault names it; -ENOMEM, -EIO ... */
int overdue_find(struct ledger *l, struct overdue *out, struct ledger_fault *fault);

#endif
