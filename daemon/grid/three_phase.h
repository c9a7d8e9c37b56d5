/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AC power flow of a three-phase tree, unbalanced, by the sweeps of flow.h over triples: currents
 * of loads summed up towards the source, through transformers by their coils, voltages dropped from
 * the source on by 3x3 impedances. Shirmohammadi et al. 1988, 10.1109/59.192932; Cheng and
 * Shirmohammadi 1995, 10.1109/59.387902, for what the phases do to each other.
 *
 * In V, A, W and var, voltages to ground. Nothing here allocates but three_phase_init. */
#ifndef LECD_GRID_THREE_PHASE_H
#define LECD_GRID_THREE_PHASE_H

#include "daemon/grid/circuit.h"
#include "daemon/grid/flow.h"
#include "daemon/grid/network.h"

/* What three phases have, and ground behind them: its voltage is 0. The processor handles several
 * at once. */
typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));

struct triple {
	lanes re, im;
};

/* The branch that feeds a node, by columns: ohm. */
struct three_link {
	lanes r[PHASES], x[PHASES];
};

/* What a branch does to voltages where it is no line of three phases: t by columns, and by rows. */
struct three_turn {
	lanes column[PHASES], row[PHASES];
};

/* A phase of a load: at node between lane and against. It takes p and q times (v^2 / square), where
 * the square is v's, kept within bounds, as its model says. */
struct three_load {
	int node, lane, against;
	enum load_model model;
	double p, q;      /* W, var */
	double base;      /* V */
	double low, high; /* V */
};

struct three_phase {
	struct network k; /* the tree; node 0 is the ideal source */
	int loads;        /* the circuit's, in its order */
	int turns;
	bool shunts;          /* some line has a susceptance */
	struct triple *v, *i; /* by node: voltage; current of the branch that feeds it */
	struct three_link *link;
	struct three_turn *turn;
	int *turned;        /* by node: its turn, -1: none */
	lanes (*b)[PHASES]; /* by node, columns of the susceptance to ground */
	double *nominal_v;  /* by node, to ground */
	double *per_square; /* by node: 1 / nominal_v^2 */
	struct three_load *load;
	double part; /* of all loads that is drawn: 1 but in three_phase_carried */
	int sweeps;  /* of the last three_phase_solve */
};

/* Make one ready for a circuit that passed circuit_check, with its loads as they say by themselves,
 * at the voltages it has without any load. Returns 0 or -ENOMEM. */
int three_phase_init(struct three_phase *s, const struct circuit *c);
void three_phase_free(struct three_phase *s);

/* The loads of a step of the day (-1: as they say by themselves), all that are not
 * fixed times factor. */
void three_phase_loads(struct three_phase *s, const struct circuit *c, int step, double factor);

/* Begin anew at no load: after a three_phase_solve that failed. */
void three_phase_start(struct three_phase *s);

/* Solve from the voltages that are there, until each is within `tolerance` (a part of nominal,
 * 1e-13 or more) of the solution as far as the last sweeps tell. Returns 0; -EDOM: no solution was
 * found, voltages collapse. */
int three_phase_solve(struct three_phase *s, double tolerance);

/* After -EDOM: the part of all loads that the feeder can just carry, by halving, and the node and
 * phase whose voltage gave way most until there. The loads stay, and the voltages begin anew. */
double three_phase_carried(struct three_phase *s, int *node, int *phase);

/* Of a solved flow: a voltage to ground as a part of nominal; -1 where a bus has no such phase. */
double three_phase_voltage(const struct three_phase *s, int node, int phase);

/* What a load has across it, as a part of nominal, and what it takes there. */
double three_phase_across(const struct three_phase *s, int load);
void three_phase_taken(const struct three_phase *s, int load, double *p_w, double *q_var);

/* The power lost behind the source's bus, and the power that enters there. */
void three_phase_loss(const struct three_phase *s, double *p_w, double *q_var);
void three_phase_source(const struct three_phase *s, double *p_w, double *q_var);

/* The power into the branch that feeds a node, at the node's end, by phase. */
void three_phase_through(const struct three_phase *s, int node, int phase, double *p_w,
			 double *q_var, double *current_a);

/* The node and phase of the lowest, and of the highest, voltage behind the source's bus. */
int three_phase_lowest(const struct three_phase *s, int *phase);
int three_phase_highest(const struct three_phase *s, int *phase);

/* The largest difference, in W or var, at any node and phase between what its loads and shunts take
 * and what its branches bring. */
double three_phase_mismatch(const struct three_phase *s);

#endif
