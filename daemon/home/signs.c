/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/signs.h"

#include <math.h>

/* A step that counts, the looks it may take, and how well the grid's answer has to fit. */
static const double step_min_w = 300;
enum { STEP_LOOKS = 4 };
static const double fit = 0.35;
/* So many in a row settle it, for; against it they lead to a trial, sooner where they are large. */
enum { AGREEING_MIN = 3, AGAINST_MIN = 2 };
static const double against_large_w = 1500;
static const int64_t against_forgotten_us = INT64_C(60) * 1000000;

/* A trial: to rest, back, and to rest again, so that a load that moves on steadily speaks once for
 * and once against; so often until enough steps agree. Looks after each step, of which the last
 * count. */
enum { TRIAL_STEPS = 5, TRIAL_ENOUGH = 3, TRIAL_LOOKS = 5, TRIAL_COUNTED = 2 };
static const double trial_min_w = 500;
static const double trial_most_w = 1500;
static const double trial_fit = 0.5;
/* No other trial for so long after one that settled it, and one that did not. */
static const int64_t settled_us = INT64_C(60) * 1000000;
static const int64_t unsettled_us = INT64_C(5) * 1000000;

/* --- watching -----------------------------------------------------------------------------------
 */

static bool all_known(const struct state *s)
{
	bool known = reading_good(&s->grid_w);
	for (int b = 0; b < s->batteries; b++) {
		known = known && reading_good(&s->battery[b].w);
	}
	return known;
}

/* Whether meter and batteries have all answered since the last look; *look is what they say. */
static bool look_anew(struct signs *g, const struct state *s, struct signs_look *look)
{
	int64_t battery_us = INT64_MAX;
	*look = (struct signs_look){ .grid_w = s->grid_w.value };
	for (int b = 0; b < s->batteries; b++) {
		const struct reading *w = &s->battery[b].w;
		look->battery_w += w->value;
		battery_us = w->at_us < battery_us ? w->at_us : battery_us;
	}
	if (s->grid_w.at_us <= g->grid_us || battery_us <= g->battery_us) {
		return false;
	}
	g->grid_us = s->grid_w.at_us;
	g->battery_us = battery_us;
	return true;
}

/* +1: the grid answered as it should; -1: the other way; 0: it says nothing. */
static int answer(double battery_step_w, double grid_step_w, double least_w, double tolerance)
{
	double size_w = fabs(battery_step_w);
	if (size_w < least_w) {
		return 0;
	}
	if (fabs(grid_step_w + battery_step_w) <= tolerance * size_w) {
		return 1;
	}
	return fabs(grid_step_w - battery_step_w) <= tolerance * size_w ? -1 : 0;
}

static void note(struct signs *g, int told, double step_w, int64_t now_us)
{
	if (told > 0 || now_us - g->against_us > against_forgotten_us) {
		g->against = 0;
		g->against_w = 0;
	}
	if (told > 0) {
		g->agreeing += g->agreeing < AGREEING_MIN;
	} else if (told < 0) {
		g->agreeing = 0;
		g->against++;
		g->against_w += fabs(step_w);
		g->against_us = now_us;
	}
	bool accused = g->verdict == SIGNS_METER || g->verdict == SIGNS_UNKNOWN;
	if (g->agreeing >= AGREEING_MIN && accused) {
		g->verdict = SIGNS_RIGHT;
	}
}

/* Compare the look with the one that steps are measured from, and measure from it if it counts or
 * that one is too long ago. */
static void watch(struct signs *g, const struct signs_look *look, int64_t now_us)
{
	double step_w = look->battery_w - g->since.battery_w;
	if (g->looks > 0 && fabs(step_w) >= step_min_w) {
		note(g, answer(step_w, look->grid_w - g->since.grid_w, step_min_w, fit), step_w,
		     now_us);
		g->looks = 0;
	}
	if (g->looks == 0 || g->looks == STEP_LOOKS) {
		g->since = *look;
		g->looks = 0;
	}
	g->looks++;
}

/* --- the trial ----------------------------------------------------------------------------------
 */

