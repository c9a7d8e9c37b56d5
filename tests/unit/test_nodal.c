/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/grid/nodal.h"

enum { PARTIES = 6, STEPS = 3, ANSWERS = 12 };
static const char *const at_bus[PARTIES] = { "65", "61", "27", "50", "69", "65" };

static struct {
	struct feeder f;
	struct network k;
	struct nodal n;
	double wish[PARTIES * STEPS], gives[PARTIES], energy[STEPS];
	double loss[STEPS], price[PARTIES * STEPS], z[PARTIES * STEPS];
} grid;

/* The 69-bus feeder with its loads times `scale` in each step, within v_min and v_max. */
static void open_grid(const double *scale, double v_min, double v_max)
{
	struct diag d = { .to = stderr };
	int node[PARTIES];
	assert_int_equal(feeder_read("etc/feeders/ieee69.csv", &grid.f, &d), 0);
	for (int b = 0; b < grid.f.buses; b++) {
		grid.f.bus[b].v_min = v_min;
		grid.f.bus[b].v_max = v_max;
	}
	assert_int_equal(network_init(&grid.k, &grid.f), 0);
	for (int a = 0; a < PARTIES; a++) {
		node[a] = grid.k.node[feeder_find(&grid.f, at_bus[a])];
	}
	assert_int_equal(nodal_init(&grid.n, &grid.f, &grid.k, 1, PARTIES, STEPS, node), 0);
	for (int t = 0; t < STEPS; t++) {
		network_loads(&grid.k, &grid.f, scale[t], grid.n.base_p + t * grid.k.nodes,
			      grid.n.base_q + t * grid.k.nodes);
	}
}

static void close_grid(void)
{
	nodal_free(&grid.n);
	network_free(&grid.k);
	feeder_free(&grid.f);
}

static void answer(int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(nodal_answer(&grid.n, grid.wish, grid.gives, grid.energy,
					      grid.loss, grid.price),
				 0);
	}
	for (int a = 0; a < PARTIES; a++) {
		for (int t = 0; t < STEPS; t++) {
			int i = a * STEPS + t;
			grid.z[i] = grid.wish[i] - grid.gives[a] * (grid.price[i] - grid.energy[t]);
		}
	}
}

static void test_table(void **unused)
{
	/* Where no limit binds, a bus pays for energy and for the losses it makes, as tabulated for
	 * the 69-bus feeder, whose losses are told. */
	(void)unused;
	static const double scale[STEPS] = { 1, 1, 0.5 };
	static const double marginal[PARTIES] = { 0.17013, 0.16390, 0.07531,
						  0.00430, 0.05397, 0.17013 };
	open_grid(scale, 0.8, 1.2);
	memset(grid.wish, 0, sizeof(grid.wish));
	memset(grid.gives, 0, sizeof(grid.gives));
	for (int t = 0; t < STEPS; t++) {
		grid.energy[t] = 0.05 * (t + 1);
	}
	answer(1);
	for (int a = 0; a < PARTIES; a++) {
		for (int t = 0; t < 2; t++) {
			double price = grid.energy[t] * (1 + marginal[a]);
			assert_true(fabs(grid.price[a * STEPS + t] - price) < 1e-6);
		}
	}
	assert_true(fabs(grid.loss[0] - 224.99) < 0.01);
	assert_true(fabs(grid.loss[2] - 51.604) < 0.001);
	close_grid();
}

/* What step t costs at powers z: how far from the wish, and the losses. INFINITY: a limit is broken
 * by more than `room`. */
static double cost_of(int t, const double *z, double room)
{
	struct limit worst;
	double loss, cost = 0;
	assert_int_equal(nodal_flow(&grid.n, t, z), 0);
	if (nodal_excess(&grid.n, t, &worst) > room) {
		return INFINITY;
	}
	flow_loss(&grid.n.flow[t], &grid.k, &loss, NULL);
	for (int a = 0; a < PARTIES; a++) {
		double off = z[a * STEPS + t] - grid.wish[a * STEPS + t];
		cost += off * off / (2 * grid.gives[a]);
	}
	return cost + grid.energy[t] * loss * grid.k.base_va / 1e3;
}

static void wish_random(uint64_t *seed)
{
	for (int i = 0; i < PARTIES * STEPS; i++) {
		grid.wish[i] = random_between(seed, -400, 500);
	}
	for (int a = 0; a < PARTIES; a++) {
		grid.gives[a] = exp(random_between(seed, log(500), log(5000)));
	}
	for (int t = 0; t < STEPS; t++) {
		grid.energy[t] = random_between(seed, 0.02, 0.2);
	}
}

