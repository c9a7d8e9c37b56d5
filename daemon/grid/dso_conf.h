/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid operator as its dso.conf says it, see lec-dso(1): the feeder, which home hangs on which
 * bus, what the other loads are, and how long its word holds. */
#ifndef LECD_GRID_DSO_CONF_H
#define LECD_GRID_DSO_CONF_H

#include <stdint.h>

#include "daemon/base/diag.h"
#include "daemon/base/mqtt_conf.h"
#include "daemon/grid/feeder.h"

enum { DSO_HOME_SIZE = 32 };

struct dso_home_conf {
	char id[DSO_HOME_SIZE];
	int line;
	int bus;                   /* of the feeder */
	double import_w, export_w; /* what its connection carries */
};

struct dso_conf {
	char path[256];
	char community[32];
	char feeder_path[512];
	struct feeder feeder; /* owned; with the voltage limits of here, where there are any */
	double interval_s;
	double other_loads; /* the feeder's own loads, times this, beside the homes */
	char series[256];   /* "", or their course: as lec-dso flow --series */
	double price;       /* of energy at the source, per kWh, until a market says it */
	char currency[4];
	double stand_s; /* the standing limit holds so long after it was issued */
	double cautious_import_w, cautious_export_w; /* then these, at most */
	double margin; /* what a negotiation keeps free before each limit, per unit */
	int homes;
	struct dso_home_conf *home; /* owned */
	struct mqtt_conf mqtt;      /* broker "": none */
};

/* Read and check path with its feeder; what is wrong goes to d, all at once. To be freed in any
 * case. Returns 0 or -errno. */
int dso_conf_read(const char *path, struct dso_conf *out, struct diag *d);
void dso_conf_free(struct dso_conf *c);

#endif
