/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/home/store_private.h"

enum { PATIENCE_MS = 30000, START_S = 1764288000 /* a UTC midnight */ };

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/lecd-store-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	char command[100];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static struct store *open_store(void)
{
	struct store *store = NULL;
	assert_int_equal(store_open(folder, START_S, 5000, &store), 0);
	return store;
}

static struct store *open_started(void)
{
	struct store *store = open_store();
	assert_int_equal(store_start(store), 0);
	return store;
}

static struct store_status status_of(struct store *store)
{
	struct store_status s;
	store_status(store, &s);
	return s;
}

static struct store_sample sample_at(int64_t time_s)
{
	struct store_sample s = { .time_s = time_s, .seconds = 1, .decider = 2, .reasons = 5 };
	store_set(&s, STORE_GRID_W, 1000.5 * sin((double)(time_s % 7919)));
	store_set(&s, STORE_PV_W, 40.25 * (double)(time_s % 97));
	store_set(&s, STORE_LOAD_W, 300.125 + (double)(time_s % 1013));
	store_set(&s, STORE_BATTERY_W, 2000.75 * cos((double)(time_s % 6007)));
	store_set(&s, STORE_SOC, 0.5 + 0.4 * sin((double)time_s / 9000));
	store_set(&s, STORE_SETPOINT_W, 1999.5);
	store_set(&s, STORE_BUY, 0.2 + 0.001 * (double)(time_s % 60));
	store_set(&s, STORE_SELL, 0.065);
	return s;
}

/* Put and, where the queue is full, wait for the thread to take some. */
static void put_all(struct store *store, const struct store_sample *s)
{
	for (int i = 0; i < PATIENCE_MS && store_put(store, s) == -ENOBUFS; i++) {
		poll(NULL, 0, 1);
	}
}

static uint64_t put_bid(struct store *store, int64_t interval_s, int64_t revision)
{
	struct store_row row = { .kind = STORE_BID,
				 .made_s = START_S,
				 .interval_s = interval_s,
				 .revision = revision,
				 .text = "[{\"side\":\"buy\",\"price\":0.2,\"energy\":1.5}]" };
	uint64_t ticket = 0;
	assert_int_equal(store_ledger_put(store, &row, &ticket), 0);
	return ticket;
}

static bool await_durable(struct store *store, uint64_t ticket)
{
	struct pollfd p = { .fd = store_fd(store), .events = POLLIN };
	while (store_durable(store) < ticket) {
		if (poll(&p, 1, PATIENCE_MS) <= 0) {
			return false;
		}
	}
	return true;
}

/* The first column of the first row of a query on a file of the folder. */
static double ask_file(const char *file, const char *sql, char *text, size_t size)
{
	char path[128];
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	double result = sqlite3_column_double(s, 0);
	if (text) {
		snprintf(text, size, "%s", (const char *)sqlite3_column_text(s, 0));
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return result;
}

static double ask_telemetry(const char *sql)
{
	return ask_file("telemetry.db", sql, NULL, 0);
}

static void assert_sound(const char *file)
{
	char text[64];
	ask_file(file, "PRAGMA integrity_check", text, sizeof(text));
	assert_string_equal(text, "ok");
}

static void rollups_are_sums(void **state)
{
	/* Minutes and quarters hold exactly the energies of their samples, over restarts too. */
	(void)state;
	for (int part = 0; part < 3; part++) {
		struct store *store = open_started();
		for (int i = 0; i < 1217; i++) {
			struct store_sample s = sample_at(START_S + part * 1217 + i);
			put_all(store, &s);
		}
		store_close(store);
	}
	static const char *const tables[] = { "minute", "quarter" };
	static const struct {
		const char *rolled, *samples;
	} columns[] = {
		{ "sum(seconds)", "sum(seconds)" },
		{ "sum(import_wh)", "sum(max(grid_w, 0) / 3600)" },
		{ "sum(export_wh)", "sum(max(-grid_w, 0) / 3600)" },
		{ "sum(pv_wh)", "sum(pv_w / 3600)" },
		{ "sum(load_wh)", "sum(load_w / 3600)" },
		{ "sum(discharge_wh)", "sum(max(battery_w, 0) / 3600)" },
		{ "sum(charge_wh)", "sum(max(-battery_w, 0) / 3600)" },
		{ "sum(buy * price_s)", "sum(buy)" },
		{ "sum(cost)", "sum(max(grid_w, 0) * buy - max(-grid_w, 0) * sell) / 3.6e6" },
	};
	assert_true(ask_telemetry("SELECT count(*) FROM sample") == 3651);
	assert_true(ask_telemetry("SELECT count(*) FROM minute") == 61);
	assert_true(ask_telemetry("SELECT count(*) FROM quarter") == 5);
	for (size_t t = 0; t < 2; t++) {
		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++) {
			char sql[200];
			snprintf(sql, sizeof(sql),
				 "SELECT (SELECT %s FROM %s) - (SELECT %s FROM sample)",
				 columns[c].rolled, tables[t], columns[c].samples);
			assert_true(fabs(ask_telemetry(sql)) < 1e-6);
		}
	}
}

