/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/json.h"
#include "daemon/market/asking.h"
#include "daemon/market/mechanism.h"

enum { HOMES = 8, INTERVAL_S = 900 };
static const int64_t start_s = 1781517600; /* 2026-06-15T10:00:00Z */
static const int64_t gate_s = 1781517600 - 120;

static struct {
	struct market_conf conf;
	struct rounds *rounds;
	struct asking *asking;
	int proposals;
	char last[16384]; /* proposal */
} world;

static int sent(void *context, const char *topic, const char *payload, size_t length, bool retain)
{
	(void)context;
	assert_string_equal(topic, "dso/proposal");
	assert_false(retain);
	assert_true(length < sizeof(world.last));
	memcpy(world.last, payload, length + 1);
	world.proposals++;
	return 0;
}

static void open_world(void)
{
	world.proposals = 0;
	world.conf = (struct market_conf){ .interval_s = INTERVAL_S, .operator_wait_s = 10 };
	snprintf(world.conf.tariff.currency, 4, "EUR");
	struct rounds_conf *r = &world.conf.rounds;
	*r = (struct rounds_conf){ .interval_s = INTERVAL_S,
				   .rounds = 2,
				   .homes_max = HOMES,
				   .steps_max = 4,
				   .limits = { .import = 1000 * MILLION,
					       .export = 1000 * MILLION,
					       .price_min = -MILLION,
					       .price_max = MILLION } };
	r->round[0] = (struct round_conf){ .name = "intraday",
					   .kind = ROUND_INTERVAL,
					   .gate_s = 120,
					   .open_s = 3600,
					   .mechanism = mechanism_find("uniform") };
	r->round[0].terms.k = MILLION / 2;
	r->round[1] = r->round[0]; /* never open here: homes may have traded in it before */
	snprintf(r->round[1].name, sizeof(r->round[1].name), "earlier");
	r->round[1].gate_s = 80000;
	r->round[1].open_s = 900;
	assert_int_equal(rounds_new(r, &world.rounds), 0);
	assert_int_equal(asking_new(&world.conf, sent, NULL, &world.asking), 0);
	rounds_advance(world.rounds, gate_s - 600);
}

static void close_world(void)
{
	asking_free(world.asking);
	rounds_free(world.rounds);
}

static void bid(int home, int32_t side, double kwh, double price)
{
	int round;
	struct round_bid b = { .start_s = start_s, .revision = 1, .steps = 2 };
	snprintf(b.home, sizeof(b.home), "h%d", home);
	for (int i = 0; i < 2; i++) {
		b.step[i] = (struct bid_step){ .quantity = llround(kwh * MILLION / 2),
					       .price = (int32_t)lround(price * MILLION) + i * 1000,
					       .side = side };
	}
	assert_int_equal(rounds_judge(world.rounds, &b, gate_s - 300, &round), BID_ACCEPTED);
	rounds_keep(world.rounds, round, &b);
}

static enum asking_answer ask(struct round_clearing *c, int64_t now_s)
{
	assert_int_equal(rounds_clear(world.rounds, 0, start_s, now_s, 300000, 50000, c), 0);
	return asking_judge(world.asking, world.rounds, c, 0.2, now_s);
}

static int hear(const char *text)
{
	char why[160] = "";
	int r = asking_hear_verdict(world.asking, world.rounds, text, strlen(text), why,
				    sizeof(why));
	assert_true((r < 0) == (*why != '\0'));
	return r;
}

/* Answer the last proposal: `part` of each trade. Returns what each home may then trade, kWh. */
static void answer(double part, double *permitted)
{
	char text[8192], list[4096] = "";
	struct json_in in;
	int64_t number;
	bool reduced = part < 1;
	assert_int_equal(json_parse(&in, world.last, strlen(world.last)), 0);
	assert_int_equal(json_get_integer(&in, in.root, "proposal", 1, 1000, &number), 0);
	const struct json_value *trades = json_member(in.root, "trades");
	for (int i = 0; i < HOMES; i++) {
		permitted[i] = 0;
	}
	for (int i = 0; i < json_items(trades); i++) {
		double kwh = 0;
		assert_true(json_number(json_member(json_item(trades, i), "kwh"), &kwh));
		kwh = floor(kwh * part * 1e6) / 1e6;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%.6f", i ? "," : "",
			 kwh);
		static const char *const sides[] = { "buyer", "seller" };
		for (int s = 0; s < 2; s++) {
			const char *id = json_text(json_member(json_item(trades, i), sides[s]));
			if (id) {
				permitted[id[1] - '0'] += kwh;
			}
		}
	}
	json_free(&in);
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"proposal\":%d,\"part\":1,\"parts\":1,\"verdict\":\"%s\","
		 "\"permitted\":[%s],\"homes\":[{\"home\":\"h0\",\"import_limit_w\":7000,"
		 "\"export_limit_w\":100,\"loss_cost\":-0.002,\"network_cost\":%.6f}]}",
		 (int)number, reduced ? "reduced" : "permitted", list, (double)number);
	assert_int_equal(hear(text), 0);
}