static void begin_trial(struct signs *g, const struct state *s)
{
	struct signs_trial t = { .on = true };
	for (int b = 0; b < s->batteries; b++) {
		t.hold_w[b] = s->battery[b].w.value;
		if (fabs(t.hold_w[b]) > fabs(t.hold_w[t.battery])) {
			t.battery = b;
		}
	}
	double from_w = t.hold_w[t.battery];
	t.back_w = fmin(fmax(from_w, -trial_most_w), trial_most_w);
	t.looks = TRIAL_LOOKS - TRIAL_COUNTED;
	if (fabs(from_w) >= trial_min_w) {
		g->trial = t;
		g->trials++;
	}
	g->against = 0;
	g->against_w = 0;
}

/* One step is over: what it told. */
static void judge_step(struct signs_trial *t, const struct signs_look *look, double own_w)
{
	double moved_w = look->battery_w - t->from.battery_w;
	double from_w = t->steps == 1 ? t->hold_w[t->battery] : t->back_w;
	double told_w = t->steps % 2 ? -from_w : from_w;
	int told = answer(moved_w, look->grid_w - t->from.grid_w, fabs(told_w) / 2, trial_fit);
	bool astray = (own_w - t->from_own_w) * told_w < 0;
	t->right += told > 0;
	t->wrong += told < 0;
	t->wrong_battery += told < 0 && astray;
}

static bool trial_is_over(const struct signs_trial *t)
{
	return t->steps == TRIAL_STEPS || t->wrong == TRIAL_ENOUGH || t->right == TRIAL_ENOUGH;
}

static void end_trial(struct signs *g, int64_t now_us)
{
	struct signs_trial *t = &g->trial;
	bool settled = t->wrong == 0 || t->right == 0;
	if (settled && t->wrong >= TRIAL_ENOUGH) {
		g->verdict = t->wrong_battery >= TRIAL_ENOUGH ? SIGNS_BATTERY : SIGNS_METER;
		g->battery = t->battery;
	} else if (settled && t->right >= TRIAL_ENOUGH) {
		g->verdict = SIGNS_RIGHT;
	} else {
		settled = false;
		g->verdict = SIGNS_UNKNOWN;
	}
	t->on = false;
	g->looks = 0;
	g->agreeing = 0;
	g->quiet_us = now_us + (settled ? settled_us : unsettled_us);
}

static void try_on(struct signs *g, const struct state *s, const struct signs_look *look)
{
	struct signs_trial *t = &g->trial;
	t->looks++;
	if (t->looks > TRIAL_LOOKS - TRIAL_COUNTED) {
		t->sum.grid_w += look->grid_w / TRIAL_COUNTED;
		t->sum.battery_w += look->battery_w / TRIAL_COUNTED;
		t->own_w += s->battery[t->battery].w.value / TRIAL_COUNTED;
	}
	if (t->looks < TRIAL_LOOKS) {
		return;
	}
	if (t->steps > 0) {
		judge_step(t, &t->sum, t->own_w);
	}
	t->from = t->sum;
	t->from_own_w = t->own_w;
	t->sum = (struct signs_look){ 0 };
	t->own_w = 0;
	t->looks = 0;
	if (trial_is_over(t)) {
		end_trial(g, s->now_us);
	} else {
		t->steps++;
	}
}

/* --- in public ----------------------------------------------------------------------------------
 */

bool signs_observe(struct signs *g, const struct state *s, bool commanded)
{
	struct signs_look look;
	if (!all_known(s)) {
		g->looks = 0;
		g->trial.on = false;
		return false;
	}
	g->trial.on = g->trial.on && commanded;
	if (!look_anew(g, s, &look)) {
		return g->trial.on;
	}
	if (g->trial.on) {
		try_on(g, s, &look);
	} else {
		watch(g, &look, s->now_us);
	}
	bool suspect = g->against >= AGAINST_MIN || g->against_w >= against_large_w;
	if (suspect && commanded && !g->trial.on && s->now_us >= g->quiet_us &&
	    g->verdict <= SIGNS_RIGHT) {
		begin_trial(g, s);
	}
	return g->trial.on;
}

double signs_setpoint(const struct signs *g, int b)
{
	const struct signs_trial *t = &g->trial;
	if (b != t->battery || t->steps == 0) {
		return t->hold_w[b];
	}
	return t->steps % 2 ? 0 : t->back_w;
}
