/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How fast the registers of real profiles become readings. Prints `name value unit`.
 * Usage: decode PROFILE... */
#include <stdio.h>

#include "daemon/base/clock.h"
#include "drivers/profile.h"

enum { WORDS = 65536, PASSES = 200, MEASURE_US = 500000 };

static uint16_t words[WORDS];

/* Take every block of p and decode every reading; returns how many are good. */
static int decode_all(const struct profile *p, struct answers *answers)
{
	int good = 0;
	answers_clear(answers, p->blocks);
	for (int i = 0; i < p->blocks; i++) {
		const struct block *b = &p->block[i];
		answers_take(answers, i, 0, b->count, words + b->address, 1);
	}
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		double value;
		int64_t at_us;
		if (p->reading[q].type != POINT_ABSENT) {
			good += profile_decode(p, (enum quantity)q, answers, &value, &at_us) ==
				QUALITY_GOOD;
		}
	}
	return good;
}

/* The registers per second at which p's blocks are decoded. *good: readings, so that none is
 * optimised away. */
static double measure(const struct profile *p, long *good)
{
	static struct answers answers;
	int registers = 0;
	long passes = 0;
	for (int i = 0; i < p->blocks; i++) {
		registers += p->block[i].count;
	}
	int64_t start_us = clock_real_us(), now_us;
	do {
		for (int i = 0; i < PASSES; i++) {
			*good += decode_all(p, &answers);
			words[i]++; /* never twice the same */
		}
		passes += PASSES;
		now_us = clock_real_us();
	} while (now_us - start_us < MEASURE_US);
	return (double)registers * (double)passes * 1e6 / (double)(now_us - start_us);
}

int main(int argc, char **argv)
{
	double slowest = 0;
	long good = 0;
	for (int i = 0; i < WORDS; i++) {
		words[i] = (uint16_t)(i % 200);
	}
	for (int i = 1; i < argc; i++) {
		struct profile p;
		struct diag d = { .to = stderr };
		if (profile_load(argv[i], &p, &d) < 0) {
			return 1;
		}
		double rate = measure(&p, &good);
		fprintf(stderr, "%s: %.1f million registers/s\n", p.name, rate / 1e6);
		slowest = slowest == 0 || rate < slowest ? rate : slowest;
	}
	if (argc < 2 || good == 0) {
		fprintf(stderr, "usage: decode PROFILE..., with readings\n");
		return 2;
	}
	printf("decode_registers_per_s %.0f of_the_slowest_of_%d_profiles\n", slowest, argc - 1);
	return 0;
}
