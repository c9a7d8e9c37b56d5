/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "daemon/grid/causes.h"
#include "daemon/grid/envelope.h"
#include "daemon/grid/permit.h"

enum { NODES_MAX = 128, TRADES_MAX = 64 };

static struct {
	struct feeder f;
	struct network k;
	struct permit g;
	struct envelope e;
	struct causes c;
	double p[NODES_MAX], q[NODES_MAX];
} grid;

static void set_up(double v_min, double v_max)
{
	for (int i = 0; i < grid.f.buses; i++) {
		grid.f.bus[i].v_min = v_min;
		grid.f.bus[i].v_max = v_max;
	}
	assert_true(grid.f.buses <= NODES_MAX);
	assert_int_equal(network_init(&grid.k, &grid.f), 0);
	assert_int_equal(permit_init(&grid.g, &grid.f, &grid.k, grid.f.source_v), 0);
	assert_int_equal(envelope_init(&grid.e, &grid.f, &grid.k, grid.f.source_v), 0);
	assert_int_equal(causes_init(&grid.c, &grid.k), 0);
}

static void open_feeder(double scale, double v_min, double v_max)
{
	struct diag d = { .to = stderr };
	assert_int_equal(feeder_read("etc/feeders/ieee69.csv", &grid.f, &d), 0);
	set_up(v_min, v_max);
	network_loads(&grid.k, &grid.f, scale, grid.p, grid.q);
}

static void close_feeder(void)
{
	causes_free(&grid.c);
	envelope_free(&grid.e);
	permit_free(&grid.g);
	network_free(&grid.k);
	feeder_free(&grid.f);
}

static int node_of(const char *bus)
{
	return grid.k.node[feeder_find(&grid.f, bus)];
}

static int solve(struct permit_trade *t, int trades, double price, bool losses)
{
	return permit_solve(&grid.g, grid.p, grid.q, t, trades, price, losses,
			    clock_real_us() + 60000000);
}

/* The largest excess of any limit in the AC flow of what was permitted, solved anew. */
static double check_ac(const struct permit_trade *t, int trades)
{
	struct flow s;
	double p[NODES_MAX], worst = -INFINITY;
	memcpy(p, grid.p, sizeof(p));
	for (int i = 0; i < trades; i++) {
		p[t[i].buyer] += t[i].permitted_w / grid.k.base_va;
		p[t[i].seller] -= t[i].permitted_w / grid.k.base_va;
	}
	p[0] = grid.p[0];
	assert_int_equal(flow_init(&s, &grid.k), 0);
	flow_start(&s, grid.f.source_v);
	assert_int_equal(flow_solve(&s, &grid.k, p, grid.q, 1e-12), 0);
	for (int i = 0; i < grid.g.limits; i++) {
		worst = fmax(worst, limit_excess(&grid.g.limit[i], &s, &grid.k, &grid.f));
	}
	flow_free(&s);
	return worst;
}

static void test_unbound(void **unused)
{
	/* Where nothing binds all trades are permitted, and the price at each bus is the energy's
	 * times 1 + dLoss/dP. */
	(void)unused;
	open_feeder(1, 0.85, 1.1);
	struct permit_trade t[] = {
		{ .buyer = node_of("65"), .seller = node_of("27"), .w = 20e3, .gain = 0.1 },
		{ .buyer = node_of("50"), .seller = PERMIT_UTILITY, .w = 10e3, .gain = 0.1 },
	};
	assert_int_equal(solve(t, 2, 0.05, false), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(t[i].permitted_w == t[i].w && t[i].reason == -1);
	}
	assert_int_equal(grid.g.bindings, 0);
	/* As tabulated for 50 per MWh: bus 65 58.51, 61 58.20, 27 53.77, 50 50.22, 5 50.06. */
	t[0].w = t[1].w = 0;
	assert_int_equal(solve(t, 2, 50, false), 0);
	static const struct {
		const char *bus;
		double price;
	} table[] = {
		{ "65", 58.51 }, { "61", 58.20 }, { "27", 53.77 }, { "50", 50.22 }, { "5", 50.06 }
	};
	for (int i = 0; i < 5; i++) {
		double price = permit_price_of(&grid.g, node_of(table[i].bus));
		assert_true(fabs(price - table[i].price) <= 0.0051);
	}
	close_feeder();
}

