/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/store_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/json_out.h"

enum {
	ROWS_MAX = 100000,
	WAIT_US = 2 * 1000000, /* what a reader may make us wait, in all */
	LINE_MAX_BYTES = STORE_TEXT_MAX * 6 + 512,
};

#define WHEN(seconds, column) "CASE WHEN " seconds " > 0 THEN " column " END AS " column
#define INTERVAL_SELECT(name)                                                                                                          \
	"SELECT start_s, seconds, " WHEN("grid_s", "import_wh") ", " WHEN("grid_s", "export_wh") ", " WHEN("pv_s", "pv_wh") ", " WHEN( \
		"load_s",                                                                                                              \
		"load_wh") ", " WHEN("battery_s",                                                                                      \
				     "charge_wh") ", " WHEN("battery_s",                                                               \
							    "discharge_wh") ", " WHEN("price_s",                                       \
										      "buy") ","                                       \
											     " " WHEN("price_s", "sell") ", " WHEN(    \
												     "price_s",                        \
												     "cost") " FROM " name             \
													     " WHERE start_s >= ?1 AND start_s < ?2 ORDER BY start_s"

static const struct {
	const char *name;
	bool ledger;
	const char *sql;
} histories[] = {
	[STORE_SAMPLES] = { "samples", false,
			    "SELECT * FROM sample WHERE time_s >= ?1 AND time_s < ?2 "
			    "ORDER BY time_s" },
	[STORE_MINUTES] = { "minutes", false, INTERVAL_SELECT("minute") },
	[STORE_QUARTERS] = { "quarters", false, INTERVAL_SELECT("quarter") },
	[STORE_LEDGER] = { "ledger", true,
			   "SELECT made_s, kind, interval_s, revision, import_wh, export_wh, text "
			   "FROM (SELECT made_s, 'bid' AS kind, interval_s, revision, NULL AS "
			   "import_wh, NULL AS export_wh, orders AS text FROM bid UNION ALL "
			   "SELECT made_s, 'award', interval_s, revision, NULL, NULL, text FROM "
			   "award UNION ALL SELECT made_s, 'meter', interval_s, NULL, import_wh, "
			   "export_wh, NULL FROM meter UNION ALL SELECT made_s, 'command', NULL, "
			   "NULL, NULL, NULL, text FROM command UNION ALL SELECT made_s, "
			   "'verdict', "
			   "interval_s, NULL, NULL, NULL, text FROM verdict UNION ALL SELECT "
			   "made_s, 'share', interval_s, NULL, NULL, NULL, text FROM share) "
			   "WHERE made_s >= ?1 AND made_s < ?2 ORDER BY made_s" },
};
enum { HISTORIES = sizeof(histories) / sizeof(histories[0]) };

const char *store_history_name(enum store_history history)
{
	return histories[history].name;
}

int store_history_by_name(const char *name)
{
	for (int i = 0; i < HISTORIES; i++) {
		if (strcmp(histories[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

/* Lines on their way to a reader. */
struct sink {
	int fd;
	bool broken; /* gone or too slow */
	int64_t waited_us;
	size_t used;
	char buffer[16384];
};

static void await_reader(struct sink *k)
{
	int64_t before_us = clock_real_us();
	struct pollfd p = { .fd = k->fd, .events = POLLOUT };
	int n = poll(&p, 1, (int)((WAIT_US - k->waited_us) / 1000) + 1);
	k->waited_us += clock_real_us() - before_us;
	k->broken = n < 0 || k->waited_us >= WAIT_US;
}

static void flush(struct sink *k)
{
	size_t done = 0;
	while (!k->broken && done < k->used) {
		ssize_t n = write(k->fd, k->buffer + done, k->used - done);
		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			await_reader(k);
		} else {
			k->broken = true;
		}
	}
	k->used = 0;
}

static void put_line(struct sink *k, const char *line, size_t length)
{
	if (k->used + length + 1 > sizeof(k->buffer)) {
		flush(k);
	}
	memcpy(k->buffer + k->used, line, length);
	k->buffer[k->used + length] = '\n';
	k->used += length + 1;
}

static void put_row(struct sink *k, struct sqlite3_stmt *s)
{
	static_assert(LINE_MAX_BYTES < sizeof(k->buffer), "a line fits the buffer");
	char line[LINE_MAX_BYTES];
	struct json_out o;
	json_begin(&o, line, sizeof(line));
	json_open_object(&o, NULL);
	for (int c = 0; c < database_columns(s); c++) {
		const char *name = database_column_name(s, c);
		switch (database_column_type(s, c)) {
		case DATABASE_INTEGER:
			json_put_integer(&o, name, database_integer(s, c));
			break;
		case DATABASE_REAL:
			json_put_number(&o, name, database_real(s, c), 6);
			break;
		case DATABASE_TEXT:
			json_put_text(&o, name, database_text(s, c));
			break;
		default:
			json_put_null(&o, name);
		}
	}
	json_close(&o);
	int length = json_finish(&o);
	if (length > 0) {
		put_line(k, line, (size_t)length);
	}
}

void query_answer(const struct query *q, struct database *telemetry, struct database *ledger)
{
	struct database *d = histories[q->history].ledger ? ledger : telemetry;
	struct sink sink = { .fd = q->fd };
	struct sqlite3_stmt *s = NULL;
	(void)fcntl(q->fd, F_SETFL, fcntl(q->fd, F_GETFL) | O_NONBLOCK);
	if (database_prepare(d, histories[q->history].sql, &s) == 0) {
		database_bind_integer(s, 1, q->from_s);
		database_bind_integer(s, 2, q->to_s);
		int rows = 0;
		int r = 0;
		while (!sink.broken && rows < ROWS_MAX && (r = database_next(s)) > 0) {
			put_row(&sink, s);
			rows++;
		}
		if (r > 0 && rows == ROWS_MAX) {
			put_line(&sink, "{\"truncated\":true}", 18);
		}
		flush(&sink);
	}
	database_release(s);
	close(q->fd);
}
