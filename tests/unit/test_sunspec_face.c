/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "drivers/sensors.h"
#include "drivers/sunspec_point.h"
#include "drivers/sunspec_profile.h"
#include "sim/house.h"

static const int64_t SECOND_US = 1000000, START_US = INT64_C(3600000000);
static const char PLANT[] = "[plant]\nlatitude = 50 deg\nlongitude = 10 deg\n";
static const char AT[] = "listen = tcp://127.0.0.1:1/1\nprofile = sunspec\n";
static const char PHYSICS[] =
	"capacity = 10 kWh\ncharge-limit = 4 kW\ndischarge-limit = 5 kW\nlag = 0 s\n";

static struct house house;
static struct sunspec_face *face;
static struct sunspec walked;
static char said[2048];

static int read_house(const char *text)
{
	char path[64];
	write_temporary(text, path);
	memset(said, 0, sizeof(said));
	struct diag d = { .to = fmemopen(said, sizeof(said), "w") };
	int r = house_read(&house, path, "etc/profiles", &d);
	fclose(d.to);
	unlink(path);
	return r;
}

static int read_registers(void *context, int address, int count, uint16_t *words)
{
	return sunspec_face_handler.read(context, 3, address, count, words);
}

static struct sunspec_reader reader(void)
{
	return (struct sunspec_reader){ .read = read_registers, .context = face };
}

static void nobody(void *context, const struct house_device *dev)
{
	(void)context;
	(void)dev;
}

static void advance_s(int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		plant_advance(&house.plant, house.plant.now_us + SECOND_US);
		house_step(&house, nobody, NULL);
	}
}

/* A house at noon in June with a device of these sections at one address, each with more keys. */
static void start(const char *const *sections, int count, const char *models)
{
	char text[2048];
	int length = snprintf(text, sizeof(text), "%s", PLANT);
	for (int i = 0; i < count; i++) {
		length += snprintf(text + length, sizeof(text) - (size_t)length, "[%s a%d]\n%s%s%s",
				   sections[i], i, AT,
				   strcmp(sections[i], "battery") == 0 ? PHYSICS
				   : strcmp(sections[i], "pv") == 0    ? "peak = 6 kW\n"
								       : "",
				   i == 0 ? models : "");
	}
	if (read_house(text) < 0) {
		fail_msg("%s", said);
	}
	face = house.device[0].sunspec;
	plant_start(&house.plant, START_US, 1750032000 + 11 * 3600);
	advance_s(60);
	struct sunspec_reader r = reader();
	assert_int_equal(sunspec_walk(&r, 0, &walked), 0);
}

static const char *const HYBRID[] = { "pv", "battery" };
static const char *const METER[] = { "meter" };
static const char *const ROOF[] = { "pv" };
static const char *const STORAGE[] = { "battery" };

static int tear_down(void **state)
{
	(void)state;
	house_free(&house);
	return 0;
}

static double get(int model, const char *name)
{
	struct sunspec_reader r = reader();
	const struct sunspec_found *f = sunspec_find(&walked, model, model, 0);
	double value = NAN;
	assert_non_null(f);
	int got = sunspec_read_value(&r, f, name, 0, &value);
	assert_true(got == 0 || got == -ENODATA);
	return value;
}

static int put(int model, const char *name, double value)
{
	struct sunspec_reader r = reader();
	struct point p;
	uint16_t words[POINT_WORDS_MAX];
	const struct sunspec_found *f = sunspec_find(&walked, model, model, 0);
	assert_non_null(f);
	assert_int_equal(sunspec_make_point(f, name, 0, &p), 0);
	assert_int_equal(sunspec_fix_factor(&r, &p), 0);
	assert_int_equal(point_encode(&p, value, words), 0);
	return sunspec_face_handler.write(face, 16, p.address, point_words(p.type), words);
}

static double battery_w(void)
{
	return house.plant.battery[0].w;
}

