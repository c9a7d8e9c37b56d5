/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/isotime.h"
#include "daemon/home/manager.h"
#include "policy/evaluate.h"
#include "tests/unit/optimised.h"

enum { MEMBERS = 4, LENGTH_S = 900 };
static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */

static struct site site;
static struct manager *manager;
static struct problem problem;
static struct plan plan;

/* A community of four, with a limit of 6 kW and no devices of its own. */
static void open_community(void)
{
	site = (struct site){
		.id = "ems",
		.role = ROLE_COMMUNITY,
		.interval_s = LENGTH_S,
		.members = MEMBERS,
		.tariff = { .currency = "EUR", .buy = { .base = 0.30 }, .sell = { .base = 0.10 } }
	};
	for (int i = 0; i < MEMBERS; i++) {
		snprintf(site.member[i].id, sizeof(site.member[i].id), "home-%d", i);
	}
	manager = manager_new(&site);
	assert_non_null(manager);
}

static void close_community(void)
{
	free(manager);
}

static void set_problem(int64_t wall_s, int steps)
{
	problem = (struct problem){ .subscribed_w = INFINITY, .time_limit_s = 2, .steps = steps };
	for (int t = 0; t < steps; t++) {
		problem.step[t] = (struct step){ .start_s = wall_s + t * LENGTH_S,
						 .hours = 0.25,
						 .load_w = 3000,
						 .buy = 0.30,
						 .sell = 0.10,
						 .import_limit_w = 6000,
						 .export_limit_w = 6000 };
	}
}

static int say(int64_t wall_s, const char *home, const char *leaf, const char *text)
{
	char why[128];
	return manager_take(manager, wall_s, home, leaf, text, strlen(text), why, sizeof(why));
}

/* A member offers a day: 1 kW each slot, but 3 kW in the third; 1.5 kW and 2 kWh of room. */
static void offer(int64_t at_s, int i, bool follows)
{
	struct offer o = { .issued_s = at_s,
			   .until_s = at_s + 2 * LENGTH_S,
			   .start_s = at_s,
			   .follows = follows,
			   .slots = 8,
			   .price = 0.01,
			   .worth = 0.2 };
	struct site home = { .interval_s = LENGTH_S, .tariff = { .currency = "EUR" } };
	static char text[OFFER_MESSAGE_MAX];
	for (int k = 0; k < o.slots; k++) {
		o.net_w[k] = k == 2 ? 3000 : 1000;
		o.low_w[k] = o.net_w[k] - 1500;
		o.high_w[k] = o.net_w[k] + 1500;
		o.up_wh[k] = o.down_wh[k] = 2000;
	}
	memcpy(home.id, site.member[i].id, sizeof(home.id));
	assert_true(offer_json(&o, &home, text, sizeof(text)) > 0);
	assert_int_equal(say(at_s, home.id, "flexibility", text), 0);
}

static void meter(int64_t at_s, int i, double net_wh)
{
	char text[256], when[ISOTIME_SIZE];
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"home\":\"home-%d\",\"interval\":\"%s\",\"length_s\":900,\"import_wh\":"
		 "%.3f,\"export_wh\":%.3f,\"known_s\":900}",
		 i, isotime_format(at_s, when), fmax(net_wh, 0), fmax(-net_wh, 0));
	assert_int_equal(say(at_s + LENGTH_S, site.member[i].id, "meter", text), 0);
}

/* The community's own interval ended; its meter saw so much. */
static void turn(int64_t at_s, double seen_wh)
{
	struct interval done = { .start_s = at_s,
				 .length_s = LENGTH_S,
				 .known_s = LENGTH_S,
				 .load_s = LENGTH_S,
				 .import_wh = fmax(seen_wh, 0),
				 .export_wh = fmax(-seen_wh, 0) };
	manager_turn(manager, &done, &plan);
}

/* Everybody metered once, so that the rest is known: 400 W. */
static void live_through_one(void)
{
	turn(start_s - LENGTH_S, 1100);
	for (int i = 0; i < MEMBERS; i++) {
		assert_int_equal(say(start_s, site.member[i].id, "status", "online"), 0);
	}
	for (int i = 0; i < MEMBERS; i++) {
		assert_false(manager_settle(manager, start_s + 5));
		meter(start_s - LENGTH_S, i, 250);
	}
	assert_true(manager_settle(manager, start_s + 5));
	assert_true(manager->rest_known);
}

