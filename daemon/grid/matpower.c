/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements of a MATPOWER case. */
#include "daemon/grid/matpower.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/text.h"
#include "daemon/grid/matpower_private.h"

enum { FILE_SIZE_MAX = 64 << 20, ROWS_MAX = 200000, STATEMENT_MAX = 4096 };

static const struct {
	const char *name;
	int columns; /* at least */
} matrices[MATPOWER_MATRICES] = {
	[MATPOWER_BUS] = { "bus", 13 },
	[MATPOWER_GEN] = { "gen", 10 },
	[MATPOWER_BRANCH] = { "branch", 11 },
	[MATPOWER_COST] = { "gencost", 5 },
};

int script_matrix(const char *field)
{
	for (int i = 0; i < MATPOWER_MATRICES; i++) {
		if (strcmp(matrices[i].name, field) == 0) {
			return i;
		}
	}
	return -1;
}

double matpower_at(const struct matpower_rows *m, int row, int column)
{
	return m->x[row * m->columns + column - 1];
}

/* --- matrices -----------------------------------------------------------------------------------
 */

static bool grow(struct script *s, struct matpower_rows *m)
{
	int room = m->room ? 2 * m->room : 64;
	if (m->rows < m->room) {
		return true;
	}
	if (m->rows >= ROWS_MAX) {
		script_fail(s, "too many rows, expected at most %d", ROWS_MAX);
		return false;
	}
	double *x = realloc(m->x, (size_t)room * MATPOWER_COLUMNS_MAX * sizeof(*x));
	if (!x) {
		script_fail(s, "out of memory");
		return false;
	}
	m->x = x;
	int *line = realloc(m->line, (size_t)room * sizeof(*line));
	if (!line) {
		script_fail(s, "out of memory");
		return false;
	}
	m->line = line;
	m->room = room;
	return true;
}

static void add_row(struct script *s, struct matpower_rows *m, const double *cell, int cells)
{
	if (cells == 0 || !grow(s, m)) {
		return;
	}
	m->columns = m->rows ? m->columns : cells;
	if (cells != m->columns) {
		script_fail(s, "a row of %d numbers, expected %d as above", cells, m->columns);
		return;
	}
	memcpy(m->x + (size_t)m->rows * (size_t)m->columns, cell, (size_t)cells * sizeof(*cell));
	m->line[m->rows++] = s->line;
}

/* "[ rows ]": a row ends with ; or its line. */
static void take_matrix(struct script *s, struct matpower_rows *m)
{
	double cell[MATPOWER_COLUMNS_MAX];
	int cells = 0;
	m->rows = 0;
	m->first = s->line;
	if (!script_take(s, '[')) {
		script_fail(s, "expected a matrix in [ ]");
	}
	s->inside = !s->failed;
	while (!s->failed) {
		script_blanks(s);
		char c = *s->at;
		if (c == ']' || c == ';' || c == '\n') {
			add_row(s, m, cell, cells);
			cells = 0;
			s->line += c == '\n';
			s->at++;
			if (c == ']') {
				s->inside = false;
				return;
			}
		} else if (c == ',') {
			s->at++;
		} else if (c == '\0') {
			script_fail(s, "the file ends in a matrix, expected ]");
		} else if (cells == MATPOWER_COLUMNS_MAX) {
			script_fail(s, "expected at most %d numbers in a row",
				    MATPOWER_COLUMNS_MAX);
		} else {
			s->row = s->position = 0;
			s->tight = true;
			struct element e = script_expression(s);
			s->tight = false;
			if (!s->failed && e.array) {
				script_fail(s, "a part of a matrix in a matrix, expected numbers");
			}
			cell[cells++] = e.value;
		}
	}
}

/* --- statements ---------------------------------------------------------------------------------
 */

/* NAME.matrix(rows, columns) = expression: the right side is taken whole before the left changes.
 */
static void assign_part(struct script *s, struct matpower_rows *m)
{
	struct range rows, columns;
	script_part(s, m, &rows, &columns);
	if (!s->failed && !script_take(s, '=')) {
		script_fail(s, "expected = and an expression");
	}
	if (s->failed) {
		return;
	}
	int count = rows.count ? 1 : m->rows, first = rows.count ? rows.index[0] - 1 : 0;
	double *value = calloc((size_t)count * (size_t)columns.count, sizeof(*value));
	const char *begin = s->at;
	int line = s->line;
	for (int i = 0; value && !s->failed && i < count * columns.count; i++) {
		s->at = begin;
		s->line = line;
		s->row = first + i / columns.count;
		s->position = i % columns.count;
		value[i] = script_expression(s).value;
		if (s->at - begin > STATEMENT_MAX) {
			script_fail(s, "too long, expected at most %d letters", STATEMENT_MAX);
		}
	}
	for (int i = 0; value && !s->failed && i < count * columns.count; i++) {
		int at = (first + i / columns.count) * m->columns;
		m->x[at + columns.index[i % columns.count] - 1] = value[i];
	}
	if (!value) {
		script_fail(s, "out of memory");
	}
	free(value);
}

static double scalar(struct script *s)
{
	s->row = s->position = 0;
	struct element e = script_expression(s);
	if (!s->failed && e.array) {
		script_fail(s, "a part of a matrix, expected one number");
	}
	return e.value;
}

