/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear programs with a few binaries: the only module that knows GLPK.
 *
 *   minimise sum(cost * x)  so that  row low <= sum(coefficient * x) <= row high,  low <= x <= high
 *
 * The program is held here in plain arrays; GLPK's objects live within one lp_solve only, so that
 * its abort() on an internal error ends there too. Bounds may be infinite; a number that is not
 * finite elsewhere, or NaN anywhere, never reaches GLPK: it would silently accept it. */
#ifndef LECD_POLICY_LP_H
#define LECD_POLICY_LP_H

#include <stdbool.h>

struct lp_column {
	double low, high, cost;
	bool binary; /* low 0, high 1 */
	double x;    /* out */
};

struct lp_row {
	double low, high;
	double dual; /* out: change of the objective per unit of the bound, binaries held */
};

struct lp {
	int columns, rows, entries;
	int columns_max, rows_max, entries_max; /* room there is; it grows */
	struct lp_column *column;               /* owned */
	struct lp_row *row;                     /* owned */
	int *entry_row, *entry_column; /* owned; from 1, as GLPK counts: entry 0 is unused */
	double *entry;                 /* owned */
	bool lacking;                  /* there was no room for all of it: lp_solve refuses */
	double objective;              /* out */
	double bound;                  /* out: proven, no answer has less */
};

/* Begin a new program in the room there is; *lp was zeroed or used before. */
void lp_clear(struct lp *lp);
void lp_free(struct lp *lp);

/* Add a column, a row, an entry. Return the index of what was added (0 where room is lacking). An
 * entry may stand once only. */
int lp_column(struct lp *lp, double low, double high, double cost);
int lp_binary(struct lp *lp);
int lp_row(struct lp *lp, double low, double high);
void lp_entry(struct lp *lp, int row, int column, double coefficient);

/* Solve. Binaries are settled until the answer is proven to be at most the share good_gap above the
 * best. Return 0: it is; 1: the time was up, x is the best found; -EINVAL: bad numbers; -ENOMEM;
 * -EDOM: infeasible or unbounded; -ETIME: nothing found in time;
 * -ENOTRECOVERABLE: GLPK gave up (its environment has been torn down, the next call starts afresh);
 * -EPROTO: the answer is no finite number. */
int lp_solve(struct lp *lp, double time_limit_s, double good_gap);

#endif
