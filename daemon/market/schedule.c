/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/schedule.h"

#include <stddef.h>

#include "daemon/base/tariff.h"

const char *const round_kinds[] = { "interval", "day", NULL };

enum { DAY_S = 86400, HOUR_S = 3600 };

/* The UTC time at which local clocks show local_s (seconds of the local time line). An hour that
 * clocks leave out or show twice gives one of its two times, the same for the whole day. */
static int64_t utc_of(int64_t local_s)
{
	int64_t guess_s = local_s - timezone_offset_s(local_s);
	return local_s - timezone_offset_s(guess_s);
}

int64_t round_gate_s(const struct round_conf *r, int64_t start_s)
{
	if (r->kind == ROUND_INTERVAL) {
		return start_s - r->gate_s;
	}
	int64_t local_s = start_s + timezone_offset_s(start_s);
	int64_t midnight_s = local_s - timezone_day_second(start_s);
	return utc_of(midnight_s - DAY_S + r->gate_s);
}

int round_open_max(const struct round_conf *r, int64_t interval_s)
{
	if (r->kind == ROUND_INTERVAL) {
		return (int)(r->open_s / interval_s) + 2;
	}
	int days = (int)(r->open_s / (DAY_S - HOUR_S)) + 2;
	return days * (int)((DAY_S + HOUR_S) / interval_s);
}

/* How long before an interval begins its gate may close: the nearest, the furthest. A day may have
 * an hour more or less, and clocks may change between gate and interval. */
static void gate_span(const struct round_conf *r, int64_t *near_s, int64_t *far_s)
{
	if (r->kind == ROUND_INTERVAL) {
		*near_s = *far_s = r->gate_s;
		return;
	}
	*near_s = DAY_S - r->gate_s - HOUR_S;
	*far_s = 2 * DAY_S - r->gate_s + HOUR_S;
}

bool rounds_overlap(const struct round_conf *a, const struct round_conf *b)
{
	if (a->kind == ROUND_DAY && b->kind == ROUND_DAY) {
		/* Both gates lie on the same local day. */
		const struct round_conf *late = a->gate_s > b->gate_s ? a : b;
		const struct round_conf *early = late == a ? b : a;
		return late->open_s > late->gate_s - early->gate_s - HOUR_S;
	}
	int64_t near_a_s, far_a_s, near_b_s, far_b_s;
	gate_span(a, &near_a_s, &far_a_s);
	gate_span(b, &near_b_s, &far_b_s);
	/* Open from (gate + open) to gate before the interval: two such spans that touch. */
	return near_a_s < far_b_s + b->open_s && near_b_s < far_a_s + a->open_s;
}
