/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/home/guard.h"
#include "daemon/home/reason.h"

/* Batteries here do as they are told, whatever the made-up state says; test_deviation has others.
 */
static uint32_t obeyed_apply(struct guard *g, const struct state *s, const struct wish *want,
			     struct action *out)
{
	memset(g->obedience, 0, sizeof(g->obedience));
	return guard_apply(g, s, want, out);
}

static const int64_t second = 1000000;
static const int64_t start_us = INT64_C(3600) * 1000000;
static const double tiny = 1e-6;

/* --- random houses ------------------------------------------------------------------------------
 */

static bool chance(uint64_t *seed, double share)
{
	return random_between(seed, 0, 1) < share;
}

static struct reading good(double value)
{
	return (struct reading){ .value = value, .quality = QUALITY_GOOD };
}

static struct guard_conf random_conf(uint64_t *seed)
{
	struct guard_conf c = {
		.batteries = (int)random_between(seed, 0, BATTERIES_MAX + 1 - tiny),
		.import_limit_w = chance(seed, 0.6) ? random_between(seed, 0, 12e3) : INFINITY,
		.export_limit_w = chance(seed, 0.6) ? random_between(seed, 0, 8e3) : INFINITY,
		.curtailable = chance(seed, 0.5),
		.pv_peak_w = random_between(seed, 1e3, 10e3),
		.ramp_w_per_s = chance(seed, 0.3) ? random_between(seed, 10, 2e3) : 0,
		.release_us = 10 * second,
	};
	for (int b = 0; b < c.batteries; b++) {
		c.battery[b] = (struct guard_limits){
			.soc_min = random_between(seed, 0, 0.4),
			.soc_max = random_between(seed, 0.6, 1),
			.charge_w = chance(seed, 0.1) ? 0 : random_between(seed, 0, 6e3),
			.discharge_w = chance(seed, 0.1) ? 0 : random_between(seed, 0, 6e3),
		};
	}
	return c;
}

static struct reading maybe(uint64_t *seed, double known, double value)
{
	struct reading r = good(value);
	r.quality = chance(seed, known) ? QUALITY_GOOD
					: (enum quality)(random_next(seed) % QUALITY_COUNT);
	/* What is not known may be any number. */
	r.value = reading_good(&r) ? value : random_between(seed, -1e9, 1e9);
	return r;
}

static struct state random_state(uint64_t *seed, const struct guard_conf *c, double known)
{
	struct state s = { .wall_s = 1780272000, .batteries = c->batteries };
	s.net_w = maybe(seed, known, random_between(seed, -15e3, 15e3));
	double pv_w = chance(seed, 0.4) ? 0 : random_between(seed, 0, c->pv_peak_w);
	s.limitable_w = maybe(seed, known, pv_w);
	s.pv_w = s.limitable_w;
	for (int b = 0; b < c->batteries; b++) {
		const struct guard_limits *l = &c->battery[b];
		double soc = random_between(seed, 0, 1);
		s.battery[b] = (struct battery_state){
			.w = maybe(seed, known, random_between(seed, -l->charge_w, l->discharge_w)),
			.soc = maybe(seed, known, soc),
			.charge_max_w = l->charge_w * (chance(seed, 0.3) ? 0.5 : 2),
			.discharge_max_w = l->discharge_w * (chance(seed, 0.3) ? 0.5 : 2),
			.up = true,
		};
	}
	return s;
}

static struct wish random_wish(uint64_t *seed)
{
	struct wish w = { .release = chance(seed, 0.03), .no_export = chance(seed, 0.1) };
	for (int b = 0; b < BATTERIES_MAX; b++) {
		w.battery_w[b] = chance(seed, 0.2) ? 0 : random_between(seed, -9e3, 9e3);
	}
	return w;
}

static bool known(const struct state *s, int b)
{
	return reading_good(&s->net_w) && reading_good(&s->battery[b].w) &&
	       reading_good(&s->battery[b].soc);
}

/* What battery b may do by its own limits alone, hysteresis left out. */
static double lowest_w(const struct guard *g, const struct state *s, int b)
{
	bool full = s->battery[b].soc.value >= g->conf.battery[b].soc_max;
	return full ? 0 : -fmin(g->conf.battery[b].charge_w, s->battery[b].charge_max_w);
}