static void test_alone(void **unused)
{
	/* Where no operator was ever heard, everything binds at once; and what trades nothing too.
	 */
	(void)unused;
	struct round_clearing c;
	open_world();
	bid(0, SIDE_BUY, 4, 0.2);
	bid(1, SIDE_SELL, 4, 0.1);
	assert_int_equal(ask(&c, gate_s), ASKING_BIND);
	assert_true(c.bought == 4 * MILLION && world.proposals == 0);
	close_world();
	open_world();
	assert_int_equal(asking_hear_status(world.asking, "online", 6), 0);
	bid(0, SIDE_BUY, 4, 0.2);
	assert_int_equal(ask(&c, gate_s), ASKING_BIND);
	assert_int_equal(world.proposals, 0);
	close_world();
}

static void test_asked(void **unused)
{
	/* Whatever the operator permits, at most three proposals are made, nobody trades more than
	 * the last verdict allows, and what is sold is bought. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < 500; i++) {
		struct round_clearing c;
		double permitted[HOMES];
		open_world();
		assert_int_equal(asking_hear_status(world.asking, "online", 6), 0);
		for (int h = 0; h < HOMES; h++) {
			bool buys = random_between(&seed, 0, 1) < 0.5;
			bid(h, buys ? SIDE_BUY : SIDE_SELL, random_between(&seed, 0.1, 9),
			    random_between(&seed, 0.06, 0.29));
		}
		enum asking_answer may;
		int64_t now_s = gate_s;
		double part = 1;
		while ((may = ask(&c, now_s)) != ASKING_BIND) {
			if (may == ASKING_WAIT) {
				assert_int_equal(ask(&c, now_s + 1), ASKING_WAIT);
				part = random_between(&seed, 0, 1) < 0.4
					       ? 1
					       : random_between(&seed, 0, 1);
				answer(part, permitted);
			}
			assert_true(world.proposals <= 3);
		}
		assert_true(c.bought == c.sold);
		for (int k = 0; world.proposals && k < c.awards; k++) {
			int64_t net = llabs(c.award[k].bought - c.award[k].sold);
			const char *id = rounds_home_id(world.rounds, c.award[k].home);
			assert_true(net <= llround(permitted[id[1] - '0'] * MILLION) + 2);
		}
		if (world.proposals) {
			double import_w, export_w;
			int h0 = rounds_find_home(world.rounds, "h0");
			assert_true(asking_limits(world.asking, h0, &import_w, &export_w));
			assert_true(import_w == 7000 && export_w == 100);
			int64_t cost; /* by the last verdict, not of all of them */
			assert_true(asking_cost(world.asking, h0, &cost));
			assert_int_equal(cost, world.proposals * MILLION - 2000);
			assert_false(asking_cost(world.asking, rounds_find_home(world.rounds, "h1"),
						 &cost));
			assert_false(asking_limits(world.asking,
						   rounds_find_home(world.rounds, "h1"), &import_w,
						   &export_w));
		}
		close_world();
	}
}

static double gain_of(const char *buyer, const char *seller)
{
	struct json_in in;
	double gain = -1;
	assert_int_equal(json_parse(&in, world.last, strlen(world.last)), 0);
	const struct json_value *trades = json_member(in.root, "trades");
	for (int i = 0; i < json_items(trades); i++) {
		const struct json_value *t = json_item(trades, i);
		const char *b = json_text(json_member(t, "buyer"));
		const char *s = json_text(json_member(t, "seller"));
		if (b && s && strcmp(b, buyer) == 0 && strcmp(s, seller) == 0) {
			assert_true(json_number(json_member(t, "gain"), &gain));
		}
	}
	json_free(&in);
	return gain;
}

