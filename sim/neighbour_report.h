/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one community of a league put down, as one JSON object on standard output. */
#ifndef LECD_SIM_NEIGHBOUR_REPORT_H
#define LECD_SIM_NEIGHBOUR_REPORT_H

#include <stdbool.h>

#include "sim/league_conf.h"

struct neighbour_result {
	const struct league_conf *conf;
	const struct consensus *node;
	const struct member_agent *agent;
	int self;                    /* member */
	const int *line, *neighbour; /* by edge of the node */
	bool stopped;                /* at the deadline */
};

/* Returns 0 or -errno. */
int neighbour_tell(const struct neighbour_result *r);

#endif