/* Compare what our driver makes of the device with what is true; returns quantities seen. */
static int compare(enum device_kind kind)
{
	struct sunspec_reader r = reader();
	static struct answers answers;
	struct profile p = { .kind = kind };
	int seen = 0;
	sunspec_profile_init(kind, &p);
	assert_int_equal(sunspec_profile(&walked, &r, &p), 0);
	answers_clear(&answers, p.blocks);
	for (int i = 0; i < p.blocks; i++) {
		const struct block *b = &p.block[i];
		uint16_t words[BLOCK_WORDS_MAX];
		assert_int_equal(read_registers(face, b->address, b->count, words), 0);
		answers_take(&answers, i, 0, b->count, words, 1);
	}
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		double value = NAN, truth;
		int64_t at_us;
		if (p.reading[q].type == POINT_ABSENT) {
			continue;
		}
		enum quality quality =
			profile_decode(&p, (enum quantity)q, &answers, &value, &at_us);
		if (sensors_measure(&house.plant, kind, 0, (enum quantity)q, &truth) < 0 ||
		    q == BATTERY_CHARGE_MAX_W || q == BATTERY_DISCHARGE_MAX_W) {
			continue; /* these are ratings to SunSpec */
		}
		bool unborn = p.reading[q].counter && truth < 1; /* 0: not implemented */
		assert_int_equal(quality, unborn ? QUALITY_NOT_IMPLEMENTED : QUALITY_GOOD);
		assert_true(unborn || fabs(value - truth) <= 1.01 + 1e-6 * fabs(truth));
		seen++;
	}
	return seen;
}

