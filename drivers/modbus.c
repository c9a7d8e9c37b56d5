/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/modbus.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/frame.h"
#include "drivers/lease.h"
#include "drivers/sunspec_profile.h"

/* A block that was refused is read point by point for so many polls, then tried whole again. */
enum { SPLIT_POLLS = 60 };

/* A device that does not say what it is, is asked again after so many polls. */
enum { UNKNOWN_POLLS = 10 };

struct modbus_device {
	struct device device;
	struct bus_client client;
	struct bus_hub *hub;
	struct profile profile;

	pthread_mutex_t lock; /* guards the next four */
	struct snapshot shared;
	int64_t held_until_us; /* by then the device has reverted by itself */
	struct command command;
	bool commanded; /* a command was ever given */

	/* The bus thread's own: */
	struct snapshot own;
	bool failed; /* something went wrong in the work at hand */
	int split_polls[PROFILE_BLOCKS_MAX];
	struct lease lease;
	uint64_t connection; /* on which the lease was last written */
	unsigned again;      /* of the command that was obeyed last */

	/* Of a device whose points are found out (profile.sunspec): */
	struct sunspec sunspec;
	bool known;        /* the profile has its points */
	uint64_t known_on; /* connection on which it was last seen to be the same */
	unsigned turn;     /* where the walk begins */
	int unknown_polls; /* to wait before it is asked again */
};

static struct modbus_device *of_client(struct bus_client *c)
{
	return (struct modbus_device *)((char *)c - offsetof(struct modbus_device, client));
}

static struct modbus_device *of_device(struct device *d)
{
	return (struct modbus_device *)d;
}

/* Note why the work at hand failed: the first reason stays, and while backing off the last one. */
__attribute__((format(printf, 3, 4))) static void note(struct modbus_device *m, int r,
						       const char *what, ...)
{
	if (!m->failed && r != -EAGAIN) {
		char subject[48];
		va_list args;
		va_start(args, what);
		vsnprintf(subject, sizeof(subject), what, args);
		va_end(args);
		snprintf(m->own.error, sizeof(m->own.error), "%s%s%s", subject, r ? ": " : "",
			 bus_result_text(r));
	}
	m->failed = true;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool in_block(const struct point *p, const struct block *b)
{
	return p->type != POINT_ABSENT && p->table == b->table && p->address >= b->address &&
	       p->address < b->address + b->count;
}

/* "The device has no such register": not a failure that passes. */
static bool says_absent(int r)
{
	return r == EXCEPTION_FUNCTION || r == EXCEPTION_ADDRESS || r == EXCEPTION_VALUE;
}

/* Decode a reading from words read from address on; NULL: the device has none of them. */
static void set_reading(struct modbus_device *m, int quantity, const uint16_t *words,
			uint16_t address)
{
	struct reading *reading = &m->own.reading[quantity];
	reading->at_us = bus_now_us(&m->client);
	reading->quality = QUALITY_NOT_IMPLEMENTED;
	if (words) {
		reading->quality = profile_decode(&m->profile, (enum quantity)quantity, words,
						  address, &reading->value);
	}
}

/* Decode the block's words; NULL: the device has none of them. */
static void set_block(struct modbus_device *m, const struct block *b, const uint16_t *words)
{
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		const struct point *p = &m->profile.reading[q];
		if (in_block(p, b)) {
			set_reading(m, q, words, b->address);
		}
	}
}

/* Read the block's points one by one. Returns 0 if one was answered with data, an exception if none
 * was, -errno if the line failed. */
static int read_singly(struct modbus_device *m, const struct block *b)
{
	int best = EXCEPTION_ADDRESS;
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		const struct point *p = &m->profile.reading[q];
		uint16_t words[FRAME_REGISTERS_MAX];
		if (!in_block(p, b)) {
			continue;
		}
		struct block span = profile_span(&m->profile, (enum quantity)q);
		int r = bus_read(&m->client, span.table, span.address, span.count, words);
		if (r < 0) {
			return r;
		}
		if (r == 0 || says_absent(r)) {
			set_reading(m, q, r == 0 ? words : NULL, span.address);
		}
		if (r > 0) {
			note(m, r, "%s", quantity_name((enum quantity)q));
		}
		best = r == 0 ? 0 : best;
	}
	return best;
}

