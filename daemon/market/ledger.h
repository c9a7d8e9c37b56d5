/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market's ledger: all that was promised, traded, metered and settled, in one table of a SQLite
 * file that only grows.
 *
 * An entry is a fact: its kind, round, interval, home and revision say which, its text (one JSON
 * object on one line) says what. Each fact stands once: a bid's revision, the clearing of a round's
 * interval, a home's award in it. Nothing is ever changed or taken out; what turned out otherwise
 * is a later entry with the next revision. The table refuses UPDATE and DELETE.
 *
 * Entries are chained. The hash of an entry is the SHA-256 of these nine lines, joined by single
 * newlines, none at the end: the hash before it in small hexadecimal digits (64 zeros before the
 * first), sequence, time made, kind, round, interval, home, revision, text. So a changed past shows
 * at the entry that was changed, unless all that follows was made anew: against that, tell others
 * the head now and then, as bills do (ledger_head), and prove it with lec-market verify --head.
 *
 *   int r = ledger_append(l, &bid);            any number
 *   r = ledger_commit(l);                      0: all of them are on the disk, now acknowledge
 *
 * Writing blocks for as long as the disk does: one fsync a commit. One process writes at a time,
 * and any number may read beside it. Thread: one at a time. */
#ifndef LECD_MARKET_LEDGER_H
#define LECD_MARKET_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/digest.h"

enum {
	LEDGER_NAME_MAX = 64,    /* of a round or home, with NUL */
	LEDGER_TEXT_MAX = 32768, /* of a text, with NUL */
};

/* What the columns mean; those not named are "" or 0. The text of those in facts.h is defined
 * there, of the others it is the round's own. */
enum ledger_kind {
	LEDGER_ROUND,      /* round, interval_s: a round was opened for it */
	LEDGER_BID,        /* round, interval_s, home, revision: accepted; no orders: withdrawn */
	LEDGER_CLEARING,   /* round, interval_s: once, ever */
	LEDGER_AWARD,      /* round, interval_s, home: what it bought and sold, once, ever */
	LEDGER_METER,      /* interval_s, home, revision: a reading; revised where it was wrong */
	LEDGER_TARIFF,     /* interval_s, revision: prices that hold from then on */
	LEDGER_SETTLEMENT, /* interval_s, home, revision: what the interval came to for it */
	LEDGER_BALANCE,    /* interval_s, revision: of all homes, utility, grid and residue */
	LEDGER_KIND_COUNT
};

/* "round", "bid", "clearing", "award", "meter", "tariff", "settlement", "balance". */
const char *ledger_kind_name(enum ledger_kind kind);

struct ledger_entry {
	int64_t sequence; /* from 1 without gaps; given by the ledger */
	int64_t made_s;   /* wall time it was made at; may step back where a clock did */
	enum ledger_kind kind;
	char round[LEDGER_NAME_MAX];
	int64_t interval_s; /* where it begins, UTC */
	char home[LEDGER_NAME_MAX];
	int64_t revision;
	const char *text; /* the caller's; of an entry read: until the callback returns */
	bool intact;      /* of an entry read with check: its hash fits its words and the entry
			     before it */
};

struct ledger;

/* Open or create a file to write to, and check its end: the last thousand entries, and what can be
 * seen of the file's structure in check_ms. 0 or -errno and a sentence in why:
 * -EBADMSG the chain or the file is broken ("entry 17: ..."): nothing may be written to it, and
 * ledger_open_reading still works where the file can be read at all; -EBUSY another process writes
 * it. */
int ledger_open(const char *path, int check_ms, struct ledger **out, char *why, size_t size);

/* Open a file that is there to read it, also while another process writes it. */
int ledger_open_reading(const char *path, struct ledger **out, char *why, size_t size);

/* Close; what was not committed is not in it. Takes NULL. */
void ledger_close(struct ledger *l);

/* Put a fact behind those that are there. sequence, intact are not looked at. 0, or
 *   -EEXIST   this fact stands already, with the same text: fine, a repetition
 *   -ENOTUNIQ it stands already with another text
 *   -EINVAL   it is none: a name or text that is too long or has control characters, a clearing or
 *             award with a revision ...
 * and the batch goes on without it; or -ENOSPC, -EROFS, -EIO ...: then the batch is lost,
 * ledger_commit will say so again, and all of it must be appended anew. */
int ledger_append(struct ledger *l, const struct ledger_entry *e);

/* Make what was appended durable. 0: it is on the disk; -errno: nothing of it is in the ledger, and
 * the next batch may be tried. Without any entries: 0 and no work. What belongs together goes into
 * one batch: a batch is in the file whole or not at all, however the process or the power ends, and
 * one that nobody acknowledged may be there after all. */
int ledger_commit(struct ledger *l);

/* Forget what was appended since the last commit. */
void ledger_rollback(struct ledger *l);

/* The end of the chain as it was committed: its sequence (0: empty) and hash. Of a ledger that is
 * read, at the time of the call. 0 or -errno. */
int ledger_head(struct ledger *l, int64_t *sequence, unsigned char hash[DIGEST_SIZE]);

/* --- reading ---------------------------------------------------------------------------------- */

/* Which entries: of one kind, with an interval in [from_s, to_s), of one home where home is not
 * NULL. */
struct ledger_query {
	enum ledger_kind kind;
	int64_t from_s, to_s;
	const char *home;
	bool check; /* tell whether each is intact, for those who read what nobody checked */
};

/* Call each for every such entry, ordered by interval, round, home, revision, as long as it returns
 * 0; what was appended and not committed is among them. Returns what it returned last, 0 where
 * there was none, or -EIO, -EBADMSG. each may append, but not ask again. */
int ledger_each(struct ledger *l, const struct ledger_query *q,
		int (*each)(const struct ledger_entry *e, void *argument), void *argument);

/* The text of one fact into out, -ENOENT where it does not stand, -ENOBUFS where it does not fit.
 * Only the columns that say which fact it is are looked at. */
int ledger_find(struct ledger *l, const struct ledger_entry *which, char *out, size_t size);

/* --- the proof -------------------------------------------------------------------------------- */

struct ledger_fault {
	int64_t sequence; /* of the entry; 0: of the file */
	char what[160];
};

/* Follow the chain from the first entry to the last. progress (may be NULL) is called now and then.
 * 0; -EBADMSG and the first fault; -EIO ... where the file cannot be read (fault says why). */
int ledger_verify(struct ledger *l, void (*progress)(int64_t done, int64_t of, void *argument),
		  void *argument, struct ledger_fault *fault);

/* Whether the entry of that sequence has that hash: 0, -ENOENT no such entry, -EBADMSG another. */
int ledger_holds(struct ledger *l, int64_t sequence, const unsigned char hash[DIGEST_SIZE]);

#endif
