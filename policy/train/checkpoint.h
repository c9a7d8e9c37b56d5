/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A learner in a file, to go on from where it was: all networks, their targets, what Adam keeps,
 * and how many updates there were. For the kind of machine that wrote it: bytes lie as they do
 * there. Experience is not in it. */
#ifndef LECD_TRAIN_CHECKPOINT_H
#define LECD_TRAIN_CHECKPOINT_H

#include "daemon/base/diag.h"
#include "policy/train/maddpg.h"

/* Write it to path, whole or not at all. Returns 0 or -errno. */
int checkpoint_save(const struct maddpg *m, const char *path);

/* Take path's into a learner of the same sizes, kind and seed. What is wrong goes to d, and m stays
 * as it was. Returns 0, -EINVAL, -ENOMEM, or the -errno of reading. */
int checkpoint_load(struct maddpg *m, const char *path, struct diag *d);

#endif
