/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/frozen.h"

#include <math.h>

/* Compare what the device told with what it told before, and keep it. */
static bool repeats(struct frozen *f, const struct snapshot *seen)
{
	bool same = true;
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		const struct reading *r = &seen->reading[q];
		double value = reading_good(r) ? r->value : 0;
		same = same && value == f->value[q];
		f->value[q] = value;
	}
	return same;
}

bool frozen_check(struct frozen *f, const struct frozen_rule *rule, const struct snapshot *seen,
		  enum quantity power, const struct reading *witness)
{
	const struct reading *r = &seen->reading[power];
	if (!reading_good(r)) {
		return f->frozen; /* nothing is concluded from silence */
	}
	if (!repeats(f, seen)) {
		f->answers = 0;
		f->since_us = r->at_us;
		frozen_forget(f);
		f->frozen = false;
	}
	f->answers += r->at_us != f->at_us;
	f->at_us = r->at_us;
	if (witness && reading_good(witness) && witness->at_us >= f->since_us) {
		f->low_w = fmin(f->low_w, witness->value);
		f->high_w = fmax(f->high_w, witness->value);
	}
	f->frozen = f->frozen ||
		    (f->answers >= rule->answers && r->at_us - f->since_us >= rule->span_us &&
		     fmax(f->high_w - f->low_w, 0) >= rule->moved_w);
	return f->frozen;
}

void frozen_forget(struct frozen *f)
{
	f->low_w = INFINITY;
	f->high_w = -INFINITY;
}
