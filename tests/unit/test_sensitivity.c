/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/grid/lindistflow.h"
#include "daemon/grid/sensitivity.h"

enum { NODES_MAX = 128 };
#define SOLVED 1e-13
#define STEP   1e-5

static struct {
	struct feeder f;
	struct network k;
	struct flow s;
	struct sensitivity a;
	double p[NODES_MAX], q[NODES_MAX], dp[NODES_MAX], dq[NODES_MAX];
} grid;

static void set_up(void)
{
	assert_true(grid.f.buses <= NODES_MAX);
	assert_int_equal(network_init(&grid.k, &grid.f), 0);
	assert_int_equal(flow_init(&grid.s, &grid.k), 0);
	assert_int_equal(sensitivity_init(&grid.a, &grid.k), 0);
	network_loads(&grid.k, &grid.f, 1, grid.p, grid.q);
	flow_start(&grid.s, grid.f.source_v);
}

static void open_feeder(const char *path)
{
	struct diag d = { .to = stderr };
	assert_int_equal(feeder_read(path, &grid.f, &d), 0);
	set_up();
}

static void close_feeder(void)
{
	sensitivity_free(&grid.a);
	flow_free(&grid.s);
	network_free(&grid.k);
	feeder_free(&grid.f);
}

static void solve(void)
{
	assert_int_equal(flow_solve(&grid.s, &grid.k, grid.p, grid.q, SOLVED), 0);
	sensitivity_at(&grid.a, &grid.s, grid.p, grid.q);
}

static int node_of(const char *bus)
{
	return grid.k.node[feeder_find(&grid.f, bus)];
}

static void test_table(void **unused)
{
	/* On the 69-bus feeder the losses and the voltage of a bus move with its own load as
	 * tabulated, to the table's last digit. */
	(void)unused;
	static const struct {
		const char *bus;
		double loss_p, loss_q, v_p, v_q; /* the latter for what is fed in */
	} table[] = {
		{ "5", 0.00112, 0.00082, 0.000173, 0.000221 },
		{ "11", 0.04767, 0.03232, 0.012605, 0.005445 },
		{ "18", 0.07210, 0.04842, 0.042233, 0.015438 },
		{ "27", 0.07531, 0.05070, 0.059625, 0.021245 },
		{ "35", 0.00159, 0.00112, 0.030682, 0.011093 },
		{ "50", 0.00430, 0.00310, 0.002944, 0.007138 },
		{ "61", 0.16390, 0.11252, 0.040402, 0.017568 },
		{ "65", 0.17013, 0.11696, 0.054507, 0.024799 },
		{ "69", 0.05397, 0.03659, 0.022139, 0.008637 },
	};
	open_feeder("etc/feeders/ieee69.csv");
	solve();
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		int n = node_of(table[i].bus);
		assert_int_equal(sensitivity_loss(&grid.a, &grid.s, &grid.k, grid.dp, grid.dq), 0);
		assert_true(fabs(grid.dp[n] - table[i].loss_p) <= 5.1e-6);
		assert_true(fabs(grid.dq[n] - table[i].loss_q) <= 5.1e-6);
		assert_int_equal(
			sensitivity_voltage(&grid.a, &grid.s, &grid.k, n, grid.dp, grid.dq), 0);
		assert_true(fabs(-grid.dp[n] - table[i].v_p) <= 5.1e-7);
		assert_true(fabs(-grid.dq[n] - table[i].v_q) <= 5.1e-7);
	}
	close_feeder();
}

/* --- against finite differences -----------------------------------------------------------------
 */

enum question { LOSS, VOLTAGE, APPARENT, QUESTIONS };

static double value_of(enum question what, int node)
{
	double loss;
	assert_int_equal(flow_solve(&grid.s, &grid.k, grid.p, grid.q, SOLVED), 0);
	flow_loss(&grid.s, &grid.k, &loss, NULL);
	return what == LOSS      ? loss
	       : what == VOLTAGE ? flow_voltage(&grid.s, &grid.k, node)
				 : flow_apparent(&grid.s, &grid.k, node);
}

static void ask(enum question what, int node)
{
	solve();
	int r = what == LOSS ? sensitivity_loss(&grid.a, &grid.s, &grid.k, grid.dp, grid.dq)
		: what == VOLTAGE
			? sensitivity_voltage(&grid.a, &grid.s, &grid.k, node, grid.dp, grid.dq)
			: sensitivity_apparent(&grid.a, &grid.s, &grid.k, node, grid.dp, grid.dq);
	assert_int_equal(r, 0);
}

static double difference(enum question what, int node, double *load)
{
	double was = *load;
	*load = was + STEP;
	double up = value_of(what, node);
	*load = was - STEP;
	double down = value_of(what, node);
	*load = was;
	return (up - down) / (2 * STEP);
}

/* The largest error at node `at` of what is asked about `node`. */
static double error_at(enum question what, int node, int at)
{
	double p = fabs(difference(what, node, &grid.p[at]) - grid.dp[at]);
	double q = fabs(difference(what, node, &grid.q[at]) - grid.dq[at]);
	return fmax(p, q);
}

