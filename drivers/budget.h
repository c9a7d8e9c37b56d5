/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often a device's flash may be written: flash lasts for some ten thousand writes, so each day
 * (UTC) has so many and no more. Decides only; no I/O. Whoever writes counts first, so that a crash
 * between counting and writing costs a count and not the flash. */
#ifndef LECD_DRIVERS_BUDGET_H
#define LECD_DRIVERS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUDGET_A_DAY = 20, BUDGET_A_DAY_MAX = 200 }; /* the default, and what no profile may pass */

struct budget {
	int64_t day; /* whole days since 1970 */
	int writes;  /* on that day */
	int a_day;   /* 0: the device has no flash to spare */
};

/* How many were written on the day of wall_s. A clock that is set back a day at most goes on
 * counting on the day before: it gives no second budget. */
int budget_spent(const struct budget *b, int64_t wall_s);

/* Whether so many more fit. */
bool budget_allows(const struct budget *b, int writes, int64_t wall_s);

/* Count so many more. */
void budget_spend(struct budget *b, int writes, int64_t wall_s);

#endif
