/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "sim/community_order.h"
#include "tests/unit/communities.h"

static struct community a, b;
static struct community_intent room[COMMUNITY_HOMES];

static void obey_all(struct community *c, double share, double reserve_wh, double spread)
{
	for (int i = 0; i < COMMUNITY_HOMES; i++) {
		bool battery = c->home[i].battery.capacity_wh > 0;
		struct house_order o = { .moves = battery,
					 .values = battery,
					 .bids = true,
					 .value_share = share,
					 .reserve_wh = reserve_wh,
					 .allows = spread > 0,
					 .error_share = spread };
		c->act[i] = community_obey(&c->env, i, &o, &room[i]);
	}
}

/* Without a market, a worth in the middle of the prices is self-consumption by rules, to the
 * milliwatt in every home and step; one above what the utility asks is not. */
static void test_middle_is_rules(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	int moved = 0, apart = 0;
	community_make(&a, seed, NULL, SETTLE_METERED);
	community_make(&b, seed, NULL, SETTLE_METERED);
	while (community_env_goes_on(&a.env)) {
		bool above = a.env.step >= COMMUNITY_STEPS / 2;
		obey_all(&a, above ? 1.4 : 0.6, 0, 0);
		for (int i = 0; i < COMMUNITY_HOMES; i++) {
			b.act[i] = (struct community_act){ .serve_self = true };
		}
		assert_int_equal(community_env_step(&a.env, a.act), 0);
		assert_int_equal(community_env_step(&b.env, b.act), 0);
		for (int i = 0; i < COMMUNITY_HOMES; i++) {
			double off_w = a.env.outcome[i].battery_w - b.env.outcome[i].battery_w;
			assert_true(above || fabs(off_w) < 1e-3);
			moved += fabs(b.env.outcome[i].battery_w) > 1;
			apart += fabs(off_w) > 1;
		}
	}
	assert_true(moved > COMMUNITY_STEPS && apart > COMMUNITY_STEPS / 2);
	community_unmake(&a);
	community_unmake(&b);
}

/* On a market batteries of that worth sell to neighbours, so that homes together import less from
 * the utility than by rules and pay less; what is bid is never beyond a connection, and no limit is
 * broken, whatever the worth, the reserve and the spread. */
static void test_trades(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	double cost = 0, rules = 0;
	community_make(&a, seed, "uniform", SETTLE_METERED);
	community_make(&b, seed, "uniform", SETTLE_METERED);
	for (int wild = 0; wild < 2; wild++) {
		community_env_begin(&a.env, 0);
		community_env_begin(&b.env, 0);
		while (community_env_goes_on(&a.env)) {
			obey_all(&a, wild ? random_between(&seed, -2, 2) : 0.6,
				 wild ? random_between(&seed, -1e5, 1e5) : 0,
				 wild ? random_between(&seed, 0, 2) : 0);
			for (int i = 0; i < COMMUNITY_HOMES; i++) {
				b.act[i] = (struct community_act){ .serve_self = true,
								   .price_share = 0.5 };
			}
			assert_int_equal(community_env_step(&a.env, a.act), 0);
			assert_int_equal(community_env_step(&b.env, b.act), 0);
			for (int i = 0; i < COMMUNITY_HOMES; i++) {
				const struct community_outcome *o = &a.env.outcome[i];
				const struct battery_model *m = &a.home[i].battery;
				cost += wild ? 0 : o->cost;
				rules += wild ? 0 : b.env.outcome[i].cost;
				assert_true(o->battery_w >= -m->charge_limit_w &&
					    o->battery_w <= m->discharge_limit_w);
				assert_true(o->grid_w >= -a.home[i].export_limit_w - 1e-6);
				for (int k = 0; k < a.act[i].bids; k++) {
					assert_true(room[i].bid[k].energy_wh <= 17e3 + 1e-6);
				}
			}
		}
	}
	assert_true(cost < rules);
	community_unmake(&a);
	community_unmake(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_middle_is_rules),
		cmocka_unit_test(test_trades),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
