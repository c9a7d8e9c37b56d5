/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices that lie, forget and disobey, against the whole control cycle in simulated time. */
#include "rig.h"

static struct liar meter, roof, battery, other;

static const int64_t second = 1000000;
static const int64_t noon_s = 1780272000 + 11 * 3600, evening_s = 1780272000 + 19 * 3600;

/* A house of constant load and sun under self-consumption, its devices behind liars. */
static void open_house(int64_t start_s, double load_w, double pv_w)
{
	rig_open_two(start_s);
	for (int i = 0; i < SERIES_ROWS; i++) {
		rig.load_w[i] = load_w;
		rig.pv_w[i] = pv_w;
	}
	liar_insert(&meter, &rig.devices.meter);
	liar_insert(&roof, &rig.devices.pv[0]);
	liar_insert(&battery, &rig.devices.battery[0]);
	liar_insert(&other, &rig.devices.battery[1]);
	home_set_mode(&rig.home, MODE_SELF);
}

static void set_soc(int b, double soc)
{
	rig.devices.plant.battery[b].stored_wh =
		soc * rig.devices.plant.conf.battery[b].capacity_wh;
}

/* Turn until the alarm is on; returns the cycles, or most + 1. */
static int await_alarm(int device, enum alarm alarm, int most)
{
	for (int t = 1; t <= most; t++) {
		turn();
		if (has_alarm(device, alarm)) {
			return t;
		}
	}
	return most + 1;
}

static const struct action *action(void)
{
	return &rig.home.action;
}

static const struct state *state(void)
{
	return &rig.home.state;
}

/* --- values that cannot be ----------------------------------------------------------------------
 */

static void hide_soc(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	s->reading[BATTERY_SOC] = (struct reading){ .quality = QUALITY_NOT_IMPLEMENTED };
}

static void test_sentinel(void **unused)
{
	/* A charge that is not told is unknown: nothing new is commanded, and within a minute the
	 * battery is let go; the other one goes on. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	turns(60);
	assert_false(action()->release[0]);
	battery.lie = hide_soc;
	for (int t = 1; t <= 70; t++) {
		turn();
		assert_int_equal(state()->battery[0].soc.quality, QUALITY_NOT_IMPLEMENTED);
		assert_true(action()->release[0] || t < 60);
		assert_true(!action()->release[0] || t > 5);
		assert_false(action()->release[1]);
	}
	battery.lie = NULL;
	turns(10);
	assert_false(action()->release[0]);
	rig_close();
}

static double scale = 1;
static enum quantity scaled;

static void rescale(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	s->reading[scaled].value *= scale;
}

static void test_scale_leap(void **unused)
{
	/* A value read with another scale for one poll counts for nothing, whoever tells it. */
	(void)unused;
	static const double scales[] = { 10, 0.1, 100, 0.01 };
	struct liar *liars[] = { &meter, &roof, &battery };
	static const enum quantity quantities[] = { GRID_W, PV_W, BATTERY_W };
	open_house(noon_s, 3000, 800);
	rig.site.battery[0].model.discharge_limit_w = 1000; /* the grid has a part of it, too */
	rig.home.guard.conf.battery[0].discharge_w = 1000;
	rig.home.guard.conf.battery[1].discharge_w = 500;
	turns(120);
	double before_w = action()->battery_w[0];
	for (int d = 0; d < 3; d++) {
		for (int i = 0; i < 4; i++) {
			scaled = quantities[d];
			scale = scales[i];
			liars[d]->lie = rescale;
			turn();
			liars[d]->lie = NULL;
			const struct reading *r = d == 0   ? &state()->grid_w
						  : d == 1 ? &state()->pv_w
							   : &state()->battery[0].w;
			assert_int_equal(r->quality, QUALITY_OUT_OF_RANGE);
			turns(3);
			assert_true(reading_good(r));
			assert_true(fabs(action()->battery_w[0] - before_w) < 60);
		}
	}
	assert_int_equal(alarmed(), 0);
	rig_close();
}

