/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/json.h"

/* One key of an object. Whole numbers only; what they may be at most is the ledger's business: a
 * sum of a community fits, whatever it is. */
enum type { INTEGER, TOLD, COUNT, FLAG, WORD, CURRENCY };

struct field {
	const char *key;
	enum type type;
	size_t offset;
};

#define MONEY_MAX INT64_C(4000000000000000000)

static const struct field award_fields[] = {
	{ "bought_mwh", INTEGER, offsetof(struct fact_award, bought) },
	{ "paid_micro", INTEGER, offsetof(struct fact_award, paid) },
	{ "sold_mwh", INTEGER, offsetof(struct fact_award, sold) },
	{ "received_micro", INTEGER, offsetof(struct fact_award, received) },
	{ "grid_cost_micro", TOLD, offsetof(struct fact_award, grid_cost) },
};

static const struct field meter_fields[] = {
	{ "import_mwh", INTEGER, offsetof(struct fact_meter, import) },
	{ "export_mwh", INTEGER, offsetof(struct fact_meter, export) },
};

static const struct field line_fields[] = {
	{ "estimated", FLAG, offsetof(struct settle_line, estimated) },
	{ "import_mwh", INTEGER, offsetof(struct settle_line, import) },
	{ "export_mwh", INTEGER, offsetof(struct settle_line, export) },
	{ "bought_mwh", INTEGER, offsetof(struct settle_line, bought) },
	{ "paid_micro", INTEGER, offsetof(struct settle_line, paid) },
	{ "sold_mwh", INTEGER, offsetof(struct settle_line, sold) },
	{ "received_micro", INTEGER, offsetof(struct settle_line, received) },
	{ "not_taken_mwh", INTEGER, offsetof(struct settle_line, not_taken) },
	{ "not_given_mwh", INTEGER, offsetof(struct settle_line, not_given) },
	{ "from_utility_mwh", INTEGER, offsetof(struct settle_line, from_utility) },
	{ "utility_cost_micro", INTEGER, offsetof(struct settle_line, utility_cost) },
	{ "to_utility_mwh", INTEGER, offsetof(struct settle_line, to_utility) },
	{ "utility_gain_micro", INTEGER, offsetof(struct settle_line, utility_gain) },
	{ "fees_micro", INTEGER, offsetof(struct settle_line, fees) },
	{ "penalty_micro", INTEGER, offsetof(struct settle_line, penalty) },
	{ "total_micro", INTEGER, offsetof(struct settle_line, total) },
	{ "alone_micro", INTEGER, offsetof(struct settle_line, alone) },
};

#define TERM(field) offsetof(struct fact_balance, terms.field)
#define SUM(field)  offsetof(struct fact_balance, sums.field)
static const struct field balance_fields[] = {
	{ "rule", WORD, TERM(rule) },
	{ "currency", CURRENCY, offsetof(struct fact_balance, currency) },
	{ "length_s", INTEGER, offsetof(struct fact_balance, length_s) },
	{ "utility_buy_micro", INTEGER, TERM(utility_buy) },
	{ "utility_sell_micro", INTEGER, TERM(utility_sell) },
	{ "network_fee_micro", INTEGER, TERM(network_fee) },
	{ "local_fee_micro", INTEGER, TERM(local_fee) },
	{ "penalty_micro", INTEGER, TERM(penalty) },
	{ "homes", COUNT, SUM(homes) },
	{ "estimated", COUNT, SUM(estimated) },
	{ "traded_mwh", INTEGER, SUM(traded) },
	{ "delivered_mwh", INTEGER, SUM(delivered) },
	{ "taken_mwh", INTEGER, SUM(taken) },
	{ "total_micro", INTEGER, SUM(total) },
	{ "utility_account_micro", INTEGER, SUM(utility) },
	{ "grid_account_micro", INTEGER, SUM(grid) },
	{ "penalties_account_micro", INTEGER, SUM(penalties) },
	{ "residue_account_micro", INTEGER, SUM(residue) },
};

