/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "drivers/sensors.h"
#include "sim/house.h"

static const int64_t SECOND_US = 1000000, START_US = INT64_C(3600000000);

static struct house house;
static struct face *meter, *roof, *battery;

static int set_up(void **state)
{
	(void)state;
	struct diag d = { .to = stderr };
	assert_int_equal(house_read(&house, "etc/examples/plant.conf", "etc/profiles", &d), 0);
	plant_start(&house.plant, START_US, 1750032000 + 11 * 3600);
	meter = &house_device(&house, "grid")->face;
	roof = &house_device(&house, "roof")->face;
	battery = &house_device(&house, "main")->face;
	plant_advance(&house.plant, START_US + 60 * SECOND_US);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	house_free(&house);
	return 0;
}

static void advance_s(int64_t seconds)
{
	plant_advance(&house.plant, house.plant.now_us + seconds * SECOND_US);
}

/* Read a point as a controller would. */
static enum quality fetch(struct face *f, const struct point *p, double *out)
{
	uint16_t w[POINT_WORDS_MAX];
	assert_int_equal(face_handler.read(f, (int)p->table, p->address, point_words(p->type), w),
			 0);
	return point_decode(p, w, out);
}

static int store(struct face *f, enum control control, double value)
{
	const struct point *p = &f->profile->control[control];
	uint16_t w[POINT_WORDS_MAX];
	assert_int_equal(point_encode(p, value, w), 0);
	return face_handler.write(f, p->write_function, p->address, point_words(p->type), w);
}

static void measurements_survive_the_wire(void **state)
{
	/* Each quantity a profile has decodes to what the plant measures, within its resolution. */
	(void)state;
	advance_s(3600);
	struct face *faces[] = { meter, roof, battery };
	int seen = 0;
	for (int i = 0; i < 3; i++) {
		for (int q = 0; q < QUANTITY_COUNT; q++) {
			const struct point *p = &faces[i]->profile->reading[q];
			double truth, value;
			if (p->type == POINT_ABSENT) {
				continue;
			}
			assert_int_equal(sensors_measure(&house.plant, faces[i]->profile->kind, 0,
							 (enum quantity)q, &truth),
					 0);
			assert_int_equal(fetch(faces[i], p, &value), QUALITY_GOOD);
			assert_true(fabs(value - truth) <= fabs(p->scale) + 1e-6 * fabs(truth));
			seen++;
		}
	}
	assert_int_equal(seen, 13);
}

