/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market operator's side of a negotiation: two loops of ADMM (Boyd et al. 2011, 10.1561/
 * 2200000016) by which parties, the grid's operator and the market come to the net power of each
 * party in each step that costs all of them least. After Kabirifar et al. 2025 (arXiv:2505.16070).
 *
 * Each party a minimises a cost of its own, f_a, of its net powers p_a. The market has a copy of
 * them, z_a, the auxiliary net powers, for which it buys what is missing:
 *
 *   minimise  sum f_a(p_a) + hours * sum over steps of price * source   so that  p_a = z_a,
 *   source = sum z_a + base + loss(z),  low <= source <= high,  z within the grid's limits
 *
 * Outer loop: each party is told z_a, the price y_a of its net power and a penalty rho_a, and
 * answers
 *
 *   p_a = argmin f_a(p) + hours * (y_a p + rho_a / 2 (p - z_a)^2)
 *
 * Inner loop: the grid is told what the market would give each party for energy alone, the wish
 * x_a = p_a + (y_a - energy) / rho_a, and answers with the losses and with each party's price
 * (DLMP): energy, losses and limits. Then z_a = x_a - (price_a - energy) / rho_a, and again until
 * z and the losses stand. The price is the party's next y_a: it is what the multiplier
 * y_a + rho_a (p_a - z_a) comes to.
 *
 * This is a state machine that is fed with what arrives. It knows no clock, no wire, and nothing of
 * what is inside a party or the grid; whoever carries the words calls, in a process or between
 * machines:
 *
 *   negotiate_begin                             round 1, phase NEGOTIATE_PARTIES
 *   for each round:
 *     send each party `round`, its negotiate_target, negotiate_price, negotiate_penalty
 *     negotiate_power for each answer           while negotiate_waits, or a deadline says
 *     negotiate_close                           phase NEGOTIATE_GRID, or as below where there is
 *                                               no grid
 *     while phase is NEGOTIATE_GRID:
 *       send the grid `round`, `pass`, wish, energy, negotiate_gives of each
 *       negotiate_grid with its answer, or negotiate_grid_late
 *   until phase is NEGOTIATE_AGREED or NEGOTIATE_ENDED
 *
 * Whoever is late, or sends what cannot be, keeps the last value that was good, and is named in
 * `party`. Nothing else crosses between the parties, the market and the grid.
 *
 * Powers in kW, > 0 takes from the grid; prices and multipliers per kWh; a penalty per kWh and kW.
 * Arrays by party and step, [party * steps + step]. Nothing but negotiate_init allocates. */
#ifndef LECD_MARKET_NEGOTIATE_H
#define LECD_MARKET_NEGOTIATE_H

#include <stdbool.h>

enum {
	NEGOTIATE_PARTIES_MAX = 4096,
	NEGOTIATE_STEPS_MAX = 576,
	NEGOTIATE_PATIENCE =
		3 /* rounds in a row without a good answer; then it is not waited for */
};

struct negotiate_conf {
	int parties, steps;
	bool grid;         /* there is one that answers; without, nothing is lost */
	double penalty;    /* per kWh: the price of being off by the whole connection; > 0 */
	double relaxation; /* 1: none; up to 1.9 */
	bool balance;      /* double or halve the penalty where one residual lags behind */
	double absolute;   /* agreed where the residuals are at most this ... */
	double relative;   /* ... plus this part of the net powers and of the prices */
	double inner;      /* the inner loop ends where z and losses move by this part; > 0 */
	int rounds_max, passes_max;
	double low_kw, high_kw; /* of the source; may be infinite */
};

/* Why an answer was not taken. */
enum negotiate_fault {
	NEGOTIATE_FINE,
	NEGOTIATE_LATE,   /* there was none */
	NEGOTIATE_STALE,  /* of another round */
	NEGOTIATE_NUMBER, /* not finite */
	NEGOTIATE_RANGE   /* more than its connection carries */
};

struct negotiate_party {
	double connection_kw; /* > 0: what it can take or give at most */
	double penalty;       /* rho_a: the penalty over its connection */
	bool present;      /* it said, or is known, what its net power is: else it takes no part */
	bool answered;     /* in this round */
	int silent;        /* rounds in a row without a good answer */
	int late, refused; /* in all */
	enum negotiate_fault fault; /* the last */
	double off_kw;              /* the norm of its p - z */
};

