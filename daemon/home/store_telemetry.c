/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/store_private.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#define INTERVAL_TABLE(name)                                                                       \
	"CREATE TABLE IF NOT EXISTS " name "(start_s INTEGER PRIMARY KEY, seconds REAL, "          \
	"grid_s REAL, pv_s REAL, load_s REAL, battery_s REAL, price_s REAL, import_wh REAL, "      \
	"export_wh REAL, pv_wh REAL, load_wh REAL, charge_wh REAL, discharge_wh REAL, cost REAL, " \
	"buy REAL, sell REAL);"

#define MEAN(price)                                                                                \
	price " = CASE WHEN price_s + excluded.price_s > 0 THEN (" price                           \
	      " * price_s + excluded." price                                                       \
	      " * excluded.price_s) / (price_s + excluded.price_s) ELSE 0 END"
#define SUM(column) column " = " column " + excluded." column ", "

/* An interval is written in pieces, and again after a restart or a step of the clock: add up. */
#define INTERVAL_ADD(name)                                                                         \
	"INSERT INTO " name                                                                        \
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "          \
	"ON CONFLICT(start_s) DO UPDATE SET " MEAN("buy") ", " MEAN("sell") ", " SUM("seconds")    \
		SUM("grid_s") SUM("pv_s") SUM("load_s") SUM("battery_s") SUM("price_s")            \
			SUM("import_wh") SUM("export_wh") SUM("pv_wh") SUM("load_wh")              \
				SUM("charge_wh") SUM("discharge_wh") "cost = cost + excluded.cost"

#define DELETE_OLD(name, column)                                                                   \
	"DELETE FROM " name " WHERE " column " IN (SELECT " column " FROM " name " WHERE " column  \
	" < ?1 ORDER BY " column " LIMIT 600)"

enum {
	INSERT_SAMPLE,
	ADD_MINUTE,
	ADD_QUARTER,
	SELECT_QUARTERS,
	DELETE_SAMPLES,
	DELETE_MINUTES,
	DELETE_QUARTERS,
	FREE_PAGES,
	STATEMENT_COUNT
};
static_assert((int)STATEMENT_COUNT <= (int)DATABASE_STATEMENTS_MAX, "room for all statements");

static const char *const sql[STATEMENT_COUNT] = {
	[INSERT_SAMPLE] = ("INSERT OR REPLACE INTO sample VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
			   "?9, ?10, ?11, ?12, ?13)"),
	[ADD_MINUTE] = INTERVAL_ADD("minute"),
	[ADD_QUARTER] = INTERVAL_ADD("quarter"),
	[SELECT_QUARTERS] = "SELECT * FROM quarter WHERE start_s >= ?1 ORDER BY start_s",
	[DELETE_SAMPLES] = DELETE_OLD("sample", "time_s"),
	[DELETE_MINUTES] = DELETE_OLD("minute", "start_s"),
	[DELETE_QUARTERS] = DELETE_OLD("quarter", "start_s"),
	[FREE_PAGES] = "PRAGMA freelist_count",
};

const struct database_schema telemetry_schema = {
	.file = "telemetry.db",
	.version = 1,
	.synchronous = "NORMAL",
	.set_aside = true,
	.cache_kib = 256,
	.tables = "CREATE TABLE IF NOT EXISTS sample(time_s INTEGER PRIMARY KEY, seconds REAL, "
		  "grid_w REAL, pv_w REAL, load_w REAL, battery_w REAL, soc REAL, setpoint_w REAL, "
		  "buy REAL, sell REAL, decider INTEGER, reasons INTEGER, quality "
		  "INTEGER);" INTERVAL_TABLE("minute") INTERVAL_TABLE("quarter"),
	.sql = sql,
	.statements = STATEMENT_COUNT,
};

static const struct {
	int statement;
	int64_t keep_s;
} retention[] = {
	{ DELETE_SAMPLES, INT64_C(7) * 86400 },
	{ DELETE_MINUTES, INT64_C(90) * 86400 },
	{ DELETE_QUARTERS, INT64_C(3653) * 86400 },
};

enum {
	DELETE_BATCH = 600, /* rows, as in DELETE_OLD */
	DELETE_BATCHES = 4, /* a write; more than it can have brought */
	TIDY_S = 3600,
	FREE_PAGES_MAX = 2000, /* kept for rows to come */
};

