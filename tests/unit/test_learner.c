/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "sim/community_actor.h"
#include "sim/learner.h"

static struct community_conf conf;
static struct community_world world;
static struct learner learner, other;

static const char text[] = "[community]\nwarm-up-days = 2\ntrain-days = 4\ntest-days = 1\n"
			   "[tariff]\nbuy = 0.3 EUR/kWh\nsell = 0.1 EUR/kWh\n"
			   "[homes consumer]\ncount = 2\n[homes pv]\ncount = 1\n"
			   "[homes pv-battery]\ncount = 3\n[homes wind-battery]\ncount = 1\n"
			   "[training]\nepisodes = 6\nepisode-days = 1\nhidden = 8\nbatch = 16\n"
			   "communities = 2\ncalm-updates = 5\n";

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
	return 0;
}

static void run_all(struct learner *l, uint64_t seed)
{
	struct learner_episode ep;
	assert_int_equal(learner_init(l, &world, &conf, seed), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(learner_run_episode(l, &ep), 0);
		assert_true(isfinite(ep.saving) && ep.noise > 0);
	}
	assert_true(isfinite(ep.critic_loss) && isfinite(ep.checked_cost));
}

/* The same seed learns the same parameters to the last bit, another seed others; both have learned
 * something. */
static void test_repeats(void **state)
{
	(void)state;
	run_all(&learner, 5);
	run_all(&other, 5);
	size_t size = learner.m.numbers * sizeof(float);
	assert_memory_equal(learner.m.memory, other.m.memory, size);
	assert_memory_equal(learner.best, other.best, size);
	assert_true(learner.m.updates > 20);
	learner_free(&other);
	run_all(&other, 6);
	assert_memory_not_equal(learner.m.memory, other.m.memory, size);
	learner_free(&other);
	learner_free(&learner);
}

/* What would have been anyway is no reward: where nobody does otherwise each is nothing, to the
 * last bit, and where somebody does some are not. */
static void test_only_what_differs(void **state)
{
	(void)state;
	struct learner_episode ep;
	for (int noisy = 0; noisy < 2; noisy++) {
		double size = 0;
		assert_int_equal(learner_init(&learner, &world, &conf, 5), 0);
		learner.conf.noise_start = learner.conf.noise_end = noisy ? 0.5 : 0;
		assert_int_equal(learner_run_episode(&learner, &ep), 0);
		experience_draw(&learner.seen, 1, 0, &learner.batch);
		for (int k = 0; k < learner.agents * learner.batch.rows; k++) {
			size += fabs((double)learner.batch.reward[k]);
		}
		assert_true(noisy ? size > 1e-3 : size == 0);
		learner_free(&learner);
	}
}

/* Days held out are not looked at: whatever they bring, the same is learned. */
static void test_held_out(void **state)
{
	(void)state;
	const size_t homes = (size_t)world.env.homes;
	const size_t from = (size_t)world.test * homes, to = (size_t)world.series.steps * homes;
	run_all(&learner, 5);
	for (int time = 0; time < 2; time++) {
		for (size_t i = from; i < to; i++) {
			world.series.load_w[i] += time ? -5000.0f : 5000.0f;
		}
		if (time == 0) {
			run_all(&other, 5);
		}
	}
	assert_memory_equal(learner.m.memory, other.m.memory, learner.m.numbers * sizeof(float));
	assert_memory_equal(learner.best, other.best, learner.m.numbers * sizeof(float));
	learner_free(&learner);
	learner_free(&other);
}

static void export_all(const struct learner *l, const char *folder)
{
	char onnx[128], file[128];
	for (int k = 0; k < l->agents; k++) {
		const char *name = class_models[l->class[k]].name;
		(void)snprintf(onnx, sizeof(onnx), "%s/actor-%s.onnx", folder, name);
		(void)snprintf(file, sizeof(file), "%s/actor-%s.conf", folder, name);
		assert_int_equal(learner_export(l, k, onnx, file), 0);
	}
}