static void test_gain(void **unused)
{
	/* A trade's gain is what its buyer offered for what it got, less what its seller asked: of
	 * the steps that were filled. */
	(void)unused;
	struct round_clearing c;
	open_world();
	assert_int_equal(asking_hear_status(world.asking, "online", 6), 0);
	bid(0, SIDE_BUY, 4, 0.28);
	bid(1, SIDE_BUY, 2, 0.2);
	bid(2, SIDE_SELL, 4, 0.06);
	bid(3, SIDE_SELL, 4, 0.1); /* of which half is sold, at 0.1 */
	assert_int_equal(ask(&c, gate_s), ASKING_WAIT);
	assert_true(c.bought == 6 * MILLION);
	assert_true(fabs(gain_of("h0", "h2") - (0.2805 - 0.0605)) < 1e-9);
	assert_true(fabs(gain_of("h1", "h3") - (0.2005 - 0.1)) < 1e-9);
	close_world();
}

static void give_limit(const char *id, int64_t now_s)
{
	char text[512], why[160];
	int home = rounds_enter(world.rounds, id);
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"home\":\"%s\",\"issued\":\"2026-06-15T09:00:00Z\",\"until\":"
		 "\"2026-06-15T10:10:00Z\",\"import_limit_w\":4000,\"export_limit_w\":8000,"
		 "\"then_import_limit_w\":1000,\"then_export_limit_w\":0}",
		 id);
	assert_int_equal(asking_hear_limit(world.asking, home, id, now_s, text, strlen(text), why,
					   sizeof(why)),
			 0);
}

static void test_silent(void **unused)
{
	/* Without a verdict in its time, after one that refuses, or with the operator away, the
	 * last limits of the homes hold: 4 kW in a quarter of an hour is 1 kWh. */
	(void)unused;
	for (int i = 0; i < 3; i++) {
		struct round_clearing c;
		open_world();
		give_limit("h0", gate_s - 900);
		give_limit("h1", gate_s - 900);
		assert_int_equal(asking_hear_status(world.asking, i == 2 ? "offline" : "online",
						    i == 2 ? 7 : 6),
				 0);
		bid(0, SIDE_BUY, 4, 0.2);
		bid(1, SIDE_SELL, 9, 0.1);
		if (i < 2) {
			assert_int_equal(ask(&c, gate_s), ASKING_WAIT);
			assert_int_equal(ask(&c, gate_s + 9), ASKING_WAIT);
		}
		if (i == 1) {
			assert_int_equal(hear("{\"v\":1,\"proposal\":99,\"verdict\":\"refused\"}"),
					 0);
			assert_int_equal(ask(&c, gate_s + 9), ASKING_WAIT); /* another's */
			assert_int_equal(hear("{\"v\":1,\"proposal\":1,\"verdict\":\"refused\"}"),
					 0);
		}
		assert_int_equal(ask(&c, i == 0 ? gate_s + 10 : gate_s + 9), ASKING_AGAIN);
		/* Too late. */
		assert_int_equal(
			hear("{\"v\":1,\"proposal\":1,\"part\":1,\"verdict\":\"permitted\","
			     "\"permitted\":[4],\"homes\":[]}"),
			0);
		assert_int_equal(ask(&c, gate_s + 11), ASKING_BIND);
		assert_true(llabs(c.bought - 1 * MILLION) <= 2 && c.bought == c.sold);
		int64_t cost;
		assert_false(asking_cost(world.asking, 0, &cost));
		close_world();
	}
}

static void test_patience(void **unused)
{
	/* An operator that answers each proposal as late as it may does not hold a clearing up for
	 * longer than one wait; what it permitted so far holds. */
	(void)unused;
	struct round_clearing c;
	double permitted[HOMES];
	open_world();
	assert_int_equal(asking_hear_status(world.asking, "online", 6), 0);
	bid(0, SIDE_BUY, 4, 0.2);
	bid(1, SIDE_SELL, 4, 0.1);
	assert_int_equal(ask(&c, gate_s), ASKING_WAIT);
	answer(0.5, permitted);
	assert_int_equal(ask(&c, gate_s + 9), ASKING_AGAIN);
	assert_int_equal(ask(&c, gate_s + 9), ASKING_WAIT);
	assert_int_equal(ask(&c, gate_s + 10), ASKING_BIND);
	assert_int_equal(world.proposals, 2);
	assert_true(llabs(c.bought - 2 * MILLION) <= 2 && c.bought == c.sold);
	close_world();
}

