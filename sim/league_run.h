/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole league negotiates in one process, with messages lost and members that die as told: by a
 * platform or by consensus among neighbours. What they agreed on is put into whole numbers, each
 * member plans again with it, all is settled, and measured beside the optimum. */
#ifndef LECD_SIM_LEAGUE_RUN_H
#define LECD_SIM_LEAGUE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/consensus.h"
#include "daemon/market/league_settle.h"
#include "daemon/market/platform.h"
#include "policy/member.h"

enum framework { FRAMEWORK_DECENTRALISED, FRAMEWORK_DISTRIBUTED, FRAMEWORK_P2P, FRAMEWORKS };
extern const char *const frameworks[]; /* "decentralised", ..., NULL */

enum { LEAGUE_ROUNDS_MAX = 100000 };

/* How it goes about. */
struct league_way {
	int framework; /* not FRAMEWORK_P2P: see league_peers.h */
	double penalty, relaxation;
	double tolerance_kw;
	int64_t rounds_max; /* then it ends with what there is */
	int64_t silence;
	double loss; /* the share of messages that is lost */
	uint64_t seed;
	int64_t dies_at[LEAGUE_MEMBERS_MAX];  /* in this round; -1: never */
	int64_t raves_at[LEAGUE_MEMBERS_MAX]; /* says what cannot be from this round on; -1: never
					       */
};

/* What a member came to. */
struct league_fate {
	bool gone;    /* it died, or was given up by all, before anything of its was agreed */
	double cost;  /* without what it is paid by neighbours */
	double alone; /* what it would have cost without any */
	double grid_kw[LEAGUE_STEPS_MAX];
	double price[LEAGUE_STEPS_MAX]; /* that it sees; NaN: none */
};

struct league_outcome {
	int64_t rounds; /* until the last line was put down */
	bool converged;
	double residual_kw; /* at the end ... */
	int worst;          /* ... and whose it is; -1: nobody's */
	double cost;        /* of all members, and the fees */
	double alone;
	int unagreed; /* lines without terms of both ends */
	struct league_fate member[LEAGUE_MEMBERS_MAX];
	/* At the ends of each line: enum consensus_end, why the other one was given up. */
	int end[LEAGUE_LINES_MAX][2];
	struct league_books book[LEAGUE_LINES_MAX];
	struct league_settled settled;
	double *residual; /* of each round, kW; rounds of them. Owned. */
};

/* What the nodes of consensus agree on before. */
struct consensus_terms league_consensus_terms(const struct league *l, const struct league_way *way);

/* *out is to be freed with league_outcome_free, also after an error. Returns 0, -EINVAL: terms that
 * are not sound; -ENOMEM; or as the member's step. */
int league_negotiate(const struct league *l, const struct member_model *member,
		     const struct league_way *way, struct league_outcome *out);
void league_outcome_free(struct league_outcome *out);

/* Plan and settle by the books in *out, and fill in what follows from them. Returns 0 or -errno. */
int league_conclude(const struct league *l, const struct member_model *member,
		    struct member_room *room, struct league_outcome *out);

#endif
