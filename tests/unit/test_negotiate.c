/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/market/negotiate.h"

/* --- four agents that trade among themselves: f(x) = a x^2 / 2 + b x, sum of x = 0 --------------
 */

enum { AGENTS = 4 };
static const double bend[AGENTS] = { 2, 1, 4, 0.5 }, lean[AGENTS] = { 1, -2, 3, -0.5 };
static const double one[AGENTS] = { 1, 1, 1, 1 };

static const struct negotiate_conf among = { .parties = AGENTS,
					     .steps = 1,
					     .penalty = 1,
					     .relaxation = 1,
					     .absolute = 1e-6,
					     .inner = 1e-6,
					     .rounds_max = 1000,
					     .passes_max = 1 };

static void open_among(struct negotiate *n, double penalty, double relaxation)
{
	static const double wide[AGENTS] = { 100, 100, 100, 100 };
	struct negotiate_conf c = among;
	c.penalty = 100 * penalty; /* over a connection of 100 */
	c.relaxation = relaxation;
	assert_int_equal(negotiate_init(n, &c, wide), 0);
}

static double best_of(const struct negotiate *n, int a)
{
	double rho = negotiate_penalty(n, a);
	return (rho * *negotiate_target(n, a) - lean[a] - *negotiate_price(n, a)) / (bend[a] + rho);
}

/* All but `absent` answer. */
static void go_round(struct negotiate *n, int absent)
{
	for (int a = 0; a < AGENTS; a++) {
		double x = best_of(n, a);
		if (a != absent) {
			assert_int_equal(negotiate_power(n, a, n->round, &x), 0);
		}
	}
	negotiate_close(n);
}

static void go_on(struct negotiate *n)
{
	while (n->phase == NEGOTIATE_PARTIES) {
		go_round(n, -1);
	}
}

static void test_analytic(void **unused)
{
	/* Four agents bring both residuals below 1e-6 in the known number of rounds for each
	 * penalty, and come to the price and the powers that were worked out by hand. */
	(void)unused;
	static const struct {
		double penalty;
		int rounds;
	} known[] = { { 0.1, 153 }, { 0.5, 32 }, { 1, 25 }, { 2, 42 }, { 5, 97 } };
	static const double at[AGENTS] = { -11 / 15.0, 23 / 15.0, -13 / 15.0, 1 / 15.0 };
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct negotiate n;
		open_among(&n, known[i].penalty, 1);
		go_on(&n);
		assert_int_equal(n.phase, NEGOTIATE_AGREED);
		assert_int_equal(n.round, known[i].rounds);
		assert_true(n.primal <= 1e-6 && n.dual <= 1e-6);
		n.conf.absolute = 1e-8;
		negotiate_begin(&n, false);
		go_on(&n);
		for (int a = 0; a < AGENTS; a++) {
			assert_true(fabs(n.power[a] - at[a]) <= 1e-6);
			assert_true(fabs(*negotiate_price(&n, a) - 7 / 15.0) <= 1e-6);
		}
		negotiate_free(&n);
	}
}

static void test_relaxed(void **unused)
{
	/* Over-relaxation and a balanced penalty come to the same, the latter from a penalty a
	 * hundred times too small or too large within 60 rounds. */
	(void)unused;
	for (double penalty = 0.01; penalty <= 100; penalty *= 100) {
		struct negotiate n;
		open_among(&n, penalty, 1.5);
		n.conf.balance = true;
		go_on(&n);
		assert_int_equal(n.phase, NEGOTIATE_AGREED);
		assert_in_range(n.round, 5, 60);
		assert_true(fabs(n.power[1] - 23 / 15.0) <= 3e-6);
		negotiate_free(&n);
	}
}

static void test_warm(void **unused)
{
	/* Begun where the last one ended, a negotiation is over in two rounds. */
	(void)unused;
	struct negotiate n;
	open_among(&n, 1, 1);
	go_on(&n);
	negotiate_begin(&n, false);
	go_on(&n);
	assert_int_equal(n.phase, NEGOTIATE_AGREED);
	assert_in_range(n.round, 1, 2);
	negotiate_begin(&n, true);
	go_on(&n);
	assert_int_equal(n.round, 25);
	negotiate_free(&n);
}

