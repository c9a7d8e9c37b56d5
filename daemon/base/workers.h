/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work divided over threads: tasks that do not depend on one another, taken one by one by whoever
 * is free, and waited for together. Who does which is left to chance: a task writes only what is
 * its own or its worker's, and then what comes of them is the same for any number of threads. */
#ifndef LECD_BASE_WORKERS_H
#define LECD_BASE_WORKERS_H

enum { WORKERS_MAX = 64 };

struct workers;

/* Start them: the calling thread is one of so many. Returns 0; -EINVAL: not 1 to WORKERS_MAX;
 * -ENOMEM; -EAGAIN: the system has no thread left. */
int workers_start(int threads, struct workers **out);

/* They end; NULL is fine. */
void workers_free(struct workers *w);

int workers_count(const struct workers *w);

/* Call run for each task, 0 to tasks - 1, in any order and at the same time, and return when all
 * have returned. worker, 0 to workers_count() - 1, is one thread's at a time. From the thread that
 * started them alone, and not from a task. */
void workers_run(struct workers *w, int tasks, void (*run)(void *argument, int task, int worker),
		 void *argument);

/* The processors that this process may run on: 1 to WORKERS_MAX. */
int workers_best(void);

#endif