static void test_wrong_scale(void **unused)
{
	/* A battery that tells a tenth of its power for good is not counted on. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	turns(60);
	scaled = BATTERY_W;
	scale = 0.1;
	battery.lie = rescale;
	assert_in_range(await_alarm(alarm_battery(0), ALARM_GIVEN_UP, 30), 4, 20);
	turn();
	assert_true(state()->battery[0].refused && action()->release[0]);
	assert_false(action()->release[1]);
	rig_close();
}

static void fall(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	s->reading[GRID_IMPORT_WH].value = scale;
}

static void test_counters(void **unused)
{
	/* An energy counter that falls, or gains more than the connection carries, is not good; one
	 * that stays there is taken for a new one after a while. */
	(void)unused;
	open_house(evening_s, 9000, 0);
	turns(3600);
	assert_true(state()->import_wh.value > 1000);
	static const double lies[] = { 0, 1e6 };
	for (int i = 0; i < 2; i++) {
		scale = lies[i];
		meter.lie = fall;
		turns(100);
		assert_int_equal(state()->import_wh.quality, QUALITY_OUT_OF_RANGE);
		assert_true(reading_good(&state()->grid_w));
		meter.lie = NULL;
		turn();
		assert_true(reading_good(&state()->import_wh));
	}
	meter.lie = fall;
	turns(310);
	assert_true(reading_good(&state()->import_wh));
	rig_close();
}

/* --- state of charge ----------------------------------------------------------------------------
 */

static double told_soc;

static void tell_soc(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	s->reading[BATTERY_SOC].value = told_soc;
}

static void test_soc_frozen(void **unused)
{
	/* A charge that stands still while 3 kW flow: an alarm within five minutes, and the energy
	 * bounds the battery at both ends, where the told charge would never. */
	(void)unused;
	for (int side = 0; side < 2; side++) {
		open_house(noon_s, side ? 500 : 3700, side ? 3700 : 500);
		set_soc(0, 0.5);
		set_soc(1, side ? 1 : 0.1);
		turns(30);
		told_soc = 0.5;
		battery.lie = tell_soc;
		assert_in_range(await_alarm(alarm_battery(0), ALARM_SOC_STILL, 300), 60, 300);
		assert_true(fabs(state()->battery[0].w.value) > 2900);
		turns(3 * 3600);
		double soc = plant_soc(&rig.devices.plant, 0);
		assert_true(side ? soc > 0.88 && soc < 0.96 : soc > 0.085 && soc < 0.16);
		assert_true(action()->reasons & REASON_SOC_DOUBT);
		assert_true(action()->reasons & (side ? REASON_SOC_MAX : REASON_SOC_MIN));
		assert_true(action()->battery_w[0] == 0);
		battery.lie = NULL;
		rig_close();
	}
}

/* And is heard for two thirds of the time only. */
static void tell_soc_now_and_then(struct snapshot *s, int64_t now_us)
{
	tell_soc(s, now_us);
	if (now_us / second % 24 < 8) {
		s->reading[BATTERY_W].quality = QUALITY_STALE;
		s->reading[BATTERY_SOC].quality = QUALITY_STALE;
	}
}

static void test_soc_frozen_in_gaps(void **unused)
{
	/* The energy that flows while a battery is not heard counts, too. */
	(void)unused;
	open_house(noon_s, 500, 3700);
	set_soc(0, 0.5);
	set_soc(1, 1);
	turns(30);
	told_soc = 0.5;
	battery.lie = tell_soc_now_and_then;
	turns(3 * 3600);
	double soc = plant_soc(&rig.devices.plant, 0);
	print_message("charged to %.3f\n", soc);
	assert_true(soc > 0.88 && soc < 0.96);
	rig_close();
}

