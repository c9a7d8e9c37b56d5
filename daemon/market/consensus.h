/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One node of a league that agrees by itself: communities on a sparse graph find the optimum of
 * all of them, each speaking to its neighbours alone, without a coordinator.
 *
 * The two ends of a line have a copy each of its flow, and must agree on it. Each round a node
 * asks its party what it would take (party.h), shares that out over its lines, and tells each
 * neighbour the trade and the price it sees; from both ends' word a line's flow follows at either
 * end alike, fee and capacity within it, and each end moves towards it. This is Douglas and
 * Rachford's splitting, which is the alternating direction method of multipliers (Boyd et al. 2011,
 * chapter 7), over-relaxed.
 *
 * A message that is lost leaves its line's state as it was: the round is one of randomised
 * coordinates, which converges all the same (Bastianello et al., arXiv:1809.09887). A neighbour
 * that is silent for too long, or that says what cannot be, is given up: its line carries nothing,
 * and the others go on.
 *
 * Each node ends by itself: it counts the rounds for which it and all it hears of were calm, which
 * can only grow by one a hop, so that a count beyond the span means that all were. It then stands
 * still. Where both ends do, they put down the same whole numbers: one end offers, the other one
 * accepts what it finds itself, the first seals. An offer that was not sealed counts for nobody:
 * settlement holds both ends' books against each other. Neither puts down what would cost it more
 * than it is worth to it, so that nobody who lies about prices makes another pay for it. What is
 * sealed binds: who loses a line while lines are put down, by a death or because they are put down
 * before all agreed, still owes what it sold over the others.
 *
 * Here is no clock, file or network: messages go in and out as structs (consensus_messages.h has
 * them as text). Signs: kW and mWh that the node takes in count positive; prices per kWh. */
#ifndef LECD_MARKET_CONSENSUS_H
#define LECD_MARKET_CONSENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/league.h"
#include "daemon/market/party.h"

/* What all nodes of a league have agreed on before. */
struct consensus_terms {
	int steps; /* 1..LEAGUE_STEPS_MAX */
	double hours;
	double penalty;      /* currency per kW^2, > 0: changes the way there, not the end */
	double relaxation;   /* 0 < r < 1; 0.5: none */
	double tolerance_kw; /* > 0: how far both copies of a flow may lie apart in the end */
	double trade_max_kw; /* no sound trade is larger, */
	double price_max;    /* nor a price */
	int span;            /* no two nodes are more hops apart */
	int silence;         /* after so many rounds without a word a neighbour is given up */
};

/* How far a line's terms are. */
enum consensus_stage {
	CONSENSUS_SEEKING,
	CONSENSUS_STILL,   /* this end moves no more */
	CONSENSUS_OFFERED, /* by the end that offers; or accepted by the other */
	CONSENSUS_SEALED,
	CONSENSUS_STAGES
};

/* Why a neighbour was given up. */
enum consensus_end {
	CONSENSUS_OPEN, /* it was not */
	CONSENSUS_SILENT,
	CONSENSUS_UNSOUND, /* it said what cannot be */
	CONSENSUS_DIFFERS, /* its terms are not what both ends' words come to */
	CONSENSUS_LOSS,    /* the terms would cost this end more than they are worth to it */
	CONSENSUS_ENDS
};
extern const char *const consensus_ends[]; /* in words; NULL behind them */

/* What one end says to the other. */
struct consensus_message {
	int64_t round;
	int64_t calm;
	int stage; /* enum consensus_stage, of this line */
	double taken_kw[LEAGUE_STEPS_MAX];
	double price[LEAGUE_STEPS_MAX];
	/* From CONSENSUS_OFFERED on: what its sender takes, and the price in 1e-6 per kWh. */
	int64_t taken_mwh[LEAGUE_STEPS_MAX];
	int64_t price_micro[LEAGUE_STEPS_MAX];
};

/* One end of a line. */
struct consensus_edge {
	struct line_terms line;
	bool offers; /* this end does; the other one does not */
	int end;     /* enum consensus_end */
	int stage;
	bool fresh; /* a message came in this round */
	int silent; /* rounds without one */
	int64_t heard_round, heard_calm;
	int heard_stage;
	double residual_kw;                /* when the two copies were last held together */
	double state_kw[LEAGUE_STEPS_MAX]; /* what the splitting is about */
	double taken_kw[LEAGUE_STEPS_MAX]; /* this end's copy of the flow */
	double heard_kw[LEAGUE_STEPS_MAX], heard_price[LEAGUE_STEPS_MAX];
	/* As put down, from CONSENSUS_OFFERED on. */
	int64_t taken_mwh[LEAGUE_STEPS_MAX];
	int64_t price_micro[LEAGUE_STEPS_MAX];
};

struct consensus {
	struct consensus_terms terms;
	struct party party;
	int edges;
	int64_t round;
	int64_t calm;
	bool still;      /* it moves no more: lines are put down */
	int64_t refused; /* messages */
	struct consensus_edge edge[NEIGHBOURS_MAX];
};

/* Begin with the lines given, and the first answer of the party. Each line's `offers` must be set
 * at one of its ends. Returns 0, -EINVAL: terms or lines are not sound, or as the party. */
int consensus_begin(struct consensus *c, const struct consensus_terms *terms,
		    const struct party *party, const struct line_terms *line, const bool *offers,
		    int lines);

/* What the node says on a line in this round. Nothing is to be said where its end is not
 * CONSENSUS_OPEN. */
void consensus_say(const struct consensus *c, int edge, struct consensus_message *out);

/* Hear what a neighbour said. Returns 0; -EALREADY: an old word, not taken; -ENOTCONN: of one that
 * was given up; -EPROTO: it cannot be, counted and not taken, and the neighbour is given up. */
int consensus_hear(struct consensus *c, int edge, const struct consensus_message *m);
/* The same for a neighbour whose words could not be read at all. */
void consensus_give_up(struct consensus *c, int edge, enum consensus_end why);

/* End the round: move by what was heard. Returns 0 or as the party. */
int consensus_turn(struct consensus *c);

/* The time is up: stand still where it is, and put lines down from now on. What is then not sealed
 * within a few rounds will not be. */
void consensus_stop(struct consensus *c);

/* Whether nothing is open any more. */
bool consensus_is_closed(const struct consensus *c);

/* How far apart the two ends' copies of any open line are, kW, and of which. */
double consensus_residual(const struct consensus *c, int *edge);

/* The price the node sees on a line. */
double consensus_price(const struct consensus *c, int edge, int step);

/* Whether this end's book has terms for the line. */
bool consensus_has_terms(const struct consensus_edge *e);

#endif
