/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "sim/learner.h"
#include "tests/unit/test.h"

enum { EPISODES = 6 };

static struct community_conf conf;
static struct community_world world;
static struct learner learner;

static const char text[] = "[community]\nwarm-up-days = 2\ntrain-days = 4\ntest-days = 1\n"
			   "[tariff]\nbuy = 0.3 EUR/kWh\nsell = 0.1 EUR/kWh\n"
			   "[homes consumer]\ncount = 2\n[homes pv]\ncount = 1\n"
			   "[homes pv-battery]\ncount = 3\n"
			   "[training]\nepisodes = 6\nepisode-days = 1\nhidden = 8\nbatch = 16\n";

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

static void run_episodes(void)
{
	for (int i = 0; i < EPISODES; i++) {
		struct learner_episode ep;
		assert_int_equal(learner_run_episode(&learner, &ep), 0);
		/* Of each episode alone, and of each home alike. */
		assert_true(ep.volume_deviation_kwh >= 0 && ep.volume_deviation_kwh < 10);
		assert_true(isnan(ep.price_deviation) || ep.price_deviation < 0.2);
	}
}

/* What an agent's homes cost on all days to learn from, by the last of which they are checked. */
static double class_cost(int agent)
{
	double home_cost[6], sum = 0;
	struct judgement j;
	struct decider who = learner_decider(&learner);
	int r = judge(&world.env, world.first, world.test, &who, &j, home_cost);
	assert_int_equal(r, 0);
	for (int i = learner.first[agent]; i < learner.first[agent] + learner.count[agent]; i++) {
		sum += home_cost[i];
	}
	return sum;
}

/* Left to one agent, that one learns and no other does, to the last bit; and what it takes in the
 * end never costs its homes more than what it began with. */
static void test_left_to_one(void **state)
{
	(void)state;
	assert_int_equal(learner_init(&learner, &world, &conf, 5), 0);
	run_episodes();
	size_t all = learner.m.numbers, each = all / (size_t)learner.agents;
	float *before = malloc(all * sizeof(float));
	assert_non_null(before);
	for (int agent = 0; agent < learner.agents; agent++) {
		memcpy(before, learner.m.memory, all * sizeof(float));
		double cost = class_cost(agent);
		assert_int_equal(learner_leave_to(&learner, agent, EPISODES), 0);
		int64_t updates = learner.m.updates;
		run_episodes();
		assert_true(learner.m.updates > updates);
		for (size_t i = 0; i < all; i++) {
			bool own = i / each == (size_t)agent;
			assert_true(own || learner.m.memory[i] == before[i]);
		}
		size_t from = each * (size_t)agent;
		assert_memory_not_equal(learner.m.memory + from, before + from,
					each * sizeof(float));
		learner_take_best(&learner);
		assert_true(class_cost(agent) <= cost + 1e-9);
	}
	free(before);
	learner_free(&learner);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_left_to_one) };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
