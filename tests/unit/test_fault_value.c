/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "drivers/sensors.h"
#include "sim/fault_value.h"
#include "sim/house.h"

static struct house house;

static int set_up(void **state)
{
	(void)state;
	struct diag d = { .to = stderr };
	assert_int_equal(house_read(&house, "etc/examples/plant.conf", "etc/profiles", &d), 0);
	plant_start(&house.plant, INT64_C(3600000000), 1750032000 + 11 * 3600);
	plant_battery_hold(&house.plant, 0, 2000, INT64_MAX);
	plant_advance(&house.plant, house.plant.now_us + 60000000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	house_free(&house);
	return 0;
}

/* Read a quantity of the battery as a controller would. */
static enum quality fetch(enum quantity q, double *out)
{
	struct house_device *dev = house_device(&house, "main");
	const struct point *p = &dev->profile.reading[q];
	uint16_t w[POINT_WORDS_MAX];
	assert_int_equal(
		face_handler.read(&dev->face, (int)p->table, p->address, point_words(p->type), w),
		0);
	return point_decode(p, w, out);
}

static double value_of(enum quantity q)
{
	double value = NAN;
	assert_int_equal(fetch(q, &value), QUALITY_GOOD);
	return value;
}

static void fault(const char *text)
{
	assert_null(house_fault(&house, house_device(&house, "main"), text));
}

static void heal(void)
{
	house_heal(house_device(&house, "main"));
}

static void one_quantity_can_lie(void **state)
{
	/* The state of charge alone freezes or steps; power alone has its sign turned. */
	(void)state;
	double soc = value_of(BATTERY_SOC);
	fault("frozen-soc");
	plant_battery_hold(&house.plant, 0, -4000, INT64_MAX);
	plant_advance(&house.plant, house.plant.now_us + 900000000);
	assert_true(value_of(BATTERY_SOC) == soc);
	assert_true(value_of(BATTERY_W) < -3900);
	heal();
	assert_true(value_of(BATTERY_SOC) > soc);
	fault("soc-step=5");
	assert_true(fabs(value_of(BATTERY_SOC) - 0.05) < 1e-9);
	heal();
	soc = value_of(BATTERY_SOC);
	fault("inverted");
	assert_true(value_of(BATTERY_W) > 3900);
	assert_true(value_of(BATTERY_SOC) == soc);
	assert_true(house.plant.battery[0].w < -3900);
}

static void scales_jump_for_a_while(void **state)
{
	/* A value is ten times as much for as many reads as told, each quantity by itself. */
	(void)state;
	double w = value_of(BATTERY_W);
	fault("scale-jump=2");
	assert_true(fabs(value_of(BATTERY_W) - 10 * w) < 20);
	assert_true(fabs(value_of(BATTERY_W) - 10 * w) < 20);
	assert_true(fabs(value_of(BATTERY_W) - w) < 2);
	double soc = house.plant.battery[0].stored_wh / house.conf.battery[0].capacity_wh, read;
	assert_int_equal(fetch(BATTERY_SOC, &read), QUALITY_OUT_OF_RANGE);
	assert_int_equal(fetch(BATTERY_SOC, &read), QUALITY_OUT_OF_RANGE);
	assert_true(fabs(value_of(BATTERY_SOC) - soc) < 0.01);
}

static void sentinels_are_as_asked(void **state)
{
	/* Each kind of sentinel has its bits in registers of every type and word order. */
	(void)state;
	static const struct {
		const char *text;
		enum point_type type;
		enum word_order order;
		uint16_t words[2];
	} cases[] = {
		{ "sentinel", POINT_U16, WORDS_HIGH_FIRST, { 0xFFFF } },
		{ "sentinel=own", POINT_S16, WORDS_HIGH_FIRST, { 0x8000 } },
		{ "sentinel=0x8000", POINT_U16, WORDS_HIGH_FIRST, { 0x8000 } },
		{ "sentinel=0x8000", POINT_S32, WORDS_LOW_FIRST, { 0, 0x8000 } },
		{ "sentinel=0x7FFF", POINT_S16, WORDS_HIGH_FIRST, { 0x7FFF } },
		{ "sentinel=0x7FFF", POINT_S32, WORDS_HIGH_FIRST, { 0x7FFF, 0xFFFF } },
		{ "sentinel=0xFFFF", POINT_S16, WORDS_HIGH_FIRST, { 0xFFFF } },
		{ "sentinel=nan", POINT_F32, WORDS_HIGH_FIRST, { 0x7FC0, 0 } },
		{ "sentinel=nan", POINT_S16, WORDS_HIGH_FIRST, { 0x8000 } },
		{ "sentinel=fltmax", POINT_F32, WORDS_LOW_FIRST, { 0xFFFF, 0xFF7F } },
		{ "sentinel=sf", POINT_U16, WORDS_HIGH_FIRST, { 0xFFFF } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct faults f = { 0 };
		struct point p = { .type = cases[i].type, .order = cases[i].order, .scale = 1 };
		uint16_t words[POINT_WORDS_MAX] = { 0 };
		assert_null(fault_set(&f, cases[i].text, NULL));
		fault_encode_absent(&f, &p, words);
		assert_memory_equal(words, cases[i].words, sizeof(cases[i].words));
	}
}

static int overwritten;

static void count(void *context, const struct house_device *dev)
{
	assert_ptr_equal(context, &house);
	assert_string_equal(dev->name, "main");
	overwritten++;
}

static void overwrites_are_told(void **state)
{
	/* A battery that is overwritten lets its command go when it is due, not before, and its
	 * owner is told. */
	(void)state;
	int64_t start_us = house.plant.now_us;
	overwritten = 0;
	fault("overwrite=30");
	house_step(&house, count, &house);
	assert_true(house_next_us(&house) == start_us + 30000000);
	plant_advance(&house.plant, start_us + 29999999);
	house_step(&house, count, &house);
	assert_true(house_commanded(&house, house_device(&house, "main")));
	plant_advance(&house.plant, start_us + 30000000);
	house_step(&house, count, &house);
	assert_false(house_commanded(&house, house_device(&house, "main")));
	assert_int_equal(overwritten, 1);
	assert_true(house_next_us(&house) == start_us + 60000000);
	heal();
	house_step(&house, count, &house);
	assert_true(house_next_us(&house) == INT64_MAX);
}

static void faults_want_their_line(void **state)
{
	/* A fault of serial lines is refused at a device behind TCP. */
	(void)state;
	struct house_device *dev = house_device(&house, "main");
	assert_non_null(house_fault(&house, dev, "unplug"));
	assert_non_null(house_fault(&house, dev, "bit-errors=5"));
	assert_false(house_faults(dev)->on[FAULT_UNPLUG]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_quantity_can_lie),   TEST(scales_jump_for_a_while),
		TEST(sentinels_are_as_asked), TEST(overwrites_are_told),
		TEST(faults_want_their_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
