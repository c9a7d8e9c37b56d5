/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A negotiation in one process: market (negotiate.h), homes (prosumer.h) and grid (nodal.h) put
 * together by function calls, and what comes of it on the AC equations. The parts know nothing of
 * each other: this is the one place that sees into all.
 *
 * Powers in kW, > 0 takes from the grid; by home and step, [home * steps + step]. */
#ifndef LECD_SIM_NEGOTIATION_H
#define LECD_SIM_NEGOTIATION_H

#include "daemon/base/series.h"
#include "daemon/base/window.h"
#include "daemon/grid/nodal.h"
#include "daemon/market/negotiate.h"
#include "policy/prosumer.h"
#include "sim/negotiation_conf.h"

struct negotiation_home {
	char name[32];
	int node, class;
	double peak_kw; /* of its load */
	double connection_kw;
	struct window plugged; /* a car */
	struct storage home;   /* its load, PV and store over the horizon */
	double stored_kwh;     /* at the end of the first step, as answered last */
	double wear;           /* money, as answered last */
};

struct negotiation {
	const struct negotiation_conf *conf;
	struct series series;
	int load, pv, wholesale; /* its columns */
	struct feeder f;
	struct network k;
	struct nodal grid;
	struct negotiate market;
	int homes, steps;
	double hours; /* of a step */
	int64_t start_s;
	struct negotiation_home *home;
	double *buy, *sell;              /* the tariff, by step */
	struct storage_plan *plan;       /* work */
	double *loss_kw, *price, *gives; /* messages of the grid */
};

/* What a day comes to, on the AC equations. */
struct negotiation_outcome {
	bool solved;      /* a flow was found in each step */
	double wholesale; /* what the market pays for all that the source gives, money */
	double wear;      /* what the homes wear off */
	double cost;      /* both: what the negotiation makes small */
	double loss_kwh, loss_cost;
	double peak_kw; /* of the source */
	double over_kw; /* by which that is beyond the source's limit; <= 0: within */
	double v_min, v_max;
	double excess; /* the worst over all buses, branches and steps, per unit; <= 0: within */
	struct limit worst;
	int worst_step;
	int broken; /* limits and steps */
};

/* Told after each round. */
struct negotiation_watch {
	void (*round)(void *context, const struct negotiation *w);
	void *context;
};

/* Make it of a file's words; what is wrong with series, feeder and buses goes to d. Returns 0 or
 * -errno; negotiation_free after it, always. Not to be moved. */
int negotiation_make(struct negotiation *w, const struct negotiation_conf *c, struct diag *d);
void negotiation_free(struct negotiation *w);

/* Go to the next interval: a step later, from what is stored then. Returns 0 or -EINVAL: the series
 * ends. */
int negotiation_move(struct negotiation *w, struct diag *d);

/* Negotiate, from nothing or from where the last ended; watch may be NULL. Returns 0: agreed; 1:
 * not within the rounds; -EDOM: a home's limits cannot be kept, or the grid's voltage collapses. */
int negotiation_run(struct negotiation *w, bool cold, const struct negotiation_watch *watch);

/* What all homes do alone: batteries at the tariff, cars as soon as they come. power[] by home and
 * step, *wear in money. Returns 0 or -EDOM. */
int negotiation_alone(struct negotiation *w, double *power_kw, double *wear);

/* What it comes to. */
void negotiation_judge(struct negotiation *w, const double *power_kw, double wear,
		       struct negotiation_outcome *out);

/* What wears off in all, as negotiated. */
double negotiation_wear(const struct negotiation *w);

/* What homes pay in all at the prices that were agreed on, or at the tariff. */
double negotiation_bill(const struct negotiation *w);
double negotiation_bill_alone(const struct negotiation *w, const double *power_kw);

#endif
