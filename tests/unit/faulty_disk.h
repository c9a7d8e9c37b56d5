/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk in memory below SQLite that dies on request, at any write: to kill a process, or cut the
 * power, thousands of times a second.
 *
 *   disk_install();                       every database that is opened from now on is on it
 *   disk_die_after(n);                    the n-th write, sync or truncation from now is the last;
 *                                         part of it may get through, nothing after it does
 *   ... use the database until it fails, close it ...
 *   disk_revive(DISK_KILLED, &seed);      all that was written before is there
 *   disk_revive(DISK_POWER_CUT, &seed);   of what was written since the last sync, any part
 *
 * One process, one connection to a file at a time; no test may run others beside it. */
#ifndef LECD_TEST_FAULTY_DISK_H
#define LECD_TEST_FAULTY_DISK_H

#include <assert.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

#include "test.h"

enum { DISK_FILES = 16, DISK_NAME = 128, DISK_SHM = 64, DISK_SECTOR = 512 };

enum disk_death { DISK_KILLED, DISK_POWER_CUT };

struct disk_image {
	unsigned char *bytes;
	sqlite3_int64 size, room;
};

/* A write or truncation since the last sync. */
struct disk_change {
	struct disk_change *next;
	sqlite3_int64 at;
	int length; /* -1: a truncation to at */
	unsigned char bytes[];
};

struct disk_file {
	char name[DISK_NAME]; /* "": free */
	struct disk_image now, synced;
	struct disk_change *first, **last;
	void *shm[DISK_SHM];
};

static struct {
	sqlite3_vfs vfs, *real;
	struct disk_file file[DISK_FILES];
	long left; /* changes until it dies; < 0: it does not */
	bool dead;
	sqlite3_int64 bytes_max; /* of all files; 0: any */
	long changes;            /* since it was installed */
} disk;

struct disk_handle {
	sqlite3_file base;
	struct disk_file *file;
};

/* --- images ----------------------------------------------------------------------------------- */

static void image_resize(struct disk_image *i, sqlite3_int64 size)
{
	if (size > i->room) {
		i->room = size * 2;
		i->bytes = realloc(i->bytes, (size_t)i->room);
		assert_non_null(i->bytes);
	}
	if (size > i->size) {
		memset(i->bytes + i->size, 0, (size_t)(size - i->size));
	}
	i->size = size;
}

static void image_write(struct disk_image *i, const void *bytes, int length, sqlite3_int64 at)
{
	if (at + length > i->size) {
		image_resize(i, at + length);
	}
	if (length > 0) {
		memcpy(i->bytes + at, bytes, (size_t)length);
	}
}

static void change_apply(struct disk_image *i, const struct disk_change *c)
{
	if (c->length < 0) {
		image_resize(i, c->at);
	} else {
		image_write(i, c->bytes, c->length, c->at);
	}
}

static void disk_note(struct disk_file *f, const void *bytes, int length, sqlite3_int64 at)
{
	struct disk_change *c = malloc(sizeof(*c) + (size_t)(length > 0 ? length : 0));
	assert_non_null(c);
	*c = (struct disk_change){ .at = at, .length = length };
	if (length > 0) {
		memcpy(c->bytes, bytes, (size_t)length);
	}
	*f->last = c;
	f->last = &c->next;
	change_apply(&f->now, c);
}

/* Take the changes into the synced image: all, or where a seed is given any part of them. */
static void disk_settle(struct disk_file *f, uint64_t *seed)
{
	for (struct disk_change *c = f->first, *next; c; c = next) {
		next = c->next;
		if (!seed || random_next(seed) % 2) {
			change_apply(&f->synced, c);
		} else if (c->length > DISK_SECTOR && random_next(seed) % 2) {
			int sectors = c->length / DISK_SECTOR;
			c->length = DISK_SECTOR * (int)(random_next(seed) % (uint64_t)sectors);
			change_apply(&f->synced, c);
		}
		free(c);
	}
	f->first = NULL;
	f->last = &f->first;
}

/* One more change: whether it gets through. */
static bool disk_lives(void)
{
	disk.changes++;
	if (!disk.dead && disk.left > 0 && --disk.left == 0) {
		disk.dead = true;
	}
	return !disk.dead;
}

static sqlite3_int64 disk_bytes(void)
{
	sqlite3_int64 sum = 0;
	for (int i = 0; i < DISK_FILES; i++) {
		sum += disk.file[i].name[0] ? disk.file[i].now.size : 0;
	}
	return sum;
}

/* --- what SQLite calls ------------------------------------------------------------------------ */

static struct disk_file *disk_of(sqlite3_file *h)
{
	return ((struct disk_handle *)h)->file;
}

static int disk_close(sqlite3_file *h)
{
	(void)h;
	return SQLITE_OK;
}

