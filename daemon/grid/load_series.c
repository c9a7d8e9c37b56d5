/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/load_series.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int take_column(struct load_series *l, int column, const char *path, const struct feeder *f,
		       const struct network *k, struct diag *d)
{
	char bus[FEEDER_NAME_SIZE];
	const char *name = l->series.name[column];
	struct load_mover m = { .node = -1, .value = l->series.value[column] };
	if (!m.value) {
		return 0;
	}
	if (strcmp(name, "scale") != 0) {
		const char *dot = strrchr(name, '.');
		m.reactive = dot && strcmp(dot, ".kvar") == 0;
		snprintf(bus, sizeof(bus), "%.*s",
			 m.reactive ? (int)(dot - name) : FEEDER_NAME_SIZE - 1, name);
		int found = feeder_find(f, bus);
		if (found < 0) {
			return diag_error(d, path, 1,
					  "column %s is no bus of %s, expected time, scale, BUS or "
					  "BUS.kvar",
					  name, f->file);
		}
		m.node = k->node[found];
	}
	l->mover[l->movers++] = m;
	return 0;
}

int load_series_open(struct load_series *l, const char *path, const struct feeder *f,
		     const struct network *k, struct diag *d)
{
	l->movers = 0;
	int errors = d->errors;
	int r = series_read(&l->series, path, d);
	for (int i = 0; r == 0 && i < l->series.columns; i++) {
		(void)take_column(l, i, path, f, k, d);
	}
	return r < 0 ? r : d->errors > errors ? -EINVAL : 0;
}

void load_series_free(struct load_series *l)
{
	series_free(&l->series);
	l->movers = 0;
}

void load_series_set(const struct load_series *l, const struct network *k, int row,
		     const double *base_p, const double *base_q, double *p, double *q)
{
	double factor = 1;
	for (int i = 0; i < l->movers; i++) {
		factor *= l->mover[i].node < 0 ? l->mover[i].value[row] : 1;
	}
	for (int n = 0; n < k->nodes; n++) {
		p[n] = factor * base_p[n];
		q[n] = factor * base_q[n];
	}
	for (int i = 0; i < l->movers; i++) {
		const struct load_mover *m = &l->mover[i];
		if (m->node >= 0) {
			(m->reactive ? q : p)[m->node] += m->value[row] * 1e3 / k->base_va;
		}
	}
}
