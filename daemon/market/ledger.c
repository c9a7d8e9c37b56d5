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
#include "daemon/base/database.h"

enum {
	TAIL_ENTRIES = 1000, /* checked when it is opened */
	PROGRESS_ENTRIES = 4096,
	CACHE_KIB = 8192,
	WORDS_MAX = LEDGER_TEXT_MAX + 4 * LEDGER_NAME_MAX + 8 * 24,
};

enum { INSERT, BEFORE, HEAD, FIND, EACH, EACH_OF_HOME, CHAIN, STATEMENT_COUNT };
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

struct ledger {
	struct database d;
	int claim; /* -1: it is only read */
	int64_t sequence, durable_sequence;
	unsigned char hash[DIGEST_SIZE], durable_hash[DIGEST_SIZE];
	bool open; /* a batch is begun */
	int lost;  /* why it was lost; 0 */
	char words[WORDS_MAX];
};

const char *ledger_kind_name(enum ledger_kind kind)
{
	return kinds[kind].name;
}

/* --- hashes ----------------------------------------------------------------------------------- */

/* The hash of e behind another. -EINVAL where it is too long. */
static int hash_entry(struct ledger *l, const struct ledger_entry *e,
		      const unsigned char before[DIGEST_SIZE], unsigned char out[DIGEST_SIZE])
{
	char text[DIGEST_TEXT_SIZE];
	int n = snprintf(l->words, sizeof(l->words),
			 "%s\n%" PRId64 "\n%" PRId64 "\n%s\n%s\n%" PRId64 "\n%s\n%" PRId64 "\n%s",
			 digest_text(before, text), e->sequence, e->made_s, kinds[e->kind].name,
			 e->round, e->interval_s, e->home, e->revision, e->text);
	return n >= (int)sizeof(l->words) ? -EINVAL : digest_bytes(l->words, (size_t)n, out);
}

/* The hash of the entry of that sequence; zeros for 0. */
static int hash_at(struct ledger *l, int64_t sequence, unsigned char out[DIGEST_SIZE])
{
	if (sequence == 0) {
		memset(out, 0, DIGEST_SIZE);
		return 0;
	}
	struct sqlite3_stmt *s = l->d.statement[BEFORE];
	database_bind_integer(s, 1, sequence);
	int r = database_next(s);
	const void *hash = r > 0 ? database_blob(s, 0, DIGEST_SIZE) : NULL;
	if (hash) {
		memcpy(out, hash, DIGEST_SIZE);
	}
	if (r > 0) {
		database_reset(s);
	}
	return r < 0 ? r : r == 0 ? -ENOENT : hash ? 0 : -EBADMSG;
}

