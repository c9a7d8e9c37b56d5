/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the store: store.c queues and the thread, store_database.c a file and its troubles,
 * store_telemetry.c samples and roll-ups, store_ledger.c rows, store_query.c history for people. */
#ifndef LECD_HOME_STORE_PRIVATE_H
#define LECD_HOME_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "daemon/base/ring.h"
#include "daemon/base/thread.h"
#include "daemon/home/store.h"

enum { STATEMENTS_MAX = 16, DATABASE_PATH_MAX = 320 };

/* What makes one of the two files. */
struct schema {
	const char *file;        /* its name in the directory */
	const char *synchronous; /* "NORMAL" or "FULL" */
	const char *tables;      /* SQL that creates them */
	const char *const *sql;  /* statements, prepared once */
	int statements;
};

struct database {
	const struct schema *schema;
	char path[DATABASE_PATH_MAX];
	sqlite3 *handle; /* NULL while it cannot be opened */
	sqlite3_stmt *statement[STATEMENTS_MAX];
	uint64_t failures;
	char aside[120]; /* what was set aside at this run and why, "" */
	char fault[100]; /* why it cannot be written now, "" */
};

/* Open, check and prepare; a file that is broken is set aside. 0 or -EIO, and fault says why. */
int database_open(struct database *d, int64_t now_s, int check_ms);
void database_close(struct database *d);

/* Note what went wrong. A broken file is set aside and begun afresh. Returns -EIO. */
int database_fail(struct database *d, int64_t now_s);

/* Run SQL without results. 0 or -EIO (not noted yet: see database_fail). */
int database_run(struct database *d, const char *sql);

/* Step a statement that returns no rows, and reset it. 0 or -EIO. */
int database_step(sqlite3_stmt *s);

/* Empty the journal into the file. */
void database_checkpoint(struct database *d);

extern const struct schema telemetry_schema;
extern const struct schema ledger_schema;

struct telemetry {
	struct database database;
	int64_t tidied_s; /* house time of the last tidying, 0: never */
	bool untidy;      /* old rows are left */
};

/* Write all samples waiting in the ring in one transaction and drop them. Returns how many, or
 * -EIO: then they stay. *now_s becomes the time of the last one. */
long telemetry_write(struct telemetry *t, struct ring *waiting, int64_t *now_s);
/* Delete a batch of what is too old at now_s, and once an hour tidy the file. */
void telemetry_tidy(struct telemetry *t, int64_t now_s);
long telemetry_quarters(struct telemetry *t, int64_t since_s,
			void (*each)(const struct store_interval *q, void *argument),
			void *argument);

/* Add a sample to an interval (seconds 0: it becomes the one that holds the sample). */
void rollup_add(struct store_interval *to, const struct store_sample *s, int length_s);

/* Write all rows waiting in the ring in one durable transaction and drop them. As above. */
long ledger_write(struct database *d, struct ring *waiting, struct store_row *buffer,
		  int64_t *now_s);
/* The last bid or command. 0 or -ENOENT. */
int ledger_last(struct database *d, enum store_kind kind, struct store_row *out);
void ledger_since(struct database *d, enum store_kind kind, int64_t since_s,
		  void (*each)(const struct store_row *row, void *argument), void *argument);

struct query {
	enum store_history history;
	int64_t from_s, to_s;
	int fd;
};

/* Answer and close q->fd. */
void query_answer(const struct query *q, struct database *telemetry, struct database *ledger);

struct store {
	struct telemetry telemetry; /* the main thread's until store_start, then the thread's */
	struct database ledger;
	struct thread thread;
	bool started;

	struct ring samples, rows, queries;
	int in_fd;  /* raised by the main thread */
	int out_fd; /* raised by the thread: more is durable */
	atomic_bool stop;
	atomic_ullong durable;

	/* The main thread's. */
	uint64_t ticket;
	int64_t first_s; /* time of the oldest sample not yet announced to the thread */
	int unannounced; /* of these, how many */

	/* The thread's. */
	int64_t now_s;    /* house time of the latest record written */
	int64_t retry_us; /* not before this real time after a failure */
	struct store_row buffer;

	pthread_mutex_t lock;
	struct store_status status; /* under lock */
};

#endif
