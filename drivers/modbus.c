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

#include "drivers/modbus_private.h"
#include "drivers/sunspec_profile.h"

/* A device that does not say what it is, is asked again after so many polls. */
enum { UNKNOWN_POLLS = 10 };

static struct modbus_device *of_client(struct bus_client *c)
{
	return (struct modbus_device *)((char *)c - offsetof(struct modbus_device, client));
}

static struct modbus_device *of_device(struct device *d)
{
	return (struct modbus_device *)d;
}

__attribute__((format(printf, 3, 4))) void modbus_note(struct modbus_device *m, int r,
						       const char *what, ...)
{
	if (!m->failed && r != -EAGAIN) {
		size_t size = sizeof(m->own.error);
		va_list args;
		va_start(args, what);
		int length = vsnprintf(m->own.error, size, what, args);
		va_end(args);
		if (r != 0 && length >= 0 && (size_t)length < size) {
			snprintf(m->own.error + length, size - (size_t)length, ": %s",
				 bus_result_text(r));
		}
	}
	m->failed = true;
}

/* --- finding out --------------------------------------------------------------------------------
 */

static int read_holding(void *context, int address, int count, uint16_t *words)
{
	const struct block block = { .table = TABLE_HOLDING,
				     .address = (uint16_t)address,
				     .count = (uint16_t)count };
	return modbus_read(context, &block, words);
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
		modbus_note(m, 0, "no SunSpec models at register 40000, 0 or 50000");
	} else if (r == -EPROTO) {
		modbus_note(m, 0, "a broken chain of SunSpec models");
	} else if (r == 0) {
		r = sunspec_profile(&m->sunspec, &reader, &m->profile);
		m->own.up = r >= 0 || r == -ENODEV;
		if (r == -ENODEV) {
			modbus_note(m, 0, "no SunSpec model of it tells this device's power");
		}
	}
	memset(m->split_polls, 0, sizeof(m->split_polls));
	m->known = r == 0;
	m->known_on = m->client.connection;
	m->unknown_polls = r == -ENODEV || r == -EPROTO ? UNKNOWN_POLLS : 0;
	if (r != 0) {
		modbus_note(m, r, "finding out what it is");
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
		modbus_note(m, 0, "another device, or another version of it, than before");
		m->known = false;
		m->lease = (struct lease){ 0 };
		memset(m->kept, 0, sizeof(m->kept));
	} else {
		modbus_note(m, r, "finding out whether it is the same");
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
		modbus_read_all(m);
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
	m->own.engaged = m->lease.written_us != 0 || m->restore.blocks > 0 ||
			 bus_now_us(&m->client) < m->falls_back_us;
	m->own.commanded = m->own.engaged && m->lease.confirmed;
	m->own.commanded_w = m->own.commanded ? m->lease.w : 0;
	pthread_mutex_lock(&m->lock);
	m->shared = m->own;
	m->held_until_us = lease_held_until_us(&m->lease);
	pthread_mutex_unlock(&m->lock);
}

/* Nothing failed: there is only to say whether a released device goes on for a while. */
static void say_silence(struct modbus_device *m)
{
	int64_t left_us = m->falls_back_us - bus_now_us(&m->client);
	m->own.error[0] = '\0';
	if (left_us > 0) {
		snprintf(m->own.error, sizeof(m->own.error),
			 "released by silence: it falls back by itself within %.0f s",
			 ceil((double)left_us / 1e6));
	}
}

static void work(struct bus_client *client, unsigned reasons)
{
	struct modbus_device *m = of_client(client);
	bool poll = reasons & BUS_POLL;
	m->failed = false;
	if (poll && m->profile.sunspec) {
		read_found(m);
	} else if (poll) {
		modbus_read_all(m);
	}
	pthread_mutex_lock(&m->lock);
	struct command command = m->command;
	bool commanded = m->commanded;
	pthread_mutex_unlock(&m->lock);
	if (commanded && is_known(m) && modbus_controllable(m) && (m->own.up || !poll)) {
		modbus_obey(m, &command, poll);
	}
	if (poll && !m->failed) {
		say_silence(m);
	}
	modbus_show_flash(m);
	m->own.conflict = lease_yields(&m->lease, bus_now_us(client));
	if (m->own.conflict && !m->failed) {
		snprintf(m->own.error, sizeof(m->own.error),
			 "set-point is overwritten by another controller");
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
		posted = (struct command){ .kind = COMMAND_RELEASE, .insist = c->insist };
	}
	pthread_mutex_lock(&m->lock);
	bool news = !m->commanded || m->command.kind != posted.kind || m->command.w != posted.w ||
		    m->command.insist != posted.insist || m->command.again != posted.again;
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
	m->unit = address->unit >= 0 ? address->unit : profile->unit;
	m->client = (struct bus_client){
		.unit = m->unit,
		.timeout_us = profile->timeout_us,
		.connect_delay_us = profile->connect_delay_us,
		.request_delay_us = address->request_delay_ms >= 0
					    ? address->request_delay_ms * INT64_C(1000)
					    : profile->request_delay_us,
		.settle_us = profile->settle_us,
		.work = work,
	};
	m->budget.a_day = modbus_writes_per_day(profile);
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

void modbus_device_keep(struct device *d, const struct modbus_keeper *keeper)
{
	struct modbus_device *m = of_device(d);
	m->keeper = *keeper;
	m->restore = keeper->left;
	m->budget.day = keeper->spent.day;
	m->budget.writes = keeper->spent.writes;
}
