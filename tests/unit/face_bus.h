/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bus without a line: the driver's requests go straight to the face of a simulated device, in the
 * plant's time, one after the other. It stands in for drivers/bus.c, so a test that includes this
 * has no real one. */
#ifndef LECD_FACE_BUS_H
#define LECD_FACE_BUS_H

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

#include "drivers/bus.h"
#include "drivers/modbus.h"
#include "sim/face.h"

static struct {
	struct plant plant;
	struct profile shown;   /* what the face serves */
	struct profile profile; /* what the driver has: with the rating */
	struct face face;
	struct device *device;
	struct bus_client *client;
	bool dead;                /* the line is cut */
	int reads, writes;        /* requests */
	int reads_before_write;   /* the last one */
	int wrote[CONTROL_COUNT]; /* by control point */
	int other_writes;         /* writes to another unit than the device's */
	int other_unit;           /* requests to another unit than the device's */
	double low_w, high_w;     /* set-points that were in force since these were reset */
	uint64_t connection;
} rig;

void bus_hub_init(struct bus_hub *hub, const struct clock *clock)
{
	*hub = (struct bus_hub){ .clock = clock };
}

int bus_attach(struct bus_hub *hub, const struct modbus_address *address, struct bus_client *client)
{
	(void)hub, (void)address;
	client->connection = rig.connection;
	rig.client = client;
	return 0;
}

void bus_detach(struct bus_hub *hub, struct bus_client *client)
{
	(void)hub, (void)client;
}

void bus_wake(struct bus_client *client, enum bus_reason reason)
{
	client->work(client, reason);
}

int64_t bus_now_us(const struct bus_client *client)
{
	(void)client;
	return rig.plant.now_us;
}

int bus_read(struct bus_client *client, enum register_table table, int address, int count,
	     uint16_t *words)
{
	client->connection = rig.connection;
	rig.reads++;
	rig.other_unit += client->unit != rig.profile.unit;
	return rig.dead ? -ETIMEDOUT
			: face_handler.read(&rig.face, (int)table, address, count, words);
}

int bus_write(struct bus_client *client, int function, int address, int count,
	      const uint16_t *words)
{
	client->connection = rig.connection;
	rig.writes++;
	rig.reads_before_write = rig.reads;
	rig.other_writes += client->unit != rig.profile.unit;
	return rig.dead ? -ETIMEDOUT
			: face_handler.write(&rig.face, function, address, count, words);
}

const char *bus_result_text(int result)
{
	static char text[40];
	snprintf(text, sizeof(text), "result %d", result);
	return text;
}

static inline void rig_note(void *context, const struct face *f, enum control control, double value)
{
	const struct plant_command *c = &rig.plant.battery[0].command;
	(void)context, (void)f, (void)value;
	rig.wrote[control]++;
	if (c->active) {
		rig.low_w = fmin(rig.low_w, c->w);
		rig.high_w = fmax(rig.high_w, c->w);
	}
}

/* Keeps the way back of a latched device for as long as the rig lasts: nobody else asks for it. */
static inline int rig_keep(void *context, const struct restore *r)
{
	(void)context, (void)r;
	return 0;
}

/* A house whose roof always gives 4 kW, and a battery that does nothing by itself. */
static inline void rig_open(const struct profile *profile)
{
	static const int64_t start_s[] = { 0, INT64_C(4000000000) };
	static const double load_w[] = { 500 }, pv_w[] = { 4000 };
	static const struct plant_conf conf = {
		.seed = 1,
		.latitude_deg = 50,
		.longitude_deg = 10,
		.series = { .rows = 1, .start_s = start_s, .load_w = load_w, .pv_w = pv_w },
		.pvs = 1,
		.batteries = 1,
		.pv[0] = { .peak_w = 8000, .rating_w = 8000, .tilt_deg = 35, .azimuth_deg = 180 },
		.battery[0] = { .capacity_wh = 100000,
				.charge_limit_w = 5000,
				.discharge_limit_w = 5000,
				.round_trip_efficiency = 0.9,
				.soc_start = 0.5 },
	};
	static const struct modbus_keeper keeper = { .journal = rig_keep };
	static struct bus_hub hub;
	static struct clock clock;
	struct modbus_address at = { .unit = -1, .request_delay_ms = -1 };
	memset(&rig, 0, sizeof(rig));
	clock_init_simulated(&clock, 1750000000);
	bus_hub_init(&hub, &clock);
	rig.connection = 1;
	rig.shown = rig.profile = *profile;
	plant_init(&rig.plant, &conf);
	plant_start(&rig.plant, INT64_C(3600000000), 1750000000);
	plant_advance(&rig.plant, INT64_C(3660000000));
	face_init(&rig.face, &rig.plant, &rig.shown, 0, 60);
	rig.face.written = rig_note;
	profile_rate(&rig.profile, profile->kind == DEVICE_PV ? 8000 : 5000);
	assert_int_equal(modbus_device_open(&hub, &at, &rig.profile, &rig.device), 0);
	modbus_device_keep(rig.device, &keeper);
}

static inline void rig_close(void)
{
	rig.device->methods->close(rig.device);
}

static inline void rig_advance(double s)
{
	plant_advance(&rig.plant, rig.plant.now_us + (int64_t)(s * 1e6));
}

static inline struct snapshot rig_poll(void)
{
	struct snapshot s;
	rig.device->methods->poll(rig.device, rig.plant.now_us);
	rig.device->methods->snapshot(rig.device, rig.plant.now_us, &s);
	return s;
}

static inline void rig_post(enum command_kind kind, double w, double lease_s)
{
	rig.device->methods->command(
		rig.device,
		&(struct command){ .kind = kind,
				   .w = w,
				   .expires_us = rig.plant.now_us + (int64_t)(lease_s * 1e6) });
}

#endif
