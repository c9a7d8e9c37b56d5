/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/consensus_messages.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/json.h"

static const char *const stages[] = { "seeking", "still", "offered", "sealed", NULL };
_Static_assert(sizeof(stages) / sizeof(*stages) == CONSENSUS_STAGES + 1, "each has its word");

enum { DECIMALS = 9 };
static const double micro = 1e6, count_max = 1e15;

static void put_numbers(struct json_out *o, const char *key, const double *value, int steps)
{
	json_open_array(o, key);
	for (int t = 0; t < steps; t++) {
		json_put_number(o, NULL, value[t], DECIMALS);
	}
	json_close(o);
}

static void put_millionths(struct json_out *o, const char *key, const int64_t *value, int steps)
{
	json_open_array(o, key);
	for (int t = 0; t < steps; t++) {
		json_put_millionths(o, NULL, value[t]);
	}
	json_close(o);
}

int consensus_write(const struct consensus_message *m, const char *from, int steps, char *out,
		    size_t size)
{
	struct json_out o;
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_text(&o, "community", from);
	json_put_integer(&o, "round", m->round);
	json_put_integer(&o, "calm", m->calm);
	json_put_text(&o, "stage", stages[m->stage]);
	put_numbers(&o, "taken_kw", m->taken_kw, steps);
	put_numbers(&o, "price", m->price, steps);
	if (m->stage >= CONSENSUS_OFFERED) {
		put_millionths(&o, "terms_kwh", m->taken_mwh, steps);
		put_millionths(&o, "terms_price", m->price_micro, steps);
	}
	json_close(&o);
	return json_finish(&o);
}

static int get_numbers(struct json_in *in, const char *key, int steps, double *out)
{
	const struct json_value *array;
	int count, r = json_get_array(in, in->root, key, steps, &array, &count);
	if (r == 0 && count != steps) {
		snprintf(in->why, sizeof(in->why), "%s: expected %d numbers", key, steps);
		r = -EINVAL;
	}
	for (int t = 0; r == 0 && t < steps; t++) {
		if (!json_number(json_item(array, t), &out[t])) {
			snprintf(in->why, sizeof(in->why), "%s: expected numbers", key);
			r = -EINVAL;
		}
	}
	return r;
}

static int get_millionths(struct json_in *in, const char *key, int steps, int64_t *out)
{
	double value[LEAGUE_STEPS_MAX];
	int r = get_numbers(in, key, steps, value);
	for (int t = 0; r == 0 && t < steps; t++) {
		if (fabs(value[t]) * micro > count_max) { /* what a double holds to the digit */
			snprintf(in->why, sizeof(in->why), "%s: expected smaller numbers", key);
			return -ERANGE;
		}
		out[t] = llround(value[t] * micro);
	}
	return r;
}

static int get_all(struct json_in *in, const char *from, int steps, struct consensus_message *m)
{
	char name[64];
	int64_t version;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "community", name, sizeof(name));
	if (r == 0 && strcmp(name, from) != 0) {
		snprintf(in->why, sizeof(in->why), "community: expected %s, whose topic it is",
			 from);
		r = -EINVAL;
	}
	r = r < 0 ? r : json_get_integer(in, in->root, "round", 0, INT64_C(1) << 40, &m->round);
	r = r < 0 ? r : json_get_integer(in, in->root, "calm", 0, INT64_C(1) << 40, &m->calm);
	r = r < 0 ? r : json_get_choice(in, in->root, "stage", stages, &m->stage);
	r = r < 0 ? r : get_numbers(in, "taken_kw", steps, m->taken_kw);
	r = r < 0 ? r : get_numbers(in, "price", steps, m->price);
	if (r == 0 && m->stage >= CONSENSUS_OFFERED) {
		r = get_millionths(in, "terms_kwh", steps, m->taken_mwh);
		r = r < 0 ? r : get_millionths(in, "terms_price", steps, m->price_micro);
	}
	return r;
}

int consensus_read(const char *text, size_t length, const char *from, int steps,
		   struct consensus_message *out, char why[CONSENSUS_WHY_SIZE])
{
	struct consensus_message m = { .round = 0 };
	struct json_in in;
	int r = json_parse(&in, text, length);
	r = r < 0 ? r : get_all(&in, from, steps, &m);
	if (r == 0) {
		*out = m;
	} else {
		snprintf(why, CONSENSUS_WHY_SIZE, "%s", in.why);
	}
	json_free(&in);
	return r;
}
