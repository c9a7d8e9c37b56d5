/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid operator's messages, see docs/protocol.md: the market's proposals, in parts, and the
 * verdicts and limits that answer them. Pure data and JSON. */
#ifndef LECD_GRID_DSO_MESSAGES_H
#define LECD_GRID_DSO_MESSAGES_H

#include <stddef.h>

#include "daemon/grid/dso.h"

enum {
	PROPOSAL_PARTS_MAX = 64,
	PROPOSAL_PART_TRADES = 64, /* at most, in a part */
	VERDICT_SIZE = 16384,      /* of a part, with NUL; what a link takes in */
};

/* A proposal as it comes in. */
struct inbox {
	struct dso_proposal proposal;  /* complete once `missing` is 0 */
	int parts, missing;            /* 0 parts: nothing came yet */
	int count[PROPOSAL_PARTS_MAX]; /* trades of each part; -1: it did not come yet */
	int64_t heard;                 /* the number of the message taken last; -1: not told */
	struct dso_trade part[PROPOSAL_PARTS_MAX][PROPOSAL_PART_TRADES];
	struct dso_trade trade[DSO_TRADES_MAX]; /* of all parts, once complete */
};

/* Take a part. One of another proposal begins anew. Returns 1: the proposal is complete; 0: parts
 * are missing; -errno with a sentence in why: refused, what came before stays. */
int inbox_take(struct inbox *b, const struct dso *o, const struct dso_conf *c, int64_t wall_s,
	       const char *payload, size_t length, char *why, size_t size);

/* The verdict on a part; a is NULL where all of it is refused, for the reason why. Returns the
 * length or -ENOBUFS. */
int verdict_json(const struct inbox *b, const struct dso_conf *c, int part,
		 const struct dso_answer *a, const char *why, char *out, size_t size);

/* The verdict on a message that was refused; number -1: not known. */
int refusal_json(int64_t number, const char *why, char *out, size_t size);

/* A home's standing limit for the interval that begins at start_s. */
int limit_json(const struct dso_conf *c, int home, const struct dso_home *h, int64_t start_s,
	       int64_t issued_s, char *out, size_t size);

#endif