static void test_hosting(void **unused)
{
	/* A sun at the far end is permitted just what its voltage allows, as published for three
	 * loads, and energy is worth less there. */
	(void)unused;
	static const double known[][2] = { { 1, 3048.7 }, { 0.5, 2077.3 }, { 0.3, 1698.2 } };
	for (int i = 0; i < 3; i++) {
		open_feeder(known[i][0], 0.85, 1.05);
		int far = node_of("65");
		char text[80];
		struct permit_trade t = {
			.buyer = PERMIT_UTILITY, .seller = far, .w = 9e6, .gain = 0.02
		};
		assert_int_equal(solve(&t, 1, 0.05, false), 0);
		assert_true(fabs(t.permitted_w - known[i][1] * 1e3) <= 100);
		assert_true(check_ac(&t, 1) <= 1e-6);
		assert_string_equal(
			limit_text(&grid.g.binding[t.reason], &grid.k, &grid.f, text, sizeof(text)),
			"voltage of bus 65 above 1.05");
		/* At the margin another kWh there is worth what the seller asks at most. */
		assert_true(fabs(grid.g.price[far].voltage + 0.02) < 1e-6);
		assert_true(grid.g.price[far].congestion == 0);
		close_feeder();
	}
}

static void test_order(void **unused)
{
	/* Of two that break the same limit, the one that loses less by it gives way; a branch's
	 * limit binds too and is named. */
	(void)unused;
	open_feeder(1, 0.85, 1.1);
	char text[80];
	int b = node_of("28");
	grid.f.branch[grid.k.branch[b]].limit_va = 190e3;
	permit_free(&grid.g);
	assert_int_equal(permit_init(&grid.g, &grid.f, &grid.k, 1), 0);
	struct permit_trade t[] = {
		{ .buyer = node_of("35"), .seller = PERMIT_UTILITY, .w = 50e3, .gain = 0.10 },
		{ .buyer = node_of("34"), .seller = PERMIT_UTILITY, .w = 50e3, .gain = 0.20 },
		{ .buyer = node_of("33"), .seller = node_of("35"), .w = 50e3, .gain = 0.01 },
		{ .buyer = node_of("61"), .seller = PERMIT_UTILITY, .w = 50e3, .gain = 0.01 },
	};
	assert_int_equal(solve(t, 4, 0.05, false), 0);
	assert_true(t[0].permitted_w < 49e3 && t[0].permitted_w >= 0);
	assert_true(t[1].permitted_w == 50e3 && t[3].permitted_w == 50e3);
	assert_true(t[2].permitted_w == 50e3); /* behind the branch: it does not cross it */
	assert_true(check_ac(t, 4) <= 1e-6);
	assert_string_equal(
		limit_text(&grid.g.binding[t[0].reason], &grid.k, &grid.f, text, sizeof(text)),
		"branch 3-28 over 190 kVA");
	assert_true(fabs(grid.g.price[node_of("35")].congestion - 0.10) < 0.02);
	assert_true(fabs(grid.g.price[node_of("61")].congestion) < 1e-3);
	close_feeder();
}

