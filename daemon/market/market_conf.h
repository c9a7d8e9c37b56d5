/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market as its market.conf says it, see lec-market.conf(5). Read once, all or nothing;
 * constant afterwards. */
#ifndef LECD_MARKET_MARKET_CONF_H
#define LECD_MARKET_MARKET_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "daemon/base/mqtt_conf.h"
#include "daemon/base/tariff.h"
#include "daemon/market/negotiator.h"
#include "daemon/market/rounds.h"
#include "daemon/market/upstream_conf.h"

enum { INTERVAL_MIN_S = 300 };

struct market_conf {
	char path[256]; /* of its file, for messages */
	char community[32];
	char timezone[TIMEZONE_SIZE];
	char ledger[128];
	int64_t interval_s;

	struct tariff tariff; /* the utility's */

	/* Settlement: see settle.h. */
	int settle_rule;         /* index into settle_rules */
	double local_charge;     /* of the grid, per kWh from neighbours */
	double penalty;          /* per kWh not kept */
	int64_t operator_wait_s; /* for the grid operator's verdict */
	int messages;        /* of a home in the length of an interval; 0: as many as it likes */
	double meter_wait_s; /* so long after its end an interval waits for readings that are due */

	struct negotiation_terms negotiation;

	struct rounds_conf rounds;
	struct named_limits *home; /* owned */

	struct mqtt_conf mqtt;
	struct upstream_conf upstream;
};

/* Read and check path. Every error goes to d; *out is valid only if none came, and to be freed with
 * market_conf_free. Returns 0 or -errno. Sets the process's time zone. */
int market_conf_read(const char *path, struct market_conf *out, struct diag *d);
void market_conf_free(struct market_conf *c);

#endif