static void unknown_is_null(void **state)
{
	/* What was not known is NULL in the sample and covers no seconds of its interval. */
	(void)state;
	struct store *store = open_started();
	struct store_sample s = sample_at(START_S);
	s.known &= ~(1u << STORE_PV_W);
	put_all(store, &s);
	s = sample_at(START_S + 1);
	put_all(store, &s);
	s.value[STORE_SOC] = NAN;
	assert_int_equal(store_put(store, &s), -EINVAL);
	s.known = 0; /* a number that is not known may be anything */
	s.time_s++;
	assert_int_equal(store_put(store, &s), 0);
	store_close(store);
	assert_true(ask_telemetry("SELECT count(*) FROM sample WHERE pv_w IS NULL") == 2);
	assert_true(ask_telemetry("SELECT seconds FROM minute") == 3);
	assert_true(ask_telemetry("SELECT pv_s FROM minute") == 1);
	assert_true(ask_telemetry("SELECT grid_s FROM minute") == 2);
}

struct seen {
	int count;
	int64_t last_s;
	double seconds;
};

static void see_quarter(const struct store_interval *q, void *argument)
{
	struct seen *seen = argument;
	assert_true(q->start_s > seen->last_s && q->start_s % STORE_QUARTER_S == 0);
	assert_true(fabs(q->load_s - q->seconds) < 1e-9);
	seen->last_s = q->start_s;
	seen->count++;
	seen->seconds += q->seconds;
}

static void see_bid(const struct store_row *row, void *argument)
{
	static const struct {
		int64_t after_s, revision;
	} expected[] = { { 900, 4 }, { 1800, 1 }, { 1800, 2 } };
	int *seen = argument;
	assert_true(*seen < 3);
	assert_int_equal(row->interval_s, START_S + expected[*seen].after_s);
	assert_int_equal(row->revision, expected[*seen].revision);
	assert_non_null(strstr(row->text, "\"buy\""));
	++*seen;
}

static void loads_quarters_and_bids(void **state)
{
	/* At start the history of quarters and the bids come back, by interval and revision. */
	(void)state;
	int bids = 0;
	struct store *store = open_store();
	store_load_bids(store, 0, see_bid, &bids);
	assert_int_equal(bids, 0);
	assert_int_equal(store_start(store), 0);
	for (int i = 0; i < 5 * STORE_QUARTER_S; i++) {
		struct store_sample s = sample_at(START_S + i);
		put_all(store, &s);
	}
	put_bid(store, START_S, 3);
	put_bid(store, START_S + 1800, 1);
	put_bid(store, START_S + 1800, 2);
	assert_true(await_durable(store, put_bid(store, START_S + 900, 4)));
	store_close(store);

	store = open_store();
	struct seen seen = { 0 };
	assert_int_equal(store_load_quarters(store, START_S + 900, see_quarter, &seen), 4);
	assert_int_equal(seen.count, 4);
	assert_true(seen.seconds == 3600);
	store_load_bids(store, START_S + 900, see_bid, &bids);
	assert_int_equal(bids, 3);
	store_close(store);
}

static void see_share(const struct store_row *row, void *argument)
{
	int *seen = argument;
	char expected[32];
	snprintf(expected, sizeof(expected), "%d of %d", row->revision == 7 ? 3 : 2,
		 (int)row->revision);
	assert_string_equal(row->text, expected);
	assert_int_equal(row->interval_s, START_S + (row->revision == 7 ? 3 : 2) * 900);
	++*seen;
}