static void take_version(struct script *s)
{
	script_blanks(s);
	if (strncmp(s->at, "'2'", 3) != 0 && strncmp(s->at, "\"2\"", 3) != 0) {
		script_fail(s, "another version of the format, expected '2'");
		return;
	}
	s->at += 3;
}

static void take_field(struct script *s)
{
	char field[WORD_SIZE];
	if (!script_take(s, '.') || !script_word(s, field)) {
		script_fail(s, "expected a field of the case, like %s.bus", s->name);
		return;
	}
	int which = script_matrix(field);
	script_blanks(s);
	if (which >= 0 && *s->at == '(') {
		if (s->broken) {
			script_skip(s);
		} else {
			assign_part(s, &s->m->matrix[which]);
		}
		return;
	}
	bool base = strcmp(field, "baseMVA") == 0;
	if (which < 0 && !base && strcmp(field, "version") != 0) {
		script_fail(s,
			    "%s.%s is not understood, expected version, baseMVA, bus, gen, branch "
			    "or gencost",
			    s->name, field);
	} else if (!script_take(s, '=')) {
		script_fail(s, "expected = behind %s.%s", s->name, field);
	} else if (which >= 0) {
		take_matrix(s, &s->m->matrix[which]);
	} else if (base) {
		double mva = scalar(s);
		if (!s->failed && !(mva > 1e-6 && mva < 1e6)) {
			script_fail(s, "baseMVA is %g, expected a number from 1e-6 to 1e6", mva);
		}
		s->m->base_mva = s->failed ? 1 : mva; /* told, if badly */
	} else {
		take_version(s);
	}
}

static void take_function(struct script *s)
{
	char word[WORD_SIZE];
	if (!script_word(s, word) || !script_take(s, '=')) {
		script_fail(s, "expected function NAME = CASE, with one result (version 2)");
		return;
	}
	snprintf(s->name, sizeof(s->name), "%s", word);
	(void)script_word(s, word);
}

static void take_statement(struct script *s)
{
	char word[WORD_SIZE];
	if (script_take(s, '[')) {
		script_indices(s);
	} else if (!script_word(s, word)) {
		script_fail(s, "\"%.*s\" is not understood", (int)strcspn(s->at, "\r\n"), s->at);
	} else if (strcmp(word, "function") == 0) {
		take_function(s);
	} else if (strcmp(word, s->name) == 0) {
		take_field(s);
	} else if (s->broken) { /* it may fail only for what failed above */
		script_skip(s);
	} else if (strcmp(word, "define_constants") == 0) {
		script_constants(s);
	} else if (strcmp(word, "end") != 0 && strcmp(word, "return") != 0) {
		if (!script_take(s, '=')) {
			script_fail(s, "\"%s\" is not understood, expected an assignment", word);
		} else {
			double value = scalar(s);
			script_set(s, word, value);
		}
	}
	script_blanks(s);
	if (!s->failed && !strchr(";,\n", *s->at)) {
		script_fail(s, "\"%.*s\" is not understood behind the statement",
			    (int)strcspn(s->at, "\r\n"), s->at);
	}
}

static void run(struct script *s)
{
	for (;;) {
		script_blanks(s);
		if (*s->at == '\0') {
			return;
		}
		if (*s->at == '\n' || *s->at == ';' || *s->at == ',') {
			s->line += *s->at == '\n';
			s->at++;
			continue;
		}
		s->failed = s->tight = s->inside = false;
		s->depth = 0;
		take_statement(s);
		if (s->failed) {
			s->broken = true;
			script_skip(s);
		}
	}
}

static void check(const struct script *s)
{
	const struct matpower *m = s->m;
	if (m->base_mva == 0) {
		(void)diag_error(s->d, s->path, 0, "has no baseMVA, expected one number");
	}
	for (int i = 0; i < MATPOWER_COST; i++) {
		const struct matpower_rows *a = &m->matrix[i];
		if (a->rows == 0) {
			(void)diag_error(s->d, s->path, a->first, "has no %s, expected a matrix",
					 matrices[i].name);
		} else if (a->columns < matrices[i].columns) {
			(void)diag_error(s->d, s->path, a->line[0],
					 "%s has %d columns, expected %d or more", matrices[i].name,
					 a->columns, matrices[i].columns);
		}
	}
}

int matpower_read(const char *path, struct matpower *out, struct diag *d)
{
	char *text;
	int errors = d->errors;
	*out = (struct matpower){ 0 };
	int r = text_read(path, FILE_SIZE_MAX, &text);
	if (r < 0) {
		(void)diag_error(d, path, 0, "cannot be read: %s", text_error(r));
		return r;
	}
	struct script *s = calloc(1, sizeof(*s));
	if (s) {
		*s = (struct script){
			.at = text, .line = 1, .path = path, .d = d, .name = "mpc", .m = out
		};
		run(s);
		if (!s->broken) {
			check(s);
		}
	}
	free(text);
	free(s);
	return !s ? -ENOMEM : d->errors > errors ? -EINVAL : 0;
}

void matpower_free(struct matpower *m)
{
	for (int i = 0; i < MATPOWER_MATRICES; i++) {
		free(m->matrix[i].x);
		free(m->matrix[i].line);
	}
	*m = (struct matpower){ 0 };
}