static int disk_read(sqlite3_file *h, void *to, int length, sqlite3_int64 at)
{
	const struct disk_image *i = &disk_of(h)->now;
	sqlite3_int64 there = i->size > at ? i->size - at : 0;
	int n = there < length ? (int)there : length;
	if (n > 0) {
		memcpy(to, i->bytes + at, (size_t)n);
	}
	memset((char *)to + n, 0, (size_t)(length - n));
	return n == length ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int disk_write(sqlite3_file *h, const void *from, int length, sqlite3_int64 at)
{
	struct disk_file *f = disk_of(h);
	bool was_dead = disk.dead;
	if (!disk_lives()) {
		if (!was_dead) { /* the last one got half through */
			disk_note(f, from, length / 2, at);
		}
		return SQLITE_IOERR_WRITE;
	}
	if (disk.bytes_max > 0 && at + length > f->now.size &&
	    disk_bytes() + at + length - f->now.size > disk.bytes_max) {
		return SQLITE_FULL;
	}
	disk_note(f, from, length, at);
	return SQLITE_OK;
}

static int disk_truncate(sqlite3_file *h, sqlite3_int64 size)
{
	if (!disk_lives()) {
		return SQLITE_IOERR_TRUNCATE;
	}
	disk_note(disk_of(h), NULL, -1, size);
	return SQLITE_OK;
}

static int disk_sync(sqlite3_file *h, int flags)
{
	(void)flags;
	if (!disk_lives()) {
		return SQLITE_IOERR_FSYNC;
	}
	disk_settle(disk_of(h), NULL);
	return SQLITE_OK;
}

static int disk_size(sqlite3_file *h, sqlite3_int64 *size)
{
	*size = disk_of(h)->now.size;
	return SQLITE_OK;
}

static int disk_lock(sqlite3_file *h, int lock)
{
	(void)h;
	(void)lock;
	return SQLITE_OK;
}

static int disk_reserved(sqlite3_file *h, int *out)
{
	(void)h;
	*out = 0;
	return SQLITE_OK;
}

static int disk_control(sqlite3_file *h, int op, void *argument)
{
	(void)h;
	(void)op;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int disk_sector(sqlite3_file *h)
{
	(void)h;
	return DISK_SECTOR;
}

static int disk_characteristics(sqlite3_file *h)
{
	(void)h;
	return 0;
}

static int disk_shm_map(sqlite3_file *h, int page, int size, int extend, void volatile **out)
{
	struct disk_file *f = disk_of(h);
	assert_true(page < DISK_SHM);
	if (!f->shm[page] && extend) {
		f->shm[page] = calloc(1, (size_t)size);
	}
	*out = f->shm[page];
	return SQLITE_OK;
}

static int disk_shm_lock(sqlite3_file *h, int offset, int n, int flags)
{
	(void)h;
	(void)offset;
	(void)n;
	(void)flags;
	return SQLITE_OK;
}

static void disk_shm_barrier(sqlite3_file *h)
{
	(void)h;
}

/* The index of the journal is remade by who opens it first. */
static int disk_shm_unmap(sqlite3_file *h, int delete)
{
	(void)delete;
	struct disk_file *f = disk_of(h);
	for (int i = 0; i < DISK_SHM; i++) {
		free(f->shm[i]);
		f->shm[i] = NULL;
	}
	return SQLITE_OK;
}

static struct disk_file *disk_find(const char *name)
{
	for (int i = 0; i < DISK_FILES; i++) {
		if (strcmp(disk.file[i].name, name) == 0) {
			return &disk.file[i];
		}
	}
	return NULL;
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *h, int flags, int *out)
{
	static const sqlite3_io_methods methods = {
		2,
		disk_close,
		disk_read,
		disk_write,
		disk_truncate,
		disk_sync,
		disk_size,
		disk_lock,
		disk_lock,
		disk_reserved,
		disk_control,
		disk_sector,
		disk_characteristics,
		disk_shm_map,
		disk_shm_lock,
		disk_shm_barrier,
		disk_shm_unmap,
		NULL,
		NULL,
	};
	(void)vfs;
	struct disk_file *f = disk_find(name ? name : "?");
	if (!f && !(flags & SQLITE_OPEN_CREATE)) {
		return SQLITE_CANTOPEN;
	}
	if (!f) {
		f = disk_find("");
		assert_non_null(f);
		assert_true(strlen(name) < DISK_NAME);
		*f = (struct disk_file){ .last = NULL };
		f->last = &f->first;
		strcpy(f->name, name);
	}
	*(struct disk_handle *)h = (struct disk_handle){ { &methods }, f };
	if (out) {
		*out = flags;
	}
	return SQLITE_OK;
}

static void disk_forget(struct disk_file *f)
{
	disk_settle(f, NULL);
	free(f->now.bytes);
	free(f->synced.bytes);
	memset(f, 0, sizeof(*f));
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)sync;
	struct disk_file *f = disk_find(name);
	if (!disk_lives()) {
		return SQLITE_IOERR_DELETE;
	}
	if (f) {
		disk_forget(f);
	}
	return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs;
	(void)flags;
	const struct disk_file *f = disk_find(name);
	*out = f && f->now.size > 0;
	return SQLITE_OK;
}

static int disk_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* --- what tests call -------------------------------------------------------------------------- */

static inline void disk_install(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "faulty-disk";
	disk.vfs.szOsFile = sizeof(struct disk_handle);
	disk.vfs.xOpen = disk_open;
	disk.vfs.xDelete = disk_delete;
	disk.vfs.xAccess = disk_access;
	disk.vfs.xFullPathname = disk_path;
	disk.left = -1;
	assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

static inline void disk_die_after(long changes)
{
	disk.left = changes;
}

static inline void disk_revive(enum disk_death death, uint64_t *seed)
{
	for (int i = 0; i < DISK_FILES; i++) {
		struct disk_file *f = &disk.file[i];
		if (!f->name[0]) {
			continue;
		}
		disk_settle(f, death == DISK_POWER_CUT ? seed : NULL);
		image_resize(&f->now, 0);
		image_write(&f->now, f->synced.bytes, (int)f->synced.size, 0);
	}
	disk.dead = false;
	disk.left = -1;
}

/* Forget all files. */
static inline void disk_format(void)
{
	for (int i = 0; i < DISK_FILES; i++) {
		if (disk.file[i].name[0]) {
			disk_forget(&disk.file[i]);
		}
	}
}

static inline void disk_uninstall(void)
{
	disk_format();
	sqlite3_vfs_unregister(&disk.vfs);
	sqlite3_vfs_register(disk.real, 1);
}

#endif
