/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/home/bargain.h"
#include "policy/exact.h"
#include "tests/unit/houses.h"

enum { STEPS = 24, FIRST = 5, OFFERED = 12, HOUSES = 200 };
static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */

static struct bargain bargain;
static struct exact exact;
static struct plan plan;
static struct site site;
static char text[ADMM_SIZE], said[ADMM_SIZE], why[ADMM_WHY_SIZE];

/* A house with one battery by the hour, whose steps' prices are those of its tariff. */
static struct problem any_house(uint64_t seed)
{
	struct dice d = { .state = seed };
	struct problem p = house_random(&d, STEPS, false);
	p.batteries = 1;
	p.battery[0] = house_battery(&d);
	p.demand_charge = 0;
	p.evs = p.loads = p.thermals = p.shifts = p.scenarios = p.tail = 0;
	p.objective = OBJECTIVE_COST;
	p.pv_curtailable = false;
	p.subscribed_w = INFINITY;
	p.preference_per_h = 0;
	for (int t = 0; t < STEPS; t++) {
		p.step[t].start_s = start_s + 3600 * t;
		p.step[t].hours = 1;
		p.step[t].traded_w = 0;
		p.step[t].import_limit_w = p.step[t].export_limit_w = INFINITY;
		p.step[t].sell = fmin(fmax(p.step[t].sell, 0.001), p.step[t].buy);
	}
	return p;
}

static struct admm_offer any_offer(struct dice *d, double penalty)
{
	struct admm_offer o = { .head = { .negotiation = 7,
					  .round = 3,
					  .start_s = start_s + 3600 * FIRST,
					  .length_s = 3600,
					  .steps = OFFERED },
				.penalty = penalty };
	for (int t = 0; t < OFFERED; t++) {
		o.price[t] = dice_between(d, 0.05, 0.4);
	}
	return o;
}

/* What the house answers, kW by step of the offer. */
static int answer(const struct problem *p, const struct admm_offer *o, struct admm_power *out)
{
	int n = admm_offer_write(o, text, sizeof(text));
	assert_true(n > 0);
	int r = bargain_answer(&bargain, &site, p, &plan, text, (size_t)n, said, sizeof(said), why);
	if (r >= 0) {
		assert_int_equal(admm_power_read(said, (size_t)r, out, why), 0);
		assert_string_equal(out->home, site.id);
		assert_true(out->head.negotiation == 7 && out->head.round == 3);
	}
	return r;
}

static void open_site(void)
{
	site = (struct site){ .interval_s = 3600,
			      .import_limit_w = INFINITY,
			      .export_limit_w = INFINITY };
	snprintf(site.id, sizeof(site.id), "home-1");
	plan = (struct plan){ .slots = STEPS };
}

/* The offer as a tariff, for the exact plan. */
static bool solve_as_tariff(const struct problem *p, const struct admm_offer *o)
{
	struct problem q = *p;
	for (int t = 0; t < OFFERED; t++) {
		q.step[FIRST + t].buy = q.step[FIRST + t].sell = o->price[t];
	}
	return exact_solve(&exact, &q, &plan) == 0;
}

static void test_prices(void **unused)
{
	/* Where nothing holds it to a target, a house answers what it would plan if the offer's
	 * prices were its tariff's, for random houses. */
	(void)unused;
	int held = 0;
	open_site();
	for (uint64_t seed = 1; seed <= HOUSES; seed++) {
		struct dice d = { .state = seed };
		struct problem p = any_house(seed);
		struct admm_offer o = any_offer(&d, 1e-9);
		struct admm_power power;
		if (!solve_as_tariff(&p, &o)) {
			continue;
		}
		held++;
		assert_true(answer(&p, &o, &power) > 0);
		double planned = 0, answered = 0;
		for (int t = 0; t < OFFERED; t++) {
			planned += o.price[t] * plan.slot[FIRST + t].grid_w / 1e3;
			answered += o.price[t] * power.power[t];
			if (fabs(power.power[t] - plan.slot[FIRST + t].grid_w / 1e3) > 1e-3) {
				fail_msg("house %llu, step %d: %.9g kW, planned %.9g",
					 (unsigned long long)seed, t, power.power[t],
					 plan.slot[FIRST + t].grid_w / 1e3);
			}
		}
		assert_true(fabs(planned - answered) < 1e-3 * (1 + fabs(planned)));
	}
	print_message("it held for %d of %d houses\n", held, HOUSES);
	assert_true(held > HOUSES / 2);
}