static void test_broken_before(void **unused)
{
	/* Where the other loads alone break a limit it is told by how much, what would make it
	 * worse is refused, and what helps is not. */
	(void)unused;
	open_feeder(1, 0.95, 1.1);
	struct permit_trade t[] = {
		{ .buyer = node_of("65"), .seller = PERMIT_UTILITY, .w = 50e3, .gain = 0.10 },
		{ .buyer = PERMIT_UTILITY, .seller = node_of("64"), .w = 50e3, .gain = 0.10 },
	};
	assert_int_equal(solve(t, 2, 0.05, false), 0);
	assert_true(t[0].permitted_w == 0 && t[0].reason >= 0 && t[1].permitted_w == 50e3);
	assert_true(grid.g.excess[0] > 0.02);
	/* What nothing can carry is no flow at all. */
	network_loads(&grid.k, &grid.f, 4, grid.p, grid.q);
	assert_int_equal(solve(t, 2, 0.05, false), -EDOM);
	assert_true(t[0].permitted_w == 0 && t[1].permitted_w == 0);
	/* A trade that would let the voltage collapse is cut to what can be. */
	network_loads(&grid.k, &grid.f, 0.3, grid.p, grid.q);
	t[0].w = 500e6;
	t[1].w = 0;
	assert_int_equal(solve(t, 2, 0.05, false), 0);
	assert_true(t[0].permitted_w > 100e3 && t[0].permitted_w < 5e6);
	assert_true(check_ac(t, 2) <= 1e-6);
	close_feeder();
}

/* What a trade gains at the margin, less what it costs the limits and, if asked, the losses. */
static double margin(const struct permit_trade *t, double price, bool losses)
{
	double gain = fmax(t->gain, 1e-6);
	for (int i = 0; i < grid.g.bindings; i++) {
		const double *slope = grid.g.slope + i * grid.k.nodes;
		gain -= grid.g.dual[i] * (slope[t->buyer] - slope[t->seller]);
	}
	if (losses) {
		gain -= price * (grid.g.loss[t->buyer] - grid.g.loss[t->seller]);
	}
	return gain;
}

/* Limits of some branches, somewhat above what they carry without any trade. */
static void limit_branches(uint64_t *seed)
{
	assert_int_equal(solve(NULL, 0, 0, false), 0);
	for (int n = 1; n < grid.k.nodes; n++) {
		bool limited = random_between(seed, 0, 1) < 0.1;
		double now_va = flow_apparent(&grid.g.s, &grid.k, n) * grid.k.base_va;
		grid.f.branch[grid.k.branch[n]].limit_va =
			limited ? now_va * random_between(seed, 1.05, 1.5) + 100e3 : 0;
	}
}

static void test_random(void **unused)
{
	/* Whatever is wanted by whom, the AC flow of what is permitted keeps every limit, and
	 * nobody would gain by another split: each trade is permitted whole where it gains at the
	 * margin, not at all where it does not, in part where it is even. */
	(void)unused;
	enum { ROUNDS = 300 };
	uint64_t seed = random_seed();
	int cut = 0, passes = 0;
	double most = 0;
	for (int i = 0; i < ROUNDS; i++) {
		open_feeder(random_between(&seed, 0.1, 0.9), random_between(&seed, 0.88, 0.915),
			    random_between(&seed, 1.005, 1.05));
		limit_branches(&seed);
		permit_free(&grid.g);
		assert_int_equal(permit_init(&grid.g, &grid.f, &grid.k, 1), 0);
		struct permit_trade t[TRADES_MAX];
		int trades = 1 + (int)random_between(&seed, 0, TRADES_MAX - 1);
		double size = random_between(&seed, 1e4, 1e6);
		bool losses = i % 2;
		for (int j = 0; j < trades; j++) {
			int one = (int)random_between(&seed, 1, grid.k.nodes);
			int two = (int)random_between(&seed, 0, grid.k.nodes);
			two = random_between(&seed, 0, 1) < 0.3 ? 0 : two;
			bool turned = random_between(&seed, 0, 1) < 0.5;
			t[j] = (struct permit_trade){ .buyer = turned ? two : one,
						      .seller = turned ? one : two,
						      .w = random_between(&seed, 0, size),
						      .gain = random_between(&seed, 0, 0.2) };
		}
		int r = solve(t, trades, 0.2, losses);
		if (r != 0) {
			fail_msg("round %d: %d trades: %d", i, trades, r);
		}
		passes += grid.g.passes;
		double excess = 1e-6;
		for (int j = 0; j < grid.g.bindings; j++) {
			excess = fmax(excess, grid.g.excess[j]); /* what none can help */
		}
		double worst = check_ac(t, trades);
		if (!(worst <= excess + 1e-7)) {
			fail_msg("round %d: %d trades: over by %g", i, trades, worst);
		}
		double wanted = 0, regret = 0;
		for (int j = 0; j < trades; j++) {
			double m = margin(&t[j], 0.2, losses);
			wanted += t[j].gain * t[j].w;
			regret += m > 0 ? m * (t[j].w - t[j].permitted_w) : -m * t[j].permitted_w;
			cut += t[j].permitted_w < t[j].w;
		}
		if (!(regret <= 1e-3 * wanted + 1e-3)) {
			fail_msg("round %d: %d trades gain %g, and would %g more", i, trades,
				 wanted, regret);
		}
		most = fmax(most, regret / (wanted + 1));
		close_feeder();
	}
	assert_true(cut > ROUNDS);
	print_message("%d trades cut, %.1f passes, %.2g off the best\n", cut,
		      (double)passes / ROUNDS, most);
}

