/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear programs with a few binaries.
 *
 *   minimise sum(cost * x)  so that  row low <= sum(coefficient * x) <= row high,  low <= x <= high
 *
 * The program is held here in plain arrays; GLPK is known to lp_solve.c and lp_settle.c alone, and
 * what it holds may be lost at any time: its abort() on an internal error costs one solve. Bounds
 * may be infinite; a number that is not finite elsewhere, or NaN anywhere, never reaches GLPK: it
 * would silently accept it.
 */
#ifndef LECD_BASE_LP_H
#define LECD_BASE_LP_H

#include <stdbool.h>
#include <stdint.h>

/* Where a binary is in an answer that may be a good one; none told: anywhere. */
enum lp_guess { LP_ANYWHERE, LP_OFF, LP_ON };
enum { LP_GUESSES = 4 };

struct lp_column {
	double low, high, cost;
	int group; /* 0, or it is a binary (low 0, high 1) of this group: one of a group can
		      often stand in for another */
	unsigned char guess[LP_GUESSES]; /* enum lp_guess: answers that lp_settle tries first */
	bool pairs, rests_high;          /* where the first solve starts: see lp_pair */
	double x;                        /* out */
};

struct lp_row {
	double low, high;
	bool paired;
	double dual; /* out: change of the objective per unit of the bound, binaries held */
};

/* Zeroed before its first use. */
struct lp {
	int columns, rows, entries;
	int columns_max, rows_max, entries_max; /* room there is; it grows */
	struct lp_column *column;               /* owned */
	struct lp_row *row;                     /* owned */
	int *entry_row, *entry_column; /* owned; from 1, as GLPK counts: entry 0 is unused */
	double *entry;                 /* owned */
	bool starts;                   /* the first solve starts from pairs */
	bool lacking;                  /* there was no room for all of it: solving is refused */
	double objective;              /* out */
	double bound;                  /* out: proven, no answer has less */
	/* What GLPK has of it. */
	void *solver;
	uint64_t environment;
	int known_columns, known_rows;
};

/* Begin a new program in the room there is. */
void lp_clear(struct lp *lp);
/* Give the room back, and all that GLPK holds. */
void lp_free(struct lp *lp);
/* Let GLPK forget the program; the arrays stay. */
void lp_forget(struct lp *lp);

/* Add a column, a row, an entry. Return the index of what was added (0 where room is lacking). An
 * entry may stand once only. After a solve, rows and columns may be added and columns become
 * binary, but nothing else may change. */
int lp_column(struct lp *lp, double low, double high, double cost);
int lp_binary(struct lp *lp, int group); /* from 1 */
int lp_row(struct lp *lp, double low, double high);
void lp_entry(struct lp *lp, int row, int column, double coefficient);

/* Where the first lp_relax starts, near an answer that is known: each row that holds with equality
 * there is paired with a column that lies between its bounds, other columns rest at a bound: at the
 * low one but for those told. A row or column that is paired already stays as it is. It is a basis
 * of the simplex method, and only saves time: nothing depends on it being a good one. */
void lp_pair(struct lp *lp, int row, int column);
void lp_rest_high(struct lp *lp, int column);

/* Solve with the binaries anywhere from 0 to 1; after additions from where the last answer was.
 * deadline_us: by clock_real_us(). Return 0: proven optimal; -EINVAL: bad numbers; -ENOMEM; -EDOM:
 * infeasible or unbounded; -ETIME: nothing found in time; -ENOTRECOVERABLE: GLPK gave up; -EPROTO:
 * the answer is no finite number. Only 0 writes. */
int lp_relax(struct lp *lp, int64_t deadline_us);

/* Whether the last answer has its binaries at 0 and 1. */
bool lp_is_settled(const struct lp *lp);

/* After lp_relax: settle the binaries, until the answer is proven to be at most the share good_gap
 * above the best. Duals are those of the program that is left when they are held. Return 0: it is;
 * 1: the time was up, x is the best found; or as above. */
int lp_settle(struct lp *lp, int64_t deadline_us, double good_gap);

#endif