static void test_bound(void **unused)
{
	/* Where the source can give no more, energy costs what makes the parties keep to it; below
	 * that it costs what it costs upstream. */
	(void)unused;
	for (int tight = 0; tight < 2; tight++) {
		struct negotiate n;
		open_among(&n, 1, 1);
		n.conf.absolute = 1e-8;
		n.conf.low_kw = -INFINITY;
		n.conf.high_kw = tight ? -3 : INFINITY; /* they would take 0.4 at a price of 0.3 */
		*n.upstream = 0.3;
		negotiate_begin(&n, true);
		go_on(&n);
		assert_int_equal(n.phase, NEGOTIATE_AGREED);
		/* sum of (-b - y) / a = -b/a summed - y * 3.75 */
		double price = tight ? (1.75 + 3) / 3.75 : 0.3;
		double sum = n.power[0] + n.power[1] + n.power[2] + n.power[3];
		assert_true(fabs(*negotiate_price(&n, 2) - price) < 1e-5);
		assert_true(fabs(sum - (1.75 - 3.75 * price)) < 1e-5);
		negotiate_free(&n);
	}
}

/* --- those who are late, and those who talk nonsense --------------------------------------------
 */

static void test_garbage(void **unused)
{
	/* What is not finite, more than a connection, of another round or another party is refused
	 * with its reason, and changes nothing. */
	(void)unused;
	struct negotiate n, was;
	open_among(&n, 1, 1);
	go_round(&n, -1);
	double nan = NAN, much = 101, fine = 1;
	double before = n.power[2];
	assert_int_equal(negotiate_power(&n, 2, n.round, &nan), -EINVAL);
	assert_int_equal(n.party[2].fault, NEGOTIATE_NUMBER);
	assert_int_equal(negotiate_power(&n, 2, n.round, &much), -ERANGE);
	assert_int_equal(n.party[2].fault, NEGOTIATE_RANGE);
	assert_int_equal(negotiate_power(&n, 2, n.round - 1, &fine), -ESTALE);
	assert_int_equal(n.party[2].fault, NEGOTIATE_STALE);
	assert_int_equal(n.party[2].refused, 3);
	assert_int_equal(negotiate_power(&n, 4, n.round, &fine), -ENOENT);
	assert_int_equal(negotiate_power(&n, -1, n.round, &fine), -ENOENT);
	assert_false(n.party[2].answered);
	assert_true(n.power[2] == before);
	was = n;
	assert_int_equal(negotiate_grid(&n, n.round, 1, &fine, &fine), -EBUSY);
	assert_memory_equal(&n, &was, sizeof(n));
	negotiate_free(&n);
}

static void test_dead(void **unused)
{
	/* A party that falls silent keeps its last net power, is waited for three rounds more, is
	 * named, and the others agree around it. */
	(void)unused;
	struct negotiate n;
	open_among(&n, 1, 1);
	go_round(&n, -1);
	double last = n.power[3];
	for (int i = 0; i < NEGOTIATE_PATIENCE; i++) {
		for (int a = 0; a < 3; a++) {
			double x = best_of(&n, a);
			assert_true(negotiate_waits(&n));
			assert_int_equal(negotiate_power(&n, a, n.round, &x), 0);
		}
		assert_true(negotiate_waits(&n));
		negotiate_close(&n);
	}
	while (n.phase == NEGOTIATE_PARTIES) {
		for (int a = 0; a < 3; a++) {
			double x = best_of(&n, a);
			assert_true(negotiate_waits(&n));
			assert_int_equal(negotiate_power(&n, a, n.round, &x), 0);
		}
		assert_false(negotiate_waits(&n));
		negotiate_close(&n);
	}
	assert_int_equal(n.phase, NEGOTIATE_AGREED);
	assert_true(n.power[3] == last);
	assert_int_equal(n.party[3].fault, NEGOTIATE_LATE);
	assert_true(negotiate_gives(&n, 3) ==
		    0); /* it gives way to no price, so z is what it takes */
	assert_true(fabs(n.target[3] - last) < 1e-12);
	assert_true(negotiate_gives(&n, 0) > 0);
	/* What the three would do alone beside it: sum of (-b - y) / a = -last. */
	double price = (last + 0.75) / 1.75;
	assert_true(fabs(*negotiate_price(&n, 0) - price) < 1e-5);
	negotiate_free(&n);
}

