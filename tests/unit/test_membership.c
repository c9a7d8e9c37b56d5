/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/home/membership.h"

static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */

static struct site site = { .id = "home-1", .interval_s = 900, .offer_share = 1 };
static struct problem problem;
static struct plan plan;
static struct membership m;

/* A plan of 1 kW of import each slot, with a battery that could do 2 kW either way. */
static void set_plan(void)
{
	problem = (struct problem){ .steps = 8, .batteries = 1 };
	problem.battery[0] = (struct battery_model){ .capacity_wh = 8000,
						     .charge_limit_w = 2000,
						     .discharge_limit_w = 2000,
						     .charge_efficiency = 1,
						     .discharge_efficiency = 1,
						     .soc_max = 1,
						     .grid_charging = true,
						     .grid_discharging = true };
	plan = (struct plan){ .status = PLAN_OPTIMAL, .slots = 8, .batteries = 1 };
	for (int t = 0; t < 8; t++) {
		problem.step[t] = (struct step){ .start_s = start_s + t * 900,
						 .hours = 0.25,
						 .load_w = 1000,
						 .import_limit_w = 5000,
						 .export_limit_w = 5000 };
		plan.slot[t] = (struct plan_slot){ .step = problem.step[t],
						   .grid_w = 1000,
						   .soc = { 0.5 } };
	}
}

static void ask(float net_w, float limit_w)
{
	static char text[OFFER_MESSAGE_MAX];
	char why[128];
	struct request r = { .issued_s = start_s + 10,
			     .until_s = start_s + 1800,
			     .start_s = start_s,
			     .revision = 1,
			     .slots = 8 };
	for (int k = 0; k < 8; k++) {
		r.net_w[k] = net_w;
		r.import_w[k] = limit_w;
		r.export_w[k] = INFINITY;
	}
	int length = request_json(&r, "home-1", 900, "EUR", text, sizeof(text));
	assert_int_equal(
		membership_take(&m, &site, start_s + 12, text, (size_t)length, why, sizeof(why)),
		0);
}

static void begin(enum manner manner)
{
	site.manner = (int)manner;
	m = (struct membership){ 0 };
	set_plan();
}

static void test_two_plans(void **unused)
{
	/* A home that follows plans by itself first, offers that, then plans with what it is asked;
	 * the offer of the next interval knows nothing of what was asked in this one. */
	(void)unused;
	begin(MANNER_FOLLOW);
	membership_steer(&m, &site, start_s, &problem);
	assert_true(problem.step[0].traded_w == 0);
	assert_true(membership_answer(&m, &site, start_s, &problem, &plan));
	assert_true(m.offer_waits && m.offer.net_w[0] == 1000 && m.offer.low_w[0] == -1000);
	ask(-400, INFINITY);
	assert_true(m.steer_next);
	membership_steer(&m, &site, start_s + 13, &problem);
	assert_true(m.steered && problem.step[0].traded_w == -400);
	assert_true(membership_answer(&m, &site, start_s + 14, &problem, &plan));

	set_plan(); /* the next interval's */
	membership_steer(&m, &site, start_s + 900, &problem);
	assert_true(!m.steered && problem.step[1].traded_w == 0);
	assert_false(membership_answer(&m, &site, start_s + 900, &problem, &plan));
	assert_true(m.offer.net_w[0] == 1000 && m.steer_next);
	membership_steer(&m, &site, start_s + 901, &problem);
	assert_true(m.steered && problem.step[1].traded_w == -400);
	assert_true(membership_answer(&m, &site, start_s + 901, &problem, &plan));
}

static void test_asked_while_planning(void **unused)
{
	/* A request that comes while a plan of its own is under way does not make that plan one
	 * that was asked for: it is offered, and another one made. */
	(void)unused;
	begin(MANNER_FOLLOW);
	(void)membership_answer(&m, &site, start_s, &problem, &plan);
	membership_steer(&m, &site, start_s + 5, &problem);
	ask(-400, INFINITY);
	m.offer_waits = false;
	assert_false(membership_answer(&m, &site, start_s + 15, &problem, &plan));
	assert_true(m.offer_waits && m.steer_next && !m.steered);
}

static void test_own_and_off(void **unused)
{
	/* One that answers with its own plan offers no room and is never steered or limited; one
	 * that is off offers nothing at all. */
	(void)unused;
	begin(MANNER_OWN);
	assert_true(membership_answer(&m, &site, start_s, &problem, &plan));
	assert_true(m.offer_waits && !m.offer.follows && m.offer.low_w[0] == 1000 &&
		    m.offer.high_w[0] == 1000);
	ask(-400, 100);
	membership_steer(&m, &site, start_s + 13, &problem);
	assert_true(!m.steered && problem.step[0].traded_w == 0);
	assert_true(isinf(membership_limit(&m, &site, start_s + 13).import_w));
	begin(MANNER_OFF);
	assert_true(membership_answer(&m, &site, start_s, &problem, &plan));
	assert_true(!m.offer_waits && m.offer.slots == 0);
}

static void test_until(void **unused)
{
	/* A limit holds until the request's time is over, not a second longer, and never below what
	 * was offered. */
	(void)unused;
	begin(MANNER_FOLLOW);
	(void)membership_answer(&m, &site, start_s, &problem, &plan);
	ask(300, 700);
	assert_true(membership_limit(&m, &site, start_s + 1799).import_w == 700);
	assert_true(isinf(membership_limit(&m, &site, start_s + 1800).import_w));
	struct request_slot slot;
	assert_false(membership_asks(&m, &site, start_s + 1800, &slot));
	begin(MANNER_FOLLOW);
	plan.slot[0].grid_w = 4000; /* it can go down to 2 kW */
	(void)membership_answer(&m, &site, start_s, &problem, &plan);
	ask(-9000, 0);
	assert_true(membership_limit(&m, &site, start_s + 20).import_w == 2000);
	assert_true(membership_asks(&m, &site, start_s + 20, &slot) && slot.net_w == 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_plans),
		cmocka_unit_test(test_asked_while_planning),
		cmocka_unit_test(test_own_and_off),
		cmocka_unit_test(test_until),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
