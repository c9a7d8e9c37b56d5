/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Properties set from their text, as the tables of the classes say. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/grid/opendss_objects.h"

/* A property being set, for the words about what is wrong with it. */
struct setting {
	enum dss_class_id class;
	struct dss_object *o;
	const struct dss_property *p;
	const char *file;
	int line;
	struct diag *d;
};

static int expected(const struct setting *s, const char *value, const char *what)
{
	return diag_error(s->d, s->file, s->line, "%s.%s: %s is \"%.40s\", expected %s",
			  dss_classes[s->class].name, s->o->name, s->p->name, value, what);
}

int dss_numbers(const char *text, double *out, int most)
{
	int n = 0;
	for (;; n++) {
		char word[40];
		text += strspn(text, " \t\r\n,");
		size_t length = strcspn(text, " \t\r\n,");
		if (length == 0) {
			return n;
		}
		if (n == most) {
			return -E2BIG;
		}
		if (length >= sizeof(word)) {
			return -EINVAL;
		}
		memcpy(word, text, length);
		word[length] = '\0';
		if (csv_number(word, &out[n]) < 0) {
			return -EINVAL;
		}
		text += length;
	}
}

static int set_number(const struct setting *s, void *at, const char *value)
{
	char range[64];
	double number;
	const char *kind = s->p->kind == DSS_INTEGER ? "a whole number" : "a number";
	snprintf(range, sizeof(range), "%s from %g to %g", kind, s->p->least, s->p->most);
	if (csv_number(value, &number) < 0 || number < s->p->least || number > s->p->most) {
		return expected(s, value, range);
	}
	if (s->p->kind == DSS_NUMBER) {
		*(double *)at = number;
	} else if (number != (double)(int)number) {
		return expected(s, value, range);
	} else {
		*(int *)at = (int)number;
	}
	return 0;
}

static int set_text(const struct setting *s, char *at, const char *value)
{
	char what[64];
	size_t length = strlen(value);
	if (length == 0 || length >= s->p->size || strpbrk(value, " \t,")) {
		snprintf(what, sizeof(what), "a name of 1 to %d letters", (int)s->p->size - 1);
		return expected(s, value, what);
	}
	memcpy(at, value, length + 1);
	opendss_lower(at);
	return 0;
}

static int set_choice(const struct setting *s, int *at, const char *value)
{
	char what[120] = "one of";
	for (int i = 0; s->p->words[i]; i++) {
		if (strcasecmp(value, s->p->words[i]) == 0) {
			*at = s->p->kind == DSS_EITHER ? i % 2 : i;
			return 0;
		}
		size_t length = strlen(what);
		snprintf(what + length, sizeof(what) - length, " %s", s->p->words[i]);
	}
	return expected(s, value, what);
}

/* Rows apart by |: the lower half with its diagonal, or whole and symmetric. */
static bool parse_matrix(char *text, double (*m)[DSS_WIRES_MAX], int order)
{
	bool lower = true, whole = true;
	int rows = 0;
	for (const char *row; (row = strsep(&text, "|")); rows++) {
		int width = rows < order ? dss_numbers(row, m[rows], DSS_WIRES_MAX) : -E2BIG;
		lower = lower && width == rows + 1;
		whole = whole && width == order;
	}
	for (int i = 0; i < order; i++) {
		for (int j = 0; j < i; j++) {
			m[j][i] = lower ? m[i][j] : m[j][i];
			whole = whole && m[i][j] == m[j][i];
		}
	}
	return rows == order && (lower || whole);
}

static int set_matrix(const struct setting *s, double (*at)[DSS_WIRES_MAX], const char *value)
{
	double m[DSS_WIRES_MAX][DSS_WIRES_MAX] = { 0 };
	char what[100], *copy = strdup(value);
	int order = ((struct dss_code *)s->o)->phases;
	if (!copy) {
		return -ENOMEM;
	}
	bool sound = parse_matrix(copy, m, order);
	free(copy);
	if (!sound) {
		snprintf(what, sizeof(what),
			 "%d rows apart by |, as nphases says, symmetric or the lower half", order);
		return expected(s, value, what);
	}
	memcpy(at, m, sizeof(m));
	return 0;
}

/* One value of a column of a file in each row. */
static int read_column(const struct setting *s, struct csv *c, const char *path, int column,
		       bool header, double *out, int most)
{
	int got, n = 0;
	while ((got = csv_next(c)) > 0) {
		if (header) {
			header = false;
			continue;
		}
		if (n == most) {
			return diag_error(
				s->d, path, c->line,
				"more than npts=%d rows, expected by loadshape.%s in %s:%d", most,
				s->o->name, s->file, s->line);
		}
		if (c->fields < column || csv_number(c->field[column - 1], &out[n]) < 0) {
			return diag_error(
				s->d, path, c->line,
				"no number in column %d, expected by loadshape.%s in %s:%d", column,
				s->o->name, s->file, s->line);
		}
		n++;
	}
	return got < 0 ? diag_error(s->d, path, c->line, "%s", csv_wrong(got)) : n;
}

