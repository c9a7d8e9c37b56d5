/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A negotiation as its file describes it: the feeder, the homes at its buses, prices and how to
 * negotiate. See etc/examples/negotiation.conf; docs/lec-market.1 has every key. */
#ifndef LECD_SIM_NEGOTIATION_CONF_H
#define LECD_SIM_NEGOTIATION_CONF_H

#include "daemon/base/diag.h"
#include "daemon/base/tariff.h"

enum negotiation_class { NEGOTIATION_BATTERY, NEGOTIATION_CAR };

/* [prosumer NAME]: the active households at a bus, as one. */
struct negotiation_prosumer {
	char name[32];
	int line; /* of its bus in the file */
	char bus[32];
	int class;
	double peak_w; /* of their load */
};

struct negotiation_conf {
	char path[256];
	/* [scenario] */
	char feeder[256], series[256], timezone[TIMEZONE_SIZE];
	int64_t start_s, seed;
	double horizon_s, step_s;
	double load_scale, source_v, v_min, v_max;
	double source_limit_w; /* what the feeder may take at its source; may be INFINITY */
	/* [negotiation] */
	double penalty, relaxation, tolerance, inner, margin;
	int64_t rounds, passes;
	bool balance;
	/* [homes]: made up, beside those that are named */
	int64_t count;
	double penetration; /* the part of each bus's households that is active */
	double cars;        /* the part of prosumers that have a car and no battery */
	double pv;          /* W of PV for each W of peak load */
	double battery_s,
		battery_power;   /* stored at peak load for so long; power for each W of it */
	double car_s, car_power; /* a night's charge, at peak load for so long; the charger */
	double efficiency, wear; /* each way; per kWh discharged */
	struct tariff tariff;    /* what homes pay that do not negotiate */
	int prosumers;
	struct negotiation_prosumer *prosumer; /* owned */
};

/* Read path; everything that is wrong goes to d. Sets the process's time zone. Returns 0 or -errno;
 * negotiation_conf_free after it, always. */
int negotiation_conf_read(const char *path, struct negotiation_conf *out, struct diag *d);
void negotiation_conf_free(struct negotiation_conf *c);

#endif
