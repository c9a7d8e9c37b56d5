/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Randomness without state: numbers that are a pure function of (seed, stream, index), so that a
 * simulated house can be asked about any moment in any order and always answers the same. */
#ifndef LECD_BASE_CHANCE_H
#define LECD_BASE_CHANCE_H

#include <stdint.h>

/* 64 well mixed bits. A stream is one independent use of the seed, an index a place in it. */
uint64_t chance_bits(uint64_t seed, uint32_t stream, int64_t index);

/* Uniform in [0, 1). */
double chance_uniform(uint64_t seed, uint32_t stream, int64_t index);

/* Roughly normal, mean 0, deviation 1, within +-3.5: a sum of four uniforms. */
double chance_normal(uint64_t seed, uint32_t stream, int64_t index);

/* A smooth curve over time through one normal number every period_s: its correlation reaches about
 * one period. */
double chance_noise(uint64_t seed, uint32_t stream, int64_t time_s, int64_t period_s);

/* Division that rounds down, for times before 1970 too; b > 0. */
static inline int64_t chance_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

#endif