static double highest_w(const struct guard *g, const struct state *s, int b)
{
	bool empty = s->battery[b].soc.value <= g->conf.battery[b].soc_min;
	return empty ? 0 : fmin(g->conf.battery[b].discharge_w, s->battery[b].discharge_max_w);
}

/* Run houses through wishes and let check judge each step. */
static void run_houses(uint64_t seed, int houses, double share_known,
		       void (*check)(const struct guard *before, const struct state *s,
				     const struct wish *want, const struct action *a))
{
	for (int h = 0; h < houses; h++) {
		struct guard_conf conf = random_conf(&seed);
		struct guard g;
		guard_init(&g, &conf, start_us);
		int64_t now_us = start_us;
		for (int step = 0; step < 60; step++) {
			now_us += (int64_t)random_between(&seed, 0.5e6, 3e6);
			struct state s = random_state(&seed, &conf, share_known);
			s.now_us = now_us;
			struct wish want = random_wish(&seed);
			struct guard before = g;
			struct action a;
			memset(&a, 0x5a, sizeof(a));
			uint32_t reasons = obeyed_apply(&g, &s, &want, &a);
			assert_int_equal(reasons, a.reasons);
			check(&before, &s, &want, &a);
		}
	}
}

/* --- properties ---------------------------------------------------------------------------------
 */

static void check_limits(const struct guard *before, const struct state *s, const struct wish *want,
			 const struct action *a)
{
	(void)want;
	for (int b = 0; b < before->conf.batteries; b++) {
		assert_true(isfinite(a->battery_w[b]));
		if (a->release[b]) {
			assert_true(a->battery_w[b] == 0);
		} else if (known(s, b)) {
			assert_true(a->battery_w[b] >= lowest_w(before, s, b) - tiny);
			assert_true(a->battery_w[b] <= highest_w(before, s, b) + tiny);
		} else {
			assert_true(a->battery_w[b] == before->last.battery_w[b]);
		}
	}
	assert_true(!a->pv_limited || (a->pv_limit_w >= 0 && before->conf.curtailable));
}

static void test_limits(void **unused)
{
	/* Whatever is wanted, no battery is asked for more than site, BMS and charge allow. */
	(void)unused;
	uint64_t seed = random_seed();
	run_houses(seed, 400, 1, check_limits);
	run_houses(seed + 1, 400, 0.9, check_limits);
}

/* The grid's power once the action holds. */
static double grid_after(const struct guard *before, const struct state *s, const struct action *a)
{
	double grid_w = s->net_w.value;
	for (int b = 0; b < before->conf.batteries; b++) {
		if (reading_good(&s->battery[b].w)) {
			grid_w -= a->release[b] ? s->battery[b].w.value : a->battery_w[b];
		}
	}
	return grid_w;
}

static void check_connection(const struct guard *before, const struct state *s,
			     const struct wish *want, const struct action *a)
{
	if (!reading_good(&s->net_w)) {
		return;
	}
	double grid_w = grid_after(before, s, a);
	bool imports = grid_w > before->conf.import_limit_w + tiny;
	double cut_w = a->pv_limited ? fmax(0, s->limitable_w.value - a->pv_limit_w) : 0;
	bool exports = grid_w + cut_w < -before->conf.export_limit_w - tiny;
	for (int b = 0; b < before->conf.batteries && (imports || exports); b++) {
		if (!known(s, b) || want->release) {
			continue;
		}
		bool latched = imports ? before->empty[b] : before->full[b];
		double most = imports ? highest_w(before, s, b) : lowest_w(before, s, b);
		assert_true(latched || fabs(a->battery_w[b] - most) < tiny);
	}
	if (exports && before->conf.curtailable && reading_good(&s->limitable_w)) {
		/* Even without any of that PV, or with all of it. */
		assert_true(a->pv_limited ? a->pv_limit_w == 0
					  : s->limitable_w.value < 0.9 * before->conf.pv_peak_w);
	}
}

static void test_connection(void **unused)
{
	/* The connection's limits are broken only where every battery and all PV do what they can.
	 */
	(void)unused;
	uint64_t seed = random_seed();
	run_houses(seed, 600, 1, check_connection);
	run_houses(seed + 1, 300, 0.9, check_connection);
}

