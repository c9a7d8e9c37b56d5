/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feeder as it stands in a file: buses with their loads, branches between them, one source.
 * Balanced: one phase stands for three.
 *
 * Impedances are in per unit of base_va and each bus's own voltage, loads in W and var, all of the
 * three phases together. Names are the file's: "65", "lv-12". */
#ifndef LECD_GRID_FEEDER_H
#define LECD_GRID_FEEDER_H

#include <stdbool.h>

#include "daemon/base/diag.h"

enum { FEEDER_NAME_SIZE = 32, FEEDER_BUSES_MAX = 100000 };

struct feeder_bus {
	char name[FEEDER_NAME_SIZE];
	int line;            /* of the file */
	const char *file;    /* of that line; NULL: the feeder's */
	double kv;           /* nominal, line to line */
	double p_w, q_var;   /* load; below 0 it feeds in */
	double g_w, b_var;   /* shunt at nominal voltage: taken, given */
	double v_min, v_max; /* per unit of nominal */
};

struct feeder_branch {
	int from, to; /* buses */
	int line;
	const char *file;
	bool closed;
	double r, x;     /* per unit */
	double b;        /* line charging, both ends together, per unit */
	double ratio;    /* of a transformer at its from side, 1: nominal */
	bool tapped;     /* a transformer */
	double limit_va; /* the most it may carry; 0: not told */
};

struct feeder {
	const char *file; /* its path: the caller's */
	double base_va;
	int source;      /* the bus whose voltage is given; -1: not told yet */
	double source_v; /* per unit */
	int buses, branches;
	int bus_room, branch_room; /* allocated */
	struct feeder_bus *bus;    /* owned */
	struct feeder_branch *branch;
	int *slot; /* of the names' hash, owned */
	int slots;
};

/* An empty feeder; feeder_free after it, always. */
void feeder_init(struct feeder *f, const char *file);
void feeder_free(struct feeder *f);

/* Add a bus of that name (copied, cut to size) with no load and nothing else known, or a branch.
 * Return its number; -EEXIST where a bus of that name is there; -E2BIG, -ENOMEM. */
int feeder_add_bus(struct feeder *f, const char *name, int line);
int feeder_add_branch(struct feeder *f, const struct feeder_branch *branch);

/* The name of the file of a bus or branch. */
const char *feeder_file(const struct feeder *f, const char *file);

/* The bus of that name, or -1. */
int feeder_find(const struct feeder *f, const char *name);

/* Whether it is one tree from one source: each bus reached once, no two branches between the same
 * buses, no impedance of zero. What is wrong goes to d, each with its line. Returns 0 or -EINVAL.
 */
int feeder_check(const struct feeder *f, struct diag *d);

/* Read a feeder: from a MATPOWER case where the path ends in .m (see feeder_matpower.c), else from
 * rows of our own (see feeder_csv.c). What is wrong goes to d, all of it at once;
 * it has passed feeder_check where 0 is returned, and is to be freed in any case. Returns 0 or
 * -errno. */
int feeder_read(const char *path, struct feeder *out, struct diag *d);

/* Find a feeder by name ("ieee69") in etc/feeders, then among the installed ones; a path stays as
 * it is. Returns 0, or -ENOENT with the last place looked at in out. */
int feeder_locate(const char *name, char *out, int size);

#endif
