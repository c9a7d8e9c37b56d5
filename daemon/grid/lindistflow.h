/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LinDistFlow: the flow of a tree with what is lost on the way left out, so that squares of
 * voltages are linear in the loads: one pass up, one down. Good for voltages (0.004 of nominal on
 * the 69-bus feeder), poor for losses (15 % too low there). Baran & Wu 1989, 10.1109/61.19265. */
#ifndef LECD_GRID_LINDISTFLOW_H
#define LECD_GRID_LINDISTFLOW_H

#include "daemon/grid/network.h"

/* With loads p and q by node, per unit: the true voltages into v (0 where a square came out below
 * 0), what flows into each node's branch at its end into through_p and through_q (nodes numbers
 * each). */
void lindistflow(const struct network *k, double source_v, const double *p, const double *q,
		 double *v, double *through_p, double *through_q);

/* The losses that such flows would have at nominal voltage, in branches and shunts. */
double lindistflow_loss(const struct network *k, const double *through_p, const double *through_q);

#endif
