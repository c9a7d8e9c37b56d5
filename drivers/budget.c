/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/budget.h"

enum { DAY_S = 86400 };

/* Whether wall_s belongs to another day than the one counted. */
static bool is_over(const struct budget *b, int64_t wall_s)
{
	int64_t day = wall_s / DAY_S;
	return day > b->day || day < b->day - 1;
}

int budget_spent(const struct budget *b, int64_t wall_s)
{
	return is_over(b, wall_s) ? 0 : b->writes;
}

bool budget_allows(const struct budget *b, int writes, int64_t wall_s)
{
	int most = b->a_day < BUDGET_A_DAY_MAX ? b->a_day : BUDGET_A_DAY_MAX;
	return writes <= most - budget_spent(b, wall_s);
}

void budget_spend(struct budget *b, int writes, int64_t wall_s)
{
	if (is_over(b, wall_s)) {
		b->day = wall_s / DAY_S;
		b->writes = 0;
	}
	b->writes += writes;
}
