/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commanding a Modbus device: what is written when, and whether it holds. */
#include "drivers/modbus_private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

bool modbus_controllable(const struct modbus_device *m)
{
	return m->device.kind != DEVICE_METER && profile_controls(&m->profile) &&
	       !profile_needs_rating(&m->profile);
}

/* --- command and release ------------------------------------------------------------------------
 */

/* What a result, not 0, means for the lease: refused by the device, or not known to have arrived.
 */
static void report_failure(struct modbus_device *m, int r)
{
	if (r > 0 || r == -ERANGE || r == -EPERM) {
		lease_failed(&m->lease);
	} else {
		lease_doubted(&m->lease);
	}
}

/* Check, once per connection, that the device can be commanded at all. Returns 1, 0, or -EIO: it
 * does not tell. */
static int requirements_met(struct modbus_device *m)
{
	if (m->met_on != 0 && m->met_on == m->client.connection) {
		return 1;
	}
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		const struct requirement *q = &m->profile.require[i];
		const struct block block = profile_span(&q->point);
		uint16_t words[POINT_WORDS_MAX];
		double value = 0;
		if (q->point.type == POINT_ABSENT) {
			continue;
		}
		int r = modbus_read(m, &block, words);
		if (r != 0) {
			modbus_note(m, r, "reading register %u", block.address);
			return -EIO;
		}
		if (point_value(&q->point, words, &value) != QUALITY_GOOD || value != q->value) {
			modbus_note(m, 0, "register %u reads %g, expected %g: %s", block.address,
				    value, q->value, q->hint);
			return 0;
		}
	}
	m->met_on = m->client.connection;
	return 1;
}

/* Whether something kept in flash would change sooner than it may. */
static bool must_wait(struct modbus_device *m, const struct orders *o, int64_t now_us)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *p = &m->profile.control[c];
		const struct kept *k = &m->kept[c];
		uint16_t words[POINT_WORDS_MAX];
		bool recent = k->written_us != 0 && now_us - k->written_us < p->write_interval_us;
		if (p->flash && o->on[c] && recent && point_encode(p, o->value[c], words) == 0 &&
		    (!k->known || memcmp(words, k->words, modbus_bytes_of(p)) != 0)) {
			return true;
		}
	}
	return false;
}

/* How long the device will hold on without us. */
static double revert_s(const struct modbus_device *m, const struct command *command, int64_t now_us)
{
	switch (m->profile.liveness) {
	case LIVENESS_TIMER:
		return lease_revert_s(command, &m->profile.control[CONTROL_REVERT_S], now_us);
	case LIVENESS_LATCHED:
		return INFINITY;
	default:
		return m->profile.revert_s;
	}
}

static const struct run timer = { CONTROL_REVERT_S, CONTROL_REVERT_S };
static const struct run presets = { CONTROL_PRESET_1, CONTROL_COPY_1 - 1 };
static const struct run setpoints = { CONTROL_BATTERY_SETPOINT_W, CONTROL_PV_LIMIT_W };
static const struct run copies = { CONTROL_COPY_1, CONTROL_COUNT - 1 };
static const struct run enable = { CONTROL_ENABLE, CONTROL_ENABLE };
enum { RUNS = 5 };

/* The order of a command: never without the timer, and not commanded before everything is in place.
 * Where the direction is told apart from the power, a changed one passes no power beyond the old
 * and the new: a larger power comes after the direction, a smaller one before. */
static void command_order(const struct modbus_device *m, double w, struct run out[RUNS])
{
	const struct run first[RUNS] = { timer, presets, setpoints, copies, enable };
	const struct run larger[RUNS] = { timer, presets, enable, setpoints, copies };
	const struct run smaller[RUNS] = { timer, setpoints, copies, presets, enable };
	bool apart = m->profile.control[CONTROL_BATTERY_SETPOINT_W].magnitude;
	bool under_way = apart && m->lease.state == LEASE_HELD;
	const struct run *order = !under_way                   ? first
				  : fabs(w) > fabs(m->lease.w) ? larger
							       : smaller;
	memcpy(out, order, sizeof(first));
}