static void drivers_see_the_truth(void **state)
{
	/* By whatever models a device tells it, our driver reads what the plant measures. */
	(void)state;
	static const struct {
		const char *const *sections;
		int count;
		const char *models;
		int meter, pv, battery; /* quantities to be seen */
	} cases[] = {
		{ METER, 1, "", 5, 0, 0 },
		{ METER, 1, "models = 1,213\n", 5, 0, 0 },
		{ ROOF, 1, "", 0, 2, 0 },
		{ ROOF, 1, "models = 1,113,120,123\n", 0, 2, 0 },
		{ ROOF, 1, "models = 1,701,702,704\n", 0, 2, 0 },
		{ STORAGE, 1, "", 0, 0, 4 },
		{ STORAGE, 1, "models = 1,103,120,124,802\n", 0, 0, 2 },
		{ STORAGE, 1, "models = 1,701,702,704,713,714,715\n", 0, 0, 4 },
		{ HYBRID, 2, "", 0, 2, 4 },
		{ HYBRID, 2, "models = 1,103,120,123,124,713,714\n", 0, 2, 4 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(cases[i].sections, cases[i].count, cases[i].models);
		if (cases[i].battery) {
			plant_battery_hold(&house.plant, 0, -1500, INT64_MAX);
			plant_advance(&house.plant, house.plant.now_us + 900 * SECOND_US);
			plant_battery_hold(&house.plant, 0, 2500, INT64_MAX);
			plant_advance(&house.plant, house.plant.now_us + 60 * SECOND_US);
		}
		if (cases[i].meter) {
			assert_int_equal(compare(DEVICE_METER), cases[i].meter);
		}
		if (cases[i].pv) {
			assert_int_equal(compare(DEVICE_PV), cases[i].pv);
		}
		if (cases[i].battery) {
			assert_int_equal(compare(DEVICE_BATTERY), cases[i].battery);
		}
		house_free(&house);
	}
	start(METER, 1, "");
}

static void limits_revert(void **state)
{
	/* A PV limit of model 123 holds its share of the rating until its timer ends, renewed by
	 * each write; without a timer it stays. */
	(void)state;
	start(ROOF, 1, "");
	assert_int_equal(put(123, "WMaxLimPct_RvrtTms", 30), 0);
	assert_int_equal(put(123, "WMaxLimPct", 5), 0);
	advance_s(1);
	assert_true(house.plant.pv[0].w > 300);
	assert_int_equal(put(123, "WMaxLim_Ena", 1), 0);
	advance_s(29);
	assert_true(house.plant.pv[0].w == 300);
	assert_int_equal(put(123, "WMaxLimPct", 10), 0);
	advance_s(29);
	assert_true(house.plant.pv[0].w == 600 && get(123, "WMaxLim_Ena") == 1);
	plant_advance(&house.plant, house.plant.now_us + SECOND_US - 1);
	assert_true(house.plant.pv[0].w == 600);
	advance_s(1);
	assert_true(house.plant.pv[0].w > 600 && get(123, "WMaxLim_Ena") == 0);
	assert_int_equal(put(123, "WMaxLimPct_RvrtTms", 0), 0);
	assert_int_equal(put(123, "WMaxLim_Ena", 1), 0);
	advance_s(4000);
	assert_true(house.plant.pv[0].w == 600);
}

static void storage_is_bounded_from_both_sides(void **state)
{
	/* Model 124: both bounds hold a power, a negative one forces; only PV charges until the
	 * grid may; its timer ends all. */
	(void)state;
	start(HYBRID, 2, "");
	double share = 5000.0 / 100;
	assert_int_equal(put(124, "InOutWRte_RvrtTms", 60), 0);
	assert_int_equal(put(124, "OutWRte", -10), 0);
	assert_int_equal(put(124, "InWRte", 10), 0);
	advance_s(1);
	assert_true(battery_w() == 0);
	assert_int_equal(put(124, "StorCtl_Mod", 3), 0);
	advance_s(2);
	assert_true(fabs(battery_w() + 10 * share) < 1);
	assert_int_equal(put(124, "OutWRte", -80), 0);
	assert_int_equal(put(124, "InWRte", 80), 0);
	assert_int_equal(put(123, "WMaxLimPct", 10), 0);
	assert_int_equal(put(123, "WMaxLim_Ena", 1), 0);
	advance_s(3);
	assert_true(fabs(battery_w() + 600) < 1); /* what PV gives */
	assert_int_equal(put(124, "ChaGriSet", 1), 0);
	advance_s(3);
	assert_true(fabs(battery_w() + 80 * share) < 1);
	assert_int_equal(put(124, "InWRte", -40), 0);
	assert_int_equal(put(124, "OutWRte", 40), 0);
	advance_s(2);
	assert_true(fabs(battery_w() - 40 * share) < 1);
	advance_s(57);
	assert_true(battery_w() > 0);
	advance_s(2);
	assert_true(battery_w() == 0 && get(124, "StorCtl_Mod") == 0);
	assert_int_equal(put(124, "StorCtl_Mod", 2), 0); /* nothing forces: it rests */
	advance_s(2);
	assert_true(battery_w() == 0);
}

static void set_points_revert_to_theirs(void **state)
{
	/* Model 704 holds WSet; when its time is over, switch and set-point are what their Rvrt
	 * points say; what is left can be read. */
	(void)state;
	start(STORAGE, 1, "models = 1,701,702,704,713\n");
	uint16_t after[2] = { 0xFFFF, (uint16_t)-700 }, left[2];
	const struct sunspec_found *f = sunspec_find(&walked, 704, 704, 0);
	assert_int_equal(put(704, "WSetRvrtTms", 100), 0);
	assert_int_equal(put(704, "WSet", 1234), 0);
	assert_int_equal(put(704, "WSetEna", 1), 0);
	advance_s(40);
	assert_true(fabs(battery_w() - 1234) < 1);
	assert_int_equal(read_registers(face, f->address + 33, 2, left), 0);
	assert_true(left[0] == 0 && left[1] == 60);
	advance_s(61);
	assert_true(battery_w() == 0 && get(704, "WSetEna") == 0);
	assert_int_equal(sunspec_face_handler.write(face, 16, f->address + 26, 2, after), 0);
	assert_int_equal(put(704, "WSetEnaRvrt", 1), 0);
	assert_int_equal(put(704, "WSet", 1234), 0);
	assert_int_equal(put(704, "WSetEna", 1), 0);
	advance_s(101);
	assert_true(fabs(battery_w() + 700) < 1 && get(704, "WSetEna") == 1);
	advance_s(300);
	assert_true(fabs(battery_w() + 700) < 1 && get(704, "WSet") == -700);
}

static void hearts_that_stop_end_commands(void **state)
{
	/* Model 715: once a controller's heart beats, its standing still ends every command. */
	(void)state;
	start(STORAGE, 1, "models = 1,701,702,704,713,715\n");
	assert_int_equal(put(704, "WSet", 1000), 0);
	assert_int_equal(put(704, "WSetEna", 1), 0);
	advance_s(100);
	assert_true(fabs(battery_w() - 1000) < 1);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(put(715, "ControllerHb", i), 0);
		advance_s(10);
	}
	assert_true(fabs(battery_w() - 1000) < 1);
	assert_int_equal(put(715, "ControllerHb", 20), 0); /* no beat */
	advance_s(51);
	assert_true(battery_w() == 0 && get(704, "WSetEna") == 0);
}

