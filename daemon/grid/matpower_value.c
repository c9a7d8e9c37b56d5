/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The expressions of a MATPOWER case, by recursive descent, one element of a matrix at a time. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/grid/matpower_private.h"

enum { DEPTH_MAX = 40 };

static const struct {
	const char *name;
	double (*of)(double);
} functions[] = {
	{ "sqrt", sqrt }, { "sin", sin },   { "cos", cos },   { "tan", tan },
	{ "asin", asin }, { "acos", acos }, { "atan", atan }, { "abs", fabs },
};
enum { FUNCTIONS = sizeof(functions) / sizeof(*functions) };

static struct element unary(struct script *s);

/* Blanks separate the numbers of a matrix, and nothing outside of one. */
static void gap(struct script *s)
{
	if (!s->tight) {
		script_blanks(s);
	}
}

static bool take_operator(struct script *s, const char *sign)
{
	gap(s);
	size_t length = strlen(sign);
	if (strncmp(s->at, sign, length) != 0) {
		return false;
	}
	s->at += length;
	return true;
}

static int range_at(struct script *s, int limit)
{
	struct element e = script_expression(s);
	if (!s->failed &&
	    (e.array || e.value != floor(e.value) || !(e.value >= 1) || e.value > limit)) {
		script_fail(s, "an index of %g, expected a whole number from 1 to %d", e.value,
			    limit);
	}
	return s->failed ? 1 : (int)e.value;
}

static void take_range(struct script *s, int limit, char end, struct range *out)
{
	out->count = 0;
	if (script_take(s, ':')) {
		return;
	}
	if (!script_take(s, '[')) {
		out->index[out->count++] = range_at(s, limit);
		return;
	}
	while (!s->failed && !script_take(s, ']')) {
		if (out->count == MATPOWER_COLUMNS_MAX || *s->at == '\0' || *s->at == '\n') {
			script_fail(s, "expected at most %d columns and a ] before the %c",
				    MATPOWER_COLUMNS_MAX, end);
			return;
		}
		bool tight = s->tight;
		s->tight = true;
		out->index[out->count++] = range_at(s, limit);
		s->tight = tight;
		(void)script_take(s, ',');
	}
	if (out->count == 0) {
		script_fail(s, "no columns, expected one or more");
	}
}

void script_part(struct script *s, const struct matpower_rows *m, struct range *rows,
		 struct range *columns)
{
	bool tight = s->tight;
	s->tight = false;
	if (!script_take(s, '(')) {
		script_fail(s, "expected (rows, columns) behind the matrix");
	} else if (m->rows == 0) {
		script_fail(s, "the matrix has no rows yet, expected them above");
	} else {
		take_range(s, m->rows, ',', rows);
		if (!s->failed && rows->count > 1) {
			script_fail(s, "several rows, expected : for all of them, or one");
		}
		if (!s->failed && !script_take(s, ',')) {
			script_fail(s, "expected a comma and the columns");
		}
		if (!s->failed) {
			take_range(s, m->columns, ')', columns);
		}
		if (!s->failed && columns->count == 0) {
			script_fail(s, "all columns, expected their names");
		}
		if (!s->failed && !script_take(s, ')')) {
			script_fail(s, "expected a ) behind the columns");
		}
	}
	s->tight = tight;
}

/* NAME.field, or NAME.matrix(rows, columns) at the element that is wanted. */
static struct element field(struct script *s)
{
	char name[WORD_SIZE];
	struct range rows = { 0 }, columns = { 0 };
	if (!script_take(s, '.') || !script_word(s, name)) {
		script_fail(s, "expected a field of the case, like %s.bus", s->name);
		return (struct element){ 0 };
	}
	if (strcmp(name, "baseMVA") == 0) {
		return (struct element){ s->m->base_mva, false };
	}
	int which = script_matrix(name);
	if (which < 0) {
		script_fail(s, "\"%s\" is no field that is understood", name);
		return (struct element){ 0 };
	}
	const struct matpower_rows *m = &s->m->matrix[which];
	int row = s->row, position = s->position; /* indices are expressions of their own */
	s->row = s->position = 0;
	script_part(s, m, &rows, &columns);
	s->row = row;
	s->position = position;
	bool wide = columns.count > 1;
	if (!s->failed &&
	    ((rows.count == 0 && row >= m->rows) || (wide && position >= columns.count))) {
		script_fail(s, "another number of rows or columns than what it is assigned to");
	}
	if (s->failed) {
		return (struct element){ 0 };
	}
	int r = rows.count ? rows.index[0] - 1 : row;
	int c = columns.index[wide ? position : 0];
	return (struct element){ matpower_at(m, r, c), rows.count == 0 || wide };
}

