/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid operator of a community, interval by interval: what its feeder carries of the market's
 * trades, what each home may do, what power is worth where, and who pays for the losses. No clock,
 * no network, no log: time comes in, answers go out.
 *
 * It remembers what it permitted of each round and interval; a later proposal of the same round and
 * interval replaces it. Trades are active power. In a proposal a home buys or sells: one that does
 * both may come to more than its connection carries where the feeder cuts one side. */
#ifndef LECD_GRID_DSO_H
#define LECD_GRID_DSO_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/grid/causes.h"
#include "daemon/grid/dso_conf.h"
#include "daemon/grid/envelope.h"
#include "daemon/grid/load_series.h"
#include "daemon/grid/permit.h"

enum {
	DSO_ROUND_SIZE = 32,
	DSO_UTILITY = -1,
	DSO_TRADES_MAX = 4096, /* of a proposal */
	DSO_REASON_SIZE = 80,
	MICRO = 1000000,
};

struct dso_trade {
	int buyer, seller; /* homes of the configuration, or DSO_UTILITY */
	double kwh;        /* > 0 */
	double gain;       /* lost per kWh not permitted, >= 0; below 0: not told */
	/* Out: */
	double permitted_kwh;
	char reason[DSO_REASON_SIZE]; /* "": permitted whole */
};

struct dso_proposal {
	int64_t number; /* the market's */
	char round[DSO_ROUND_SIZE];
	int64_t start_s;
	double price; /* of energy at the source, per kWh */
	int trades;
	struct dso_trade *trade; /* the caller's */
};

/* Of a home, in an interval. */
struct dso_home {
	double net_w; /* what it takes by its trades, of all rounds; below 0 it feeds in */
	double import_limit_w, export_limit_w;
	struct permit_price price; /* per kWh that it takes */
	int64_t loss_cost;         /* 1e-6 currency; below 0: it saves losses */
	int64_t network_cost;      /* of limits that are in the way, of all its trades */
};

/* The answer to a proposal, and of an interval as it stands. Money in 1e-6 currency. */
struct dso_answer {
	struct dso_home *home; /* by home of the configuration; owned by the dso */
	int64_t loss_cost; /* of the AC losses, whole: the sum of the homes', others' and residue */
	int64_t others_loss_cost; /* of the feeder's other loads */
	int64_t residue;          /* what is lost without any load, and rounding */
	double loss_kwh;
	double v_min, v_max; /* by the AC flow with what is permitted */
	int v_min_bus, v_max_bus;
	double wanted_excess;      /* of the worst limit if all were permitted; INFINITY: no flow */
	double worst_excess;       /* of any limit there, per unit; up to 1e-6 is none */
	struct limit worst;        /* that one */
	bool broken;               /* the other loads alone break a limit */
	char why[DSO_REASON_SIZE]; /* then which */
};

struct dso; /* its fields are dso.c's */

/* Make ready; conf must outlive it. What is wrong with its series goes to d. Returns 0 or -errno.
 */
int dso_new(const struct dso_conf *conf, struct diag *d, struct dso **out);
void dso_free(struct dso *o);

/* Judge a proposal, and remember what is permitted. deadline_us: by clock_real_us. Returns 0;
 * -EDOM: the other loads alone let the voltage collapse; -ELOOP: no way to keep the limits was
 * found; -ENOMEM. Nothing is permitted then, and *out stays. */
int dso_judge(struct dso *o, struct dso_proposal *proposal, int64_t deadline_us,
	      struct dso_answer *out);

/* The interval that begins at start_s as it stands: limits and prices with what is permitted in it.
 * Returns as dso_judge. */
int dso_look(struct dso *o, int64_t start_s, double price, int64_t deadline_us,
	     struct dso_answer *out);

/* Prices at each bus of the feeder, of the last answer. */
const struct permit_price *dso_price(const struct dso *o, int bus);

/* Forget what was permitted before. */
void dso_forget(struct dso *o, int64_t before_s);

/* Whether the series of other loads covers that time; without a series always. Where it does not,
 * the feeder's own loads are taken as they are. */
bool dso_covers(const struct dso *o, int64_t start_s);

/* The feeder as a tree. */
const struct network *dso_network(const struct dso *o);

/* The feeder's other loads in the interval that begins at start_s: *p, *q by node, per unit; until
 * the next call of anything here. */
void dso_loads(struct dso *o, int64_t start_s, const double **p, const double **q);

/* The home of that id, or -ENOENT. */
int dso_find_home(const struct dso *o, const char *id);

#endif
