/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is owed to a Modbus device that keeps what it is told: the way back, and its flash. */
#include "drivers/modbus_private.h"

#include <errno.h>

/* --- the way back of a latched device -----------------------------------------------------------
 */

/* Enable first, so that the device stops obeying, then what it obeyed. */
static int list_blocks(struct modbus_device *m, struct restore *out)
{
	struct orders any;
	bool done[CONTROL_COUNT] = { [CONTROL_HEARTBEAT] = true };
	orders_command(&m->profile, 0, m->profile.control[CONTROL_REVERT_S].max, &any);
	for (int i = -1; i < CONTROL_COUNT; i++) {
		int c = i < 0 ? CONTROL_ENABLE : i;
		struct request r;
		if (m->profile.control[c].type == POINT_ABSENT || done[c]) {
			continue;
		}
		int result = orders_request(&m->profile, &any, (enum control)c, &r);
		if (result == 0) {
			result = restore_add(out, r.other_unit ? r.other_unit : m->unit, r.function,
					     r.address, r.count);
		}
		if (result < 0) {
			return result;
		}
		for (int k = 0; k < CONTROL_COUNT; k++) {
			done[k] = done[k] || r.holds[k];
		}
	}
	return 0;
}

/* A device that is under command though no way back was kept was left so by a life whose store is
 * lost. Nobody's default is a command: `off` is. */
static void mend(const struct modbus_device *m, struct restore *r)
{
	const struct point *p = &m->profile.control[CONTROL_ENABLE];
	double shown;
	if (p->type != POINT_ABSENT && p->has_off && !p->group &&
	    point_value(p, r->block[0].words, &shown) == QUALITY_GOOD && point_commands(p, shown)) {
		(void)point_encode(p, p->off, r->block[0].words);
	}
}

static int read_default(struct modbus_device *m, struct restore *out)
{
	*out = (struct restore){ .timeout_us = m->client.timeout_us,
				 .connect_delay_us = m->client.connect_delay_us,
				 .request_delay_us = m->client.request_delay_us,
				 .settle_us = m->client.settle_us };
	int r = list_blocks(m, out);
	r = r < 0 ? r : restore_read(out, &m->client);
	m->client.unit = m->unit;
	if (r == 0) {
		mend(m, out);
	}
	return r;
}

void modbus_put_back(struct modbus_device *m, int64_t now_us)
{
	int r = m->restore.blocks > 0 ? restore_write(&m->restore, &m->client) : 0;
	m->client.unit = m->unit;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		m->kept[c].known = false;
	}
	if (r == 0 && m->restore.blocks > 0) {
		r = m->keeper.journal(m->keeper.context, NULL);
		m->client.stats.writes += r == 0;
	} else if (r > 0 || r == -EREMOTEIO) {
		lease_not_released(&m->lease, now_us);
	}
	if (r != 0) {
		modbus_note(m, r == -EREMOTEIO ? 0 : r, "%s",
			    r == -EREMOTEIO ? "its default does not read back" : "releasing");
		return;
	}
	m->restore.blocks = 0;
	lease_released(&m->lease);
}

/* --- flash --------------------------------------------------------------------------------------
 */

int modbus_writes_per_day(const struct profile *p)
{
	int least = 0;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *point = &p->control[c];
		int own = point->writes_per_day > 0 ? point->writes_per_day : BUDGET_A_DAY;
		if (point->type != POINT_ABSENT && point->flash && (!least || own < least)) {
			least = own;
		}
	}
	return least < BUDGET_A_DAY_MAX ? least : BUDGET_A_DAY_MAX;
}

void modbus_show_flash(struct modbus_device *m)
{
	m->own.flash_budget = m->budget.a_day;
	m->own.flash_writes = budget_spent(&m->budget, clock_wall_s(m->hub->clock));
}

/* Flash-backed points of a request; with it, all of them are written. */
static int flash_points(const struct modbus_device *m, const struct request *r)
{
	int count = 0;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		count += r->holds[c] && m->profile.control[c].flash;
	}
	return count;
}

/* Whether nothing of a request has to be written again: all of it is in flash, and known. */
static bool is_there(const struct modbus_device *m, const struct request *r)
{
	for (int c = 0; c < CONTROL_COUNT; c++) {
		if (r->holds[c] && !modbus_was_written(m, c, r)) {
			return false;
		}
	}
	return true;
}

/* How many flash-backed points these orders may write; fresh: as if nothing of them were there. */
static int flash_cost(const struct modbus_device *m, const struct orders *o, bool fresh)
{
	bool done[CONTROL_COUNT] = { false };
	int cost = 0;
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct request r;
		if (!o->on[c] || done[c] ||
		    orders_request(&m->profile, o, (enum control)c, &r) < 0) {
			continue;
		}
		cost += fresh || !is_there(m, &r) ? flash_points(m, &r) : 0;
		for (int k = 0; k < CONTROL_COUNT; k++) {
			done[k] = done[k] || r.holds[k];
		}
	}
	return cost;
}

/* What the way back may cost: of a latched device all it has, paid when its default is kept. */
static int release_cost(const struct modbus_device *m, const struct orders *o)
{
	struct orders back = *o;
	if (m->profile.liveness != LIVENESS_LATCHED) {
		orders_release(&m->profile, o, &back);
	} else if (m->restore.blocks > 0) {
		return 0;
	}
	return flash_cost(m, &back, true);
}

static int64_t wall_s(const struct modbus_device *m)
{
	return clock_wall_s(m->hub->clock);
}

bool modbus_affords(struct modbus_device *m, const struct orders *o)
{
	int cost = flash_cost(m, o, false);
	if (cost == 0 || budget_allows(&m->budget, cost + release_cost(m, o), wall_s(m))) {
		return true;
	}
	modbus_note(m, 0, "its flash was written %d times today, at most %d: left alone",
		    budget_spent(&m->budget, wall_s(m)), m->budget.a_day);
	return false;
}

/* Counted before it is written. Where the count cannot be kept, this life still knows it. */
static void spend(struct modbus_device *m, int writes)
{
	if (writes > 0) {
		budget_spend(&m->budget, writes, wall_s(m));
		if (m->keeper.count) {
			(void)m->keeper.count(m->keeper.context, &m->budget);
		}
	}
}

void modbus_count_flash(struct modbus_device *m, const struct request *r)
{
	spend(m, flash_points(m, r));
}

/* --- before a command ---------------------------------------------------------------------------
 */

bool modbus_secure(struct modbus_device *m, const struct orders *o)
{
	struct restore found;
	int cost = release_cost(m, o);
	if (m->profile.liveness != LIVENESS_LATCHED || m->restore.blocks > 0) {
		return true;
	}
	if (!m->keeper.journal) {
		modbus_note(m, 0, "not commanded: it would keep it, and nobody keeps its default");
		return false;
	}
	int r = read_default(m, &found);
	if (r != 0) {
		modbus_note(m, r, "not commanded: reading its default");
		return false;
	}
	r = m->keeper.journal(m->keeper.context, &found);
	if (r < 0) {
		modbus_note(m, r, "not commanded: keeping its default");
		return false;
	}
	m->restore = found;
	spend(m, cost);
	return true;
}
