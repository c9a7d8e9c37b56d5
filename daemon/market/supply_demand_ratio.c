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

/* The sellers' price at a ratio of at most 1, whose utility price is above 0; rounded to the
 * nearest. The ratio is taken in 2^-32: with it all numbers fit. */
static int32_t sell_price(const struct terms *t, int64_t bought, int64_t sold)
{
	const wide one = (wide)1 << 32;
	wide ratio = (wide)sold * one / bought;
	wide below = ((wide)t->utility_buy - t->utility_sell) * ratio + t->utility_sell * one;
	wide above = (wide)t->utility_sell * t->utility_buy * one;
	return (int32_t)((above + below / 2) / below);
}

int supply_demand_ratio_clear(const struct book *b, const struct terms *t, struct result *r)
{
	int64_t bought, sold;
	pool_gather(b, t, r, &bought, &sold);
	int32_t sell = t->utility_sell, buy = sell;
	if (sold <= bought && bought > 0) {
		sell = sell > 0 ? sell_price(t, bought, sold) : sell;
		buy = pool_mean(sell, sold, t->utility_buy, bought - sold);
	}
	pool_settle(t, buy, sell, r);
	return 0;
}
