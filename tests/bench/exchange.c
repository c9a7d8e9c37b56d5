/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long single requests to a device take: so many reads of two registers, one after the other;
 * their median and the longest, in microseconds, and how many were answered.
 * Usage: exchange ADDRESS REGISTER COUNT TIMEOUT-MS */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "drivers/wire.h"

enum { COUNT_MAX = 100000 };

static int compare(const void *a, const void *b)
{
	const int64_t *one = a, *other = b;
	return (*one > *other) - (*one < *other);
}

/* One read; the time it held its caller. A wire that failed is connected again before. */
static int64_t time_one(struct wire *wire, const struct frame *f, int64_t timeout_us, int *answered)
{
	uint16_t words[2];
	if (!wire_connected(wire) && wire_connect(wire, timeout_us) < 0) {
		return 0;
	}
	int64_t start_us = clock_real_us();
	int r = wire_exchange(wire, f, timeout_us, words);
	int64_t us = clock_real_us() - start_us;
	*answered += r == 0;
	if (r < 0) {
		wire_disconnect(wire);
	}
	return us;
}

int main(int argc, char **argv)
{
	static int64_t us[COUNT_MAX];
	struct modbus_address a;
	struct wire *wire;
	int answered = 0;
	if (argc != 5 || modbus_address_parse(argv[1], &a)) {
		fprintf(stderr, "usage: exchange ADDRESS REGISTER COUNT TIMEOUT-MS\n");
		return 2;
	}
	int address = (int)strtol(argv[2], NULL, 0), count = (int)strtol(argv[3], NULL, 0);
	int64_t timeout_us = strtol(argv[4], NULL, 0) * INT64_C(1000);
	if (count < 1 || count > COUNT_MAX || timeout_us < 1 || wire_open(&a, &wire) < 0) {
		return 2;
	}
	for (int i = 0; i < count; i++) {
		struct frame f = frame_read((uint16_t)i, a.unit, TABLE_HOLDING, address, 2);
		us[i] = time_one(wire, &f, timeout_us, &answered);
	}
	wire_free(wire);
	qsort(us, (size_t)count, sizeof(*us), compare);
	printf("{\"p50_us\":%lld,\"max_us\":%lld,\"answered\":%d}\n", (long long)us[count / 2],
	       (long long)us[count - 1], answered);
	return 0;
}
