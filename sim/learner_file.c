/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/learner_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/durable.h"
#include "daemon/base/hash.h"
#include "sim/learner_live.h"

static const char magic[16] = "lec-train 6";
enum { NAME_SIZE = sizeof("lec-train ") - 1 };

/* Bytes that pieces are laid on or taken from, one behind the other; NULL: they are counted only.
 */
struct tape {
	char *at;
	size_t length;
	bool reads;
};

static void move(struct tape *t, void *piece, size_t size)
{
	if (t->at && t->reads) {
		memcpy(piece, t->at + t->length, size);
	} else if (t->at) {
		memcpy(t->at + t->length, piece, size);
	}
	t->length += size;
}

/* What tells whether a file fits. */
struct stamp {
	char magic[sizeof(magic)];
	uint64_t of, seed;
	int64_t numbers, log;
	int32_t agents, seen, next, ranks;
};

static struct stamp stamp_of(const struct learner *l, uint64_t of, int64_t log)
{
	struct stamp s = { .of = of,
			   .seed = l->seed,
			   .numbers = (int64_t)l->m.numbers,
			   .log = log,
			   .agents = l->agents,
			   .seen = l->seen.count,
			   .next = l->seen.next,
			   .ranks = learner_ranks(l) };
	memcpy(s.magic, magic, sizeof(magic));
	return s;
}

/* What each rank has seen, one behind the other. all: laid; of what is read only the own is taken.
 */
static void move_seen(struct tape *t, struct learner *l, float *all)
{
	size_t count = experience_numbers(&l->seen), size = count * sizeof(float);
	for (int k = 0; k < learner_ranks(l); k++) {
		if (t->reads && k == learner_rank(l)) {
			move(t, l->seen.step, size);
		} else if (t->reads || !t->at) {
			t->length += size;
		} else {
			move(t, all + (size_t)k * count, size);
		}
	}
}

/* All that changes while a learner learns, but for its stamp; it is alike on all ranks but for what
 * they have seen. */
static void move_all(struct tape *t, struct learner *l, float *seen)
{
	move(t, &l->steps, sizeof(l->steps));
	move(t, &l->episode, sizeof(l->episode));
	move(t, &l->best_cost, sizeof(l->best_cost));
	move(t, &l->begun_cost, sizeof(l->begun_cost));
	move(t, &l->m.updates, sizeof(l->m.updates));
	move(t, l->view, sizeof(l->view));
	for (int k = 0; k < l->agents; k++) {
		struct maddpg_agent *a = &l->m.agent[k];
		move(t, &a->actor_adam.steps, sizeof(a->actor_adam.steps));
		for (int c = 0; c < MADDPG_CRITICS_MAX; c++) {
			move(t, &a->critic_adam[c].steps, sizeof(a->critic_adam[c].steps));
		}
		move(t, &a->critic_loss, sizeof(a->critic_loss));
		move(t, &a->value, sizeof(a->value));
	}
	move(t, l->m.memory, l->m.numbers * sizeof(float));
	move(t, l->best, l->m.numbers * sizeof(float));
	move_seen(t, l, seen);
}

static int save(const char *path, const struct learner *l, float *seen, uint64_t of, int64_t log)
{
	struct learner copy = *l; /* move_all only reads what it points at when it lays pieces */
	struct stamp s = stamp_of(l, of, log);
	struct tape t = { .length = sizeof(s) };
	move_all(&t, &copy, NULL);
	size_t size = t.length + sizeof(uint64_t);
	t = (struct tape){ .at = malloc(size) };
	if (!t.at) {
		return -ENOMEM;
	}
	move(&t, &s, sizeof(s));
	move_all(&t, &copy, seen);
	uint64_t sum = hash_bytes(t.at, t.length);
	move(&t, &sum, sizeof(sum));
	int r = durable_write(path, t.at, size);
	free(t.at);
	return r;
}

int learner_save(const char *path, const struct learner *l, uint64_t of, int64_t log)
{
	size_t count = experience_numbers(&l->seen);
	if (learner_ranks(l) == 1) {
		return save(path, l, l->seen.step, of, log);
	}
	bool first = l->ranks->rank == 0;
	float *all = first ? calloc((size_t)learner_ranks(l) * count + 1, sizeof(*all)) : NULL;
	if (first && !all) {
		return -ENOMEM;
	}
	ranks_gather(l->ranks, l->seen.step, count, all);
	int r = first ? save(path, l, all, of, log) : 0;
	free(all);
	return r;
}

