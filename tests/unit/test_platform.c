/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/platform.h"

#include <errno.h>

#include "leagues.h"

#include "daemon/base/clock.h"
#include "sim/league_central.h"
#include "sim/league_run.h"

enum { MEMBERS = 12, STEPS = 24, SOLVE_US = 600000000 };

static struct test_league g;
static struct league_outcome o;
static struct league_way way;

static void make(int n)
{
	uint64_t seed = UINT64_C(20260801) + (uint64_t)n;
	(void)random_next(&seed);
	/* Watched, a smaller one: everything takes fifty times as long. */
	league_make(&g, is_watched() ? 6 : MEMBERS, is_watched() ? 8 : STEPS, n % 2 == 0,
		    n % 2 == 0 ? 0 : 5, &seed);
	way = (struct league_way){ .framework = FRAMEWORK_DECENTRALISED,
				   .penalty = 0.003,
				   .relaxation = 0.8,
				   .tolerance_kw = 0.01,
				   .rounds_max = 20000,
				   .silence = 30,
				   .seed = 7 };
	for (int i = 0; i < LEAGUE_MEMBERS_MAX; i++) {
		way.dies_at[i] = way.raves_at[i] = -1;
	}
}

static void negotiate_to_optimum(const char *what, int n, const bool *gone)
{
	double best;
	assert_int_equal(league_central(&g.l, g.member, gone, clock_real_us() + SOLVE_US, &best),
			 0);
	league_outcome_free(&o);
	assert_int_equal(league_negotiate(&g.l, g.member, &way, &o), 0);
	print_message("%s %d: %lld rounds, %.6f beside %.6f, alone %.6f\n", what, n,
		      (long long)o.rounds, o.cost, best, o.alone);
	assert_true(o.converged);
	assert_true(league_is_balanced(&g.l, &o.settled));
	assert_true(o.cost >= best - 1e-4 * fabs(best));
	assert_true(o.cost <= best + 1e-3 * fabs(best));
}

static void test_optimum(void **state)
{
	(void)state; /* A platform that knows lines and answers only comes to the optimum within
			0.1 %, with up to 30 % of questions and of answers lost. */
	static const double loss[] = { 0, 0, 0.1, 0.3 };
	for (int n = 0; n < (is_watched() ? 3 : 12); n++) {
		make(n);
		way.loss = loss[n % 4];
		negotiate_to_optimum("platform", n, NULL);
		assert_int_equal(o.unagreed, 0);
	}
}

static void test_member_lost(void **state)
{
	(void)state; /* Who falls silent or raves is given up; the others reach their optimum. */
	for (int n = 0; n < (is_watched() ? 2 : 8); n++) {
		int who = (5 * n) % 6;
		bool gone[LEAGUE_MEMBERS_MAX] = { false };
		gone[who] = true;
		make(n);
		(n % 2 ? way.dies_at : way.raves_at)[who] = 20;
		negotiate_to_optimum(n % 2 ? "silent" : "raving", n, gone);
		assert_true(o.member[who].gone);
		for (int k = 0; k < g.l.lines; k++) {
			if (g.l.line[k].a == who || g.l.line[k].b == who) {
				assert_int_equal(o.end[k][g.l.line[k].a == who],
						 n % 2 ? CONSENSUS_SILENT : CONSENSUS_UNSOUND);
			}
		}
	}
}

static void test_deadline(void **state)
{
	(void)state; /* Out of rounds, what there is is settled, and nobody takes part in what costs
			it more than to stay alone. */
	int losers = 0, traders = 0;
	for (int n = 0; n < (is_watched() ? 4 : 40); n++) {
		make(n);
		way.rounds_max = 1 + n % 10;
		league_outcome_free(&o);
		assert_int_equal(league_negotiate(&g.l, g.member, &way, &o), 0);
		assert_false(o.converged);
		assert_true(league_is_balanced(&g.l, &o.settled));
		assert_true(o.cost <= o.alone * (1 + 1e-6));
		for (int i = 0; i < g.l.members; i++) {
			const struct league_member_settled *s = &o.settled.member[i];
			double all = o.member[i].cost + (double)(s->paid + s->fees) / 1e6;
			assert_true(all <= o.member[i].alone + 0.1);
			traders += !o.member[i].gone;
		}
		for (int k = 0; k < g.l.lines; k++) {
			losers += o.end[k][0] == CONSENSUS_LOSS || o.end[k][1] == CONSENSUS_LOSS;
		}
	}
	assert_true(losers > 0 && traders > 0);
}

/* Of all lines in a step; lines carry at no fee as much as they are asked to. */
static void assert_one_price(void)
{
	for (int k = 1; k < g.l.lines; k++) {
		for (int t = 0; t < g.l.steps; t++) {
			int64_t apart = o.book[k].end[0].price[t] - o.book[0].end[0].price[t];
			assert_true(llabs(apart) < 1000);
		}
	}
}

