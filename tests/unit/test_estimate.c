/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/home/estimate.h"

static const int64_t now_us = INT64_C(3600000000), stale_us = 2500000;

static struct site site;

static void make_site(int pvs, int batteries)
{
	site = (struct site){ .pvs = pvs, .batteries = batteries };
	for (int i = 0; i < pvs; i++) {
		site.pv[i] = (struct site_pv){ .peak_w = 5000, .curtailable = i % 2 == 0 };
	}
	for (int b = 0; b < batteries; b++) {
		site.battery[b].model = (struct battery_model){ .capacity_wh = 1e4,
								.charge_limit_w = 4000,
								.discharge_limit_w = 5000 };
	}
}

static struct reading good(double value)
{
	return (struct reading){ .value = value, .quality = QUALITY_GOOD, .at_us = now_us };
}

static struct snapshots healthy(uint64_t *seed)
{
	struct snapshots s = { 0 };
	s.meter.reading[GRID_W] = good(random_between(seed, -9e3, 9e3));
	for (int i = 0; i < site.pvs; i++) {
		s.pv[i].reading[PV_W] = good(random_between(seed, 0, 5e3));
	}
	for (int b = 0; b < site.batteries; b++) {
		s.battery[b].up = true;
		s.battery[b].reading[BATTERY_W] = good(random_between(seed, -4e3, 5e3));
		s.battery[b].reading[BATTERY_SOC] = good(random_between(seed, 0, 1));
	}
	return s;
}

static void test_sums(void **unused)
{
	/* Load is grid + PV + batteries; the net is load - PV; the limitable part is what can be
	 * limited. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 2000; run++) {
		make_site((int)(random_next(&seed) % 5), (int)(random_next(&seed) % 5));
		struct snapshots seen = healthy(&seed);
		struct state s;
		double pv_w = 0, limitable_w = 0, battery_w = 0;
		for (int i = 0; i < site.pvs; i++) {
			pv_w += seen.pv[i].reading[PV_W].value;
			limitable_w += i % 2 ? 0 : seen.pv[i].reading[PV_W].value;
		}
		for (int b = 0; b < site.batteries; b++) {
			battery_w += seen.battery[b].reading[BATTERY_W].value;
		}
		double net_w = seen.meter.reading[GRID_W].value + battery_w;
		estimate(&site, &seen, now_us, 1, stale_us, &s);
		assert_true(reading_good(&s.load_w) && reading_good(&s.net_w));
		assert_true(fabs(s.net_w.value - net_w) < 1e-9);
		assert_true(fabs(s.load_w.value - fmax(net_w + pv_w, 0)) < 1e-9);
		assert_true(fabs(s.pv_w.value - pv_w) < 1e-9);
		assert_true(fabs(s.limitable_w.value - limitable_w) < 1e-9);
		assert_true(s.now_us == now_us && s.wall_s == 1 && s.batteries == site.batteries);
	}
}

static struct reading *pick(struct snapshots *s, int which)
{
	return which == 0   ? &s->meter.reading[GRID_W]
	       : which == 1 ? &s->pv[0].reading[PV_W]
	       : which == 2 ? &s->pv[1].reading[PV_W]
	       : which == 3 ? &s->battery[0].reading[BATTERY_W]
			    : &s->battery[0].reading[BATTERY_SOC];
}

static void test_worst_part(void **unused)
{
	/* One bad reading spoils every sum it is part of, with its own quality, and no other. */
	(void)unused;
	uint64_t seed = random_seed();
	make_site(2, 2);
	for (int which = 0; which < 5; which++) {
		for (int q = 0; q < QUALITY_COUNT; q++) {
			struct snapshots seen = healthy(&seed);
			struct state s;
			struct reading *bad = pick(&seen, which);
			bad->quality = (enum quality)q;
			bad->value = q == QUALITY_GOOD ? 0 : 1e300;
			estimate(&site, &seen, now_us, 1, stale_us, &s);
			enum quality of = (enum quality)q, fine = QUALITY_GOOD;
			assert_int_equal(s.load_w.quality, which < 4 ? of : fine);
			assert_int_equal(s.net_w.quality, which == 0 ? of : fine);
			assert_int_equal(s.pv_w.quality, which == 1 || which == 2 ? of : fine);
			assert_int_equal(s.limitable_w.quality, which == 1 ? of : fine);
			assert_int_equal(s.battery[0].w.quality, which == 3 ? of : fine);
			assert_int_equal(s.battery[0].soc.quality, which == 4 ? of : fine);
			assert_int_equal(s.battery[1].soc.quality, fine);
			assert_true(!reading_good(&s.net_w) || fabs(s.net_w.value) < 1e5);
		}
	}
}

