/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the steps of lec-dso flow --series and their picture share. */
#ifndef LECD_GRID_DSO_SERIES_PRIVATE_H
#define LECD_GRID_DSO_SERIES_PRIVATE_H

#include "daemon/grid/dso_flow_private.h"
#include "daemon/grid/load_series.h"

struct dso_step {
	bool solved;
	struct summary sum;
	int sweeps;
};

struct dso_run {
	struct dso_flow *c;
	struct load_series loads;
	double *extra_p; /* what is fed in at the command line, as a load; and q behind it */
	struct dso_step *step;
	int unsolved;
};

/* Write the picture to c->plot. Returns the exit code. */
int dso_series_plot(const struct dso_run *r);

#endif
