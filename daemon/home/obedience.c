/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/obedience.h"

#include <math.h>
#include <string.h>

/* Nearer than this is obeyed. */
static const double off_w = 200;
static const double off_share = 0.1;
/* On its way: a tenth nearer than the least window of answers ago. */
static const double progress = 0.9;
enum { ANSWERS_MIN = 3, ANSWERS_MAX = OBEDIENCE_ANSWERS - 1, ASSERTIONS_MAX = 3, REVERTS_MAX = 3 };
static const int64_t reverts_forgiven_us = INT64_C(600) * 1000000;
static const int64_t retry_us = INT64_C(900) * 1000000;
/* Charging near full and discharging near empty a battery may do less, and not say why. */
static const double nearly_full = 0.9;
static const double nearly_empty = 0.15;

/* --- what is seen -------------------------------------------------------------------------------
 */

enum event { FOLLOWS, STRAYS, EXHAUSTED, PARDONED, EVENTS };

/* What the battery can do of a set-point by what its own management tells. */
static double able_w(const struct battery_state *b, double told_w)
{
	return fmin(fmax(told_w, -b->charge_max_w), b->discharge_max_w);
}

/* How far w is from all that was told over the last so many answers. Less than told is allowed
 * where the battery may be at its end. */
static double away_w(const struct obedience *o, const struct battery_state *b, int answers,
		     double w)
{
	double low = INFINITY, high = -INFINITY;
	for (int i = 0; i < answers; i++) {
		low = fmin(low, able_w(b, o->low_w[i]));
		high = fmax(high, able_w(b, o->high_w[i]));
	}
	high = b->soc.value > nearly_full ? fmax(high, 0) : high;
	low = b->soc.value < nearly_empty ? fmin(low, 0) : low;
	double nearest_w = fmin(fmax(w, low), high);
	return fabs(w - nearest_w) - fmax(off_w, off_share * fabs(nearest_w));
}

static void shift(double *array, double first)
{
	memmove(array + 1, array, sizeof(*array) * (OBEDIENCE_ANSWERS - 1));
	array[0] = first;
}

/* Whether nothing new was told for longer than the window. */
static bool told_long_ago(const struct obedience *o)
{
	double spread_w = 0;
	for (int i = 0; i < OBEDIENCE_ANSWERS; i++) {
		spread_w = fmax(spread_w, fabs(o->high_w[i] - o->low_w[0]));
		spread_w = fmax(spread_w, fabs(o->low_w[i] - o->low_w[0]));
	}
	return spread_w <= off_w;
}

/* Keep an answer and what was told before it, and judge it. */
static enum event see(struct obedience *o, const struct battery_state *b)
{
	int window = o->window ? o->window : ANSWERS_MIN;
	shift(o->low_w, o->told_low_w);
	shift(o->high_w, o->told_high_w);
	shift(o->w, b->w.value);
	double now_w = away_w(o, b, window, o->w[0]);
	double before_w = away_w(o, b, window, o->w[ANSWERS_MIN]);
	return now_w > 0 && now_w > progress * before_w ? STRAYS : FOLLOWS;
}

/* --- what is done -------------------------------------------------------------------------------
 */

static void nothing(struct obedience *o, int64_t now_us)
{
	(void)now_us;
	o->obeyed = true;
}

/* It begins to stray: by itself, or by another's word. */
static void begin(struct obedience *o, int64_t now_us)
{
	if (now_us - o->reverted_us > reverts_forgiven_us) {
		o->reverts = 0;
	}
	if (o->obeyed && told_long_ago(o)) {
		o->reverts++;
		o->reverted_us = now_us;
	}
	o->conflict = o->reverts > REVERTS_MAX;
	o->straying = 0;
	o->asserted = o->conflict ? ASSERTIONS_MAX : 1;
	o->again += !o->conflict;
	o->obeyed = false;
}

static void insist(struct obedience *o, int64_t now_us)
{
	(void)now_us;
	if (++o->straying % ANSWERS_MIN == 0) {
		o->asserted++;
		o->again++;
	}
}

/* It obeys in the end: next time it gets as long. */
static void learn(struct obedience *o, int64_t now_us)
{
	(void)now_us;
	int took = (o->window ? o->window : ANSWERS_MIN) + o->straying + 1;
	if (o->asserted <= 1 && !o->reverts) {
		o->window = took < ANSWERS_MAX ? took : ANSWERS_MAX;
	}
	o->obeyed = true;
}

static void give_up(struct obedience *o, int64_t now_us)
{
	o->retry_us = now_us + retry_us;
}

static void start_again(struct obedience *o, int64_t now_us)
{
	(void)now_us;
	*o = (struct obedience){ .window = o->window, .again = o->again + 1 };
}

static const struct {
	enum obedience_state to;
	void (*action)(struct obedience *o, int64_t now_us);
} table[OBEDIENCE_STATES][EVENTS] = {
	/* state      event		    to	      action */
	[OBEYING] = { [FOLLOWS] = { OBEYING, nothing },
		      [STRAYS] = { STRAYING, begin },
		      [EXHAUSTED] = { STRAYING, begin },
		      [PARDONED] = { OBEYING, start_again } },
	[STRAYING] = { [FOLLOWS] = { OBEYING, learn },
		       [STRAYS] = { STRAYING, insist },
		       [EXHAUSTED] = { GIVEN_UP, give_up },
		       [PARDONED] = { OBEYING, start_again } },
	[GIVEN_UP] = { [FOLLOWS] = { GIVEN_UP, NULL },
		       [STRAYS] = { GIVEN_UP, NULL },
		       [EXHAUSTED] = { GIVEN_UP, NULL },
		       [PARDONED] = { OBEYING, start_again } },
};

static void happen(struct obedience *o, enum event event, int64_t now_us)
{
	enum obedience_state from = o->state;
	o->state = table[from][event].to;
	if (table[from][event].action) {
		table[from][event].action(o, now_us);
	}
}

/* Nothing is told, or what it does is not known: what was before says nothing about what comes. */
static void forget(struct obedience *o, double w)
{
	for (int i = 0; i < OBEDIENCE_ANSWERS; i++) {
		o->low_w[i] = w;
		o->high_w[i] = w;
		o->w[i] = w;
	}
	o->told = false;
	o->obeyed = false;
	o->straying = 0;
	o->state = o->state == STRAYING ? OBEYING : o->state;
}

enum obedience_state obedience_check(struct obedience *o, const struct battery_state *b, bool told,
				     double told_w, int64_t now_us)
{
	if (o->state == GIVEN_UP && now_us >= o->retry_us) {
		happen(o, PARDONED, now_us);
	}
	if (!told || !reading_good(&b->w) || !reading_good(&b->soc) || o->state == GIVEN_UP) {
		forget(o, reading_good(&b->w) ? b->w.value : 0);
		return o->state;
	}
	o->told_low_w = o->told ? fmin(o->told_low_w, told_w) : told_w;
	o->told_high_w = o->told ? fmax(o->told_high_w, told_w) : told_w;
	o->told = true;
	if (b->w.at_us == o->at_us) {
		return o->state;
	}
	o->at_us = b->w.at_us;
	o->told = false;
	enum event event = see(o, b);
	bool spent = o->state == STRAYING && o->asserted >= ASSERTIONS_MAX &&
		     (o->conflict || (o->straying + 1) % ANSWERS_MIN == 0);
	happen(o, event == STRAYS && spent ? EXHAUSTED : event, now_us);
	return o->state;
}

void obedience_pardon(struct obedience *o)
{
	happen(o, PARDONED, 0);
}
