/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/hash.h"

uint64_t hash_bytes(const char *bytes, size_t size)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
	}
	return hash;
}
