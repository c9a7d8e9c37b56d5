/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard: the only way to a device. Whatever was wanted, by whomever - optimiser, policy,
 * market, grid operator, person - comes out inside one envelope: staleness, ramp, power, the
 * battery's own limits, state of charge, the connection's limits. Reports why it changed what.
 *
 * Where two limits contradict, the later in that list wins but for one: energy that a battery does
 * not have or cannot take is never promised, so state of charge wins over the connection. */
#ifndef LECD_HOME_GUARD_H
#define LECD_HOME_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/home/obedience.h"
#include "daemon/home/state.h"

struct guard_limits {
	double soc_min; /* reserve included */
	double soc_max;
	double charge_w; /* >= 0 */
	double discharge_w;
};

struct guard_conf {
	int batteries;
	struct guard_limits battery[BATTERIES_MAX];
	double import_limit_w; /* INFINITY: none */
	double export_limit_w;
	bool curtailable;    /* some PV can be limited */
	double pv_peak_w;    /* of the inverters that can be limited, in all */
	double ramp_w_per_s; /* 0: none */
	int64_t release_us;  /* unknown for this long: release */
};

/* What is wanted for the coming cycle. */
struct wish {
	bool release;                    /* give the devices back to their own default */
	double battery_w[BATTERIES_MAX]; /* + discharge */
	bool idle;                       /* a person wants 0 W, whatever is known of the house */
	bool no_export;                  /* exported energy would cost: curtail rather */
	bool trial;  /* battery_w is to be seen in what the grid does, whatever that is */
	bool damped; /* told in the reasons only: the loop is open, it swung */
	bool misled; /* likewise: meter and battery seem to count in opposite directions */
};

/* What is commanded. */
struct action {
	bool untouched[BATTERIES_MAX]; /* nothing is commanded yet: it was never known */
	bool pv_untouched;
	bool release[BATTERIES_MAX];
	double battery_w[BATTERIES_MAX];
	bool pv_limited;
	double pv_limit_w;             /* sum over the inverters that can be limited */
	uint32_t reasons;              /* REASON_ bits */
	unsigned again[BATTERIES_MAX]; /* changes when a set-point is to be told once more */
};

struct guard {
	struct guard_conf conf;
	struct action last;
	struct obedience obedience[BATTERIES_MAX]; /* given up: released, and not commanded */
	int64_t last_us;
	int64_t known_us; /* when it was last known what PV may be generated */
	int64_t battery_known_us[BATTERIES_MAX]; /* when the battery was last known */
	bool full[BATTERIES_MAX];                /* latched at soc_max, until 1 % below */
	bool empty[BATTERIES_MAX];               /* latched at soc_min, until 1 % above */
	/* The grid operator's order; INFINITY: none. Void after until_s (UTC). */
	double order_import_w;
	double order_export_w;
	int64_t order_until_s;
};

/* conf is copied. Nothing is commanded before the house is known, or has been unknown for too long:
 * what an earlier life told the devices stands until then. */
void guard_init(struct guard *g, const struct guard_conf *conf, int64_t now_us);

/* The grid operator's limits at the connection, until until_s. */
void guard_order(struct guard *g, double import_w, double export_w, int64_t until_s);

/* Bound want by all limits into *out and return out->reasons. */
uint32_t guard_apply(struct guard *g, const struct state *s, const struct wish *want,
		     struct action *out);

#endif