/* The file's bytes; the caller's to free. */
static int load(const char *path, char **bytes, size_t *size)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		return -errno;
	}
	int r = fseek(f, 0, SEEK_END) < 0 ? -errno : 0;
	long length = ftell(f);
	char *at = r == 0 && length >= 0 ? malloc((size_t)length + 1) : NULL;
	rewind(f);
	if (!at) {
		r = r < 0 ? r : -ENOMEM;
	} else if (fread(at, 1, (size_t)length, f) != (size_t)length) {
		r = -EIO;
	}
	(void)fclose(f);
	if (r < 0) {
		free(at);
		return r;
	}
	*bytes = at;
	*size = (size_t)length;
	return 0;
}

/* What is wrong with a whole file of that stamp, or NULL. */
static const char *misfit(const struct stamp *s, const struct learner *l, uint64_t of)
{
	struct stamp own = stamp_of(l, of, 0);
	if (s->of != own.of || s->numbers != own.numbers || s->agents != own.agents) {
		return "is of another community file, expected the one it was begun with";
	}
	if (s->seed != own.seed) {
		return "is of another seed, expected the one it was begun with";
	}
	bool sound = s->seen >= 0 && s->seen <= l->seen.room && s->next >= 0 &&
		     s->next < l->seen.room && s->log >= 0;
	return sound ? NULL : "makes no sense, expected a checkpoint as lec-train writes it";
}

/* Whether so many bytes are a checkpoint, and whole. */
static int check(const char *path, const char *bytes, size_t size, struct diag *d)
{
	uint64_t sum;
	if (size < sizeof(magic) || memcmp(bytes, magic, NAME_SIZE) != 0) {
		return diag_error(d, path, 0, "is no checkpoint of lec-train, expected one");
	}
	if (memcmp(bytes, magic, sizeof(magic)) != 0) {
		return diag_error(d, path, 0,
				  "is of another version of lec-train, expected one of this");
	}
	if (size >= sizeof(struct stamp) + sizeof(sum)) {
		memcpy(&sum, bytes + size - sizeof(sum), sizeof(sum));
		if (hash_bytes(bytes, size - sizeof(sum)) == sum) {
			return 0;
		}
	}
	return diag_error(d, path, 0, "is corrupt, expected a whole checkpoint");
}

static int take(const char *path, const char *bytes, size_t size, struct learner *l, uint64_t of,
		int64_t *log, struct diag *d)
{
	struct stamp s;
	int r = check(path, bytes, size, d);
	if (r < 0) {
		return r;
	}
	memcpy(&s, bytes, sizeof(s));
	if (s.ranks != learner_ranks(l)) {
		return diag_error(d, path, 0, "is of %d ranks, expected %d", s.ranks,
				  learner_ranks(l));
	}
	const char *wrong = misfit(&s, l, of);
	if (wrong) {
		return diag_error(d, path, 0, "%s", wrong);
	}
	struct experience before = l->seen;
	l->seen.count = s.seen;
	l->seen.next = s.next;
	struct tape t = { .length = sizeof(s) };
	move_all(&t, l, NULL);
	if (t.length + sizeof(uint64_t) != size) {
		l->seen = before;
		return diag_error(d, path, 0, "is %zu bytes long, expected %zu", size,
				  t.length + sizeof(uint64_t));
	}
	t = (struct tape){ .at = (char *)(uintptr_t)bytes, .length = sizeof(s), .reads = true };
	move_all(&t, l, NULL);
	*log = s.log;
	return 0;
}

/* The bytes that rank 0 has loaded, or why not, for all. */
static int share(struct ranks *ranks, int r, char **bytes, size_t *size)
{
	ranks_hand_out(ranks, &r, sizeof(r));
	ranks_hand_out(ranks, size, sizeof(*size));
	if (r < 0) {
		return r;
	}
	if (ranks->rank > 0) {
		*bytes = malloc(*size + 1);
		if (!*bytes) {
			ranks_give_up(ranks, 1);
			return -ENOMEM;
		}
	}
	ranks_hand_out(ranks, *bytes, *size);
	return 0;
}

int learner_load(const char *path, struct learner *l, uint64_t of, int64_t *log, struct diag *d)
{
	char *bytes = NULL;
	size_t size = 0;
	int r = learner_rank(l) == 0 ? load(path, &bytes, &size) : 0;
	r = l->ranks ? share(l->ranks, r, &bytes, &size) : r;
	if (r < 0) {
		return diag_error(d, path, 0, "cannot be read: %s", strerror(-r));
	}
	assert(bytes);
	r = take(path, bytes, size, l, of, log, d);
	free(bytes);
	return r;
}