static void test_age(void **unused)
{
	/* A reading is good up to stale_us of age and stale beyond. */
	(void)unused;
	uint64_t seed = random_seed();
	make_site(2, 1);
	for (int which = 0; which < 5; which++) {
		for (int64_t age_us = stale_us - 2; age_us <= stale_us + 2; age_us++) {
			struct snapshots seen = healthy(&seed);
			struct state s;
			pick(&seen, which)->at_us = now_us - age_us;
			estimate(&site, &seen, now_us, 1, stale_us, &s);
			bool bad = !reading_good(&s.load_w) || !reading_good(&s.battery[0].soc);
			assert_int_equal(bad, age_us > stale_us);
		}
	}
}

static void test_impossible(void **unused)
{
	/* Numbers that cannot be are out of range, never a part of a sum; a little is forgiven. */
	(void)unused;
	static const struct {
		int which;
		double value;
		bool taken;
	} cases[] = {
		{ 0, NAN, false },       { 0, INFINITY, false }, { 0, 1e12, false },
		{ 1, NAN, false },       { 1, 9000, false },     { 1, 5100, true },
		{ 1, -100, true },       { 1, -5000, false },    { 3, NAN, false },
		{ 3, -INFINITY, false }, { 3, 9000, false },     { 3, -5100, true },
		{ 4, NAN, false },       { 4, 1.01, false },     { 4, -0.01, false },
		{ 4, 0, true },          { 4, 1, true },
	};
	uint64_t seed = random_seed();
	make_site(2, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshots seen = healthy(&seed);
		struct state s;
		seen.pv[1].reading[PV_W] = good(0);
		*pick(&seen, cases[i].which) = good(cases[i].value);
		estimate(&site, &seen, now_us, 1, stale_us, &s);
		bool taken = reading_good(&s.load_w) && reading_good(&s.battery[0].soc);
		assert_int_equal(taken, cases[i].taken);
		assert_true(!reading_good(&s.pv_w) || s.pv_w.value >= 0);
		assert_true(!reading_good(&s.load_w) || isfinite(s.load_w.value));
	}
}

static void test_bms(void **unused)
{
	/* The battery's own limits count where they are lower and known, never below zero. */
	(void)unused;
	static const struct {
		double told_w;
		enum quality quality;
		double charge_w, discharge_w;
	} cases[] = {
		{ 3000, QUALITY_GOOD, 3000, 3000 },
		{ 4500, QUALITY_GOOD, 4000, 4500 },
		{ 9000, QUALITY_GOOD, 4000, 5000 },
		{ 0, QUALITY_GOOD, 0, 0 },
		{ -1, QUALITY_GOOD, 0, 0 },
		{ NAN, QUALITY_GOOD, 0, 0 },
		{ 10, QUALITY_STALE, 0, 0 }, /* it told, and cannot be read any more */
		{ 10, QUALITY_NOT_IMPLEMENTED, 4000, 5000 },
		{ 0, QUALITY_NEVER_SEEN, 4000, 5000 },
	};
	uint64_t seed = random_seed();
	make_site(0, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshots seen = healthy(&seed);
		struct state s;
		struct reading r = good(cases[i].told_w);
		r.quality = cases[i].quality;
		seen.battery[0].reading[BATTERY_CHARGE_MAX_W] = r;
		seen.battery[0].reading[BATTERY_DISCHARGE_MAX_W] = r;
		estimate(&site, &seen, now_us, 1, stale_us, &s);
		assert_true(s.battery[0].charge_max_w == cases[i].charge_w);
		assert_true(s.battery[0].discharge_max_w == cases[i].discharge_w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums), cmocka_unit_test(test_worst_part),
		cmocka_unit_test(test_age),  cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_bms),
	};
	return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
