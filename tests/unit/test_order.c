/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an actor's answer orders, and the bid that is made of it. */
#include <math.h>
#include <string.h>

#include "policy/order.h"
#include "test.h"

static struct actor_conf meanings(int count, const enum meaning *meaning)
{
	struct actor_conf c = { .actions = count };
	for (int i = 0; i < count; i++) {
		c.action[i].meaning = (int)meaning[i];
	}
	return c;
}

static void test_power(void **unused)
{
	/* A power is taken as it is, a share is one of what all batteries can do on its side, and
	 * both end there. */
	(void)unused;
	static const struct {
		enum meaning meaning;
		double action, w;
	} rows[] = {
		{ MEANING_BATTERY_POWER, 1500, 1500 },  { MEANING_BATTERY_POWER, -9000, -4000 },
		{ MEANING_BATTERY_POWER, 9000, 6000 },  { MEANING_BATTERY_SHARE, 0.5, 3000 },
		{ MEANING_BATTERY_SHARE, -0.5, -2000 }, { MEANING_BATTERY_SHARE, 0, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct actor_conf c = meanings(1, &rows[i].meaning);
		struct house_order o;
		order_make(&c, &rows[i].action, 4000, 6000, &o);
		assert_true(o.moves && !o.bids && o.battery_w == rows[i].w);
	}
}

static void test_side(void **unused)
{
	/* The side is the one that is named; where none is, the sign of the quantity; a price alone
	 * bids nothing. */
	(void)unused;
	static const struct {
		int actions;
		enum meaning meaning[2];
		double action[2];
		bool bids;
		int side;
	} rows[] = {
		{ 1, { MEANING_SIDE }, { 0.7 }, true, 1 },
		{ 1, { MEANING_SIDE }, { 0 }, true, 0 },
		{ 1, { MEANING_QUANTITY }, { -300 }, true, -1 },
		{ 2, { MEANING_SIDE, MEANING_QUANTITY }, { 1, -300 }, true, 1 },
		{ 2, { MEANING_QUANTITY, MEANING_SIDE }, { 300, -1 }, true, -1 },
		{ 2, { MEANING_QUANTITY, MEANING_PRICE }, { 0, 0.2 }, true, 0 },
		{ 1, { MEANING_PRICE }, { 0.2 }, false, 0 },
		{ 1, { MEANING_BATTERY_POWER }, { 100 }, false, 0 },
		{ 1, { MEANING_RESERVE }, { -100 }, true, 0 },
		{ 1, { MEANING_VALUE_SHARE }, { 0.5 }, true, 0 },
		{ 1, { MEANING_ERROR_SHARE }, { 0.5 }, true, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct actor_conf c = meanings(rows[i].actions, rows[i].meaning);
		struct house_order o;
		order_make(&c, rows[i].action, 4000, 4000, &o);
		assert_int_equal(o.bids, rows[i].bids);
		assert_int_equal(o.side, rows[i].side);
	}
}

static void assert_near(double is, double expected)
{
	assert_true(fabs(is - expected) < 1e-9);
}

static const struct step quarter = { .hours = 0.25,
				     .load_w = 2000,
				     .pv_w = 400,
				     .buy = 0.3,
				     .sell = 0.1,
				     .import_limit_w = INFINITY,
				     .export_limit_w = INFINITY };

/* Charges with 4 kW, discharges with 5. */
static const struct battery_model battery = { .capacity_wh = 10000,
					      .charge_limit_w = 4000,
					      .discharge_limit_w = 5000,
					      .charge_efficiency = 0.9,
					      .discharge_efficiency = 0.9,
					      .soc_max = 1,
					      .wear = 0.01,
					      .grid_charging = true,
					      .grid_discharging = true };

static int make_bid(const struct house_order *o, const struct step *s, struct bid_order *out)
{
	struct plan_slot slot = { .step = *s, .pv_w = s->pv_w };
	const double soc = 0.5;
	return order_bid(o, &slot, &battery, 1, &soc, out);
}

static struct bid_order bid(const struct house_order *o, const struct step *s)
{
	struct bid_order order[BID_ORDERS_MAX];
	assert_int_equal(make_bid(o, s, order), 1);
	return order[0];
}

static void test_price(void **unused)
{
	/* A price stays between the utility's two; a share lies between them; none is the end where
	 * everybody could go instead. */
	(void)unused;
	struct house_order o = {
		.bids = true, .sided = true, .side = 1, .has_quantity = true, .quantity_wh = 100
	};
	assert_near(bid(&o, &quarter).price, 0.3);
	o.side = -1;
	assert_near(bid(&o, &quarter).price, 0.1);
	o.has_share = true;
	o.share = 0.25;
	assert_near(bid(&o, &quarter).price, 0.15);
	o.share = 1.5;
	assert_near(bid(&o, &quarter).price, 0.3);
	o.has_share = false;
	o.has_price = true;
	o.price = -5;
	assert_near(bid(&o, &quarter).price, 0.1);
	o.price = 0.2;
	assert_near(bid(&o, &quarter).price, 0.2);
}

static void test_expected(void **unused)
{
	/* Without a quantity it is what the house is expected to need, the batteries' order and
	 * what was traded already counted in; on the other side it refrains. */
	(void)unused;
	struct bid_order none[BID_ORDERS_MAX];
	struct house_order o = {
		.bids = true, .sided = true, .side = 1, .moves = true, .battery_w = -400
	};
	assert_near(bid(&o, &quarter).energy_wh, (2000 - 400 + 400) * 0.25);
	struct step traded = quarter;
	traded.traded_w = 1200;
	assert_near(bid(&o, &traded).energy_wh, 800 * 0.25);
	o.side = -1;
	assert_int_equal(make_bid(&o, &quarter, none), 0);
	o.battery_w = 3600;
	assert_near(bid(&o, &quarter).energy_wh, 2000 * 0.25);
	o.side = 0;
	assert_int_equal(make_bid(&o, &quarter, none), 0);
	struct step turned = quarter;
	turned.sell = 0.4;
	o.side = 1;
	o.battery_w = 0;
	assert_int_equal(make_bid(&o, &turned, none), 0);
}

static void test_reserve(void **unused)
{
	/* A reserve is bid on top of what is expected, and can turn the side; without one, what is
	 * expected is bid on its own side. */
	(void)unused;
	struct bid_order none[BID_ORDERS_MAX];
	struct house_order o = { .bids = true };
	assert_near(bid(&o, &quarter).energy_wh, 400);
	o.reserve_wh = 150;
	assert_near(bid(&o, &quarter).energy_wh, 550);
	assert_near(bid(&o, &quarter).price, 0.3);
	o.reserve_wh = -700;
	assert_near(bid(&o, &quarter).energy_wh, 300);
	assert_int_equal(bid(&o, &quarter).side, BID_SELL);
	assert_near(bid(&o, &quarter).price, 0.1);
	o.reserve_wh = -400;
	assert_int_equal(make_bid(&o, &quarter, none), 0);
	struct step narrow = quarter;
	narrow.import_limit_w = 1800;
	o.reserve_wh = 150;
	assert_near(bid(&o, &narrow).energy_wh, 450);
}

/* How much is bought (> 0) or sold at a price, of all orders. */
static double wanted_wh(const struct bid_order *b, int n, double price)
{
	double wh = 0;
	for (int i = 0; i < n; i++) {
		bool buys = b[i].side == BID_BUY && b[i].price >= price;
		bool sells = b[i].side == BID_SELL && b[i].price <= price;
		wh += buys ? b[i].energy_wh : sells ? -b[i].energy_wh : 0;
	}
	return wh;
}

static void test_worth(void **unused)
{
	/* A worth bids a curve: below what it is worth after losses the battery is charged, above
	 * it is discharged, between only what the house needs is bought; a reserve moves all of it.
	 * It lies in the band of the prices as they are, and beyond them where it is told so. */
	(void)unused;
	struct bid_order b[BID_ORDERS_MAX];
	struct house_order o = { .bids = true, .moves = true, .values = true, .value_share = 0.5 };
	assert_near(order_value(&o, &quarter), 0.2);
	for (int k = 0; k < 2; k++) {
		o.reserve_wh = 100 * k;
		int n = make_bid(&o, &quarter, b);
		assert_near(wanted_wh(b, n, 0.17), 400 + 1000 + 100 * k);
		assert_near(wanted_wh(b, n, 0.2), 400 + 100 * k);
		assert_near(wanted_wh(b, n, 0.25), 400 - 1250 + 100 * k);
	}
	o.value_share = 1.2;
	assert_near(order_value(&o, &quarter), 0.34);
	assert_near(wanted_wh(b, make_bid(&o, &quarter, b), 0.3), 400 + 1000 + 100);
}

static void test_spread(void **unused)
{
	/* An order that allows for no error bids what is expected, as where none was seen; else the
	 * bid falls with the price about that, of a house without a battery and, by worth, of one
	 * with. One that says nothing of it allows for all that was seen. Batteries that no worth
	 * is told of stay out of it. */
	(void)unused;
	struct bid_order b[BID_ORDERS_MAX];
	struct house_order o = { .bids = true };
	assert_near(bid(&o, &quarter).energy_wh, 400);
	assert_near(bid(&o, &quarter).price, 0.3);
	for (int run = 0; run < 4; run++) {
		bool values = o.values = run % 2;
		struct step unsure = quarter;
		unsure.spread_w = run < 2 ? 2400 : 600;
		o.value_share = 0.5;
		o.allows = true;
		o.error_share = 0;
		if (!values) {
			assert_near(bid(&o, &unsure).energy_wh, 400);
			assert_near(bid(&o, &unsure).price, 0.3);
		}
		o.allows = run < 2;
		o.error_share = 0.25;
		int n = make_bid(&o, &unsure, b);
		assert_true(n > 5);
		assert_true(values || fabs(wanted_wh(b, n, 0.195) - 400) < 1e-9);
		double cheap = wanted_wh(b, n, 0.101), dear = wanted_wh(b, n, 0.299);
		assert_near(cheap, 400 + 1.607574 * 150 + (values ? 1000 : 0));
		assert_near(dear, 400 - 1.607574 * 150 - (values ? 1250 : 0));
	}
}

static void test_follows(void **unused)
{
	/* By a worth between the prices the battery serves the load and stores what is over, to the
	 * watt; by one above them it charges; and what neighbours bought is delivered. Without a
	 * slot it rests. */
	(void)unused;
	struct house_order o = { .moves = true, .values = true, .value_share = 0.5 };
	struct plan_slot slot = { .step = quarter };
	const double soc = 0.5;
	double w = NAN;
	order_power(&o, &slot, &battery, 1, &soc, 1234, &w);
	assert_near(w, 1234);
	order_power(&o, &slot, &battery, 1, &soc, -1234, &w);
	assert_near(w, -1234);
	slot.step.traded_w = -2000;
	order_power(&o, &slot, &battery, 1, &soc, 1234, &w);
	assert_near(w, 3234);
	o.value_share = 1.5;
	order_power(&o, &slot, &battery, 1, &soc, 1234, &w);
	assert_near(w, -4000);
	order_power(&o, NULL, &battery, 1, &soc, 1234, &w);
	assert_near(w, 0);
}

static void test_bounds(void **unused)
{
	/* Whatever is ordered: at most one order, on its side, in the price band, of no more than
	 * the house can take or give within its connection, what was traded counted in. */
	(void)unused;
	uint64_t seed = random_seed();
	int bids = 0;
	for (int run = 0; run < 200000; run++) {
		struct house_order o = { .bids = true,
					 .sided = true,
					 .side = (int)(random_next(&seed) % 3) - 1,
					 .moves = random_next(&seed) % 2,
					 .has_quantity = random_next(&seed) % 2,
					 .has_price = random_next(&seed) % 2,
					 .has_share = random_next(&seed) % 2,
					 .battery_w = random_between(&seed, -5000, 5000),
					 .quantity_wh = random_between(&seed, 0, 5000),
					 .price = random_between(&seed, -1, 2),
					 .share = random_between(&seed, -1, 1) };
		struct step s = { .hours = 0.25,
				  .load_w = random_between(&seed, 0, 8000),
				  .pv_w = random_between(&seed, 0, 8000),
				  .sell = random_between(&seed, -0.1, 0.3),
				  .buy = random_between(&seed, -0.1, 0.5),
				  .traded_w = random_between(&seed, -3000, 3000),
				  .import_limit_w = random_between(&seed, 0, 9000),
				  .export_limit_w = random_between(&seed, 0, 9000) };
		struct bid_order b[BID_ORDERS_MAX];
		int n = make_bid(&o, &s, b);
		assert_in_range(n, 0, 1);
		if (n == 0) {
			continue;
		}
		bids++;
		double w = b[0].energy_wh / 0.25, net_w = s.load_w - s.pv_w;
		assert_true(b[0].energy_wh >= BID_LEAST_WH);
		assert_true(b[0].price >= s.sell && b[0].price <= s.buy);
		assert_true(!o.has_quantity || b[0].energy_wh <= o.quantity_wh);
		if (b[0].side == BID_BUY) {
			assert_true(o.side > 0);
			assert_true(s.traded_w + w <= s.import_limit_w + 1e-6);
			assert_true(s.traded_w + w <= net_w + 4000 + 1e-6);
		} else {
			assert_true(o.side < 0);
			assert_true(w - s.traded_w <= s.export_limit_w + 1e-6);
			assert_true(w - s.traded_w <= 5000 - net_w + 1e-6);
		}
	}
	assert_true(bids > 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power),   cmocka_unit_test(test_side),
		cmocka_unit_test(test_price),   cmocka_unit_test(test_expected),
		cmocka_unit_test(test_reserve), cmocka_unit_test(test_worth),
		cmocka_unit_test(test_spread),  cmocka_unit_test(test_follows),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