static void check_reasons(const struct guard *before, const struct state *s,
			  const struct wish *want, const struct action *a)
{
	uint32_t frozen = REASON_FROZEN | REASON_RELEASED;
	uint32_t bits = a->reasons & ~frozen;
	uint32_t unknown = 0;
	bool changed = a->pv_limited;
	for (int b = 0; b < before->conf.batteries; b++) {
		if (want->release) {
			assert_true(a->release[b]);
		} else if (!known(s, b)) {
			bool over =
				s->now_us - before->battery_known_us[b] >= before->conf.release_us;
			bool released = before->last.release[b] || over;
			unknown |= released ? REASON_RELEASED : REASON_FROZEN;
			assert_int_equal(a->release[b], released);
		} else {
			assert_false(a->release[b]);
			changed |= a->battery_w[b] != want->battery_w[b];
		}
	}
	assert_int_equal(a->reasons & frozen, unknown);
	/* Two limits may take back what the other did. */
	assert_true(bits != 0 ? changed || (bits & (bits - 1)) : !changed);
	assert_int_equal((bits & REASON_CURTAILED) != 0, a->pv_limited);
	assert_true(before->conf.ramp_w_per_s > 0 || !(bits & REASON_RAMP));
	assert_true(isfinite(before->conf.import_limit_w) || !(bits & REASON_IMPORT_LIMIT));
	assert_true(isfinite(before->conf.export_limit_w) || !(bits & REASON_EXPORT_LIMIT));
	assert_false(bits & REASON_GRID_OPERATOR);
}

static void test_reasons(void **unused)
{
	/* A reason is given exactly when something was changed, and none that cannot be. */
	(void)unused;
	uint64_t seed = random_seed();
	run_houses(seed, 500, 1, check_reasons);
	run_houses(seed + 1, 500, 0.85, check_reasons);
}

/* One battery of 5 kW each way, 10 to 90 %, in a house without limits. */
static const struct guard_conf plain = {
	.batteries = 1,
	.battery = { { .soc_min = 0.1, .soc_max = 0.9, .charge_w = 5e3, .discharge_w = 5e3 } },
	.import_limit_w = INFINITY,
	.export_limit_w = INFINITY,
	.release_us = 10 * 1000000,
};

static struct state plain_state(int64_t now_us, double soc)
{
	struct state s = { .now_us = now_us,
			   .wall_s = 1780272000,
			   .batteries = 2,
			   .net_w = good(1000),
			   .pv_w = good(0),
			   .limitable_w = good(0) };
	for (int b = 0; b < 2; b++) {
		s.battery[b] = (struct battery_state){ .w = good(0),
						       .soc = good(soc),
						       .charge_max_w = 5e3,
						       .discharge_max_w = 5e3,
						       .up = true };
	}
	return s;
}

