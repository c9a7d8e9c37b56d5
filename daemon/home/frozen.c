/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/frozen.h"

#include <math.h>

/* So many equal answers in a row, while the batteries' power moved by so much. A meter that shows
 * whole watts repeats one number by chance, but not all of them. */
enum { ANSWERS_MIN = 5 };
static const double moved_w = 300;

/* The power of all batteries that are known. */
static double batteries_w(const struct state *s)
{
	double w = 0;
	for (int b = 0; b < s->batteries; b++) {
		w += reading_good(&s->battery[b].w) ? s->battery[b].w.value : 0;
	}
	return w;
}

/* Compare what the meter told with what it told before, and keep it. */
static bool repeats(struct frozen *f, const struct snapshot *meter)
{
	bool same = true;
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		const struct reading *r = &meter->reading[q];
		double value = reading_good(r) ? r->value : 0;
		same = same && value == f->value[q];
		f->value[q] = value;
	}
	return same;
}

void frozen_check(struct frozen *f, const struct snapshot *meter, struct state *s)
{
	if (!reading_good(&s->grid_w)) {
		return; /* nothing is concluded from silence */
	}
	double w = batteries_w(s);
	if (!repeats(f, meter)) {
		f->answers = 0;
		f->low_w = w;
		f->high_w = w;
		f->frozen = false;
	}
	f->answers += s->grid_w.at_us != f->at_us;
	f->at_us = s->grid_w.at_us;
	f->low_w = fmin(f->low_w, w);
	f->high_w = fmax(f->high_w, w);
	f->frozen = f->frozen || (f->answers >= ANSWERS_MIN && f->high_w - f->low_w >= moved_w);
	if (f->frozen) {
		s->grid_w.quality = QUALITY_STALE;
		s->net_w.quality = QUALITY_STALE;
		s->load_w.quality = QUALITY_STALE;
	}
}
