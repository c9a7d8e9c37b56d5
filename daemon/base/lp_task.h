/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files that know GLPK share. */
#ifndef LECD_BASE_LP_TASK_H
#define LECD_BASE_LP_TASK_H

#include <glpk.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/lp.h"

/* What is to be solved, and until when. */
struct lp_task {
	struct lp *lp;
	glp_prob *g;    /* what is worked on */
	glp_prob *best; /* answer so far, or NULL */
	int64_t deadline_us;
	double good_gap;
	int64_t branch_until_us;
	bool offered; /* the best so far was told to the branching */
	bool whole;   /* g has all answers: its bound holds */
};

/* As lp_settle, within GLPK's environment. */
int lp_settle_task(struct lp_task *task);

/* Solve task->g from the last answer, which additions or held binaries have made impossible. Return
 * 0 or -errno as lp_relax. */
int lp_solve_warm(const struct lp_task *task);

/* Write what g found into lp. Return 0 or -EPROTO. */
int lp_take_answer(struct lp *lp, glp_prob *g);

/* At least 1. */
int lp_left_ms(const struct lp_task *task);

#endif
