/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the statements and the expressions of a MATPOWER case share. */
#ifndef LECD_GRID_MATPOWER_PRIVATE_H
#define LECD_GRID_MATPOWER_PRIVATE_H

#include <stdbool.h>

#include "daemon/grid/matpower.h"

enum { WORD_SIZE = 64, VARIABLES_MAX = 128 };

struct variable {
	char name[WORD_SIZE];
	double value;
};

/* Where in the file we are, and what is known so far. */
struct script {
	const char *at; /* the text ends in NUL */
	int line;
	const char *path;
	struct diag *d;
	bool failed;          /* in this statement; said */
	bool broken;          /* in one: what builds on others is not looked at any more */
	char name[WORD_SIZE]; /* of the case's struct */
	int variables;
	struct variable variable[VARIABLES_MAX];
	struct matpower *m;
	/* Of the expression that is evaluated: */
	int row, position; /* of the element, from 0 */
	int depth;
	bool tight;  /* in a matrix: a blank ends the number */
	bool inside; /* the [ of a matrix */
};

/* A number, and whether it is one of a matrix. */
struct element {
	double value;
	bool array;
};

/* Columns or rows of a matrix: count 0 means all of them. */
struct range {
	int count;
	int index[MATPOWER_COLUMNS_MAX]; /* from 1 */
};

/* Report one error in this statement. */
__attribute__((format(printf, 2, 3))) void script_fail(struct script *s, const char *format, ...);

/* Go over blanks, comments and joined lines, not over the end of the line. */
void script_blanks(struct script *s);
/* Take this character, after blanks, if it is there. */
bool script_take(struct script *s, char c);
/* Take a name of letters, digits and _; false where there is none. */
bool script_word(struct script *s, char word[WORD_SIZE]);

/* After an error: on to the end of the statement, over what stands in brackets. */
void script_skip(struct script *s);

/* Give a variable a value. */
void script_set(struct script *s, const char *name, double value);
/* Behind the [ of "[names...] = idx_bus": take it. And all the names at once, as usual. */
void script_indices(struct script *s);
void script_constants(struct script *s);

/* The matrix of that field, -1 if it is none. */
int script_matrix(const char *field);
/* Take "(rows, columns)" behind a matrix's name. */
void script_part(struct script *s, const struct matpower_rows *m, struct range *rows,
		 struct range *columns);

/* Evaluate the expression that begins here, for the element s->row, s->position. */
struct element script_expression(struct script *s);

#endif
