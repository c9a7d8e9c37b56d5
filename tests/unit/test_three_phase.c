/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "test.h"

#include "daemon/grid/opendss.h"
#include "daemon/grid/three_day.h"

#include "admittance.h"

static const char european[] = "tests/data/grid/european-lv.dss";

static void read_circuit(const char *path, struct circuit *c)
{
	struct diag d = { .to = stderr };
	assert_int_equal(opendss_read(path, c, &d), 0);
}

static struct circuit_branch plain(unsigned phases)
{
	struct circuit_branch b = { .phases = phases };
	for (int i = 0; i < PHASES; i++) {
		b.t[i][i] = phases >> i & 1;
	}
	return b;
}

static void add_branch(struct circuit *c, int from, int to, bool transformer,
		       const struct circuit_branch *phases)
{
	struct feeder_branch b = {
		.from = from, .to = to, .closed = true, .ratio = 1, .r = 1, .tapped = transformer
	};
	assert_true(circuit_add_branch(c, &b, phases) >= 0);
}

/* The largest difference between the sweeps' voltages and the admittances', as a part of nominal.
 */
static double difference(const struct three_phase *s, const struct admittance *y)
{
	double worst = 0;
	for (int n = 1; n < s->k.nodes; n++) {
		for (int p = 0; p < PHASES; p++) {
			double complex v = y->v[s->k.bus[n] * PHASES + p];
			double off = cabs(v - (s->v[n].re[p] + I * s->v[n].im[p]));
			worst = fmax(worst, off / s->nominal_v[n]);
		}
	}
	return worst;
}

/* --- random circuits ----------------------------------------------------------------------------
 */

/* Impedances between phases as lines have them: each its own above what two have in common. */
static void make_impedance(uint64_t *seed, double scale, struct circuit_branch *b)
{
	double common_r = random_between(seed, 0, scale / 2),
	       common_x = random_between(seed, 0, scale);
	for (int i = 0; i < PHASES; i++) {
		for (int j = 0; j <= i; j++) {
			bool has = b->phases >> i & b->phases >> j & 1;
			double r = common_r * random_between(seed, 0.8, 1);
			double x = common_x * random_between(seed, 0.8, 1);
			if (i == j) {
				r += random_between(seed, scale / 10, scale);
				x += random_between(seed, scale / 10, scale);
			}
			b->r[i][j] = b->r[j][i] = has ? r : 0;
			b->x[i][j] = b->x[j][i] = has ? x : 0;
		}
	}
}

static void make_transformer(uint64_t *seed, double from_kv, double to_kv, struct circuit_branch *b)
{
	double ratio = to_kv / from_kv * random_between(seed, 0.95, 1.05);
	bool delta = random_between(seed, 0, 1) < 0.7, leads = random_between(seed, 0, 1) < 0.5;
	b->from_kv = from_kv;
	b->to_kv = to_kv;
	for (int i = 0; i < PHASES; i++) {
		b->t[i][i] = delta ? ratio / sqrt(3) : ratio;
		b->t[i][(i + (leads ? 1 : 2)) % PHASES] = delta ? -ratio / sqrt(3) : 0;
	}
}

/* A tree of 3 to 14 buses that a transformer feeds, with laterals of fewer phases, and loads of all
 * kinds that make it sag by up to some 15 %. */
