/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commanding a Modbus device: what is written when, and whether it holds. */
#include "drivers/modbus_private.h"

#include <errno.h>
#include <string.h>

static enum control setpoint_of(const struct modbus_device *m)
{
	return m->device.kind == DEVICE_PV ? CONTROL_PV_LIMIT_W : CONTROL_BATTERY_SETPOINT_W;
}

bool modbus_controllable(const struct modbus_device *m)
{
	return m->device.kind != DEVICE_METER &&
	       m->profile.control[setpoint_of(m)].type != POINT_ABSENT;
}

static int write_control(struct modbus_device *m, enum control control, double value)
{
	const struct point *p = &m->profile.control[control];
	uint16_t words[POINT_WORDS_MAX];
	int r = point_encode(p, value, words);
	if (r == 0) {
		r = bus_write(&m->client, p->write_function, p->address, point_words(p->type),
			      words);
	}
	if (r != 0) {
		modbus_note(m, r, "writing %s", control_name(control));
	}
	return r;
}

/* Write the set-point, and what lies behind it in the same request, each with its value. */
static int write_setpoint(struct modbus_device *m, double w, double tail_w)
{
	const struct point *p = &m->profile.control[setpoint_of(m)];
	const struct point *tail = &m->profile.setpoint_tail;
	uint16_t words[2 * POINT_WORDS_MAX];
	if (tail->type == POINT_ABSENT) {
		return write_control(m, setpoint_of(m), w);
	}
	int count = point_words(p->type);
	int r = point_encode(p, w, words);
	if (r == 0) {
		r = point_encode(tail, tail_w, words + count);
	}
	if (r == 0) {
		r = bus_write(&m->client, 16, p->address, count + point_words(tail->type), words);
	}
	if (r != 0) {
		modbus_note(m, r, "writing %s", control_name(setpoint_of(m)));
	}
	return r;
}

/* Switch on what has to be on, where it is not. */
static int write_presets(struct modbus_device *m)
{
	int r = 0;
	for (int i = 0; i < m->profile.presets && r == 0; i++) {
		const struct point *p = &m->profile.preset[i];
		uint16_t want[POINT_WORDS_MAX], have[POINT_WORDS_MAX];
		int count = point_words(p->type);
		r = point_encode(p, p->on, want);
		if (r == 0) {
			r = bus_read(&m->client, p->table, p->address, count, have);
		}
		if (r == 0 && memcmp(want, have, sizeof(*want) * (size_t)count) != 0) {
			r = bus_write(&m->client, p->write_function, p->address, count, want);
		}
		if (r != 0) {
			modbus_note(m, r, "writing register %u", p->address);
		}
	}
	return r;
}

/* What a result, not 0, means for the lease: refused by the device, or not known to have arrived.
 */
static void report_failure(struct modbus_device *m, int r)
{
	if (r > 0 || r == -ERANGE) {
		lease_failed(&m->lease);
	} else {
		lease_doubted(&m->lease);
	}
}

static void write_lease(struct modbus_device *m, const struct command *command, int64_t now_us)
{
	enum control setpoint = setpoint_of(m);
	double w = lease_setpoint_w(command, &m->profile.control[setpoint]);
	double revert_s = lease_revert_s(command, &m->profile.control[CONTROL_REVERT_S], now_us);
	lease_written(&m->lease, w, revert_s, now_us);
	int r = write_control(m, CONTROL_REVERT_S, revert_s);
	if (r == 0) {
		r = write_presets(m);
	}
	if (r == 0) {
		r = write_setpoint(m, w, w);
	}
	if (r == 0) {
		r = write_control(m, CONTROL_ENABLE, m->profile.control[CONTROL_ENABLE].on);
	}
	m->connection = m->client.connection;
	if (r != 0) {
		report_failure(m, r);
		return;
	}
	m->client.stats.writes++;
}

static void write_release(struct modbus_device *m)
{
	const struct point *tail = &m->profile.setpoint_tail;
	int r = write_control(m, CONTROL_ENABLE, m->profile.control[CONTROL_ENABLE].off);
	if (r == 0 && tail->type != POINT_ABSENT) {
		r = write_setpoint(m, m->profile.control[setpoint_of(m)].off, tail->off);
	}
	if (r == 0) {
		lease_released(&m->lease);
		m->client.stats.writes++;
	}
}

/* Whether a control point reads back as written: 1 yes (or it cannot be read), 0 no, else -errno.
 */
static int reads_back(struct modbus_device *m, const struct point *p, const char *name,
		      double value)
{
	uint16_t want[POINT_WORDS_MAX], have[POINT_WORDS_MAX];
	int count = point_words(p->type);
	double shown;
	if (!p->readback || point_encode(p, value, want) < 0) {
		return 1;
	}
	int r = bus_read(&m->client, p->table, p->address, count, have);
	if (r != 0) {
		modbus_note(m, r, "reading back %s", name);
		return r < 0 ? r : -EIO;
	}
	if (memcmp(want, have, sizeof(*want) * (size_t)count) == 0) {
		return 1;
	}
	if (point_decode(p, have, &shown) == QUALITY_GOOD) {
		modbus_note(m, 0, "%s reads %g, not %g", name, shown, value);
	} else {
		modbus_note(m, 0, "%s does not read %g", name, value);
	}
	return 0;
}

/* Check that the device holds what it was told: it may ignore, forget, or obey somebody else. */
static void verify(struct modbus_device *m)
{
	const struct point *control = m->profile.control;
	const char *name = control_name(setpoint_of(m));
	int r = reads_back(m, &control[setpoint_of(m)], name, m->lease.w);
	if (r == 1) {
		r = reads_back(m, &m->profile.setpoint_tail, name, m->lease.w);
	}
	if (r == 1) {
		r = reads_back(m, &control[CONTROL_ENABLE], control_name(CONTROL_ENABLE),
			       control[CONTROL_ENABLE].on);
	}
	if (r == 1) {
		lease_confirmed(&m->lease);
	} else if (r == 0) {
		lease_differs(&m->lease, bus_now_us(&m->client));
	}
}

void modbus_obey(struct modbus_device *m, const struct command *command, bool poll)
{
	int64_t now_us = bus_now_us(&m->client);
	if (m->client.connection != m->connection) {
		lease_doubted(&m->lease);
	}
	lease_heed(&m->lease, command);
	enum lease_action action =
		lease_next(&m->lease, command, &m->profile.control[setpoint_of(m)], now_us);
	if (action == LEASE_RELEASE) {
		write_release(m);
	} else if (action == LEASE_WRITE) {
		write_lease(m, command, now_us);
	}
	if (m->lease.state == LEASE_HELD && (poll || action == LEASE_WRITE)) {
		verify(m);
	}
}
