/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a set-point swings to and fro: a loop that is closed faster than its devices answer
 * corrects its own corrections. Pure. */
#ifndef LECD_HOME_SWING_H
#define LECD_HOME_SWING_H

#include <stdbool.h>
#include <stdint.h>

enum { SWING_TURNS = 7 }; /* so many within a minute are no chance */

/* A zeroed one has seen nothing. */
struct swing {
	int direction;    /* +1, -1; 0: nothing moved yet */
	double extreme_w; /* farthest in that direction */
	int64_t turn_us[SWING_TURNS];
	int turns;        /* since start, or since it was last damped */
	int64_t until_us; /* damped until then */
	uint64_t count;   /* how often it had to be */
};

/* Take the set-point of this cycle. Returns whether the loop has to stay open now: for a minute
 * from the turn that was one too many. */
bool swing_check(struct swing *s, double setpoint_w, int64_t now_us);

#endif