static int kind_of(const char *name)
{
	for (int i = 0; i < LEDGER_KIND_COUNT; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

static bool fits(const char *text, size_t size)
{
	return strlen(text) < size;
}

/* The entry a statement stands on, and its hash; NULL or what is wrong with it. */
static const char *read_entry(struct sqlite3_stmt *s, struct ledger_entry *e,
			      unsigned char hash[DIGEST_SIZE])
{
	const char *round = database_text(s, 3), *home = database_text(s, 5);
	const void *bytes = database_blob(s, 8, DIGEST_SIZE);
	int kind = kind_of(database_text(s, 2));
	*e = (struct ledger_entry){ .sequence = database_integer(s, 0),
				    .made_s = database_integer(s, 1),
				    .interval_s = database_integer(s, 4),
				    .revision = database_integer(s, 6),
				    .text = database_text(s, 7) };
	if (kind < 0) {
		return "no such kind";
	}
	e->kind = (enum ledger_kind)kind;
	if (!fits(round, sizeof(e->round)) || !fits(home, sizeof(e->home)) ||
	    !fits(e->text, LEDGER_TEXT_MAX)) {
		return "a word that is too long";
	}
	strcpy(e->round, round);
	strcpy(e->home, home);
	if (!bytes) {
		return "no hash";
	}
	memcpy(hash, bytes, DIGEST_SIZE);
	return NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Follow the chain behind the entry of that sequence, whose hash is before, which becomes the last
 * one's. *of tells the progress how many there are. */
static int follow(struct ledger *l, int64_t sequence, unsigned char before[DIGEST_SIZE],
		  void (*progress)(int64_t done, int64_t of, void *argument), void *argument,
		  int64_t of, struct ledger_fault *fault)
{
	struct sqlite3_stmt *s = l->d.statement[CHAIN];
	database_bind_integer(s, 1, sequence);
	int r;
	while ((r = database_next(s)) > 0) {
		struct ledger_entry e;
		unsigned char stored[DIGEST_SIZE], computed[DIGEST_SIZE];
		const char *wrong = read_entry(s, &e, stored);
		fault->sequence = e.sequence;
		if (!wrong && e.sequence != ++sequence) {
			fault->sequence = sequence;
			wrong = "it is missing";
		} else if (!wrong && (hash_entry(l, &e, before, computed) < 0 ||
				      memcmp(stored, computed, DIGEST_SIZE) != 0)) {
			wrong = "its hash is not that of its words and the hash before it";
		}
		if (wrong) {
			snprintf(fault->what, sizeof(fault->what), "%s", wrong);
			database_reset(s);
			return -EBADMSG;
		}
		memcpy(before, stored, DIGEST_SIZE);
		if (progress && sequence % PROGRESS_ENTRIES == 0) {
			progress(sequence, of, argument);
		}
	}
	if (r < 0) {
		r = database_fail(&l->d, 0);
		*fault = (struct ledger_fault){ 0 };
		snprintf(fault->what, sizeof(fault->what), "%s", l->d.fault);
	}
	return r;
}

static int read_head(struct ledger *l)
{
	struct sqlite3_stmt *s = l->d.statement[HEAD];
	int r = database_next(s);
	const void *hash = r > 0 ? database_blob(s, 1, DIGEST_SIZE) : NULL;
	l->durable_sequence = r > 0 ? database_integer(s, 0) : 0;
	memset(l->durable_hash, 0, DIGEST_SIZE);
	if (hash) {
		memcpy(l->durable_hash, hash, DIGEST_SIZE);
	}
	if (r > 0) {
		database_reset(s);
	}
	l->sequence = l->durable_sequence;
	memcpy(l->hash, l->durable_hash, DIGEST_SIZE);
	return r < 0 ? r : 0;
}

/* The last entries hold together. */
static int check_tail(struct ledger *l, char *why, size_t size)
{
	int64_t from = l->sequence > TAIL_ENTRIES ? l->sequence - TAIL_ENTRIES : 0;
	unsigned char before[DIGEST_SIZE];
	struct ledger_fault fault = { .sequence = from };
	int r = hash_at(l, from, before);
	if (r < 0) {
		snprintf(fault.what, sizeof(fault.what), "it is missing");
	} else {
		r = follow(l, from, before, NULL, NULL, 0, &fault);
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
		r = read_head(l);
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

static void bind_fact(struct sqlite3_stmt *s, const struct ledger_entry *e)
{
	database_bind_text(s, 1, kinds[e->kind].name);
	database_bind_integer(s, 2, e->interval_s);
	database_bind_text(s, 3, e->round);
	database_bind_text(s, 4, e->home);
	database_bind_integer(s, 5, e->revision);
}

/* A row with these columns stands already: 1, with that text; 0, with another; -ENOENT none. */
static int same_fact(struct ledger *l, const struct ledger_entry *e)
{
	struct sqlite3_stmt *s = l->d.statement[FIND];
	bind_fact(s, e);
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
	int r = hash_entry(l, &next, l->hash, hash);
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
	int r = l->claim < 0 ? read_head(l) : 0;
	if (r == 0) {
		*sequence = l->durable_sequence;
		memcpy(hash, l->durable_hash, DIGEST_SIZE);
	}
	return r;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Whether e, whose hash is stored, stands behind the entry before it. */
static bool is_intact(struct ledger *l, const struct ledger_entry *e,
		      const unsigned char stored[DIGEST_SIZE])
{
	unsigned char before[DIGEST_SIZE], computed[DIGEST_SIZE];
	return hash_at(l, e->sequence - 1, before) == 0 &&
	       hash_entry(l, e, before, computed) == 0 &&
	       memcmp(stored, computed, DIGEST_SIZE) == 0;
}

int ledger_each(struct ledger *l, const struct ledger_query *q,
		int (*each)(const struct ledger_entry *e, void *argument), void *argument)
{
	struct sqlite3_stmt *s = l->d.statement[q->home ? EACH_OF_HOME : EACH];
	database_bind_text(s, 1, kinds[q->kind].name);
	database_bind_integer(s, 2, q->from_s);
	database_bind_integer(s, 3, q->to_s);
	if (q->home) {
		database_bind_text(s, 4, q->home);
	}
	int r;
	while ((r = database_next(s)) > 0) {
		struct ledger_entry e;
		unsigned char stored[DIGEST_SIZE];
		if (read_entry(s, &e, stored)) {
			database_reset(s);
			return -EBADMSG;
		}
		e.intact = q->check && is_intact(l, &e, stored);
		r = each(&e, argument);
		if (r != 0) {
			database_reset(s);
			return r;
		}
	}
	return r;
}

int ledger_find(struct ledger *l, const struct ledger_entry *which, char *out, size_t size)
{
	struct sqlite3_stmt *s = l->d.statement[FIND];
	bind_fact(s, which);
	int r = database_next(s);
	if (r <= 0) {
		return r < 0 ? r : -ENOENT;
	}
	const char *text = database_text(s, 0);
	bool whole = fits(text, size);
	if (whole) {
		strcpy(out, text);
	}
	database_reset(s);
	return whole ? 0 : -ENOBUFS;
}

/* --- the proof -------------------------------------------------------------------------------- */

int ledger_verify(struct ledger *l, void (*progress)(int64_t done, int64_t of, void *argument),
		  void *argument, struct ledger_fault *fault)
{
	unsigned char before[DIGEST_SIZE] = { 0 };
	struct ledger_fault found = { 0 };
	int r = l->claim < 0 ? read_head(l) : 0;
	if (r < 0) {
		snprintf(found.what, sizeof(found.what), "its end cannot be read");
	} else {
		r = follow(l, 0, before, progress, argument, l->sequence, &found);
	}
	if (r < 0) {
		*fault = found;
	}
	return r;
}

int ledger_holds(struct ledger *l, int64_t sequence, const unsigned char hash[DIGEST_SIZE])
{
	unsigned char stored[DIGEST_SIZE];
	int r = sequence > 0 ? hash_at(l, sequence, stored) : -ENOENT;
	return r < 0 ? r : memcmp(stored, hash, DIGEST_SIZE) == 0 ? 0 : -EBADMSG;
}
