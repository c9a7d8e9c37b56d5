/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/money.h"

int64_t money_divide(wide value, int64_t divisor)
{
	wide half = divisor / 2;
	return (int64_t)((value < 0 ? value - half : value + half) / divisor);
}

int64_t money_of(int64_t price, int64_t quantity)
{
	int64_t exact;
	if (__builtin_mul_overflow(price, quantity, &exact)) {
		return money_divide((wide)price * quantity, MILLION);
	}
	int64_t whole = exact / MILLION, rest = exact % MILLION;
	return whole + (rest >= MILLION / 2) - (rest <= -MILLION / 2);
}

int32_t money_between(int32_t low, int32_t high, int32_t k)
{
	int64_t way = (int64_t)k * ((int64_t)high - low);
	int64_t down = way / MILLION - (way % MILLION < 0);
	return (int32_t)(low + down);
}