static int read_block(struct modbus_device *m, int index)
{
	const struct block *b = &m->profile.block[index];
	uint16_t words[FRAME_REGISTERS_MAX];
	if (m->split_polls[index] > 0) {
		m->split_polls[index]--;
		return read_singly(m, b);
	}
	int r = bus_read(&m->client, b->table, b->address, b->count, words);
	if (r == 0) {
		set_block(m, b, words);
	} else if (r == EXCEPTION_ADDRESS || r == EXCEPTION_VALUE) {
		m->split_polls[index] = SPLIT_POLLS;
		return read_singly(m, b);
	} else if (r > 0) {
		note(m, r, "register %u", b->address);
		if (says_absent(r)) {
			set_block(m, b, NULL);
		}
	}
	return r;
}

static void read_all(struct modbus_device *m)
{
	bool data = false;
	m->own.up = true;
	for (int i = 0; i < m->profile.blocks && m->own.up; i++) {
		int r = read_block(m, i);
		data = data || r == 0;
		if (r < 0) {
			note(m, r, "reading");
			m->own.up = false;
		}
	}
	if (m->own.up && data) {
		m->own.answered_us = bus_now_us(&m->client);
	}
}

/* --- commanding ---------------------------------------------------------------------------------
 */

static enum control setpoint_of(const struct modbus_device *m)
{
	return m->device.kind == DEVICE_PV ? CONTROL_PV_LIMIT_W : CONTROL_BATTERY_SETPOINT_W;
}

static bool controllable(const struct modbus_device *m)
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
		note(m, r, "writing %s", control_name(control));
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
		note(m, r, "writing %s", control_name(setpoint_of(m)));
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
			note(m, r, "writing register %u", p->address);
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
		note(m, r, "reading back %s", name);
		return r < 0 ? r : -EIO;
	}
	if (memcmp(want, have, sizeof(*want) * (size_t)count) == 0) {
		return 1;
	}
	if (point_decode(p, have, &shown) == QUALITY_GOOD) {
		note(m, 0, "%s reads %g, not %g", name, shown, value);
	} else {
		note(m, 0, "%s does not read %g", name, value);
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
		lease_failed(&m->lease);
	}
}

