/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A MATPOWER case (version 2) as its file leaves it: the matrices, after the statements that
 * convert their units. Of the language only what such files are made of is understood; anything
 * else is refused with its line.
 *
 *   function NAME = anything         end, return
 *   NAME.version = '2';              NAME.baseMVA = number
 *   NAME.bus|gen|branch|gencost = [ rows ];
 *   [names...] = idx_bus|idx_brch|idx_gen;     define_constants;
 *   variable = scalar
 *   NAME.matrix(rows, columns) = expression    rows: `:` or one; columns: one, or [several]
 *
 * An expression has + - * / ^ .* ./ .^ ( ) sqrt sin cos tan asin acos atan abs pi Inf, variables
 * and parts of the matrices, element by element; a product of matrices is refused. */
#ifndef LECD_GRID_MATPOWER_H
#define LECD_GRID_MATPOWER_H

#include "daemon/base/diag.h"

enum { MATPOWER_COLUMNS_MAX = 32 };

enum matpower_matrix {
	MATPOWER_BUS,
	MATPOWER_GEN,
	MATPOWER_BRANCH,
	MATPOWER_COST,
	MATPOWER_MATRICES
};

struct matpower_rows {
	int rows, columns, room;
	double *x; /* row after row; owned */
	int *line; /* of each row; owned */
	int first; /* the line of the whole */
};

struct matpower {
	double base_mva; /* 0: not told */
	struct matpower_rows matrix[MATPOWER_MATRICES];
};

/* Read a case, to be freed in any case. What is wrong goes to d, all of it at once. Each matrix but
 * the costs has rows then, as wide as its columns need. Returns 0 or -errno. */
int matpower_read(const char *path, struct matpower *out, struct diag *d);
void matpower_free(struct matpower *m);

/* An entry, counted from 1 as the format's description does. */
double matpower_at(const struct matpower_rows *m, int row, int column);

#endif