static void remove_all(const char *folder)
{
	char path[128];
	for (int c = 0; c < CLASS_COUNT; c++) {
		(void)snprintf(path, sizeof(path), "%s/actor-%s.onnx", folder,
			       class_models[c].name);
		(void)unlink(path);
		(void)snprintf(path, sizeof(path), "%s/actor-%s.conf", folder,
			       class_models[c].name);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

static void written_is_learned(void)
{
	char folder[] = "/tmp/lecd-test-XXXXXX";
	struct community_actors actors;
	struct community_act act[16];
	struct diag d = { .to = stderr };
	int asked = 0;
	double least = INFINITY, most = 0;
	assert_non_null(mkdtemp(folder));
	run_all(&learner, 5); /* what was learned, whether it is worth anything or not */
	int last = mlp_biases_at(&learner.m.actor, learner.m.actor.layers - 1);
	for (int k = 0; k < learner.agents; k++) { /* on both sides of the middle */
		learner.m.agent[k].actor[last + 1] += k % 2 ? 0.2F : -0.2F;
	}
	export_all(&learner, folder);
	int r = community_actors_load(&actors, folder, conf.count, 3600, "EUR", &d);
	assert_int_equal(r, 0);
	struct community_env *e = &world.env;
	struct decider who = learner_decider(&learner);
	community_env_begin(e, world.first);
	while (e->step < world.test) {
		who.decide(who.context, e, act);
		for (int i = 0; i < e->homes; i++) {
			const float *a = &learner.stage[0].acted[i * LEARNER_ACTIONS];
			struct house_order o;
			r = community_actor_ask(&actors, e, i, &o);
			if (r == -ERANGE) {
				continue;
			}
			assert_int_equal(r, 0);
			asked++;
			double range = learner_value_high - learner_value_low;
			double steps = ((double)a[0] + 1) / 2 * range / learner_value_step;
			double share = learner_value_low + round(steps) * learner_value_step;
			/* At an edge between two, the last bit decides. */
			bool edge = fabs(fabs(steps - floor(steps)) - 0.5) < 1e-5;
			bool battery = world.home[i].battery.capacity_wh > 0;
			assert_true(o.values == battery && o.bids);
			assert_true(!battery || edge || fabs(o.value_share - share) < 1e-6);
			double told = ((double)a[1] + 1) / 2 * learner_error_most;
			assert_true(o.allows && fabs(o.error_share - told) < 1e-6);
			least = fmin(least, o.error_share);
			most = fmax(most, o.error_share);
		}
		assert_int_equal(community_env_step(e, act), 0);
	}
	assert_true(asked > 0.95 * e->homes * (world.test - world.first));
	assert_true(least < 0.95 && most > 1.05); /* the middle is 1 */
	community_actors_free(&actors);
	remove_all(folder);
	learner_free(&learner);
}

/* What was written decides in every interval as the trainer would, to 1e-6, by what a home itself
 * can observe, through all the days it learned from; so it does where it observes the day of the
 * year. */
static void test_written_is_learned(void **state)
{
	(void)state;
	const struct community_conf before = conf;
	written_is_learned();
	conf.training.communities = 1;
	conf.training.actor_rate = 0.001;
	conf.train_days = 300;
	written_is_learned();
	conf = before;
}

/* The day of the year is observed where 300 days are learned from, first of all and by every class,
 * and where they are less it is not. */
static void test_seasons(void **state)
{
	(void)state;
	const struct community_conf before = conf;
	conf.training.communities = 1;
	for (conf.train_days = 299; conf.train_days <= 300; conf.train_days++) {
		bool all = conf.train_days == 300;
		assert_int_equal(learner_init(&learner, &world, &conf, 5), 0);
		assert_int_equal(learner.observations, all ? 17 : 15);
		for (int k = 0; k < learner.agents; k++) {
			const struct learner_view *v = &learner.view[k];
			int years = 0;
			for (int o = 0; o < v->observations; o++) {
				years += learner.source[o] == SOURCE_YEAR_SIN ||
					 learner.source[o] == SOURCE_YEAR_COS;
			}
			assert_int_equal(years, all ? 2 : 0);
			bool stores = class_models[learner.class[k]].battery.capacity_wh > 0;
			assert_true((learner.source[v->observations - 1] == SOURCE_SOC) == stores);
		}
		learner_free(&learner);
	}
	conf = before;
}

/* Where rewards are beyond all measure training stops with -EDOM, and what did best before is what
 * there is. */
static void test_diverges(void **state)
{
	(void)state;
	struct learner_episode ep;
	int r = 0;
	assert_int_equal(learner_init(&learner, &world, &conf, 5), 0);
	assert_int_equal(learner_run_episode(&learner, &ep), 0);
	size_t size = learner.m.numbers * sizeof(float);
	float *best = malloc(size);
	assert_non_null(best);
	memcpy(best, learner.best, size);
	learner.conf.reward_scale = 1e39;
	for (int i = 0; i < 6 && r == 0; i++) {
		memcpy(best, learner.best, size);
		r = learner_run_episode(&learner, &ep);
	}
	assert_int_equal(r, -EDOM);
	assert_memory_equal(learner.m.memory, best, size);
	free(best);
	learner_free(&learner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeats),  cmocka_unit_test(test_only_what_differs),
		cmocka_unit_test(test_held_out), cmocka_unit_test(test_written_is_learned),
		cmocka_unit_test(test_seasons),  cmocka_unit_test(test_diverges),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
