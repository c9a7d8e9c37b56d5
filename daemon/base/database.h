/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A SQLite file in WAL mode: opened, checked, its tables made and its statements prepared once; and
 * what SQLite says as -errno. The only module that knows SQLite.
 *
 * The caller owns the struct, fills schema and path (and read_only), and keeps it to one thread.
 *
 *   if (database_open(&d, now_s, 5000) == 0 && database_run(&d, "BEGIN IMMEDIATE") == 0) {
 *           struct sqlite3_stmt *s = d.statement[INSERT];
 *           database_bind_integer(s, 1, 42);
 *           r = database_step(s);
 *           r = r ? r : database_run(&d, "COMMIT");
 *   }
 *
 * Errors: -EBADMSG the file is broken, -ENOSPC the disk is full, -EEXIST a row is there already or
 * breaks a rule of its table, -EBUSY another connection has it locked, -EROFS, -ENOMEM, else -EIO.
 * Thread: one at a time. */
#ifndef LECD_BASE_DATABASE_H
#define LECD_BASE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

enum { DATABASE_STATEMENTS_MAX = 16, DATABASE_PATH_MAX = 320 };

/* What makes a file. */
struct database_schema {
	const char *file;        /* its name for people */
	int version;             /* of its tables, > 0; a file of another one is broken */
	const char *synchronous; /* "FULL": durable once committed; "NORMAL": sound, always */
	bool set_aside;          /* a broken file is renamed and a fresh one begun */
	int cache_kib;
	const char *tables;     /* SQL that creates what is not there yet */
	const char *const *sql; /* statements, prepared once */
	int statements;         /* at most DATABASE_STATEMENTS_MAX */
};

struct database {
	const struct database_schema *schema;
	char path[DATABASE_PATH_MAX];
	bool read_only;         /* a file that must be there, and is left as it is */
	struct sqlite3 *handle; /* NULL while it cannot be opened */
	struct sqlite3_stmt *statement[DATABASE_STATEMENTS_MAX];
	uint64_t failures;
	char aside[120]; /* what was set aside at this run and why, "" */
	char fault[100]; /* why it cannot be read or written now, "" */
};

/* Open, check for at most check_ms and prepare; a file that is broken is set aside where the schema
 * says so (now_s names it). 0 or -errno, and fault says why. */
int database_open(struct database *d, int64_t now_s, int check_ms);
void database_close(struct database *d);

/* Note what went wrong last and roll back what was begun. A broken file is set aside and begun
 * afresh where the schema says so. Returns -errno, never 0. */
int database_fail(struct database *d, int64_t now_s);

/* Run SQL without results. 0 or -errno (not noted yet: see database_fail). */
int database_run(struct database *d, const char *sql);

/* Empty the journal into the file. */
void database_checkpoint(struct database *d);

/* --- statements ------------------------------------------------------------------------------- */

/* Make a statement that is used once, to be ended by database_release. 0 or -errno. */
int database_prepare(struct database *d, const char *sql, struct sqlite3_stmt **out);
void database_release(struct sqlite3_stmt *s); /* takes NULL */

/* Give the parameter ?at its value, from 1. One that the statement does not have is no error. Text
 * and blob are copied. */
void database_bind_integer(struct sqlite3_stmt *s, int at, int64_t value);
void database_bind_real(struct sqlite3_stmt *s, int at, double value);
void database_bind_text(struct sqlite3_stmt *s, int at, const char *text);
void database_bind_blob(struct sqlite3_stmt *s, int at, const void *bytes, size_t size);
void database_bind_null(struct sqlite3_stmt *s, int at);

/* Run a statement whose rows do not matter. 0 or -errno. */
int database_step(struct sqlite3_stmt *s);
/* How many rows the last statement that ended has changed. */
int database_changes(struct database *d);

/* The next row of a statement: 1, it stands on one; 0, there was none left; -errno. In the last two
 * cases it begins again with the next call; before them database_reset makes it so. */
int database_next(struct sqlite3_stmt *s);
void database_reset(struct sqlite3_stmt *s);

/* The columns of the row it stands on, from 0; pointers hold until the next call on it. */
enum database_type { DATABASE_INTEGER, DATABASE_REAL, DATABASE_TEXT, DATABASE_OTHER };
int database_columns(struct sqlite3_stmt *s);
const char *database_column_name(struct sqlite3_stmt *s, int column);
enum database_type database_column_type(struct sqlite3_stmt *s, int column);
int64_t database_integer(struct sqlite3_stmt *s, int column);
double database_real(struct sqlite3_stmt *s, int column);
const char *database_text(struct sqlite3_stmt *s, int column); /* "" for NULL */
/* Its bytes; NULL where it has another size. */
const void *database_blob(struct sqlite3_stmt *s, int column, size_t size);

#endif