/* The columns of an interval after start_s, in the order of its table. */
static const size_t interval_column[] = {
	offsetof(struct store_interval, seconds),   offsetof(struct store_interval, grid_s),
	offsetof(struct store_interval, pv_s),      offsetof(struct store_interval, load_s),
	offsetof(struct store_interval, battery_s), offsetof(struct store_interval, price_s),
	offsetof(struct store_interval, import_wh), offsetof(struct store_interval, export_wh),
	offsetof(struct store_interval, pv_wh),     offsetof(struct store_interval, load_wh),
	offsetof(struct store_interval, charge_wh), offsetof(struct store_interval, discharge_wh),
	offsetof(struct store_interval, cost),      offsetof(struct store_interval, buy),
	offsetof(struct store_interval, sell),
};
enum { INTERVAL_COLUMNS = sizeof(interval_column) / sizeof(interval_column[0]) };

static double *interval_field(struct store_interval *i, int column)
{
	return (double *)((char *)i + interval_column[column]);
}

static bool known(const struct store_sample *s, enum store_value which)
{
	return s->known & (1u << which);
}

static double positive(double x)
{
	return x > 0 ? x : 0;
}

/* Wh of that power over the sample's seconds. */
static double energy(const struct store_sample *s, double w)
{
	return w * s->seconds / 3600;
}

static void add_prices(struct store_interval *to, const struct store_sample *s)
{
	double all_s = to->price_s + s->seconds;
	to->buy = (to->buy * to->price_s + s->value[STORE_BUY] * s->seconds) / all_s;
	to->sell = (to->sell * to->price_s + s->value[STORE_SELL] * s->seconds) / all_s;
	to->price_s = all_s;
	if (known(s, STORE_GRID_W)) {
		double w = s->value[STORE_GRID_W];
		to->cost += (energy(s, positive(w)) * s->value[STORE_BUY] -
			     energy(s, positive(-w)) * s->value[STORE_SELL]) /
			    1000;
	}
}

void rollup_add(struct store_interval *to, const struct store_sample *s, int length_s)
{
	if (to->seconds == 0) {
		*to = (struct store_interval){ .start_s = s->time_s - s->time_s % length_s };
	}
	to->seconds += s->seconds;
	if (known(s, STORE_GRID_W)) {
		to->grid_s += s->seconds;
		to->import_wh += energy(s, positive(s->value[STORE_GRID_W]));
		to->export_wh += energy(s, positive(-s->value[STORE_GRID_W]));
	}
	if (known(s, STORE_PV_W)) {
		to->pv_s += s->seconds;
		to->pv_wh += energy(s, s->value[STORE_PV_W]);
	}
	if (known(s, STORE_LOAD_W)) {
		to->load_s += s->seconds;
		to->load_wh += energy(s, s->value[STORE_LOAD_W]);
	}
	if (known(s, STORE_BATTERY_W)) {
		to->battery_s += s->seconds;
		to->discharge_wh += energy(s, positive(s->value[STORE_BATTERY_W]));
		to->charge_wh += energy(s, positive(-s->value[STORE_BATTERY_W]));
	}
	if (known(s, STORE_BUY) && known(s, STORE_SELL)) {
		add_prices(to, s);
	}
}

/* --- writing ---------------------------------------------------------------------------------- */

static int insert_sample(struct database *d, const struct store_sample *s)
{
	struct sqlite3_stmt *insert = d->statement[INSERT_SAMPLE];
	database_bind_integer(insert, 1, s->time_s);
	database_bind_real(insert, 2, s->seconds);
	for (int i = 0; i < STORE_VALUE_COUNT; i++) {
		if (known(s, (enum store_value)i)) {
			database_bind_real(insert, 3 + i, s->value[i]);
		} else {
			database_bind_null(insert, 3 + i);
		}
	}
	database_bind_integer(insert, 3 + STORE_VALUE_COUNT, s->decider);
	database_bind_integer(insert, 4 + STORE_VALUE_COUNT, s->reasons);
	database_bind_integer(insert, 5 + STORE_VALUE_COUNT, s->quality);
	return database_step(insert);
}

