/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/rate.h"

static bool reachable(const struct rate_limit *l, double from, int64_t from_us, double to,
		      int64_t to_us)
{
	double seconds = (double)(to_us - from_us) / 1e6;
	return to <= from + l->rise_per_s * seconds + l->slack &&
	       to >= from - l->fall_per_s * seconds - l->slack;
}

/* Keep what is told instead; it counts as one story while it moves no faster than it can. */
static void hear(struct rate *r, const struct rate_limit *l, double value, int64_t at_us)
{
	if (!r->doubted || !reachable(l, r->other, r->other_us, value, at_us)) {
		r->since_us = at_us;
	}
	r->doubted = true;
	r->other = value;
	r->other_us = at_us;
}

enum rate_verdict rate_check(struct rate *r, const struct rate_limit *limit, double value,
			     int64_t at_us)
{
	enum rate_verdict verdict = RATE_BELIEVED;
	if (r->known && !reachable(limit, r->value, r->at_us, value, at_us)) {
		hear(r, limit, value, at_us);
		if (at_us - r->since_us < limit->settled_us) {
			return RATE_DOUBTED;
		}
		verdict = RATE_TAKEN;
	}
	*r = (struct rate){ .known = true, .value = value, .at_us = at_us };
	return verdict;
}
