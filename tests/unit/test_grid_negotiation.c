/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/grid/negotiation.h"
#include "daemon/grid/nodal.h"

enum { HOMES = 12, STEPS = 96, QUARTER_S = 900 };
static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */
static const char *const buses[HOMES] = { "61", "61", "62", "64", "65", "27",
					  "24", "21", "50", "49", "46", "35" };

static struct {
	struct dso_conf conf;
	struct dso *dso;
	struct grid_negotiation *g;
	double wish[HOMES][STEPS], gives[HOMES], energy[STEPS];
	double price[HOMES][STEPS], loss[STEPS];
	char why[ADMM_WHY_SIZE];
} op;

static void open_grid(uint64_t *seed)
{
	char path[64], text[4096];
	struct diag d = { .to = stderr };
	int n = snprintf(text, sizeof(text),
			 "[dso]\ncommunity = fjord\nfeeder = ieee69\nother-loads = 55 %%\n"
			 "voltage-min = 0.95\nvoltage-max = 1.05\nprice = 0.2 EUR/kWh\n");
	for (int i = 0; i < HOMES; i++) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, "[home h%d]\nbus = %s\n", i,
			      buses[i]);
	}
	write_temporary(text, path);
	assert_int_equal(dso_conf_read(path, &op.conf, &d), 0);
	assert_int_equal(dso_new(&op.conf, &d, &op.dso), 0);
	assert_int_equal(grid_negotiation_new(&op.conf, op.dso, &op.g), 0);
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < HOMES; i++) {
		op.gives[i] = random_between(seed, 100, 1000);
		for (int t = 0; t < STEPS; t++) {
			op.wish[i][t] = random_between(seed, -50, 60);
			op.energy[t] = random_between(seed, 0.02, 0.09);
		}
	}
}

static void close_grid(void)
{
	grid_negotiation_free(op.g);
	dso_free(op.dso);
	dso_conf_free(&op.conf);
}

static int write_wish(int number, int pass, int part, char *text)
{
	static struct admm_part p;
	int rows = admm_rows(STEPS), first = part * rows;
	p = (struct admm_part){ .head = { number, 1, pass, start_s, QUARTER_S, STEPS },
				.part = part,
				.parts = admm_parts(HOMES, STEPS) };
	memcpy(p.shared, op.energy, sizeof(op.energy));
	for (int i = first; i < HOMES && p.rows < rows; i++, p.rows++) {
		snprintf(p.row[p.rows].home, ADMM_ID_SIZE, "h%d", i);
		p.row[p.rows].gives = op.gives[i];
		memcpy(p.cell + (long)p.rows * STEPS, op.wish[i], sizeof(op.wish[i]));
	}
	return admm_part_write(ADMM_WISH, &p, text, ADMM_SIZE);
}

static int tell(int number, int pass, int part)
{
	static char text[ADMM_SIZE];
	int n = write_wish(number, pass, part, text);
	assert_true(n > 0);
	return grid_negotiation_hear(op.g, text, (size_t)n, op.why);
}

/* Read the answer's parts. */
static void take(int parts, int pass)
{
	static char text[ADMM_SIZE];
	static struct admm_part p;
	int seen = 0;
	for (int part = 0; part < parts; part++) {
		int n = grid_negotiation_write(op.g, part, text, sizeof(text));
		assert_true(n > 0);
		assert_int_equal(admm_part_read(ADMM_PRICE, text, (size_t)n, &p, op.why), 0);
		assert_true(p.head.pass == pass && p.part == part && p.parts == parts);
		for (int i = 0; i < p.rows; i++, seen++) {
			memcpy(op.price[atoi(p.row[i].home + 1)], p.cell + (long)i * STEPS,
			       sizeof(op.price[0]));
		}
		memcpy(op.loss, p.shared, sizeof(op.loss));
	}
	assert_int_equal(seen, HOMES);
}

static void test_answers(void **unused)
{
	/* Parts of a wish in any order get the answer that nodal gives, to the last bit, in parts;
	 * asked again the same, without a step further. */
	(void)unused;
	uint64_t seed = random_seed();
	open_grid(&seed);
	struct nodal n;
	int node[HOMES], parts = admm_parts(HOMES, STEPS);
	const struct network *k = dso_network(op.dso);
	static double loss[STEPS], price[HOMES][STEPS];
	for (int i = 0; i < HOMES; i++) {
		node[i] = k->node[op.conf.home[i].bus];
	}
	assert_int_equal(nodal_init(&n, &op.conf.feeder, k, 1, HOMES, STEPS, node), 0);
	n.margin = op.conf.margin;
	for (int t = 0; t < STEPS; t++) {
		const double *p, *q;
		dso_loads(op.dso, start_s + t * QUARTER_S, &p, &q);
		memcpy(n.base_p + (long)t * k->nodes, p, (size_t)k->nodes * sizeof(*p));
		memcpy(n.base_q + (long)t * k->nodes, q, (size_t)k->nodes * sizeof(*q));
	}
	for (int pass = 1; pass <= 3; pass++) {
		for (int part = parts - 1; part > 0; part--) {
			assert_int_equal(tell(7, pass, part), 0);
		}
		assert_int_equal(tell(7, pass, parts - 1), 0); /* twice: still one is missing */
		assert_int_equal(tell(7, pass, 0), parts);
		take(parts, pass);
		assert_int_equal(nodal_answer(&n, op.wish[0], op.gives, op.energy, loss, price[0]),
				 0);
		assert_memory_equal(price, op.price, sizeof(price));
		assert_memory_equal(loss, op.loss, sizeof(loss));
		assert_int_equal(tell(7, pass, 0), parts); /* again */
		take(parts, pass);
		assert_memory_equal(price, op.price, sizeof(price));
		assert_int_equal(tell(7, pass, 1), 0);
	}
	assert_int_equal(tell(7, 1, 0), 0); /* a pass that is over */
	nodal_free(&n);
	close_grid();
}

static void test_refuses(void **unused)
{
	/* A home that is not on the feeder, intervals of another length, and what is no wish are
	 * refused with the reason; a new negotiation begins after that. */
	(void)unused;
	uint64_t seed = random_seed();
	static char text[ADMM_SIZE];
	open_grid(&seed);
	int n = write_wish(1, 1, 0, text);
	char *at = strstr(text, "\"h0\"");
	assert_non_null(at);
	at[2] = 'x';
	assert_int_equal(grid_negotiation_hear(op.g, text, (size_t)n, op.why), -ENOENT);
	assert_non_null(strstr(op.why, "hx is not on our feeder"));
	at[2] = '0';
	at = strstr(text, "\"length_s\":900");
	assert_non_null(at);
	at[11] = '8';
	assert_int_equal(grid_negotiation_hear(op.g, text, (size_t)n, op.why), -EINVAL);
	assert_true(grid_negotiation_hear(op.g, "{\"v\":1}", 7, op.why) < 0);
	for (int part = 0; part < admm_parts(HOMES, STEPS); part++) {
		int whole = part == admm_parts(HOMES, STEPS) - 1 ? part + 1 : 0;
		assert_int_equal(tell(1, 1, part), whole);
	}
	assert_int_equal(tell(2, 1, 0), 0);
	close_grid();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