/* Enable first, then the rest. Where there is no enable, the device holds on until it falls back by
 * itself; if we never told it anything there is nothing to tell it now. */
static void write_release(struct modbus_device *m, int64_t now_us)
{
	bool falls_back = m->profile.control[CONTROL_ENABLE].type == POINT_ABSENT;
	bool told = m->lease.written_us != 0;
	const struct run order[] = { enable, presets, setpoints, copies };
	struct orders o;
	if (m->profile.liveness == LIVENESS_LATCHED) {
		modbus_put_back(m, now_us);
		return;
	}
	if (falls_back && !told) {
		lease_released(&m->lease);
		return;
	}
	if (!told) {
		orders_command(&m->profile, 0, m->profile.control[CONTROL_REVERT_S].max,
			       &m->orders);
	}
	orders_release(&m->profile, &m->orders, &o);
	if (modbus_write_orders(m, &o, order, sizeof(order) / sizeof(*order)) != 0) {
		return;
	}
	if (falls_back) {
		m->falls_back_us = now_us + (int64_t)(m->lease.revert_s * 1e6);
	}
	lease_released(&m->lease);
	m->client.stats.writes++;
}

/* What cannot be told anything new must not go on as it was told hours ago: its own default is to
 * serve the house, the last set-point may empty it. */
static void give_up(struct modbus_device *m, int64_t now_us)
{
	if (m->lease.state != LEASE_RELEASED && now_us >= m->lease.release_us) {
		write_release(m, now_us);
	}
}

static void write_lease(struct modbus_device *m, const struct command *command,
			const struct point *setpoint, int64_t now_us)
{
	double w = lease_setpoint_w(command, setpoint), hold_s = revert_s(m, command, now_us);
	bool again = m->lease.written_us != 0;
	struct run order[RUNS];
	struct orders o;
	int met = requirements_met(m);
	if (met == 0 && m->profile.liveness == LIVENESS_LATCHED) {
		give_up(m, now_us);
	}
	if (met != 1) {
		return;
	}
	orders_command(&m->profile, w, hold_s, &o);
	if (must_wait(m, &o, now_us) && again) { /* meanwhile it goes on as it was */
		w = m->lease.w;
		orders_command(&m->profile, w, hold_s, &o);
	}
	if (must_wait(m, &o, now_us)) {
		modbus_note(m, 0, "waiting to write what is kept in flash");
		return;
	}
	if (!modbus_affords(m, &o)) {
		give_up(m, now_us);
		return;
	}
	if (!modbus_secure(m, &o)) {
		return;
	}
	command_order(m, w, order);
	m->sure = m->lease.confirmed;
	lease_written(&m->lease, w, hold_s, lease_renew_s(m->profile.liveness, hold_s), now_us);
	m->orders = o;
	m->falls_back_us = 0;
	int r = modbus_write_orders(m, &o, order, RUNS);
	m->connection = m->client.connection;
	if (r != 0) {
		report_failure(m, r);
		return;
	}
	m->client.stats.writes++;
}

/* --- checking -----------------------------------------------------------------------------------
 */

/* Say how what was read differs from what was written. */
static void note_difference(struct modbus_device *m, int control, const uint16_t *have)
{
	const struct point *p = &m->profile.control[control];
	const char *name = control_name((enum control)control);
	double shown;
	if (control >= CONTROL_COPY_1) {
		name = control_name((enum control)p->follows);
	}
	if (point_decode(p, have, &shown) == QUALITY_GOOD) {
		modbus_note(m, 0, "%s reads %g, not %g", name, shown, m->orders.value[control]);
	} else {
		modbus_note(m, 0, "%s does not read %g", name, m->orders.value[control]);
	}
}

/* A timer runs down, and what cannot be read is believed. */
static bool is_checked(const struct modbus_device *m, int control)
{
	return control != CONTROL_REVERT_S && m->profile.control[control].readback;
}

