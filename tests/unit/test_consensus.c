/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/consensus.h"

#include <errno.h>

#include "leagues.h"

#include "daemon/base/clock.h"
#include "sim/league_central.h"
#include "sim/league_run.h"

enum { MEMBERS = 12, STEPS = 24, SOLVE_US = 600000000 };

static struct test_league g;
static struct league_outcome o;

static struct league_way way_of(int framework)
{
	struct league_way w = { .framework = framework,
				.penalty = 0.003,
				.relaxation = 0.8,
				.tolerance_kw = 0.01,
				.rounds_max = 20000,
				.silence = 30,
				.seed = 7 };
	for (int i = 0; i < LEAGUE_MEMBERS_MAX; i++) {
		w.dies_at[i] = w.raves_at[i] = -1;
	}
	return w;
}

static double central(const bool *gone)
{
	double cost;
	assert_int_equal(league_central(&g.l, g.member, gone, clock_real_us() + SOLVE_US, &cost),
			 0);
	return cost;
}

/* Rings by even seeds, sparse graphs by odd ones. */
static void make(int n)
{
	uint64_t seed = UINT64_C(20260701) + (uint64_t)n;
	(void)random_next(&seed);
	/* Watched, a smaller one: everything takes fifty times as long. */
	league_make(&g, is_watched() ? 6 : MEMBERS, is_watched() ? 8 : STEPS, n % 2 == 0,
		    n % 2 == 0 ? 0 : 5, &seed);
	assert_int_equal(league_unreached(&g.l), -1);
}

static void negotiate(const struct league_way *w)
{
	league_outcome_free(&o);
	assert_int_equal(league_negotiate(&g.l, g.member, w, &o), 0);
	assert_true(league_is_balanced(&g.l, &o.settled));
}

/* The negotiation came to the optimum, of all or of those that are left. */
static void assert_optimal(const char *what, int n, const bool *gone)
{
	double best = central(gone);
	print_message("%s %d: %lld rounds, %.6f beside %.6f, alone %.6f\n", what, n,
		      (long long)o.rounds, o.cost, best, o.alone);
	assert_true(o.converged);
	assert_true(o.cost >= best - 1e-4 * fabs(best)); /* less would not be the same league */
	assert_true(o.cost <= best + 1e-3 * fabs(best));
	assert_true(o.alone > best + 0.01 * fabs(best)); /* and there was something to find */
}

/* Nobody pays more than alone, but for what is within the tolerance. */
static void assert_nobody_loses(double slack)
{
	for (int i = 0; i < g.l.members; i++) {
		const struct league_member_settled *s = &o.settled.member[i];
		double all = o.member[i].cost + (double)(s->paid + s->fees) / 1e6;
		if (all > o.member[i].alone + slack) {
			fail_msg("member %d pays %g, alone %g", i, all, o.member[i].alone);
		}
	}
}

static void test_optimum(void **state)
{
	(void)state; /* Twelve communities that speak to their neighbours alone come to the optimum
			of all within 0.1 %, on rings and on sparse graphs, and put all lines down.
		      */
	for (int n = 0; n < (is_watched() ? 2 : 10); n++) {
		make(n);
		struct league_way w = way_of(FRAMEWORK_DISTRIBUTED);
		negotiate(&w);
		assert_optimal("consensus", n, NULL);
		assert_int_equal(o.unagreed, 0);
		assert_nobody_loses(0.1);
	}
}

static void test_loss(void **state)
{
	(void)state; /* The same with 10 % and with 30 % of all messages lost. */
	for (int n = 0; n < (is_watched() ? 2 : 10); n++) {
		make(n);
		struct league_way w = way_of(FRAMEWORK_DISTRIBUTED);
		w.loss = n % 4 < 2 ? 0.1 : 0.3;
		negotiate(&w);
		assert_optimal(n % 4 < 2 ? "10 % lost" : "30 % lost", n, NULL);
		assert_int_equal(o.unagreed, 0);
	}
}

