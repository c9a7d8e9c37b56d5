/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bounded queue of records between two threads: one puts, one reads and drops.
 *
 * Records are of any length and keep their order. Putting never waits for the reader and never
 * allocates: a full ring refuses. The lock is held only while bytes are copied. What was read stays
 * in the ring until it is dropped, so that the reader can fail and try again. */
#ifndef LECD_BASE_RING_H
#define LECD_BASE_RING_H

#include <pthread.h>
#include <stddef.h>
#include <sys/uio.h>

struct ring {
	pthread_mutex_t lock;
	unsigned char *bytes; /* owned */
	size_t size;
	size_t head; /* offset of the oldest record */
	size_t used; /* bytes */
	size_t records;
};

/* Room for size bytes; each record takes its length and RING_OVERHEAD. 0 or -ENOMEM. */
enum { RING_OVERHEAD = sizeof(size_t) };
int ring_init(struct ring *r, size_t size);
void ring_free(struct ring *r);

/* Append one record made of the parts, in one piece. 0, or -ENOBUFS where there is no room. */
int ring_put(struct ring *r, const struct iovec *part, int parts);

/* Copy the record at *cursor (0: the oldest) to out and move the cursor behind it. Returns the
 * record's length, or -EAGAIN where there is none; size must hold every record ever put. */
long ring_read(struct ring *r, size_t *cursor, void *out, size_t size);

/* Forget all records before cursor. */
void ring_drop(struct ring *r, size_t cursor);

/* Records waiting now, and bytes that are free. Either thread may ask. */
size_t ring_records(struct ring *r);
size_t ring_room(struct ring *r);

#endif