static void test_one_price(void **state)
{
	(void)state; /* Both ways come to one cost, and where lines neither bind nor cost anything
			to one price of all in each step. */
	make(1);
	for (int k = 0; k < g.l.lines; k++) {
		g.l.line[k].terms = (struct line_terms){ INFINITY, 0 };
	}
	way.tolerance_kw = 0.003;
	negotiate_to_optimum("platform", 1, NULL);
	assert_one_price();
	double cost = o.cost;
	way.framework = FRAMEWORK_DISTRIBUTED;
	negotiate_to_optimum("consensus", 1, NULL);
	assert_one_price();
	assert_true(fabs(o.cost - cost) < 2e-4 * fabs(cost));
}

/* --- settlement ---------------------------------------------------------------------------------
 */

static void make_book(struct league_books *b, uint64_t *seed)
{
	b->end[0].agreed = b->end[1].agreed = true;
	for (int t = 0; t < g.l.steps; t++) {
		b->end[0].taken_mwh[t] = (int64_t)random_between(seed, -5e7, 5e7);
		b->end[1].taken_mwh[t] = -b->end[0].taken_mwh[t];
		b->end[0].price[t] = b->end[1].price[t] = (int64_t)random_between(seed, -1e5, 5e5);
	}
}

static void test_settlement(void **state)
{
	(void)state; /* Whatever two books say, energy and money come to zero; a line of which they
			differ in a digit, or that one end does not hold, counts for neither. */
	static struct league_books book[LEAGUE_LINES_MAX];
	static struct league_meter meter[LEAGUE_MEMBERS_MAX];
	static struct league_settled s;
	uint64_t seed = random_seed();
	for (int n = 0; n < 300; n++) {
		make(n);
		for (int i = 0; i < g.l.members; i++) {
			for (int t = 0; t < g.l.steps; t++) {
				meter[i].net_mwh[t] = (int64_t)random_between(&seed, -9e7, 9e7);
				meter[i].buy[t] = (int64_t)random_between(&seed, 2e5, 4e5);
				meter[i].sell[t] = (int64_t)random_between(&seed, -1e4, 1e5);
			}
		}
		for (int k = 0; k < g.l.lines; k++) {
			int t = (int)random_between(&seed, 0, g.l.steps);
			make_book(&book[k], &seed);
			book[k].end[k % 2].agreed = k % 5 != 1;
			book[k].end[k % 2].taken_mwh[t] += k % 5 == 2;
			book[k].end[k % 2].price[t] -= k % 5 == 3;
		}
		league_settle(&g.l, book, meter, &s);
		assert_true(league_is_balanced(&g.l, &s));
		int64_t fees = 0;
		for (int k = 0; k < g.l.lines; k++) {
			bool whole = k % 5 == 0 || k % 5 == 4;
			assert_int_equal(s.line[k].counts, whole);
			assert_int_equal(s.line[k].traded_mwh > 0, whole);
			fees += s.line[k].fees;
		}
		assert_int_equal(fees, s.fees);
		s.member[n % g.l.members].paid++; /* and the balance would tell */
		assert_false(league_is_balanced(&g.l, &s));
	}
}

static void test_two_by_hand(void **state)
{
	(void)state; /* 3 kWh from b to a at 0.20 and a fee of 0.01 that is shared: what each pays.
		      */
	static const struct league two = { .members = 2,
					   .lines = 1,
					   .steps = 1,
					   .hours = 1,
					   .line = { { 0, 1, { INFINITY, 0.01 } } } };
	static const struct league_books book = { { { true, { 3000000 }, { 200000 } },
						    { true, { -3000000 }, { 200000 } } } };
	static const struct league_meter meter[] = { { { 5000000 }, { 300000 }, { 80000 } },
						     { { -4000000 }, { 300000 }, { 80000 } } };
	static struct league_settled s;
	league_settle(&two, &book, meter, &s);
	assert_int_equal(s.member[0].paid, 600000);
	assert_int_equal(s.member[0].fees, 15000);
	assert_int_equal(s.member[0].grid, 600000); /* 2 kWh at 0.30 */
	assert_int_equal(s.member[0].total, 1215000);
	assert_int_equal(s.member[1].grid, -80000); /* 1 kWh at 0.08 */
	assert_int_equal(s.member[1].total, -600000 + 15000 - 80000);
	assert_int_equal(s.utility, 520000);
	assert_true(league_is_balanced(&two, &s));
}

static void test_connected(void **state)
{
	(void)state; /* A league in two pieces is told by who is not reached. */
	make(0);
	assert_int_equal(league_unreached(&g.l), -1);
	g.l.lines -= 1; /* of a ring: a chain */
	assert_int_equal(league_unreached(&g.l), -1);
	g.l.line[3] = g.l.line[0];
	assert_int_equal(league_unreached(&g.l), 4);
}

static int clean_up(void **state)
{
	(void)state;
	league_outcome_free(&o);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_optimum),    cmocka_unit_test(test_member_lost),
		cmocka_unit_test(test_one_price),  cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_settlement), cmocka_unit_test(test_two_by_hand),
		cmocka_unit_test(test_connected),
	};
	return cmocka_run_group_tests(tests, NULL, clean_up);
}
