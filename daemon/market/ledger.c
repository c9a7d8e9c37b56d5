/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/ledger.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/claim.h"
#include "daemon/market/ledger_private.h"

enum {
	TAIL_ENTRIES = 1000, /* checked when it is opened */
	CACHE_KIB = 8192,
};

static_assert((int)STATEMENT_COUNT <= (int)DATABASE_STATEMENTS_MAX, "room for all statements");

#define COLUMNS "sequence, made_s, kind, round, interval_s, home, revision, text, hash"

static const char *const sql[STATEMENT_COUNT] = {
	[INSERT] = "INSERT INTO entry(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[BEFORE] = "SELECT hash FROM entry WHERE sequence = ?1",
	[HEAD] = "SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1",
	[FIND] = ("SELECT text FROM entry WHERE kind = ?1 AND interval_s = ?2 AND round = ?3 AND "
		  "home = ?4 AND revision = ?5"),
	[EACH] = ("SELECT " COLUMNS " FROM entry WHERE kind = ?1 AND interval_s >= ?2 AND "
		  "interval_s < ?3 ORDER BY interval_s, round, home, revision"),
	[EACH_OF_HOME] = ("SELECT " COLUMNS " FROM entry WHERE kind = ?1 AND interval_s >= ?2 AND "
			  "interval_s < ?3 AND home = ?4 "
			  "ORDER BY interval_s, round, home, revision"),
	[CHAIN] = "SELECT " COLUMNS " FROM entry WHERE sequence > ?1 ORDER BY sequence",
};

/* The index is the rule that each fact stands once, and the way to find it. */
static const struct database_schema schema = {
	.file = "ledger",
	.version = 1,
	.synchronous = "FULL",
	.cache_kib = CACHE_KIB,
	.tables =
		"CREATE TABLE IF NOT EXISTS entry(sequence INTEGER PRIMARY KEY, made_s INTEGER NOT "
		"NULL, kind TEXT NOT NULL, round TEXT NOT NULL, interval_s INTEGER NOT NULL, home "
		"TEXT NOT NULL, revision INTEGER NOT NULL, text TEXT NOT NULL, hash BLOB NOT NULL);"
		"CREATE UNIQUE INDEX IF NOT EXISTS fact ON entry(kind, interval_s, round, home, "
		"revision);"
		"CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON entry "
		"BEGIN SELECT RAISE(ABORT, 'a ledger only grows'); END;"
		"CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON entry "
		"BEGIN SELECT RAISE(ABORT, 'a ledger only grows'); END;",
	.sql = sql,
	.statements = STATEMENT_COUNT,
};

/* Which columns say what a kind of fact is; the others are empty. */
static const struct {
	const char *name;
	bool round, home, revision;
} kinds[] = {
	/*                       name          round  home   revision */
	[LEDGER_ROUND] = { "round", true, false, false },
	[LEDGER_BID] = { "bid", true, true, true },
	[LEDGER_CLEARING] = { "clearing", true, false, false },
	[LEDGER_AWARD] = { "award", true, true, false },
	[LEDGER_METER] = { "meter", false, true, true },
	[LEDGER_TARIFF] = { "tariff", false, false, true },
	[LEDGER_SETTLEMENT] = { "settlement", false, true, true },
	[LEDGER_BALANCE] = { "balance", false, false, true },
};
static_assert(sizeof(kinds) / sizeof(*kinds) == LEDGER_KIND_COUNT, "a word for each kind");

const char *ledger_kind_name(enum ledger_kind kind)
{
	return kinds[kind].name;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The last entries hold together. */
static int check_tail(struct ledger *l, char *why, size_t size)
{
	int64_t from = l->sequence > TAIL_ENTRIES ? l->sequence - TAIL_ENTRIES : 0;
	unsigned char before[DIGEST_SIZE];
	struct ledger_fault fault = { .sequence = from };
	int r = ledger_hash_at(l, from, before);
	if (r < 0) {
		snprintf(fault.what, sizeof(fault.what), "it is missing");
	} else {
		r = ledger_follow(l, from, before, NULL, NULL, 0, &fault);
	}
	if (r < 0) {
		snprintf(why, size, "entry %" PRId64 ": %s", fault.sequence, fault.what);
	}
	return r == -ENOENT ? -EBADMSG : r;
}

static int open_file(const char *path, bool read_only, int check_ms, struct ledger **out, char *why,
		     size_t size)
{
	struct ledger *l = calloc(1, sizeof(*l));
	if (!l) {
		snprintf(why, size, "no memory");
		return -ENOMEM;
	}
	l->claim = -1;
	l->d.schema = &schema;
	l->d.read_only = read_only;
	int r = 0;
	if (snprintf(l->d.path, sizeof(l->d.path), "%s", path) >= (int)sizeof(l->d.path)) {
		snprintf(why, size, "its name is too long");
		r = -ENAMETOOLONG;
	}
	if (r == 0 && !read_only) {
		r = claim_file(path, &l->claim);
		r = r == -EWOULDBLOCK ? -EBUSY : r;
		snprintf(why, size, "%s", r == -EBUSY ? "another process writes it" : strerror(-r));
	}
	if (r == 0) {
		r = database_open(&l->d, 0, check_ms);
		snprintf(why, size, "%s", l->d.fault);
	}
	if (r == 0) {
		r = ledger_read_head(l);
		snprintf(why, size, "its end cannot be read");
	}
	if (r == 0 && !read_only) {
		r = check_tail(l, why, size);
	}
	if (r < 0) {
		ledger_close(l);
		return r;
	}
	*out = l;
	return 0;
}

int ledger_open(const char *path, int check_ms, struct ledger **out, char *why, size_t size)
{
	return open_file(path, false, check_ms, out, why, size);
}

int ledger_open_reading(const char *path, struct ledger **out, char *why, size_t size)
{
	return open_file(path, true, 0, out, why, size);
}

void ledger_close(struct ledger *l)
{
	if (!l) {
		return;
	}
	if (l->claim >= 0 && l->d.handle) {
		ledger_rollback(l);
		database_checkpoint(&l->d);
	}
	database_close(&l->d);
	if (l->claim >= 0) {
		close(l->claim);
	}
	free(l);
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool is_plain(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7F) {
			return false;
		}
	}
	return n < size;
}