static void test_shipped(void **unused)
{
	/* On the feeders we ship each sensitivity equals finite differences to 1e-6, behind a
	 * transformer off its nominal ratio as well. */
	(void)unused;
	static const char *const feeders[] = { "ieee33", "ieee69", "community-lv" };
	for (int i = 0; i < 3; i++) {
		char path[64];
		snprintf(path, sizeof(path), "etc/feeders/%s.csv", feeders[i]);
		open_feeder(path);
		for (int b = 0; b < grid.f.branches; b++) {
			grid.f.branch[b].ratio = grid.f.branch[b].tapped ? 0.96 : 1;
		}
		network_update(&grid.k, &grid.f);
		for (int node = 1; node < grid.k.nodes; node += 5) {
			for (enum question what = 0; what < QUESTIONS; what++) {
				ask(what, node);
				for (int at = 1; at < grid.k.nodes; at += 7) {
					double off = error_at(what, node, at);
					if (!(off <= 1e-6)) {
						fail_msg("%s: %d of node %d at %d off by %g",
							 feeders[i], what, node, at, off);
					}
				}
			}
		}
		close_feeder();
	}
}

/* A tree of 2 to 20 buses with shunts, charging and transformers told from either side. */
static void make_random(uint64_t *seed)
{
	int buses = 2 + (int)random_between(seed, 0, 19);
	double load = random_between(seed, 1e4, 4e5) / buses;
	char name[FEEDER_NAME_SIZE];
	feeder_init(&grid.f, "made up");
	grid.f.base_va = 1e6;
	grid.f.source = 0;
	grid.f.source_v = random_between(seed, 0.95, 1.05);
	for (int i = 0; i < buses; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(feeder_add_bus(&grid.f, name, i), i);
		struct feeder_bus *bus = &grid.f.bus[i];
		bus->p_w = load * random_between(seed, -0.5, 1);
		bus->q_var = load * random_between(seed, -0.3, 0.6);
		bus->g_w = random_between(seed, 0, 1e4);
		bus->b_var = random_between(seed, -1e4, 3e4);
		struct feeder_branch b = { .closed = true,
					   .ratio = 1,
					   .r = random_between(seed, 0.01, 0.2),
					   .x = random_between(seed, 0.01, 0.2),
					   .b = random_between(seed, 0, 0.01) };
		int up = (int)random_between(seed, 0, i);
		bool turned = random_between(seed, 0, 1) < 0.3;
		b.from = turned ? i : up;
		b.to = turned ? up : i;
		b.tapped = random_between(seed, 0, 1) < 0.3;
		b.ratio = b.tapped ? random_between(seed, 0.93, 1.07) : 1;
		if (i > 0) {
			assert_true(feeder_add_branch(&grid.f, &b) >= 0);
		}
	}
}

static void test_random(void **unused)
{
	/* Of 1000 random feeders with shunts and taps every sensitivity equals finite differences
	 * to 1e-5 of what it is large. */
	(void)unused;
	enum { FEEDERS = 1000 };
	uint64_t seed = random_seed();
	double worst = 0;
	for (int i = 0; i < FEEDERS; i++) {
		make_random(&seed);
		set_up();
		for (enum question what = 0; what < QUESTIONS; what++) {
			int node = 1 + (int)random_between(&seed, 0, grid.k.nodes - 1);
			int at = 1 + (int)random_between(&seed, 0, grid.k.nodes - 1);
			ask(what, node);
			if (what == APPARENT && flow_apparent(&grid.s, &grid.k, node) < 0.01) {
				continue; /* |S| has a kink where nothing flows */
			}
			double off = error_at(what, node, at) / (1 + fabs(grid.dp[at]));
			worst = fmax(worst, off);
			if (!(off <= 1e-5)) {
				fail_msg("feeder %d: %d of node %d at %d off by %g", i, what, node,
					 at, off);
			}
		}
		close_feeder();
	}
	print_message("at most off by %.2g\n", worst);
}

static void test_collapse(void **unused)
{
	/* A feeder at the very edge of what it can carry still has sensitivities, and they are
	 * huge. */
	(void)unused;
	open_feeder("etc/feeders/ieee69.csv");
	int far = node_of("65");
	network_loads(&grid.k, &grid.f, 3.2, grid.p, grid.q);
	ask(VOLTAGE, far);
	assert_true(grid.dp[far] < -0.2);
	assert_true(error_at(VOLTAGE, far, far) < 1e-4 * fabs(grid.dp[far]));
	/* The source's voltage is given, whatever the load. */
	ask(VOLTAGE, 0);
	for (int n = 0; n < grid.k.nodes; n++) {
		assert_true(grid.dp[n] == 0 && grid.dq[n] == 0);
	}
	close_feeder();
}

static void test_lindistflow(void **unused)
{
	/* LinDistFlow misses voltages and losses of the 69-bus feeder by what is known of it. */
	(void)unused;
	static const struct {
		double scale, v, loss;
	} known[] = { { 1, 0.0039, -0.149 }, { 0.5, 0.0008, -0.072 }, { 1.25, 0.0066, -0.189 } };
	open_feeder("etc/feeders/ieee69.csv");
	for (int i = 0; i < 3; i++) {
		double v[NODES_MAX], p[NODES_MAX], q[NODES_MAX], loss, most = 0;
		network_loads(&grid.k, &grid.f, known[i].scale, grid.p, grid.q);
		solve();
		flow_loss(&grid.s, &grid.k, &loss, NULL);
		lindistflow(&grid.k, 1, grid.p, grid.q, v, p, q);
		for (int n = 0; n < grid.k.nodes; n++) {
			most = fmax(most, fabs(v[n] - flow_voltage(&grid.s, &grid.k, n)));
		}
		assert_true(fabs(most - known[i].v) <= 5.1e-5);
		double off = lindistflow_loss(&grid.k, p, q) / loss - 1;
		assert_true(fabs(off - known[i].loss) <= 5.1e-4);
	}
	close_feeder();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),       cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_random),      cmocka_unit_test(test_collapse),
		cmocka_unit_test(test_lindistflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