static void test_each_reason(void **unused)
{
	/* Each single cause is told by its own bit and by no other. */
	(void)unused;
	static const struct {
		double want_w, soc, charge_max_w, discharge_max_w, import_w, export_w, net_w;
		double get_w;
		uint32_t reasons;
	} cases[] = {
		/* want	soc	charge	discharge import   export   net	 get	reasons */
		{ 3e3, 0.5, 5e3, 5e3, INFINITY, INFINITY, 1e3, 3e3, 0 },
		{ 6e3, 0.5, 5e3, 5e3, INFINITY, INFINITY, 1e3, 5e3, REASON_POWER_LIMIT },
		{ -6e3, 0.5, 5e3, 5e3, INFINITY, INFINITY, 1e3, -5e3, REASON_POWER_LIMIT },
		{ 6e3, 0.5, 2e3, 5e3, INFINITY, INFINITY, 1e3, 5e3, REASON_POWER_LIMIT },
		{ -6e3, 0.5, 2e3, 5e3, INFINITY, INFINITY, 1e3, -2e3, REASON_BMS_LIMIT },
		{ 6e3, 0.5, 5e3, 0, INFINITY, INFINITY, 1e3, 0, REASON_BMS_LIMIT },
		{ 1e3, 0.1, 5e3, 5e3, INFINITY, INFINITY, 1e3, 0, REASON_SOC_MIN },
		{ -1e3, 0.9, 5e3, 5e3, INFINITY, INFINITY, 1e3, 0, REASON_SOC_MAX },
		{ -1e3, 0.1, 5e3, 5e3, INFINITY, INFINITY, 1e3, -1e3, 0 },
		{ 0, 0.5, 5e3, 5e3, 4e3, INFINITY, 6e3, 2e3, REASON_IMPORT_LIMIT },
		{ 0, 0.5, 5e3, 5e3, INFINITY, 4e3, -6e3, -2e3, REASON_EXPORT_LIMIT },
		{ 0, 0.1, 5e3, 5e3, 4e3, INFINITY, 6e3, 0, 0 },
		{ NAN, 0.5, 5e3, 5e3, INFINITY, INFINITY, 1e3, 0, REASON_POWER_LIMIT },
		{ INFINITY, 0.5, 5e3, 5e3, INFINITY, INFINITY, 1e3, 5e3, REASON_POWER_LIMIT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct guard_conf conf = plain;
		conf.import_limit_w = cases[i].import_w;
		conf.export_limit_w = cases[i].export_w;
		struct guard g;
		guard_init(&g, &conf, start_us);
		struct state s = plain_state(start_us, cases[i].soc);
		s.net_w.value = cases[i].net_w;
		s.battery[0].charge_max_w = cases[i].charge_max_w;
		s.battery[0].discharge_max_w = cases[i].discharge_max_w;
		struct action a;
		struct wish want = { .battery_w = { cases[i].want_w } };
		assert_int_equal(obeyed_apply(&g, &s, &want, &a), cases[i].reasons);
		assert_true(a.battery_w[0] == cases[i].get_w);
	}
}

static void check_ramp(const struct guard *before, const struct state *s, const struct wish *want,
		       const struct action *a)
{
	double step_w =
		before->conf.ramp_w_per_s * (double)(s->now_us - before->last_us) / 1e6 + tiny;
	if (before->conf.ramp_w_per_s <= 0 || (a->reasons & ~(uint32_t)REASON_RAMP)) {
		return; /* another limit may be in a hurry */
	}
	for (int b = 0; b < before->conf.batteries && !want->release; b++) {
		double from_w =
			before->last.release[b] ? s->battery[b].w.value : before->last.battery_w[b];
		assert_true(fabs(a->battery_w[b] - from_w) <= step_w);
	}
}

static void test_ramp(void **unused)
{
	/* A battery's power moves no faster than its ramp, from where it was found. */
	(void)unused;
	run_houses(random_seed(), 600, 1, check_ramp);
	struct guard_conf conf = plain;
	conf.ramp_w_per_s = 100;
	struct guard g;
	guard_init(&g, &conf, start_us);
	struct wish want = { .battery_w = { 1000 } };
	for (int t = 1; t <= 20; t++) {
		struct state s = plain_state(start_us + t * second, 0.5);
		struct action a;
		obeyed_apply(&g, &s, &want, &a);
		assert_true(fabs(a.battery_w[0] - fmin(100 * t, 1000)) < tiny);
		assert_int_equal(a.reasons, t < 10 ? REASON_RAMP : 0);
	}
}

/* --- what is not known --------------------------------------------------------------------------
 */

static void test_release_time(void **unused)
{
	/* What is unknown keeps its set-point, and is released exactly when release_us have passed.
	 */
	(void)unused;
	for (int what = 0; what < 3; what++) {
		struct guard g;
		guard_init(&g, &plain, start_us);
		struct wish want = { .battery_w = { 2000 } };
		struct state s = plain_state(start_us, 0.5);
		struct action a;
		assert_int_equal(obeyed_apply(&g, &s, &want, &a), 0);
		want.battery_w[0] = -3000;
		struct reading *lost = what == 0   ? &s.net_w
				       : what == 1 ? &s.battery[0].w
						   : &s.battery[0].soc;
		*lost = (struct reading){ .quality = QUALITY_STALE, .value = 1e6 };
		for (int64_t t = 700000; t < 15 * second; t += 700000) {
			s.now_us = start_us + t;
			obeyed_apply(&g, &s, &want, &a);
			bool over = t >= plain.release_us;
			assert_int_equal(a.release[0], over);
			assert_true(a.battery_w[0] == (over ? 0 : 2000));
			assert_int_equal(a.reasons, over ? REASON_RELEASED : REASON_FROZEN);
		}
		*lost = good(what == 2 ? 0.5 : 0);
		s.now_us += second;
		assert_int_equal(obeyed_apply(&g, &s, &want, &a), 0);
		assert_true(!a.release[0] && a.battery_w[0] == -3000);
	}
}

static void test_start_released(void **unused)
{
	/* Before the house is known nothing is commanded, not even for a moment. */
	(void)unused;
	struct guard g;
	guard_init(&g, &plain, start_us);
	struct state s = plain_state(start_us, 0.5);
	struct wish want = { .battery_w = { 2000 } };
	struct action a;
	s.net_w.quality = QUALITY_NEVER_SEEN;
	for (int t = 0; t < 30; t++) {
		s.now_us = start_us + t * second;
		assert_int_equal(obeyed_apply(&g, &s, &want, &a), REASON_RELEASED);
		assert_true(a.release[0] && a.battery_w[0] == 0 && !a.pv_limited);
	}
}

static void test_others_go_on(void **unused)
{
	/* A battery that is lost is left alone, and the other one goes on serving and guarding. */
	(void)unused;
	struct guard_conf conf = plain;
	conf.batteries = 2;
	conf.battery[1] = conf.battery[0];
	conf.import_limit_w = 4000;
	struct guard g;
	guard_init(&g, &conf, start_us);
	struct wish want = { .battery_w = { 500, 500 } };
	for (int t = 0; t < 40; t++) {
		struct state s = plain_state(start_us + t * second, 0.5);
		struct action a;
		if (t > 0) {
			s.battery[0].w.quality = QUALITY_STALE;
			s.battery[0].soc.quality = QUALITY_STALE;
			s.net_w.value = 6000;
		}
		obeyed_apply(&g, &s, &want, &a);
		assert_int_equal(a.release[0], t >= 10);
		assert_true(a.battery_w[0] == (t < 10 ? 500 : 0));
		assert_true(!a.release[1] && a.battery_w[1] == (t > 0 ? 2000 : 500));
	}
}

static void test_off(void **unused)
{
	/* A person's release is at once, for all, known or not. */
	(void)unused;
	struct guard g;
	guard_init(&g, &plain, start_us);
	struct state s = plain_state(start_us, 0.5);
	struct wish want = { .battery_w = { 2000 } };
	struct action a;
	obeyed_apply(&g, &s, &want, &a);
	want.release = true;
	for (int t = 1; t < 4; t++) {
		s.now_us = start_us + t * second;
		s.net_w.quality = t == 2 ? QUALITY_STALE : QUALITY_GOOD;
		obeyed_apply(&g, &s, &want, &a);
		assert_true(a.release[0]);
	}
}

/* --- hysteresis, order, curtailment -------------------------------------------------------------
 */

static void test_no_chatter(void **unused)
{
	/* At full and at empty the battery stops once, and goes on only one per cent away. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int side = 0; side < 2; side++) {
		struct guard g;
		guard_init(&g, &plain, start_us);
		double edge = side ? 0.9 : 0.1, inward = side ? -1 : 1;
		struct wish want = { .battery_w = { side ? -1000 : 1000 } };
		int turns = 0;
		bool moving = true;
		for (int t = 0; t < 1000; t++) {
			double noise = random_between(&seed, -0.004, 0.004);
			struct state s =
				plain_state(start_us + t * second, edge + 0.002 * inward + noise);
			struct action a;
			obeyed_apply(&g, &s, &want, &a);
			turns += moving != (a.battery_w[0] != 0);
			moving = a.battery_w[0] != 0;
		}
		assert_int_equal(turns, 1);
		for (double in = 0.005; in < 0.02; in += 0.00049) {
			struct state s = plain_state(g.last_us + second, edge + in * inward);
			struct action a;
			obeyed_apply(&g, &s, &want, &a);
			assert_int_equal(a.battery_w[0] != 0, in > 0.01 + 1e-9);
		}
	}
}

static void test_order(void **unused)
{
	/* The grid operator's order holds from the next cycle until its end, and loosens nothing.
	 */
	(void)unused;
	struct guard_conf conf = plain;
	conf.import_limit_w = 8e3;
	conf.export_limit_w = 3e3;
	struct guard g;
	guard_init(&g, &conf, start_us);
	const int64_t until_s = 1780272900;
	for (int64_t wall_s = until_s - 20; wall_s < until_s + 20; wall_s++) {
		if (wall_s == until_s - 10) {
			guard_order(&g, 2e3, 9e3, until_s);
		}
		bool holds = wall_s >= until_s - 10 && wall_s < until_s;
		struct state s = plain_state(start_us, 0.5);
		struct wish want = { .battery_w = { -4e3 } };
		struct action a;
		s.wall_s = wall_s;
		obeyed_apply(&g, &s, &want, &a);
		assert_true(a.battery_w[0] == (holds ? -1e3 : -4e3));
		assert_int_equal(a.reasons, holds ? REASON_GRID_OPERATOR : 0);
		want.battery_w[0] = 5e3;
		obeyed_apply(&g, &s, &want, &a);
		assert_true(a.battery_w[0] == 4e3);
		assert_int_equal(a.reasons, REASON_EXPORT_LIMIT);
	}
}

static void test_shared_need(void **unused)
{
	/* Where one battery cannot carry a limit alone the others add what is missing, no more. */
	(void)unused;
	struct guard_conf conf = plain;
	conf.batteries = 2;
	conf.battery[1] = conf.battery[0];
	conf.import_limit_w = 1e3;
	uint64_t seed = random_seed();
	for (int run = 0; run < 1000; run++) {
		struct guard g;
		guard_init(&g, &conf, start_us);
		struct state s = plain_state(start_us, 0.5);
		struct wish want = { .battery_w = { random_between(&seed, -5e3, 5e3),
						    random_between(&seed, -5e3, 5e3) } };
		s.net_w.value = random_between(&seed, 0, 11e3);
		struct action a;
		obeyed_apply(&g, &s, &want, &a);
		double wanted_w = s.net_w.value - want.battery_w[0] - want.battery_w[1];
		double grid_w = s.net_w.value - a.battery_w[0] - a.battery_w[1];
		assert_true(fabs(grid_w - fmin(wanted_w, 1e3)) < tiny);
	}
}

/* A sunny day on an ideal plant behind the guard: PV does at once what it is told. */
struct sun {
	struct guard g;
	double fixed_share; /* of the generation, from inverters that cannot be limited */
	double pv_w, worst_export_w;
	int limited, steps;
};

static void shine(struct sun *sun, double available_w, double load_w, int64_t now_us, bool known)
{
	struct state s = { .now_us = now_us, .net_w = good(load_w - sun->pv_w) };
	double fixed_w = sun->fixed_share * available_w;
	s.pv_w = good(sun->pv_w);
	s.limitable_w = good(fmax(0, sun->pv_w - fixed_w));
	if (!known) {
		s.limitable_w = s.pv_w = (struct reading){ .quality = QUALITY_STALE };
	}
	struct wish want = { 0 };
	struct action a;
	obeyed_apply(&sun->g, &s, &want, &a);
	double most_w = available_w - fixed_w;
	sun->pv_w = fixed_w + (a.pv_limited ? fmin(most_w, a.pv_limit_w) : most_w);
	sun->worst_export_w = fmax(sun->worst_export_w, sun->pv_w - load_w);
	sun->limited += a.pv_limited;
	sun->steps++;
}

static struct sun sun_begin(double fixed_share)
{
	struct guard_conf conf = { .import_limit_w = INFINITY,
				   .export_limit_w = 2500,
				   .curtailable = true,
				   .pv_peak_w = 6000 * (1 - fixed_share),
				   .release_us = 10 * second };
	struct sun sun = { .fixed_share = fixed_share };
	guard_init(&sun.g, &conf, start_us);
	return sun;
}

static void test_curtailment(void **unused)
{
	/* With a full house PV is limited to what may be exported, and set free when the sun goes.
	 */
	(void)unused;
	for (double share = 0; share < 0.5; share += 0.4) {
		struct sun sun = sun_begin(share);
		for (int t = 0; t < 12 * 3600; t++) {
			double available_w = 6000 * sin(M_PI * t / (12 * 3600));
			shine(&sun, available_w, 500, start_us + t * second, true);
		}
		/* The sun gains half a watt a second before the guard sees it. */
		assert_true(sun.worst_export_w < 2501);
		assert_true(sun.worst_export_w > 2490);
		assert_in_range(sun.limited, 6 * 3600, 10 * 3600);
		assert_false(sun.g.last.pv_limited);
	}
}

static void test_no_export(void **unused)
{
	/* Where exporting would cost, PV is limited to what the house uses. */
	(void)unused;
	struct guard_conf conf = { .import_limit_w = INFINITY,
				   .export_limit_w = 2500,
				   .curtailable = true,
				   .pv_peak_w = 6000,
				   .release_us = 10 * second };
	struct guard g;
	guard_init(&g, &conf, start_us);
	struct state s = { .now_us = start_us,
			   .net_w = good(-1500),
			   .pv_w = good(2000),
			   .limitable_w = good(2000) };
	struct action a;
	assert_int_equal(obeyed_apply(&g, &s, &(struct wish){ 0 }, &a), 0);
	assert_int_equal(obeyed_apply(&g, &s, &(struct wish){ .no_export = true }, &a),
			 REASON_CURTAILED);
	assert_true(a.pv_limited && fabs(a.pv_limit_w - 500) < tiny);
}

static void test_curtailment_held(void **unused)
{
	/* While the generation is not known its limit stays, and then it may be no more than may be
	 * exported. */
	(void)unused;
	struct sun sun = sun_begin(0);
	for (int t = 0; t < 60; t++) {
		shine(&sun, 6000, 500, start_us + t * second, true);
	}
	assert_true(sun.g.last.pv_limited && fabs(sun.pv_w - 3000) < tiny);
	for (int t = 60; t < 80; t++) {
		shine(&sun, 6000, 500, start_us + t * second, false);
		assert_true(sun.g.last.pv_limited);
		assert_true(fabs(sun.pv_w - (t < 69 ? 3000 : 2500)) < tiny);
	}
	shine(&sun, 6000, 500, start_us + 80 * second, true);
	assert_true(sun.g.last.pv_limited);
}

static void test_deviation(void **unused)
{
	/* A battery that does not charge as told: what it really does counts, and PV is limited. */
	(void)unused;
	struct guard_conf conf = { .batteries = 1,
				   .battery = { { 0, 1, 5e3, 5e3 } },
				   .import_limit_w = INFINITY,
				   .export_limit_w = 0,
				   .curtailable = true,
				   .pv_peak_w = 6000,
				   .release_us = 10 * second };
	struct guard g;
	guard_init(&g, &conf, start_us);
	struct action a;
	for (int t = 0; t < 18; t++) {
		struct state s = { .now_us = start_us + t * second,
				   .net_w = good(-4000),
				   .pv_w = good(4500),
				   .limitable_w = good(4500),
				   .batteries = 1 };
		s.battery[0] = (struct battery_state){
			.w = good(0), .soc = good(0.5), .charge_max_w = 5e3, .discharge_max_w = 5e3
		};
		s.battery[0].w.at_us = s.now_us;
		guard_apply(&g, &s, &(struct wish){ .battery_w = { -4000 } }, &a);
		bool known = t >= 3, lost = t >= 12;
		assert_int_equal((a.reasons & REASON_DEVIATION) != 0, known && !lost);
		assert_int_equal((a.reasons & REASON_GIVEN_UP) != 0, lost);
		assert_int_equal(a.release[0], lost);
		assert_true(lost || a.battery_w[0] <= -4000); /* told on */
		assert_int_equal(a.again[0], t < 3 ? 0 : t < 6 ? 1 : t < 9 ? 2 : 3);
		assert_true(!known || (a.pv_limited && fabs(a.pv_limit_w - 500) < tiny));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deviation),        cmocka_unit_test(test_limits),
		cmocka_unit_test(test_connection),       cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_each_reason),      cmocka_unit_test(test_ramp),
		cmocka_unit_test(test_release_time),     cmocka_unit_test(test_start_released),
		cmocka_unit_test(test_others_go_on),     cmocka_unit_test(test_off),
		cmocka_unit_test(test_no_chatter),       cmocka_unit_test(test_order),
		cmocka_unit_test(test_shared_need),      cmocka_unit_test(test_curtailment),
		cmocka_unit_test(test_curtailment_held), cmocka_unit_test(test_no_export),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
