/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash of bytes (FNV-1a, 64 bits): to spread seeds and to notice a torn file. Not against people
 * who mean harm. */
#ifndef LECD_BASE_HASH_H
#define LECD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const char *bytes, size_t size);

/* That of what was hashed so far and these bytes behind it. */
uint64_t hash_on(uint64_t hash, const char *bytes, size_t size);

#endif
