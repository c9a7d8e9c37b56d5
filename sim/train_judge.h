/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands of lec-train that judge have in common: each says what is wrong on standard
 * error, as that command, and returns 0 or the exit code. */
#ifndef LECD_SIM_TRAIN_JUDGE_H
#define LECD_SIM_TRAIN_JUDGE_H

#include "sim/evaluation.h"

struct train_task;

/* Load these policies, judge them in so many communities, and tell: a table on standard error, JSON
 * on standard output and, unless out is NULL, evaluation.json and evaluation.html in that folder.
 * A broken limit fails. v->conf and v->bounds are set; v is freed but for v->conf. */
int train_judge(const char *command, struct evaluation *v, const char *const *policy, int policies,
		int seeds, const char *out);

/* Make a folder, where it is missing. */
int train_make_folder(const char *command, const char *folder);

/* See train_spawn. */
int train_learn(const char *command, const struct train_task *t);

#endif