static void ask(int64_t wall_s)
{
	char why[160];
	set_problem(wall_s, 12);
	manager_foresee(manager, wall_s, &problem);
	assert_int_equal(optimiser_solve(optimiser, &problem, &plan), 0);
	assert_int_equal(plan_check(&problem, &plan, why, sizeof(why)), 0);
	manager_ask(manager, wall_s, &problem, &plan);
}

static void test_asks(void **unused)
{
	/* Plans that break the limit together are asked down to it, alike, each within its offer,
	 * and held to it there; one with a plan of its own is asked for that. */
	(void)unused;
	open_community();
	live_through_one();
	assert_true(fabs(manager->rest_w - 400) < 1e-6);
	for (int i = 0; i < MEMBERS; i++) {
		offer(start_s - LENGTH_S, i, i != 3);
	}
	for (int i = 0; i < MEMBERS; i++) {
		assert_false(manager_has_all(manager, start_s));
		offer(start_s, i, i != 3);
	}
	assert_true(manager_has_all(manager, start_s));
	ask(start_s);
	assert_true(fabs(problem.step[2].load_w - (4 * 3000 + 400)) < 1e-6);
	assert_true(problem.step[10].load_w ==
		    3000); /* what nobody told stays as it was foreseen */
	assert_int_equal(manager->asked, 3);
	/* 12.4 kW are wanted, 6 allowed; three give 1.5 kW each, all that they offered. */
	for (int i = 0; i < MEMBERS; i++) {
		const struct manager_member *m = &manager->member[i];
		assert_true(m->request_waits && m->request.slots == 8);
		double expected = i == 3 ? 3000 : 1500;
		assert_true(fabs((double)m->request.net_w[2] - expected) < 1);
		assert_true(i == 3 ? isinf(m->request.import_w[2])
				   : fabs((double)m->request.import_w[2] - 1500) < 1);
		assert_true(isinf(m->request.import_w[7]));
		double moved_wh = 0;
		for (int k = 0; k < 8; k++) {
			assert_true(m->request.net_w[k] >= m->offer.low_w[k] - 0.5F);
			assert_true(m->request.net_w[k] <= m->offer.high_w[k] + 0.5F);
			moved_wh += (double)(m->request.net_w[k] - m->offer.net_w[k]) / 4;
			assert_true(fabs(moved_wh) <= 2001);
		}
	}
	close_community();
}

static void test_burden(void **unused)
{
	/* Who was asked much before is asked last. */
	(void)unused;
	open_community();
	live_through_one();
	manager->member[0].account.burden_wh = 5000;
	for (int i = 0; i < MEMBERS; i++) {
		offer(start_s, i, true);
	}
	set_problem(start_s, 8);
	for (int t = 0; t < 8; t++) {
		problem.step[t].import_limit_w = problem.step[t].export_limit_w = INFINITY;
	}
	problem.step[2].import_limit_w =
		10400 / 0.95; /* 12.4 kW are wanted: two may give all of it */
	manager_foresee(manager, start_s, &problem);
	problem.shift[0].worth = 0.3; /* nothing is gained by moving but the limit */
	assert_int_equal(optimiser_solve(optimiser, &problem, &plan), 0);
	manager_ask(manager, start_s, &problem, &plan);
	for (int i = 0; i < MEMBERS; i++) {
		double asked_w = (double)(manager->member[i].request.net_w[2] - 3000);
		assert_true(i == 0 ? fabs(asked_w) < 1 : fabs(asked_w + 2000.0 / 3) < 1);
	}
	close_community();
}

static void test_nobody_asked(void **unused)
{
	/* Before the rest is known, or without an offer that counts, nobody is asked and the
	 * forecast stays. */
	(void)unused;
	open_community();
	for (int i = 0; i < MEMBERS; i++) {
		offer(start_s, i, true);
	}
	ask(start_s);
	assert_true(problem.step[0].load_w == 3000 && problem.shifts == 0 && manager->asked == 0);
	close_community();
	open_community();
	live_through_one();
	offer(start_s, 0, true);
	ask(start_s + 2 * LENGTH_S);
	assert_true(problem.step[0].load_w == 3000 && manager->asked == 0);
	assert_false(manager->member[0].request_waits);
	close_community();
}