/* "file=NAME column=2 header=yes" */
static int read_values(const struct setting *s, const char *value, double *out, int most)
{
	static const char what[] = "(file=NAME [column=N] [header=yes|no]) or numbers";
	struct opendss_words w;
	char path[4096] = "";
	double column = 1;
	bool header = false;
	int got;
	char *word = malloc(OPENDSS_LINE_SIZE);
	struct csv *c = malloc(sizeof(*c));
	if (!word || !c) {
		free(word);
		free(c);
		return -ENOMEM;
	}
	opendss_words_begin(&w, value, word);
	while ((got = opendss_words_next(&w)) > 0) {
		if (strcmp(w.name, "file") == 0) {
			dss_path(s->file, word, path, sizeof(path));
		} else if (strcmp(w.name, "column") == 0 && csv_number(word, &column) == 0 &&
			   column >= 1 && column <= CSV_FIELDS_MAX) {
			column = (double)(int)column;
		} else if (strcmp(w.name, "header") == 0 && strpbrk(word, "yYnN") == word) {
			header = *word == 'y' || *word == 'Y';
		} else {
			got = -EINVAL;
			break;
		}
	}
	if (got < 0 || *path == '\0') {
		got = expected(s, value, what);
	} else if ((got = csv_open(c, path)) < 0) {
		got = diag_error(s->d, s->file, s->line, "loadshape.%s: %s cannot be read: %s",
				 s->o->name, path, strerror(-got));
	} else {
		got = read_column(s, c, path, (int)column, header, out, most);
		csv_close(c);
	}
	free(word);
	free(c);
	return got;
}

static int set_values(const struct setting *s, struct dss_shape *shape, const char *value)
{
	if (shape->points < 1) {
		return expected(s, value, "npts before it");
	}
	double *values = calloc((size_t)shape->points, sizeof(*values));
	if (!values) {
		return -ENOMEM;
	}
	int n = strchr(value, '=') ? read_values(s, value, values, shape->points)
				   : dss_numbers(value, values, shape->points);
	if (n != shape->points) {
		free(values);
		if (n < 0 && strchr(value, '=')) {
			return n;
		}
		return diag_error(s->d, s->file, s->line,
				  "loadshape.%s: mult has %s, expected npts=%d numbers", s->o->name,
				  n >= 0        ? "fewer"
				  : n == -E2BIG ? "more"
						: "something else",
				  shape->points);
	}
	free(shape->value);
	shape->value = values;
	shape->values = n;
	return 0;
}

static int set_one(const struct setting *s, void *at, const char *value)
{
	switch (s->p->kind) {
	case DSS_NUMBER:
	case DSS_INTEGER:
		return set_number(s, at, value);
	case DSS_TEXT:
		return set_text(s, at, value);
	case DSS_CHOICE:
	case DSS_EITHER:
		return set_choice(s, at, value);
	case DSS_MATRIX:
		return set_matrix(s, at, value);
	case DSS_VALUES:
		return set_values(s, (struct dss_shape *)s->o, value);
	case DSS_UNUSED:
		break;
	}
	return 0;
}

/* An array with a value for each winding. */
static int set_each(const struct setting *s, char *at, const char *value)
{
	char *copy = strdup(value), *rest = copy;
	int n = 0, result = 0;
	if (!copy) {
		return -ENOMEM;
	}
	for (const char *word; result == 0 && (word = strsep(&rest, " \t,"));) {
		if (*word == '\0') {
			continue;
		}
		if (n < DSS_WINDINGS) {
			result = set_one(s, at + (size_t)n * s->p->stride, word);
		}
		n++;
	}
	free(copy);
	return result == 0 && n != DSS_WINDINGS ? expected(s, value, "one for each of 2 windings")
						: result;
}

int dss_set(enum dss_class_id class, void *object, const char *property, const char *value,
	    const char *file, int line, struct diag *d)
{
	const struct dss_class *c = &dss_classes[class];
	struct setting s = { .class = class, .o = object, .file = file, .line = line, .d = d };
	int i = 0;
	while (i < c->properties && strcmp(c->property[i].name, property) != 0) {
		i++;
	}
	if (i == c->properties) {
		return diag_error(d, file, line,
				  "%s.%s: \"%.40s\" is no property that is "
				  "understood, expected one of lec-dso(1)",
				  c->name, s.o->name, property);
	}
	s.p = &c->property[i];
	s.o->given |= UINT64_C(1) << i;
	char *at = (char *)object + s.p->offset;
	if (s.p->each) {
		return set_each(&s, at, value);
	}
	if (s.p->stride > 0) {
		at += (size_t)(((struct dss_transformer *)object)->active - 1) * s.p->stride;
	}
	return set_one(&s, at, value);
}

void dss_path(const char *file, const char *name, char *out, size_t size)
{
	const char *slash = strrchr(file, '/');
	int folder = slash && *name != '/' ? (int)(slash + 1 - file) : 0;
	snprintf(out, size, "%.*s%s", folder, file, name);
	for (char *c = out + folder; *c && (size_t)(c - out) < size; c++) {
		if (*c == '\\') {
			*c = '/';
		}
	}
}