static void test_optimal(void **unused)
{
	/* The powers that follow from the prices keep all limits on the AC equations, and no
	 * neighbour of theirs that keeps them costs less; some limits bind, from both sides. */
	(void)unused;
	uint64_t seed = random_seed();
	int bound = 0, binding = 0;
	for (int round = 0; round < (is_watched() ? 2 : 40); round++) {
		static const double scale[STEPS] = { 0.9, 0.6, 0.2 };
		open_grid(scale, 0.93, 1.02);
		wish_random(&seed);
		answer(ANSWERS);
		for (int t = 0; t < STEPS; t++) {
			double best = cost_of(t, grid.z, 1e-7);
			assert_true(isfinite(best));
			bound += grid.n.binding[t].count;
			for (int k = 0; k < grid.n.binding[t].count; k++) {
				binding |= 1 << grid.n.binding[t].limit[k].kind;
			}
			for (int i = 0; i < 60; i++) {
				double other[PARTIES * STEPS], step = i % 2 ? 1 : 20;
				memcpy(other, grid.z, sizeof(other));
				for (int a = 0; a < PARTIES; a++) {
					other[a * STEPS + t] += random_between(&seed, -step, step);
				}
				assert_true(cost_of(t, other, 0) >= best - 1e-5);
			}
		}
		close_grid();
	}
	assert_true(bound > (is_watched() ? 1 : 40));
	assert_int_equal(binding, 1 << LIMIT_VOLTAGE_LOW | 1 << LIMIT_VOLTAGE_HIGH);
}

static void test_map(void **unused)
{
	/* The price at each bus is that of the parties there, where limits bind too. */
	(void)unused;
	static const double scale[STEPS] = { 1, 0.9, 0.8 };
	double *price;
	uint64_t seed = random_seed();
	open_grid(scale, 0.93, 1.02);
	price = calloc((size_t)grid.k.nodes, sizeof(*price));
	assert_non_null(price);
	wish_random(&seed);
	answer(2 * ANSWERS);
	for (int t = 0; t < STEPS; t++) {
		assert_int_equal(nodal_flow(&grid.n, t, grid.z), 0);
		assert_int_equal(nodal_map(&grid.n, t, grid.energy[t], price), 0);
		for (int a = 0; a < PARTIES; a++) {
			double here = price[grid.n.node[a]];
			assert_true(fabs(here - grid.price[a * STEPS + t]) < 1e-7);
		}
		assert_true(fabs(price[0] - grid.energy[t]) < 1e-9);
	}
	free(price);
	close_grid();
}

static void test_margin(void **unused)
{
	/* A margin is kept free before each limit, and the bus that binds pays more than one that
	 * does not matter to it. */
	(void)unused;
	static const double scale[STEPS] = { 1, 1, 1 };
	struct limit worst;
	uint64_t seed = random_seed();
	open_grid(scale, 0.93, 1.1);
	grid.n.margin = 1e-3;
	wish_random(&seed);
	for (int i = 0; i < PARTIES * STEPS; i++) {
		grid.wish[i] = random_between(&seed, 0, 100);
	}
	answer(ANSWERS);
	for (int t = 0; t < STEPS; t++) {
		assert_int_equal(nodal_flow(&grid.n, t, grid.z), 0);
		assert_true(nodal_excess(&grid.n, t, &worst) < -1e-3 + 1e-7);
		assert_true(nodal_excess(&grid.n, t, &worst) > -1e-3 - 1e-7);
		assert_true(grid.price[t] > 1.2 * grid.price[3 * STEPS + t]);
	}
	close_grid();
}

static void test_collapse(void **unused)
{
	/* A wish that no feeder can carry is answered from the part of it that can be, and comes to
	 * what keeps the limits; where not even the other loads can be carried there is no answer.
	 */
	(void)unused;
	static const double scale[STEPS] = { 0.5, 0.5, 0.5 }, far[STEPS] = { 9, 9, 9 };
	struct limit worst;
	uint64_t seed = random_seed();
	open_grid(scale, 0.93, 1.1);
	wish_random(&seed);
	grid.wish[0] = 9000;
	answer(3 * ANSWERS);
	assert_int_equal(nodal_flow(&grid.n, 0, grid.z), 0);
	assert_true(nodal_excess(&grid.n, 0, &worst) < 1e-6);
	close_grid();
	open_grid(far, 0.93, 1.1);
	memset(grid.wish, 0, sizeof(grid.wish));
	assert_int_equal(
		nodal_answer(&grid.n, grid.wish, grid.gives, grid.energy, grid.loss, grid.price),
		-EDOM);
	close_grid();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),    cmocka_unit_test(test_optimal),
		cmocka_unit_test(test_map),      cmocka_unit_test(test_margin),
		cmocka_unit_test(test_collapse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
