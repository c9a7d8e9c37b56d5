/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Supply-demand ratio, after N. Liu, X. Yu, C. Wang, C. Li, L. Ma, J. Lei, "Energy-sharing model
 * with price-based demand response for microgrids of peer-to-peer prosumers", IEEE Transactions on
 * Power Systems 32(5), 2017. With R = supply / demand:
 *
 *   R <= 1:  p_s = p_sell * p_buy / ((p_buy - p_sell) * R + p_sell),  p_b = p_s * R + p_buy * (1 -
 * R) R > 1:   p_s = p_b = p_sell
 *
 * The formula needs prices above zero: where the utility pays nothing or less for surplus, sellers
 * get what it pays. Where R is 0 nobody sells. */
#include "daemon/market/pool.h"

int supply_demand_ratio_clear(const struct book *b, const struct terms *t, struct result *r)
{
	int64_t bought, sold;
	pool_gather(b, t, r, &bought, &sold);
	int32_t sell = t->utility_sell, buy = sell;
	if (sold <= bought && bought > 0) {
		/* p_sell * p_buy * L / ((p_buy - p_sell) * G + p_sell * L), in integers that fit:
		 * 2^30 * 2^30 * 2^62 would not, so that the ratio is taken in 2^-32. */
		int64_t ratio = (int64_t)(((wide)sold << 32) / bought);
		wide below = (wide)(t->utility_buy - t->utility_sell) * ratio +
			     ((wide)t->utility_sell << 32);
		wide above = (wide)t->utility_sell * t->utility_buy;
		if (t->utility_sell > 0) {
			sell = (int32_t)(((above << 32) + below / 2) / below);
		}
		buy = pool_mean(sell, sold, t->utility_buy, bought - sold);
	}
	pool_settle(t, buy, sell, r);
	return 0;
}