static int lines_given_up(int member, int why)
{
	int count = 0;
	for (int k = 0; k < g.l.lines; k++) {
		bool is_a = g.l.line[k].a == member, is_b = g.l.line[k].b == member;
		count += (is_a || is_b) && o.end[k][is_a] == why;
	}
	return count;
}

static void test_member_lost(void **state)
{
	(void)state; /* A community that falls silent, or raves, is given up by its neighbours and
			named; the others reach the optimum of those that are left, and all
			balances. */
	for (int n = 0; n < (is_watched() ? 2 : 10); n++) {
		make(n);
		int who = n % g.l.members, line[NEIGHBOURS_MAX];
		bool gone[LEAGUE_MEMBERS_MAX] = { false };
		struct league_way w = way_of(FRAMEWORK_DISTRIBUTED);
		gone[who] = true;
		(n % 4 < 2 ? w.dies_at : w.raves_at)[who] = 40;
		w.loss = n % 3 == 0 ? 0.1 : 0;
		negotiate(&w);
		assert_optimal(n % 4 < 2 ? "silent" : "raving", n, gone);
		assert_true(o.member[who].gone);
		assert_int_equal(
			lines_given_up(who, n % 4 < 2 ? CONSENSUS_SILENT : CONSENSUS_UNSOUND),
			league_lines_of(&g.l, who, line));
	}
}

static void test_any_death(void **state)
{
	(void)state; /* Whenever a community dies, as lines are put down too, with messages lost or
			not: nobody waits for ever, each line counts for both ends or neither, and
			energy and money balance to the last digit. */
	make(0);
	struct league_way w = way_of(FRAMEWORK_DISTRIBUTED);
	w.tolerance_kw = 0.5; /* soon there */
	negotiate(&w);
	int64_t end = o.rounds;
	int counted = 0, cut = 0;
	for (int64_t at = is_watched() ? end - 4 : end - 24; at <= end; at++) {
		for (int lossy = 0; lossy < 2; lossy++) {
			w.dies_at[3] = at;
			w.loss = lossy ? 0.3 : 0;
			w.seed = (uint64_t)at;
			negotiate(&w);
			assert_true(o.rounds < w.rounds_max);
			assert_true(o.cost >= central(NULL) * (1 - 1e-6));
			counted += !o.member[3].gone;
			cut += o.unagreed > 0;
		}
	}
	assert_true(counted > 0 && cut > 0); /* both ways to end were seen */
}

static void test_deadline(void **state)
{
	(void)state; /* At the deadline lines are put down as they are; it says who was how far
			apart, and the result is feasible and settled. */
	make(1);
	struct league_way w = way_of(FRAMEWORK_DISTRIBUTED);
	w.rounds_max = 25;
	negotiate(&w);
	assert_false(o.converged);
	assert_true(o.worst >= 0 && o.residual_kw > w.tolerance_kw);
	assert_true(o.rounds <= w.rounds_max + 2 * w.silence);
	print_message("at the deadline %d of %d lines without terms\n", o.unagreed, g.l.lines);
	assert_true(o.unagreed < g.l.lines);
	assert_true(o.cost > central(NULL) && o.cost < o.alone);
}

static void test_penalty(void **state)
{
	(void)state; /* The penalty changes how long it takes and not what comes of it; prices at
			the end are not zero. */
	int64_t rounds = 0;
	make(4);
	double best = central(NULL);
	for (double penalty = 0.001; penalty < 0.02; penalty *= 3) {
		struct league_way w = way_of(FRAMEWORK_DISTRIBUTED);
		w.penalty = penalty;
		negotiate(&w);
		assert_true(o.converged && o.cost <= best + 1e-3 * fabs(best));
		assert_true(o.rounds != rounds);
		rounds = o.rounds;
		for (int k = 0; k < g.l.lines; k++) {
			const struct league_books *b = &o.book[k];
			for (int t = 0; t < g.l.steps; t++) {
				assert_true(b->end[0].price[t] > 10000);
				assert_true(b->end[0].price[t] < 500000);
			}
		}
	}
}

/* --- one node -----------------------------------------------------------------------------------
 */