/* --- standing limits ----------------------------------------------------------------------------
 */

static double excess_at(const struct envelope_home *home, int homes, double sign, double part)
{
	struct permit_trade t[TRADES_MAX];
	for (int i = 0; i < homes; i++) {
		bool takes = sign > 0;
		double w = part * (takes ? home[i].import_limit_w : home[i].export_limit_w);
		t[i] = (struct permit_trade){ .buyer = takes ? home[i].node : 0,
					      .seller = takes ? 0 : home[i].node,
					      .permitted_w = w };
	}
	return check_ac(t, homes);
}

static void test_envelope(void **unused)
{
	/* Homes that use their limits to the full at once keep the feeder within its own; 2 % more
	 * would not; who shares a limit keeps the same part; who does not matter keeps all. */
	(void)unused;
	open_feeder(0.4, 0.95, 1.03);
	struct envelope_home home[] = {
		{ .node = node_of("61"), .import_w = 600e3, .export_w = 900e3 },
		{ .node = node_of("65"), .import_w = 200e3, .export_w = 900e3 },
		{ .node = node_of("64"), .import_w = 400e3, .export_w = 900e3 },
		{ .node = node_of("35"), .import_w = 100e3, .export_w = 100e3 },
		{ .node = node_of("2"), .import_w = 100e3, .export_w = 100e3 },
	};
	assert_int_equal(envelope_set(&grid.e, grid.p, grid.q, home, 5), 0);
	assert_false(grid.e.broken);
	for (double sign = 1; sign >= -1; sign -= 2) {
		assert_true(excess_at(home, 5, sign, 1) <= 1e-6);
		assert_true(excess_at(home, 5, sign, 1.02) > 1e-6);
	}
	double part = home[0].import_limit_w / home[0].import_w;
	assert_true(part > 0.05 && part < 0.95);
	for (int i = 1; i < 3; i++) {
		assert_true(fabs(home[i].import_limit_w / home[i].import_w - part) < 1e-9);
		assert_int_equal(home[i].import_by.kind, LIMIT_VOLTAGE_LOW);
		assert_int_equal(home[i].export_by.kind, LIMIT_VOLTAGE_HIGH);
	}
	for (int i = 3; i < 5; i++) {
		assert_true(home[i].import_limit_w == 100e3 && home[i].export_limit_w == 100e3);
		assert_int_equal(home[i].import_by.node, 0);
	}
	/* Where the others alone break a limit, homes may not add to it, and it is told. */
	network_loads(&grid.k, &grid.f, 1, grid.p, grid.q);
	assert_int_equal(envelope_set(&grid.e, grid.p, grid.q, home, 5), 0);
	assert_true(grid.e.broken && grid.e.broken_by.node == node_of("65"));
	assert_true(home[1].import_limit_w == 0 && home[1].export_limit_w > 0);
	network_loads(&grid.k, &grid.f, 4, grid.p, grid.q);
	assert_int_equal(envelope_set(&grid.e, grid.p, grid.q, home, 5), -EDOM);
	assert_true(home[4].import_limit_w == 0 && home[4].export_limit_w == 0);
	close_feeder();
}

