/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/survey.h"

#include <math.h>
#include <string.h>

/* Read a span that can be read at once. */
static bool ask(struct probe *probe, struct block span, struct survey_point *out)
{
	*out = (struct survey_point){ .asked = true, .span = span };
	out->result = probe_read(probe, span.table, span.address, span.count, out->words);
	return out->result == 0;
}

/* Next to nothing is what integers look like where a float is expected. */
static bool is_zero(const struct survey_point *s)
{
	return s->quality == QUALITY_GOOD && fabs(s->value) < 1e-6;
}

static void ask_reading(struct probe *probe, const struct profile *p, enum quantity q,
			struct survey *out)
{
	struct survey_point *s = &out->reading[q];
	if (ask(probe, profile_span(p, q), s)) {
		s->quality = profile_decode(p, q, s->words, s->span.address, &s->value);
		s->zero = is_zero(s);
	}
	out->points++;
	out->good += s->quality == QUALITY_GOOD;
	out->zero += s->zero;
	out->wrong += s->quality == QUALITY_OUT_OF_RANGE;
	out->absent += s->result > 0 || s->quality == QUALITY_NOT_IMPLEMENTED;
	out->silent += s->result < 0;
}

static void ask_control(struct probe *probe, const struct point *p, struct survey_point *s)
{
	struct block span = { .table = p->table,
			      .address = p->address,
			      .count = (uint16_t)point_words(p->type) };
	if (ask(probe, span, s)) {
		s->quality = point_decode(p, s->words, &s->value);
		s->zero = is_zero(s);
	}
}

void survey_take(struct probe *probe, const struct profile *p, int silent_max, struct survey *out)
{
	memset(out, 0, sizeof(*out));
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		if (p->reading[q].type != POINT_ABSENT) {
			ask_reading(probe, p, (enum quantity)q, out);
		}
		if (silent_max > 0 && out->silent >= silent_max) {
			return;
		}
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *point = &p->control[c];
		if (point->type != POINT_ABSENT && point->readback) {
			ask_control(probe, point, &out->control[c]);
		}
	}
}

bool survey_fits(const struct profile *p, const struct survey *s)
{
	static const enum quantity power[DEVICE_KIND_COUNT] = { GRID_W, PV_W, BATTERY_W };
	return s->reading[power[p->kind]].quality == QUALITY_GOOD && s->wrong == 0 &&
	       s->silent == 0 && s->good > s->absent && survey_weight(s) > 0;
}

int survey_weight(const struct survey *s)
{
	return s->good - s->zero;
}