static int answer_nothing(void *self, const double *centre_kw, double stiffness, double *taken_kw)
{
	(void)centre_kw;
	(void)stiffness;
	for (int t = 0; t < *(const int *)self; t++) {
		taken_kw[t] = 0;
	}
	return 0;
}

static const struct consensus_terms few = { .steps = 2,
					    .hours = 1,
					    .penalty = 0.01,
					    .relaxation = 0.5,
					    .tolerance_kw = 0.01,
					    .trade_max_kw = 100,
					    .price_max = 10,
					    .span = 1,
					    .silence = 3 };

static void begin(struct consensus *c)
{
	static int steps = 2;
	static const struct line_terms line[2] = { { 10, 0 }, { 10, 0 } };
	static const bool offers[2] = { true, false };
	const struct party party = { answer_nothing, &steps };
	assert_int_equal(consensus_begin(c, &few, &party, line, offers, 2), 0);
}

static void test_words(void **state)
{
	(void)state; /* An old word is not taken; each that cannot be ends its line and no other. */
	static struct consensus c;
	const struct consensus_message good = { .round = 5 };
	begin(&c);
	assert_int_equal(consensus_hear(&c, 0, &good), 0);
	assert_int_equal(consensus_hear(&c, 0, &good), -EALREADY);
	for (int i = 0; i < 11; i++) {
		struct consensus_message m = good;
		m.round = 6;
		switch (i) {
		case 0:
			m.round = -1;
			break;
		case 1:
			m.round = 1000000;
			break;
		case 2:
			m.calm = -1;
			break;
		case 3:
			m.calm = INT64_MAX;
			break;
		case 4:
			m.stage = CONSENSUS_STAGES;
			break;
		case 5:
			m.taken_kw[1] = NAN;
			break;
		case 6:
			m.taken_kw[0] = -100.5;
			break;
		case 7:
			m.price[1] = INFINITY;
			break;
		case 8:
			m.price[0] = 10.5;
			break;
		case 9:
			m.taken_mwh[1] = INT64_MIN;
			break;
		default:
			m.price_micro[0] = INT64_MAX;
			break;
		}
		begin(&c);
		assert_int_equal(consensus_hear(&c, 0, &m), -EPROTO);
		assert_int_equal(c.edge[0].end, CONSENSUS_UNSOUND);
		assert_int_equal(c.refused, 1);
		assert_int_equal(consensus_hear(&c, 0, &good), -ENOTCONN);
		assert_int_equal(consensus_hear(&c, 1, &good), 0);
		assert_int_equal(c.edge[1].end, CONSENSUS_OPEN);
	}
}

static void test_terms(void **state)
{
	(void)state; /* Terms are accepted only as both ends' words have them, and only when
			offered: another energy, another price, or what nobody offered ends the
			line. */
	static struct consensus c;
	for (int i = 0; i < 4; i++) {
		struct consensus_message m = { .round = 1, .stage = CONSENSUS_STILL };
		begin(&c);
		m.taken_kw[0] = -3;
		m.price[0] = 0.2;
		int edge = i == 3 ? 0 : 1; /* this end offers on its line 0 */
		consensus_stop(&c);
		assert_int_equal(consensus_hear(&c, edge, &m), 0);
		/* The other end would give 3 kW less 20 for its price: it takes 8.5. */
		m.round++;
		m.stage = CONSENSUS_OFFERED;
		m.taken_mwh[0] = 8500000 + (i == 1) * 1000;
		m.price_micro[0] = 100000 + (i == 2) * 1000;
		assert_int_equal(consensus_hear(&c, edge, &m), 0);
		assert_int_equal(c.edge[edge].end, i == 0 ? CONSENSUS_OPEN : CONSENSUS_DIFFERS);
		assert_int_equal(consensus_has_terms(&c.edge[edge]), i == 0);
	}
}