static void test_liar(void **unused)
{
	/* Who sends nonsense round after round keeps his last good net power, is waited for no more
	 * after three rounds, is named with the reason, and the others agree around him. */
	(void)unused;
	struct negotiate n;
	uint64_t seed = random_seed();
	open_among(&n, 1, 1);
	go_round(&n, -1);
	double last = n.power[1];
	while (n.phase == NEGOTIATE_PARTIES) {
		for (int a = 0; a < AGENTS; a++) {
			double x = a == 1 ? random_between(&seed, 101, 1e9) : best_of(&n, a);
			assert_int_equal(negotiate_power(&n, a, n.round, &x), a == 1 ? -ERANGE : 0);
		}
		assert_true(negotiate_waits(&n) == (n.party[1].silent < NEGOTIATE_PATIENCE));
		negotiate_close(&n);
	}
	assert_int_equal(n.phase, NEGOTIATE_AGREED);
	assert_int_equal(n.party[1].fault, NEGOTIATE_RANGE);
	assert_int_equal(n.party[1].refused, n.round - 1);
	assert_true(n.power[1] == last);
	double sum = n.power[0] + n.power[1] + n.power[2] + n.power[3];
	assert_true(fabs(sum) < 1e-5);
	negotiate_free(&n);
}

static void test_absent(void **unused)
{
	/* Who never said what it takes is not taken for one who takes nothing: it has no part in
	 * it, and no price moves for it. */
	(void)unused;
	struct negotiate n;
	open_among(&n, 1, 1);
	while (n.phase == NEGOTIATE_PARTIES) {
		go_round(&n, 1);
	}
	assert_int_equal(n.phase, NEGOTIATE_AGREED);
	assert_false(n.party[1].present);
	assert_true(fabs(n.power[0] + n.power[2] + n.power[3]) < 1e-5);
	assert_true(n.target[1] == 0);
	negotiate_free(&n);
}

static void test_not_agreed(void **unused)
{
	/* A negotiation that is out of rounds ends without an agreement, and tells which residual
	 * is too large and whose. */
	(void)unused;
	struct negotiate n;
	open_among(&n, 5, 1);
	n.conf.rounds_max = 7;
	go_on(&n);
	assert_int_equal(n.phase, NEGOTIATE_ENDED);
	assert_int_equal(n.round, 7);
	assert_true(n.primal > n.primal_most || n.dual > n.dual_most);
	for (int a = 0; a < AGENTS; a++) {
		assert_true(n.party[n.worst_primal].off_kw >= n.party[a].off_kw);
	}
	double x = 0;
	assert_int_equal(negotiate_power(&n, 0, 7, &x), -EBUSY);
	negotiate_begin(&n, false);
	go_round(&n, -1);
	negotiate_stop(&n); /* by a deadline */
	assert_int_equal(n.phase, NEGOTIATE_ENDED);
	assert_int_equal(negotiate_power(&n, 0, n.round, &x), -EBUSY);
	negotiate_free(&n);
}

static void test_shift(void **unused)
{
	/* Moved to the next interval, each step has what the step behind it had, and the last what
	 * the first had. */
	(void)unused;
	struct negotiate n;
	struct negotiate_conf c = among;
	c.steps = 5;
	assert_int_equal(negotiate_init(&n, &c, one), 0);
	for (int a = 0; a < AGENTS; a++) {
		for (int t = 0; t < 5; t++) {
			n.price[5 * a + t] = 10 * a + t;
			n.loss_kw[t] = t;
		}
	}
	negotiate_shift(&n, 2);
	for (int a = 0; a < AGENTS; a++) {
		for (int t = 0; t < 5; t++) {
			assert_true(negotiate_price(&n, a)[t] == 10 * a + (t + 2) % 5);
			assert_true(n.loss_kw[t] == (t + 2) % 5);
		}
	}
	negotiate_free(&n);
}