static void bad_writes_change_nothing(void **state)
{
	/* Measurements, half values, values out of range and what is no register are refused. */
	(void)state;
	start(STORAGE, 1, "models = 1,701,702,704,713,124,120\n");
	const struct server_handler *h = &sunspec_face_handler;
	int at704 = sunspec_find(&walked, 704, 704, 0)->address;
	int at124 = sunspec_find(&walked, 124, 124, 0)->address;
	const uint16_t two[] = { 2, 0 }, huge[] = { 0x7000, 0 };
	uint16_t w[4];
	assert_int_equal(h->write(face, 6, at704 + 22, 1, two), EXCEPTION_ILLEGAL_VALUE);
	assert_int_equal(h->write(face, 6, at704 + 24, 1, two), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->write(face, 16, at704 + 24, 2, huge), EXCEPTION_ILLEGAL_VALUE);
	assert_int_equal(h->write(face, 6, at704 + 14, 1, two), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->write(face, 6, at704 + 55, 1, two), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->write(face, 6, at124 + 8, 1, two), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->write(face, 6, at124 + 12, 1, huge), EXCEPTION_ILLEGAL_VALUE);
	assert_int_equal(h->write(face, 6, 39999, 1, two), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->read(face, 3, 39999, 2, w), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->read(face, 3, 40000 + face->words, 1, w), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->read(face, 4, 40000, 1, w), EXCEPTION_ILLEGAL_FUNCTION);
	advance_s(5);
	assert_true(get(704, "WSetEna") == 0 && get(704, "WSet") == 0 &&
		    get(124, "OutWRte") == 100);
	assert_false(house_commanded(&house, &house.device[0]));
}

static void what_is_not_there_says_so(void **state)
{
	/* Registers that a model has and the device does not hold their type's sentinel. */
	(void)state;
	start(ROOF, 1, "");
	uint16_t w[52];
	assert_int_equal(read_registers(face, sunspec_find(&walked, 103, 103, 0)->address, 52, w),
			 0);
	assert_true(w[0] == 103 && w[1] == 50);
	assert_int_equal(w[2], 0xFFFF);                  /* A */
	assert_int_equal(w[6], 0x8000);                  /* A_SF */
	assert_int_equal(w[18], 0x8000);                 /* VA, signed */
	assert_int_equal(w[33], 0x8000);                 /* TmpCab */
	assert_true(w[40] == 0xFFFF && w[51] == 0xFFFF); /* events */
	assert_true(get(120, "WRtg") == 6000);
	assert_true(isnan(get(120, "MaxChaRte")) || get(120, "MaxChaRte") == 0);
}

static void large_devices_have_coarse_scales(void **state)
{
	/* A rating beyond 16 bits is told with a scale factor. */
	(void)state;
	start(ROOF, 1, "rating = 90 kW\n");
	assert_true(get(120, "WRtg") == 90000);
	assert_true(fabs(get(103, "W") - house.plant.pv[0].w) <= 5);
}

