/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/signs.h"

#include <math.h>

/* A step that counts, and how well the grid's answer has to fit. */
static const double step_min_w = 300;
static const double fit = 0.35;
/* So many in a row settle it, for; against it they lead to a trial, sooner where they are large. */
enum { AGREEING_MIN = 3, AGAINST_MIN = 2 };
static const double against_large_w = 1500;
static const int64_t against_forgotten_us = INT64_C(60) * 1000000;
static const int64_t quiet_us = INT64_C(60) * 1000000;

/* A trial: to rest, half the way back, and to rest again, so that a load that moves on steadily
 * speaks once for and once against. Looks after each step, of which the last count. */
enum { TRIAL_STEPS = 3, TRIAL_LOOKS = 5, TRIAL_COUNTED = 2 };
static const double trial_level[TRIAL_STEPS + 1] = { 1, 0, 0.5, 0 };
static const double trial_min_w = 600;

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
	if (fabs(t.hold_w[t.battery]) >= trial_min_w) {
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
	double told_w = t->hold_w[t->battery] * (trial_level[t->steps] - trial_level[t->steps - 1]);
	int told = answer(moved_w, look->grid_w - t->from.grid_w, fabs(told_w) / 2, fit);
	bool astray = (own_w - t->from_own_w) * told_w < 0;
	t->right += told > 0;
	t->wrong += told < 0;
	t->wrong_battery += told < 0 && astray;
}

static void end_trial(struct signs *g, int64_t now_us)
{
	struct signs_trial *t = &g->trial;
	if (t->wrong == TRIAL_STEPS) {
		g->verdict = t->wrong_battery == TRIAL_STEPS ? SIGNS_BATTERY : SIGNS_METER;
		g->battery = t->battery;
	} else if (t->right == TRIAL_STEPS) {
		g->verdict = SIGNS_RIGHT;
	}
	t->on = false;
	g->agreeing = 0;
	g->quiet_us = now_us + quiet_us;
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
	if (t->steps == TRIAL_STEPS) {
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
		g->looked = false;
		g->trial.on = false;
		return false;
	}
	g->trial.on = g->trial.on && commanded;
	if (!look_anew(g, s, &look)) {
		return g->trial.on;
	}
	if (g->trial.on) {
		try_on(g, s, &look);
	} else if (g->looked) {
		double step_w = look.battery_w - g->last.battery_w;
		note(g, answer(step_w, look.grid_w - g->last.grid_w, step_min_w, fit), step_w,
		     s->now_us);
	}
	bool suspect = g->against >= AGAINST_MIN || g->against_w >= against_large_w;
	if (suspect && commanded && !g->trial.on && s->now_us >= g->quiet_us &&
	    g->verdict <= SIGNS_RIGHT) {
		begin_trial(g, s);
	}
	g->looked = true;
	g->last = look;
	return g->trial.on;
}

double signs_setpoint(const struct signs *g, int b)
{
	const struct signs_trial *t = &g->trial;
	return t->hold_w[b] * (b == t->battery ? trial_level[t->steps] : 1);
}
