/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl history: what was recorded, as a table or as CSV. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/home/control.h"
#include "daemon/home/lecctl.h"
#include "daemon/home/lecctl_text.h"
#include "daemon/home/reason.h"
#include "daemon/home/store.h"

enum form { FORM_END, FORM_TIME, FORM_NUMBER, FORM_TEXT, FORM_DECIDER, FORM_REASONS };

struct column {
	const char *key;
	enum form form;
	const char *title;
	int width;
	int decimals;
};

/* clang-format off */
#define INTERVAL_COLUMNS                                                                           \
	{ "start_s",       FORM_TIME,   "start (UTC)",   21, 0 },                                  \
	{ "seconds",       FORM_NUMBER, "covered s",     10, 0 },                                  \
	{ "load_wh",       FORM_NUMBER, "load Wh",       10, 1 },                                  \
	{ "pv_wh",         FORM_NUMBER, "sun Wh",        10, 1 },                                  \
	{ "import_wh",     FORM_NUMBER, "import Wh",     10, 1 },                                  \
	{ "export_wh",     FORM_NUMBER, "export Wh",     10, 1 },                                  \
	{ "charge_wh",     FORM_NUMBER, "charge Wh",     10, 1 },                                  \
	{ "discharge_wh",  FORM_NUMBER, "disch. Wh",     10, 1 },                                  \
	{ "buy",           FORM_NUMBER, "buy",            8, 4 },                                  \
	{ "sell",          FORM_NUMBER, "sell",           8, 4 },                                  \
	{ "cost",          FORM_NUMBER, "cost",           9, 4 }

static const struct column columns[][16] = {
	[STORE_SAMPLES] = {
		{ "time_s",     FORM_TIME,    "time (UTC)", 21, 0 },
		{ "seconds",    FORM_NUMBER,  "s",           6, 1 },
		{ "load_w",     FORM_NUMBER,  "load W",      9, 1 },
		{ "pv_w",       FORM_NUMBER,  "sun W",       9, 1 },
		{ "grid_w",     FORM_NUMBER,  "grid W",      9, 1 },
		{ "battery_w",  FORM_NUMBER,  "battery W",  10, 1 },
		{ "soc",        FORM_NUMBER,  "full",        8, 4 },
		{ "setpoint_w", FORM_NUMBER,  "told W",      9, 1 },
		{ "buy",        FORM_NUMBER,  "buy",         8, 4 },
		{ "sell",       FORM_NUMBER,  "sell",        8, 4 },
		{ "decider",    FORM_DECIDER, "decided by", 12, 0 },
		{ "reasons",    FORM_REASONS, "the guard",   0, 0 },
	},
	[STORE_MINUTES] = { INTERVAL_COLUMNS },
	[STORE_QUARTERS] = { INTERVAL_COLUMNS },
	[STORE_LEDGER] = {
		{ "made_s",     FORM_TIME,   "made (UTC)",  21, 0 },
		{ "kind",       FORM_TEXT,   "kind",         9, 0 },
		{ "interval_s", FORM_TIME,   "interval",    21, 0 },
		{ "revision",   FORM_NUMBER, "rev.",         5, 0 },
		{ "import_wh",  FORM_NUMBER, "import Wh",   10, 1 },
		{ "export_wh",  FORM_NUMBER, "export Wh",   10, 1 },
		{ "text",       FORM_TEXT,   "text",         0, 0 },
	},
};
/* clang-format on */

struct history {
	const struct column *column;
	FILE *out;
	bool csv;
	bool json;
	bool truncated;
	char error[160]; /* what lecd says against it; "": nothing */
	long rows;
	struct page page; /* one line at a time */
	char text[32768];
};

/* --- one row ------------------------------------------------------------------------------------
 */

static void put_reasons(struct page *p, double bits)
{
	bool any = false;
	for (int bit = 0; bit < REASON_BITS && bits > 0 && bits < 4294967296.0; bit++) {
		if ((uint32_t)bits & (1u << bit)) {
			page_put(p, "%s%s", any ? "+" : "", reason_name(bit));
			any = true;
		}
	}
	page_put(p, "%s", any ? "" : "-");
}

