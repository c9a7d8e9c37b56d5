/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much somebody may say: so many messages in a period, all at once or spread over it, as the
 * generic cell rate algorithm of ITU-T I.371 meters a line. What is refused costs nothing: a sender
 * that goes on beyond its rate is heard at its rate. A clock that steps back silences nobody for
 * longer than a period. */
#ifndef LECD_MARKET_ALLOWANCE_H
#define LECD_MARKET_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Of zeros: nothing was said yet. */
struct allowance {
	int64_t until_us; /* when all that was said is paid for by time */
};

/* Whether one more message at now_s is within count in period_s; then it is taken. count 0: there
 * is no limit. */
bool allowance_take(struct allowance *a, int count, int64_t period_s, int64_t now_s);

#endif