static void loads_the_latest_shares(void **state)
{
	/* Of each member the account of the latest interval comes back, however they were written.
	 */
	(void)state;
	static const int written[][2] = { { 1, 7 }, { 2, 9 }, { 3, 7 }, { 1, 9 }, { 2, 7 } };
	int seen = 0;
	struct store *store = open_started();
	uint64_t ticket = 0;
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		struct store_row row = { .kind = STORE_SHARE,
					 .made_s = START_S + (int64_t)i,
					 .interval_s = START_S + written[i][0] * 900,
					 .revision = written[i][1] };
		snprintf(row.text, sizeof(row.text), "%d of %d", written[i][0], written[i][1]);
		assert_int_equal(store_ledger_put(store, &row, &ticket), 0);
	}
	assert_true(await_durable(store, ticket));
	store_close(store);
	store = open_store();
	store_load_shares(store, see_share, &seen);
	assert_int_equal(seen, 2);
	store_close(store);
}

/* A child that writes telemetry and bids, and tells through fd each ticket that is durable. */
static void write_until_killed(int fd, int round)
{
	struct store *store = NULL;
	if (store_open(folder, START_S, 0, &store) < 0 || store_start(store) < 0) {
		_exit(1);
	}
	for (int64_t i = 0;; i++) {
		struct store_sample s = sample_at(START_S + round * 100000 + i);
		(void)store_put(store, &s);
		struct store_row row = { .kind = STORE_BID,
					 .interval_s = START_S + round * 900,
					 .revision = i,
					 .text = "[]" };
		uint64_t ticket = 0;
		if (store_ledger_put(store, &row, &ticket) < 0) {
			poll(NULL, 0, 1);
			i--;
		}
		uint64_t durable = store_durable(store);
		if (write(fd, &durable, sizeof(durable)) != sizeof(durable)) {
			_exit(1);
		}
	}
}

static void survives_sigkill(void **state)
{
	/* Killed at 50 random instants, both files stay sound and no row reported durable is lost.
	 */
	(void)state;
	unsigned seed = 20251128;
	printf("seed %u\n", seed);
	for (int round = 0; round < 50; round++) {
		int pipes[2];
		assert_int_equal(pipe(pipes), 0);
		pid_t child = fork();
		if (child == 0) {
			close(pipes[0]);
			write_until_killed(pipes[1], round);
		}
		close(pipes[1]);
		uint64_t durable = 0, last = 0;
		/* Kill it when it has told a random number of times, that is: anywhere. */
		int words = rand_r(&seed) % 3000;
		for (int i = 0; read(pipes[0], &durable, sizeof(durable)) == sizeof(durable); i++) {
			last = durable;
			if (i == words) {
				kill(child, SIGKILL);
			}
		}
		close(pipes[0]);
		waitpid(child, NULL, 0);
		char sql[120];
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM bid WHERE interval_s = %d",
			 START_S + round * 900);
		assert_true(ask_file("ledger.db", sql, NULL, 0) >= (double)last);
		assert_sound("ledger.db");
		assert_sound("telemetry.db");
	}
	char name[128];
	snprintf(name, sizeof(name), "%s/ledger.db.corrupt-%d", folder, START_S);
	assert_int_not_equal(access(name, F_OK), 0);
}

static void overwrite(const char *file, long offset, size_t length)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	char junk[8192];
	memset(junk, 'J', sizeof(junk));
	assert_int_equal(pwrite(fd, junk, length, offset), length);
	close(fd);
}

static void sets_corrupt_files_aside(void **state)
{
	/* A file that is no database, and one with broken pages, are renamed with an alarm, and the
	 * store works with fresh ones. */
	(void)state;
	struct store *store = open_started();
	for (int i = 0; i < 2000; i++) {
		struct store_sample s = sample_at(START_S + i);
		put_all(store, &s);
	}
	store_close(store);
	overwrite("telemetry.db", 3 * 4096, 8192);
	overwrite("ledger.db", 0, 5000);

	store = open_started();
	assert_true(status_of(store).alarm);
	assert_non_null(strstr(status_of(store).alarm_text, "ledger.db set aside"));
	assert_non_null(strstr(status_of(store).alarm_text, "telemetry.db set aside"));
	assert_true(await_durable(store, put_bid(store, START_S, 1)));
	struct store_sample s = sample_at(START_S);
	assert_int_equal(store_put(store, &s), 0);
	store_close(store);
	char path[128];
	snprintf(path, sizeof(path), "%s/telemetry.db.corrupt-%d", folder, START_S);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/ledger.db.corrupt-%d", folder, START_S);
	assert_int_equal(access(path, F_OK), 0);
	assert_sound("telemetry.db");
	assert_true(ask_telemetry("SELECT count(*) FROM sample") == 1);

	store = open_store();
	assert_false(status_of(store).alarm);
	store_close(store);
}

