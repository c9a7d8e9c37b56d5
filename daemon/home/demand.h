/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a demand charge needs to know: the billing month's highest mean import over a demand period
 * so far, and what was imported in the period that is still open. Months are local. */
#ifndef LECD_HOME_DEMAND_H
#define LECD_HOME_DEMAND_H

#include <stdint.h>

struct demand {
	double period_s;
	int month;          /* local, see timezone_month; of incumbent_w */
	double incumbent_w; /* the month's highest mean so far */
	int64_t open_s;     /* start of the open period */
	double open_wh;     /* imported in it so far */
};

void demand_init(struct demand *d, double period_s);

/* Add what was imported in [start_s, start_s + length_s), oldest first; lies within one period. */
void demand_add(struct demand *d, int64_t start_s, double import_wh);

/* What was imported so far in the period that holds wall_s, completed intervals only. */
double demand_open_wh(const struct demand *d, int64_t wall_s);

#endif
