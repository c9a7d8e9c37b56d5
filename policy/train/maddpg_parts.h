/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of a learner know of each other. */
#ifndef LECD_TRAIN_MADDPG_PARTS_H
#define LECD_TRAIN_MADDPG_PARTS_H

#include "policy/train/maddpg.h"

/* Room for the gradients of every part of a batch, the caller's to free; NULL: there is none. */
float *maddpg_make_gradients(const struct maddpg *m);

#endif