static void make_circuit(uint64_t *seed, struct circuit *c)
{
	static const unsigned some[] = { 1, 2, 4, 3, 5, 6, 7, 7, 7, 7 };
	int buses = 3 + (int)random_between(seed, 0, 12);
	unsigned phases[16] = { ALL_PHASES, ALL_PHASES };
	char name[16];
	bool shunts = random_between(seed, 0, 1) < 0.3;
	circuit_init(c);
	c->source_v = 11e3 / sqrt(3) * random_between(seed, 0.98, 1.05);
	c->source_angle = random_between(seed, -3, 3);
	for (int i = 0; i < buses; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(feeder_add_bus(&c->feeder, name, i), i);
		if (i == 0) {
			c->feeder.source = 0;
			c->feeder.bus[0].kv = 11;
			continue;
		}
		int from = i < 3 ? i - 1 : (int)random_between(seed, 2, i);
		unsigned has =
			i < 3 ? ALL_PHASES : phases[from] & some[(int)random_between(seed, 0, 10)];
		phases[i] = has ? has : phases[from];
		struct circuit_branch b = plain(phases[i]);
		make_impedance(seed, i == 1 ? 2 : i == 2 ? 0.01 : 0.08, &b);
		if (i == 2) {
			make_transformer(seed, 11, 0.4, &b);
		}
		for (int k = 0; k < PHASES && shunts && i > 2; k++) {
			b.b[k][k] = phases[i] >> k & 1 ? random_between(seed, 0, 0.01) : 0;
		}
		add_branch(c, from, i, i == 2, &b);
	}
	for (int i = 0; i < 2 * buses; i++) {
		int bus = 2 + (int)random_between(seed, 0, buses - 2);
		int phase = (int)random_between(seed, 0, 3),
		    other = (int)random_between(seed, 0, 3);
		bool between = phase != other && random_between(seed, 0, 1) < 0.3;
		struct circuit_load l = { .bus = bus, .phase = phase, .shape = -1, .share = 1 };
		l.against = between ? other : GROUND;
		unsigned needs = (1U << phase | 1U << l.against) & ALL_PHASES;
		if (needs & ~phases[bus]) {
			continue;
		}
		l.model = (enum load_model)(int)random_between(seed, 0, 3);
		l.base_v = between ? 400 : 400 / sqrt(3);
		l.v_min = random_between(seed, 0.9, 0.97);
		l.v_max = random_between(seed, 1.01, 1.1);
		l.p_w = random_between(seed, -4e3, 14e3) * 6 / buses;
		l.q_var = random_between(seed, -2e3, 6e3) * 6 / buses;
		assert_true(circuit_add_load(c, &l) >= 0);
	}
}

static void test_random(void **unused)
{
	/* Of 3,000 random circuits each keeps its power balance at each phase to 1e-9 of 100 kVA
	 * and agrees with the solution by admittances to 1e-9. */
	(void)unused;
	uint64_t seed = random_seed();
	int sagged = 0;
	for (int i = 0; i < 3000; i++) {
		struct circuit c;
		struct three_phase s;
		struct admittance y;
		struct diag d = { .to = stderr };
		make_circuit(&seed, &c);
		assert_int_equal(circuit_check(&c, &d), 0);
		assert_int_equal(three_phase_init(&s, &c), 0);
		admittance_init(&y, &c);
		assert_int_equal(admittance_run(&y, -1, 1), 0);
		assert_int_equal(three_phase_solve(&s, 1e-12), 0);
		double off = difference(&s, &y), balance = three_phase_mismatch(&s) / 1e5;
		if (!(off <= 1e-9 && balance <= 1e-9)) {
			fail_msg("circuit %d: voltages off by %g, balance by %g", i, off, balance);
		}
		double loss, source, q, p, load = 0;
		int phase;
		three_phase_loss(&s, &loss, &q);
		three_phase_source(&s, &source, &q);
		for (int k = 0; k < s.loads; k++) {
			three_phase_taken(&s, k, &p, &q);
			load += p;
		}
		assert_true(fabs(source - loss - load) <= 1e-9 * 1e5);
		int low = three_phase_lowest(&s, &phase);
		sagged += three_phase_voltage(&s, low, phase) < 0.9;
		admittance_free(&y);
		three_phase_free(&s);
		circuit_free(&c);
	}
	print_message("%d of them sag below 0.9\n", sagged);
	assert_true(sagged > 100);
}

/* --- what is known ------------------------------------------------------------------------------
 */

