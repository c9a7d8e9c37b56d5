/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/store.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/home/store_private.h"

enum {
	SAMPLES_WAITING = 1024,
	ROWS_WAITING = 64,
	QUERIES_WAITING = 4,
	COMMIT_S = 60,        /* of house time between commits, or */
	COMMIT_SAMPLES = 256, /* so many samples, whichever is first */
	IDLE_MS = 60000,      /* commit after this even if nothing more comes */
	RETRY_MS = 2000,      /* after a failure */
	CLOSE_MS = 10000,
};

static size_t ring_bytes(int records, size_t record)
{
	return (size_t)records * (record + RING_OVERHEAD);
}

static void release(struct store *store)
{
	database_close(&store->telemetry.database);
	database_close(&store->ledger);
	ring_free(&store->samples);
	ring_free(&store->rows);
	ring_free(&store->queries);
	if (store->in_fd >= 0) {
		close(store->in_fd);
	}
	if (store->out_fd >= 0) {
		close(store->out_fd);
	}
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* Show what the databases have to say; they belong to the calling thread. */
static void show_trouble(struct store *store)
{
	const struct database *t = &store->telemetry.database, *l = &store->ledger;
	const char *text[] = { l->fault, t->fault, l->aside, t->aside };
	pthread_mutex_lock(&store->lock);
	struct store_status *s = &store->status;
	s->failures = t->failures + l->failures;
	s->alarm_text[0] = '\0';
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		size_t length = strlen(s->alarm_text);
		if (text[i][0]) {
			snprintf(s->alarm_text + length, sizeof(s->alarm_text) - length, "%s%s",
				 length ? "; " : "", text[i]);
		}
	}
	s->alarm = s->alarm_text[0] != '\0';
	pthread_mutex_unlock(&store->lock);
}

static void open_database(struct database *d, const struct database_schema *schema,
			  const char *directory, int64_t now_s, int check_ms)
{
	d->schema = schema;
	int n = snprintf(d->path, sizeof(d->path), "%s/%s", directory, schema->file);
	if (n >= (int)sizeof(d->path)) {
		d->path[0] = '\0'; /* opens as nothing lasting, and fails as such */
	}
	(void)database_open(d, now_s, check_ms);
}

int store_open(const char *directory, int64_t now_s, int check_ms, struct store **out)
{
	struct store *store = calloc(1, sizeof(*store));
	if (!store) {
		return -ENOMEM;
	}
	pthread_mutex_init(&store->lock, NULL);
	store->in_fd = wake_open();
	store->out_fd = wake_open();
	store->now_s = now_s;
	int r = store->in_fd < 0 || store->out_fd < 0 ? -EMFILE : 0;
	r = r ? r
	      : ring_init(&store->samples,
			  ring_bytes(SAMPLES_WAITING, sizeof(struct store_sample)));
	r = r ? r : ring_init(&store->rows, ring_bytes(ROWS_WAITING, sizeof(struct store_row)));
	r = r ? r : ring_init(&store->queries, ring_bytes(QUERIES_WAITING, sizeof(struct query)));
	if (r < 0) {
		release(store);
		return r;
	}
	open_database(&store->telemetry.database, &telemetry_schema, directory, now_s, check_ms);
	open_database(&store->ledger, &ledger_schema, directory, now_s, check_ms);
	show_trouble(store);
	*out = store;
	return 0;
}

void store_load_bids(struct store *store, int64_t since_s,
		     void (*each)(const struct store_row *row, void *argument), void *argument)
{
	ledger_since(&store->ledger, STORE_BID, since_s, each, argument);
}

int store_last_command(struct store *store, struct store_row *out)
{
	return ledger_last_command(&store->ledger, out);
}

void store_load_awards(struct store *store, int64_t since_s,
		       void (*each)(const struct store_row *row, void *argument), void *argument)
{
	ledger_since(&store->ledger, STORE_AWARD, since_s, each, argument);
}

void store_load_owed(struct store *store, int64_t since_s,
		     void (*each)(const struct store_row *row, void *argument), void *argument)
{
	ledger_since(&store->ledger, STORE_OWED, since_s, each, argument);
}

void store_load_verdicts(struct store *store, int64_t since_s,
			 void (*each)(const struct store_row *row, void *argument), void *argument)
{
	ledger_since(&store->ledger, STORE_VERDICT, since_s, each, argument);
}

void store_load_shares(struct store *store,
		       void (*each)(const struct store_row *row, void *argument), void *argument)
{
	ledger_since(&store->ledger, STORE_SHARE, 0, each, argument);
}