static void obey(struct modbus_device *m, const struct command *command, bool poll)
{
	int64_t now_us = bus_now_us(&m->client);
	if (m->client.connection != m->connection || command->again != m->again) {
		lease_doubted(&m->lease);
	}
	m->again = command->again;
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

/* --- finding out --------------------------------------------------------------------------------
 */

static int read_holding(void *context, int address, int count, uint16_t *words)
{
	struct modbus_device *m = context;
	return bus_read(&m->client, TABLE_HOLDING, address, count, words);
}

/* Ask the device what it is, and make its profile. */
static void find_out(struct modbus_device *m)
{
	const struct sunspec_reader reader = { .read = read_holding, .context = m };
	if (m->unknown_polls > 0) {
		m->unknown_polls--;
		m->failed = true;
		return;
	}
	int r = sunspec_walk(&reader, m->turn, &m->sunspec);
	m->turn += r == -ETIMEDOUT;
	m->own.up = r >= 0 || r == -ENODEV || r == -EPROTO;
	if (r == -ENODEV) {
		note(m, 0, "no SunSpec models at register 40000, 0 or 50000");
	} else if (r == -EPROTO) {
		note(m, 0, "a broken chain of SunSpec models");
	} else if (r == 0) {
		r = sunspec_profile(&m->sunspec, &reader, &m->profile);
		m->own.up = r >= 0 || r == -ENODEV;
		if (r == -ENODEV) {
			note(m, 0, "no SunSpec model of it tells this device's power");
		}
	}
	memset(m->split_polls, 0, sizeof(m->split_polls));
	m->known = r == 0;
	m->known_on = m->client.connection;
	m->unknown_polls = r == -ENODEV || r == -EPROTO ? UNKNOWN_POLLS : 0;
	if (r != 0) {
		note(m, r, "finding out what it is");
	}
}

/* After a reconnect: whether it is still the device that was read. If not, nothing read counts. */
static void check_same(struct modbus_device *m)
{
	const struct sunspec_reader reader = { .read = read_holding, .context = m };
	if (m->client.connection == m->known_on) {
		return;
	}
	int r = sunspec_same(&m->sunspec, &reader);
	if (r == 1) {
		m->known_on = m->client.connection;
		return;
	}
	if (r == 0) {
		note(m, 0, "another device, or another version of it, than before");
		m->known = false;
		m->lease = (struct lease){ 0 };
	} else {
		note(m, r, "finding out whether it is the same");
	}
	memset(m->own.reading, 0, sizeof(m->own.reading));
	m->own.up = false;
}

static void read_found(struct modbus_device *m)
{
	if (!m->known) {
		find_out(m);
	}
	if (m->known) {
		read_all(m);
	}
	if (m->known && m->own.up) {
		check_same(m);
	}
}

/* Whether it is certain whom a command would reach. */
static bool is_known(const struct modbus_device *m)
{
	return !m->profile.sunspec || (m->known && m->known_on == m->client.connection);
}

/* --- on the bus thread --------------------------------------------------------------------------
 */

static void publish(struct modbus_device *m)
{
	m->own.stats = m->client.stats;
	m->own.engaged = m->lease.state == LEASE_HELD;
	m->own.commanded = m->own.engaged && m->lease.confirmed;
	m->own.commanded_w = m->own.commanded ? m->lease.w : 0;
	pthread_mutex_lock(&m->lock);
	m->shared = m->own;
	m->held_until_us = m->lease.written_us + (int64_t)(m->lease.revert_s * 1e6);
	pthread_mutex_unlock(&m->lock);
}

static void work(struct bus_client *client, unsigned reasons)
{
	struct modbus_device *m = of_client(client);
	bool poll = reasons & BUS_POLL;
	m->failed = false;
	if (poll && m->profile.sunspec) {
		read_found(m);
	} else if (poll) {
		read_all(m);
	}
	pthread_mutex_lock(&m->lock);
	struct command command = m->command;
	bool commanded = m->commanded;
	pthread_mutex_unlock(&m->lock);
	if (commanded && is_known(m) && controllable(m) && (m->own.up || !poll)) {
		obey(m, &command, poll);
	}
	if (poll && !m->failed) {
		m->own.error[0] = '\0';
	}
	if (m->failed) {
		m->known_on = 0; /* the next connection may be to another device */
	}
	publish(m);
}

/* --- the device's methods -----------------------------------------------------------------------
 */

static void snapshot(struct device *d, int64_t now_us, struct snapshot *out)
{
	struct modbus_device *m = of_device(d);
	pthread_mutex_lock(&m->lock);
	*out = m->shared;
	out->commanded = out->commanded && now_us < m->held_until_us;
	pthread_mutex_unlock(&m->lock);
	out->stats.skipped = m->client.skipped;
}

static void command(struct device *d, const struct command *c)
{
	struct modbus_device *m = of_device(d);
	struct command posted = *c;
	enum command_kind own = d->kind == DEVICE_PV ? COMMAND_PV_LIMIT_W : COMMAND_BATTERY_W;
	if (d->kind == DEVICE_METER || (c->kind != COMMAND_RELEASE && c->kind != own)) {
		return;
	}
	if (!isfinite(c->w)) { /* nobody knows what was meant: what is safe */
		posted = (struct command){ .kind = COMMAND_RELEASE };
	}
	pthread_mutex_lock(&m->lock);
	bool news = !m->commanded || m->command.kind != posted.kind || m->command.w != posted.w ||
		    m->command.again != posted.again;
	m->command = posted;
	m->commanded = true;
	m->shared.engaged = m->shared.engaged || news; /* until the bus's thread has seen to it */
	pthread_mutex_unlock(&m->lock);
	if (news) { /* a mere renewal is seen to at the next poll */
		bus_wake(&m->client, BUS_COMMAND);
	}
}

static void poll_device(struct device *d, int64_t now_us)
{
	(void)now_us; /* the answer's time counts */
	bus_wake(&of_device(d)->client, BUS_POLL);
}

static void close_device(struct device *d)
{
	struct modbus_device *m = of_device(d);
	bus_detach(m->hub, &m->client);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct device_methods methods = {
	.driver = "modbus",
	.snapshot = snapshot,
	.command = command,
	.poll = poll_device,
	.close = close_device,
};

static void init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

int modbus_device_open(struct bus_hub *hub, const struct modbus_address *address,
		       const struct profile *profile, struct device **out)
{
	struct modbus_device *m = calloc(1, sizeof(*m));
	if (!m) {
		return -ENOMEM;
	}
	m->device = (struct device){ .methods = &methods, .kind = profile->kind };
	m->hub = hub;
	m->profile = *profile;
	m->client = (struct bus_client){
		.unit = address->unit >= 0 ? address->unit : profile->unit,
		.timeout_us = profile->timeout_us,
		.connect_delay_us = profile->connect_delay_us,
		.request_delay_us = address->request_delay_ms >= 0
					    ? address->request_delay_ms * INT64_C(1000)
					    : profile->request_delay_us,
		.work = work,
	};
	init_lock(&m->lock);
	int r = bus_attach(hub, address, &m->client);
	if (r < 0) {
		pthread_mutex_destroy(&m->lock);
		free(m);
		return r;
	}
	*out = &m->device;
	return 0;
}