enum negotiate_phase { NEGOTIATE_PARTIES, NEGOTIATE_GRID, NEGOTIATE_AGREED, NEGOTIATE_ENDED };

struct negotiate {
	struct negotiate_conf conf;
	enum negotiate_phase phase;
	int round, pass; /* from 1; of the messages that are waited for */
	int passes;      /* inner ones in all */
	int grid_late, grid_refused;
	bool grid_heard; /* its last answer is to this round's last wish; so where there is none */
	struct negotiate_party *party;
	double penalty; /* as it is now */
	/* By party and step: */
	double *power, *relaxed, *target, *target_before, *price, *part, *wish;
	/* By step: */
	double *upstream; /* price of the source's energy; the caller's to set, 0 at first */
	double *base_kw;  /* what others than the parties take; the caller's to set */
	double *energy;   /* price of energy: upstream, and more where the source is at a bound */
	double *loss_kw;
	/* Of the last whole round: */
	double primal; /* norm of p - z over all, kW */
	double dual;   /* the largest change of a price that z's move makes, rho |z - before| */
	double primal_most, dual_most; /* agreed where neither is above */
	double price_norm;             /* of the multipliers y */
	int worst_primal, worst_dual;  /* the parties that are off most */
	double *room;                  /* owned: all of the arrays */
};

/* connection_kw: of each party. Returns 0, -EINVAL: conf is out of range, or -ENOMEM. */
int negotiate_init(struct negotiate *n, const struct negotiate_conf *conf,
		   const double *connection_kw);
void negotiate_free(struct negotiate *n);

/* Begin anew: from nothing (cold: prices as upstream, no power known) or from where the last
 * negotiation ended. */
void negotiate_begin(struct negotiate *n, bool cold);

/* Move all to later steps, for the next interval: what falls out in front stands for the steps that
 * come in at the end. Before negotiate_begin. */
void negotiate_shift(struct negotiate *n, int steps);

/* What a party's net powers are known to be without its answer, its last plan: it is also the first
 * target. Between negotiate_begin and the first negotiate_close. Returns as negotiate_power. */
int negotiate_known(struct negotiate *n, int party, const double *power_kw);

/* A party's answer. Returns 0; -ESTALE: of another round, -EINVAL: not finite, -ERANGE: more than
 * the connection carries, -EBUSY: not the phase, -ENOENT: no such party. What is refused is counted
 * and changes nothing. */
int negotiate_power(struct negotiate *n, int party, int round, const double *power_kw);

/* Whether the round still lacks the answer of somebody who is waited for. */
bool negotiate_waits(const struct negotiate *n);

/* No more answers to this round: who is late keeps his last. */
void negotiate_close(struct negotiate *n);

/* The grid's answer to the wish: losses by step, prices by party and step. Returns 0, or refuses it
 * as above. */
int negotiate_grid(struct negotiate *n, int round, int pass, const double *loss_kw,
		   const double *price);
/* It did not come: losses and prices keep their last parts, and nothing is agreed by this round. */
void negotiate_grid_late(struct negotiate *n);

/* The deadline: no more rounds. Phase NEGOTIATE_ENDED, where it was not agreed; powers, targets and
 * prices are those of the last whole round, but for powers that were answered since. */
void negotiate_stop(struct negotiate *n);

/* What a party is told. */
static inline const double *negotiate_target(const struct negotiate *n, int party)
{
	return n->target + (long)party * n->conf.steps;
}

static inline const double *negotiate_price(const struct negotiate *n, int party)
{
	return n->price + (long)party * n->conf.steps;
}

static inline double negotiate_penalty(const struct negotiate *n, int party)
{
	return n->party[party].penalty;
}

/* What the grid is told of a party beside its wish: how far its net power gives way to its price,
 * kW per price, 1 / rho; 0: not at all, it is as its wish says. */
double negotiate_gives(const struct negotiate *n, int party);

const char *negotiate_fault_text(enum negotiate_fault fault);

#endif
