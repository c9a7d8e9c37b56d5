/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The linear program of a house: which columns and rows a problem becomes. Powers in kW, energies
 * in kWh, so that the solver's numbers stay near one. Built anew for each solve; what is split
 * stays. */
#ifndef LECD_POLICY_MODEL_H
#define LECD_POLICY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/lp.h"
#include "policy/problem.h"

enum { NO_COLUMN = -1, PEAK_ROWS = 3 };

/* What the linear program may not do in one step although it would like to. */
struct split {
	bool battery[BATTERIES_MAX]; /* charge and discharge */
	bool grid;                   /* buy and sell */
	bool surplus;                /* curtail PV and charge from the grid what may not */
};

/* The columns and rows of one step; powers in kW, energies in kWh. */
struct step_columns {
	int bought, sold; /* beyond what was traded */
	int import;       /* NO_COLUMN where nothing depends on it */
	int curtailed;    /* NO_COLUMN where PV is not curtailable */
	int charge[BATTERIES_MAX], discharge[BATTERIES_MAX], stored[BATTERIES_MAX];
	int storage_row[BATTERIES_MAX];
	int peak_row[PEAK_ROWS], peak_rows;
	double bought_max, sold_max;
	double charge_max[BATTERIES_MAX], discharge_max[BATTERIES_MAX];
};

/* The objective's weights: of money, of an imported kWh, of the soft prices, between equals. */
struct weights {
	struct soft_prices soft;
	double money, imported, dear, tie;
};
struct weights model_weights(const struct problem *p);

struct model {
	const struct problem *p;
	struct lp lp;
	struct weights weight;
	int peak, worst_import, worst_export;
	int64_t period; /* the last demand period that has a row */
	int period_row;
	struct step_columns at[STEPS_MAX];
	struct split split[STEPS_MAX];
};

/* Make room for the program of p, which passed problem_check. Return 0 or -ENOMEM; model_free is
 * due in any case. p stays in use. */
int model_init(struct model *m, const struct problem *p);
void model_free(struct model *m);

/* Write the program into m->lp, with binaries on the steps that are split. */
void model_build(struct model *m);

/* The prices of a step as they weigh now: what is near is surer than what is far. Buying gets a
 * little cheaper with time and selling a little better, never better than buying. */
void model_prices(const struct problem *p, int t, double *buy, double *sell);

#endif
