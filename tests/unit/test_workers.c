/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "test.h"

#include "daemon/base/workers.h"

enum { TASKS_MAX = 40, JOBS = 3000 };

struct job {
	int done[TASKS_MAX]; /* by task: each written by one */
	int by[WORKERS_MAX]; /* by worker */
	atomic_int at_once[WORKERS_MAX];
	atomic_bool clashed;
	int threads;
};

static void count(void *argument, int task, int worker)
{
	struct job *j = argument;
	if (worker < 0 || worker >= j->threads || atomic_fetch_add(&j->at_once[worker], 1) != 0) {
		atomic_store(&j->clashed, true);
		return;
	}
	j->done[task]++;
	j->by[worker]++;
	atomic_fetch_sub(&j->at_once[worker], 1);
}

static void test_each_once(void **unused)
{
	/* Of any number of tasks each is done once, by any number of threads, before the job
	 * returns, and no worker's room is used by two at a time. */
	(void)unused;
	static const int threads[] = { 1, 2, 3, 7 };
	uint64_t seed = random_seed();
	for (int t = 0; t < 4; t++) {
		struct workers *w = NULL;
		assert_int_equal(workers_start(threads[t], &w), 0);
		assert_int_equal(workers_count(w), threads[t]);
		for (int n = 0; n < JOBS; n++) {
			struct job j = { .threads = threads[t] };
			int tasks = (int)random_between(&seed, 0, TASKS_MAX), sum = 0;
			workers_run(w, tasks, count, &j);
			for (int i = 0; i < TASKS_MAX; i++) {
				assert_int_equal(j.done[i], i < tasks);
			}
			for (int i = 0; i < threads[t]; i++) {
				sum += j.by[i];
			}
			assert_int_equal(sum, tasks);
			assert_false(j.clashed);
		}
		workers_free(w);
	}
}

struct meeting {
	atomic_int here;
};

/* Returns once all have come. */
static void meet(void *argument, int task, int worker)
{
	struct meeting *m = argument;
	(void)task;
	(void)worker;
	atomic_fetch_add(&m->here, 1);
	while (atomic_load(&m->here) < 3) {
		sched_yield();
	}
}

static void test_at_once(void **unused)
{
	/* Three workers do three tasks at the same time, each of which waits for the others. */
	(void)unused;
	struct workers *w = NULL;
	assert_int_equal(workers_start(3, &w), 0);
	for (int i = 0; i < 100; i++) {
		struct meeting m = { 0 };
		workers_run(w, 3, meet, &m);
		assert_int_equal(m.here, 3);
	}
	workers_free(w);
}

static void test_refused(void **unused)
{
	/* No thread and too many are refused; there is a processor to run on. */
	(void)unused;
	struct workers *w = NULL;
	assert_int_equal(workers_start(0, &w), -EINVAL);
	assert_int_equal(workers_start(WORKERS_MAX + 1, &w), -EINVAL);
	assert_null(w);
	workers_free(w);
	assert_in_range(workers_best(), 1, WORKERS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
