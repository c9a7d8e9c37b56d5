/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trainings that other commands need: each by lec-train maddpg, in a process of its own. */
#ifndef LECD_SIM_TRAIN_SPAWN_H
#define LECD_SIM_TRAIN_SPAWN_H

struct train_task {
	const char *file, *folder;
	int seed;
	const char *algorithm; /* in place of the file's; NULL: the file's */
	int homes;             /* likewise; 0: the file's */
};

/* Train, or go on where the folder's checkpoint is: what was finished is so at once. It shows its
 * progress and says what is wrong on standard error. Returns its exit code, or -errno. */
int train_spawn(const struct train_task *t);

#endif
