/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Homes that were measured: a home's load and generation from its series (daemon/base/series.h), as
 * means over the community's intervals; and the utility's prices, where series have them.
 *
 * All series of a community have the same rows: equal steps, a divisor of the interval, over at
 * least the community's days. */
#ifndef LECD_SIM_COMMUNITY_RECORD_H
#define LECD_SIM_COMMUNITY_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/diag.h"

/* What all series of a community have in common. Zeroed but for the first line before the first is
 * read. */
struct community_record {
	int64_t start_s, step_s, steps; /* of the community: what is needed */
	/* Of the first series, that the others are held against. */
	char first[256];
	int64_t first_start_s, first_step_s;
	int rows;
	/* By interval, 1e-6 per kWh, from the first series that has them; NULL: none has. Owned. */
	int32_t *buy, *sell;
	char buy_from[256], sell_from[256];
};

/* Read path. *power: by interval the load in W, then as many of generation; to be freed. What is
 * wrong goes to d. generates: whether the home must have, or must not have, generation. Returns 0
 * or -errno. */
int community_record_read(struct community_record *r, const char *path, bool generates,
			  float **power, struct diag *d);
void community_record_free(struct community_record *r);

#endif
