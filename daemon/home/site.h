/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site: what a house (or community) has and wants, as its site.conf says it. See lecd.conf(5).
 * Read once, all or nothing; constant afterwards. */
#ifndef LECD_HOME_SITE_H
#define LECD_HOME_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "daemon/base/tariff.h"
#include "policy/problem.h"

enum { PVS_MAX = 4 };

enum role { ROLE_HOME, ROLE_COMMUNITY };
enum decide_by { DECIDE_OPTIMISER, DECIDE_RULES };
enum driver { DRIVER_NONE, DRIVER_MODBUS, DRIVER_SIMULATED };

/* Where an asset is measured and moved. Without a driver it is planned and simulated only. */
struct site_link {
	char name[32]; /* of the section, "" where it has none */
	int driver;    /* enum driver */
	char address[128];
	char profile[48];
	double rating_w; /* the device's, for one that is told shares of it; 0: not given */
	int line;        /* of the section, for messages */
};

struct site_meter {
	struct site_link link;
};

struct site_pv {
	struct site_link link;
	double peak_w;
	bool curtailable;
};

struct site_battery {
	struct site_link link;
	struct battery_model model; /* soc_start: for offline planning only */
	double round_trip;          /* efficiency; 0: given each way */
	double reserve;             /* kept for an outage, fraction; 0: none */
	bool has_end;               /* soc-end or end-value is given */
};

struct site {
	char path[256]; /* of its file, for messages */
	char id[32];
	int role; /* enum role */
	char community[32];
	char timezone[48];
	double latitude; /* for the simulated house; degrees north */
	double longitude;
	char profiles[128]; /* folder of the device profiles */

	double cycle_s;
	double interval_s;
	double horizon_s;
	int objective;       /* enum objective */
	int decide;          /* enum decide_by */
	double ramp_w_per_s; /* how fast a battery's power may change; 0: at once */
	char socket[100];    /* where lecctl finds lecd */

	double import_limit_w; /* INFINITY: none */
	double export_limit_w;

	struct tariff tariff;

	bool has_meter;
	struct site_meter meter;
	int pvs;
	struct site_pv pv[PVS_MAX];
	int batteries;
	struct site_battery battery[BATTERIES_MAX];

	char broker[128]; /* "": no MQTT */
	char mqtt_user[64];
	char password_file[128];
	char ca_file[128];
	char certificate[128];
	char key[128];
	int discovery;         /* 0: none, 1: homeassistant */
	bool bid;              /* take part in the community's market */
	double gate_closure_s; /* bids are refused this long before their interval */

	char store[128]; /* folder of the two databases, "": no store */
};

/* Read and check path. Every error goes to d; *out is valid only if none came. Returns 0 or
 * -errno. Sets the process's time zone. */
int site_read(const char *path, struct site *out, struct diag *d);

/* What a house must have beyond that to be run and not only planned: a meter and drivers. With
 * simulate, drivers are not needed. */
void site_check_runnable(const struct site *s, bool simulate, struct diag *d);

#endif
