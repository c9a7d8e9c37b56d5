/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/leap.h"

#include <math.h>

/* Smaller steps do no harm. */
static const double step_min_w = 500;
/* How near a ratio is to a power of ten, as a logarithm: some 3 %, what a second may add. */
static const double nearness = 0.013;
/* Answers further apart than this may differ by anything. */
static const int64_t gap_us = INT64_C(5) * 1000000;

static bool leapt(double from_w, double to_w, double expected_w)
{
	double decades = log10(fabs(to_w / from_w));
	if (!isfinite(decades) || fabs(to_w - from_w) < step_min_w ||
	    signbit(to_w) != signbit(from_w)) {
		return false;
	}
	bool scaled = fabs(decades) > 0.5 && fabs(decades - round(decades)) < nearness;
	return scaled && !(fabs(to_w - expected_w) < fabs(from_w - expected_w));
}

void leap_check(struct leap *l, int patience, double expected_w, struct reading *r)
{
	if (!reading_good(r)) {
		return;
	}
	bool answer = r->at_us != l->at_us;
	l->known = l->known && r->at_us - l->at_us < gap_us;
	l->at_us = r->at_us;
	if (!l->known || !leapt(l->value_w, r->value, expected_w)) {
		l->doubted = 0;
	} else {
		l->doubted += answer;
	}
	if (l->doubted > 0 && l->doubted < patience) {
		r->quality = QUALITY_OUT_OF_RANGE;
		return;
	}
	l->doubted = 0;
	l->known = true;
	l->value_w = r->value;
}
