/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/bill.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"
#include "daemon/base/tariff.h"
#include "daemon/market/money.h"

enum {
	FIXED_SIZE = 48,
	KWH_PLACES = 3,
	MONEY_PLACES = 2,
	PRICE_PLACES = 4,
	RUNS_MAX = 8, /* of intervals that are named */
	JSON_SIZE = 4096,
};

/* Millionths with so many places, halves away from zero. */
static const char *fixed(int64_t value, int places, char out[FIXED_SIZE])
{
	int64_t unit = MILLION, scale = 1;
	for (int i = 0; i < places; i++) {
		unit /= 10;
		scale *= 10;
	}
	int64_t rounded = money_divide(value, unit);
	uint64_t size = (uint64_t)(rounded < 0 ? -rounded : rounded);
	snprintf(out, FIXED_SIZE, "%s%" PRIu64 ".%0*" PRIu64, rounded < 0 ? "-" : "",
		 size / (uint64_t)scale, places, size % (uint64_t)scale);
	return out;
}

/* --- for a person ------------------------------------------------------------------------------
 */

/* One line of the table; energy < 0: none. */
static void print_item(FILE *to, const char *what, int64_t energy, bool priced, int64_t money)
{
	char kwh[FIXED_SIZE] = "", price[FIXED_SIZE] = "", amount[FIXED_SIZE];
	if (energy >= 0) {
		(void)fixed(energy, KWH_PLACES, kwh);
	}
	if (priced && energy > 0) {
		int64_t mean = money_divide((wide)(money < 0 ? -money : money) * MILLION, energy);
		(void)fixed(mean, PRICE_PLACES, price);
	}
	fprintf(to, "  %-42s %12s %10s %12s\n", what, kwh, price,
		fixed(money, MONEY_PLACES, amount));
}

static int64_t to_cents(int64_t money)
{
	const int64_t cent = MILLION / 100;
	return money_divide(money, cent) * cent;
}

static void print_table(FILE *to, const struct bill *b)
{
	const struct settle_line *s = &b->sum;
	char unit[16];
	snprintf(unit, sizeof(unit), "%s/kWh", b->currency);
	fprintf(to, "  %-42s %12s %10s %12s\n", "", "kWh", unit, b->currency);
	print_item(to, "bought from neighbours", s->bought, true, s->paid);
	print_item(to, "bought from the utility", s->from_utility, true, s->utility_cost);
	print_item(to, "fees of the grid", -1, false, s->fees);
	print_item(to, "sold to neighbours", s->sold, true, -s->received);
	print_item(to, "sold to the utility", s->to_utility, true, -s->utility_gain);
	if (s->penalty != 0) {
		print_item(to, "penalty for what was not kept", s->not_taken + s->not_given, true,
			   s->penalty);
	}
	print_item(to, s->total < 0 ? "you receive" : "you pay", -1, false, s->total);
	fputc('\n', to);
	print_item(to, "the same energy with the utility alone", -1, false, s->alone);
	/* Of the rounded ones, as a reader would take them from each other. */
	int64_t saved = to_cents(s->alone) - to_cents(s->total);
	print_item(to, saved < 0 ? "lost by the market" : "saved by the market", -1, false,
		   saved < 0 ? -saved : saved);
}

static const char *local(int64_t at_s, char out[ISOTIME_SIZE])
{
	isotime_format(at_s + timezone_offset_s(at_s), out);
	out[10] = ' ';
	out[16] = '\0'; /* to the minute, without a zone */
	return out;
}

/* The row behind the last one that follows row i without a gap and is so, too. */
static int end_of_run(const struct bill *b, int i, bool (*is)(const struct bill_row *))
{
	int end = i + 1;
	while (end < b->rows && is(&b->row[end]) &&
	       b->row[end].interval_s == b->row[end - 1].interval_s + b->length_s) {
		end++;
	}
	return end;
}

/* "what: 3 intervals (from to to, from to to)how" of the rows that are so. */
static void print_intervals(FILE *to, const struct bill *b, const char *what, int count,
			    bool (*is)(const struct bill_row *), const char *how)
{
	if (count == 0) {
		return;
	}
	fprintf(to, "%s: %d interval%s (", what, count, count == 1 ? "" : "s");
	int named = 0, runs = 0;
	for (int i = 0; i < b->rows && runs < RUNS_MAX; i++) {
		if (is(&b->row[i])) {
			char from[ISOTIME_SIZE], until[ISOTIME_SIZE];
			int end = end_of_run(b, i, is);
			fprintf(to, "%s%s to %s", runs++ ? ", " : "",
				local(b->row[i].interval_s, from),
				local(b->row[end - 1].interval_s + b->length_s, until));
			named += end - i;
			i = end - 1;
		}
	}
	if (count > named) {
		fprintf(to, " and %d more", count - named);
	}
	fprintf(to, ")%s.\n", how);
}

static bool is_estimated(const struct bill_row *r)
{
	return r->line.estimated;
}

static bool is_corrected(const struct bill_row *r)
{
	return r->revision > 0;
}

