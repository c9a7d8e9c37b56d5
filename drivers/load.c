/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/load.h"

#include <stddef.h>

#include "drivers/profile.h"
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

void load_add(struct load *l, const struct profile *p, const struct modbus_address *a)
{
	static const enum control read_back[] = { CONTROL_BATTERY_SETPOINT_W, CONTROL_PV_LIMIT_W,
						  CONTROL_ENABLE };
	int64_t delay_us = a->request_delay_ms >= 0 ? a->request_delay_ms * INT64_C(1000)
						    : p->request_delay_us;
	for (int b = 0; b < p->blocks; b++) {
		add_request(l, a, p->block[b].count);
	}
	for (size_t i = 0; i < sizeof(read_back) / sizeof(*read_back); i++) {
		const struct point *point = &p->control[read_back[i]];
		if (point->type != POINT_ABSENT && point->readback) {
			add_request(l, a, point_words(point->type));
		}
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
