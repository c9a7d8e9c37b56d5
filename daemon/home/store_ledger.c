/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/store_private.h"

#include <errno.h>
#include <stdio.h>

enum {
	LAST_COMMAND = STORE_KIND_COUNT,
	BIDS_SINCE,
	AWARDS_SINCE,
	OWED_SINCE,
	VERDICTS_SINCE,
	LAST_SHARES,
	STATEMENT_COUNT
};

static const char *const sql[STATEMENT_COUNT] = {
	[STORE_BID] = "INSERT OR REPLACE INTO bid VALUES(?2, ?3, ?6, ?1)",
	[STORE_AWARD] = "INSERT OR REPLACE INTO award VALUES(?2, ?3, ?6, ?1)",
	[STORE_METER] = "INSERT OR REPLACE INTO meter VALUES(?2, ?4, ?5, ?1)",
	[STORE_COMMAND] = "INSERT INTO command(made_s, text) VALUES(?1, ?6)",
	[STORE_OWED] = "INSERT OR REPLACE INTO owed VALUES(?2, ?3, ?6, ?1)",
	[STORE_VERDICT] = "INSERT OR REPLACE INTO verdict VALUES(?2, ?6, ?1)",
	[STORE_SHARE] = "INSERT OR REPLACE INTO share VALUES(?2, ?3, ?6, ?1)",
	[LAST_COMMAND] = "SELECT 0, 0, text, made_s FROM command ORDER BY id DESC LIMIT 1",
	[BIDS_SINCE] = ("SELECT interval_s, revision, orders, made_s FROM bid "
			"WHERE interval_s >= ?1 ORDER BY interval_s, revision"),
	[AWARDS_SINCE] = ("SELECT interval_s, revision, text, made_s FROM award "
			  "WHERE interval_s >= ?1 ORDER BY interval_s"),
	[OWED_SINCE] = ("SELECT interval_s, answered, text, made_s FROM owed "
			"WHERE interval_s >= ?1 AND answered = 0 ORDER BY interval_s"),
	[VERDICTS_SINCE] = ("SELECT interval_s, 0, text, made_s FROM verdict "
			    "WHERE interval_s >= ?1 ORDER BY interval_s"),
	/* max() takes the other columns from its own row. */
	[LAST_SHARES] = ("SELECT max(interval_s), revision, text, made_s FROM share "
			 "WHERE interval_s >= ?1 GROUP BY revision"),
};

const struct database_schema ledger_schema = {
	.file = "ledger.db",
	.version = 1,
	.synchronous = "FULL",
	.set_aside = true,
	.cache_kib = 256,
	.tables = "CREATE TABLE IF NOT EXISTS bid(interval_s INTEGER, revision INTEGER, "
		  "orders TEXT, made_s INTEGER, PRIMARY KEY(interval_s, revision)) WITHOUT ROWID;"
		  "CREATE TABLE IF NOT EXISTS award(interval_s INTEGER, revision INTEGER, "
		  "text TEXT, made_s INTEGER, PRIMARY KEY(interval_s, revision)) WITHOUT ROWID;"
		  "CREATE TABLE IF NOT EXISTS meter(interval_s INTEGER PRIMARY KEY, "
		  "import_wh REAL, export_wh REAL, made_s INTEGER);"
		  "CREATE TABLE IF NOT EXISTS command(id INTEGER PRIMARY KEY, made_s INTEGER, "
		  "text TEXT);"
		  "CREATE TABLE IF NOT EXISTS owed(interval_s INTEGER PRIMARY KEY, "
		  "answered INTEGER, text TEXT, made_s INTEGER);"
		  "CREATE TABLE IF NOT EXISTS verdict(interval_s INTEGER PRIMARY KEY, "
		  "text TEXT, made_s INTEGER);"
		  "CREATE TABLE IF NOT EXISTS share(interval_s INTEGER, revision INTEGER, "
		  "text TEXT, made_s INTEGER, PRIMARY KEY(revision, interval_s)) WITHOUT ROWID;",
	.sql = sql,
	.statements = STATEMENT_COUNT,
};

static int insert(struct database *d, const struct store_row *row)
{
	struct sqlite3_stmt *s = d->statement[row->kind];
	/* A kind binds the parameters it has; the others are no error worth knowing. */
	database_bind_integer(s, 1, row->made_s);
	database_bind_integer(s, 2, row->interval_s);
	database_bind_integer(s, 3, row->revision);
	database_bind_real(s, 4, row->import_wh);
	database_bind_real(s, 5, row->export_wh);
	database_bind_text(s, 6, row->text);
	return database_step(s);
}

static int write_batch(struct database *d, struct ring *waiting, struct store_row *buffer,
		       size_t *cursor, long *count, int64_t *now_s)
{
	int r = database_run(d, "BEGIN IMMEDIATE");
	while (r == 0 && ring_read(waiting, cursor, buffer, sizeof(*buffer)) > 0) {
		r = insert(d, buffer);
		*now_s = buffer->made_s;
		(*count)++;
	}
	return r ? r : database_run(d, "COMMIT");
}

long ledger_write(struct database *d, struct ring *waiting, struct store_row *buffer,
		  int64_t *now_s)
{
	size_t cursor = 0;
	long count = 0;
	if (!d->handle && database_open(d, *now_s, 0) < 0) {
		return -EIO;
	}
	if (write_batch(d, waiting, buffer, &cursor, &count, now_s) < 0) {
		return database_fail(d, *now_s);
	}
	ring_drop(waiting, cursor);
	d->fault[0] = '\0';
	return count;
}

/* The row a statement stands on: interval, revision, text, when. */
static void read_row(struct sqlite3_stmt *s, enum store_kind kind, struct store_row *out)
{
	*out = (struct store_row){ .kind = kind,
				   .interval_s = database_integer(s, 0),
				   .revision = database_integer(s, 1),
				   .made_s = database_integer(s, 3) };
	snprintf(out->text, sizeof(out->text), "%s", database_text(s, 2));
}

int ledger_last_command(struct database *d, struct store_row *out)
{
	if (!d->handle) {
		return -ENOENT;
	}
	struct sqlite3_stmt *s = d->statement[LAST_COMMAND];
	bool found = database_next(s) > 0;
	if (found) {
		read_row(s, STORE_COMMAND, out);
	}
	database_reset(s);
	return found ? 0 : -ENOENT;
}

void ledger_since(struct database *d, enum store_kind kind, int64_t since_s,
		  void (*each)(const struct store_row *row, void *argument), void *argument)
{
	struct store_row row;
	if (!d->handle) {
		return;
	}
	static const int since[STORE_KIND_COUNT] = { [STORE_BID] = BIDS_SINCE,
						     [STORE_AWARD] = AWARDS_SINCE,
						     [STORE_OWED] = OWED_SINCE,
						     [STORE_VERDICT] = VERDICTS_SINCE,
						     [STORE_SHARE] = LAST_SHARES };
	struct sqlite3_stmt *s = d->statement[since[kind]];
	database_bind_integer(s, 1, since_s);
	while (database_next(s) > 0) {
		read_row(s, kind, &row);
		each(&row, argument);
	}
	database_reset(s);
}
