/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "test.h"

#include "daemon/home/guard.h"
#include "sim/community_homes.h"

enum { TRIALS = 20000 };

static struct reading good(double value)
{
	return (struct reading){ .value = value, .quality = QUALITY_GOOD };
}

static struct community_home random_home(uint64_t *seed)
{
	struct community_home h = { .class = CLASS_PV_BATTERY };
	h.battery = (struct battery_model){
		.capacity_wh = random_between(seed, 1e3, 20e3),
		.charge_limit_w = random_between(seed, 0, 6e3),
		.discharge_limit_w = random_between(seed, 0, 6e3),
		.charge_efficiency = random_between(seed, 0.8, 1),
		.discharge_efficiency = random_between(seed, 0.8, 1),
		.soc_min = random_between(seed, 0, 0.4),
		.soc_max = random_between(seed, 0.6, 1),
		.grid_charging = true,
		.grid_discharging = true,
	};
	bool limited = random_between(seed, 0, 1) < 0.6;
	h.import_limit_w = limited ? random_between(seed, 0, 10e3) : INFINITY;
	h.export_limit_w = limited ? random_between(seed, 0, 8e3) : INFINITY;
	return h;
}

/* What the guard of that home commands where its battery is to give want_w. */
static double guarded_w(const struct community_home *h, double soc, double net_w, double want_w)
{
	const struct battery_model *b = &h->battery;
	struct guard_conf conf = { .batteries = 1,
				   .battery = { { b->soc_min, b->soc_max, b->charge_limit_w,
						  b->discharge_limit_w } },
				   .import_limit_w = h->import_limit_w,
				   .export_limit_w = h->export_limit_w,
				   .release_us = 10000000 };
	struct state s = { .now_us = 1000000, .batteries = 1, .net_w = good(net_w) };
	s.limitable_w = s.pv_w = good(0);
	s.battery[0] = (struct battery_state){ .w = good(0),
					       .soc = good(soc),
					       .charge_max_w = b->charge_limit_w,
					       .discharge_max_w = b->discharge_limit_w,
					       .up = true };
	struct guard g;
	struct wish want = { .battery_w = { want_w } };
	struct action out;
	guard_init(&g, &conf, 0);
	guard_apply(&g, &s, &want, &out);
	return out.battery_w[0];
}

/* What a battery of a simulated community does the guard lets it do, to the watt, while it has
 * energy and room; and a wish that neither lets through becomes the same of both where the energy
 * of the interval does not bind. */
static void test_guard_agrees(void **state)
{
	(void)state;
	uint64_t seed = random_seed();
	int bound = 0;
	for (int i = 0; i < TRIALS; i++) {
		struct community_home h = random_home(&seed);
		double soc =
			random_between(&seed, h.battery.soc_min + 0.02, h.battery.soc_max - 0.02);
		double net_w = random_between(&seed, -12e3, 12e3);
		double want_w = random_between(&seed, -9e3, 9e3);
		double stored_wh = soc * h.battery.capacity_wh;
		double w = community_battery_w(&h, 1, stored_wh, net_w, want_w);
		double second_w = community_battery_w(&h, 1.0 / 3600, stored_wh, net_w, want_w);
		double commanded_w = guarded_w(&h, soc, net_w, want_w);
		assert_true(fabs(second_w - commanded_w) < 1e-6);
		bound += commanded_w != want_w;
		/* Where an hour's energy does not do, only less is done, and never the opposite. */
		assert_true(fabs(w) <= fabs(commanded_w) + 1e-6);
		assert_true(w * commanded_w >= 0);
	}
	assert_true(bound > TRIALS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_guard_agrees) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