static void test_targets(void **unused)
{
	/* Where much holds it to a target that it can meet, it meets it, whatever the prices. */
	(void)unused;
	int held = 0;
	open_site();
	for (uint64_t seed = 1; seed <= HOUSES; seed++) {
		struct dice d = { .state = seed };
		struct problem p = any_house(seed);
		struct admm_offer one = any_offer(&d, 1e-9), two = any_offer(&d, 1e4);
		struct admm_power power;
		if (!solve_as_tariff(&p, &one)) {
			continue;
		}
		held++;
		for (int t = 0; t < OFFERED; t++) {
			two.target[t] = plan.slot[FIRST + t].grid_w / 1e3;
		}
		assert_true(answer(&p, &two, &power) > 0);
		for (int t = 0; t < OFFERED; t++) {
			assert_true(fabs(power.power[t] - two.target[t]) < 1e-2);
		}
	}
	assert_true(held > HOUSES / 2);
}

static void test_connection(void **unused)
{
	/* However good the price, it answers no more than its connection carries, where it can. */
	(void)unused;
	open_site();
	site.import_limit_w = site.export_limit_w = 2000;
	struct problem p = any_house(3);
	p.battery[0] = (struct battery_model){ .capacity_wh = 50e3,
					       .charge_limit_w = 20e3,
					       .discharge_limit_w = 20e3,
					       .charge_efficiency = 0.95,
					       .discharge_efficiency = 0.95,
					       .soc_start = 0.5,
					       .soc_max = 1,
					       .soc_end = -1,
					       .grid_charging = true,
					       .grid_discharging = true };
	struct dice d = { .state = 3 };
	struct admm_offer o = any_offer(&d, 1e-6);
	struct admm_power power;
	bool full = false;
	for (int t = 0; t < OFFERED; t++) {
		p.step[FIRST + t].load_w = 500;
		p.step[FIRST + t].pv_w = 0;
		o.price[t] = t % 2 ? 0.9 : 0.01;
	}
	assert_true(answer(&p, &o, &power) > 0);
	for (int t = 0; t < OFFERED; t++) {
		assert_true(fabs(power.power[t]) <= 2 + 1e-9);
		full |= power.power[t] < -2 + 1e-6;
	}
	assert_true(full);
}

static void test_others(void **unused)
{
	/* A house with more to plan than a battery says what its plan has it do. */
	(void)unused;
	open_site();
	struct problem p = any_house(4);
	struct dice d = { .state = 4 };
	struct admm_offer o = any_offer(&d, 1);
	struct admm_power power;
	p.batteries = 2;
	p.battery[1] = p.battery[0];
	for (int t = 0; t < STEPS; t++) {
		plan.slot[t].grid_w = 100 * t;
	}
	assert_true(answer(&p, &o, &power) > 0);
	for (int t = 0; t < OFFERED; t++) {
		assert_true(power.power[t] == plan.slot[FIRST + t].grid_w / 1e3);
	}
}

static void test_refused(void **unused)
{
	/* Without a plan that reaches as far there is no answer, nor to what is no offer of its
	 * intervals. */
	(void)unused;
	open_site();
	struct problem p = any_house(5);
	struct dice d = { .state = 5 };
	struct admm_power power;
	struct admm_offer o = any_offer(&d, 1);
	plan.slots = 0;
	assert_int_equal(answer(&p, &o, &power), -ENODATA);
	plan.slots = FIRST + OFFERED - 1;
	assert_int_equal(answer(&p, &o, &power), -ENODATA);
	plan.slots = STEPS;
	o.head.start_s += 3600 * (STEPS - OFFERED);
	assert_int_equal(answer(&p, &o, &power), -ENODATA);
	o.head.start_s = start_s + 1800;
	assert_int_equal(answer(&p, &o, &power), -ENODATA);
	o = any_offer(&d, 1);
	o.head.length_s = 900;
	assert_int_equal(answer(&p, &o, &power), -EINVAL);
	assert_true(bargain_answer(&bargain, &site, &p, &plan, "{}", 2, said, sizeof(said), why) <
		    0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prices),     cmocka_unit_test(test_targets),
		cmocka_unit_test(test_connection), cmocka_unit_test(test_others),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
