/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sunspec_image.h"

#include <errno.h>
#include <math.h>

#include "drivers/sunspec_point.h"
#include "drivers/sunspec_profile.h"

static struct image image;
static const struct sunspec_reader reader = { image_read, &image };
static struct sunspec device;
static struct profile profile;

static int make_profile(enum device_kind kind)
{
	image_end(&image);
	assert_int_equal(sunspec_walk(&reader, 0, &device), 0);
	sunspec_profile_init(kind, &profile);
	return sunspec_profile(&device, &reader, &profile);
}

/* A quantity as it would be read. */
static enum quality read_quantity(enum quantity q, double *value)
{
	static struct answers answers;
	int64_t at_us;
	answers_clear(&answers);
	for (int i = 0; i < profile.blocks; i++) {
		const struct block *b = &profile.block[i];
		uint16_t words[125];
		assert_int_equal(image_read(&image, b->address, b->count, words), 0);
		answers_take(&answers, i, 0, b->count, words, 0);
	}
	return profile_decode(&profile, q, &answers, value, &at_us);
}

static void assert_reads(enum quantity q, double expected)
{
	double value = 0;
	assert_int_equal(read_quantity(q, &value), QUALITY_GOOD);
	if (fabs(value - expected) > fabs(expected) * 1e-6) {
		fail_msg("%s is %g, not %g", quantity_name(q), value, expected);
	}
}

static void assert_lacks(enum quantity q, enum quality quality)
{
	double value;
	assert_int_equal(read_quantity(q, &value), quality);
}

static int put_meter(void)
{
	int m = image_model(&image, 203, 105);
	image_set(&image, m, "W", 0, -1234);
	image_set(&image, m, "W_SF", 0, -1);
	image_set(&image, m, "PhVphA", 0, 2310);
	image_set(&image, m, "V_SF", 0, -1);
	image_set(&image, m, "Hz", 0, 4998);
	image_set(&image, m, "Hz_SF", 0, -2);
	image_set(&image, m, "TotWhImp", 0, 5000000);
	image_set(&image, m, "TotWhExp", 0, 0);
	image_set(&image, m, "TotWh_SF", 0, 1);
	return m;
}

static void test_meter(void **unused)
{
	/* A meter of integers tells power, energy, voltage and frequency by its scale factors; a
	 * counter at 0 is none. */
	(void)unused;
	image_begin(&image, 40000, "Acme");
	put_meter();
	assert_int_equal(make_profile(DEVICE_METER), 0);
	assert_string_equal(profile.name, "Acme Model 7");
	assert_int_equal(profile.blocks, 1);
	assert_reads(GRID_W, -123.4);
	assert_reads(GRID_V, 231);
	assert_reads(GRID_HZ, 49.98);
	assert_reads(GRID_IMPORT_WH, 5e7);
	assert_lacks(GRID_EXPORT_WH, QUALITY_NOT_IMPLEMENTED);
}

static void test_scale_factors(void **unused)
{
	/* The scale factor of the same read counts, whatever it was before; one that is absent or
	 * cannot be true leaves no value. */
	(void)unused;
	image_begin(&image, 40000, "Acme");
	int m = put_meter();
	assert_int_equal(make_profile(DEVICE_METER), 0);
	for (int power = -10; power <= 1; power++) {
		image_set(&image, m, "W_SF", 0, power);
		assert_reads(GRID_W, -1234 * pow(10, power));
	}
	image_set(&image, m, "W_SF", 0, 10);
	assert_lacks(GRID_W, QUALITY_OUT_OF_RANGE);
	static const int bad[] = { 0x8000, 0x7FFF, 11, -11, 0xFF };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		image_set(&image, m, "W_SF", 0, bad[i]);
		assert_lacks(GRID_W, QUALITY_NOT_IMPLEMENTED);
		assert_reads(GRID_V, 231);
	}
}

