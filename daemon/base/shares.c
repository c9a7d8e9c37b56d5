/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/shares.h"

#include "daemon/base/hash.h"

void shares_init(struct shares *s, uint64_t secret)
{
	s->secret = secret;
}

/* The secret goes in first, and the high bits of the product depend on every letter behind it. */
static size_t place_of(const struct shares *s, const char *sender, size_t length)
{
	const uint64_t golden = 0x9E3779B97F4A7C15;
	uint64_t hash = hash_bytes((const char *)&s->secret, sizeof(s->secret));
	return (size_t)(hash_on(hash, sender, length) * golden >> 32) % SHARES;
}

bool shares_fit(const struct shares *s, const char *sender, size_t length, size_t size, size_t room)
{
	size_t waiting = atomic_load(&s->waiting[place_of(s, sender, length)]);
	return size <= room && waiting + size <= room - size;
}

void shares_put(struct shares *s, const char *sender, size_t length, size_t size)
{
	atomic_fetch_add(&s->waiting[place_of(s, sender, length)], size);
}

void shares_take(struct shares *s, const char *sender, size_t length, size_t size)
{
	atomic_fetch_sub(&s->waiting[place_of(s, sender, length)], size);
}