static void test_silent_rounds(void **unused)
{
	/* A standing limit is of all rounds together: what a home bought or sold before counts. */
	(void)unused;
	struct round_clearing c;
	open_world();
	assert_int_equal(rounds_restore_award(world.rounds, start_s, "h0", 700000), 0);
	assert_int_equal(rounds_restore_award(world.rounds, start_s, "h1", -1900000), 0);
	give_limit("h0", gate_s - 900);
	give_limit("h1", gate_s - 900);
	assert_int_equal(asking_hear_status(world.asking, "offline", 7), 0);
	bid(0, SIDE_BUY, 4, 0.2);
	bid(1, SIDE_SELL, 9, 0.1);
	bid(2, SIDE_BUY, 4, 0.2);
	assert_int_equal(ask(&c, gate_s), ASKING_AGAIN);
	assert_int_equal(ask(&c, gate_s), ASKING_BIND);
	for (int i = 0; i < c.awards; i++) {
		int64_t net = c.award[i].bought - c.award[i].sold;
		const char *id = rounds_home_id(world.rounds, c.award[i].home);
		assert_true(id[1] != '0' || net <= 300000 + 1);  /* 1 kWh less 0.7 */
		assert_true(id[1] != '1' || -net <= 100000 + 1); /* 2 kWh less 1.9 */
	}
	close_world();
}

static void test_hostile(void **unused)
{
	/* A verdict that is wrong changes nothing: the market goes on to wait. */
	(void)unused;
	static const char *const wrong[] = {
		"",
		"{}",
		"[]",
		"{\"v\":1}",
		"{\"v\":1,\"proposal\":1}",
		"{\"v\":1,\"proposal\":1,\"verdict\":\"maybe\"}",
		"{\"v\":1,\"proposal\":1,\"verdict\":\"permitted\"}",
		"{\"v\":1,\"proposal\":1,\"part\":1,\"verdict\":\"permitted\",\"permitted\":[4],"
		"\"homes\":["
		"{\"home\":\"h0\",\"import_limit_w\":1,\"export_limit_w\":1,\"loss_cost\":1e9}]}",
		"{\"v\":1,\"proposal\":1,\"part\":2,\"verdict\":\"permitted\",\"permitted\":[4]}",
		"{\"v\":1,\"proposal\":1,\"part\":1,\"verdict\":\"permitted\",\"permitted\":[]}",
		"{\"v\":1,\"proposal\":1,\"part\":1,\"verdict\":\"permitted\",\"permitted\":[4,4]}",
		"{\"v\":1,\"proposal\":1,\"part\":1,\"verdict\":\"permitted\",\"permitted\":[-1]}",
		"{\"v\":1,\"proposal\":1,\"part\":1,\"verdict\":\"permitted\",\"permitted\":[\"4\"]"
		"}",
		"{\"v\":1,\"proposal\":1,\"part\":1,\"verdict\":\"permitted\",\"permitted\":[null]"
		"}",
	};
	struct round_clearing c;
	open_world();
	assert_int_equal(asking_hear_status(world.asking, "maybe", 5), -EINVAL);
	assert_int_equal(asking_hear_status(world.asking, "online", 6), 0);
	bid(0, SIDE_BUY, 4, 0.2);
	bid(1, SIDE_SELL, 4, 0.1);
	assert_int_equal(ask(&c, gate_s), ASKING_WAIT);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_true(hear(wrong[i]) < 0);
		assert_int_equal(ask(&c, gate_s + 1), ASKING_WAIT);
	}
	/* One of another proposal is none: its limits and costs are not this one's. */
	assert_int_equal(
		hear("{\"v\":1,\"proposal\":9,\"verdict\":\"permitted\",\"permitted\":[4],"
		     "\"homes\":[{\"home\":\"h0\",\"import_limit_w\":1,\"export_limit_w\":1,"
		     "\"loss_cost\":1}]}"),
		0);
	double w;
	assert_false(asking_limits(world.asking, 0, &w, &w));
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),    cmocka_unit_test(test_asked),
		cmocka_unit_test(test_gain),     cmocka_unit_test(test_silent),
		cmocka_unit_test(test_patience), cmocka_unit_test(test_silent_rounds),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
