/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ways a device can be commanded, one by one, through the driver and against the face of a
 * made-up profile. */
#include "face_bus.h"

#include <unistd.h>

#define HEAD                                                                                       \
	"[profile]\nname = x\nkind = battery\nsource = x\n%s[bus]\nfunction = holding\n"           \
	"[point battery_w]\nregister = 0\ntype = s32\nmin = -9 kW\nmax = 9 kW\n"
#define SETPOINT                                                                                   \
	"[point battery_setpoint_w]\nregister = 100\ntype = s32\nmin = -9 kW\nmax = 9 kW\n"        \
	"step = 1 W\n"
#define MAGNITUDE                                                                                  \
	"[point battery_setpoint_w]\nregister = 100\ntype = u16\nmagnitude = yes\nmin = 0 W\n"     \
	"max = 9 kW\nstep = 1 W\n"
#define ENABLE "[point control_enable]\nregister = 102\ntype = u16\non = 1\noff = 0\n"
#define MODE                                                                                       \
	"[point control_enable]\nregister = 102\ntype = u16\ncharge = 7\ndischarge = 8\noff = 9\n"
#define TIMER   "[point revert_s]\nregister = 103\ntype = u16\nmin = 1 s\nmax = 1 h\nstep = 1 s\n"
#define PRESET  "[point preset_1]\nregister = 110\ntype = u16\non = 3\noff = 0\n"
#define LATCHED "liveness = C\n"
#define TIMED   "liveness = A\n"

/* Open a device of such a profile: what [profile] says more, and its control points. */
static void open_scheme(const char *head, const char *points)
{
	char text[2000], path[64];
	struct profile p;
	struct diag d = { .to = stderr };
	int length = snprintf(text, sizeof(text), HEAD, head);
	snprintf(text + length, sizeof(text) - (size_t)length, "%s", points);
	write_temporary(text, path);
	int r = profile_load(path, &p, &d);
	unlink(path);
	assert_int_equal(r, 0);
	rig_open(&p);
}

static struct snapshot hold(double w, int seconds)
{
	struct snapshot s = { 0 };
	for (int i = 0; i < seconds; i++) {
		rig_post(COMMAND_BATTERY_W, w, 120);
		rig_advance(1);
		s = rig_poll();
	}
	return s;
}

static double battery_w(void)
{
	return rig.plant.battery[0].w;
}

static void test_heartbeat(void **unused)
{
	/* A heartbeat counts from min to max and over, or alternates, once a poll, and only under
	 * command; when it stops the device ends the command. */
	(void)unused;
	static const struct {
		const char *keys;
		double beats[6];
	} cases[] = { { "min = 5\nmax = 7\n", { 5, 6, 7, 5, 6, 7 } },
		      { "values = 0x00FF 0xFF00\n", { 255, 65280, 255, 65280, 255, 65280 } } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char points[600];
		snprintf(points, sizeof(points),
			 "%s%s[point heartbeat]\nregister = 120\ntype = u16\n%s", SETPOINT, ENABLE,
			 cases[i].keys);
		open_scheme("liveness = D\nrevert = 3 s\n", points);
		rig_poll();
		assert_int_equal(rig.wrote[CONTROL_HEARTBEAT], 0);
		rig_post(COMMAND_BATTERY_W, 1000, 120); /* seen to at once, with the first beat */
		for (int b = 0; b < 6; b++) {
			assert_true(rig.face.value[CONTROL_HEARTBEAT] == cases[i].beats[b]);
			rig_advance(1);
			assert_true(rig_poll().commanded);
		}
		struct snapshot s = hold(1000, 60);
		assert_true(s.commanded && fabs(battery_w() - 1000) < 1);
		assert_int_equal(rig.wrote[CONTROL_BATTERY_SETPOINT_W], 1);
		rig_advance(2);
		assert_true(face_enabled(&rig.face));
		rig_advance(1.5);
		assert_false(face_enabled(&rig.face));
		rig.device->methods->snapshot(rig.device, rig.plant.now_us, &s);
		assert_false(s.commanded); /* the driver knows without asking */
		rig_close();
	}
}

