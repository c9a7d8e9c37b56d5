/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/learned_actor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/hash.h"
#include "daemon/home/site_actor.h"

/* Fold a file into *digest. Returns 0 or -errno. */
static int digest_file(const char *path, uint64_t *digest)
{
	char bytes[4096];
	FILE *file = fopen(path, "re");
	if (!file) {
		return -errno;
	}
	for (size_t n; (n = fread(bytes, 1, sizeof(bytes), file)) > 0;) {
		uint64_t parts[2] = { *digest, hash_bytes(bytes, n) };
		*digest = hash_bytes((const char *)parts, sizeof(parts));
	}
	int r = ferror(file) ? -EIO : 0;
	fclose(file);
	return r;
}

static int load(const struct site_policy *p, const struct site *site, struct learned_actor *a,
		struct diag *d)
{
	struct actor_house house;
	int before = d->errors;
	int r = actor_load(p->actor, NULL, &a->actor, d);
	if (r < 0 && d->errors == before) {
		(void)diag_error(d, p->actor, 0, "cannot be read: %s", strerror(-r));
	}
	int other = actor_conf_read(p->meaning, &a->conf, d);
	r = r < 0 ? r : other;
	if (r < 0) {
		return r;
	}
	site_actor_house(site, &house);
	r = actor_conf_check(&a->conf, a->actor, &house, d);
	r = r < 0 ? r : digest_file(p->actor, &a->digest);
	return r < 0 ? r : digest_file(p->meaning, &a->digest);
}

int learned_actor_load(const struct site *site, struct learned_actor **out, struct diag *d)
{
	struct learned_actor *a = calloc(1, sizeof(*a));
	if (!a) {
		return -ENOMEM;
	}
	int r = load(&site->policy, site, a, d);
	if (r < 0) {
		learned_actor_free(a);
		return r;
	}
	*out = a;
	return 0;
}

void learned_actor_free(struct learned_actor *a)
{
	if (a) {
		actor_free(a->actor);
		free(a);
	}
}
