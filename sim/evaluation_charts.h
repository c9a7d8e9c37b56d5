/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pictures of an evaluation's page, each a whole SVG. */
#ifndef LECD_SIM_EVALUATION_CHARTS_H
#define LECD_SIM_EVALUATION_CHARTS_H

#include "sim/evaluation.h"

/* What a group is drawn in. */
const char *evaluation_colour(int group);

/* What everyone costs, as bars. */
void evaluation_put_costs(FILE *f, const struct evaluation *v);
/* Prices and trade by hour of the day. */
void evaluation_put_day(FILE *f, const struct evaluation *v);
/* Who buys, sells and refrains, by class. */
void evaluation_put_shares(FILE *f, const struct evaluation *v);

/* How policies were learned, by the training.csv in their folders, with its heading; nothing where
 * there are none. Returns 0 or -ENOMEM. */
int evaluation_put_curves(FILE *f, const struct evaluation *v);

#endif
