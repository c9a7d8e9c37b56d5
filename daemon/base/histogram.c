/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/histogram.h"

/* Values below 8 have a bucket each; above, three bits behind the leading one choose. */
static int bucket_of(int64_t value)
{
	if (value < 8) {
		return (int)value;
	}
	int power = 63 - __builtin_clzll((unsigned long long)value);
	int b = (power - 2) * 8 + (int)((value >> (power - 3)) & 7);
	return b < HISTOGRAM_BUCKETS ? b : HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket; the last one has none. */
static int64_t bucket_top(int b)
{
	if (b < 8) {
		return b;
	}
	if (b == HISTOGRAM_BUCKETS - 1) {
		return INT64_MAX;
	}
	int power = b / 8 + 2;
	return ((INT64_C(8) + b % 8 + 1) << (power - 3)) - 1;
}

void histogram_add(struct histogram *h, int64_t value)
{
	value = value > 0 ? value : 0;
	h->bucket[bucket_of(value)]++;
	h->count++;
	h->max = value > h->max ? value : h->max;
}

int64_t histogram_quantile(const struct histogram *h, double q)
{
	uint64_t rank = (uint64_t)(q * (double)h->count);
	uint64_t below = 0;
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++) {
		below += h->bucket[b];
		if (below > rank) {
			int64_t top = bucket_top(b);
			return top < h->max ? top : h->max;
		}
	}
	return h->max;
}