static void test_settles(void **unused)
{
	/* What was asked and done is settled when the last meter is in, or an interval later
	 * without who is missing; accounts are kept in rows, and another life goes on with them. */
	(void)unused;
	open_community();
	live_through_one();
	for (int i = 0; i < MEMBERS; i++) {
		offer(start_s, i, true);
	}
	ask(start_s);
	turn(start_s, 1100);
	double asked_wh[MEMBERS];
	for (int i = 0; i < MEMBERS; i++) {
		asked_wh[i] = manager->member[i].account.asked_wh;
	}
	for (int i = 0; i < 3; i++) {
		double target_wh = (double)manager->member[i].request.net_w[0] / 4;
		meter(start_s, i, target_wh);
	}
	assert_false(manager_settle(manager, start_s + 2 * LENGTH_S - 1));
	assert_true(manager_settle(manager, start_s + 2 * LENGTH_S));
	assert_false(manager_settle(manager, start_s + 2 * LENGTH_S));
	assert_true(manager->settled_s == start_s);
	double rest_w = manager->rest_w;
	assert_true(fabs(rest_w - 400) < 1e-6); /* not learned from a part */
	for (int i = 0; i < MEMBERS; i++) {
		const struct sharing_account *a = &manager->member[i].account;
		assert_true(a->intervals == (i < 3 ? 2 : 1) && a->saved >= 0);
		assert_true(fabs(a->asked_wh - asked_wh[i] - a->delivered_wh) < 0.5);
	}
	static char row[MEMBERS][2048];
	for (int i = 0; i < MEMBERS; i++) {
		assert_true(manager->member[i].row_waits);
		assert_true(manager_row_json(manager, i, row[i], sizeof(row[i])) > 0);
	}
	struct manager *before = manager;
	manager = manager_new(&site);
	assert_int_equal(manager_recall(manager, start_s, "{}"), -EINVAL);
	assert_int_equal(manager_recall(manager, start_s, "{\"member\":\"ghost\",\"fund\":1}"),
			 -EINVAL);
	for (int i = 0; i < MEMBERS; i++) {
		assert_int_equal(manager_recall(manager, start_s - (i == 3) * LENGTH_S, row[i]), 0);
		assert_true(fabs(manager->member[i].account.saved -
				 before->member[i].account.saved) < 1e-6);
		assert_true(fabs(manager->member[i].account.burden_wh -
				 before->member[i].account.burden_wh) < 1e-3);
	}
	assert_true(manager->settled_s == start_s && fabs(manager->fund - before->fund) < 1e-6 &&
		    manager->rest_known && fabs(manager->rest_w - rest_w) < 0.1);
	free(before);
	close_community();
}

static void test_refuses(void **unused)
{
	/* Who is no member, speaks for another, or of a time that is not over, is refused and
	 * changes nothing. */
	(void)unused;
	open_community();
	static const struct {
		const char *home, *leaf, *text;
	} bad[] = {
		{ "ghost", "status", "online" },
		{ "home-1", "secret", "{}" },
		{ "home-1", "meter", "{" },
		{ "home-1", "meter",
		  "{\"v\":1,\"home\":\"home-2\",\"interval\":\"2026-05-31T23:45:00Z\",\"length_s\":"
		  "900,"
		  "\"import_wh\":1,\"export_wh\":0,\"known_s\":900}" },
		{ "home-1", "meter",
		  "{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-06-01T00:00:00Z\",\"length_s\":"
		  "900,"
		  "\"import_wh\":1,\"export_wh\":0,\"known_s\":900}" },
		{ "home-1", "meter",
		  "{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-05-31T23:45:00Z\",\"length_s\":"
		  "900,"
		  "\"import_wh\":-1,\"export_wh\":0,\"known_s\":900}" },
		{ "home-1", "flexibility", "[]" },
	};
	static struct manager before;
	before = *manager;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_true(say(start_s, bad[i].home, bad[i].leaf, bad[i].text) < 0);
		assert_memory_equal(manager, &before, sizeof(before));
	}
	/* A reading of which half is not known is no reading. */
	assert_int_equal(say(start_s, "home-1", "meter",
			     "{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-05-31T23:45:00Z\","
			     "\"length_s\":900,\"import_wh\":1,\"export_wh\":0,\"known_s\":400}"),
			 0);
	assert_memory_equal(manager, &before, sizeof(before));
	close_community();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asks),         cmocka_unit_test(test_burden),
		cmocka_unit_test(test_nobody_asked), cmocka_unit_test(test_settles),
		cmocka_unit_test(test_refuses),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
