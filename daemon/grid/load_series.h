/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The course of a feeder's loads, from a series: a column `scale` for all of them, BUS and BUS.kvar
 * for more of one, in kW and kvar. */
#ifndef LECD_GRID_LOAD_SERIES_H
#define LECD_GRID_LOAD_SERIES_H

#include "daemon/base/series.h"
#include "daemon/grid/network.h"

struct load_mover {
	int node; /* -1: every load of the feeder */
	bool reactive;
	const double *value; /* of each row */
};

struct load_series {
	struct series series;
	int movers;
	struct load_mover mover[SERIES_COLUMNS_MAX];
};

/* Read path. What is wrong goes to d; to be freed in any case. Returns 0 or -errno. */
int load_series_open(struct load_series *l, const char *path, const struct feeder *f,
		     const struct network *k, struct diag *d);
void load_series_free(struct load_series *l);

/* The loads of a row into p and q, from base_p and base_q; by node, per unit. */
void load_series_set(const struct load_series *l, const struct network *k, int row,
		     const double *base_p, const double *base_q, double *p, double *q);

#endif