/* The cell as it stands in CSV; in a table it is padded. Nothing is put where it is not known. */
static void put_value(struct page *p, const struct column *c, const struct json_value *value)
{
	double number = 0;
	const char *text = json_text(value);
	char time[ISOTIME_SIZE];
	if (text) {
		page_put(p, "%s", text);
	} else if (!json_number(value, &number)) {
		return;
	} else if (c->form == FORM_TIME) {
		bool sane = number >= 0 && number < 1e11;
		page_put(p, "%s", sane ? isotime_format((int64_t)number, time) : "?");
	} else if (c->form == FORM_DECIDER) {
		page_put(p, "%s",
			 decider_name((enum decider)(number >= 0 && number < 99 ? number : 99)));
	} else if (c->form == FORM_REASONS) {
		put_reasons(p, number);
	} else {
		page_number(p, true, number, c->decimals, 0);
	}
}

static void put_cell(struct page *p, const struct column *c, const struct json_value *value)
{
	char text[STORE_TEXT_MAX + 64];
	struct page cell;
	page_begin(&cell, text, sizeof(text), 0, false);
	put_value(&cell, c, value);
	if (c->form == FORM_NUMBER) {
		page_put(p, "%*s ", c->width - 1, cell.used ? text : "-");
	} else {
		page_put(p, "%s", cell.used ? text : "-");
		if (c->width > 0) {
			page_put(p, "%*s", c->width > cell.column ? c->width - cell.column : 1, "");
		}
	}
}

/* Quoted where it holds what would end a field. */
static void put_field(struct page *p, const struct column *c, const struct json_value *value)
{
	char text[STORE_TEXT_MAX + 64];
	struct page cell;
	page_begin(&cell, text, sizeof(text), 0, false);
	put_value(&cell, c, value);
	if (!strpbrk(text, ",\"")) {
		page_put(p, "%s", text);
		return;
	}
	page_put(p, "\"");
	for (char *part = text, *next; part; part = next) {
		next = strchr(part, '"');
		if (next) {
			*next++ = '\0';
		}
		page_put(p, "%s%s", part, next ? "\"\"" : "");
	}
	page_put(p, "\"");
}

static void put_row(struct history *h, const struct json_value *row)
{
	struct page *p = &h->page;
	page_begin(p, h->text, sizeof(h->text), 0, false);
	for (const struct column *c = h->column; c->form != FORM_END; c++) {
		const struct json_value *value = json_member(row, c->key);
		if (h->csv) {
			page_put(p, "%s", c == h->column ? "" : ",");
			put_field(p, c, value);
		} else {
			put_cell(p, c, value);
		}
	}
	page_end(p);
	fputs(h->text, h->out);
}

static void put_heading(struct history *h)
{
	struct page *p = &h->page;
	page_begin(p, h->text, sizeof(h->text), 0, !h->csv && page_colour(h->out));
	page_ink(p, INK_STRONG);
	for (const struct column *c = h->column; c->form != FORM_END; c++) {
		if (h->csv) {
			page_put(p, "%s%s", c == h->column ? "" : ",", c->key);
		} else if (c->form == FORM_NUMBER) {
			page_put(p, "%*s ", c->width - 1, c->title);
		} else {
			page_put(p, "%-*s", c->width, c->title);
		}
	}
	page_ink(p, INK_PLAIN);
	page_end(p);
	fputs(h->text, h->out);
}

/* --- all of them --------------------------------------------------------------------------------
 */

static void on_line(struct history *h, char *line, size_t length)
{
	struct json_in in;
	bool truncated = false;
	if (json_parse(&in, line, length) < 0) {
		snprintf(h->error, sizeof(h->error), "a row that is not understood: %s", in.why);
	} else if (json_text(json_member(in.root, "error"))) {
		snprintf(h->error, sizeof(h->error), "%s",
			 json_text(json_member(in.root, "error")));
	} else if (json_flag(json_member(in.root, "truncated"), &truncated) && truncated) {
		h->truncated = true;
	} else {
		if (h->rows++ == 0) {
			put_heading(h);
		}
		put_row(h, in.root);
	}
	json_free(&in);
}

/* Show what was fetched, a line at a time. */
static void show_rows(struct history *h, FILE *fetched)
{
	char *line = NULL;
	size_t size = 0;
	rewind(fetched);
	for (ssize_t n; (n = getline(&line, &size, fetched)) > 0 && !ferror(h->out);) {
		if (h->json) {
			fputs(line, h->out);
			h->rows++;
		} else {
			on_line(h, line, (size_t)n);
		}
	}
	free(line);
}

