/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid operator's standing limit of a home: what it may take and feed in from now on. It
 * names the time until which it holds, and the cautious limits that hold after that, until the
 * operator says something else: an operator that vanishes leaves nobody without a limit. Pure data
 * and JSON.
 *
 * What an award says of its interval holds beside it; the lower of the two counts. */
#ifndef LECD_BASE_STANDING_H
#define LECD_BASE_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct standing_limit {
	double import_w, export_w; /* INFINITY: none */
};

struct standing {
	bool heard;       /* a limit, ever */
	int64_t issued_s; /* by the operator's clock */
	int64_t until_s;
	struct standing_limit now;  /* before until_s */
	struct standing_limit then; /* from until_s on */
};

/* What holds at wall_s. */
struct standing_limit standing_at(const struct standing *s, int64_t wall_s);

/* Read one's JSON, `limit` of docs/protocol.md. One that was issued before what is there is
 * refused, unless what is there was issued by a clock that was ahead. On anything wrong -errno, a
 * sentence in why, and nothing changes. */
int standing_take(struct standing *s, const char *home, int64_t wall_s, const char *payload,
		  size_t length, char *why, size_t size);

#endif