static void test_latched(void **unused)
{
	/* A latched device is told once, again when the line was lost, and holds on when we are
	 * gone.
	 */
	(void)unused;
	open_scheme(LATCHED, SETPOINT ENABLE);
	hold(1000, 3600);
	assert_int_equal(rig.writes, 2);
	rig.connection++;
	hold(1000, 10);
	assert_int_equal(rig.writes, 4);
	rig.dead = true;
	rig_advance(86400);
	struct snapshot s;
	rig.device->methods->snapshot(rig.device, rig.plant.now_us, &s);
	assert_true(s.commanded && face_enabled(&rig.face));
	rig.dead = false;
	rig_post(COMMAND_RELEASE, 0, 0);
	assert_false(face_enabled(&rig.face));
	rig_close();
}

static void test_flash(void **unused)
{
	/* What is kept in flash is written when it changes and its interval has passed, and never
	 * to renew it; meanwhile the old command is held on to. A release does not wait. */
	(void)unused;
	open_scheme(TIMED,
		    "[point battery_setpoint_w]\nregister = 100\ntype = s32\nmin = -9 kW\n"
		    "max = 9 kW\nstep = 1 W\nflash = yes\nwrite-interval = 5 min\n" ENABLE TIMER);
	const int *wrote = &rig.wrote[CONTROL_BATTERY_SETPOINT_W];
	hold(1000, 900);
	assert_int_equal(*wrote, 1);
	assert_true(rig.wrote[CONTROL_REVERT_S] >= 15);
	hold(2000, 1);
	assert_int_equal(*wrote, 2);
	struct snapshot s = hold(500, 200);
	assert_int_equal(*wrote, 2);
	assert_true(s.commanded && s.commanded_w == 2000 && fabs(battery_w() - 2000) < 1);
	hold(500, 120);
	assert_int_equal(*wrote, 3);
	assert_true(fabs(battery_w() - 500) < 1);
	rig.connection++; /* it is read, and found to hold what it should */
	hold(500, 400);
	assert_int_equal(*wrote, 3);
	rig_post(COMMAND_RELEASE, 0, 0);
	assert_false(face_enabled(&rig.face));
	rig_close();
}

static void test_flash_mode(void **unused)
{
	/* A direction in flash waits like a power: nothing is told half. */
	(void)unused;
	open_scheme(
		TIMED, MAGNITUDE TIMER
		"[point control_enable]\nregister = 102\ntype = u16\ncharge = 7\ndischarge = 8\n"
		"off = 9\nflash = yes\nwrite-interval = 10 min\n");
	hold(1000, 10);
	struct snapshot s = hold(-3000, 500);
	assert_true(s.commanded_w == 1000 && fabs(battery_w() - 1000) < 1);
	hold(-3000, 150);
	assert_true(fabs(battery_w() + 3000) < 1);
	assert_int_equal(rig.wrote[CONTROL_ENABLE], 2);
	rig_close();
}

static void test_group(void **unused)
{
	/* A group goes out in one request, and the device refuses a part of it. */
	(void)unused;
	open_scheme(
		TIMED,
		"[point revert_s]\nregister = 99\ntype = u16\ngroup = 1\nmin = 1 s\n"
		"max = 1 h\nstep = 1 s\n"
		"[point battery_setpoint_w]\nregister = 100\ntype = s32\ngroup = 1\n"
		"min = -9 kW\nmax = 9 kW\nstep = 1 W\n"
		"[point control_enable]\nregister = 102\ntype = u16\ngroup = 1\non = 1\noff = 0\n"
		"[point copy_1]\nregister = 103\ntype = s16\ngroup = 1\ninvert = yes\n"
		"min = -9 kW\nmax = 9 kW\nstep = 1 W\nfollows = battery_setpoint_w\noff = 0 W\n");
	struct snapshot s = hold(-1234, 20);
	assert_true(s.commanded && fabs(battery_w() + 1234) < 1);
	assert_int_equal(rig.writes, 1);
	assert_true(rig.face.value[CONTROL_COPY_1] == -1234);
	static const uint16_t part[] = { 0, 0, 1 };
	assert_int_equal(face_handler.write(&rig.face, 16, 100, 3, part),
			 EXCEPTION_ILLEGAL_ADDRESS);
	rig_post(COMMAND_RELEASE, 0, 0);
	assert_int_equal(rig.writes, 2);
	assert_false(face_enabled(&rig.face));
	assert_true(rig.face.value[CONTROL_COPY_1] == 0);
	assert_true(rig.face.value[CONTROL_BATTERY_SETPOINT_W] == -1234); /* as it was */
	rig_close();
}

