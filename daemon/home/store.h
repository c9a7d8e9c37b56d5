/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of a home: what was measured and done (telemetry) and what was promised (ledger), in
 * two SQLite files of one directory.
 *
 *   telemetry.db   samples 7 days, minutes 90 days, quarters 10 years. Written once a minute; a
 *                  power cut may cost the last minutes. A failing disk costs samples, counted.
 *   ledger.db      bids, awards, metered intervals, commands of people, verdicts on the policy,
 *                  a community's accounts. Durable once told so; while the disk fails, rows wait
 *                  in memory and are tried again.
 *
 * A thread of its own writes, because fsync stalls. After store_start nothing here blocks,
 * allocates or fails the caller: full queues refuse and count. A file found corrupt is renamed to
 * NAME.corrupt-TIME and a fresh one begun. Trouble is told by store_status, never by an end.
 *
 * House time comes with the records (UTC seconds); no clock rules what is kept. */
#ifndef LECD_HOME_STORE_H
#define LECD_HOME_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_QUARTER_S = 900,
	STORE_TEXT_MAX = 2048, /* bytes of a ledger row's text, with NUL */
};

/* The measured columns of a sample. */
enum store_value {
	STORE_GRID_W,
	STORE_PV_W,
	STORE_LOAD_W,
	STORE_BATTERY_W,  /* sum over batteries, + discharge */
	STORE_SOC,        /* fraction of the summed capacity */
	STORE_SETPOINT_W, /* sum over batteries, + discharge */
	STORE_BUY,        /* price per kWh now */
	STORE_SELL,
	STORE_VALUE_COUNT
};

/* One cycle. It stands for [time_s, time_s + seconds). */
struct store_sample {
	int64_t time_s;
	double seconds; /* > 0, at most STORE_QUARTER_S */
	double value[STORE_VALUE_COUNT];
	uint32_t known;   /* bit n: value[n] is known; the rest is NULL in the file */
	uint32_t reasons; /* the guard's */
	uint32_t quality; /* as the cycle packs it; stored as it is */
	int decider;
};

static inline void store_set(struct store_sample *s, enum store_value which, double value)
{
	s->value[which] = value;
	s->known |= 1u << which;
}

/* A minute or a quarter of an hour. Energies cover only the seconds in which their power was
 * known, so a mean is energy over covered seconds. */
struct store_interval {
	int64_t start_s;
	double seconds; /* covered by samples; more than its length where the clock stepped back */
	double grid_s, pv_s, load_s, battery_s, price_s; /* of these, where each was known */
	double import_wh, export_wh, pv_wh, load_wh, charge_wh, discharge_wh;
	double buy, sell; /* means over price_s */
	double cost;      /* of import at buy less export at sell, where all are known */
};

enum store_kind {
	STORE_BID,     /* interval_s, revision, text: its orders */
	STORE_AWARD,   /* interval_s, revision, text: what was bought or sold */
	STORE_METER,   /* interval_s, import_wh, export_wh */
	STORE_COMMAND, /* text: what a person asked for, and who */
	STORE_OWED, /* interval_s, revision, text: a reading as it is said; revision 1: the market
		       has it, 2: refused it */
	STORE_VERDICT, /* interval_s, text: what the policy ordered, and what that cost more */
	STORE_SHARE,   /* interval_s, revision (whose), text: a member's account with its manager */
	STORE_KIND_COUNT
};

/* A ledger row. A later row with the same interval and revision replaces the earlier. */
struct store_row {
	enum store_kind kind;
	int64_t made_s;
	int64_t interval_s;
	int64_t revision;
	double import_wh;
	double export_wh;
	char text[STORE_TEXT_MAX]; /* JSON */
};

struct store_status {
	uint64_t samples;      /* written */
	uint64_t samples_lost; /* the queue was full, or the disk failed too long */
	uint64_t rows;         /* ledger rows durable */
	uint64_t rows_refused; /* the queue was full */
	int rows_waiting;
	uint64_t failures;    /* of writing or opening */
	bool alarm;           /* someone should look */
	char alarm_text[200]; /* why, "" if not */
};

struct store;

/* Open or create both files in the directory, check them for at most check_ms each, and set aside
 * what is broken. now_s names what is set aside. Fails only without memory: a directory that cannot
 * be used is an alarm, and tried again. */
int store_open(const char *directory, int64_t now_s, int check_ms, struct store **out);

/* Between store_open and store_start only: */

/* The bids of intervals that begin at since_s or later, by interval and then revision. */
void store_load_bids(struct store *store, int64_t since_s,
		     void (*each)(const struct store_row *row, void *argument), void *argument);
/* What a person said last; -ENOENT where nobody did. */
int store_last_command(struct store *store, struct store_row *out);
/* The awards of intervals that begin at since_s or later, as they came. */
void store_load_awards(struct store *store, int64_t since_s,
		       void (*each)(const struct store_row *row, void *argument), void *argument);
/* The same of readings that the market has not answered. */
void store_load_owed(struct store *store, int64_t since_s,
		     void (*each)(const struct store_row *row, void *argument), void *argument);
/* The same of verdicts, by interval. */
void store_load_verdicts(struct store *store, int64_t since_s,
			 void (*each)(const struct store_row *row, void *argument), void *argument);
/* The latest account of each member, in no order. */
void store_load_shares(struct store *store,
		       void (*each)(const struct store_row *row, void *argument), void *argument);
/* Every quarter that starts at since_s or later, oldest first. Returns how many, or -EIO. */
long store_load_quarters(struct store *store, int64_t since_s,
			 void (*each)(const struct store_interval *q, void *argument),
			 void *argument);

/* Start the thread. */
int store_start(struct store *store);

/* Write what waits now, on this thread: for a store that is not started, in simulated time. */
void store_flush(struct store *store);

/* Write what waits, tidy up and end: within ten seconds, else the thread is left behind. Takes
 * NULL, and a store that was not started. */
void store_close(struct store *store);

/* Record a cycle. 0, -ENOBUFS where the queue is full, -EINVAL. */
int store_put(struct store *store, const struct store_sample *sample);

/* Hand over a ledger row; *ticket grows by one per row. -ENOBUFS where the queue is full: then what
 * depends on it must not be done. -EINVAL where it is no row. */
int store_ledger_put(struct store *store, const struct store_row *row, uint64_t *ticket);

/* The highest ticket that is on the disk with all before it; store_fd turns readable when it grew
 * (for sd-event), until this is called. */
uint64_t store_durable(struct store *store);
int store_fd(const struct store *store);

/* History as lines of JSON. */
enum store_history { STORE_SAMPLES, STORE_MINUTES, STORE_QUARTERS, STORE_LEDGER };

/* The word for it, and the history with that word, or -1: "samples", "minutes", "quarters",
 * "ledger". */
const char *store_history_name(enum store_history history);
int store_history_by_name(const char *name);

/* Write all rows of [from_s, to_s) to fd, one JSON object a line, and close it. At most 100,000;
 * {"truncated":true} follows where there were more. A reader that lets us wait for more than two
 * seconds in all is cut off. Taking fd over: 0; else -EBUSY, and it stays the caller's. */
int store_query(struct store *store, enum store_history history, int64_t from_s, int64_t to_s,
		int fd);

void store_status(struct store *store, struct store_status *out);

#endif
