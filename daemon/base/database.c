/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/database.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"

enum {
	PROGRESS_STEPS = 10000,
	ASIDE_TRIES = 100,
	BUSY_MS = 2000,
};

static int error_of(struct sqlite3 *handle, int code)
{
	switch (code & 0xFF) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return handle && sqlite3_system_errno(handle) == ENOSPC ? -ENOSPC : -EIO;
	}
}

int database_run(struct database *d, const char *sql)
{
	int r = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
	return r == SQLITE_OK ? 0 : error_of(d->handle, r);
}

void database_close(struct database *d)
{
	for (int i = 0; i < DATABASE_STATEMENTS_MAX; i++) {
		sqlite3_finalize(d->statement[i]);
		d->statement[i] = NULL;
	}
	(void)sqlite3_close_v2(d->handle);
	d->handle = NULL;
}

void database_checkpoint(struct database *d)
{
	if (d->handle) {
		/* A reader from outside may hold it up; the next hour tries again. */
		(void)sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
						NULL);
	}
}

static int out_of_time(void *deadline_us)
{
	return clock_real_us() > *(const int64_t *)deadline_us;
}

/* The first word of a PRAGMA's answer in out. Returns SQLITE_ROW or what went wrong. */
static int ask(struct database *d, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(d->handle, sql, -1, &s, NULL);
	if (r == SQLITE_OK) {
		r = sqlite3_step(s);
	}
	if (r == SQLITE_ROW) {
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(s, 0));
	}
	(void)sqlite3_finalize(s);
	return r;
}

/* Whether the file is sound, as far as can be seen in check_ms; what is wrong goes to why. */
static bool sound(struct database *d, int check_ms, char *why, size_t size)
{
	int64_t deadline_us = clock_real_us() + (int64_t)check_ms * 1000;
	sqlite3_progress_handler(d->handle, PROGRESS_STEPS, out_of_time, &deadline_us);
	char answer[80] = "";
	int r = ask(d, "PRAGMA quick_check(1)", answer, sizeof(answer));
	sqlite3_progress_handler(d->handle, 0, NULL, NULL);
	if (r == SQLITE_CORRUPT || r == SQLITE_NOTADB) {
		snprintf(why, size, "%s", sqlite3_errstr(r));
		return false;
	}
	if (r == SQLITE_ROW && strcmp(answer, "ok") != 0) {
		snprintf(why, size, "%s", answer);
		return false;
	}
	char version[16] = "", expected[16];
	snprintf(expected, sizeof(expected), "%d", d->schema->version);
	if (ask(d, "PRAGMA user_version", version, sizeof(version)) == SQLITE_ROW &&
	    (d->read_only || strcmp(version, "0") != 0) && strcmp(version, expected) != 0) {
		snprintf(why, size, "version %s, expected %s", version, expected);
		return false;
	}
	return true;
}

/* Settings that hold for a connection, and the tables. Returns what SQLite says. */
static int make(struct database *d)
{
	char sql[400];
	snprintf(sql, sizeof(sql),
		 "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; "
		 "PRAGMA journal_size_limit=4194304; PRAGMA wal_autocheckpoint=1000; "
		 "PRAGMA temp_store=MEMORY; PRAGMA user_version=%d;",
		 d->schema->synchronous, d->schema->version);
	int r = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
	return r ? r : sqlite3_exec(d->handle, d->schema->tables, NULL, NULL, NULL);
}

static int prepare(struct database *d)
{
	char sql[60];
	snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%d", d->schema->cache_kib);
	int r = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
	r = r || d->read_only ? r : make(d);
	for (int i = 0; i < d->schema->statements && r == SQLITE_OK; i++) {
		r = sqlite3_prepare_v3(d->handle, d->schema->sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &d->statement[i], NULL);
	}
	return r;
}

/* Rename the file and its journal, so that it can be looked at, and nothing reads it again. */
static void set_aside(struct database *d, int64_t now_s, const char *why)
{
	char to[DATABASE_PATH_MAX + 48];
	database_close(d);
	for (int i = 0; i < ASIDE_TRIES; i++) {
		char again[8] = "";
		if (i > 0) {
			snprintf(again, sizeof(again), ".%d", i);
		}
		snprintf(to, sizeof(to), "%s.corrupt-%lld%s", d->path, (long long)now_s, again);
		if (access(to, F_OK) != 0) {
			break;
		}
	}
	static const char *const suffix[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		char old[sizeof(d->path) + 8], new[sizeof(to) + 8];
		snprintf(old, sizeof(old), "%s%s", d->path, suffix[i]);
		snprintf(new, sizeof(new), "%s%s", to, suffix[i]);
		(void)rename(old, new); /* a journal is often not there */
	}
	snprintf(d->aside, sizeof(d->aside), "%s set aside at %lld: %.60s", d->schema->file,
		 (long long)now_s, why);
}

/* Note why, and return code as -errno. */
static int note_fault(struct database *d, int code, const char *why)
{
	d->failures++;
	snprintf(d->fault, sizeof(d->fault), "%s: %.70s", d->schema->file, why);
	return error_of(d->handle, code);
}

