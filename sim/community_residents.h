/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The homes of a community file: [homes CLASS], a number of homes made up or a folder of series,
 * and [home NAME], one home from its series. docs/lec-train.1 has every key. */
#ifndef LECD_SIM_COMMUNITY_RESIDENTS_H
#define LECD_SIM_COMMUNITY_RESIDENTS_H

#include "daemon/base/diag.h"
#include "sim/community_homes.h"
#include "sim/community_record.h"

struct config;

/* What a file says of a home beside its class. NaN: nothing. */
struct resident_traits {
	double capacity_wh, charge_limit_w, discharge_limit_w, round_trip;
	double soc_min, soc_max, soc_start, wear;
	double import_limit_w, export_limit_w;
};

struct resident {
	char name[32]; /* of its section or file; "": made up */
	int class;     /* enum home_class */
	struct resident_traits traits;
	bool held_out; /* not to learn from */
	float *power;  /* by interval the load, then generation, W; owned. NULL: made up */
};

struct residents {
	int count; /* by class, in the file's order within it */
	struct resident *resident;
};

/* Read all such sections of c; series into record, whose first line is set. What is wrong goes to
 * d. Returns 0 or -errno; residents_free after it, always. */
int residents_read(struct config *c, struct residents *out, struct community_record *record,
		   char *currency, struct diag *d);
void residents_free(struct residents *m);

/* See community_conf_resize. */
int residents_resize(struct residents *m, int homes);

/* Put what the file says in place of what a home of its class has. */
void resident_apply(const struct resident *m, struct community_home *home);

#endif