static void needs_no_folder(void **state)
{
	/* Without its folder the store opens with an alarm, takes what it can hold and refuses the
	 * rest; when the folder is there, what was held is written. */
	(void)state;
	assert_int_equal(rmdir(folder), 0);
	struct store *store = open_started();
	assert_true(status_of(store).alarm);
	uint64_t first = put_bid(store, START_S, 0), ticket = 0;
	struct store_row row = { .kind = STORE_COMMAND, .text = "\"hold\"" };
	enum { COMMANDS = 4000 };
	int refused = 0;
	for (int i = 0; i < COMMANDS; i++) {
		refused += store_ledger_put(store, &row, &ticket) == -ENOBUFS;
	}
	assert_int_equal(refused, status_of(store).rows_refused);
	assert_true(refused > 0);
	assert_int_equal(status_of(store).rows_waiting, COMMANDS + 1 - refused);
	assert_true(store_durable(store) < first);
	for (int i = 0; i < 3000; i++) {
		struct store_sample s = sample_at(START_S + i);
		(void)store_put(store, &s);
	}
	assert_true(status_of(store).samples_lost > 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_true(await_durable(store, ticket));
	store_close(store);
	assert_true(ask_file("ledger.db", "SELECT count(*) FROM command", NULL, 0) ==
		    COMMANDS - refused);
	assert_true(ask_telemetry("SELECT count(*) FROM sample") >= 1000);
}

static void full_disk_costs_history_only(void **state)
{
	/* On a full disk no call takes long, samples are lost and counted, rows wait; when there is
	 * room again the rows become durable and the alarm ends. */
	(void)state;
	if (mount("lecd-test", folder, "tmpfs", 0, "size=1m") < 0) {
		print_message("cannot mount a small tmpfs here\n");
		skip();
	}
	struct store *store = open_started();
	char ballast[80];
	snprintf(ballast, sizeof(ballast), "%s/ballast", folder);
	int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char block[4096];
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block)) {
	}
	close(fd);
	int64_t slowest_us = 0;
	for (int i = 0; i < 20000; i++) {
		struct store_sample s = sample_at(START_S + i);
		int64_t before_us = clock_real_us();
		(void)store_put(store, &s);
		int64_t took_us = clock_real_us() - before_us;
		slowest_us = took_us > slowest_us ? took_us : slowest_us;
	}
	uint64_t ticket = 0;
	for (int i = 0; i < 20; i++) {
		ticket = put_bid(store, START_S + i, 1);
	}
	for (int i = 0; i < PATIENCE_MS / 10 && !status_of(store).alarm; i++) {
		poll(NULL, 0, 10);
	}
	struct store_status s = status_of(store);
	assert_true(s.alarm && s.samples_lost > 0 && s.rows_waiting > 0);
	assert_true(slowest_us < 1000000);
	assert_int_equal(unlink(ballast), 0);
	assert_true(await_durable(store, ticket));
	for (int i = 0; i < PATIENCE_MS / 10 && status_of(store).alarm; i++) {
		poll(NULL, 0, 10);
	}
	assert_false(status_of(store).alarm);
	store_close(store);
	assert_true(ask_file("ledger.db", "SELECT count(*) FROM bid", NULL, 0) == 20);
	assert_sound("telemetry.db");
	assert_int_equal(umount(folder), 0);
}