static void test_envelope_random(void **unused)
{
	/* At random homes' limits the AC flow keeps every limit that the other loads alone keep. */
	(void)unused;
	enum { ROUNDS = 300 };
	uint64_t seed = random_seed();
	for (int i = 0; i < ROUNDS; i++) {
		open_feeder(random_between(&seed, 0, 0.8), 0.92, random_between(&seed, 1.01, 1.05));
		for (int b = 0; b < grid.f.branches; b++) {
			bool limited = random_between(&seed, 0, 1) < 0.2;
			grid.f.branch[b].limit_va = b < 8 ? 5e6 : limited ? 1.8e6 : 0;
		}
		envelope_free(&grid.e);
		permit_free(&grid.g);
		assert_int_equal(permit_init(&grid.g, &grid.f, &grid.k, 1), 0);
		assert_int_equal(envelope_init(&grid.e, &grid.f, &grid.k, 1), 0);
		struct envelope_home home[TRADES_MAX];
		int homes = 1 + (int)random_between(&seed, 0, TRADES_MAX - 1);
		double size = random_between(&seed, 1e4, 1e6);
		for (int j = 0; j < homes; j++) {
			home[j] = (struct envelope_home){
				.node = (int)random_between(&seed, 1, grid.k.nodes),
				.import_w = random_between(&seed, 0, size),
				.export_w = random_between(&seed, 0, size)
			};
		}
		assert_int_equal(envelope_set(&grid.e, grid.p, grid.q, home, homes), 0);
		double allowed = grid.e.broken ? grid.e.excess : 1e-6;
		for (double sign = 1; sign >= -1; sign -= 2) {
			double over = excess_at(home, homes, sign, 1);
			if (!(over <= allowed + 1e-7)) {
				fail_msg("round %d: %d homes, %g: over by %g", i, homes, sign,
					 over);
			}
		}
		close_feeder();
	}
}

/* --- losses -------------------------------------------------------------------------------------
 */

static void test_causes(void **unused)
{
	/* The parts of all loads add up to the AC losses, which hang on loads alone here; who
	 * stands far from the source pays more, and who relieves it is paid. */
	(void)unused;
	open_feeder(1, 0.85, 1.1);
	struct flow s;
	struct sensitivity a;
	assert_int_equal(flow_init(&s, &grid.k), 0);
	assert_int_equal(sensitivity_init(&a, &grid.k), 0);
	int near = node_of("50"), far = node_of("65");
	grid.p[node_of("64")] -= 0.5; /* a generator, MW */
	assert_int_equal(causes_find(&grid.c, &s, &a, &grid.k, grid.p, grid.q), 0);
	double sum = grid.c.fixed;
	for (int n = 0; n < grid.k.nodes; n++) {
		sum += grid.p[n] * grid.c.mean_p[n] + grid.q[n] * grid.c.mean_q[n];
	}
	assert_true(fabs(sum - grid.c.loss) < 1e-15);
	assert_true(fabs(grid.c.fixed) < 1e-9 * grid.c.loss);
	assert_true(grid.c.mean_p[far] > 10 * grid.c.mean_p[near] && grid.c.mean_p[near] > 0);
	assert_true(-0.5 * grid.c.mean_p[node_of("64")] < 0);
	/* A shunt loses without any load: that is told apart. */
	grid.f.bus[feeder_find(&grid.f, "27")].g_w = 20e3;
	network_update(&grid.k, &grid.f);
	assert_int_equal(causes_find(&grid.c, &s, &a, &grid.k, grid.p, grid.q), 0);
	assert_true(fabs(grid.c.fixed - 0.02) < 3e-4);
	sensitivity_free(&a);
	flow_free(&s);
	close_feeder();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unbound),         cmocka_unit_test(test_hosting),
		cmocka_unit_test(test_order),           cmocka_unit_test(test_broken_before),
		cmocka_unit_test(test_random),          cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_envelope_random), cmocka_unit_test(test_causes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
