/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The section [upstream] of a market.conf: the market above, in which this one bids as one home. */
#ifndef LECD_MARKET_UPSTREAM_CONF_H
#define LECD_MARKET_UPSTREAM_CONF_H

#include <stdint.h>

#include "daemon/base/mqtt_conf.h"
#include "daemon/market/rounds.h"

enum { UPSTREAM_COMMUNITY_SIZE = 32, UPSTREAM_ACCOUNT_SIZE = 64 };

struct upstream_conf {
	char community[UPSTREAM_COMMUNITY_SIZE]; /* "": there is no market above */
	char id[HOME_ID_SIZE];                   /* ours, as a home of it */
	char account[UPSTREAM_ACCOUNT_SIZE];     /* COMMUNITY/ID: its account in our ledger */
	int round;                               /* of ours whose books go up */
	int64_t gate_s;   /* the gate above closes so long before an interval */
	int64_t answer_s; /* and so long before we clear at the latest: later than that */
	int steps;        /* of a bid */
	struct mqtt_conf mqtt;
};

struct market_conf;
struct config;
struct diag;

/* Read it, where there is one, into m->upstream, and check it against the rest of m, which is read.
 */
void upstream_conf_read(struct config *c, struct market_conf *m, struct diag *d);

/* For a person: what it does, as one sentence. */
void upstream_conf_tell(const struct market_conf *m, char *out, size_t size);

#endif
