/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/survey.h"

#include <math.h>
#include <string.h>

/* Read a span of registers. */
static void ask(struct probe *probe, const struct block *span, struct survey_point *out)
{
	out->asked = true;
	out->span = *span;
	out->result = out->why = probe_read(probe, span, out->words);
}

/* Next to nothing is what integers look like where a float is expected. */
static bool is_zero(const struct survey_point *s)
{
	return s->quality == QUALITY_GOOD && fabs(s->value) < 1e-6;
}

/* Read a part, and take what comes for its block's. */
static void ask_part(struct probe *probe, const struct profile *p, const struct point *point,
		     struct survey_point *s, struct answers *answers)
{
	struct block span = profile_span(point);
	int offset = span.address - p->block[point->block].address;
	ask(probe, &span, s);
	if (s->result >= 0) {
		answers_take(answers, point->block, offset, span.count,
			     s->result == 0 ? s->words : NULL, 0);
	}
}

static void ask_quantity(struct probe *probe, const struct profile *p, enum quantity q,
			 struct survey *out)
{
	struct answers answers;
	struct survey_point *own = &out->part[q];
	int64_t at_us;
	answers_clear(&answers, p->blocks);
	for (int i = 0; i < PROFILE_PARTS; i++) {
		enum quantity of;
		const struct point *point = profile_part(p, i, &of);
		if (point && of == q) {
			ask_part(probe, p, point, &out->part[i], &answers);
			own->why = own->why ? own->why : out->part[i].result;
		}
	}
	own->quality = profile_decode(p, q, &answers, &own->value, &at_us);
	own->zero = is_zero(own);
	out->points++;
	out->good += own->quality == QUALITY_GOOD;
	out->zero += own->zero;
	out->wrong += own->quality == QUALITY_OUT_OF_RANGE;
	out->absent += own->why > 0 || own->quality == QUALITY_NOT_IMPLEMENTED;
	out->silent += own->why < 0;
}

static void ask_point(struct probe *probe, const struct point *p, struct survey_point *s)
{
	struct block span = profile_span(p);
	struct point scaled = *p;
	ask(probe, &span, s);
	if (s->result != 0) {
		return;
	}
	if (p->factored &&
	    point_rescale(p, s->words[p->factor_address - span.address], &scaled) < 0) {
		s->quality = QUALITY_NOT_IMPLEMENTED;
		return;
	}
	s->quality = point_decode(&scaled, s->words + (p->address - span.address), &s->value);
	s->zero = is_zero(s);
}

void survey_take(struct probe *probe, const struct profile *p, int silent_max, struct survey *out)
{
	memset(out, 0, sizeof(*out));
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		if (p->reading[q].type != POINT_ABSENT) {
			ask_quantity(probe, p, (enum quantity)q, out);
		}
		if (silent_max > 0 && out->silent >= silent_max) {
			return;
		}
	}
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		if (p->require[i].point.type != POINT_ABSENT) {
			ask_point(probe, &p->require[i].point, &out->require[i]);
		}
	}
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (p->control[c].type != POINT_ABSENT && p->control[c].readback) {
			ask_point(probe, &p->control[c], &out->control[c]);
		}
	}
}

bool survey_fits(const struct profile *p, const struct survey *s)
{
	return s->part[survey_power(p->kind)].quality == QUALITY_GOOD && s->wrong == 0 &&
	       s->silent == 0 && s->good > s->absent && survey_weight(s) > 0;
}

int survey_weight(const struct survey *s)
{
	return s->good - s->zero;
}

enum quantity survey_power(enum device_kind kind)
{
	static const enum quantity power[DEVICE_KIND_COUNT] = { GRID_W, PV_W, BATTERY_W };
	return power[kind];
}
