/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ledger.c, which opens and writes, and ledger_read.c share. */
#ifndef LECD_MARKET_LEDGER_PRIVATE_H
#define LECD_MARKET_LEDGER_PRIVATE_H

#include "daemon/base/database.h"
#include "daemon/market/ledger.h"

enum { WORDS_MAX = LEDGER_TEXT_MAX + 4 * LEDGER_NAME_MAX + 8 * 24 };

/* The statements. */
enum { INSERT, BEFORE, HEAD, FIND, EACH, EACH_OF_HOME, CHAIN, STATEMENT_COUNT };

struct ledger {
	struct database d;
	int claim; /* -1: it is only read */
	int64_t sequence, durable_sequence;
	unsigned char hash[DIGEST_SIZE], durable_hash[DIGEST_SIZE];
	bool open; /* a batch is begun */
	int lost;  /* why it was lost; 0 */
	char words[WORDS_MAX];
};

/* The hash of e behind another. -EINVAL where it is too long. */
int ledger_hash_entry(struct ledger *l, const struct ledger_entry *e,
		      const unsigned char before[DIGEST_SIZE], unsigned char out[DIGEST_SIZE]);

/* The hash of the entry of that sequence; zeros for 0. */
int ledger_hash_at(struct ledger *l, int64_t sequence, unsigned char out[DIGEST_SIZE]);

/* Follow the chain behind the entry of that sequence, whose hash is before, which becomes the last
 * one's. of tells the progress how many there are. */
int ledger_follow(struct ledger *l, int64_t sequence, unsigned char before[DIGEST_SIZE],
		  void (*progress)(int64_t done, int64_t of, void *argument), void *argument,
		  int64_t of, struct ledger_fault *fault);

/* Take the end of the chain from the file. */
int ledger_read_head(struct ledger *l);

/* The columns that say which fact e is, to the statement that finds it. */
void ledger_bind_fact(struct sqlite3_stmt *s, const struct ledger_entry *e);

#endif
