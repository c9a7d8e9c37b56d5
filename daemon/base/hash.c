/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/hash.h"

uint64_t hash_bytes(const char *bytes, size_t size)
{
	return hash_on(UINT64_C(14695981039346656037), bytes, size);
}

uint64_t hash_on(uint64_t hash, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
	}
	return hash;
}