/* Write the interval and empty it. */
static int write_interval(struct database *d, int statement, struct store_interval *i)
{
	if (i->seconds == 0) {
		return 0;
	}
	struct sqlite3_stmt *add = d->statement[statement];
	database_bind_integer(add, 1, i->start_s);
	for (int c = 0; c < INTERVAL_COLUMNS; c++) {
		database_bind_real(add, 2 + c, *interval_field(i, c));
	}
	i->seconds = 0;
	return database_step(add);
}

/* Add s to the interval, which is written first where s begins another one. */
static int roll(struct database *d, int statement, struct store_interval *i,
		const struct store_sample *s, int length_s)
{
	int r = 0;
	if (i->seconds > 0 && i->start_s != s->time_s - s->time_s % length_s) {
		r = write_interval(d, statement, i);
	}
	rollup_add(i, s, length_s);
	return r;
}

static int write_batch(struct database *d, struct ring *waiting, size_t *cursor, long *count,
		       int64_t *now_s)
{
	struct store_interval minute = { 0 }, quarter = { 0 };
	struct store_sample s;
	int r = database_run(d, "BEGIN IMMEDIATE");
	while (r == 0 && ring_read(waiting, cursor, &s, sizeof(s)) > 0) {
		r = insert_sample(d, &s);
		r = r ? r : roll(d, ADD_MINUTE, &minute, &s, 60);
		r = r ? r : roll(d, ADD_QUARTER, &quarter, &s, STORE_QUARTER_S);
		*now_s = s.time_s;
		(*count)++;
	}
	r = r ? r : write_interval(d, ADD_MINUTE, &minute);
	r = r ? r : write_interval(d, ADD_QUARTER, &quarter);
	return r ? r : database_run(d, "COMMIT");
}

long telemetry_write(struct telemetry *t, struct ring *waiting, int64_t *now_s)
{
	struct database *d = &t->database;
	size_t cursor = 0;
	long count = 0;
	if (!d->handle && database_open(d, *now_s, 0) < 0) {
		return -EIO;
	}
	if (write_batch(d, waiting, &cursor, &count, now_s) < 0) {
		return database_fail(d, *now_s);
	}
	ring_drop(waiting, cursor);
	d->fault[0] = '\0';
	return count;
}

/* Delete a few batches of rows before that time; *more becomes true where some are left. */
static int delete_old(struct database *d, int statement, int64_t before_s, bool *more)
{
	for (int i = 0; i < DELETE_BATCHES; i++) {
		database_bind_integer(d->statement[statement], 1, before_s);
		if (database_step(d->statement[statement]) < 0) {
			return -EIO;
		}
		if (database_changes(d) < DELETE_BATCH) {
			return 0;
		}
	}
	*more = true;
	return 0;
}

void telemetry_tidy(struct telemetry *t, int64_t now_s)
{
	struct database *d = &t->database;
	bool hour = now_s >= t->tidied_s + TIDY_S || now_s < t->tidied_s;
	if (!d->handle || (!hour && !t->untidy)) {
		return;
	}
	t->untidy = false;
	for (size_t i = 0; i < sizeof(retention) / sizeof(retention[0]); i++) {
		if (delete_old(d, retention[i].statement, now_s - retention[i].keep_s, &t->untidy) <
		    0) {
			(void)database_fail(d, now_s);
			return;
		}
	}
	if (!hour) {
		return;
	}
	t->tidied_s = now_s;
	struct sqlite3_stmt *pages = d->statement[FREE_PAGES];
	bool many = database_next(pages) > 0 && database_integer(pages, 0) > FREE_PAGES_MAX;
	database_reset(pages);
	if (many) {
		(void)database_run(d, "PRAGMA incremental_vacuum(256)");
	}
	database_checkpoint(d);
}

long telemetry_quarters(struct telemetry *t, int64_t since_s,
			void (*each)(const struct store_interval *q, void *argument),
			void *argument)
{
	struct database *d = &t->database;
	if (!d->handle) {
		return -EIO;
	}
	struct sqlite3_stmt *select = d->statement[SELECT_QUARTERS];
	database_bind_integer(select, 1, since_s);
	long count = 0;
	int r;
	while ((r = database_next(select)) > 0) {
		struct store_interval q = { .start_s = database_integer(select, 0) };
		for (int c = 0; c < INTERVAL_COLUMNS; c++) {
			*interval_field(&q, c) = database_real(select, 1 + c);
		}
		each(&q, argument);
		count++;
	}
	return r == 0 ? count : database_fail(d, since_s);
}