/* Words on stderr for how it ended. Returns the exit code. */
static int conclude(struct history *h, const char *kind, const char *from, const char *to)
{
	struct page *p = &h->page;
	if (h->json) {
		return 0;
	}
	page_begin(p, h->text, sizeof(h->text), 0, false);
	if (*h->error) {
		page_put(p, "lecctl: lecd says: %s", h->error);
	} else if (h->truncated) {
		page_put(p, "lecctl: only the first %ld rows were sent, expected a shorter time",
			 h->rows);
	} else if (h->rows == 0) {
		page_put(p, "no %s recorded from %s to %s", kind, from, to);
	} else {
		return 0;
	}
	page_end(p);
	fputs(h->text, stderr);
	return *h->error ? 1 : 0;
}

/* --- the question -------------------------------------------------------------------------------
 */

/* The house's time. */
static int ask_now(const struct lecctl *c, int64_t *out)
{
	static char reply[CONTROL_REPLY_MAX];
	struct json_in in;
	if (lecctl_ask(c, "status", reply, sizeof(reply)) < 0) {
		return -1;
	}
	int r = json_parse_long(&in, reply, strlen(reply));
	const char *time = json_text(json_member(in.root, "time"));
	r = r < 0 || !time ? -1 : isotime_parse(time, out);
	json_free(&in);
	if (r < 0) {
		fputs("lecctl: lecd does not tell its time, expected --from and --to\n", stderr);
	}
	return r;
}

static int parse_time(const char *option, const char *text, int64_t *out)
{
	if (text && isotime_parse(text, out) < 0) {
		fprintf(stderr, "lecctl: %s is no time, expected one like 2026-06-15T00:00:00Z\n",
			option);
		return 2;
	}
	return 0;
}

/* Fill from and to. Returns 0 or the exit code. */
static int find_span(const struct lecctl *c, int64_t *from_s, int64_t *to_s)
{
	enum { DAY_S = 86400 };
	int code = parse_time("--from", c->from, from_s);
	code = code ? code : parse_time("--to", c->to, to_s);
	if (code) {
		return code;
	}
	if (!c->to) {
		if (ask_now(c, to_s) < 0) {
			return 1;
		}
		++*to_s; /* what began now is part of it */
	}
	if (!c->from) {
		*from_s = *to_s > DAY_S ? *to_s - DAY_S : 0;
	}
	if (*from_s >= *to_s) {
		fputs("lecctl: --from is not before --to, expected a time that has passed\n",
		      stderr);
		return 2;
	}
	return 0;
}

static int fetch(const struct lecctl *c, const char *request, FILE *out)
{
	int r = control_fetch(c->socket, request, out);
	if (r < 0) {
		lecctl_complain(c, r);
	}
	return r;
}

static FILE *open_out(const struct lecctl *c)
{
	if (!c->out || strcmp(c->out, "-") == 0) {
		return stdout;
	}
	FILE *file = fopen(c->out, "we");
	if (!file) {
		fprintf(stderr, "%s: cannot be written: %s\n", c->out, strerror(errno));
	}
	return file;
}

int lecctl_history(const struct lecctl *c)
{
	static struct history h;
	const char *kind = c->kind ? c->kind : store_history_name(STORE_QUARTERS);
	int which = store_history_by_name(kind);
	int64_t from_s = 0, to_s = 0;
	if (which < 0) {
		fputs("lecctl: no such --kind, expected samples, minutes, quarters or ledger\n",
		      stderr);
		return 2;
	}
	int code = find_span(c, &from_s, &to_s);
	if (code) {
		return code;
	}
	char request[CONTROL_REQUEST_MAX], from[ISOTIME_SIZE], to[ISOTIME_SIZE];
	snprintf(request, sizeof(request), "history %s %s %s", kind, isotime_format(from_s, from),
		 isotime_format(to_s, to));
	h = (struct history){ .column = columns[which], .csv = c->out != NULL, .json = c->json };
	FILE *fetched = tmpfile();
	if (!fetched) {
		fprintf(stderr, "lecctl: no temporary file: %s\n", strerror(errno));
		return 1;
	}
	code = fetch(c, request, fetched) < 0 || !(h.out = open_out(c));
	if (code == 0) {
		show_rows(&h, fetched);
		code = conclude(&h, kind, from, to);
		if (ferror(h.out) || (h.out != stdout && fclose(h.out) != 0)) {
			fprintf(stderr, "%s: cannot be written whole\n",
				c->out ? c->out : "stdout");
			code = 1;
		}
	}
	fclose(fetched);
	return code;
}
