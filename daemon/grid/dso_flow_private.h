/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of lec-dso flow share. */
#ifndef LECD_GRID_DSO_FLOW_PRIVATE_H
#define LECD_GRID_DSO_FLOW_PRIVATE_H

#include "daemon/grid/dso_options.h"
#include "daemon/grid/summary.h"

#define DSO_TOLERANCE 1e-10 /* of the voltages, per unit */

struct dso_flow {
	const char *out, *plot, *series, *sensitivity; /* NULL: not asked for */
	bool linear;
	double scale;
	double voltage; /* 0: the feeder's */
	int injections;
	const char *inject[DSO_REPEATED_MAX]; /* as given */
	int taps;
	const char *tap[DSO_REPEATED_MAX];
	char path[512];
	struct feeder f;
	struct network k;
	struct flow s;
	double *p, *q;           /* loads by node, per unit, scaled and with what is fed in */
	double *base_p, *base_q; /* scaled alone */
	double *v_before; /* voltages by node of the feeder as it is in its file; 0: no flow */
};

/* A power of the feeder's per unit in kW. */
double dso_kilo(const struct dso_flow *c, double part);
const char *dso_bus(const struct dso_flow *c, int node);
double dso_source_v(const struct dso_flow *c);

/* The part of the loads p and q that the feeder can just carry, and the node whose voltage has
 * given way most there. */
int dso_collapse(struct dso_flow *c, double *part);

/* The solved flow on standard output, and into c->out: dso_flow_show.c. Returns the exit code. */
void dso_flow_print(const struct dso_flow *c);
int dso_flow_write(const struct dso_flow *c);

/* lec-dso flow --series: dso_series.c. Returns the exit code. */
int dso_series(struct dso_flow *c);

/* Voltages along the feeder, before and after: dso_profile.c. Returns the exit code. */
int dso_profile(const struct dso_flow *c);

#endif
