/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who takes part: names, numbers, limits. */
#include <errno.h>
#include <string.h>

#include "daemon/base/hash.h"
#include "daemon/market/names.h"
#include "daemon/market/rounds_private.h"

/* Where the id is in bucket[], or would be. */
static uint32_t bucket_of(const struct rounds *r, const char *id)
{
	uint32_t at = (uint32_t)hash_bytes(id, strlen(id)) & r->bucket_mask;
	while (r->bucket[at] && strcmp(r->id[r->bucket[at] - 1], id) != 0) {
		at = (at + 1) & r->bucket_mask;
	}
	return at;
}

int rounds_find_home(const struct rounds *r, const char *id)
{
	int home = r->bucket[bucket_of(r, id)] - 1;
	return home >= 0 ? home : -ENOENT;
}

int rounds_homes(const struct rounds *r)
{
	return r->homes;
}

const char *rounds_home_id(const struct rounds *r, int home)
{
	return r->id[home];
}

/* The index of its own limits, or -1. */
static int32_t find_own(const struct rounds *r, const char *id)
{
	int32_t i = r->conf.named - 1;
	while (i >= 0 && strcmp(r->conf.home[i].id, id) != 0) {
		i--;
	}
	return i;
}

const struct home_limits *rounds_limits(const struct rounds *r, const char *id)
{
	int home = rounds_find_home(r, id);
	int32_t own = home >= 0 ? r->own_limits[home] : find_own(r, id);
	return own >= 0 ? &r->conf.home[own].limits : r->conf.listed ? NULL : &r->conf.limits;
}

/* Where the id belongs among the names. */
static int rank_of(const struct rounds *r, const char *id)
{
	int low = 0, high = r->homes;
	while (low < high) {
		int middle = low + (high - low) / 2;
		if (names_compare(r->id[r->by_name[middle]], id) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

int rounds_enter(struct rounds *r, const char *id)
{
	uint32_t at = bucket_of(r, id);
	if (r->bucket[at]) {
		return r->bucket[at] - 1;
	}
	if (r->homes == r->conf.homes_max || !rounds_limits(r, id) || strlen(id) >= HOME_ID_SIZE) {
		return -ENOSPC;
	}
	int home = r->homes, rank = rank_of(r, id);
	memcpy(r->id[home], id, strlen(id) + 1);
	r->own_limits[home] = find_own(r, id);
	memmove(r->by_name + rank + 1, r->by_name + rank,
		sizeof(*r->by_name) * (size_t)(home - rank));
	r->by_name[rank] = home;
	r->bucket[at] = home + 1;
	r->homes++;
	return home;
}
