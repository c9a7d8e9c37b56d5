/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/simulated.h"

#include <stdio.h>

#include "drivers/sensors.h"

/* Who implements the contract gets the head of its own struct back. */
static struct simulated *self(struct device *d)
{
	return (struct simulated *)d;
}

static struct plant_command *command_of(struct simulated *s)
{
	return s->device.kind == DEVICE_BATTERY ? &s->plant->battery[s->index].command
	       : s->device.kind == DEVICE_PV    ? &s->plant->pv[s->index].command
						: NULL;
}

static void no_answer(struct simulated *s)
{
	s->last.up = false;
	s->last.stats.timeouts++;
	snprintf(s->last.error, sizeof(s->last.error), "no answer");
}

static struct reading reading_of(const struct simulated *s, enum quantity q, int64_t now_us)
{
	struct reading r = { 0 };
	if (sensors_measure(s->plant, s->device.kind, s->index, q, &r.value) < 0) {
		return r;
	}
	r.at_us = now_us;
	r.quality = s->fault == SIMULATED_SENTINEL       ? QUALITY_NOT_IMPLEMENTED
		    : s->fault == SIMULATED_OUT_OF_RANGE ? QUALITY_OUT_OF_RANGE
							 : QUALITY_GOOD;
	return r;
}

static void answer(struct simulated *s, int64_t now_us)
{
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		struct reading *r = &s->last.reading[q];
		if (s->fault == SIMULATED_FROZEN && reading_good(r)) {
			r->at_us = now_us;
		} else {
			*r = reading_of(s, (enum quantity)q, now_us);
		}
	}
	const struct plant_command *c = command_of(s);
	if (s->fault != SIMULATED_IGNORES_WRITES) {
		s->last.commanded = c && c->active;
		s->last.commanded_w = s->last.commanded ? c->w : 0;
	}
	s->last.up = true;
	s->last.answered_us = now_us;
	s->last.error[0] = '\0';
	s->last.stats.answers++;
}

static void simulated_snapshot(struct device *d, int64_t now_us, struct snapshot *out)
{
	struct simulated *s = self(d);
	plant_advance(s->plant, now_us);
	s->last.stats.requests++;
	if (s->fault == SIMULATED_SILENT) {
		no_answer(s);
	} else {
		answer(s, now_us);
	}
	*out = s->last;
}

static void execute(struct simulated *s, const struct command *c)
{
	if (c->kind == COMMAND_BATTERY_W && s->device.kind == DEVICE_BATTERY) {
		plant_battery_hold(s->plant, s->index, c->w, c->expires_us);
	} else if (c->kind == COMMAND_PV_LIMIT_W && s->device.kind == DEVICE_PV) {
		plant_pv_limit(s->plant, s->index, c->w, c->expires_us);
	} else if (c->kind == COMMAND_RELEASE && command_of(s)) {
		command_of(s)->active = false;
	}
}

static void simulated_command(struct device *d, const struct command *c)
{
	struct simulated *s = self(d);
	if (s->device.kind == DEVICE_METER || s->fault == SIMULATED_SILENT) {
		return;
	}
	s->last.stats.writes++;
	if (s->fault == SIMULATED_IGNORES_WRITES) {
		s->last.commanded = c->kind != COMMAND_RELEASE;
		s->last.commanded_w = s->last.commanded ? c->w : 0;
		return;
	}
	execute(s, c);
}

static void simulated_close(struct device *d)
{
	(void)d;
}

static const struct device_methods methods = {
	.driver = "simulated",
	.snapshot = simulated_snapshot,
	.command = simulated_command,
	.poll = NULL,
	.close = simulated_close,
};

void simulated_init(struct simulated *s, struct plant *plant, enum device_kind kind, int index)
{
	*s = (struct simulated){ .device = { .methods = &methods, .kind = kind },
				 .plant = plant,
				 .index = index };
	s->last.stats.connects = 1;
}

void simulated_set_fault(struct simulated *s, enum simulated_fault fault)
{
	s->fault = fault;
}
