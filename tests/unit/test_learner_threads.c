/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/workers.h"
#include "policy/train/matrix.h"
#include "sim/learner_live.h"
#include "tests/unit/allocations.h"
#include "tests/unit/test.h"

enum { EPISODES = 3 };

static struct community_conf conf;
static struct community_world world;
static struct learner one, many;

static const char text[] = "[community]\nwarm-up-days = 2\ntrain-days = 4\ntest-days = 1\n"
			   "[tariff]\nbuy = 0.3 EUR/kWh\nsell = 0.1 EUR/kWh\n"
			   "[homes consumer]\ncount = 2\n[homes pv]\ncount = 1\n"
			   "[homes pv-battery]\ncount = 3\n"
			   "[training]\nepisodes = 3\nepisode-days = 1\nhidden = 8\nbatch = 16\n"
			   "communities = 2\ncalm-updates = 5\ncooperation = 0.5\n";

static int set_up(void **state)
{
	(void)state;
	char path[64];
	struct diag d = { .to = stderr };
	write_temporary(text, path);
	int r = community_conf_read(path, &conf, &d);
	(void)unlink(path);
	return r < 0 ? r : community_world_make(&world, &conf);
}

static int tear_down(void **state)
{
	(void)state;
	community_world_free(&world);
	community_conf_free(&conf);
	return 0;
}

static void run(struct learner *l, uint64_t seed, const int threads[EPISODES])
{
	struct learner_episode ep;
	assert_int_equal(learner_init(l, &world, &conf, seed), 0);
	for (int i = 0; i < EPISODES; i++) {
		assert_int_equal(learner_threads(l, threads[i]), 0);
		assert_int_equal(learner_run_episode(l, &ep), 0);
	}
	assert_true(l->m.updates > 20);
}

static void assert_same(const struct learner *a, const struct learner *b)
{
	size_t steps = experience_numbers(&a->seen);
	assert_memory_equal(a->m.memory, b->m.memory, a->m.numbers * sizeof(float));
	assert_memory_equal(a->view, b->view, sizeof(a->view));
	assert_true(steps > 0 && steps == experience_numbers(&b->seen));
	assert_memory_equal(a->seen.step, b->seen.step, steps * sizeof(float));
	assert_true(a->best_cost == b->best_cost);
}

static void test_same(void **state)
{
	/* What is kept, seen and learned is the same to the last bit for any number of threads, and
	 * where it changes on the way: looking ahead, and from step to step. */
	(void)state;
	if (!matrix_by_threads()) {
		print_message("skipped: OpenBLAS is here for one thread\n");
		skip();
	}
	static const int threads[][EPISODES] = { { 2, 2, 2 }, { 3, 1, 2 }, { 16, 5, 1 } };
	static const int alone[EPISODES] = { 1, 1, 1 };
	uint64_t seed = random_seed();
	for (int ahead = 0; ahead <= 6; ahead += 6) {
		conf.training.ahead = ahead;
		run(&one, seed, alone);
		for (int i = 0; i < 3; i++) {
			run(&many, seed, threads[i]);
			assert_same(&one, &many);
			learner_free(&many);
		}
		learner_free(&one);
	}
}

static void test_allocates_nothing(void **state)
{
	/* Homes live a day and look ahead in threads without taking memory or giving any back. */
	(void)state;
	if (SANITIZED || is_watched()) {
		print_message("skipped: somebody else watches the memory\n");
		skip();
	}
	struct community_env *e = &world.env;
	double saving = 0;
	uint64_t before = allocations;
	conf.training.ahead = 6;
	conf.training.update_every = 1000000; /* OpenBLAS allocates in updates */
	assert_int_equal(learner_init(&one, &world, &conf, 5), 0);
	assert_true(allocations > before); /* we do count */
	assert_int_equal(learner_threads(&one, matrix_by_threads() ? 2 : 1), 0);
	community_env_begin(e, world.first);
	learner_see(&one, e);
	before = allocations;
	for (int i = 0; i < 24; i++) {
		assert_int_equal(learner_live(&one, e, 0.3, &saving), 0);
	}
	uint64_t taken = allocations - before;
	assert_int_equal(taken, 0);
	learner_free(&one);
}

static void test_refused(void **state)
{
	/* No threads, and more than there may be, are refused, and it has as many as before. */
	(void)state;
	struct learner_episode ep;
	assert_int_equal(learner_init(&one, &world, &conf, 5), 0);
	assert_int_equal(learner_threads(&one, 0), -EINVAL);
	assert_int_equal(learner_threads(&one, WORKERS_MAX + 1), -EINVAL);
	assert_int_equal(one.stages, 1);
	assert_int_equal(learner_run_episode(&one, &ep), 0);
	learner_free(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_allocates_nothing),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
