/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/allowance.h"

bool allowance_take(struct allowance *a, int count, int64_t period_s, int64_t now_s)
{
	if (count == 0) {
		return true;
	}
	int64_t now_us = now_s * 1000000, period_us = period_s * 1000000;
	int64_t each_us = period_us / count;
	int64_t until_us = a->until_us > now_us ? a->until_us : now_us;
	until_us = until_us < now_us + period_us ? until_us : now_us + period_us;
	a->until_us = until_us; /* also what a clock that was ahead left behind */
	if (until_us - now_us > period_us - each_us) {
		return false;
	}
	a->until_us = until_us + each_us;
	return true;
}
