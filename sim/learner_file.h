/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A training put aside, and taken up again as if it had never stopped: all that a learner knows, in
 * one file that is whole or refused. It fits the machine, the community file and the seed that it
 * was made with. */
#ifndef LECD_SIM_LEARNER_FILE_H
#define LECD_SIM_LEARNER_FILE_H

#include "daemon/base/diag.h"
#include "sim/learner.h"

/* Both of these are for all ranks together, where there are more: rank 0 alone has the file, and
 * what each has seen is in it. */

/* Write to path. of: a hash of the community file; log: how long training.csv is. Returns 0 or
 * -errno. */
int learner_save(const char *path, const struct learner *l, uint64_t of, int64_t log);

/* Take up what path holds into a learner that learner_init has just made. What is wrong goes to d,
 * and the learner stays as it is then. Returns 0 or -errno. */
int learner_load(const char *path, struct learner *l, uint64_t of, int64_t *log, struct diag *d);

#endif
