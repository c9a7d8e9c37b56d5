/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mid-market rate: what is shared costs k of the way between the utility's prices (the middle by
 * default); the side that is left with energy bears what the utility does with it.
 *
 *   G = L: both p_mid    G > L: buyers p_mid, sellers (L * p_mid + (G - L) * p_sell) / G
 *                        L > G: sellers p_mid, buyers (G * p_mid + (L - G) * p_buy) / L */
#include "daemon/market/pool.h"

int mid_market_clear(const struct book *b, const struct terms *t, struct result *r)
{
	int64_t bought, sold;
	pool_gather(b, t, r, &bought, &sold);
	int32_t middle = money_between(t->utility_sell, t->utility_buy, t->k);
	int32_t buy = middle, sell = middle;
	if (bought > sold) {
		buy = pool_mean(middle, sold, t->utility_buy, bought - sold);
	} else if (sold > bought) {
		sell = pool_mean(middle, bought, t->utility_sell, sold - bought);
	}
	pool_settle(t, buy, sell, r);
	return 0;
}
