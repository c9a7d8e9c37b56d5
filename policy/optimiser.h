/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The best plan for a problem: by an exact dynamic programme where one battery alone ties the steps
 * together (exact.h); else by a linear program in kW and kWh (model.h), with binaries where the
 * linear one would cheat.
 *
 * The published model of a home energy management system leaves three things open; here
 *  - the stored energy at the end is at least soc_end (not "charged = discharged", which makes the
 *    losses free);
 *  - import and export are two variables (else "least import" is a constant);
 *  - a battery does not charge and discharge at once, and the house does not buy and sell at once.
 *
 * Why few binaries are enough: leaving one out only allows more. So the optimum of a program that
 * lacks some is a bound for the one that has them all; and where that optimum does nothing that a
 * missing one forbids, it is possible, costs what the bound says, and is the best of all. What it
 * does that is forbidden gets its binaries, what all possible answers keep gets a row (cuts of
 * model_thermal.c and model_load_cut.c), and the program is solved on, until nothing new is found.
 *
 * Limits of the connection, targets, runs and comfort are soft and dear, so that there always is an
 * answer; each step's variables are bounded by that step's own natural maxima, never by a big
 * number. */
#ifndef LECD_POLICY_OPTIMISER_H
#define LECD_POLICY_OPTIMISER_H

#include "policy/plan.h"
#include "policy/problem.h"

struct optimiser;

/* An optimiser remembers its last answer: what is on or off in it is tried first, moved on in time,
 * where the next problem overlaps with it. That may save time, and tends to go on with what was
 * begun; it never decides what is allowed or proven. The memory lives here, in the planner's
 * process: it dies with it, costs a little time then, and never crosses the socket. */

/* Make the room that solving takes. Return 0 or -ENOMEM. */
int optimiser_new(struct optimiser **out);
void optimiser_free(struct optimiser *o); /* takes NULL */

/* Solve p, which is checked first. *out is always written: with what was found, checked against the
 * problem by plan_check, or with status PLAN_FAILED. solve_ms stays 0: the caller has the clock.
 * It ends within time_limit_s, but for what the machine keeps from it, with the best found and the
 * gap that is proven; sooner where that is no more than good_gap. Where the solver has found
 * nothing by then, or next to nothing, the plan is made asset by asset (staged.h), which takes some
 * milliseconds more. Return 0, or -EINVAL: not a sound problem; or, where even that failed the
 * check, what lp_relax and lp_settle return, or -EPROTO. Allocates: not for the control cycle. */
int optimiser_solve(struct optimiser *o, const struct problem *p, struct plan *out);

#endif
