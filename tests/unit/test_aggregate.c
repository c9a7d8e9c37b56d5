/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "test.h"

#include "daemon/market/aggregate.h"
#include "daemon/market/mechanism.h"

enum { FEEDERS = 5, ORDERS = 40, STEPS = 2 * ORDERS };

static const struct terms terms = { .k = MILLION / 2 };

/* A feeder's orders, each of an owner of its own, and all of them together. */
struct city {
	struct order order[FEEDERS][ORDERS], all[FEEDERS * ORDERS];
	struct book feeder[FEEDERS], flat;
};

/* Prices from few or many, so that many are equal or few. */
static void make_city(struct city *c, uint64_t *seed)
{
	int kinds = random_next(seed) % 2 ? 6 : 300000;
	c->flat = (struct book){ .zones = 1, .intervals = 1, .order = c->all };
	for (int k = 0; k < FEEDERS; k++) {
		int n = (int)(random_next(seed) % (ORDERS + 1)),
		    one_sided = random_next(seed) % 4 == 0;
		c->feeder[k] = (struct book){
			.orders = n, .owners = n, .zones = 1, .intervals = 1, .order = c->order[k]
		};
		for (int i = 0; i < n; i++) {
			struct order o = {
				.quantity = 1 + (int64_t)(random_next(seed) % 2000000),
				.price = (int32_t)(random_next(seed) % (uint64_t)kinds) *
					 (300000 / kinds),
				.owner = i,
				.arrival = i,
				.block = -1,
				.side = one_sided ? 0 : (unsigned)random_next(seed) & 1,
			};
			c->order[k][i] = o;
			o.owner = o.arrival = c->flat.orders;
			c->all[c->flat.orders++] = o;
		}
	}
	c->flat.owners = c->flat.orders;
}

/* The market above: a curve of each feeder. Returns what each step got, in r. */
static void clear_above(struct city *c, int steps_max, struct curve_step step[FEEDERS][STEPS],
			int steps[FEEDERS], struct order *order, struct result *r)
{
	struct book above = { .owners = FEEDERS, .zones = 1, .intervals = 1, .order = order };
	for (int k = 0; k < FEEDERS; k++) {
		steps[k] = aggregate_curve(&c->feeder[k], steps_max, step[k]);
		assert_true(steps[k] >= 0 && steps[k] <= steps_max);
		for (int i = 0; i < steps[k]; i++) {
			order[above.orders] =
				(struct order){ .quantity = step[k][i].quantity,
						.price = step[k][i].price,
						.owner = k,
						.arrival = above.orders,
						.block = -1,
						.side = (unsigned)step[k][i].side & 1 };
			above.orders++;
		}
	}
	struct terms t = terms;
	t.self_trade = true;
	assert_int_equal(mechanism_clear(mechanism_find("uniform"), &above, &t, r), 0);
}

/* Clear by curves; returns the welfare of all homes. */
static wide clear_by_curves(struct city *c, int steps_max, int32_t *price, int64_t *volume)
{
	static struct curve_step step[FEEDERS][STEPS];
	static struct order order[FEEDERS * STEPS];
	static struct result above, below;
	int steps[FEEDERS], at = 0;
	wide welfare = 0;
	int64_t bought = 0, sold = 0;
	*volume = 0;
	clear_above(c, steps_max, step, steps, order, &above);
	*price = above.price;
	for (int k = 0; k < FEEDERS; k++) {
		const struct book *b = &c->feeder[k];
		int64_t net = 0;
		for (int i = 0; i < steps[k]; i++, at++) {
			net += step[k][i].side == SIDE_BUY ? above.filled[at] : -above.filled[at];
		}
		*(net > 0 ? &bought : &sold) += net > 0 ? net : -net;
		if (!above.priced) { /* nobody trades with others: each among itself */
			assert_int_equal(net, 0);
			assert_int_equal(
				mechanism_clear(mechanism_find("uniform"), b, &terms, &below), 0);
		} else {
			assert_int_equal(aggregate_fill(b, above.price, net, &below), 0);
		}
		int64_t sum = 0;
		for (int i = 0; i < b->orders; i++) {
			const struct order *o = &b->order[i];
			bool buys = o->side == SIDE_BUY;
			assert_true(below.filled[i] >= 0 && below.filled[i] <= o->quantity);
			assert_true(below.filled[i] == 0 || !above.priced ||
				    (buys ? o->price >= above.price : o->price <= above.price));
			sum += buys ? below.filled[i] : -below.filled[i];
			*volume += buys ? below.filled[i] : 0;
		}
		assert_true(sum == net);
		welfare += result_welfare(&below, b);
	}
	assert_true(bought == sold);
	return welfare;
}