static void drift(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	struct reading *soc = &s->reading[BATTERY_SOC];
	soc->value = 0.6 + 0.1 * (soc->value - 0.6);
}

static void test_soc_drift(void **unused)
{
	/* A charge that moves at a tenth of the energy is found by the cross-check. */
	(void)unused;
	open_house(evening_s, 3500, 0);
	set_soc(0, 0.6);
	turns(5);
	battery.lie = drift;
	int t = await_alarm(alarm_battery(0), ALARM_SOC_DRIFT, 3600);
	assert_in_range(t, 300, 1200);
	turns(1);
	assert_true(state()->battery[0].soc_below > 0.04);
	rig_close();
}

static void whole_per_cent(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	struct reading *soc = &s->reading[BATTERY_SOC];
	soc->value = round(soc->value * 100) / 100;
}

static void test_soc_coarse(void **unused)
{
	/* A charge in whole per cent is no lie, at any power, in either direction, to both ends. */
	(void)unused;
	for (double w = 100; w <= 3200; w *= is_watched() ? 8 : 2) {
		for (int side = 0; side < 2; side++) {
			open_house(noon_s, side ? 500 : 500 + w, side ? 500 + w : 500);
			battery.lie = whole_per_cent;
			other.lie = whole_per_cent;
			for (int t = 0; t < 6 * 3600; t++) {
				turn();
				assert_int_equal(alarmed(), 0);
			}
			battery.lie = other.lie = NULL;
			rig_close();
		}
	}
}