static void values_lie_on_request(void **state)
{
	/* Every fault of measurements shows in the registers, and is gone when healed. */
	(void)state;
	start(HYBRID, 2, "");
	struct house_device *dev = &house.device[1];
	double before = get(124, "ChaState");
	plant_battery_hold(&house.plant, 0, 2000, INT64_MAX);
	assert_null(house_fault(&house, dev, "frozen-soc"));
	plant_advance(&house.plant, house.plant.now_us + 900 * SECOND_US);
	assert_true(fabs(get(124, "ChaState") - before) < 0.011);
	house_heal(dev);
	assert_true(get(124, "ChaState") < before - 2);
	assert_null(house_fault(&house, dev, "soc-step=5"));
	assert_true(get(124, "ChaState") == 5);
	house_heal(dev);
	for (int i = 0; i < 6; i++) {
		static const char *const sentinels[] = { "",        "=0x8000", "=0x7FFF",
							 "=0xFFFF", "=sf",     "=nan" };
		char text[32];
		snprintf(text, sizeof(text), "sentinel%s", sentinels[i]);
		assert_null(house_fault(&house, dev, text));
		double w = get(103, "W"), rating = get(120, "WRtg");
		assert_true(isnan(w) || fabs(w) == 1); /* 0xFFFF is -1 of a signed point */
		assert_true(rating == 6000);
		house_heal(dev);
	}
	double w = get(103, "W");
	assert_null(house_fault(&house, dev, "inverted"));
	assert_true(fabs(get(103, "W") + w) < 2);
	house_heal(dev);
	assert_null(house_fault(&house, dev, "scale-jump"));
	assert_true(fabs(get(103, "W") - 10 * w) < 20 && fabs(get(103, "W") - w) < 2);
}

static void overwrites_come_by_the_clock(void **state)
{
	/* A cloud puts everything back each so many seconds, and is counted. */
	(void)state;
	start(STORAGE, 1, "");
	assert_null(house_fault(&house, &house.device[0], "overwrite=20"));
	advance_s(1);
	assert_int_equal(put(124, "OutWRte", 30), 0);
	assert_int_equal(put(124, "InWRte", -30), 0);
	assert_int_equal(put(124, "StorCtl_Mod", 3), 0);
	advance_s(19);
	assert_true(battery_w() > 1000);
	advance_s(2);
	assert_true(battery_w() == 0 && get(124, "StorCtl_Mod") == 0 && get(124, "OutWRte") == 100);
	house_heal(&house.device[0]);
	assert_int_equal(put(124, "StorCtl_Mod", 1), 0);
	advance_s(60);
	assert_true(get(124, "StorCtl_Mod") == 1);
}

static void errors_name_line_and_expectation(void **state)
{
	/* Models that do not fit the device and parts that are there twice are refused. */
	(void)state;
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "[meter a]\n%smodels = 1,124\n",
		  ":5: models of a, expected models of the stand" },
		{ "[meter a]\n%smodels = 203\n", ":5: models of a, expected" },
		{ "[meter a]\n%smodels = 1,203,203\n", ":5: models of a, expected" },
		{ "[meter a]\n%smodels = 1,64000\n", ":5: models of a, expected" },
		{ "[meter a]\n%smodels = 1;203\n", ":7: models" },
		{ "[meter a]\n%smodels = 1,\n", ":7: models" },
		{ "[meter a]\nlisten = tcp://127.0.0.1:1/1\nprofile = eastron-sdm630\n"
		  "models = 1%.0s\n",
		  ":7: models of a device by registers, expected profile = sunspec" },
		{ "[meter a]\n%s[meter b]\nlisten = tcp://127.0.0.1:1/1\nprofile = sunspec\n",
		  ":8: b is at the address of another of its kind" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[512];
		int length = snprintf(text, sizeof(text), "%s", PLANT);
		snprintf(text + length, sizeof(text) - (size_t)length, bad[i].text, AT);
		int r = read_house(text);
		house_free(&house);
		if (r == 0 || !strstr(said, bad[i].says)) {
			fail_msg("%s\nsaid: %s\nwanted: %s", text, said, bad[i].says);
		}
	}
	start(METER, 1, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(drivers_see_the_truth),
		TEST(limits_revert),
		TEST(storage_is_bounded_from_both_sides),
		TEST(set_points_revert_to_theirs),
		TEST(hearts_that_stop_end_commands),
		TEST(bad_writes_change_nothing),
		TEST(what_is_not_there_says_so),
		TEST(large_devices_have_coarse_scales),
		TEST(values_lie_on_request),
		TEST(overwrites_come_by_the_clock),
		TEST(errors_name_line_and_expectation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
