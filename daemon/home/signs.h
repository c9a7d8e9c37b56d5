/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether meter and batteries count in the same direction: what a battery gives more, the grid
 * gives less. With one of them the wrong way round closed loop runs away from where it wants to.
 *
 * Two stages. Watching: each step of the batteries' power, of a few seconds, is compared with the
 * grid's between the same two looks; that may mislead where a load moves at the same moment. So a
 * suspicion is put to trial: a battery is moved to rest and back a few times, each step is awaited
 * until it has settled, and what the grid answered decides. Pure. */
#ifndef LECD_HOME_SIGNS_H
#define LECD_HOME_SIGNS_H

#include "daemon/home/state.h"

enum signs_verdict {
	SIGNS_UNKNOWN,
	SIGNS_RIGHT,
	SIGNS_METER,  /* the meter counts the other way (or every battery does) */
	SIGNS_BATTERY /* this battery's measured power does */
};

/* What is seen at one moment. */
struct signs_look {
	double grid_w;
	double battery_w; /* all of them */
};

struct signs_trial {
	bool on;
	int battery;                  /* that is moved; the others stay */
	double hold_w[BATTERIES_MAX]; /* what it begins with, and the others stay at */
	double back_w;                /* what it goes back to from rest */
	int steps;                    /* made */
	int looks;                    /* since the last of them */
	struct signs_look sum;        /* of the looks that count */
	double own_w;                 /* of the battery that is moved, summed likewise */
	struct signs_look from;       /* where it was before the step */
	double from_own_w;
	int right, wrong, wrong_battery;
};

/* A zeroed one knows nothing. */
struct signs {
	enum signs_verdict verdict;
	int battery; /* of SIGNS_BATTERY */
	int looks;   /* since the one that steps are measured from; 0: there is none */
	struct signs_look since;
	int64_t grid_us, battery_us; /* of the last look's readings */
	int agreeing;                /* steps in a row that agreed */
	int against;                 /* that did not */
	double against_w;            /* in all */
	int64_t against_us;          /* the last of them */
	int64_t quiet_us;            /* no trial before this */
	uint64_t trials;
	struct signs_trial trial;
};

/* Take the state of this cycle, its grid_w as the meter tells it. commanded: all batteries follow
 * our set-points. Returns whether a trial is on: then signs_setpoint is to be obeyed. */
bool signs_observe(struct signs *g, const struct state *s, bool commanded);

/* What battery b is to do during a trial. */
double signs_setpoint(const struct signs *g, int b);

#endif