static void test_presets(void **unused)
{
	/* A preset is written where it reads otherwise, not again and again, and put back at the
	 * release; when somebody changes it, that is seen and it is set again. */
	(void)unused;
	open_scheme(TIMED, SETPOINT ENABLE TIMER PRESET);
	struct snapshot s = hold(1000, 300);
	assert_true(s.commanded && fabs(battery_w() - 1000) < 1);
	assert_int_equal(rig.wrote[CONTROL_PRESET_1], 1);
	int reads = rig.reads;
	rig_post(COMMAND_BATTERY_W, 1100, 120); /* all three are looked at, and none twice */
	assert_int_equal(rig.reads_before_write, reads + 3);
	rig.face.value[CONTROL_PRESET_1] = 0;
	s = hold(1100, 1);
	assert_false(s.commanded);
	assert_string_equal(s.error, "preset_1 reads 0, not 3");
	s = hold(1100, 1);
	assert_true(s.commanded && rig.face.value[CONTROL_PRESET_1] == 3);
	assert_int_equal(rig.wrote[CONTROL_PRESET_1], 2);
	rig_post(COMMAND_RELEASE, 0, 0);
	assert_true(rig.face.value[CONTROL_PRESET_1] == 0);
	assert_false(face_enabled(&rig.face));
	rig_close();
}

static void test_requirement(void **unused)
{
	/* A device that is not set up for it is not commanded and says what to do; once it is, it
	 * is commanded, and not asked again on the same connection. */
	(void)unused;
	open_scheme(TIMED, SETPOINT ENABLE TIMER
		    "[point require_1]\nregister = 130\ntype = u16\nvalue = 2\n"
		    "hint = set it to external at the inverter\n");
	rig.face.required[0] = 0;
	struct snapshot s = hold(1000, 5);
	assert_false(s.commanded || face_enabled(&rig.face));
	assert_int_equal(rig.writes, 0);
	assert_string_equal(s.error,
			    "register 130 reads 0, expected 2: set it to external at the inverter");
	rig.face.required[0] = 2;
	assert_true(hold(1000, 2).commanded);
	rig.face.required[0] = 0;
	uint64_t before = hold(1000, 1).stats.writes;
	s = hold(2000, 1);
	assert_true(s.stats.writes > before);
	rig.connection++;
	s = hold(2000, 1);
	assert_non_null(strstr(s.error, "register 130 reads 0"));
	rig_close();
}

static void test_latched_requirement(void **unused)
{
	/* A latched device that was set up otherwise meanwhile is given back, and not left to its
	 * last command; where it cannot be asked, it is not. */
	(void)unused;
	open_scheme(LATCHED,
		    SETPOINT ENABLE "[point require_1]\nregister = 130\ntype = u16\nvalue = 2\n"
				    "hint = set it to external at the inverter\n");
	assert_true(hold(1000, 2).commanded);
	rig.connection++;
	rig.dead = true;
	assert_true(hold(1000, 5).engaged);
	assert_true(rig.face.value[CONTROL_ENABLE] == 1);
	rig.dead = false;
	rig.face.required[0] = 0;
	struct snapshot s = hold(1000, 5);
	assert_false(s.engaged || s.commanded);
	assert_true(rig.face.value[CONTROL_ENABLE] == 0);
	assert_non_null(strstr(s.error, "register 130 reads 0"));
	rig_close();
}

