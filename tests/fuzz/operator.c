/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as what the grid operator, the market and a home hear of each other: a proposal, a
 * verdict, a standing limit. Refused with a word, or within its bounds. */
#include <math.h>
#include <stdio.h>

#include "daemon/base/standing.h"
#include "daemon/grid/dso_messages.h"
#include "daemon/market/asking.h"
#include "daemon/market/mechanism.h"
#include "fuzz.h"

static const int64_t now_s = 1781517600; /* 2026-06-15T10:00:00Z */

static int swallow(void *context, const char *topic, const char *payload, size_t length,
		   bool retain)
{
	(void)context;
	(void)topic;
	(void)payload;
	(void)retain;
	assert(length < VERDICT_SIZE);
	return 0;
}

static void check_proposal(const struct inbox *b, const struct dso_conf *c)
{
	assert(b->parts >= 1 && b->parts <= PROPOSAL_PARTS_MAX);
	assert(b->proposal.trades >= 0 && b->proposal.trades <= DSO_TRADES_MAX);
	for (int t = 0; t < b->proposal.trades; t++) {
		const struct dso_trade *trade = &b->proposal.trade[t];
		assert(trade->buyer >= DSO_UTILITY && trade->buyer < c->homes);
		assert(trade->seller >= DSO_UTILITY && trade->seller < c->homes);
		assert(trade->buyer != trade->seller && trade->kwh >= 0 && isfinite(trade->kwh));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dso_conf conf;
	static struct dso *dso;
	static struct inbox inbox;
	static struct market_conf market;
	static struct asking *asking;
	static struct rounds *rounds;
	const char *text = (const char *)data;
	char why[160];
	if (!dso) {
		struct diag d = { .to = stderr };
		assert(dso_conf_read("etc/examples/dso.conf", &conf, &d) == 0);
		assert(dso_new(&conf, &d, &dso) == 0);
		market.interval_s = 900;
		market.rounds = (struct rounds_conf){
			.interval_s = 900, .rounds = 1, .homes_max = 4, .steps_max = 1
		};
		market.rounds.round[0] =
			(struct round_conf){ .name = "intraday",
					     .kind = ROUND_INTERVAL,
					     .gate_s = 120,
					     .open_s = 3600,
					     .mechanism = mechanism_find("uniform") };
		assert(rounds_new(&market.rounds, &rounds) == 0);
		assert(asking_new(&market, swallow, NULL, &asking) == 0);
	}
	if (inbox_take(&inbox, dso, &conf, now_s, text, size, why, sizeof(why)) > 0) {
		check_proposal(&inbox, &conf);
	}
	(void)asking_hear_status(asking, text, size);
	(void)asking_hear_verdict(asking, rounds, text, size, why, sizeof(why));
	struct standing s = { .heard = false };
	if (standing_take(&s, "home-1", now_s, text, size, why, sizeof(why)) == 0) {
		assert(s.heard && s.now.import_w >= 0 && s.then.export_w >= 0);
		assert(standing_at(&s, now_s).export_w >= 0);
	}
	return 0;
}
