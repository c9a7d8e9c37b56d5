/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A training put aside, and taken up again. */
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "sim/learner_file.h"

enum { SEED = 5, OF = 1234, LOG = 77, BEFORE = 2, EPISODES = 4, DAMAGES = 60 };

static const char text[] = "[community]\nwarm-up-days = 2\ntrain-days = 4\ntest-days = 1\n"
			   "[tariff]\nbuy = 0.3 EUR/kWh\nsell = 0.1 EUR/kWh\n"
			   "[homes consumer]\ncount = 1\n[homes pv-battery]\ncount = 2\n"
			   "[training]\nalgorithm = %s\nepisodes = 4\nepisode-days = 1\n"
			   "hidden = 8\nbatch = 130\nreplay = 600\npanels = 12\nupdate-every = 3\n";
static const char *const algorithms[] = { "maddpg", "ddpg", "matd3" };

static struct community_conf conf;
static struct community_world world, another;
static struct learner learner, other;

static void open_world(const char *algorithm)
{
	char path[64], all[sizeof(text) + 16];
	struct diag d = { .to = stderr };
	(void)snprintf(all, sizeof(all), text, algorithm);
	write_temporary(all, path);
	assert_int_equal(community_conf_read(path, &conf, &d), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(community_world_make(&world, &conf), 0);
	assert_int_equal(community_world_make(&another, &conf), 0);
}

static void close_world(void)
{
	community_world_free(&world);
	community_world_free(&another);
	community_conf_free(&conf);
}

static void learn(struct learner *l, int to)
{
	struct learner_episode ep;
	while (l->episode < to) {
		assert_int_equal(learner_run_episode(l, &ep), 0);
	}
}

/* Everything that an update, an episode or an export reads of a learner. */
static void assert_same(const struct learner *a, const struct learner *b)
{
	size_t size = a->m.numbers * sizeof(float), steps = experience_numbers(&a->seen);
	assert_memory_equal(a->m.memory, b->m.memory, size);
	assert_memory_equal(a->best, b->best, size);
	assert_memory_equal(a->view, b->view, sizeof(a->view));
	assert_int_equal(a->seen.count, b->seen.count);
	assert_int_equal(a->seen.next, b->seen.next);
	assert_memory_equal(a->seen.step, b->seen.step, steps * sizeof(float));
	assert_int_equal(a->steps, b->steps);
	assert_int_equal(a->episode, b->episode);
	assert_int_equal(a->m.updates, b->m.updates);
	assert_true(a->best_cost == b->best_cost);
}

static void test_goes_on(void **unused)
{
	/* A learner that goes on from a file comes to the same bits as one that never stopped, by
	 * each algorithm and with other threads. */
	(void)unused;
	for (int kind = 0; kind < 3; kind++) {
		struct diag d = { .to = stderr };
		char path[64];
		int64_t log = 0;
		write_temporary("", path);
		open_world(algorithms[kind]);
		assert_int_equal(learner_init(&learner, &world, &conf, SEED), 0);
		learn(&learner, BEFORE);
		assert_int_equal(learner_save(path, &learner, OF, LOG), 0);
		learn(&learner, EPISODES);
		assert_int_equal(learner_init(&other, &another, &conf, SEED), 0);
		assert_int_equal(learner_threads(&other, 2), 0);
		assert_int_equal(learner_load(path, &other, OF, &log, &d), 0);
		assert_int_equal(log, LOG);
		assert_int_equal(other.episode, BEFORE);
		learn(&other, EPISODES);
		assert_true(learner.m.updates > 10);
		assert_int_equal(learner.seen.count, learner.seen.room);
		assert_same(&learner, &other);
		assert_int_equal(unlink(path), 0);
		learner_free(&learner);
		learner_free(&other);
		close_world();
	}
}

/* The file is refused by its name and for that reason, and the learner is as it was. */
static void assert_refused(struct learner *l, const char *path, uint64_t of, const char *words)
{
	size_t said_size, size = l->m.numbers * sizeof(float), steps;
	char *said;
	struct learner before = *l;
	struct diag d = { .to = open_memstream(&said, &said_size) };
	float *memory = malloc(size), *best = malloc(size), *seen;
	int64_t log = -1;
	steps = experience_numbers(&l->seen) * sizeof(float);
	seen = malloc(steps + 1);
	assert_true(memory && best && seen);
	memcpy(memory, l->m.memory, size);
	memcpy(best, l->best, size);
	memcpy(seen, l->seen.step, steps);
	assert_true(learner_load(path, l, of, &log, &d) < 0);
	(void)fclose(d.to);
	if (!strstr(said, path) || !strstr(said, words)) {
		fail_msg("said \"%s\", expected \"%s: %s\"", said, path, words);
	}
	assert_int_equal(log, -1);
	assert_memory_equal(&before, l, sizeof(before));
	assert_memory_equal(memory, l->m.memory, size);
	assert_memory_equal(best, l->best, size);
	assert_memory_equal(seen, l->seen.step, steps);
	free(memory);
	free(best);
	free(seen);
	free(said);
}

static void flip(FILE *file, long at)
{
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	int was = fgetc(file);
	assert_true(was >= 0);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	fputc(was ^ 16, file);
	assert_int_equal(fflush(file), 0);
}

static void test_broken(void **unused)
{
	/* A file that is damaged anywhere, cut off, too long, of another learner or none at all is
	 * refused by its name and changes nothing. */
	(void)unused;
	uint64_t seed = random_seed();
	char path[64];
	write_temporary("", path);
	open_world("maddpg");
	assert_int_equal(learner_init(&learner, &world, &conf, SEED), 0);
	learn(&learner, BEFORE);
	assert_refused(&learner, path, OF, "is no checkpoint");
	assert_refused(&learner, "/nowhere", OF, "cannot be read: No such file");
	assert_int_equal(learner_save(path, &learner, OF, LOG), 0);
	assert_refused(&learner, path, OF + 1, "is of another community file");
	learner.seed++;
	assert_refused(&learner, path, OF, "is of another seed");
	learner.seed--;
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	long size = ftell(file);
	for (int i = 0; i < DAMAGES; i++) { /* some in the stamp, some at the end, most between */
		long at = i < 10 ? i * 8 : (long)random_between(&seed, 0, (double)size);
		at = i == DAMAGES - 1 ? size - 1 : at;
		flip(file, at);
		assert_refused(&learner, path, OF,
			       at < 10   ? "is no checkpoint"
			       : at < 16 ? "is of another version"
					 : "is corrupt");
		flip(file, at);
	}
	static const long cut[] = { 0, 1, 15, 16, 60, 1000, -1, 1 }; /* the last two: of the size */
	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
		long left = i < 6 ? cut[i] : size + cut[i];
		assert_int_equal(learner_save(path, &learner, OF, LOG), 0);
		assert_int_equal(truncate(path, left), 0);
		assert_refused(&learner, path, OF, left < 16 ? "is no checkpoint" : "is corrupt");
	}
	assert_int_equal(fclose(file), 0);
	assert_int_equal(unlink(path), 0);
	learner_free(&learner);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