/* --- the grid -----------------------------------------------------------------------------------
 */

static void test_inner(void **unused)
{
	/* With a grid whose losses are the square of what all take, the price of each is the
	 * energy's and its part of the losses; a late grid leaves the last parts. */
	(void)unused;
	struct negotiate n;
	open_among(&n, 1, 1);
	n.conf.grid = true;
	n.conf.passes_max = 50;
	n.conf.inner = 1e-9;
	n.conf.low_kw = -INFINITY;
	n.conf.high_kw = INFINITY;
	*n.upstream = 0.2;
	negotiate_begin(&n, true);
	int most = 0;
	double sum = 0;
	while (n.phase == NEGOTIATE_PARTIES) {
		go_round(&n, -1);
		while (n.phase == NEGOTIATE_GRID) {
			double price[AGENTS], z = 0;
			for (int a = 0; a < AGENTS; a++) {
				z += n.wish[a] - n.part[a] * negotiate_gives(&n, a);
			}
			double loss = 0.05 * z * z;
			for (int a = 0; a < AGENTS; a++) {
				price[a] = *n.energy * (1 + 0.1 * z);
			}
			most = n.pass > most ? n.pass : most;
			double wrong = NAN;
			assert_int_equal(negotiate_grid(&n, n.round, n.pass, &wrong, price),
					 -EINVAL);
			assert_int_equal(negotiate_grid(&n, n.round, n.pass + 1, &loss, price),
					 -ESTALE);
			assert_int_equal(negotiate_grid(&n, n.round, n.pass, &loss, price), 0);
		}
	}
	assert_int_equal(n.phase, NEGOTIATE_AGREED);
	assert_in_range(most, 2, 30);
	for (int a = 0; a < AGENTS; a++) {
		sum += n.power[a];
	}
	/* y = 0.2 (1 + 0.1 s), s = 1.75 - 3.75 y */
	double price = (0.2 + 0.02 * 1.75) / (1 + 0.02 * 3.75);
	assert_true(fabs(*negotiate_price(&n, 0) - price) < 1e-5);
	assert_true(fabs(sum - (1.75 - 3.75 * price)) < 1e-5);
	assert_true(fabs(*n.loss_kw - 0.05 * sum * sum) < 1e-5);
	double part = n.part[0];
	negotiate_begin(&n, false);
	go_round(&n, -1);
	negotiate_grid_late(&n);
	assert_int_equal(n.grid_late, 1);
	assert_true(n.part[0] == part);
	negotiate_free(&n);
}

static void test_conf(void **unused)
{
	/* Numbers that make no negotiation are refused. */
	(void)unused;
	struct negotiate n;
	struct negotiate_conf c = among;
	c.penalty = 0;
	assert_int_equal(negotiate_init(&n, &c, one), -EINVAL);
	c = among;
	c.relaxation = NAN;
	assert_int_equal(negotiate_init(&n, &c, one), -EINVAL);
	c = among;
	c.low_kw = 1;
	assert_int_equal(negotiate_init(&n, &c, one), -EINVAL);
	double none[AGENTS] = { 1, 0, 1, 1 };
	assert_int_equal(negotiate_init(&n, &among, none), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_analytic),   cmocka_unit_test(test_relaxed),
		cmocka_unit_test(test_warm),       cmocka_unit_test(test_bound),
		cmocka_unit_test(test_garbage),    cmocka_unit_test(test_dead),
		cmocka_unit_test(test_liar),       cmocka_unit_test(test_absent),
		cmocka_unit_test(test_not_agreed), cmocka_unit_test(test_shift),
		cmocka_unit_test(test_inner),      cmocka_unit_test(test_conf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
