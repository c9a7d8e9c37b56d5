/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counts what a test program allocates and releases, its libraries included, in all threads; not
 * under who watches memory himself, where the count stays 0. Included once by a program. */
#ifndef LECD_TESTS_ALLOCATIONS_H
#define LECD_TESTS_ALLOCATIONS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static _Atomic uint64_t allocations; /* and releases, since start */

#if !SANITIZED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
extern void __libc_free(void *at);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
	allocations++;
	return __libc_realloc(at, size);
}

void free(void *at)
{
	allocations += at != NULL;
	__libc_free(at);
}
#endif

#endif
