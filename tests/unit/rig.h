/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A house in simulated time for the tests of the whole control cycle: site, plant, devices and home
 * in one struct, and devices that lie when told to. */
#ifndef LECD_TESTS_RIG_H
#define LECD_TESTS_RIG_H

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/log.h"
#include "daemon/home/home.h"

enum { SERIES_DAYS = 8, SERIES_ROWS = SERIES_DAYS * 1440, HISTORY_DAYS = 3 };

static struct {
	struct site site;
	struct clock clock;
	struct devices devices;
	struct home home;
	int64_t (*actor_clock_us)(void);
	int64_t row_s[SERIES_ROWS + 1];
	double load_w[SERIES_ROWS], pv_w[SERIES_ROWS];
} rig;

static const char text_head[] =
	"[site]\nid = home-1\ntimezone = Europe/Oslo\n"
	"[tariff]\nbuy = 0.30 EUR/kWh\nbuy-window = 00:00-06:00 0.15 EUR/kWh\n"
	"buy-window = 17:00-21:00 0.45 EUR/kWh\nsell = 0.08 EUR/kWh\n"
	"[meter grid]\n[pv roof]\npeak = 5 kW\ncurtailable = yes\n"
	"[battery a]\ncapacity = 8 kWh\ncharge-limit = 4 kW\ndischarge-limit = 4 kW\n"
	"soc-min = 10 %\nsoc-max = 95 %\n";
static const char text_second[] =
	"[battery b]\ncapacity = 4 kWh\ncharge-limit = 2 kW\ndischarge-limit = 2 kW\n"
	"soc-min = 10 %\n";

/* Minutes of load and sun from start_s on: a bell each day, and a load that jumps. */
static inline void fill_series(int64_t start_s, uint64_t seed)
{
	double load_w = 500;
	for (int i = 0; i < SERIES_ROWS; i++) {
		rig.row_s[i] = start_s + i * 60;
		double hour = fmod((double)rig.row_s[i] / 3600, 24);
		if (random_between(&seed, 0, 1) < 0.05) {
			load_w = random_between(&seed, 200, hour > 15 && hour < 21 ? 6000 : 2000);
		}
		rig.load_w[i] = load_w;
		rig.pv_w[i] = 5000 * fmax(0, sin(M_PI * (hour - 6) / 12));
	}
	rig.row_s[SERIES_ROWS] = start_s + SERIES_ROWS * 60;
}

/* What was before start: the days of the series again. */
static inline void remember(int64_t start_s)
{
	for (int q = 0; q < HISTORY_DAYS * 96; q++) {
		int64_t at_s = start_s - HISTORY_DAYS * 86400 + q * 900;
		double load_w = 0, pv_w = 0;
		for (int i = 0; i < 15; i++) {
			load_w += rig.load_w[q * 15 + i] / 15;
			pv_w += rig.pv_w[q * 15 + i] / 15;
		}
		forecast_add(&rig.home.forecast, at_s, true, load_w, true, pv_w,
			     (int32_t)timezone_offset_s(at_s));
	}
}

/* The learned actor, where the site asks for one and it can be read. */
static inline struct learned_actor *load_actor(void)
{
	struct learned_actor *actor = NULL;
	struct diag silent = { 0 };
	if (rig.site.decide == DECIDE_POLICY || rig.site.decide == DECIDE_SHADOW) {
		(void)learned_actor_load(&rig.site, &actor, &silent);
	}
	return actor;
}

static inline void rig_open(const char *text, int64_t start_s, bool plan_in_process)
{
	char path[64];
	struct diag d = { .to = stderr };
	write_temporary(text, path);
	assert_int_equal(site_read(path, &rig.site, &d), 0);
	assert_int_equal(unlink(path), 0);
	fill_series(start_s, random_seed());
	clock_init_simulated(&rig.clock, start_s);
	struct plant_conf plant;
	devices_plant_conf(&rig.site, 0, &plant);
	plant.series = (struct plant_series){ SERIES_ROWS, rig.row_s, rig.load_w, rig.pv_w };
	assert_int_equal(devices_open(&rig.devices, &rig.site, &rig.clock, true, &plant, &d), 0);
	struct home_conf conf = { .site = &rig.site,
				  .devices = &rig.devices,
				  .plan_in_process = plan_in_process,
				  .actor = load_actor(),
				  .actor_clock_us = rig.actor_clock_us };
	assert_int_equal(home_open(&rig.home, &conf, clock_now_us(&rig.clock), start_s), 0);
	remember(start_s);
}

static inline void rig_open_two(int64_t start_s)
{
	char text[2048];
	snprintf(text, sizeof(text), "%s%s", text_head, text_second);
	rig_open(text, start_s, true);
}

static inline void rig_close(void)
{
	home_close(&rig.home);
	devices_close(&rig.devices);
}

static inline void turn(void)
{
	home_cycle(&rig.home, clock_now_us(&rig.clock), clock_wall_s(&rig.clock));
	clock_advance(&rig.clock, rig.home.cycle_us);
}

static inline void turns(int count)
{
	for (int i = 0; i < count; i++) {
		turn();
	}
}

/* --- liars --------------------------------------------------------------------------------------
 */

/* Stands between lecd and a device: what the one tells and the other says may be changed. */
struct liar {
	struct device device; /* first */
	struct device *truth;
	void (*lie)(struct snapshot *s, int64_t now_us); /* NULL: the truth */
	bool (*drop)(const struct command *c);           /* NULL: nothing is lost */
	int commands;                                    /* that came through */
	int agains;                                      /* of them, though nothing changed */
	unsigned again;
};

static inline void liar_snapshot(struct device *d, int64_t now_us, struct snapshot *out)
{
	struct liar *l = (struct liar *)d;
	l->truth->methods->snapshot(l->truth, now_us, out);
	if (l->lie) {
		l->lie(out, now_us);
	}
}

static inline void liar_command(struct device *d, const struct command *c)
{
	struct liar *l = (struct liar *)d;
	l->agains += c->again != l->again;
	l->again = c->again;
	if (!l->drop || !l->drop(c)) {
		l->commands++;
		l->truth->methods->command(l->truth, c);
	}
}

static inline void liar_close(struct device *d)
{
	struct liar *l = (struct liar *)d;
	l->truth->methods->close(l->truth);
}

/* Put a liar in place of *device. */
static inline void liar_insert(struct liar *l, struct device **device)
{
	static const struct device_methods methods = { .driver = "liar",
						       .snapshot = liar_snapshot,
						       .command = liar_command,
						       .close = liar_close };
	*l = (struct liar){ .device = { .methods = &methods, .kind = (*device)->kind },
			    .truth = *device };
	*device = &l->device;
}

static inline bool has_alarm(int device, enum alarm alarm)
{
	return alarm_is_on(&rig.home.alarms, device, alarm);
}

/* Devices with any alarm. */
static inline int alarmed(void)
{
	int count = 0;
	for (int i = 0; i < ALARM_DEVICES; i++) {
		count += rig.home.alarms.on[i] != 0;
	}
	return count;
}

#endif
