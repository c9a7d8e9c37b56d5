/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/mechanism.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { HALF = MILLION / 2 };

const struct mechanism mechanisms[MECHANISMS] = {
	/* name                  clear                      k        zones  blocks events utility */
	{ "uniform", uniform_clear, HALF, true, true, false, false,
	  "one price for all, welfare-optimal" },
	{ "pay-as-bid", pay_as_bid_clear, MILLION, true, false, false, false,
	  "the same volume, each pair at the buyer's price" },
	{ "continuous", continuous_clear, HALF, false, false, true, false,
	  "price-time priority as orders arrive, at the resting order's price" },
	{ "mid-market", mid_market_clear, HALF, false, false, false, true,
	  "a pool at the middle of the utility's prices (MMR)" },
	{ "supply-demand-ratio", supply_demand_ratio_clear, HALF, false, false, false, true,
	  "a pool whose prices follow supply over demand (SDR)" },
	{ "mcafee", mcafee_clear, HALF, false, false, false, false,
	  "truthful, the least efficient trade is given up; never a deficit" },
	{ "vcg", vcg_clear, HALF, false, false, false, false,
	  "truthful and welfare-optimal; the operator pays the deficit" },
	{ "community", community_clear, HALF, false, false, false, true,
	  "a pool with a manager: what is shared first, a fee on the largest importer" },
};

const struct mechanism *mechanism_find(const char *name)
{
	for (int i = 0; i < MECHANISMS; i++) {
		if (strcmp(mechanisms[i].name, name) == 0) {
			return &mechanisms[i];
		}
	}
	return NULL;
}

static bool has_events(const struct book *b)
{
	for (int i = 0; i < b->orders; i++) {
		if (b->order[i].action != ACTION_NEW) {
			return true;
		}
	}
	return false;
}

const char *mechanism_lacks(const struct mechanism *m, const struct book *b)
{
	if (b->zones > 1 && !m->zones) {
		return "zones";
	}
	if (b->blocks > 0 && !m->blocks) {
		return "blocks";
	}
	if (b->intervals > 1 && !m->blocks) {
		return "intervals";
	}
	return !m->events && has_events(b) ? "cancel or replace" : NULL;
}

static bool are_terms_sound(const struct mechanism *m, const struct terms *t)
{
	return t->k >= 0 && t->k <= MILLION &&
	       (!m->utility || (t->utility_buy >= t->utility_sell && t->utility_buy <= PRICE_MAX &&
				t->utility_sell >= -PRICE_MAX && t->importer_fee >= 0 &&
				t->importer_fee <= PRICE_MAX));
}

int mechanism_clear(const struct mechanism *m, const struct book *b, const struct terms *t,
		    struct result *r)
{
	if (!are_terms_sound(m, t)) {
		return -EINVAL;
	}
	if (mechanism_lacks(m, b)) {
		return -ENOTSUP;
	}
	int e = result_begin(r, b);
	return e ? e : m->clear(b, t, r);
}
