/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a message between home and market, or of a neighbour that negotiates: a bid, a
 * reading, an award, a receipt, a clearing, a neighbour's word, the open rounds, a tariff, or an
 * award, a receipt, a tariff of a market above, is refused with a reason and changes nothing, or
 * holds what is in range; and a bid that is taken is written down and read back the same. The first
 * byte, a digit or a colon, says which it is. */
#include <math.h>
#include <stdlib.h>

#include "daemon/base/json.h"
#include "daemon/home/ahead.h"
#include "daemon/home/utility.h"
#include "daemon/market/consensus_messages.h"
#include "daemon/market/messages.h"
#include "daemon/market/records.h"
#include "daemon/market/upstream.h"
#include "fuzz.h"

static const int64_t now_s = 1781517600; /* 2026-06-15T10:00:00Z */

static const struct market_conf conf = {
	.community = "fjord",
	.interval_s = 900,
	.tariff = { .currency = "EUR" },
	.upstream = { .community = "city", .id = "home-1" },
};

static const struct site site = {
	.id = "home-1",
	.interval_s = 900,
	.import_limit_w = 17e3,
	.export_limit_w = 10e3,
	.pvs = 1,
	.pv = { { .peak_w = 6e3 } },
};

static void hear_bid(const char *text, size_t size)
{
	struct round_bid b;
	struct round_bid again = { .steps = -1 };
	char why[MESSAGE_WHY_MAX] = "", record[RECORD_TEXT_MAX];
	if (message_read_bid(&conf, "home-1", text, size, &b, why) < 0) {
		assert(*why);
		return;
	}
	assert(b.revision >= 1 && b.steps >= 0 && b.steps <= BID_STEPS_MAX);
	for (int i = 0; i < b.steps; i++) {
		assert(b.step[i].quantity >= 1 && b.step[i].quantity <= QUANTITY_MAX);
		assert(b.step[i].price >= -PRICE_MAX && b.step[i].price <= PRICE_MAX);
		assert(b.step[i].side == SIDE_BUY || b.step[i].side == SIDE_SELL);
	}
	assert(record_bid_write(&b, record, sizeof(record)) > 0);
	assert(record_bid_read(record, &again, why) == 0 && again.steps == b.steps);
	for (int i = 0; i < b.steps; i++) {
		assert(again.step[i].quantity == b.step[i].quantity &&
		       again.step[i].price == b.step[i].price &&
		       again.step[i].side == b.step[i].side);
	}
}

static void hear_meter(const char *text, size_t size)
{
	struct fact_meter m = { -7, -7 };
	int64_t start_s = -7;
	char why[MESSAGE_WHY_MAX] = "";
	if (message_read_meter(&conf, "home-1", now_s, text, size, &start_s, &m, why) < 0) {
		assert(*why && m.import == -7 && m.export == -7 && start_s >= 0);
		return;
	}
	assert(m.import >= 0 && m.import <= SETTLE_ENERGY_MAX && m.export >= 0 &&
	       m.export <= SETTLE_ENERGY_MAX && start_s % 900 == 0 && start_s < now_s);
}

static void hear_award(const char *text, size_t size)
{
	static struct market m, before;
	struct award_taken taken;
	char why[128] = "";
	memset(&m, 0, sizeof(m));
	if (market_take_award(&m, &site, now_s, text, size, &taken, why, sizeof(why)) < 0) {
		assert(*why && memcmp(&m, &before, sizeof(m)) == 0);
		return;
	}
	const struct award *a = market_award_at(&m, &site, taken.start_s);
	assert(a && fabs(a->traded_wh) <= 17e3 && fabs(a->price) <= 100 && a->import_limit_w >= 0 &&
	       a->export_limit_w >= 0);
}

static void hear_receipt(const char *text, size_t size)
{
	static struct market m;
	char why[128] = "";
	struct receipt_taken t;
	int r = market_take_receipt(&m, &site, text, size, &t, why, sizeof(why));
	assert(r < 0 ? *why != '\0' : t.revision >= 0);
	assert(strnlen(m.receipts.reason, sizeof(m.receipts.reason)) < sizeof(m.receipts.reason));
}

static void hear_clearing(const char *text, size_t size)
{
	static struct market m, before;
	char why[128] = "";
	memset(&m, 0, sizeof(m));
	if (market_take_clearing(&m, &site, now_s, text, size, why, sizeof(why)) < 0) {
		assert(*why && memcmp(&m, &before, sizeof(m)) == 0);
		return;
	}
	const struct clearing *c = &m.clearing;
	assert(c->start_s % 900 == 0 && c->start_s <= now_s + 2 * 86400);
	assert(fabs(c->price) <= 100 && c->quantity_wh >= 0 && isfinite(c->quantity_wh));
}

