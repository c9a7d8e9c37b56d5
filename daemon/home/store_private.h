/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the store: store.c queues and the thread, store_telemetry.c samples and roll-ups,
 * store_ledger.c rows, store_query.c history for people. A file and its troubles are the base's. */
#ifndef LECD_HOME_STORE_PRIVATE_H
#define LECD_HOME_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/base/database.h"
#include "daemon/base/ring.h"
#include "daemon/base/thread.h"
#include "daemon/home/store.h"

extern const struct database_schema telemetry_schema;
extern const struct database_schema ledger_schema;

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
/* The last command. 0 or -ENOENT. */
int ledger_last_command(struct database *d, struct store_row *out);
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
