/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files that must be there, whole, after a power cut. Each call blocks for as long as the
 * disk does. */
#ifndef LECD_BASE_DURABLE_H
#define LECD_BASE_DURABLE_H

#include <stddef.h>

/* Replace path by these bytes: a temporary file beside it, synced, renamed, and its folder synced,
 * so that path holds the old or the new bytes at any time; none but its owner may read it. The
 * folder is made (0700) where only it is missing. Returns 0 or -errno; then path is as it was, or
 * holds the new bytes unsynced. */
int durable_write(const char *path, const char *bytes, size_t size);

/* The same for what others are to read, as far as the umask lets them. */
int durable_publish(const char *path, const char *bytes, size_t size);

/* Remove path; that there is none is fine. Returns 0 or -errno. */
int durable_remove(const char *path);

#endif