static void test_owed(void **unused)
{
	/* A device that did not answer a command may be under it, or under the one before: it is
	 * owed its release until it has taken that. */
	(void)unused;
	open_scheme(TIMED, SETPOINT ENABLE TIMER);
	assert_true(hold(1000, 2).commanded);
	rig.dead = true;
	rig_post(COMMAND_BATTERY_W, 2000, 120);
	rig_post(COMMAND_RELEASE, 0, 0);
	struct snapshot s;
	rig.device->methods->snapshot(rig.device, rig.plant.now_us, &s);
	assert_true(s.engaged && !s.commanded && face_enabled(&rig.face));
	rig.dead = false;
	assert_false(rig_poll().engaged || face_enabled(&rig.face));
	rig_close();
}

static void test_direction(void **unused)
{
	/* With a power without a sign, no change ever passes through a power beyond the old and the
	 * new one. */
	(void)unused;
	uint64_t seed = random_seed();
	double w = 0;
	open_scheme(TIMED, MAGNITUDE MODE TIMER);
	hold(100, 1);
	for (int i = 0; i < 500; i++) {
		double next_w = rint(random_between(&seed, -5000, 5000));
		w = rig.plant.battery[0].command.w;
		rig.low_w = rig.high_w = w;
		hold(next_w, 1);
		assert_true(rig.plant.battery[0].command.w == next_w);
		assert_true(rig.low_w >= fmin(fmin(w, next_w), 0));
		assert_true(rig.high_w <= fmax(fmax(w, next_w), 0));
	}
	rig_close();
}

static void test_pair(void **unused)
{
	/* With a register for each direction the one not in use holds 0, or the least it takes. */
	(void)unused;
	open_scheme(TIMED,
		    "[point battery_charge_setpoint_w]\nregister = 100\ntype = u16\nmin = 1 W\n"
		    "max = 3 kW\nstep = 1 W\n"
		    "[point battery_discharge_setpoint_w]\nregister = 101\ntype = u16\nmin = 0 W\n"
		    "max = 4 kW\nstep = 1 W\n" MODE TIMER);
	const double *value = rig.face.value;
	hold(9000, 10);
	assert_true(value[CONTROL_BATTERY_CHARGE_SETPOINT_W] == 1 &&
		    value[CONTROL_BATTERY_DISCHARGE_SETPOINT_W] == 4000);
	assert_true(fabs(battery_w() - 4000) < 1 && value[CONTROL_ENABLE] == 8);
	struct snapshot s = hold(-9000, 10);
	assert_true(value[CONTROL_BATTERY_CHARGE_SETPOINT_W] == 3000 &&
		    value[CONTROL_BATTERY_DISCHARGE_SETPOINT_W] == 0);
	assert_true(fabs(battery_w() + 3000) < 1 && value[CONTROL_ENABLE] == 7);
	assert_true(s.commanded_w == -3000);
	rig_close();
}

static void test_rating(void **unused)
{
	/* Shares of a rating are W once it is told, and nothing is commanded before. */
	(void)unused;
	open_scheme(TIMED,
		    "[point battery_setpoint_w]\nregister = 100\ntype = s16\nof-rating = yes\n"
		    "scale = 0.01\nmin = -100 %\nmax = 100 %\nstep = 1 %\n" ENABLE TIMER);
	uint16_t words[1];
	struct profile unrated = *rig.face.profile;
	hold(-1250, 10); /* of 5 kW */
	assert_true(fabs(battery_w() + 1250) < 1);
	assert_int_equal(face_handler.read(&rig.face, 3, 100, 1, words), 0);
	assert_int_equal((int16_t)words[0], -25);
	rig_close();
	assert_true(profile_needs_rating(&unrated));
	assert_true(point_encode(&unrated.control[CONTROL_BATTERY_SETPOINT_W], 0.5, words) < 0);
	rig_open(&unrated);
	rig_close();
	profile_rate(&unrated, 2000);
	assert_true(profile_setpoint(&unrated).max == 2000);
	assert_false(profile_needs_rating(&unrated));
}

