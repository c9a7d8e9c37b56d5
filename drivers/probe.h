/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A unit that is asked one question at a time by somebody who waits for the answer: to find out
 * what it is. It can only read: there is no way to write a register through it.
 *
 * A question that failed does not delay the next one: that goes out on a new connection, without
 * the bus's back-off. At an RTU line, where a late answer could be taken for the next one's, the
 * line is first left to itself for a while. */
#ifndef LECD_DRIVERS_PROBE_H
#define LECD_DRIVERS_PROBE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/histogram.h"
#include "drivers/address.h"
#include "drivers/bus.h"
#include "drivers/profile.h"

enum { PROBE_EXCEPTIONS = 12 };

/* What is counted over any number of probes; zeroed by its owner. */
struct probe_tally {
	uint64_t requests;
	uint64_t answers; /* exceptions are answers too */
	uint64_t timeouts;
	uint64_t rejected;                     /* answers that failed a check */
	uint64_t exceptions[PROBE_EXCEPTIONS]; /* by code; 0: any beyond */
	struct histogram latency_us;
};

struct probe {
	struct bus_client client;
	struct bus_hub *hub;
	struct modbus_address address;
	struct probe_tally *tally;
	int64_t connect_delay_us;
	bool failed;    /* the last question did */
	bool connected; /* ever */
	sem_t answered;
	/* The question at hand and its answer: */
	int unit; /* the device's own */
	struct block block;
	int result;
	uint16_t *words;
};

/* Open a probe to a unit at address, with a profile's delays and timeout. Hub and tally must
 * outlive it. Nothing is sent yet. Returns 0 or -errno as bus_attach. */
int probe_open(struct bus_hub *hub, const struct modbus_address *address, int unit,
	       const struct profile *manners, struct probe_tally *tally, struct probe *p);
void probe_close(struct probe *p);

/* Read registers, at the probe's unit or the block's other one, and wait for the answer: at most
 * the delays, a connect and the timeout. Returns as bus_read; words is only touched on 0. */
int probe_read(struct probe *p, const struct block *block, uint16_t *words);

/* Whether a result of probe_read means that somebody is there: data, or an exception that is not a
 * gateway's "nobody". */
bool probe_is_answer(int result);

#endif
