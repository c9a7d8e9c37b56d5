/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *r, size_t size)
{
	*r = (struct ring){ .size = size };
	r->bytes = calloc(1, size);
	if (!r->bytes) {
		return -ENOMEM;
	}
	/* A low-priority reader inside the lock must not hold up the control cycle. */
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&r->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return 0;
}

void ring_free(struct ring *r)
{
	if (r->bytes) {
		pthread_mutex_destroy(&r->lock);
		free(r->bytes);
		r->bytes = NULL;
	}
}

/* Copy between the ring, from offset at (which may lie past the end: it wraps), and memory. */
static void copy_in(struct ring *r, size_t at, const void *from, size_t length)
{
	at %= r->size;
	size_t first = length < r->size - at ? length : r->size - at;
	if (length > 0) {
		memcpy(r->bytes + at, from, first);
		memcpy(r->bytes, (const char *)from + first, length - first);
	}
}

static void copy_out(const struct ring *r, size_t at, void *to, size_t length)
{
	at %= r->size;
	size_t first = length < r->size - at ? length : r->size - at;
	memcpy(to, r->bytes + at, first);
	memcpy((char *)to + first, r->bytes, length - first);
}

int ring_put(struct ring *r, const struct iovec *part, int parts)
{
	size_t length = 0;
	for (int i = 0; i < parts; i++) {
		length += part[i].iov_len;
	}
	int result = -ENOBUFS;
	pthread_mutex_lock(&r->lock);
	if (length <= r->size && r->size - r->used >= length + RING_OVERHEAD) {
		size_t at = r->head + r->used;
		copy_in(r, at, &length, sizeof(length));
		at += sizeof(length);
		for (int i = 0; i < parts; i++) {
			copy_in(r, at, part[i].iov_base, part[i].iov_len);
			at += part[i].iov_len;
		}
		r->used += length + RING_OVERHEAD;
		r->records++;
		result = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

long ring_read(struct ring *r, size_t *cursor, void *out, size_t size)
{
	long result = -EAGAIN;
	pthread_mutex_lock(&r->lock);
	if (*cursor < r->used) {
		size_t length;
		copy_out(r, r->head + *cursor, &length, sizeof(length));
		assert(length <= size);
		copy_out(r, r->head + *cursor + RING_OVERHEAD, out, length);
		*cursor += length + RING_OVERHEAD;
		result = (long)length;
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

void ring_drop(struct ring *r, size_t cursor)
{
	pthread_mutex_lock(&r->lock);
	assert(cursor <= r->used);
	for (size_t at = 0; at < cursor;) {
		size_t length;
		copy_out(r, r->head + at, &length, sizeof(length));
		at += length + RING_OVERHEAD;
		r->records--;
	}
	r->head = (r->head + cursor) % r->size;
	r->used -= cursor;
	pthread_mutex_unlock(&r->lock);
}

size_t ring_records(struct ring *r)
{
	pthread_mutex_lock(&r->lock);
	size_t records = r->records;
	pthread_mutex_unlock(&r->lock);
	return records;
}

size_t ring_room(struct ring *r)
{
	pthread_mutex_lock(&r->lock);
	size_t room = r->size - r->used;
	pthread_mutex_unlock(&r->lock);
	return room;
}
