/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file: a header, the steps of each Adam (agent by agent: actor, critics), the learner's
 * memory, and a hash of all that. */
#include "policy/train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/durable.h"
#include "daemon/base/hash.h"

enum { SHAPE_NUMBERS = 7 };
static const char magic[8] = "lecdrl1"; /* with its end */

struct header {
	char magic[8];
	int32_t shape[SHAPE_NUMBERS + 1]; /* see shape_of(); the last is 0 */
	uint64_t seed;
	int64_t updates;
	uint64_t numbers;
};

static const char *const shape_names[SHAPE_NUMBERS] = {
	"agents", "observations", "actions", "hidden", "activation", "critics", "independent",
};

static void shape_of(const struct maddpg *m, int32_t *out)
{
	out[0] = m->conf.agents;
	out[1] = m->conf.observations;
	out[2] = m->conf.actions;
	out[3] = m->conf.hidden;
	out[4] = (int32_t)m->conf.between;
	out[5] = m->critics;
	out[6] = m->conf.independent;
}

static size_t adams(const struct maddpg *m)
{
	return (size_t)m->conf.agents * (size_t)(1 + m->critics);
}

static struct adam *adam_at(const struct maddpg *m, size_t i)
{
	struct maddpg_agent *a = &m->agent[i / (size_t)(1 + m->critics)];
	size_t k = i % (size_t)(1 + m->critics);
	return k ? &a->critic_adam[k - 1] : &a->actor_adam;
}

static size_t file_size(const struct maddpg *m)
{
	return sizeof(struct header) + adams(m) * sizeof(int64_t) + m->numbers * sizeof(float) +
	       sizeof(uint64_t);
}

int checkpoint_save(const struct maddpg *m, const char *path)
{
	size_t size = file_size(m);
	char *bytes = malloc(size), *at = bytes;
	if (!bytes) {
		return -ENOMEM;
	}
	struct header h = { .seed = m->conf.seed, .updates = m->updates, .numbers = m->numbers };
	memcpy(h.magic, magic, sizeof(magic));
	shape_of(m, h.shape);
	memcpy(at, &h, sizeof(h));
	at += sizeof(h);
	for (size_t i = 0; i < adams(m); i++, at += sizeof(int64_t)) {
		memcpy(at, &adam_at(m, i)->steps, sizeof(int64_t));
	}
	memcpy(at, m->memory, m->numbers * sizeof(float));
	at += m->numbers * sizeof(float);
	uint64_t hash = hash_bytes(bytes, (size_t)(at - bytes));
	memcpy(at, &hash, sizeof(hash));
	int r = durable_write(path, bytes, size);
	free(bytes);
	return r;
}

/* The bytes of a file that is to have `size` of them, and one more if it has. */
static int read_bytes(const char *path, char *bytes, size_t size, size_t *got)
{
	FILE *file = fopen(path, "re");
	if (!file) {
		return -errno;
	}
	*got = fread(bytes, 1, size + 1, file);
	int r = ferror(file) ? -EIO : 0;
	(void)fclose(file);
	return r;
}

/* Whether a header is that of a learner like m. */
static int check_header(const struct maddpg *m, const struct header *h, const char *path,
			struct diag *d)
{
	int32_t shape[SHAPE_NUMBERS];
	int errors = d->errors;
	if (memcmp(h->magic, magic, sizeof(magic)) != 0) {
		return diag_error(d, path, 0, "is no checkpoint of a learner");
	}
	shape_of(m, shape);
	for (int i = 0; i < SHAPE_NUMBERS; i++) {
		if (h->shape[i] != shape[i]) {
			diag_error(d, path, 0,
				   "is of a learner with %s = %" PRId32 ", expected %" PRId32,
				   shape_names[i], h->shape[i], shape[i]);
		}
	}
	if (h->seed != m->conf.seed) {
		diag_error(d, path, 0, "is of seed %" PRIu64 ", expected %" PRIu64, h->seed,
			   m->conf.seed);
	}
	return d->errors > errors ? -EINVAL : 0;
}

static int check_bytes(const struct maddpg *m, const char *bytes, size_t got, const char *path,
		       struct diag *d)
{
	struct header h;
	uint64_t hash;
	size_t size = file_size(m);
	if (got < sizeof(h)) {
		return diag_error(d, path, 0, "is no checkpoint of a learner");
	}
	memcpy(&h, bytes, sizeof(h));
	int r = check_header(m, &h, path, d);
	if (r < 0) {
		return r;
	}
	if (got != size || h.numbers != m->numbers) {
		return diag_error(d, path, 0, "is cut off or too long, expected %zu bytes", size);
	}
	memcpy(&hash, bytes + size - sizeof(hash), sizeof(hash));
	if (hash != hash_bytes(bytes, size - sizeof(hash)) || h.updates < 0) {
		return diag_error(d, path, 0, "is damaged: its hash is not that of its bytes");
	}
	return 0;
}

int checkpoint_load(struct maddpg *m, const char *path, struct diag *d)
{
	size_t got = 0, size = file_size(m);
	char *bytes = malloc(size + 1);
	if (!bytes) {
		return -ENOMEM;
	}
	int r = read_bytes(path, bytes, size, &got);
	if (r < 0) {
		(void)diag_error(d, path, 0, "cannot be read: %s", strerror(-r));
	} else {
		r = check_bytes(m, bytes, got, path, d);
	}
	if (r == 0) {
		struct header h;
		const char *at = bytes + sizeof(h);
		memcpy(&h, bytes, sizeof(h));
		m->updates = h.updates;
		for (size_t i = 0; i < adams(m); i++, at += sizeof(int64_t)) {
			memcpy(&adam_at(m, i)->steps, at, sizeof(int64_t));
		}
		memcpy(m->memory, at, m->numbers * sizeof(float));
	}
	free(bytes);
	return r;
}