static void test_meter_kinds(void **unused)
{
	/* A meter of floats tells the same; SolarEdge's counts the other way. */
	(void)unused;
	image_begin(&image, 0, "Acme");
	int m = image_model(&image, 213, 124);
	image_set_float(&image, m, "W", 2500.5F);
	image_set_float(&image, m, "TotWhImp", 1e6F);
	assert_int_equal(make_profile(DEVICE_METER), 0);
	assert_reads(GRID_W, 2500.5);
	assert_reads(GRID_IMPORT_WH, 1e6);
	assert_lacks(GRID_V, QUALITY_NOT_IMPLEMENTED); /* it is a NaN */
	image_begin(&image, 40000, "SolarEdge");
	put_meter();
	assert_int_equal(make_profile(DEVICE_METER), 0);
	assert_reads(GRID_W, 123.4);
	assert_int_equal(make_profile(DEVICE_PV), -ENODEV);
	assert_int_equal(make_profile(DEVICE_BATTERY), -ENODEV);
}

static void test_pv(void **unused)
{
	/* An inverter without a battery tells its AC power and energy: by 701, by integers, by
	 * floats. */
	(void)unused;
	image_begin(&image, 40000, "Acme");
	int m = image_model(&image, 103, 50);
	image_set(&image, m, "W", 0, 456);
	image_set(&image, m, "W_SF", 0, 1);
	image_set(&image, m, "WH", 0, 123456);
	image_set(&image, m, "WH_SF", 0, 0);
	image_model(&image, 160, 8 + 2 * 20);
	assert_int_equal(make_profile(DEVICE_PV), 0);
	assert_reads(PV_W, 4560);
	assert_reads(PV_WH, 123456);
	m = image_model(&image, 701, 153);
	image_set(&image, m, "W", 0, 333);
	image_set(&image, m, "W_SF", 0, 0);
	image_set(&image, m, "TotWhInj", 0, 1LL << 33);
	image_set(&image, m, "TotWh_SF", 0, 0);
	assert_int_equal(make_profile(DEVICE_PV), 0);
	assert_reads(PV_W, 333);
	assert_reads(PV_WH, (double)(1LL << 33));
	image_begin(&image, 40000, "Acme");
	m = image_model(&image, 111, 60);
	image_set_float(&image, m, "W", 777);
	assert_int_equal(make_profile(DEVICE_PV), 0);
	assert_reads(PV_W, 777);
}

static int storage_at; /* model 124 of the last hybrid */