long store_load_quarters(struct store *store, int64_t since_s,
			 void (*each)(const struct store_interval *q, void *argument),
			 void *argument)
{
	return telemetry_quarters(&store->telemetry, since_s, each, argument);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void answer_queries(struct store *store)
{
	struct query q;
	size_t cursor = 0;
	while (ring_read(&store->queries, &cursor, &q, sizeof(q)) > 0) {
		ring_drop(&store->queries, cursor);
		cursor = 0;
		query_answer(&q, &store->telemetry.database, &store->ledger);
	}
}

static void count_written(struct store *store, long rows, long samples)
{
	pthread_mutex_lock(&store->lock);
	store->status.rows += rows > 0 ? (uint64_t)rows : 0;
	store->status.samples += samples > 0 ? (uint64_t)samples : 0;
	pthread_mutex_unlock(&store->lock);
	if (rows > 0) {
		atomic_fetch_add(&store->durable, (unsigned long long)rows);
		wake_up(store->out_fd);
	}
}

/* Write what waits; the promises first. */
static void write_waiting(struct store *store)
{
	long rows = 0, samples = 0;
	if (ring_records(&store->rows) > 0) {
		rows = ledger_write(&store->ledger, &store->rows, &store->buffer, &store->now_s);
	}
	count_written(store, rows, 0);
	if (ring_records(&store->samples) > 0) {
		samples = telemetry_write(&store->telemetry, &store->samples, &store->now_s);
	}
	count_written(store, 0, samples);
	if (samples > 0) {
		telemetry_tidy(&store->telemetry, store->now_s);
	}
	bool failed = rows < 0 || samples < 0;
	store->retry_us = failed ? clock_real_us() + (int64_t)RETRY_MS * 1000 : 0;
	show_trouble(store);
}

static void run(void *argument)
{
	struct store *store = argument;
	while (!atomic_load(&store->stop)) {
		(void)wake_wait(store->in_fd, store->retry_us ? RETRY_MS : IDLE_MS);
		if (clock_real_us() >= store->retry_us) {
			write_waiting(store);
		}
		answer_queries(store);
	}
	write_waiting(store);
	answer_queries(store);
	database_checkpoint(&store->telemetry.database);
	database_checkpoint(&store->ledger);
}

int store_start(struct store *store)
{
	int r = thread_start(&store->thread, run, store);
	store->started = r == 0;
	return r;
}

void store_flush(struct store *store)
{
	assert(!store->started);
	write_waiting(store);
}

void store_close(struct store *store)
{
	if (!store) {
		return;
	}
	if (store->started) {
		atomic_store(&store->stop, true);
		wake_up(store->in_fd);
		if (thread_join(&store->thread, CLOSE_MS) < 0) {
			return; /* the disk hangs: the thread's memory stays */
		}
	}
	release(store);
}

/* --- the main thread -------------------------------------------------------------------------- */

static void count(struct store *store, uint64_t *counter)
{
	pthread_mutex_lock(&store->lock);
	(*counter)++;
	pthread_mutex_unlock(&store->lock);
}

/* A number that is not finite must never reach a file; it is our bug, but it comes from devices. */
static bool sane(const struct store_sample *s)
{
	for (int i = 0; i < STORE_VALUE_COUNT; i++) {
		if (s->known & (1u << i) && !isfinite(s->value[i])) {
			return false;
		}
	}
	return s->time_s >= 0 && s->seconds > 0 && s->seconds <= STORE_QUARTER_S;
}

int store_put(struct store *store, const struct store_sample *sample)
{
	if (!sane(sample)) {
		count(store, &store->status.samples_lost);
		return -EINVAL;
	}
	const struct iovec part = { (void *)sample, sizeof(*sample) };
	int r = ring_put(&store->samples, &part, 1);
	if (r < 0) {
		count(store, &store->status.samples_lost);
	}
	/* The thread sleeps until there is a commit's worth. */
	if (store->unannounced == 0) {
		store->first_s = sample->time_s;
	}
	store->unannounced++;
	int64_t age_s = sample->time_s - store->first_s;
	if (store->unannounced >= COMMIT_SAMPLES || age_s >= COMMIT_S || age_s < 0) {
		store->unannounced = 0;
		wake_up(store->in_fd);
	}
	return r;
}

int store_ledger_put(struct store *store, const struct store_row *row, uint64_t *ticket)
{
	if ((unsigned)row->kind >= STORE_KIND_COUNT || !memchr(row->text, '\0', STORE_TEXT_MAX) ||
	    !isfinite(row->import_wh) || !isfinite(row->export_wh)) {
		return -EINVAL;
	}
	/* Of its text what is used: a day of bids or awards may come at once. */
	size_t used = offsetof(struct store_row, text) + strlen(row->text) + 1;
	const struct iovec part = { (void *)row, used };
	int r = ring_put(&store->rows, &part, 1);
	if (r < 0) {
		count(store, &store->status.rows_refused);
		return r;
	}
	*ticket = ++store->ticket;
	wake_up(store->in_fd);
	return 0;
}

uint64_t store_durable(struct store *store)
{
	wake_clear(store->out_fd);
	return atomic_load(&store->durable);
}

int store_fd(const struct store *store)
{
	return store->out_fd;
}

int store_query(struct store *store, enum store_history history, int64_t from_s, int64_t to_s,
		int fd)
{
	const struct query q = { history, from_s, to_s, fd };
	const struct iovec part = { (void *)&q, sizeof(q) };
	if (ring_put(&store->queries, &part, 1) < 0) {
		return -EBUSY;
	}
	wake_up(store->in_fd);
	return 0;
}

void store_status(struct store *store, struct store_status *out)
{
	pthread_mutex_lock(&store->lock);
	*out = store->status;
	pthread_mutex_unlock(&store->lock);
	out->rows_waiting = (int)ring_records(&store->rows);
}