static int open_handle(struct database *d)
{
	int flags =
		d->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	return sqlite3_open_v2(d->path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
}

/* A file on a medium that cannot be written, as one that nobody changes. */
static int open_immutable(struct database *d)
{
	char uri[3 * DATABASE_PATH_MAX + 32] = "file:";
	size_t n = strlen(uri);
	for (const char *c = d->path; *c; c++) {
		n += (size_t)snprintf(uri + n, sizeof(uri) - n, strchr("%?#", *c) ? "%%%02X" : "%c",
				      *c);
	}
	snprintf(uri + n, sizeof(uri) - n, "?immutable=1");
	return sqlite3_open_v2(uri, &d->handle,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
}

/* No journal holds what the file itself does not. */
static bool is_whole(const struct database *d)
{
	char journal[sizeof(d->path) + 8];
	snprintf(journal, sizeof(journal), "%s-wal", d->path);
	return access(d->path, R_OK) == 0 && access(journal, F_OK) != 0;
}

/* One attempt: what SQLite says, and its words for it in why. */
static int try_open(struct database *d, int (*open)(struct database *d), int check_ms, char *why,
		    size_t size)
{
	int r = open(d);
	if (r == SQLITE_OK) {
		(void)sqlite3_busy_timeout(d->handle, BUSY_MS);
		if (!sound(d, check_ms, why, size)) {
			return SQLITE_CORRUPT;
		}
		r = prepare(d);
	}
	if (r != SQLITE_OK) {
		snprintf(why, size, "%s", d->handle ? sqlite3_errmsg(d->handle) : "no memory");
	}
	return r;
}

int database_open(struct database *d, int64_t now_s, int check_ms)
{
	/* Once as it is, and once more where the first was set aside. */
	char why[100] = "";
	int r = try_open(d, open_handle, check_ms, why, sizeof(why));
	if (r != SQLITE_OK && error_of(NULL, r) == -EBADMSG && d->schema->set_aside) {
		d->failures++;
		set_aside(d, now_s, why);
		r = try_open(d, open_handle, check_ms, why, sizeof(why));
	} else if (r == SQLITE_CANTOPEN && d->read_only && is_whole(d)) {
		database_close(d);
		r = try_open(d, open_immutable, check_ms, why, sizeof(why));
	}
	if (r == SQLITE_OK) {
		d->fault[0] = '\0';
		return 0;
	}
	int error = note_fault(d, r, why);
	database_close(d);
	return error;
}

int database_fail(struct database *d, int64_t now_s)
{
	int code = d->handle ? sqlite3_extended_errcode(d->handle) : SQLITE_NOMEM;
	if (error_of(NULL, code) == -EBADMSG && d->schema->set_aside) {
		set_aside(d, now_s, sqlite3_errstr(code));
		d->failures++;
		(void)database_open(d, now_s, 0);
		return -EBADMSG;
	}
	int error = note_fault(d, code, d->handle ? sqlite3_errmsg(d->handle) : "no memory");
	if (d->handle && !sqlite3_get_autocommit(d->handle)) {
		(void)database_run(d, "ROLLBACK");
	}
	return error;
}

/* --- statements ------------------------------------------------------------------------------- */

int database_prepare(struct database *d, const char *sql, struct sqlite3_stmt **out)
{
	int r = d->handle ? sqlite3_prepare_v2(d->handle, sql, -1, out, NULL) : SQLITE_CANTOPEN;
	return r == SQLITE_OK ? 0 : error_of(d->handle, r);
}

void database_release(struct sqlite3_stmt *s)
{
	(void)sqlite3_finalize(s);
}

void database_bind_integer(struct sqlite3_stmt *s, int at, int64_t value)
{
	(void)sqlite3_bind_int64(s, at, value);
}

void database_bind_real(struct sqlite3_stmt *s, int at, double value)
{
	(void)sqlite3_bind_double(s, at, value);
}

void database_bind_text(struct sqlite3_stmt *s, int at, const char *text)
{
	(void)sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
}

void database_bind_blob(struct sqlite3_stmt *s, int at, const void *bytes, size_t size)
{
	(void)sqlite3_bind_blob64(s, at, bytes, size, SQLITE_TRANSIENT);
}

void database_bind_null(struct sqlite3_stmt *s, int at)
{
	(void)sqlite3_bind_null(s, at);
}

int database_next(struct sqlite3_stmt *s)
{
	int r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		return 1;
	}
	int error = r == SQLITE_DONE ? 0 : error_of(sqlite3_db_handle(s), r);
	(void)sqlite3_reset(s);
	return error;
}

void database_reset(struct sqlite3_stmt *s)
{
	(void)sqlite3_reset(s);
}

int database_step(struct sqlite3_stmt *s)
{
	int r = database_next(s);
	if (r > 0) {
		database_reset(s);
	}
	return r < 0 ? r : 0;
}

int database_changes(struct database *d)
{
	return sqlite3_changes(d->handle);
}

int database_columns(struct sqlite3_stmt *s)
{
	return sqlite3_column_count(s);
}

const char *database_column_name(struct sqlite3_stmt *s, int column)
{
	return sqlite3_column_name(s, column);
}

enum database_type database_column_type(struct sqlite3_stmt *s, int column)
{
	switch (sqlite3_column_type(s, column)) {
	case SQLITE_INTEGER:
		return DATABASE_INTEGER;
	case SQLITE_FLOAT:
		return DATABASE_REAL;
	case SQLITE_TEXT:
		return DATABASE_TEXT;
	default:
		return DATABASE_OTHER;
	}
}

int64_t database_integer(struct sqlite3_stmt *s, int column)
{
	return sqlite3_column_int64(s, column);
}

double database_real(struct sqlite3_stmt *s, int column)
{
	return sqlite3_column_double(s, column);
}

const char *database_text(struct sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return text ? text : "";
}

const void *database_blob(struct sqlite3_stmt *s, int column, size_t size)
{
	const void *bytes = sqlite3_column_blob(s, column);
	return (size_t)sqlite3_column_bytes(s, column) == size ? bytes : NULL;
}