static void keeps_what_retention_says(void **state)
{
	/* Samples older than seven days go, minutes and quarters of the same time stay. */
	(void)state;
	struct store *store = open_started();
	const int64_t day_s = 86400;
	for (int64_t t = START_S; t < START_S + 10 * day_s; t += 120) {
		struct store_sample s = sample_at(t);
		s.seconds = 60;
		put_all(store, &s);
	}
	store_close(store);
	char sql[160];
	snprintf(sql, sizeof(sql), "SELECT %lld - min(time_s) FROM sample",
		 (long long)(START_S + 10 * day_s));
	double oldest_s = ask_telemetry(sql);
	printf("oldest sample %.0f s\n", oldest_s);
	assert_true(oldest_s >= 7 * 86400.0 && oldest_s <= 7 * 86400.0 + 2 * 3600);
	assert_true(ask_telemetry("SELECT count(*) FROM minute") == 7200);
	assert_true(ask_telemetry("SELECT count(*) FROM quarter") == 960);
}

/* Read all lines of fd: how many; the last one in line. */
static int read_lines(int fd, char *line, size_t size)
{
	FILE *f = fdopen(fd, "r");
	int count = 0;
	while (fgets(line, (int)size, f)) {
		assert_int_equal(line[0], '{');
		count++;
	}
	fclose(f);
	return count;
}

static void answers_queries(void **state)
{
	/* Each history comes as one JSON object a line, within its bounds, then the end. */
	(void)state;
	struct store *store = open_started();
	for (int i = 0; i < 3600; i++) {
		struct store_sample s = sample_at(START_S + i);
		put_all(store, &s);
	}
	put_bid(store, START_S, 1);
	static const struct {
		const char *name;
		int lines;
		const char *has;
	} cases[] = {
		{ "samples", 600, "\"reasons\":5" },
		{ "minutes", 10, "\"import_wh\":" },
		{ "quarters", 1, "\"cost\":" },
		{ "ledger", 0, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int pipes[2], which = store_history_by_name(cases[i].name);
		char line[1024] = "";
		assert_true(which >= 0);
		assert_int_equal(pipe(pipes), 0);
		assert_int_equal(store_query(store, (enum store_history)which, START_S + 1800,
					     START_S + 2400, pipes[1]),
				 0);
		assert_int_equal(read_lines(pipes[0], line, sizeof(line)), cases[i].lines);
		assert_non_null(strstr(line, cases[i].has));
	}
	assert_int_equal(store_history_by_name("secrets"), -1);
	store_close(store);
}

static void slow_readers_are_cut_off(void **state)
{
	/* A reader that never reads, and one that is gone, hold up nothing for long. */
	(void)state;
	struct store *store = open_started();
	for (int i = 0; i < 20000; i++) {
		struct store_sample s = sample_at(START_S + i);
		put_all(store, &s);
	}
	int pair[2], gone[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(gone), 0);
	close(gone[0]);
	assert_int_equal(store_query(store, STORE_SAMPLES, 0, INT64_MAX, pair[1]), 0);
	assert_int_equal(store_query(store, STORE_SAMPLES, 0, INT64_MAX, gone[1]), 0);
	char begun;
	assert_int_equal(read(pair[0], &begun, 1), 1);
	assert_true(await_durable(store, put_bid(store, START_S, 1)));
	store_close(store);
	close(pair[0]);
}

static double written_bytes(void)
{
	double bytes = 0;
	FILE *f = fopen("/proc/self/io", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "rchar: %*f wchar: %lf", &bytes), 1);
	fclose(f);
	return bytes;
}

static void writes_little(void **state)
{
	/* A day at one sample a second hands less than 0.1 GB to the disk. */
	(void)state;
	double before = written_bytes();
	struct store *store = open_started();
	for (int i = 0; i < 86400; i++) {
		struct store_sample s = sample_at(START_S + i);
		/* As in real time, the thread is never behind by more than a commit. */
		while (i % 60 == 0 && ring_records(&store->samples) > 60) {
			poll(NULL, 0, 1);
		}
		put_all(store, &s);
	}
	store_close(store);
	double gb = (written_bytes() - before) / 1e9;
	printf("store_gb_per_day %.4f GB\n", gb);
	assert_true(gb <= 0.1);
	assert_true(ask_telemetry("SELECT count(*) FROM sample") == 86400);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(rollups_are_sums),          FRESH(unknown_is_null),
		FRESH(loads_quarters_and_bids),   FRESH(loads_the_latest_shares),
		FRESH(survives_sigkill),          FRESH(sets_corrupt_files_aside),
		FRESH(needs_no_folder),           FRESH(full_disk_costs_history_only),
		FRESH(keeps_what_retention_says), FRESH(answers_queries),
		FRESH(slow_readers_are_cut_off),  FRESH(writes_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
