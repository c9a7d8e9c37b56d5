/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/load.h"

#include "drivers/orders.h"
#include "drivers/wire.h"

enum {
	NETWORK_US = 5000,      /* a request and its answer over TCP */
	TURN_AROUND_US = 20000, /* of a device at a serial line: 20 to 80 ms are common */
	REQUEST_BYTES = 8,      /* RTU: unit, function, address, count, checksum */
	ANSWER_BYTES = 5        /* and the registers: unit, function, count, checksum */
};

static void add_request(struct load *l, const struct modbus_address *a, int words)
{
	l->requests++;
	l->talk_us += a->line == LINE_SERIAL ? TURN_AROUND_US : NETWORK_US;
	l->talk_us += wire_bytes_us(a, REQUEST_BYTES + ANSWER_BYTES + 2 * words);
}

/* What is read back of a command: a group in one request. */
static void add_read_back(struct load *l, const struct profile *p, const struct modbus_address *a)
{
	struct orders o;
	bool done[CONTROL_COUNT] = { [CONTROL_REVERT_S] = true, [CONTROL_HEARTBEAT] = true };
	orders_command(p, 0, p->control[CONTROL_REVERT_S].max, &o);
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct request r;
		if (done[c] || !o.on[c] || !p->control[c].readback ||
		    orders_request(p, &o, (enum control)c, &r) < 0) {
			continue;
		}
		add_request(l, a, r.count);
		for (int i = 0; i < CONTROL_COUNT; i++) {
			done[i] = done[i] || r.holds[i];
		}
	}
}

void load_add(struct load *l, const struct profile *p, const struct modbus_address *a)
{
	const struct point *beat = &p->control[CONTROL_HEARTBEAT];
	int64_t delay_us = a->request_delay_ms >= 0 ? a->request_delay_ms * INT64_C(1000)
						    : p->request_delay_us;
	for (int b = 0; b < p->blocks; b++) {
		add_request(l, a, p->block[b].count);
	}
	add_read_back(l, p, a);
	if (beat->type != POINT_ABSENT) {
		add_request(l, a, point_words(beat->type));
		l->talk_us += p->settle_us;
	}
	if (delay_us < wire_idle_us(a)) {
		delay_us = wire_idle_us(a);
	}
	if (delay_us > l->delay_us) {
		l->delay_us = delay_us;
	}
}

double load_share(const struct load *l, double cycle_s)
{
	return ((double)l->talk_us + (double)l->requests * (double)l->delay_us) / 1e6 / cycle_s;
}