static void test_same_as_flat(void **unused)
{
	/* A market of whole curves comes to the welfare of the market of all orders, at a price at
	 * which that clears too. */
	(void)unused;
	uint64_t seed = random_seed();
	static struct city c;
	static struct result flat;
	int traded = 0;
	for (int run = 0; run < (is_watched() ? 200 : 3000); run++) {
		make_city(&c, &seed);
		assert_int_equal(mechanism_clear(mechanism_find("uniform"), &c.flat, &terms, &flat),
				 0);
		int32_t price;
		int64_t volume;
		wide welfare = clear_by_curves(&c, STEPS, &price, &volume);
		assert_true(welfare == flat.welfare);
		traded += flat.quantity > 0;
	}
	assert_true(traded > 100);
}

static void test_few_steps(void **unused)
{
	/* Curves of few steps give up some welfare, and never a home's limit. */
	(void)unused;
	uint64_t seed = random_seed();
	static struct city c;
	static struct result flat;
	double of[4] = { 0 }, whole = 0;
	static const int most[] = { 2, 4, 8, 16 };
	for (int run = 0; run < (is_watched() ? 50 : 500); run++) {
		make_city(&c, &seed);
		assert_int_equal(mechanism_clear(mechanism_find("uniform"), &c.flat, &terms, &flat),
				 0);
		whole += (double)flat.welfare;
		for (int i = 0; i < 4; i++) {
			int32_t price;
			int64_t volume;
			wide welfare = clear_by_curves(&c, most[i], &price, &volume);
			assert_true(welfare <= flat.welfare && welfare >= 0);
			of[i] += (double)welfare;
		}
	}
	print_message("welfare with 2, 4, 8, 16 steps: %.4f %.4f %.4f %.4f of all orders\n",
		      of[0] / whole, of[1] / whole, of[2] / whole, of[3] / whole);
	assert_true(of[0] / whole > 0.5 && of[3] / whole > 0.99 && of[3] > of[0]);
}

static void test_too_much(void **unused)
{
	/* More than the orders trade at a price is refused, and the edge is not. */
	(void)unused;
	static const struct order order[] = {
		{ .quantity = 1000, .price = 200000, .side = SIDE_BUY, .block = -1 },
		{ .quantity = 400,
		  .price = 100000,
		  .side = SIDE_SELL,
		  .block = -1,
		  .owner = 1,
		  .arrival = 1 },
	};
	const struct book b = {
		.orders = 2, .owners = 2, .zones = 1, .intervals = 1, .order = order
	};
	struct result r = { .orders_max = 0 };
	assert_int_equal(aggregate_fill(&b, 150000, 1001, &r), -ERANGE);
	assert_int_equal(aggregate_fill(&b, 150000, -401, &r), -ERANGE);
	assert_int_equal(aggregate_fill(&b, 200001, 1, &r), -ERANGE);
	assert_int_equal(aggregate_fill(&b, 150000, 600, &r), 0);
	assert_true(r.filled[0] == 1000 && r.filled[1] == 400 && r.amount[0] == 150);
	assert_int_equal(aggregate_fill(&b, 150000, 1000, &r), 0);
	assert_true(r.filled[0] == 1000 && r.filled[1] == 0);
	assert_int_equal(aggregate_fill(&b, 150000, -400, &r), 0);
	assert_true(r.filled[0] == 0 && r.filled[1] == 400);
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_flat),
		cmocka_unit_test(test_few_steps),
		cmocka_unit_test(test_too_much),
	};
	return cmocka_run_group_tests_name("aggregate", tests, NULL, NULL);
}