/* Whether the control points of a request read back as written: 1 yes (or they cannot be read), 0
 * no, else -errno. */
static int reads_back(struct modbus_device *m, struct request *r)
{
	uint16_t have[GROUP_WORDS_MAX];
	const struct block block = modbus_block_of(r);
	bool any = false;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		any = any || (r->holds[c] && is_checked(m, c));
	}
	int result = any ? modbus_read(m, &block, have) : 0;
	if (result != 0) {
		modbus_note(m, result, "reading back register %d", r->address);
		return result < 0 ? result : -EIO;
	}
	for (int c = 0; c < CONTROL_COUNT && any; c++) {
		if (r->holds[c] && is_checked(m, c) &&
		    memcmp(modbus_words_of(m, c, r, have), modbus_words_of(m, c, r, r->words),
			   modbus_bytes_of(&m->profile.control[c])) != 0) {
			m->kept[c].known = false;
			note_difference(m, c, modbus_words_of(m, c, r, have));
			return 0;
		}
	}
	return 1;
}

/* Check that the device holds what it was told: it may ignore, forget, or obey somebody else. */
static void verify(struct modbus_device *m)
{
	bool done[CONTROL_COUNT] = { [CONTROL_REVERT_S] = true };
	int result = 1;
	for (int c = 0; c < CONTROL_COUNT && result == 1; c++) {
		struct request r;
		if (!m->orders.on[c] || done[c] ||
		    orders_request(&m->profile, &m->orders, (enum control)c, &r) < 0) {
			continue;
		}
		result = reads_back(m, &r);
		for (int other = 0; other < CONTROL_COUNT; other++) {
			done[other] = done[other] || r.holds[other];
		}
	}
	if (result == 1) {
		lease_confirmed(&m->lease);
	} else if (result == 0) {
		lease_differs(&m->lease, bus_now_us(&m->client));
	}
}

static double next_beat(const struct point *p, double beat)
{
	if (p->toggles) {
		return beat == p->on ? p->off : p->on;
	}
	return beat < p->min || beat + 1 > p->max ? p->min : beat + 1;
}

/* Show the device that we live, where it wants to see that. */
static void write_heartbeat(struct modbus_device *m)
{
	const struct point *p = &m->profile.control[CONTROL_HEARTBEAT];
	struct orders o = m->orders;
	struct request r;
	if (p->type == POINT_ABSENT) {
		return;
	}
	m->beat = o.value[CONTROL_HEARTBEAT] = next_beat(p, m->beat);
	int result = orders_request(&m->profile, &o, CONTROL_HEARTBEAT, &r);
	result = result == 0 ? modbus_write(m, &r) : result;
	if (result != 0) {
		modbus_note(m, result, "writing %s", control_name(CONTROL_HEARTBEAT));
	} else if (m->profile.liveness == LIVENESS_HEARTBEAT) {
		lease_alive(&m->lease, bus_now_us(&m->client));
	}
}

void modbus_obey(struct modbus_device *m, const struct command *command, bool poll)
{
	int64_t now_us = bus_now_us(&m->client);
	const struct point setpoint = profile_setpoint(&m->profile);
	if (m->client.connection != m->connection || command->again != m->again) {
		lease_doubted(&m->lease);
	}
	m->again = command->again;
	m->sure = false;
	lease_heed(&m->lease, command);
	enum lease_action action = lease_next(&m->lease, command, &setpoint, now_us);
	if (action == LEASE_WRITE && m->lease.state == LEASE_HELD && m->lease.confirmed) {
		verify(m); /* what somebody else wrote would be lost under it */
		action = lease_next(&m->lease, command, &setpoint, now_us);
	}
	if (action == LEASE_RELEASE) {
		write_release(m, now_us);
	} else if (action == LEASE_WRITE) {
		write_lease(m, command, &setpoint, now_us);
	}
	if (m->lease.state == LEASE_HELD && (poll || action == LEASE_WRITE)) {
		write_heartbeat(m);
		verify(m);
	}
}
