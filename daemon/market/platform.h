/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A market platform that coordinates a league: it knows the lines, and of each community what it
 * would take at the terms it was asked at, nothing else. Exchange by the alternating direction
 * method of multipliers (Boyd et al. 2011, section 7.3), over-relaxed, with balanced residuals: the
 * communities answer, the platform finds the flows over the lines that come nearest to the answers
 * at the least fees, and leans on who is apart from them.
 *
 * Where a question or an answer is lost, the member's state stays as it was: the round is one of
 * randomised coordinates of Douglas and Rachford's splitting, which converges all the same. Who is
 * silent for too long, or answers what cannot be, is given up: its lines carry nothing.
 *
 * kW that a community takes in count positive. */
#ifndef LECD_MARKET_PLATFORM_H
#define LECD_MARKET_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/league.h"

struct platform_terms {
	double penalty;    /* currency per kW^2, > 0, to begin with */
	double relaxation; /* 1..2; 1: none */
	double tolerance_kw;
	double taken_max_kw; /* no sound answer is larger */
	int silence;
};

struct platform_member {
	bool gone;    /* given up */
	bool unsound; /* for what it answered, not for silence */
	bool fresh;
	int silent;
	int64_t heard_round;
	double taken_kw[LEAGUE_STEPS_MAX];   /* its last answer */
	double carried_kw[LEAGUE_STEPS_MAX]; /* what the lines bring it */
	/* That and its multiplier, scaled: what the splitting is about. */
	double state_kw[LEAGUE_STEPS_MAX];
};

struct platform {
	const struct league *league;
	struct platform_terms terms;
	double penalty;
	int64_t round;
	double primal_kw, dual_kw; /* the largest of any member and step */
	int worst;                 /* whose primal residual that is; -1: nobody's */
	int64_t calm_round;        /* since which both are within the tolerance */
	double flow_kw[LEAGUE_LINES_MAX][LEAGUE_STEPS_MAX];
	struct platform_member member[LEAGUE_MEMBERS_MAX];
};

/* The league must outlive it. */
void platform_begin(struct platform *p, const struct league *l, const struct platform_terms *terms);

/* What a member is asked for in this round: as struct party. */
void platform_ask(const struct platform *p, int member, double *centre_kw, double *stiffness);
/* Its answer. Returns 0; -ENOTCONN: it was given up; -EPROTO: it cannot be, and it is given up. */
int platform_hear(struct platform *p, int member, const double *taken_kw);

/* End the round. */
void platform_turn(struct platform *p);

/* Whether both residuals are within the tolerance, and everybody was heard since they are. */
bool platform_has_converged(const struct platform *p);

/* The price at a member, per kWh. */
double platform_price(const struct platform *p, int member, int step);

#endif