static void test_balanced(void **unused)
{
	/* Loaded alike on all phases, without anything between them, it is the balanced flow. */
	(void)unused;
	struct feeder f;
	struct network k;
	struct flow flow;
	struct circuit c;
	struct three_phase s;
	struct diag d = { .to = stderr };
	assert_int_equal(feeder_read("etc/feeders/ieee33.csv", &f, &d), 0);
	assert_int_equal(network_init(&k, &f), 0);
	assert_int_equal(flow_init(&flow, &k), 0);
	double *p = calloc(2 * (size_t)k.nodes, sizeof(*p)), *q = p + k.nodes;
	network_loads(&k, &f, 1, p, q);
	assert_int_equal(flow_solve(&flow, &k, p, q, 1e-13), 0);
	circuit_init(&c);
	c.source_v = f.source_v * f.bus[f.source].kv * 1e3 / sqrt(3);
	double ohm = pow(f.bus[f.source].kv * 1e3, 2) / f.base_va;
	for (int i = 0; i < f.buses; i++) {
		struct circuit_load l = { .bus = i, .against = GROUND, .shape = -1, .v_max = 2 };
		l.base_v = f.bus[i].kv * 1e3 / sqrt(3);
		l.p_w = f.bus[i].p_w / PHASES;
		l.q_var = f.bus[i].q_var / PHASES;
		assert_int_equal(feeder_add_bus(&c.feeder, f.bus[i].name, i), i);
		for (l.phase = 0; l.phase < PHASES && i != f.source; l.phase++) {
			assert_true(circuit_add_load(&c, &l) >= 0);
		}
	}
	c.feeder.source = f.source;
	c.feeder.bus[f.source].kv = f.bus[f.source].kv;
	for (int i = 0; i < f.branches; i++) {
		struct circuit_branch b = plain(ALL_PHASES);
		for (int phase = 0; phase < PHASES; phase++) {
			b.r[phase][phase] = f.branch[i].r * ohm;
			b.x[phase][phase] = f.branch[i].x * ohm;
		}
		if (f.branch[i].closed) {
			add_branch(&c, f.branch[i].from, f.branch[i].to, false, &b);
		}
	}
	assert_int_equal(circuit_check(&c, &d), 0);
	assert_int_equal(three_phase_init(&s, &c), 0);
	assert_int_equal(three_phase_solve(&s, 1e-12), 0);
	for (int bus = 0; bus < f.buses; bus++) {
		double v = flow_voltage(&flow, &k, k.node[bus]);
		for (int phase = 0; phase < PHASES; phase++) {
			double ours = three_phase_voltage(&s, s.k.node[bus], phase);
			assert_true(fabs(ours - v) <= 1e-11);
		}
	}
	three_phase_free(&s);
	circuit_free(&c);
	free(p);
	flow_free(&flow);
	network_free(&k);
	feeder_free(&f);
}

static void test_collapse(void **unused)
{
	/* More constant power than a line can bring ends as such, and a new start solves again. */
	(void)unused;
	struct circuit c;
	struct three_phase s;
	struct diag d = { .to = stderr };
	struct circuit_branch b = plain(ALL_PHASES);
	circuit_init(&c);
	c.source_v = 230;
	assert_int_equal(feeder_add_bus(&c.feeder, "source", 1), 0);
	assert_int_equal(feeder_add_bus(&c.feeder, "near", 2), 1);
	assert_int_equal(feeder_add_bus(&c.feeder, "far", 3), 2);
	c.feeder.source = 0;
	c.feeder.bus[0].kv = 0.4;
	for (int phase = 0; phase < PHASES; phase++) {
		b.r[phase][phase] = 0.5;
	}
	add_branch(&c, 0, 1, false, &b);
	add_branch(&c, 1, 2, false, &b);
	struct circuit_load l = { .bus = 2,
				  .phase = 1,
				  .against = GROUND,
				  .shape = -1,
				  .base_v = 230,
				  .v_max = 2,
				  .p_w = 1e3 };
	assert_int_equal(circuit_add_load(&c, &l), 0);
	assert_int_equal(circuit_check(&c, &d), 0);
	assert_int_equal(three_phase_init(&s, &c), 0);
	/* Over 1 ohm at 230 V at most 230^2 / 4 = 13.225 kW arrive. */
	three_phase_loads(&s, &c, -1, 13.2);
	assert_int_equal(three_phase_solve(&s, 1e-9), 0);
	three_phase_loads(&s, &c, -1, 13.3);
	assert_int_equal(three_phase_solve(&s, 1e-9), -EDOM);
	int phase, node;
	double part = three_phase_carried(&s, &node, &phase);
	assert_true(fabs(part * 13.3 - 13.225) < 0.01);
	assert_string_equal(c.feeder.bus[s.k.bus[node]].name, "far");
	assert_int_equal(phase, 1);
	three_phase_start(&s);
	three_phase_loads(&s, &c, -1, 1);
	assert_int_equal(three_phase_solve(&s, 1e-12), 0);
	double exact = (230 + sqrt(230 * 230 - 4e3)) / 2; /* v^2 - 230 v + 1000 = 0 */
	assert_true(fabs(s.v[node].re[1] * -0.5 + s.v[node].im[1] * -sqrt(0.75) - exact) < 1e-9);
	three_phase_free(&s);
	circuit_free(&c);
}

