/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/workers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/base/thread.h"

/* How often one looks again before one sleeps: tens of microseconds, as pauses within a job are
 * shorter and to be woken takes as long. */
enum { LOOKS = 100 };

struct worker {
	struct workers *all;
	int number;
	struct thread thread;
};

struct workers {
	int threads;
	atomic_int left;   /* tasks that nobody has taken */
	atomic_int undone; /* tasks that have not returned */
	bool end;          /* under the lock */
	/* Written while undone is 0, read by who has taken a task. */
	void (*run)(void *argument, int task, int worker);
	void *argument;
	pthread_mutex_t lock; /* for sleep alone */
	pthread_cond_t begun, done;
	struct worker worker[];
};

/* A task, or -1. */
static int take(struct workers *w)
{
	int left = atomic_load(&w->left);
	while (left > 0) {
		if (atomic_compare_exchange_weak(&w->left, &left, left - 1)) {
			return left - 1;
		}
	}
	return -1;
}

static void work(struct workers *w, int number)
{
	for (int task = take(w); task >= 0; task = take(w)) {
		w->run(w->argument, task, number);
		if (atomic_fetch_sub(&w->undone, 1) == 1) {
			pthread_mutex_lock(&w->lock);
			pthread_cond_signal(&w->done);
			pthread_mutex_unlock(&w->lock);
		}
	}
}

static void help(void *argument)
{
	struct worker *own = argument;
	struct workers *w = own->all;
	bool end = false;
	while (!end) {
		for (int i = 0; i < LOOKS && atomic_load(&w->left) == 0; i++) {
			sched_yield();
		}
		pthread_mutex_lock(&w->lock);
		while (atomic_load(&w->left) == 0 && !w->end) {
			pthread_cond_wait(&w->begun, &w->lock);
		}
		end = w->end;
		pthread_mutex_unlock(&w->lock);
		work(w, own->number);
	}
}

int workers_start(int threads, struct workers **out)
{
	if (threads < 1 || threads > WORKERS_MAX) {
		return -EINVAL;
	}
	struct workers *w = calloc(1, sizeof(*w) + (size_t)threads * sizeof(*w->worker));
	if (!w) {
		return -ENOMEM;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->begun, NULL);
	pthread_cond_init(&w->done, NULL);
	for (w->threads = 1; w->threads < threads; w->threads++) {
		struct worker *one = &w->worker[w->threads];
		*one = (struct worker){ .all = w, .number = w->threads };
		int r = thread_start(&one->thread, help, one);
		if (r < 0) {
			workers_free(w);
			return r;
		}
	}
	*out = w;
	return 0;
}

void workers_free(struct workers *w)
{
	if (!w) {
		return;
	}
	pthread_mutex_lock(&w->lock);
	w->end = true;
	pthread_cond_broadcast(&w->begun);
	pthread_mutex_unlock(&w->lock);
	for (int i = 1; i < w->threads; i++) {
		(void)thread_join(&w->worker[i].thread, -1);
	}
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->begun);
	pthread_cond_destroy(&w->done);
	free(w);
}

int workers_count(const struct workers *w)
{
	return w->threads;
}

void workers_run(struct workers *w, int tasks, void (*run)(void *argument, int task, int worker),
		 void *argument)
{
	w->run = run;
	w->argument = argument;
	atomic_store(&w->undone, tasks);
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->left, tasks);
	pthread_cond_broadcast(&w->begun);
	pthread_mutex_unlock(&w->lock);
	work(w, 0);
	for (int i = 0; i < LOOKS && atomic_load(&w->undone) > 0; i++) {
		sched_yield();
	}
	pthread_mutex_lock(&w->lock);
	while (atomic_load(&w->undone) > 0) {
		pthread_cond_wait(&w->done, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

int workers_best(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return count > WORKERS_MAX ? WORKERS_MAX : count;
}