static void test_night(void **unused)
{
	/* An inverter that sleeps and shows no power generates none; awake, nobody knows. */
	(void)unused;
	static const struct {
		int model, length, asleep, awake;
		const char *state;
	} cases[] = { { 103, 50, 2, 4, "St" },
		      { 113, 60, 2, 4, "St" },
		      { 701, 153, 1, 3, "InvSt" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		image_begin(&image, 40000, "Acme");
		int m = image_model(&image, cases[i].model, cases[i].length);
		if (sunspec_point(cases[i].model, "W_SF")) {
			image_set(&image, m, "W_SF", 0, 0x8000);
		}
		assert_int_equal(make_profile(DEVICE_PV), 0);
		assert_lacks(PV_W, QUALITY_NOT_IMPLEMENTED);
		image_set(&image, m, cases[i].state, 0, cases[i].asleep);
		assert_reads(PV_W, 0);
		assert_lacks(PV_WH, QUALITY_NOT_IMPLEMENTED);
		image_set(&image, m, cases[i].state, 0, cases[i].awake);
		assert_lacks(PV_W, QUALITY_NOT_IMPLEMENTED);
	}
}

/* A storage hybrid with two strings and its battery at DC modules 3 (in) and 4 (out). */
static int put_hybrid(bool named)
{
	static const char *const names[] = { "MPPT 1", "MPPT 2", "StCha 3", "StDisCha 4" };
	image_begin(&image, 40000, "Fronius");
	int m = image_model(&image, 103, 50);
	image_set(&image, m, "W", 0, 9999);
	image_set(&image, m, "W_SF", 0, 0);
	m = storage_at = image_model(&image, 124, 24);
	image_set(&image, m, "ChaState", 0, 5550);
	image_set(&image, m, "ChaState_SF", 0, -2);
	image_set(&image, m, "WChaMax", 0, 500);
	image_set(&image, m, "WChaMax_SF", 0, 1);
	m = image_model(&image, 160, 8 + 4 * 20);
	image_set(&image, m, "DCW_SF", 0, -1);
	image_set(&image, m, "DCWH_SF", 0, 0);
	for (int i = 0; i < 4; i++) {
		image_set(&image, m, "DCW", i, 10000 * (i + 1));
		image_set(&image, m, "DCWH", i, 1000 * (i + 1));
		image_text(&image, image_at(&image, m, "IDStr", i), 8, named ? names[i] : "");
	}
	return m;
}

static void test_hybrid(void **unused)
{
	/* A storage hybrid's PV is the sum of its strings and its battery what goes out less what
	 * goes in, with or without names. */
	(void)unused;
	for (int named = 0; named < 2; named++) {
		int m = put_hybrid(named);
		assert_int_equal(make_profile(DEVICE_PV), 0);
		assert_reads(PV_W, 3000);
		assert_reads(PV_WH, 3000);
		assert_int_equal(make_profile(DEVICE_BATTERY), 0);
		assert_reads(BATTERY_W, 1000);
		assert_reads(BATTERY_CHARGE_WH, 3000);
		assert_reads(BATTERY_DISCHARGE_WH, 4000);
		assert_reads(BATTERY_SOC, 0.555);
		assert_reads(BATTERY_CHARGE_MAX_W, 5000);
		assert_reads(BATTERY_DISCHARGE_MAX_W, 5000);
		image_set(&image, m, "DCW", 3, 0);
		assert_reads(BATTERY_W, -3000);
		image_set(&image, m, "DCW", 3, 0xFFFF);
		assert_reads(BATTERY_W, -3000);
		image_set(&image, m, "DCW", 2, 0xFFFF);
		assert_lacks(BATTERY_W, QUALITY_NOT_IMPLEMENTED);
		image_set(&image, m, "DCW_SF", 0, 0x8000);
		assert_lacks(BATTERY_W, QUALITY_NOT_IMPLEMENTED);
	}
}

static void test_batteries(void **unused)
{
	/* A battery tells itself by 802; a storage inverter by 701 and 713; ports of 714 go first;
	 * what mixes PV and battery is refused. */
	(void)unused;
	image_begin(&image, 40000, "Acme");
	int ac = image_model(&image, 701, 153);
	image_set(&image, ac, "W", 0, -800);
	image_set(&image, ac, "W_SF", 0, 0);
	int soc = image_model(&image, 713, 7);
	image_set(&image, soc, "SoC", 0, 42);
	image_set(&image, soc, "Pct_SF", 0, 0);
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	assert_reads(BATTERY_W, -800);
	assert_reads(BATTERY_SOC, 0.42);
	assert_int_equal(make_profile(DEVICE_PV), -ENODEV);
	int m = image_model(&image, 802, 62);
	image_set(&image, m, "W", 0, -70);
	image_set(&image, m, "W_SF", 0, 1);
	image_set(&image, m, "WChaRteMax", 0, 3000);
	image_set(&image, m, "WDisChaRteMax", 0, 4000);
	image_set(&image, m, "WChaDisChaMax_SF", 0, 0);
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	assert_reads(BATTERY_W, -700);
	assert_reads(BATTERY_CHARGE_MAX_W, 3000);
	assert_reads(BATTERY_DISCHARGE_MAX_W, 4000);
	m = image_model(&image, 714, 18 + 3 * 25);
	image_set(&image, m, "DCW_SF", 0, 0);
	for (int i = 0; i < 3; i++) {
		image_set(&image, m, "PrtTyp", i, i == 1);
		image_set(&image, m, "DCW", i, 100 << i);
	}
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	assert_reads(BATTERY_W, 200);
	assert_int_equal(make_profile(DEVICE_PV), 0);
	assert_reads(PV_W, 500);
}

/* Nameplate and settings: a rating of 8 kW. */
static void put_ratings(void)
{
	int m = image_model(&image, 121, 30);
	image_set(&image, m, "WMax", 0, 800);
	image_set(&image, m, "WMax_SF", 0, 1);
}

static int put_704(void)
{
	int m = image_model(&image, 702, 50);
	image_set(&image, m, "WMax", 0, 60);
	image_set(&image, m, "WChaRteMax", 0, 30);
	image_set(&image, m, "WDisChaRteMax", 0, 50);
	image_set(&image, m, "W_SF", 0, 2);
	m = image_model(&image, 704, 65);
	image_set(&image, m, "WSetEna", 0, 0);
	image_set(&image, m, "WSetMod", 0, 0);
	image_set(&image, m, "WSet", 0, 0);
	image_set(&image, m, "WSetRvrtTms", 0, 0);
	image_set(&image, m, "WSet_SF", 0, 1);
	image_set(&image, m, "WMaxLimPctEna", 0, 0);
	image_set(&image, m, "WMaxLimPct", 0, 1000);
	image_set(&image, m, "WMaxLimPctRvrtTms", 0, 0);
	image_set(&image, m, "WMaxLimPct_SF", 0, -1);
	return m;
}

static void assert_encodes(const struct point *p, double value, int64_t raw)
{
	uint16_t words[POINT_WORDS_MAX];
	assert_int_equal(point_encode(p, value, words), 0);
	int64_t have = point_words(p->type) == 2 ? (int32_t)((uint32_t)words[0] << 16 | words[1])
						 : (int16_t)words[0];
	assert_int_equal(have, raw);
}

static void test_control_704(void **unused)
{
	/* With 704, a battery takes W within its ratings and a PV limit is per cent of the largest
	 * power, each with its revert timer. */
	(void)unused;
	put_hybrid(true);
	int m = put_704();
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	const struct point *p = &profile.control[CONTROL_BATTERY_SETPOINT_W];
	assert_int_equal(p->address, image_at(&image, m, "WSet", 0));
	assert_encodes(p, -3000, -300);
	assert_encodes(p, 5000, 500);
	assert_true(p->min == -3000 && p->max == 5000);
	assert_int_equal(profile.control[CONTROL_REVERT_S].address,
			 image_at(&image, m, "WSetRvrtTms", 0));
	assert_encodes(&profile.control[CONTROL_REVERT_S], 60, 60);
	assert_int_equal(profile.control[CONTROL_ENABLE].address,
			 image_at(&image, m, "WSetEna", 0));
	const struct point *preset = &profile.control[CONTROL_PRESET_1];
	assert_int_equal(preset->address, image_at(&image, m, "WSetMod", 0));
	assert_true(preset->on == 1);
	/* What happens after reverting is not implemented. */
	assert_int_equal(preset[1].type, POINT_ABSENT);
	assert_int_equal(profile.control[CONTROL_COPY_1].type, POINT_ABSENT);
	assert_int_equal(profile.liveness, LIVENESS_TIMER);
	assert_int_equal(make_profile(DEVICE_PV), 0);
	p = &profile.control[CONTROL_PV_LIMIT_W];
	assert_int_equal(p->address, image_at(&image, m, "WMaxLimPct", 0));
	assert_encodes(p, 6000, 1000);
	assert_encodes(p, 1500, 250);
	assert_true(p->min == 0 && p->max == 6000);
}

static void put_124_controls(int m)
{
	image_set(&image, m, "StorCtl_Mod", 0, 0);
	image_set(&image, m, "OutWRte", 0, 10000);
	image_set(&image, m, "InWRte", 0, 10000);
	image_set(&image, m, "InOutWRte_RvrtTms", 0, 0);
	image_set(&image, m, "InOutWRte_SF", 0, -2);
	image_set(&image, m, "ChaGriSet", 0, 0);
}

static void test_control_124(void **unused)
{
	/* With 124, a set-point is both limits in per cent of the largest charging power: forced
	 * charging is a negative limit of discharging, and the other way round. */
	(void)unused;
	put_hybrid(true);
	int m = storage_at;
	put_124_controls(m);
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	const struct point *out = &profile.control[CONTROL_BATTERY_SETPOINT_W];
	assert_int_equal(out->address, image_at(&image, m, "OutWRte", 0));
	const struct point *in = &profile.control[CONTROL_COPY_1];
	assert_int_equal(in->address, out->address + 1);
	assert_int_equal(in->address, image_at(&image, m, "InWRte", 0));
	assert_encodes(out, -2500, -5000);
	assert_encodes(in, -2500, 5000);
	assert_encodes(out, 5000, 10000);
	assert_encodes(in, 5000, -10000);
	assert_true(profile.control[CONTROL_ENABLE].on == 3);
	assert_true(profile.control[CONTROL_ENABLE].off == 0);
	assert_int_equal(profile.control[CONTROL_REVERT_S].address,
			 image_at(&image, m, "InOutWRte_RvrtTms", 0));
	assert_int_equal(profile.control[CONTROL_PRESET_1].address,
			 image_at(&image, m, "ChaGriSet", 0));
}

static void test_heartbeat(void **unused)
{
	/* What wants a heartbeat gets one: the device by 715, else the battery by 802; what does
	 * not implement it does not. */
	(void)unused;
	put_hybrid(true);
	put_124_controls(storage_at);
	int battery = image_model(&image, 802, 62);
	const struct point *beat = &profile.control[CONTROL_HEARTBEAT];
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	assert_int_equal(beat->type, POINT_ABSENT);
	image_set(&image, battery, "CtrlHb", 0, 7);
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	assert_int_equal(beat->address, image_at(&image, battery, "CtrlHb", 0));
	int whole = image_model(&image, 715, 7);
	image_set(&image, whole, "ControllerHb", 0, 0);
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	assert_int_equal(beat->address, image_at(&image, whole, "ControllerHb", 0));
	assert_true(profile_may_write(&profile, 0, beat->address, point_words(beat->type)));
	assert_false(profile_may_write(&profile, 0, beat->address + 2, 1)); /* AlarmReset */
	assert_encodes(beat, 65534, 65534);
}

static void test_control_123(void **unused)
{
	/* With 123, a PV limit is per cent of the largest power; to a Kostal single registers are
	 * written singly. */
	(void)unused;
	static const char *const makers[] = { "Acme", "KOSTAL" };
	for (int i = 0; i < 2; i++) {
		image_begin(&image, 40000, makers[i]);
		image_model(&image, 103, 50);
		put_ratings();
		int m = image_model(&image, 123, 24);
		image_set(&image, m, "WMaxLimPct", 0, 100);
		image_set(&image, m, "WMaxLimPct_RvrtTms", 0, 0);
		image_set(&image, m, "WMaxLim_Ena", 0, 0);
		image_set(&image, m, "WMaxLimPct_SF", 0, 0);
		assert_int_equal(make_profile(DEVICE_PV), 0);
		const struct point *p = &profile.control[CONTROL_PV_LIMIT_W];
		assert_int_equal(p->address, image_at(&image, m, "WMaxLimPct", 0));
		assert_encodes(p, 2000, 25);
		assert_int_equal(p->write_function, i ? 6 : 16);
	}
}

static void test_incomplete_control(void **unused)
{
	/* Without any one of set-point, enable, revert timer, scale factor or rating there is no
	 * control. */
	(void)unused;
	static const char *const needed[] = { "StorCtl_Mod", "InWRte", "InOutWRte_RvrtTms",
					      "WChaMax", "OutWRte" };
	for (size_t i = 0; i <= sizeof(needed) / sizeof(*needed); i++) {
		put_hybrid(true);
		int m = storage_at;
		put_124_controls(m);
		if (i < sizeof(needed) / sizeof(*needed)) {
			const struct sunspec_point *p = sunspec_point(124, needed[i]);
			image_set(&image, m, needed[i], 0,
				  p->type == SUNSPEC_S16 ? 0x8000 : 0xFFFF);
		} else {
			image_set(&image, m, "InOutWRte_SF", 0, 0x8000);
		}
		assert_int_equal(make_profile(DEVICE_BATTERY), 0);
		assert_int_equal(profile.control[CONTROL_BATTERY_SETPOINT_W].type, POINT_ABSENT);
		assert_int_equal(profile.control[CONTROL_ENABLE].type, POINT_ABSENT);
		assert_int_equal(profile.control[CONTROL_COPY_1].type, POINT_ABSENT);
	}
}

static void test_absent_points(void **unused)
{
	/* What lies behind a model's end, is text, or is unknown, is no point. */
	(void)unused;
	const struct sunspec_found f = { .model = 160, .address = 40070, .length = 8 + 2 * 20 };
	struct point p;
	assert_int_equal(sunspec_make_point(&f, "DCW", 1, &p), 0);
	assert_int_equal(p.address, 40070 + 21 + 20);
	assert_int_equal(p.factor_address, 40070 + 4);
	assert_int_equal(sunspec_make_point(&f, "DCW", 2, &p), -ENOENT);
	assert_int_equal(sunspec_make_point(&f, "IDStr", 0, &p), -ENOENT);
	assert_int_equal(sunspec_make_point(&f, "Nonsense", 0, &p), -ENOENT);
}

static void test_failures(void **unused)
{
	/* A line that fails at any request leaves the profile as it was, and says so. */
	(void)unused;
	put_hybrid(true);
	put_704();
	assert_int_equal(make_profile(DEVICE_BATTERY), 0);
	image.reads = 0;
	assert_int_equal(sunspec_profile(&device, &reader, &profile), 0);
	int reads = image.reads;
	for (int at = 1; at <= reads; at++) {
		struct profile before;
		sunspec_profile_init(DEVICE_BATTERY, &profile);
		before = profile;
		image.reads = 0;
		image.fail_at = at;
		image.fail_with = at % 2 ? -ETIMEDOUT : 4;
		assert_int_equal(sunspec_profile(&device, &reader, &profile), image.fail_with);
		assert_memory_equal(&profile, &before, sizeof(before));
	}
	print_message("%d requests\n", reads);
}

/* Every point that is read lies with its scale factor in one block within one model. */
static void check_blocks(void)
{
	for (int q = 0; q < PROFILE_PARTS; q++) {
		enum quantity quantity;
		const struct point *part = profile_part(&profile, q, &quantity);
		if (!part) {
			continue;
		}
		struct block span = profile_span(part);
		int holders = 0;
		for (int i = 0; i < profile.blocks; i++) {
			const struct block *b = &profile.block[i];
			assert_in_range(b->count, 1, 125);
			holders += span.address >= b->address &&
				   span.address + span.count <= b->address + b->count;
		}
		assert_int_equal(holders, 1);
	}
}

static void test_random(void **unused)
{
	/* Whatever models with whatever in them: the profile is whole or refused, and every value
	 * that is good is a number within its limits. */
	(void)unused;
	static const int models[] = { 101, 112, 103, 120, 121, 123, 124, 160, 201, 203,
				      211, 214, 701, 702, 704, 713, 714, 715, 802, 803 };
	uint64_t seed = random_seed();
	int made = 0;
	for (int round = 0; round < (is_watched() ? 100 : 1500); round++) {
		image_begin(&image, 40000, "Acme");
		for (uint64_t i = 1 + random_next(&seed) % 10; i > 0; i--) {
			const struct sunspec_layout *l =
				sunspec_layout(models[random_next(&seed) % 20]);
			int model = l->first,
			    length = l->length + l->repeat * (int)(random_next(&seed) % 8);
			int m = image_model(&image, model, length);
			for (int k = 0; k < length; k++) {
				uint64_t r = random_next(&seed);
				image_put(&image, m + 2 + k,
					  (int)(r & 1 ? r >> 8 & 0xFFFF : (r >> 8) % 12 - 4));
			}
		}
		if (make_profile((enum device_kind)(random_next(&seed) % DEVICE_KIND_COUNT)) == 0) {
			made++;
			check_blocks();
			for (int q = 0; q < QUANTITY_COUNT; q++) {
				double value = 0;
				(void)read_quantity((enum quantity)q, &value);
				assert_true(isfinite(value));
			}
		}
	}
	print_message("%d profiles made\n", made);
	assert_true(made > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meter),       cmocka_unit_test(test_scale_factors),
		cmocka_unit_test(test_meter_kinds), cmocka_unit_test(test_pv),
		cmocka_unit_test(test_hybrid),      cmocka_unit_test(test_night),
		cmocka_unit_test(test_batteries),   cmocka_unit_test(test_control_704),
		cmocka_unit_test(test_control_124), cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_control_123), cmocka_unit_test(test_incomplete_control),
		cmocka_unit_test(test_failures),    cmocka_unit_test(test_absent_points),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests_name("sunspec_profile", tests, NULL, NULL);
}
