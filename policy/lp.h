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
	int columns_max, rows_max, entries_max;
	struct lp_column *column;      /* owned */
	struct lp_row *row;            /* owned */
	int *entry_row, *entry_column; /* owned; from 1, as GLPK counts: entry 0 is unused */
	double *entry;                 /* owned */
	bool overflow;                 /* more was added than the maxima: lp_solve refuses */
	double objective;              /* out */
	double gap; /* out: relative, to the best bound proven; 0 without binaries */
};

/* Make room. Return 0 or -ENOMEM; lp_free is due in any case. */
int lp_init(struct lp *lp, int columns_max, int rows_max, int entries_max);
void lp_free(struct lp *lp);

/* Add a column, a row, an entry. Return the index of what was added (0 on overflow). An entry may
 * stand once only. */
int lp_column(struct lp *lp, double low, double high, double cost);
int lp_binary(struct lp *lp);
int lp_row(struct lp *lp, double low, double high);
void lp_entry(struct lp *lp, int row, int column, double coefficient);

/* Solve. Return 0: proven optimal; 1: binaries were there and the time was up, x is the best found;
 * -EINVAL: bad numbers or overflow; -EDOM: infeasible or unbounded; -ETIME: nothing found in time;
 * -ENOTRECOVERABLE: GLPK gave up (its environment has been torn down, the next call starts afresh);
 * -EPROTO: the answer is no finite number. */
int lp_solve(struct lp *lp, double time_limit_s);

#endif
