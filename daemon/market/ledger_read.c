/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in a ledger: its entries, and the chain that holds them together. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/market/ledger_private.h"

enum { PROGRESS_ENTRIES = 4096 };

/* --- hashes and entries -------------------------------------------------------------------------
 */

int ledger_hash_entry(struct ledger *l, const struct ledger_entry *e,
		      const unsigned char before[DIGEST_SIZE], unsigned char out[DIGEST_SIZE])
{
	char text[DIGEST_TEXT_SIZE];
	int n = snprintf(l->words, sizeof(l->words),
			 "%s\n%" PRId64 "\n%" PRId64 "\n%s\n%s\n%" PRId64 "\n%s\n%" PRId64 "\n%s",
			 digest_text(before, text), e->sequence, e->made_s,
			 ledger_kind_name(e->kind), e->round, e->interval_s, e->home, e->revision,
			 e->text);
	return n >= (int)sizeof(l->words) ? -EINVAL : digest_bytes(l->words, (size_t)n, out);
}

int ledger_hash_at(struct ledger *l, int64_t sequence, unsigned char out[DIGEST_SIZE])
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
		if (strcmp(ledger_kind_name((enum ledger_kind)i), name) == 0) {
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

void ledger_bind_fact(struct sqlite3_stmt *s, const struct ledger_entry *e)
{
	database_bind_text(s, 1, ledger_kind_name(e->kind));
	database_bind_integer(s, 2, e->interval_s);
	database_bind_text(s, 3, e->round);
	database_bind_text(s, 4, e->home);
	database_bind_integer(s, 5, e->revision);
}

int ledger_read_head(struct ledger *l)
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

int ledger_follow(struct ledger *l, int64_t sequence, unsigned char before[DIGEST_SIZE],
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
		} else if (!wrong && (ledger_hash_entry(l, &e, before, computed) < 0 ||
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

/* --- reading ---------------------------------------------------------------------------------- */

/* Whether e, whose hash is stored, stands behind the entry before it. */
static bool is_intact(struct ledger *l, const struct ledger_entry *e,
		      const unsigned char stored[DIGEST_SIZE])
{
	unsigned char before[DIGEST_SIZE], computed[DIGEST_SIZE];
	return ledger_hash_at(l, e->sequence - 1, before) == 0 &&
	       ledger_hash_entry(l, e, before, computed) == 0 &&
	       memcmp(stored, computed, DIGEST_SIZE) == 0;
}

int ledger_each(struct ledger *l, const struct ledger_query *q,
		int (*each)(const struct ledger_entry *e, void *argument), void *argument)
{
	struct sqlite3_stmt *s = l->d.statement[q->home ? EACH_OF_HOME : EACH];
	database_bind_text(s, 1, ledger_kind_name(q->kind));
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
	ledger_bind_fact(s, which);
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
	int r = l->claim < 0 ? ledger_read_head(l) : 0;
	if (r < 0) {
		snprintf(found.what, sizeof(found.what), "its end cannot be read");
	} else {
		r = ledger_follow(l, 0, before, progress, argument, l->sequence, &found);
	}
	if (r < 0) {
		*fault = found;
	}
	return r;
}

int ledger_holds(struct ledger *l, int64_t sequence, const unsigned char hash[DIGEST_SIZE])
{
	unsigned char stored[DIGEST_SIZE];
	int r = sequence > 0 ? ledger_hash_at(l, sequence, stored) : -ENOENT;
	return r < 0 ? r : memcmp(stored, hash, DIGEST_SIZE) == 0 ? 0 : -EBADMSG;
}