/* Somebody with a load of 10 kW and a utility that asks 0.30 and pays 0.05. */
static int answer_load(void *self, const double *centre_kw, double stiffness, double *taken_kw)
{
	for (int t = 0; t < *(const int *)self; t++) {
		double low_kw = centre_kw[t] + 0.05 / stiffness;
		double high_kw = centre_kw[t] + 0.30 / stiffness;
		taken_kw[t] = fmin(fmax(10, low_kw), high_kw);
	}
	return 0;
}

/* Negotiate with one who always says that it would give so much and that a kWh is worth that to it,
 * and who then offers what follows from it. Returns what became of the line. */
static const struct consensus_edge *face(double gives_kw, double price, bool offers)
{
	static struct consensus c;
	static int steps = 2;
	static const struct line_terms line = { 50, 0.01 };
	const struct party party = { answer_load, &steps };
	struct consensus_message m = { .stage = CONSENSUS_STILL, .calm = 1000 }, own;
	assert_int_equal(consensus_begin(&c, &few, &party, &line, &offers, 1), 0);
	for (int t = 0; t < 2; t++) {
		m.taken_kw[t] = -gives_kw;
		m.price[t] = price;
	}
	for (int n = 0; n < 2000 && c.edge[0].end == CONSENSUS_OPEN && !consensus_is_closed(&c);
	     n++) {
		m.round = n;
		consensus_say(&c, 0, &own);
		for (int t = 0; c.still && t < 2; t++) {
			double wanted = own.taken_kw[t] - m.taken_kw[t];
			wanted = (wanted + (own.price[t] - price) / few.penalty) / 2;
			m.taken_mwh[t] = -llround(line_flow(&line, 1, few.penalty, wanted) * 1e6);
			m.price_micro[t] = llround((own.price[t] + price) / 2 * 1e6);
			/* In haste: sealed before it was accepted. */
			m.stage = offers && own.stage < CONSENSUS_OFFERED ? CONSENSUS_STILL
									  : CONSENSUS_SEALED;
		}
		(void)consensus_hear(&c, 0, &m);
		assert_int_equal(consensus_turn(&c), 0);
	}
	return &c.edge[0];
}

static void test_worth(void **state)
{
	(void)state; /* Neither end puts down what costs it more than it is worth to it, whoever
			offers: a fair price is taken, one above what its utility asks is not. */
	for (int offers = 0; offers < 2; offers++) {
		const struct consensus_edge *e = face(10, 0.2, offers);
		assert_int_equal(e->end, CONSENSUS_OPEN);
		assert_true(consensus_has_terms(e) && e->taken_mwh[0] > 9900000);
		assert_true(e->price_micro[0] > 190000 && e->price_micro[0] < 300000);
		e = face(100, 0.8, offers);
		assert_int_equal(e->end, CONSENSUS_LOSS);
		assert_false(consensus_has_terms(e));
	}
}

static void test_unsound_terms(void **state)
{
	(void)state; /* What is no league is refused. */
	static struct consensus c;
	static int steps = 2;
	const struct party party = { answer_nothing, &steps };
	const bool offers = true;
	const struct line_terms lines[] = { { -1, 0 }, { NAN, 0 }, { 1, -0.1 } };
	for (int i = 0; i < 3; i++) {
		assert_int_equal(consensus_begin(&c, &few, &party, &lines[i], &offers, 1), -EINVAL);
	}
	struct consensus_terms t = few;
	t.relaxation = 1;
	assert_int_equal(consensus_begin(&c, &t, &party, lines, &offers, 0), -EINVAL);
	t = few;
	t.steps = LEAGUE_STEPS_MAX + 1;
	assert_int_equal(consensus_begin(&c, &t, &party, lines, &offers, 0), -EINVAL);
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
		cmocka_unit_test(test_words),         cmocka_unit_test(test_terms),
		cmocka_unit_test(test_unsound_terms), cmocka_unit_test(test_worth),
		cmocka_unit_test(test_optimum),       cmocka_unit_test(test_loss),
		cmocka_unit_test(test_member_lost),   cmocka_unit_test(test_any_death),
		cmocka_unit_test(test_deadline),      cmocka_unit_test(test_penalty),
	};
	return cmocka_run_group_tests(tests, NULL, clean_up);
}
