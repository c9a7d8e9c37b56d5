/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site: what a house (or community) has and wants, as its site.conf says it. See lecd.conf(5).
 * Read once, all or nothing; constant afterwards. */
#ifndef LECD_HOME_SITE_H
#define LECD_HOME_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "daemon/base/mqtt_conf.h"
#include "daemon/base/tariff.h"
#include "daemon/base/window.h"
#include "policy/problem.h"

enum { PVS_MAX = 27 };                  /* with a meter and all batteries: 32 devices */
enum { WINDOWS_MAX = 8, COPS_MAX = 8 }; /* of one asset */
enum { MEMBERS_MAX = 64 };              /* of a community's manager */

enum role { ROLE_HOME, ROLE_COMMUNITY };
/* What a home is to its community's manager. */
enum manner {
	MANNER_OFF,    /* it tells nothing and hears nothing */
	MANNER_FOLLOW, /* its plan counts with what it is asked */
	MANNER_OWN     /* it answers with its own plan */
};
enum decide_by { DECIDE_OPTIMISER, DECIDE_POLICY, DECIDE_SHADOW, DECIDE_RULES };
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
	double loss_rise;           /* share lost at full power less that at little */
	double reserve;             /* kept for an outage, fraction; 0: none */
	bool has_end;               /* soc-end or end-value is given */
};

/* Local windows that do not overlap. */
struct site_windows {
	int count;
	struct window window[WINDOWS_MAX];
};

struct site_ev {
	struct site_link link;
	struct ev_model model;         /* but for connected */
	struct site_windows connected; /* none: always */
	double round_trip;             /* efficiency; 0: given each way */
	bool has_end, has_unmet;       /* end-value, unmet-price are given */
};

struct site_load {
	struct site_link link;
	struct load_model model; /* but for its runs */
	double duration_s;
	struct site_windows windows; /* a run in each, each day; none: any time of the day */
	int kind;                    /* 0: on-off, 1: continuous */
	bool interruptible, has_unmet;
};

/* Hot water, or a building. */
struct site_thermal {
	struct site_link link;
	bool building;
	double volume_l; /* of a tank */
	double capacity_wh_per_k, loss_w_per_k, power_w;
	double start_c;
	double outdoor_c, swing_k; /* what is around it: mean of a day, and that much around it */
	double gain_w;             /* of sun and people */
	int kind;                  /* 0: on-off, 1: continuous */
	double discomfort, end_value;
	bool has_discomfort, has_end;
	double low_c, high_c; /* where no window holds */
	int bands, draws, cops;
	struct {
		struct window when;
		double low_c, high_c;
	} band[WINDOWS_MAX];
	struct {
		struct window when;
		double wh; /* over the whole window */
	} draw[WINDOWS_MAX];
	struct {
		double outdoor_c, cop; /* ascending in outdoor_c */
	} cop[COPS_MAX];               /* none: a heater */
};

/* The learned actor that decides, or that is looked at beside who does. */
struct site_policy {
	char actor[128];     /* its ONNX file; "": none */
	char meaning[136];   /* what its numbers mean, see actor_conf.h */
	double time_limit_s; /* a run takes no longer */
	double regret_limit; /* money, over the window */
	double regret_window_s;
};

/* A home that the manager of a community asks. */
struct site_member {
	char id[32];
	int line; /* of the section, for messages */
};

struct site {
	char path[256]; /* of its file, for messages */
	char id[32];
	int role; /* enum role */
	char community[32];
	char timezone[TIMEZONE_SIZE];
	double latitude; /* for the simulated house; degrees north */
	double longitude;
	char profiles[128]; /* folder of the device profiles */

	double cycle_s;
	double interval_s;
	double horizon_s;
	int objective;       /* enum objective */
	bool hedge;          /* plan against the last days, not their mean alone */
	int decide;          /* enum decide_by */
	double ramp_w_per_s; /* how fast a battery's power may change; 0: at once */
	char socket[100];    /* where lecctl finds lecd */
	struct site_policy policy;

	double import_limit_w; /* INFINITY: none */
	double export_limit_w;

	struct tariff tariff;

	bool has_meter;
	struct site_meter meter;
	int pvs;
	struct site_pv pv[PVS_MAX];
	int batteries;
	struct site_battery battery[BATTERIES_MAX];
	int evs, loads, thermals;
	struct site_ev ev[EVS_MAX];
	struct site_load load[LOADS_MAX];
	struct site_thermal thermal[THERMALS_MAX]; /* in the file's order */

	int manner;         /* enum manner; of a home */
	double offer_share; /* of its batteries' room that it offers */
	int members;        /* of a community */
	struct site_member member[MEMBERS_MAX];

	struct mqtt_conf mqtt;
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
