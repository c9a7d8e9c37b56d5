/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/training_log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"

static int take_header(struct training_log *t, const struct csv *f)
{
	if (f->fields > TRAINING_COLUMNS_MAX) {
		return -EBADMSG;
	}
	for (int i = 0; i < f->fields; i++) {
		if (strlen(f->field[i]) >= sizeof(t->name[0])) {
			return -EBADMSG;
		}
		strcpy(t->name[i], f->field[i]);
	}
	t->columns = f->fields;
	return 0;
}

static int take_row(struct training_log *t, const struct csv *f)
{
	if (f->fields != t->columns) {
		return -EBADMSG;
	}
	for (int i = 0; i < t->columns; i++) {
		double *at = &t->value[i][t->rows];
		if (csv_number(f->field[i], at) < 0) {
			*at = NAN;
		}
	}
	t->rows++;
	t->edge[t->rows] = t->rows;
	return 0;
}

static int count_rows(struct csv *f)
{
	int rows = 0;
	while (csv_next(f) > 0) {
		rows++;
	}
	return rows;
}

static int make_room(struct training_log *t, int rows)
{
	t->edge = calloc((size_t)rows + 1, sizeof(double));
	bool all = t->edge != NULL;
	for (int i = 0; i < t->columns; i++) {
		t->value[i] = calloc((size_t)rows, sizeof(double));
		all = all && t->value[i];
	}
	return all ? 0 : -ENOMEM;
}

static int read_all(struct training_log *t, struct csv *f)
{
	int r = csv_next(f);
	if (r <= 0) {
		return r < 0 ? -EBADMSG : -ENODATA;
	}
	r = take_header(t, f);
	int rows = r < 0 ? r : count_rows(f);
	if (rows <= 0) {
		return r < 0 ? r : -ENODATA;
	}
	r = make_room(t, rows);
	csv_rewind(f);
	r = r < 0 ? r : csv_next(f);
	while (r >= 0 && t->rows < rows && (r = csv_next(f)) > 0) {
		r = take_row(t, f);
	}
	return r < 0 ? r : 0;
}

int training_log_read(struct training_log *t, const char *path)
{
	struct csv f;
	*t = (struct training_log){ .rows = 0 };
	int r = csv_open(&f, path);
	if (r == 0) {
		r = read_all(t, &f);
		csv_close(&f);
	}
	return r;
}

void training_log_free(struct training_log *t)
{
	free(t->edge);
	for (int i = 0; i < t->columns; i++) {
		free(t->value[i]);
	}
	*t = (struct training_log){ .rows = 0 };
}

int training_log_column(const struct training_log *t, const char *name)
{
	for (int i = 0; i < t->columns; i++) {
		if (strcmp(t->name[i], name) == 0) {
			return i;
		}
	}
	return -1;
}

void training_log_smooth(const struct training_log *t, int column, int window, double *out)
{
	const double *value = t->value[column];
	for (int i = 0; i < t->rows; i++) {
		double sum = 0;
		int count = 0;
		for (int k = i; k >= 0 && k > i - window; k--) {
			if (isfinite(value[k])) {
				sum += value[k];
				count++;
			}
		}
		out[i] = count > 0 ? sum / count : NAN;
	}
}
