/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/owed.h"

#include <string.h>

enum { DOUBLINGS_MAX = 6 };

/* The place of that interval's, or where it would be. */
static int place_of(const struct owed *o, int64_t start_s)
{
	int i = 0;
	while (i < o->readings && o->reading[i].interval.start_s < start_s) {
		i++;
	}
	return i;
}

static bool is_at(const struct owed *o, int i, int64_t start_s)
{
	return i < o->readings && o->reading[i].interval.start_s == start_s;
}

static void take_out(struct owed *o, int i)
{
	o->readings--;
	memmove(&o->reading[i], &o->reading[i + 1],
		sizeof(o->reading[0]) * (size_t)(o->readings - i));
}

void owed_add(struct owed *o, const struct interval *i)
{
	(void)owed_settle(o, i->start_s);
	if (o->readings == OWED_MAX) {
		take_out(o, 0);
	}
	int at = place_of(o, i->start_s);
	memmove(&o->reading[at + 1], &o->reading[at],
		sizeof(o->reading[0]) * (size_t)(o->readings - at));
	o->reading[at] = (struct owed_reading){ .interval = *i };
	o->readings++;
}

const struct interval *owed_next(const struct owed *o, int64_t now_us, bool there)
{
	for (int i = 0; i < o->readings; i++) {
		const struct owed_reading *r = &o->reading[i];
		if (r->next_us == 0 || (there && r->next_us <= now_us)) {
			return &r->interval;
		}
	}
	return NULL;
}

void owed_said(struct owed *o, int64_t start_s, int64_t now_us, int64_t pause_us)
{
	int i = place_of(o, start_s);
	if (is_at(o, i, start_s)) {
		struct owed_reading *r = &o->reading[i];
		int doublings = r->tries < DOUBLINGS_MAX ? r->tries : DOUBLINGS_MAX;
		r->next_us = now_us + (pause_us << doublings);
		r->tries++;
	}
}

void owed_hurry(struct owed *o)
{
	for (int i = 0; i < o->readings; i++) {
		o->reading[i].next_us = 0;
		o->reading[i].tries = 0;
	}
}

bool owed_settle(struct owed *o, int64_t start_s)
{
	int i = place_of(o, start_s);
	bool was = is_at(o, i, start_s);
	if (was) {
		take_out(o, i);
	}
	return was;
}
