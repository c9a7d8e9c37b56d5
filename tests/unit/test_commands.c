/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every profile we ship, through the driver and against its own face. */
#include "face_bus.h"

#include <glob.h>

#include "drivers/sensors.h"

static const double LEASE_S = 120;

static enum command_kind kind_of(const struct profile *p)
{
	return p->kind == DEVICE_PV ? COMMAND_PV_LIMIT_W : COMMAND_BATTERY_W;
}

static double plant_w(void)
{
	return rig.profile.kind == DEVICE_PV ? rig.plant.pv[0].w : rig.plant.battery[0].w;
}

/* Command w each second for so long. */
static struct snapshot hold(double w, int seconds)
{
	struct snapshot s = { 0 };
	for (int i = 0; i < seconds; i++) {
		rig_post(kind_of(&rig.profile), w, LEASE_S);
		rig_advance(1);
		s = rig_poll();
	}
	return s;
}

/* What a register can miss a power by. */
static double resolution(void)
{
	const struct point p = profile_setpoint(&rig.profile);
	return fabs(p.scale) + p.step + 1;
}

static void assert_holds(const char *path, double w, const struct snapshot *s)
{
	enum quantity q = rig.profile.kind == DEVICE_PV ? PV_W : BATTERY_W;
	double read_w = s->reading[q].value;
	if (!s->commanded || fabs(plant_w() - w) > resolution()) {
		fail_msg("%s: told %g W, does %g W, commanded %d: %s", path, w, plant_w(),
			 s->commanded, s->error);
	}
	assert_int_equal(s->reading[q].quality, QUALITY_GOOD);
	/* A product moves in steps of its factor. */
	assert_true(fabs(read_w - plant_w()) <= FACE_FACTOR + fabs(rig.profile.reading[q].scale));
}

/* The longest the device holds on when nobody writes any more. */
static double falls_back_s(void)
{
	const struct profile *p = &rig.profile;
	return p->liveness == LIVENESS_TIMER ? LEASE_S + p->control[CONTROL_REVERT_S].step
					     : p->revert_s;
}

/* A power the device takes in both directions, and the plant as well. */
static double some_power(void)
{
	const struct point p = profile_setpoint(&rig.profile);
	return fmin(fmin(1500, p.max / 2), rig.profile.kind == DEVICE_PV ? p.max : -p.min / 2);
}

static void check_one(const char *path, const struct profile *profile)
{
	rig_open(profile);
	bool pv = profile->kind == DEVICE_PV;
	double w = some_power(), rest_w = pv ? rig.plant.pv[0].available_w : 0;
	assert_true(w > 100);
	for (int i = 0; i < 2; i++) {
		struct snapshot s = hold(w, 20);
		assert_holds(path, w, &s);
		s = hold(pv ? w / 2 : -w, 20);
		assert_holds(path, pv ? w / 2 : -w, &s);
		s = hold(0, 20);
		assert_holds(path, 0, &s);
		s = hold(w, (int)fmax(20, 3 * falls_back_s()));
		assert_holds(path, w, &s);
		rig_post(COMMAND_RELEASE, 0, 0);
		rig_advance(1);
		s = rig_poll();
		bool silent = profile->control[CONTROL_ENABLE].type == POINT_ABSENT;
		if (silent && profile->liveness != LIVENESS_LATCHED) {
			assert_true(s.engaged && strstr(s.error, "released by silence"));
			rig_advance(falls_back_s());
			s = rig_poll();
		}
		rig_advance(20);
		assert_false(s.engaged || s.commanded || face_enabled(&rig.face));
		assert_true(fabs(plant_w() - rest_w) < 1);
	}
	rig_close();
}

/* Nobody writes any more: what the device does then. */
static void check_silence(const char *path, const struct profile *profile)
{
	rig_open(profile);
	double w = some_power();
	struct snapshot s = hold(w, 20);
	assert_holds(path, w, &s);
	/* It was renewed at half of its timer, or a third of its time, or a second ago. */
	rig_advance(profile->liveness == LIVENESS_TIMER   ? LEASE_S / 2 - 1
		    : profile->liveness == LIVENESS_FIXED ? 2 * profile->revert_s / 3 - 1
							  : profile->revert_s / 2);
	assert_true(face_enabled(&rig.face));
	rig_advance(falls_back_s());
	if (profile->liveness == LIVENESS_LATCHED) {
		rig_advance(3600);
		assert_true(face_enabled(&rig.face));
	} else if (face_enabled(&rig.face)) {
		fail_msg("%s: still under command after %g s of silence", path, falls_back_s());
	}
	rig_close();
}

/* The same command for an hour: what is in flash is written once, and what is not often enough. */
static void check_wear(const char *path, const struct profile *profile)
{
	rig_open(profile);
	struct snapshot s = hold(some_power(), 3600);
	assert_holds(path, some_power(), &s);
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (profile->control[c].flash && rig.wrote[c] > 1) {
			fail_msg("%s: %s written %d times", path, control_name((enum control)c),
				 rig.wrote[c]);
		}
	}
	if (profile->liveness == LIVENESS_LATCHED) {
		assert_true(rig.writes < CONTROL_COUNT);
	}
	rig_close();
}

static void test_shipped(void **unused)
{
	/* Every profile with a set-point: what is commanded is done, with its sign, held on, let
	 * go, and falls back in its time when nobody renews it; a latched one stays. */
	(void)unused;
	glob_t found;
	int commanded = 0;
	assert_int_equal(glob("etc/profiles/*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct profile p;
		struct diag d = { .to = stderr };
		assert_int_equal(profile_load(found.gl_pathv[i], &p, &d), 0);
		if (profile_controls(&p)) {
			print_message("%s\n", found.gl_pathv[i]);
			check_one(found.gl_pathv[i], &p);
			check_silence(found.gl_pathv[i], &p);
			check_wear(found.gl_pathv[i], &p);
			commanded++;
		}
	}
	globfree(&found);
	assert_true(commanded >= 3);
}

static void check_reading(const char *path, const struct profile *profile)
{
	static const enum quantity powers[] = { GRID_W, PV_W, BATTERY_W }; /* by kind of device */
	enum quantity power = powers[profile->kind];
	double truth;
	rig_open(profile);
	plant_battery_hold(&rig.plant, 0, -1500, INT64_MAX);
	rig_advance(3600);
	struct snapshot s = rig_poll();
	assert_int_equal(sensors_measure(&rig.plant, profile->kind, 0, power, &truth), 0);
	if (s.reading[power].quality != QUALITY_GOOD ||
	    fabs(s.reading[power].value - truth) > FACE_FACTOR) {
		fail_msg("%s: reads %g W (%s), not %g", path, s.reading[power].value,
			 quality_name(s.reading[power].quality), truth);
	}
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		assert_int_equal(s.reading[q].quality == QUALITY_NEVER_SEEN,
				 profile->reading[q].type == POINT_ABSENT);
	}
	rig_close();
}

static void test_readings(void **unused)
{
	/* Every profile's face answers all that the driver asks it for, and with the truth. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("etc/profiles/*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct profile p;
		struct diag d = { .to = stderr };
		assert_int_equal(profile_load(found.gl_pathv[i], &p, &d), 0);
		check_reading(found.gl_pathv[i], &p);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_readings),
	};
	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