/* --- the IEEE European LV feeder ----------------------------------------------------------------
 */

static bool have_european(void)
{
	if (access("../shared/data/ieee_eu_lv/Lines.txt", R_OK) == 0) {
		return true;
	}
	print_message("no ../shared/data here\n");
	return false;
}

static void test_european(void **unused)
{
	/* The IEEE European LV feeder is what is published of it, and its flow agrees with the one
	 * by admittances to 1e-9 at its peak and where the day's voltages are lowest and highest.
	 */
	(void)unused;
	static const int steps[] = { -1, 565, 567, 619 };
	struct circuit c;
	struct three_phase s;
	struct admittance y;
	if (!have_european()) {
		skip();
	}
	read_circuit(european, &c);
	assert_int_equal(c.feeder.buses, 908); /* 906, the 11 kV bus, the ideal source */
	assert_int_equal(c.feeder.branches, 907);
	assert_int_equal(c.loads, 55);
	assert_int_equal(c.steps, 1440);
	/* Of 3 kA to three phases and 5 A to one. */
	assert_true(fabs(c.branch[0].r[0][0] - c.branch[0].r[0][1] - 0.51344) < 5e-6);
	assert_true(fabs(c.branch[0].x[0][0] - c.branch[0].x[0][1] - 2.0537) < 5e-5);
	assert_true(fabs(c.branch[0].r[0][0] + 2 * c.branch[0].r[0][1] - 1203.7) < 0.05);
	assert_true(fabs(c.branch[0].x[0][0] + 2 * c.branch[0].x[0][1] - 3611) < 0.5);
	assert_int_equal(three_phase_init(&s, &c), 0);
	admittance_init(&y, &c);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		three_phase_loads(&s, &c, steps[i], 1);
		assert_int_equal(three_phase_solve(&s, 1e-12), 0);
		assert_int_equal(admittance_run(&y, steps[i], 1), 0);
		double off = difference(&s, &y);
		print_message("step %d: off by %.1e\n", steps[i] + 1, off);
		assert_true(off <= 1e-9);
		assert_true(three_phase_mismatch(&s) <= 1e-9 * 800e3 / PHASES);
	}
	admittance_free(&y);
	three_phase_free(&s);
	circuit_free(&c);
}

static void test_european_day(void **unused)
{
	/* Through the day of the European feeder each step keeps its power balance at each phase to
	 * 1e-9 of the transformer's, and the voltages at the 55 homes go from 0.98165 to 1.06345.
	 */
	(void)unused;
	struct circuit c;
	struct three_phase s;
	struct three_day day;
	int failed;
	if (!have_european()) {
		skip();
	}
	read_circuit(european, &c);
	assert_int_equal(three_phase_init(&s, &c), 0);
	for (int step = 0; step < c.steps; step++) {
		three_phase_loads(&s, &c, step, 1);
		assert_int_equal(three_phase_solve(&s, 1e-10), 0);
		assert_true(three_phase_mismatch(&s) <= 1e-9 * 800e3 / PHASES);
	}
	three_phase_start(&s);
	assert_int_equal(three_day_init(&day, &c), 0);
	assert_int_equal(three_day_run(&day, &s, &c, 1, 1e-10, &failed), 0);
	int low = three_day_lowest(&day), high = three_day_highest(&day);
	assert_int_equal(low, 1);
	assert_int_equal(high, 0);
	assert_true(fabs(day.lowest[low].v - 0.98164593) < 1e-7);
	assert_true(fabs(day.highest[high].v - 1.06345034) < 1e-7);
	assert_string_equal(c.feeder.bus[c.load[day.lowest[low].load].bus].name, "639");
	assert_string_equal(c.feeder.bus[c.load[day.highest[high].load].bus].name, "906");
	assert_int_equal(day.lowest[low].step, 567);
	assert_int_equal(day.highest[high].step, 619);
	double load = three_day_energy(&day, day.load_w), loss = three_day_energy(&day, day.loss_w);
	assert_true(fabs(three_day_energy(&day, day.source_w) - load - loss) < 1e-3);
	three_day_free(&day);
	three_phase_free(&s);
	circuit_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),       cmocka_unit_test(test_balanced),
		cmocka_unit_test(test_collapse),     cmocka_unit_test(test_european),
		cmocka_unit_test(test_european_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
