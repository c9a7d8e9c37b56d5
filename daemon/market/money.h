/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exact money and energy: prices are integers of 1e-6 currency per kWh, energy of mWh, amounts of
 * 1e-6 currency. A price times an energy is exact in 1e-12 currency; sums of those are "wide". */
#ifndef LECD_MARKET_MONEY_H
#define LECD_MARKET_MONEY_H

#include <stdint.h>

__extension__ typedef __int128 wide; /* 1e-12 currency, in welfare */

enum { MILLION = 1000000 };

/* value / divisor (> 0), rounded to the nearest, halves away from zero. */
int64_t money_divide(wide value, int64_t divisor);

/* What an energy costs: price * quantity, rounded to 1e-6 currency as by money_divide. */
int64_t money_of(int64_t price, int64_t quantity);

/* The price k (in millionths, 0..MILLION) of the way from low to high, rounded down to 1e-6. */
int32_t money_between(int32_t low, int32_t high, int32_t k);

#endif
