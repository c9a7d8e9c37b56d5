/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lec-dso check and its picture share. */
#ifndef LECD_GRID_DSO_CHECK_PRIVATE_H
#define LECD_GRID_DSO_CHECK_PRIVATE_H

#include "daemon/grid/dso.h"

/* Prices over bus and interval. */
struct price_map {
	const struct feeder *f;
	const char *currency;
	int intervals;
	double *edge_s;             /* intervals + 1 */
	struct permit_price *price; /* of each bus of the feeder, interval after interval */
};

/* Draw it. Returns the exit code. */
int dso_check_plot(const struct price_map *m, const char *path);

#endif
