/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What makes a circuit of a script's objects; of this folder's opendss*.c alone. */
#ifndef LECD_GRID_OPENDSS_BUILD_H
#define LECD_GRID_OPENDSS_BUILD_H

#include "daemon/grid/circuit.h"
#include "daemon/grid/opendss_objects.h"

struct builder {
	struct dss_objects *all;
	struct circuit *c;
	struct diag *d;
};

/* Where something is connected. */
struct connection {
	int bus;
	int node[DSS_WIRES_MAX]; /* 1..3, 0: ground */
	int nodes;               /* that were told */
};

/* Say what is wrong with an object, at its line. Returns -EINVAL. */
int build_wrong(const struct builder *b, const struct dss_object *o, const char *what,
		const char *expected);

/* The bus of "name.1.2", added where it is new. Returns 0 or -errno. */
int build_connect(const struct builder *b, const struct dss_object *o, const char *text,
		  struct connection *out);

/* The phases of a connection with so many: as told, or from the first on; grounds behind them are
 * left out. Returns 0 or -EINVAL. */
int build_phases(const struct builder *b, const struct dss_object *o, const char *text, int phases,
		 struct connection *at);

/* Add a branch between two buses. Returns 0 or -errno. */
int build_branch(const struct builder *b, const struct dss_object *o, int from, int to,
		 bool transformer, const struct circuit_branch *phases);

/* Add a line, and a load with its shape, to the circuit. Return 0 or -errno. */
int build_line(const struct builder *b, const struct dss_line *l);
int build_load(const struct builder *b, const struct dss_load *l);

#endif