static void test_silence(void **unused)
{
	/* A device with a fixed time and no switch is released by silence: told 0 once, it counts
	 * as under command until its time is over; before it was ever told anything it is left
	 * alone. */
	(void)unused;
	open_scheme("liveness = B\nrevert = 30 s\n",
		    "[point battery_setpoint_w]\nregister = 100\ntype = s32\nmin = -9 kW\n"
		    "max = 9 kW\nstep = 1 W\noff = 0 W\n");
	rig_post(COMMAND_RELEASE, 0, 0);
	assert_false(rig_poll().engaged);
	assert_int_equal(rig.writes, 0);
	hold(2000, 95);
	assert_int_equal(rig.writes, 10); /* each 10 s */
	rig_post(COMMAND_RELEASE, 0, 0);
	assert_int_equal(rig.writes, 11);
	for (int i = 0; i < 29; i++) {
		rig_advance(1);
		struct snapshot s = rig_poll();
		assert_true(s.engaged && !s.commanded);
		assert_non_null(strstr(s.error, "released by silence: it falls back by itself"));
	}
	rig_advance(1);
	struct snapshot s = rig_poll();
	assert_false(s.engaged || face_enabled(&rig.face));
	assert_string_equal(s.error, "");
	assert_int_equal(rig.writes, 11);
	rig_close();
}

static void test_denied(void **unused)
{
	/* What is denied, or is no whole control point, never leaves the driver, whoever asks. */
	(void)unused;
	open_scheme("liveness = A\ndeny = 500-509 protection\n", SETPOINT ENABLE TIMER);
	const struct profile *p = &rig.profile;
	assert_true(profile_may_write(p, 0, 100, 2));
	assert_true(profile_may_write(p, 0, 100, 4)); /* three points in a row */
	assert_false(profile_may_write(p, 0, 100, 1) || profile_may_write(p, 0, 101, 1));
	assert_false(profile_may_write(p, 0, 103, 2) || profile_may_write(p, 0, 99, 3));
	assert_false(profile_may_write(p, 7, 100, 2) || profile_may_write(p, 0, 100, 0));
	assert_false(profile_may_write(p, 0, 0, 2) || profile_may_write(p, 0, 505, 1));
	rig_close();
	struct profile forged = *p; /* as no loader would let it pass */
	forged.control[CONTROL_BATTERY_SETPOINT_W].address = 508;
	rig_open(&forged);
	struct snapshot s = hold(1000, 1);
	assert_false(s.commanded);
	assert_int_equal(rig.wrote[CONTROL_BATTERY_SETPOINT_W], 0);
	assert_non_null(strstr(s.error, "writing battery_setpoint_w"));
	assert_false(face_enabled(&rig.face));
	rig_close();
}

static void test_other_unit(void **unused)
{
	/* What lives at another unit of the endpoint is read and written there. */
	(void)unused;
	open_scheme(TIMED, SETPOINT TIMER "[point battery_soc]\nregister = 2\ntype = u16\nunit = "
					  "227\nscale = 0.01\nmin = 0 %\n"
					  "max = 100 %\n"
					  "[point control_enable]\nregister = 102\ntype = "
					  "u16\nunit = 227\non = 1\noff = 0\n");
	assert_int_equal(rig.profile.blocks, 2); /* though their registers lie in a row */
	struct snapshot s = rig_poll();
	assert_int_equal(s.reading[BATTERY_SOC].quality, QUALITY_GOOD);
	assert_int_equal(rig.other_unit, 1);
	s = hold(700, 10);
	assert_true(s.commanded && fabs(battery_w() - 700) < 1);
	assert_true(rig.other_unit > 10);
	assert_int_equal(rig.other_writes, rig.wrote[CONTROL_ENABLE]);
	assert_int_equal(rig.client->unit, rig.profile.unit);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heartbeat),   cmocka_unit_test(test_latched),
		cmocka_unit_test(test_flash),       cmocka_unit_test(test_flash_mode),
		cmocka_unit_test(test_group),       cmocka_unit_test(test_presets),
		cmocka_unit_test(test_requirement), cmocka_unit_test(test_latched_requirement),
		cmocka_unit_test(test_owed),        cmocka_unit_test(test_direction),
		cmocka_unit_test(test_pair),        cmocka_unit_test(test_rating),
		cmocka_unit_test(test_silence),     cmocka_unit_test(test_denied),
		cmocka_unit_test(test_other_unit),
	};
	return cmocka_run_group_tests_name("schemes", tests, NULL, NULL);
}
