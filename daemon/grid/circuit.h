/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feeder with its three phases: lines and transformers with what their phases do to each other,
 * loads on single phases, and how these go through a day.
 *
 * Its tree is a struct feeder, which knows buses and branches by name and checks that they are one;
 * what the phases add stands beside it, branch by branch and load by load. In V, A, ohm, S, W and
 * var; voltages are to ground unless they are said to be nominal ones, which are line to line. */
#ifndef LECD_GRID_CIRCUIT_H
#define LECD_GRID_CIRCUIT_H

#include <stdint.h>

#include "daemon/grid/feeder.h"

enum { PHASES = 3, GROUND = PHASES, ALL_PHASES = 7 };

/* How the power of a load goes with the voltage. Outside the voltages for which it holds, each is
 * the impedance that it has at that end. */
enum load_model { LOAD_POWER, LOAD_CURRENT, LOAD_IMPEDANCE };

/* Of the feeder's branch of the same number: V_to = t V_from - z I, I towards `to`. */
struct circuit_branch {
	unsigned phases; /* that it has: bits 1, 2 and 4 */
	double r[PHASES][PHASES], x[PHASES][PHASES];
	double b[PHASES][PHASES]; /* to ground, of the whole line: half at each end */
	double t[PHASES][PHASES]; /* the identity on its phases for a line */
	double from_kv, to_kv;    /* nominal, of a transformer; 0 of a line */
};

/* One phase of a load, or what it has between two phases. */
struct circuit_load {
	int bus;
	int phase, against; /* 0..2; against may be GROUND */
	int line;
	const char *file;
	enum load_model model;
	double base_v;       /* nominal, across it */
	double v_min, v_max; /* parts of base_v between which the model holds */
	double p_w, q_var;   /* at base_v; below 0 it feeds in */
	int shape;           /* through the day; -1: none */
	double share;        /* of the load that the shape is for */
	bool fixed;          /* not scaled with the others */
};

/* Values one after the other, circuit.steps of them. */
struct circuit_shape {
	char name[FEEDER_NAME_SIZE];
	double *value; /* owned */
	bool actual;   /* values are kW of the whole load, not parts of what it says */
};

struct circuit {
	struct feeder feeder; /* its source is the ideal one, behind the impedance of branch 0 */
	double source_v;      /* to ground, of each phase */
	double source_angle;  /* of the first; the others lag by a third each */
	struct circuit_branch *branch; /* owned; feeder.branches of them */
	struct circuit_load *load;     /* owned */
	struct circuit_shape *shape;   /* owned */
	int loads, shapes;
	int branch_room, load_room, shape_room;
	int steps;     /* of every shape; 0: there are none */
	double step_s; /* how long one lasts */
	char **file;   /* the names of the files it came from, owned; [0] is the first */
	int files, file_room;
};

/* An empty circuit; circuit_free after it, always. */
void circuit_init(struct circuit *c);
void circuit_free(struct circuit *c);

/* Keep a copy of a file's name for as long as the circuit lives. Returns it, or NULL. */
const char *circuit_keep_file(struct circuit *c, const char *path);

/* Add a branch with what the phases do, a load, or a shape (which takes over its values). Return
 * its number or -errno. */
int circuit_add_branch(struct circuit *c, const struct feeder_branch *branch,
		       const struct circuit_branch *phases);
int circuit_add_load(struct circuit *c, const struct circuit_load *load);
int circuit_add_shape(struct circuit *c, const struct circuit_shape *shape);

/* The shape of that name, or -1. */
int circuit_find_shape(const struct circuit *c, const char *name);

/* What a load takes in a step of the day (-1: what it says by itself). */
void circuit_power(const struct circuit *c, const struct circuit_load *load, int step, double *p_w,
		   double *q_var);

/* Whether it is a tree (feeder_check) in which each phase comes from the source, transformers are
 * fed from their `from` side, and each load stands on phases that its bus has. It gives the buses
 * their nominal voltages on the way. What is wrong goes to d. Returns 0 or -errno. */
int circuit_check(struct circuit *c, struct diag *d);

#endif