static struct element parenthesis(struct script *s)
{
	bool tight = s->tight;
	s->tight = false;
	struct element e = script_expression(s);
	if (!s->failed && !script_take(s, ')')) {
		script_fail(s, "expected a )");
	}
	s->tight = tight;
	return e;
}

static struct element named(struct script *s)
{
	char name[WORD_SIZE];
	(void)script_word(s, name);
	if (strcmp(name, s->name) == 0) {
		return field(s);
	}
	for (int i = 0; i < s->variables; i++) {
		if (strcmp(name, s->variable[i].name) == 0) {
			return (struct element){ s->variable[i].value, false };
		}
	}
	if (strcmp(name, "pi") == 0) {
		return (struct element){ M_PI, false };
	}
	if (strcmp(name, "Inf") == 0 || strcmp(name, "inf") == 0) {
		return (struct element){ INFINITY, false };
	}
	for (int i = 0; i < FUNCTIONS; i++) {
		if (strcmp(name, functions[i].name) == 0 && script_take(s, '(')) {
			struct element e = parenthesis(s);
			e.value = functions[i].of(e.value);
			return e;
		}
	}
	script_fail(s, "\"%s\" is not understood, expected a number or a variable from above",
		    name);
	return (struct element){ 0 };
}

static struct element primary(struct script *s)
{
	gap(s);
	if (*s->at == '(') {
		s->at++;
		return parenthesis(s);
	}
	if (isalpha((unsigned char)*s->at)) {
		return named(s);
	}
	char *end;
	const char *digits = s->at + (*s->at == '.');
	if (isdigit((unsigned char)*digits) && !(digits[0] == '0' && (digits[1] | 32) == 'x')) {
		double value = strtod(s->at, &end);
		s->at = end;
		return (struct element){ value, false };
	}
	script_fail(s, "\"%.*s\" is not understood, expected a number", (int)strcspn(s->at, "\r\n"),
		    s->at);
	return (struct element){ 0 };
}

static struct element power(struct script *s)
{
	struct element base = primary(s);
	while (!s->failed) {
		bool each = take_operator(s, ".^");
		if (!each && !take_operator(s, "^")) {
			break;
		}
		struct element exponent = unary(s);
		if (!each && (base.array || exponent.array)) {
			script_fail(s, "a power of a matrix, expected .^");
		}
		base.value = pow(base.value, exponent.value);
		base.array |= exponent.array;
	}
	return base;
}

static struct element unary(struct script *s)
{
	struct element e = { 0 };
	if (++s->depth > DEPTH_MAX) {
		script_fail(s, "too deep, expected at most %d parentheses and signs", DEPTH_MAX);
	} else if (take_operator(s, "-")) {
		e = unary(s);
		e.value = -e.value;
	} else if (take_operator(s, "+")) {
		e = unary(s);
	} else {
		e = power(s);
	}
	s->depth--;
	return e;
}

static struct element product(struct script *s)
{
	struct element left = unary(s);
	while (!s->failed) {
		bool each = take_operator(s, ".*");
		bool times = each || take_operator(s, "*");
		bool over_each = !times && take_operator(s, "./");
		bool over = !times && (over_each || take_operator(s, "/"));
		if (!times && !over) {
			break;
		}
		struct element right = unary(s);
		if (times && !each && left.array && right.array) {
			script_fail(s, "a product of matrices, expected .*");
		}
		if (over && !over_each && right.array) {
			script_fail(s, "a division by a matrix, expected ./");
		}
		left.value = times ? left.value * right.value : left.value / right.value;
		left.array |= right.array;
	}
	return left;
}

/* In a matrix "1 -2" are two numbers and "1-2" is one. */
struct element script_expression(struct script *s)
{
	struct element left = product(s);
	while (!s->failed) {
		bool plus = take_operator(s, "+");
		if (!plus && !take_operator(s, "-")) {
			break;
		}
		struct element right = product(s);
		left.value += plus ? right.value : -right.value;
		left.array |= right.array;
	}
	return left;
}
