/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/chance.h"

/* The finaliser of splitmix64: each input bit reaches each output bit. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t chance_bits(uint64_t seed, uint32_t stream, int64_t index)
{
	uint64_t key = mix(seed + UINT64_C(0x9e3779b97f4a7c15) * (stream + UINT64_C(1)));
	return mix(key + UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)index);
}

double chance_uniform(uint64_t seed, uint32_t stream, int64_t index)
{
	return (double)(chance_bits(seed, stream, index) >> 11) * 0x1p-53;
}

double chance_normal(uint64_t seed, uint32_t stream, int64_t index)
{
	uint64_t bits = chance_bits(seed, stream, index);
	int32_t sum = 0;
	for (int i = 0; i < 4; i++) {
		sum += (int32_t)(bits >> (16 * i) & 0xffff);
	}
	/* Four uniforms have mean 2 and variance 1/3. */
	return ((double)sum / 65536.0 - 2.0 + 2.0 / 65536.0) * 1.7320508075688772;
}

double chance_noise(uint64_t seed, uint32_t stream, int64_t time_s, int64_t period_s)
{
	int64_t k = chance_floor_div(time_s, period_s);
	double a = chance_normal(seed, stream, k);
	double b = chance_normal(seed, stream, k + 1);
	double x = (double)(time_s - k * period_s) / (double)period_s;
	double w = x * x * (3.0 - 2.0 * x);
	return a + (b - a) * w;
}
