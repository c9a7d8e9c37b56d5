/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/charge.h"

#include <math.h>

/* No battery's charge moves faster; one with a known power and capacity not even that. */
static const double fastest_per_s = 0.05 / 60;
static const double power_factor = 1.5;
static const double power_margin_w = 500;
/* A whole per cent, and what a battery corrects by itself. */
static const double slack = 0.02;
static const int64_t settled_us = INT64_C(300) * 1000000;
static const int64_t held_us = INT64_C(60) * 1000000;

/* What is not known of the energy: a share of it, and the inverter's own consumption. */
static const double doubt_share = 0.1;
static const double doubt_w = 50;
/* A value in whole per cent has to move by then. */
static const double standing_from = 0.0105;
static const double straying_from = 0.05;
static const int64_t hour_us = INT64_C(3600) * 1000000;
/* Longer without a look, and nobody knows what flowed. */
static const int64_t gap_us = INT64_C(30) * 1000000;

static struct rate_limit limit_of(const struct battery_model *m)
{
	double limit_w = fmax(m->charge_limit_w, m->discharge_limit_w);
	double most_w = limit_w > 0 ? limit_w * power_factor + power_margin_w : INFINITY;
	double per_s = fmin(most_w / 3600 / m->capacity_wh, fastest_per_s);
	return (struct rate_limit){
		.fall_per_s = per_s, .rise_per_s = per_s, .slack = slack, .settled_us = settled_us
	};
}

static struct charge_span span_from(double value, int64_t now_us)
{
	return (struct charge_span){ .anchor = value, .since_us = now_us };
}

static void add(struct charge_span *s, double moved, double doubt)
{
	s->moved = fmin(fmax(s->moved + moved, -s->anchor), 1 - s->anchor);
	s->doubt += doubt;
}

/* Count on by the energy since the last look. */
static void count(struct charge *c, const struct battery_model *m, const struct reading *w,
		  int64_t now_us)
{
	if (!reading_good(w)) {
		return; /* what flows meanwhile is counted when it is heard again */
	}
	int64_t passed_us = now_us - c->last_us;
	double mean_w = (c->last_w + w->value) / 2;
	c->last_us = now_us;
	c->last_w = w->value;
	if (passed_us > gap_us) {
		c->counting = false;
		return;
	}
	double hours = (double)passed_us / 3.6e9;
	double stored_w =
		mean_w > 0 ? -mean_w / m->discharge_efficiency : -mean_w * m->charge_efficiency;
	double moved = stored_w * hours / m->capacity_wh;
	double doubt = doubt_share * fabs(moved) + doubt_w * hours / m->capacity_wh;
	add(&c->still, moved, doubt);
	add(&c->hour, moved, doubt);
}

static bool apart(const struct charge_span *s, double value, double from)
{
	return fabs(s->anchor + s->moved - value) - s->doubt > from;
}

/* Compare a value that is believed with the energy. */
static void compare(struct charge *c, double value, int64_t now_us)
{
	if (!c->counting) {
		c->hour = span_from(value, now_us);
	}
	if (!c->counting || value != c->told) {
		c->still = span_from(value, now_us);
	}
	c->counting = true;
	c->told = value;
	c->standing = apart(&c->still, value, standing_from);
	c->straying = apart(&c->hour, value, straying_from);
	if (!c->straying && now_us - c->hour.since_us >= hour_us) {
		c->hour = span_from(value, now_us);
	}
	double counted = c->straying   ? c->hour.anchor + c->hour.moved
			 : c->standing ? c->still.anchor + c->still.moved
				       : value;
	c->below = fmax(value - counted, 0);
	c->above = fmax(counted - value, 0);
}

/* The value before the leap, moved on by the energy since. */
static void hold(const struct charge *c, struct reading *soc, int64_t now_us)
{
	soc->value = c->counting ? c->still.anchor + c->still.moved : c->told;
	if (now_us - c->rate.at_us > held_us) {
		soc->quality = QUALITY_OUT_OF_RANGE;
	}
}

void charge_judge(struct charge *c, const struct battery_model *m, struct reading *soc,
		  const struct reading *w, int64_t now_us)
{
	count(c, m, w, now_us);
	if (!reading_good(soc) || !(soc->value >= 0 && soc->value <= 1)) {
		return; /* nothing is concluded from silence */
	}
	struct rate_limit limit = limit_of(m);
	enum rate_verdict verdict = rate_check(&c->rate, &limit, soc->value, soc->at_us);
	c->leaping = verdict == RATE_DOUBTED;
	c->counting = c->counting && verdict != RATE_TAKEN;
	if (c->leaping) {
		hold(c, soc, now_us);
	} else {
		compare(c, soc->value, now_us);
	}
}