static void hear_rounds(const char *text, size_t size)
{
	static struct ahead a, before;
	char why[128] = "";
	memset(&a, 0, sizeof(a));
	if (ahead_take_rounds(&a, &site, now_s, text, size, why, sizeof(why)) < 0) {
		assert(*why && memcmp(&a, &before, sizeof(a)) == 0);
		return;
	}
	for (int i = 0; i < a.books; i++) {
		const struct ahead_book *b = &a.book[i];
		assert(b->start_s % 900 == 0 && b->intervals > 0 && b->gate_s > now_s &&
		       b->start_s > b->gate_s && b->start_s < now_s + 10 * 86400);
	}
}

static void hear_tariff(const char *text, size_t size)
{
	static const struct utility before;
	struct utility u = { 0 };
	char why[128] = "";
	if (utility_take(&u, &site, text, size, why, sizeof(why)) < 0) {
		assert(*why && memcmp(&u, &before, sizeof(u)) == 0);
	}
	assert(strnlen(u.difference, sizeof(u.difference)) < sizeof(u.difference));
}

static int take_nothing(void *self, const double *centre_kw, double stiffness, double *taken_kw)
{
	(void)self;
	(void)centre_kw;
	(void)stiffness;
	taken_kw[0] = taken_kw[1] = 0;
	return 0;
}

static void hear_neighbour(const char *text, size_t size)
{
	static const struct consensus_terms terms = { 2, 1, 0.01, 0.8, 0.01, 1e6, 1e3, 3, 9 };
	static const struct line_terms line = { 10, 0.01 };
	static const struct party party = { take_nothing, NULL };
	static const bool offers = false;
	static struct consensus c;
	struct consensus_message m = { .round = -7 };
	char why[CONSENSUS_WHY_SIZE] = "";
	if (consensus_read(text, size, "north", 2, &m, why) < 0) {
		assert(*why && m.round == -7);
		return;
	}
	assert(consensus_begin(&c, &terms, &party, &line, &offers, 1) == 0);
	consensus_stop(&c);
	(void)consensus_hear(&c, 0, &m);
	(void)consensus_turn(&c);
	const struct consensus_edge *e = &c.edge[0];
	assert(isfinite(e->state_kw[0]) && isfinite(e->taken_kw[0]) && isfinite(e->heard_kw[0]));
	assert(!consensus_has_terms(e) || llabs(e->taken_mwh[1]) <= 10000002);
}

static void hear_award_above(const char *text, size_t size)
{
	struct fact_award a = { .bought = -7 };
	int64_t start_s = -7;
	char why[MESSAGE_WHY_MAX] = "";
	if (upstream_read_award(&conf, text, size, &start_s, &a, why) < 0) {
		assert(*why && a.bought == -7 && start_s == -7);
		return;
	}
	assert(a.bought >= 0 && a.bought <= SETTLE_ENERGY_MAX && a.sold >= 0 &&
	       a.sold <= SETTLE_ENERGY_MAX && start_s > 0 && start_s % 900 == 0);
	assert(llabs(a.paid) <= INT64_C(10000000000000) &&
	       llabs(a.received) <= INT64_C(10000000000000));
}

static void hear_receipt_above(const char *text, size_t size)
{
	struct upstream_receipt r = { .start_s = -7 };
	char why[MESSAGE_WHY_MAX] = "";
	if (upstream_read_receipt(&conf, text, size, &r, why) < 0) {
		assert(*why && r.start_s == -7);
		return;
	}
	assert(r.start_s >= 0 && r.start_s % 900 == 0);
	assert(strnlen(r.reason, sizeof(r.reason)) < sizeof(r.reason));
}

static void hear_tariff_above(const char *text, size_t size)
{
	char why[MESSAGE_WHY_MAX] = "";
	assert(upstream_check_tariff(&conf, text, size, why) == 0 || *why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const hear[])(const char *text, size_t size) = {
		hear_bid,         hear_meter,         hear_award,        hear_receipt,
		hear_clearing,    hear_neighbour,     hear_rounds,       hear_tariff,
		hear_award_above, hear_receipt_above, hear_tariff_above,
	};
	char text[16384];
	if (size == 0 || size > sizeof(text)) {
		return 0;
	}
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	hear[(uint8_t)(data[0] - '0') % 11](text, size - 1);
	return 0;
}