static void gaps_are_refused(void **state)
{
	/* A block that touches a register of no point, and the other table, is an illegal address.
	 */
	(void)state;
	uint16_t w[125];
	assert_int_equal(face_handler.read(battery, 4, 0, 11, w), 0);
	assert_int_equal(face_handler.read(battery, 4, 0, 12, w), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(face_handler.read(battery, 3, 0, 2, w), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(face_handler.read(battery, 3, 100, 4, w), 0);
	assert_int_equal(face_handler.read(battery, 3, 99, 4, w), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(face_handler.read(meter, 4, 0x48, 4, w), 0);
	assert_int_equal(face_handler.read(meter, 4, 0x34, 4, w), EXCEPTION_ILLEGAL_ADDRESS);
}

static void set_points_hold_and_revert(void **state)
{
	/* A set-point holds once enabled, each write renews it, and without one it ends by itself.
	 */
	(void)state;
	double enabled;
	assert_int_equal(store(battery, CONTROL_REVERT_S, 30), 0);
	assert_int_equal(store(battery, CONTROL_BATTERY_SETPOINT_W, -2000), 0);
	advance_s(10);
	assert_true(house.plant.battery[0].w == 0);
	assert_int_equal(store(battery, CONTROL_ENABLE, 1), 0);
	advance_s(29);
	assert_true(fabs(house.plant.battery[0].w + 2000) < 1);
	assert_int_equal(store(battery, CONTROL_BATTERY_SETPOINT_W, 1000), 0);
	advance_s(29);
	assert_true(fabs(house.plant.battery[0].w - 1000) < 1);
	const struct point *enable = &battery->profile->control[CONTROL_ENABLE];
	assert_int_equal(fetch(battery, enable, &enabled), QUALITY_GOOD);
	assert_true(enabled == enable->on);
	advance_s(1);
	assert_int_equal(fetch(battery, enable, &enabled), QUALITY_GOOD);
	assert_true(enabled == enable->off);
	advance_s(20);
	assert_true(fabs(house.plant.battery[0].w) < 1);
}

static void limits_and_release(void **state)
{
	/* A PV limit acts while enabled and is let go when enable is switched off. */
	(void)state;
	assert_int_equal(store(roof, CONTROL_PV_LIMIT_W, 100), 0);
	assert_int_equal(store(roof, CONTROL_ENABLE, 1), 0);
	advance_s(1);
	assert_true(house.plant.pv[0].w == 100);
	assert_int_equal(store(roof, CONTROL_ENABLE, 0), 0);
	advance_s(1);
	assert_true(house.plant.pv[0].w > 100);
}

static void bad_writes_change_nothing(void **state)
{
	/* Wrong function, half a value, impossible values, read-only registers: refused, no effect.
	 */
	(void)state;
	static const uint16_t one[] = { 1 }, seven[] = { 7 }, zero[] = { 0 },
			      huge[] = { 0x7fff, 0 };
	const struct server_handler *h = &face_handler;
	assert_int_equal(h->write(battery, 6, 100, 1, one), EXCEPTION_ILLEGAL_FUNCTION);
	assert_int_equal(h->write(battery, 16, 102, 1, one), EXCEPTION_ILLEGAL_FUNCTION);
	assert_int_equal(h->write(battery, 16, 101, 1, one), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->write(battery, 16, 100, 2, huge), EXCEPTION_ILLEGAL_VALUE);
	assert_int_equal(h->write(battery, 6, 102, 1, seven), EXCEPTION_ILLEGAL_VALUE);
	assert_int_equal(h->write(battery, 6, 103, 1, zero), EXCEPTION_ILLEGAL_VALUE);
	assert_int_equal(h->write(battery, 6, 0, 1, one), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->write(battery, 6, 500, 1, one), EXCEPTION_ILLEGAL_ADDRESS);
	assert_int_equal(h->write(meter, 6, 0x34, 1, one), EXCEPTION_ILLEGAL_ADDRESS);
	assert_false(face_enabled(battery));
	assert_true(battery->value[CONTROL_BATTERY_SETPOINT_W] == 0);
	assert_true(battery->value[CONTROL_REVERT_S] == 60);
}

static void values_lie_on_request(void **state)
{
	/* Sentinels decode as not implemented, frozen values stay; healed, the truth is back. */
	(void)state;
	const struct point *soc = &battery->profile->reading[BATTERY_SOC];
	double before, value;
	assert_null(face_fault(battery, "sentinel"));
	assert_int_equal(fetch(battery, soc, &value), QUALITY_NOT_IMPLEMENTED);
	face_heal(battery);
	assert_int_equal(fetch(battery, soc, &before), QUALITY_GOOD);
	assert_null(face_fault(battery, "frozen"));
	plant_battery_hold(&house.plant, 0, -5000, INT64_MAX);
	advance_s(1200);
	assert_int_equal(fetch(battery, soc, &value), QUALITY_GOOD);
	assert_true(value == before);
	face_heal(battery);
	assert_int_equal(fetch(battery, soc, &value), QUALITY_GOOD);
	assert_true(value > before + 0.05);
}

static int noted;
static double noted_w;

static void note(void *context, const struct face *f, enum control control, double value)
{
	assert_ptr_equal(context, &noted);
	assert_ptr_equal(f, battery);
	assert_int_equal(control, CONTROL_BATTERY_SETPOINT_W);
	noted++;
	noted_w = value;
}

static void ignored_writes_are_noted(void **state)
{
	/* A device that ignores writes acknowledges them, tells its owner, and does nothing. */
	(void)state;
	noted = 0;
	battery->written = note;
	battery->context = &noted;
	house.plant.battery[0].command.active = false;
	assert_null(face_fault(battery, "ignore-writes"));
	assert_int_equal(store(battery, CONTROL_BATTERY_SETPOINT_W, -1500), 0);
	assert_int_equal(noted, 1);
	assert_true(noted_w == -1500 && battery->value[CONTROL_BATTERY_SETPOINT_W] == 0);
}

static void faults_are_checked(void **state)
{
	/* A fault that does not exist, or with an impossible value, is refused with what is
	 * expected. */
	(void)state;
	static const char *const bad[] = { "",         "sleep",        "delay=",    "delay=0",
					   "delay=1s", "exception=99", "silence=0", "frozen=",
					   "drip=-1",  "delayed" };
	struct faults f = { 0 }, none = { 0 };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_non_null(fault_set(&f, bad[i], NULL));
	}
	assert_memory_equal(&f, &none, sizeof(f));
	enum fault_kind kind;
	assert_null(fault_set(&f, "delay=250", &kind));
	assert_int_equal(kind, FAULT_DELAY);
	assert_true(f.on[FAULT_DELAY] && f.value[FAULT_DELAY] == 250);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(measurements_survive_the_wire), TEST(gaps_are_refused),
		TEST(set_points_hold_and_revert),    TEST(limits_and_release),
		TEST(bad_writes_change_nothing),     TEST(values_lie_on_request),
		TEST(ignored_writes_are_noted),      cmocka_unit_test(faults_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