static void print_notes(FILE *to, const struct bill *b)
{
	const struct settle_line *s = &b->sum;
	char in[FIXED_SIZE], out[FIXED_SIZE];
	fprintf(to, "Your meter: %s kWh in, %s kWh out, over %d interval%s.\n",
		fixed(s->import, KWH_PLACES, in), fixed(s->export, KWH_PLACES, out), b->rows,
		b->rows == 1 ? "" : "s");
	if (s->not_taken + s->not_given > 0) {
		fprintf(to,
			"Imbalance: %s kWh bought and not taken, %s kWh sold and not given; %s.\n",
			fixed(s->not_taken, KWH_PLACES, in), fixed(s->not_given, KWH_PLACES, out),
			!b->traded_rule    ? "not counted as traded"
			: !b->metered_rule ? "settled with the utility"
					   : "settled by the rule of their time");
	}
	print_intervals(to, b, "Estimated for lack of a reading, as if trades were kept",
			b->estimated, is_estimated, "; corrected when the readings come");
	print_intervals(to, b, "Corrected since they were first settled", b->corrected,
			is_corrected, "");
	if (b->settled < b->expected) {
		fprintf(to, "Not complete: %" PRId64 " of %" PRId64 " intervals are settled.\n",
			b->settled, b->expected);
	}
	fprintf(to, "Each amount is rounded by itself, the sum of the exact ones once.\n");
	char digits[DIGEST_TEXT_SIZE];
	fprintf(to, "The ledger's head, to hold it to: %" PRId64 ":%s\n", b->head_sequence,
		digest_text(b->head, digits));
	if (b->broken > 0) {
		fprintf(to,
			"NOT TO BE RELIED ON: entry %" PRId64
			" of the ledger was changed after it was "
			"made.\n",
			b->broken);
	}
}

void bill_print(FILE *to, const struct bill *b, const char *title, const char *zone)
{
	char from[ISOTIME_SIZE], until[ISOTIME_SIZE];
	fprintf(to, "Statement of %s, %s (%s to %s, %s)\n\n", b->home, title,
		local(b->from_s, from), local(b->to_s, until), zone);
	print_table(to, b);
	fputc('\n', to);
	print_notes(to, b);
}

/* --- for machines --------------------------------------------------------------------------------
 */

#define LINE(field) offsetof(struct settle_line, field)
static const struct {
	const char *name;
	size_t offset;
} columns[] = {
	{ "import_kwh", LINE(import) },
	{ "export_kwh", LINE(export) },
	{ "bought_kwh", LINE(bought) },
	{ "paid", LINE(paid) },
	{ "sold_kwh", LINE(sold) },
	{ "received", LINE(received) },
	{ "not_taken_kwh", LINE(not_taken) },
	{ "not_given_kwh", LINE(not_given) },
	{ "from_utility_kwh", LINE(from_utility) },
	{ "utility_cost", LINE(utility_cost) },
	{ "to_utility_kwh", LINE(to_utility) },
	{ "utility_gain", LINE(utility_gain) },
	{ "fees", LINE(fees) },
	{ "penalty", LINE(penalty) },
	{ "total", LINE(total) },
	{ "alone", LINE(alone) },
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

static int64_t value_of(const struct settle_line *l, int column)
{
	return *(const int64_t *)(const void *)((const char *)l + columns[column].offset);
}

int bill_print_json(FILE *to, const struct bill *b)
{
	char text[JSON_SIZE], at[ISOTIME_SIZE], digits[DIGEST_TEXT_SIZE];
	char head[DIGEST_TEXT_SIZE + 24];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_text(&o, "home", b->home);
	json_put_text(&o, "from", isotime_format(b->from_s, at));
	json_put_text(&o, "to", isotime_format(b->to_s, at));
	json_put_text(&o, "currency", b->currency);
	json_put_integer(&o, "intervals", b->rows);
	json_put_integer(&o, "settled", b->settled);
	json_put_integer(&o, "expected", b->expected);
	json_put_integer(&o, "estimated", b->estimated);
	json_put_integer(&o, "corrected", b->corrected);
	for (int i = 0; i < COLUMNS; i++) {
		json_put_millionths(&o, columns[i].name, value_of(&b->sum, i));
	}
	json_put_millionths(&o, "saving", b->sum.alone - b->sum.total);
	json_put_flag(&o, "sound", b->broken == 0);
	snprintf(head, sizeof(head), "%" PRId64 ":%s", b->head_sequence,
		 digest_text(b->head, digits));
	json_put_text(&o, "head", head);
	json_close(&o);
	return json_finish(&o) > 0 && fprintf(to, "%s\n", text) > 0 ? 0 : -EIO;
}

void bill_print_csv(FILE *to, const struct bill *b)
{
	char at[ISOTIME_SIZE], text[FIXED_SIZE];
	fputs("time", to);
	for (int i = 0; i < COLUMNS; i++) {
		fprintf(to, ",%s", columns[i].name);
	}
	fputs(",estimated,revision\n", to);
	for (int r = 0; r < b->rows; r++) {
		const struct bill_row *row = &b->row[r];
		fputs(isotime_format(row->interval_s, at), to);
		for (int i = 0; i < COLUMNS; i++) {
			fprintf(to, ",%s", fixed(value_of(&row->line, i), 6, text));
		}
		fprintf(to, ",%s,%" PRId64 "\n", row->line.estimated ? "yes" : "no", row->revision);
	}
}
