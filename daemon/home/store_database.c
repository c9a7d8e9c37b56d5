/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"

enum {
	VERSION = 1, /* of the tables; in user_version */
	PROGRESS_STEPS = 10000,
	ASIDE_TRIES = 100,
};

int database_run(struct database *d, const char *sql)
{
	return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

int database_step(sqlite3_stmt *s)
{
	int r = sqlite3_step(s);
	(void)sqlite3_reset(s);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : -EIO;
}

void database_close(struct database *d)
{
	for (int i = 0; i < STATEMENTS_MAX; i++) {
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
	char version[16] = "";
	if (ask(d, "PRAGMA user_version", version, sizeof(version)) == SQLITE_ROW &&
	    strcmp(version, "0") != 0 && strcmp(version, "1") != 0) {
		snprintf(why, size, "version %s, expected %d", version, VERSION);
		return false;
	}
	return true;
}

/* Settings that hold for a connection, and the tables. */
static int prepare(struct database *d)
{
	char sql[400];
	snprintf(sql, sizeof(sql),
		 "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; "
		 "PRAGMA journal_size_limit=4194304; PRAGMA wal_autocheckpoint=1000; "
		 "PRAGMA cache_size=-256; PRAGMA temp_store=MEMORY; PRAGMA user_version=%d;",
		 d->schema->synchronous, VERSION);
	if (database_run(d, sql) < 0 || database_run(d, d->schema->tables) < 0) {
		return -EIO;
	}
	for (int i = 0; i < d->schema->statements; i++) {
		if (sqlite3_prepare_v3(d->handle, d->schema->sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &d->statement[i], NULL) != SQLITE_OK) {
			return -EIO;
		}
	}
	return 0;
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

static bool is_broken(int code)
{
	return (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
}

static int note_fault(struct database *d)
{
	d->failures++;
	snprintf(d->fault, sizeof(d->fault), "%s: %.70s", d->schema->file,
		 d->handle ? sqlite3_errmsg(d->handle) : "no memory");
	return -EIO;
}

int database_open(struct database *d, int64_t now_s, int check_ms)
{
	/* Once as it is, and once more where the first was set aside. */
	for (int attempt = 0; attempt < 2; attempt++) {
		char why[100] = "";
		int r = sqlite3_open_v2(
			d->path, &d->handle,
			SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
		if (r == SQLITE_OK) {
			(void)sqlite3_busy_timeout(d->handle, 2000);
			if (sound(d, check_ms, why, sizeof(why))) {
				if (prepare(d) == 0) {
					d->fault[0] = '\0';
					return 0;
				}
				r = sqlite3_errcode(d->handle);
				snprintf(why, sizeof(why), "%s", sqlite3_errmsg(d->handle));
			} else {
				r = SQLITE_CORRUPT;
			}
		}
		if (!is_broken(r)) {
			break;
		}
		d->failures++;
		set_aside(d, now_s, why);
	}
	(void)note_fault(d);
	database_close(d);
	return -EIO;
}

int database_fail(struct database *d, int64_t now_s)
{
	int code = d->handle ? sqlite3_errcode(d->handle) : SQLITE_NOMEM;
	if (is_broken(code)) {
		set_aside(d, now_s, sqlite3_errstr(code));
		d->failures++;
		(void)database_open(d, now_s, 0);
		return -EIO;
	}
	(void)note_fault(d);
	if (d->handle && !sqlite3_get_autocommit(d->handle)) {
		(void)database_run(d, "ROLLBACK");
	}
	return -EIO;
}
