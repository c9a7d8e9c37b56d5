/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commanding a Modbus device: what is written when, and whether it holds. */
#include "drivers/modbus_private.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

bool modbus_controllable(const struct modbus_device *m)
{
	return m->device.kind != DEVICE_METER && profile_controls(&m->profile) &&
	       !profile_needs_rating(&m->profile);
}

static struct block block_of(const struct request *r)
{
	return (struct block){ .other_unit = r->other_unit,
			       .table = TABLE_HOLDING,
			       .address = (uint16_t)r->address,
			       .count = (uint16_t)r->count };
}

/* The words of a request that belong to a control point. */
static uint16_t *words_of(const struct modbus_device *m, int control, const struct request *r,
			  uint16_t *words)
{
	return words + (m->profile.control[control].address - r->address);
}

static size_t bytes_of(const struct point *p)
{
	return sizeof(uint16_t) * (size_t)point_words(p->type);
}

/* --- one write ----------------------------------------------------------------------------------
 */

/* Whether a control point is only written where it does not hold its value already. */
static bool is_kept(const struct point *p, int control)
{
	return p->flash || (control >= CONTROL_PRESET_1 && control < CONTROL_COPY_1);
}

/* Whether a control point in flash was last written with what a request has for it. */
static bool was_written(struct modbus_device *m, int control, struct request *r)
{
	const struct point *p = &m->profile.control[control];
	const struct kept *k = &m->kept[control];
	return p->flash && k->known &&
	       memcmp(k->words, words_of(m, control, r, r->words), bytes_of(p)) == 0;
}

/* Whether all that a request would write is there already: read, or, where that cannot be, known of
 * what is in flash. Returns 1, 0, or -errno. */
static int holds_already(struct modbus_device *m, struct request *r)
{
	uint16_t have[GROUP_WORDS_MAX];
	const struct block block = block_of(r);
	bool kept = true, readable = true, written = true;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (r->holds[c]) {
			kept = kept && is_kept(&m->profile.control[c], c);
			readable = readable && m->profile.control[c].readback;
			written = written && was_written(m, c, r);
		}
	}
	if (!kept || !readable) {
		return kept && written;
	}
	int result = modbus_read(m, &block, have);
	if (result != 0) {
		modbus_note(m, result, "reading register %d", r->address);
		return result < 0 ? result : -EIO;
	}
	return memcmp(have, r->words, sizeof(*have) * (size_t)r->count) == 0;
}

static void keep(struct modbus_device *m, struct request *r, bool written)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct kept *k = &m->kept[c];
		if (r->holds[c]) {
			const uint16_t *words = words_of(m, c, r, r->words);
			k->known = true;
			memcpy(k->words, words, bytes_of(&m->profile.control[c]));
			k->written_us = written ? bus_now_us(&m->client) : k->written_us;
		}
	}
}

/* Write a control point and what goes with it, if that is needed. Returns as bus_write. */
static int write_control(struct modbus_device *m, enum control control, const struct orders *o,
			 struct request *r)
{
	int result = orders_request(&m->profile, o, control, r);
	int held = result == 0 ? holds_already(m, r) : 0;
	if (held < 0) {
		return held;
	}
	if (result == 0 && !held) {
		modbus_count_flash(m, r);
		result = modbus_write(m, r);
	}
	if (result == 0) {
		keep(m, r, !held);
	} else {
		modbus_note(m, result, "writing %s", control_name(control));
	}
	return result;
}