/* Whether it has the columns of its kind and no others. */
static bool is_fact(const struct ledger_entry *e)
{
	return (unsigned)e->kind < LEDGER_KIND_COUNT && e->text && e->text[0] == '{' &&
	       is_plain(e->round, sizeof(e->round)) && is_plain(e->home, sizeof(e->home)) &&
	       is_plain(e->text, LEDGER_TEXT_MAX) && e->revision >= 0 &&
	       kinds[e->kind].round == (e->round[0] != '\0') &&
	       kinds[e->kind].home == (e->home[0] != '\0') &&
	       (kinds[e->kind].revision || e->revision == 0);
}

/* A row with these columns stands already: 1, with that text; 0, with another; -ENOENT none. */
static int same_fact(struct ledger *l, const struct ledger_entry *e)
{
	struct sqlite3_stmt *s = l->d.statement[FIND];
	ledger_bind_fact(s, e);
	int r = database_next(s);
	if (r <= 0) {
		return r < 0 ? r : -ENOENT;
	}
	r = strcmp(database_text(s, 0), e->text) == 0;
	database_reset(s);
	return r;
}

/* The batch cannot go on: forget it, remember why. */
static int lose(struct ledger *l)
{
	l->lost = database_fail(&l->d, 0);
	l->sequence = l->durable_sequence;
	memcpy(l->hash, l->durable_hash, DIGEST_SIZE);
	return l->lost;
}

static int insert(struct ledger *l, const struct ledger_entry *e,
		  const unsigned char hash[DIGEST_SIZE])
{
	struct sqlite3_stmt *s = l->d.statement[INSERT];
	database_bind_integer(s, 1, e->sequence);
	database_bind_integer(s, 2, e->made_s);
	database_bind_text(s, 3, kinds[e->kind].name);
	database_bind_text(s, 4, e->round);
	database_bind_integer(s, 5, e->interval_s);
	database_bind_text(s, 6, e->home);
	database_bind_integer(s, 7, e->revision);
	database_bind_text(s, 8, e->text);
	database_bind_blob(s, 9, hash, DIGEST_SIZE);
	return database_step(s);
}

int ledger_append(struct ledger *l, const struct ledger_entry *e)
{
	if (l->claim < 0) {
		return -EROFS;
	}
	if (!is_fact(e)) {
		return -EINVAL;
	}
	if (l->lost) {
		return l->lost;
	}
	if (!l->open && database_run(&l->d, "BEGIN IMMEDIATE") < 0) {
		l->open = true;
		return lose(l);
	}
	l->open = true;
	struct ledger_entry next = *e;
	unsigned char hash[DIGEST_SIZE];
	next.sequence = l->sequence + 1;
	int r = ledger_hash_entry(l, &next, l->hash, hash);
	if (r < 0) {
		return r;
	}
	r = insert(l, &next, hash);
	if (r == -EEXIST) {
		int same = same_fact(l, e);
		if (same >= 0) {
			return same ? -EEXIST : -ENOTUNIQ;
		}
	}
	if (r < 0) {
		return lose(l);
	}
	l->sequence = next.sequence;
	memcpy(l->hash, hash, DIGEST_SIZE);
	return 0;
}

int ledger_commit(struct ledger *l)
{
	if (!l->open) {
		return 0;
	}
	if (!l->lost && database_run(&l->d, "COMMIT") < 0) {
		(void)lose(l);
	}
	int r = l->lost;
	l->open = false;
	l->lost = 0;
	l->durable_sequence = l->sequence;
	memcpy(l->durable_hash, l->hash, DIGEST_SIZE);
	return r;
}

void ledger_rollback(struct ledger *l)
{
	if (l->open && !l->lost) {
		(void)database_run(&l->d, "ROLLBACK");
	}
	l->open = false;
	l->lost = 0;
	l->sequence = l->durable_sequence;
	memcpy(l->hash, l->durable_hash, DIGEST_SIZE);
}

int ledger_head(struct ledger *l, int64_t *sequence, unsigned char hash[DIGEST_SIZE])
{
	int r = l->claim < 0 ? ledger_read_head(l) : 0;
	if (r == 0) {
		*sequence = l->durable_sequence;
		memcpy(hash, l->durable_hash, DIGEST_SIZE);
	}
	return r;
}