static void put(struct json_out *o, const struct field *f, const void *at)
{
	switch (f->type) {
	case INTEGER:
		json_put_integer(o, f->key, *(const int64_t *)at);
		break;
	case TOLD:
		if (((const struct fact_told *)at)->is) {
			json_put_integer(o, f->key, ((const struct fact_told *)at)->micro);
		}
		break;
	case COUNT:
		json_put_integer(o, f->key, *(const int *)at);
		break;
	case FLAG:
		json_put_flag(o, f->key, *(const bool *)at);
		break;
	case WORD:
		json_put_text(o, f->key, settle_rules[*(const enum settle_rule *)at]);
		break;
	case CURRENCY:
		json_put_text(o, f->key, at);
		break;
	}
}

static int write_fields(const struct field *f, size_t fields, const void *from, char *out,
			size_t size)
{
	struct json_out o;
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	for (size_t i = 0; i < fields; i++) {
		put(&o, &f[i], (const char *)from + f[i].offset);
	}
	json_close(&o);
	return json_finish(&o);
}

static int get(struct json_in *in, const struct field *f, void *at)
{
	int64_t count = 0;
	int word = 0, r = 0;
	switch (f->type) {
	case INTEGER:
		return json_get_integer(in, in->root, f->key, -MONEY_MAX, MONEY_MAX, at);
	case TOLD:
		((struct fact_told *)at)->is = json_has(in->root, f->key);
		return !json_has(in->root, f->key)
			       ? 0
			       : json_get_integer(in, in->root, f->key, -MONEY_MAX, MONEY_MAX,
						  &((struct fact_told *)at)->micro);
	case COUNT:
		r = json_get_integer(in, in->root, f->key, 0, SETTLE_HOMES_MAX, &count);
		*(int *)at = (int)count;
		return r;
	case FLAG:
		return json_get_flag(in, in->root, f->key, at);
	case WORD:
		r = json_get_choice(in, in->root, f->key, settle_rules, &word);
		*(enum settle_rule *)at = (enum settle_rule)word;
		return r;
	case CURRENCY:
		return json_get_text(in, in->root, f->key, at,
				     sizeof(((struct fact_balance *)0)->currency));
	}
	return -EINVAL;
}

/* Fill to, which the caller gives away only where this returns 0. */
static int read_fields(const struct field *f, size_t fields, const char *text, void *to, char *why)
{
	struct json_in in;
	int64_t version;
	int r = json_parse(&in, text, strlen(text));
	r = r < 0 ? r : json_get_integer(&in, in.root, "v", 1, 1, &version);
	for (size_t i = 0; i < fields && r == 0; i++) {
		r = get(&in, &f[i], (char *)to + f[i].offset);
	}
	if (r < 0) {
		snprintf(why, FACT_WHY_MAX, "%s", in.why);
	}
	json_free(&in);
	return r;
}

/* A writer and a reader of each. */
#define FACT(name, type, fields)                                                                   \
	int fact_##name##_write(const struct type *from, char *out, size_t size)                   \
	{                                                                                          \
		return write_fields(fields, sizeof(fields) / sizeof(*(fields)), from, out, size);  \
	}                                                                                          \
	int fact_##name##_read(const char *text, struct type *out, char why[FACT_WHY_MAX])         \
	{                                                                                          \
		struct type read = { 0 };                                                          \
		int r = read_fields(fields, sizeof(fields) / sizeof(*(fields)), text, &read, why); \
		if (r == 0) {                                                                      \
			*out = read;                                                               \
		}                                                                                  \
		return r;                                                                          \
	}

FACT(award, fact_award, award_fields)
FACT(meter, fact_meter, meter_fields)
FACT(line, settle_line, line_fields)
FACT(balance, fact_balance, balance_fields)