/* Write what is on, in that order; a group with its first. Returns as bus_write. */
static int write_orders(struct modbus_device *m, const struct orders *o, const int *order,
			int count)
{
	bool done[CONTROL_COUNT] = { false };
	int result = 0;
	for (int i = 0; i < count && result == 0; i++) {
		struct request r;
		if (!o->on[order[i]] || done[order[i]]) {
			continue;
		}
		result = write_control(m, (enum control)order[i], o, &r);
		for (int c = 0; c < CONTROL_COUNT && result == 0; c++) {
			done[c] = done[c] || r.holds[c];
		}
	}
	return result;
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

/* Check, once per connection, that the device can be commanded at all. */
static bool requirements_met(struct modbus_device *m)
{
	if (m->met_on != 0 && m->met_on == m->client.connection) {
		return true;
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
			return false;
		}
		if (point_value(&q->point, words, &value) != QUALITY_GOOD || value != q->value) {
			modbus_note(m, 0, "register %u reads %g, expected %g: %s", block.address,
				    value, q->value, q->hint);
			return false;
		}
	}
	m->met_on = m->client.connection;
	return true;
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
		    (!k->known || memcmp(words, k->words, bytes_of(p)) != 0)) {
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

/* Never under command without the timer, and not commanded before everything is in place. */
static const int command_order[] = {
	CONTROL_REVERT_S,
	CONTROL_PRESET_1,
	CONTROL_PRESET_1 + 1,
	CONTROL_PRESET_1 + 2,
	CONTROL_PRESET_1 + 3,
	CONTROL_PRESET_1 + 4,
	CONTROL_PRESET_1 + 5,
	CONTROL_PRESET_1 + 6,
	CONTROL_PRESET_1 + 7,
	CONTROL_BATTERY_SETPOINT_W,
	CONTROL_BATTERY_CHARGE_SETPOINT_W,
	CONTROL_BATTERY_DISCHARGE_SETPOINT_W,
	CONTROL_PV_LIMIT_W,
	CONTROL_COPY_1,
	CONTROL_COPY_1 + 1,
	CONTROL_COPY_1 + 2,
	CONTROL_COPY_1 + 3,
	CONTROL_ENABLE,
};
enum { ORDERS = sizeof(command_order) / sizeof(*command_order) };
static_assert(PRESETS_MAX == 8 && COPIES_MAX == 4 && ORDERS == CONTROL_COUNT - 1,
	      "order all but the heartbeat");

/* Enable first, then the rest. Where there is no enable, the device holds on until it falls back by
 * itself; if we never told it anything there is nothing to tell it now. */
static void write_release(struct modbus_device *m, int64_t now_us)
{
	bool silent = m->profile.control[CONTROL_ENABLE].type == POINT_ABSENT;
	bool told = m->lease.written_us != 0;
	if (m->profile.liveness == LIVENESS_LATCHED) {
		modbus_put_back(m, now_us);
		return;
	}
	int order[ORDERS];
	struct orders o;
	if (!told) {
		orders_command(&m->profile, 0, m->profile.control[CONTROL_REVERT_S].max,
			       &m->orders);
	}
	orders_release(&m->profile, &m->orders, &o);
	for (int i = 0; i < ORDERS; i++) {
		order[i] = command_order[i == 0 ? ORDERS - 1 : i - 1];
	}
	int r = silent && !told ? 0 : write_orders(m, &o, order, ORDERS);
	if (r != 0) {
		return;
	}
	if (silent && told) {
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
	struct orders o;
	if (!requirements_met(m)) {
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
	lease_written(&m->lease, w, hold_s, lease_renew_s(m->profile.liveness, hold_s), now_us);
	m->orders = o;
	m->falls_back_us = 0;
	int r = write_orders(m, &o, command_order, ORDERS);
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
	const struct block block = block_of(r);
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
		    memcmp(words_of(m, c, r, have), words_of(m, c, r, r->words),
			   bytes_of(&m->profile.control[c])) != 0) {
			m->kept[c].known = false;
			note_difference(m, c, words_of(m, c, r, have));
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
	for (int i = 0; i < ORDERS && result == 1; i++) {
		struct request r;
		if (!m->orders.on[command_order[i]] || done[command_order[i]] ||
		    orders_request(&m->profile, &m->orders, (enum control)command_order[i], &r) <
			    0) {
			continue;
		}
		result = reads_back(m, &r);
		for (int c = 0; c < CONTROL_COUNT; c++) {
			done[c] = done[c] || r.holds[c];
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
	if (m->client.connection != m->connection) {
		lease_doubted(&m->lease);
	}
	lease_heed(&m->lease, command);
	enum lease_action action = lease_next(&m->lease, command, &setpoint, now_us);
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