static void test_soc_leap(void **unused)
{
	/* A charge that leaps from 60 to 5 per cent and back turns no set-point; one that stays
	 * away is unknown after a minute and taken after five. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	set_soc(0, 0.6);
	turns(60);
	told_soc = 0.05;
	battery.lie = tell_soc;
	for (int t = 0; t < 50; t++) {
		turn();
		assert_true(has_alarm(alarm_battery(0), ALARM_SOC_LEAP));
		assert_true(action()->battery_w[0] > 1000);
		assert_true(fabs(state()->battery[0].soc.value - 0.6) < 0.02);
	}
	battery.lie = NULL;
	turn();
	assert_int_equal(alarmed(), 0);
	assert_true(action()->battery_w[0] > 1000);
	battery.lie = tell_soc;
	turns(75);
	assert_int_equal(state()->battery[0].soc.quality, QUALITY_OUT_OF_RANGE);
	assert_true(action()->release[0]);
	turns(230);
	assert_true(reading_good(&state()->battery[0].soc));
	assert_true(state()->battery[0].soc.value == 0.05);
	assert_int_equal(alarmed(), 0);
	rig_close();
}

/* --- signs --------------------------------------------------------------------------------------
 */

static void invert_grid(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	s->reading[GRID_W].value = -s->reading[GRID_W].value;
}

/* Run with a meter the wrong way round until it is found; the energy it cost is small, and the
 * batteries end at rest. */
static void find_inverted(void)
{
	const struct plant *p = &rig.devices.plant;
	int found = 0;
	for (int t = 1; t <= 3600; t++) {
		turn();
		found = found || !has_alarm(ALARM_METER, ALARM_SIGN) ? found : t;
		assert_true(!found || has_alarm(ALARM_METER, ALARM_SIGN));
		assert_true(!found || (action()->release[0] && action()->release[1]));
		assert_true(!found || (action()->reasons & REASON_SIGN));
		/* At rest, after the seconds a battery takes. */
		assert_true(!found || t < found + 15 || fabs(p->battery[0].w) < 1);
	}
	assert_in_range(found, 1, 90);
	assert_int_equal(state()->grid_w.quality, QUALITY_OUT_OF_RANGE);
}

static void test_inverted_meter(void **unused)
{
	/* A meter that counts the other way, from the start or all of a sudden, with load or with
	 * surplus: found, closed loop refused, batteries at rest; a person may have it tried again.
	 */
	(void)unused;
	for (int i = 0; i < 8; i++) {
		open_house(noon_s, i & 1 ? 500 : 1200, i & 1 ? 2000 : 100);
		if (i & 4) {
			set_soc(1, i & 1 ? 1 : 0.05); /* alone, and at its end soon */
		}
		turns(i & 2 ? 600 : 0);
		rig.home.doubt.signs.verdict = i & 2 ? SIGNS_RIGHT : SIGNS_UNKNOWN;
		meter.lie = invert_grid;
		find_inverted();
		meter.lie = NULL;
		home_set_mode(&rig.home, MODE_SELF);
		turns(120);
		assert_int_equal(alarmed(), 0);
		assert_false(action()->release[0]);
		rig_close();
	}
}

static void test_inverted_houses(void **unused)
{
	/* The same in houses of the year: whatever load and sun do, it is never the right way, and
	 * what runs away is ended. */
	(void)unused;
	uint64_t seed = random_seed();
	int found = 0;
	for (int run = 0; run < (is_watched() ? 3 : 40); run++) {
		int64_t start_s = 1767225600 + (int64_t)random_between(&seed, 0, 365) * 86400 +
				  (int64_t)random_between(&seed, 0, 86400);
		rig_open_two(start_s);
		rig.devices.plant.conf.series.rows = 0;
		liar_insert(&meter, &rig.devices.meter);
		meter.lie = invert_grid;
		double away_s = 0;
		for (int t = 0; t < 6 * 3600; t++) {
			turn();
			assert_int_not_equal(rig.home.doubt.signs.verdict, SIGNS_RIGHT);
			away_s += fabs(rig.devices.plant.battery[0].w) > 2500;
		}
		assert_true(away_s < 60);
		found += has_alarm(ALARM_METER, ALARM_SIGN);
		rig_close();
	}
	print_message("%d found\n", found);
	assert_true(found > (is_watched() ? 1 : 36));
}

static void invert_battery(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	s->reading[BATTERY_W].value = -s->reading[BATTERY_W].value;
}

static void test_inverted_battery(void **unused)
{
	/* A battery whose power counts the other way is left alone; the other one goes on. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	battery.lie = invert_battery;
	turns(120);
	assert_true(state()->battery[0].refused && action()->release[0]);
	assert_true(has_alarm(alarm_battery(0), ALARM_SIGN) ||
		    has_alarm(alarm_battery(0), ALARM_GIVEN_UP));
	assert_true(fabs(rig.devices.plant.battery[0].w) < 1);
	assert_false(action()->release[1]);
	assert_false(has_alarm(ALARM_METER, ALARM_SIGN));
	rig_close();
}

static void test_healthy_houses(void **unused)
{
	/* Days of the year in houses that are in order, with one battery or two: no alarm, ever. */
	(void)unused;
	uint64_t seed = random_seed();
	uint64_t trials = 0;
	for (int run = 0; run < (is_watched() ? 1 : 24); run++) {
		int64_t start_s = 1767225600 + (int64_t)random_between(&seed, 0, 365) * 86400;
		char text[2048];
		snprintf(text, sizeof(text), "%s%s", text_head, run % 2 ? text_second : "");
		rig_open(text, start_s, true);
		rig.devices.plant.conf.series.rows = 0;
		for (int t = 0; t < (is_watched() ? 3600 : 86400); t++) {
			turn();
			assert_int_equal(alarmed(), 0);
		}
		trials += rig.home.doubt.signs.trials;
		rig_close();
	}
	print_message("%llu trials\n", (unsigned long long)trials);
}

/* --- obedience ----------------------------------------------------------------------------------
 */

static bool drop_all(const struct command *c)
{
	return c->kind != COMMAND_RELEASE;
}

static void test_ignored(void **unused)
{
	/* A battery that takes commands and does nothing: an alarm within three cycles, told again
	 * three times, then let go and not counted on; tried again later, or when a person says so.
	 */
	(void)unused;
	open_house(evening_s, 2500, 0);
	set_soc(1, 0.05);
	turns(60);
	rig.home.doubt.signs.verdict = SIGNS_RIGHT; /* large steps are taken */
	battery.drop = drop_all;
	for (int i = 0; i < SERIES_ROWS; i++) {
		rig.load_w[i] = 1000;
	}
	while (action()->battery_w[0] > 1500) {
		turn();
	}
	assert_int_equal(await_alarm(alarm_battery(0), ALARM_DEVIATION, 10), 3);
	assert_int_equal(await_alarm(alarm_battery(0), ALARM_GIVEN_UP, 20), 9);
	assert_int_equal(battery.agains, 3);
	assert_true(action()->release[0] && (action()->reasons & REASON_GIVEN_UP));
	turn();
	assert_true(state()->battery[0].refused);
	for (int t = 0; t < 880; t++) {
		turn();
		assert_true(action()->release[0]);
	}
	turns(60);
	assert_true(action()->release[0] && has_alarm(alarm_battery(0), ALARM_GIVEN_UP));
	battery.drop = NULL;
	home_set_mode(&rig.home, MODE_SELF);
	turns(30);
	assert_int_equal(alarmed(), 0);
	assert_false(action()->release[0] || state()->battery[0].refused);
	rig_close();
}

static bool sells(void)
{
	const struct bid *bid = &rig.home.market.bid;
	bool found = false;
	for (int i = 0; i < bid->orders; i++) {
		found = found || bid->order[i].side == BID_SELL;
	}
	return found;
}

static void test_not_counted_on(void **unused)
{
	/* A battery that was given up is out of the plan, and out of the bid it was to sell for. */
	(void)unused;
	rig_open(text_head, evening_s - 7200, true);
	liar_insert(&battery, &rig.devices.battery[0]);
	while (!sells() || clock_wall_s(&rig.clock) % 900 > 600) {
		turn();
	}
	battery.drop = drop_all;
	plant_battery_release(&rig.devices.plant, 0);
	assert_in_range(await_alarm(alarm_battery(0), ALARM_GIVEN_UP, 100), 12, 100);
	turns(5);
	for (int i = 0; i < rig.home.plan.slots; i++) {
		assert_true(fabs(rig.home.plan.slot[i].battery_w[0]) < 1);
	}
	assert_false(sells());
	rig_close();
}

static int64_t cloud_us;
static double last_w;
static unsigned last_again;

/* As a driver does: the same is not written twice. */
static bool drop_same(const struct command *c)
{
	bool same =
		c->kind == COMMAND_BATTERY_W && fabs(c->w - last_w) < 50 && c->again == last_again;
	last_w = c->w;
	last_again = c->again;
	return same;
}

static void revert(struct snapshot *s, int64_t now_us)
{
	if (s->reading[BATTERY_W].value != 0 && now_us - cloud_us >= 30 * second) {
		cloud_us = now_us;
		plant_battery_hold(&rig.devices.plant, 0, 0, now_us + 3600 * second);
	}
}

static void test_reverted(void **unused)
{
	/* Somebody else takes the set-point back every 30 s: three reminders, then it is left to
	 * him and the conflict told. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	set_soc(1, 0.05);
	turns(60);
	battery.drop = drop_same;
	cloud_us = state()->now_us;
	battery.lie = revert;
	battery.agains = 0;
	assert_in_range(await_alarm(alarm_battery(0), ALARM_CONFLICT, 400), 95, 160);
	turns(10);
	assert_true(has_alarm(alarm_battery(0), ALARM_GIVEN_UP) && action()->release[0]);
	assert_int_equal(battery.agains, 3);
	turns(600);
	assert_int_equal(battery.agains, 3);
	rig_close();
}

static void contest(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	s->conflict = true;
}

static void test_contested(void **unused)
{
	/* Where a driver gives way to another controller, its device has the alarm as long. */
	(void)unused;
	open_house(evening_s, 1000, 0);
	turns(60);
	assert_int_equal(alarmed(), 0);
	battery.lie = roof.lie = contest;
	turn();
	assert_true(has_alarm(alarm_battery(0), ALARM_CONFLICT));
	assert_true(has_alarm(alarm_pv(0), ALARM_CONFLICT));
	assert_int_equal(alarmed(), 2);
	battery.lie = roof.lie = NULL;
	turn();
	assert_int_equal(alarmed(), 0);
	rig_close();
}

static void test_slow(void **unused)
{
	/* A battery that takes its time obeys all the same: it is never given up. */
	(void)unused;
	static const double lags[] = { 3, 6, 12 };
	for (int i = 0; i < 3; i++) {
		rig_open(text_head, evening_s, true);
		rig.devices.plant.conf.battery[0].lag_s = lags[i];
		rig.devices.plant.battery[0].second_gain = 1 - exp(-1 / lags[i]);
		for (int t = 0; t < 6 * 3600; t++) {
			turn();
			assert_int_equal(alarmed(), 0);
		}
		rig_close();
	}
}

static struct {
	struct command held[8];
	int count;
} queue;

/* A device that begins to act four seconds after it was told. */
static bool drop_late(const struct command *c)
{
	memmove(queue.held + 1, queue.held, sizeof(*queue.held) * 7);
	queue.held[0] = *c;
	queue.count++;
	if (queue.count > 4) {
		battery.truth->methods->command(battery.truth, &queue.held[4]);
	}
	return true;
}

static void test_dead_time(void **unused)
{
	/* One that begins late is told again at first, and then given the time; never given up. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	set_soc(1, 0.05);
	queue.count = 0;
	battery.drop = drop_late;
	int alarms = 0;
	for (int t = 0; t < 6000; t++) {
		if (t % 600 == 0) {
			for (int i = 0; i < SERIES_ROWS; i++) {
				rig.load_w[i] = t % 1200 ? 700 : 2500;
			}
		}
		bool before = has_alarm(alarm_battery(0), ALARM_DEVIATION);
		turn();
		alarms += !before && has_alarm(alarm_battery(0), ALARM_DEVIATION);
		assert_false(has_alarm(alarm_battery(0), ALARM_GIVEN_UP));
	}
	assert_in_range(alarms, 0, 2);
	rig_close();
}

/* --- swinging -----------------------------------------------------------------------------------
 */

static struct reading past[4];

/* A meter that shows what was three seconds ago. */
static void late(struct snapshot *s, int64_t now_us)
{
	memmove(past + 1, past, sizeof(*past) * 3);
	past[0] = s->reading[GRID_W];
	if (past[3].quality == QUALITY_GOOD) {
		s->reading[GRID_W] = past[3];
		s->reading[GRID_W].at_us = now_us;
	}
}

static void test_swing(void **unused)
{
	/* A loop closed over a meter that lags swings; it is opened for a minute, and no direction
	 * is ever called wrong for it. */
	(void)unused;
	open_house(evening_s, 1500, 0);
	turns(60);
	memset(past, 0, sizeof(past));
	meter.lie = late;
	for (int i = 0; i < SERIES_ROWS; i++) {
		rig.load_w[i] = 3000;
	}
	assert_in_range(await_alarm(alarm_battery(0), ALARM_SWING, 300), 10, 300);
	turn();
	assert_true(action()->reasons & REASON_SWING);
	assert_true(action()->battery_w[0] == 0);
	int swings = 0, flowing = 0;
	for (int t = 0; t < 3600; t++) {
		turn();
		swings += has_alarm(alarm_battery(0), ALARM_SWING);
		flowing += fabs(rig.devices.plant.battery[0].w) > 500;
		assert_false(has_alarm(ALARM_METER, ALARM_SIGN));
		assert_false(has_alarm(alarm_battery(0), ALARM_SIGN));
	}
	print_message("damped for %d s of 3600, moving for %d s\n", swings, flowing);
	assert_true(swings > 1200);
	rig_close();
}

/* --- frozen -------------------------------------------------------------------------------------
 */

static void test_frozen_devices(void **unused)
{
	/* A battery and a roof whose answers stay the same are told of; at night the roof may. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	turns(60);
	simulated_set_fault(&rig.devices.simulated_battery[0], SIMULATED_FROZEN);
	rig.load_w[0] = 0;
	for (int i = 0; i < SERIES_ROWS; i++) {
		rig.load_w[i] = 600 + 300 * (i % 2);
	}
	assert_in_range(await_alarm(alarm_battery(0), ALARM_FROZEN, 120), 1, 120);
	turns(15);
	assert_true(action()->release[0] && !action()->release[1]);
	rig_close();
	open_house(noon_s, 2500, 1500);
	turns(60);
	simulated_set_fault(&rig.devices.simulated_pv[0], SIMULATED_FROZEN);
	assert_in_range(await_alarm(alarm_pv(0), ALARM_FROZEN, 1500), 1100, 1300);
	assert_int_equal(state()->pv_w.quality, QUALITY_STALE);
	assert_false(action()->release[0]);
	rig_close();
	open_house(evening_s, 2500, 0);
	simulated_set_fault(&rig.devices.simulated_pv[0], SIMULATED_FROZEN);
	turns(3600);
	assert_int_equal(alarmed(), 0);
	rig_close();
}

/* A meter that shows its power alone, and that in steps of 100 W. */
static void coarsen(struct snapshot *s, int64_t now_us)
{
	(void)now_us;
	struct reading grid_w = s->reading[GRID_W];
	memset(s->reading, 0, sizeof(s->reading));
	s->reading[GRID_W] = grid_w;
	s->reading[GRID_W].value = round(grid_w.value / 100) * 100;
}

static void test_silent_witness(void **unused)
{
	/* A meter that the batteries hold at zero is not frozen because one of them is not heard
	 * for a while, or heard again. */
	(void)unused;
	open_house(evening_s, 2500, 0);
	meter.lie = coarsen;
	turns(120);
	for (int i = 0; i < 5; i++) {
		simulated_set_fault(&rig.devices.simulated_battery[i % 2], SIMULATED_SILENT);
		for (int t = 0; t < 20; t++) {
			turn();
			assert_false(has_alarm(ALARM_METER, ALARM_FROZEN));
		}
		simulated_set_fault(&rig.devices.simulated_battery[i % 2], SIMULATED_HEALTHY);
		for (int t = 0; t < 60; t++) {
			turn();
			assert_false(has_alarm(ALARM_METER, ALARM_FROZEN));
		}
	}
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentinel),        cmocka_unit_test(test_scale_leap),
		cmocka_unit_test(test_wrong_scale),     cmocka_unit_test(test_counters),
		cmocka_unit_test(test_soc_frozen),      cmocka_unit_test(test_soc_frozen_in_gaps),
		cmocka_unit_test(test_soc_drift),       cmocka_unit_test(test_soc_coarse),
		cmocka_unit_test(test_soc_leap),        cmocka_unit_test(test_inverted_meter),
		cmocka_unit_test(test_inverted_houses), cmocka_unit_test(test_inverted_battery),
		cmocka_unit_test(test_healthy_houses),  cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_not_counted_on),  cmocka_unit_test(test_contested),
		cmocka_unit_test(test_reverted),        cmocka_unit_test(test_slow),
		cmocka_unit_test(test_dead_time),       cmocka_unit_test(test_swing),
		cmocka_unit_test(test_frozen_devices),  cmocka_unit_test(test_silent_witness),
	};
	return cmocka_run_group_tests_name("lies", tests, NULL, NULL);
}
