/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/admm.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"

enum { DAY_S = 86400, ROUNDS_MAX = 1000000, DIGITS_MAX = 25, WORDS_MAX = 512, ROW_MAX = 120 };
static_assert(ADMM_CELLS_MAX * DIGITS_MAX + ADMM_ROWS_MAX * ROW_MAX + WORDS_MAX < ADMM_SIZE,
	      "a part fits a message");
static_assert(2 * ADMM_STEPS_MAX <= ADMM_CELLS_MAX, "a row and what is shared fit a part");
static const double gives_max = 1e12, penalty_max = 1e12;

/* The words for what is shared, and for a home's numbers. */
static const struct {
	const char *shared, *cells;
	int gives;
} keys[] = {
	[ADMM_WISH] = { "energy", "wish", 1 },
	[ADMM_PRICE] = { "loss", "price", 0 },
};

/* --- written ------------------------------------------------------------------------------------
 */

static void open_message(struct json_out *o, const struct admm_head *h, char *out, size_t size)
{
	char at[ISOTIME_SIZE];
	json_begin(o, out, size);
	json_open_object(o, NULL);
	json_put_integer(o, "v", 1);
	json_put_integer(o, "negotiation", h->negotiation);
	json_put_integer(o, "round", h->round);
	if (h->pass > 0) {
		json_put_integer(o, "pass", h->pass);
	}
	json_put_text(o, "start", isotime_format(h->start_s, at));
	json_put_integer(o, "length_s", h->length_s);
	json_put_integer(o, "steps", h->steps);
}

static int close_message(struct json_out *o)
{
	json_close(o);
	return json_finish(o);
}

static void put_numbers(struct json_out *o, const char *key, const double *value, int count)
{
	json_open_array(o, key);
	for (int i = 0; i < count; i++) {
		json_put_exact(o, NULL, value[i]);
	}
	json_close(o);
}

int admm_offer_write(const struct admm_offer *m, char *out, size_t size)
{
	struct json_out o;
	open_message(&o, &m->head, out, size);
	json_put_exact(&o, "penalty", m->penalty);
	put_numbers(&o, "price", m->price, m->head.steps);
	put_numbers(&o, "target", m->target, m->head.steps);
	return close_message(&o);
}

int admm_power_write(const struct admm_power *m, char *out, size_t size)
{
	struct json_out o;
	open_message(&o, &m->head, out, size);
	json_put_text(&o, "home", m->home);
	put_numbers(&o, "power", m->power, m->head.steps);
	return close_message(&o);
}

int admm_part_write(enum admm_kind kind, const struct admm_part *m, char *out, size_t size)
{
	struct json_out o;
	int steps = m->head.steps;
	open_message(&o, &m->head, out, size);
	json_put_integer(&o, "part", m->part + 1);
	json_put_integer(&o, "parts", m->parts);
	put_numbers(&o, keys[kind].shared, m->shared, steps);
	json_open_array(&o, "homes");
	for (int i = 0; i < m->rows; i++) {
		json_open_object(&o, NULL);
		json_put_text(&o, "home", m->row[i].home);
		if (keys[kind].gives) {
			json_put_exact(&o, "gives", m->row[i].gives);
		}
		put_numbers(&o, keys[kind].cells, m->cell + i * steps, steps);
		json_close(&o);
	}
	json_close(&o);
	return close_message(&o);
}

/* --- read ---------------------------------------------------------------------------------------
 */

static int say(struct json_in *in, int error, const char *what)
{
	snprintf(in->why, sizeof(in->why), "%s", what);
	return error;
}

static int read_start(struct json_in *in, int64_t *out)
{
	char text[ISOTIME_SIZE];
	int r = json_get_text(in, in->root, "start", text, sizeof(text));
	return r < 0                          ? r
	       : isotime_parse(text, out) < 0 ? say(in, -EINVAL, "start: expected a time in UTC")
					      : 0;
}

static int get_int(struct json_in *in, const char *key, int64_t most, int *out)
{
	int64_t value;
	int r = json_get_integer(in, in->root, key, 1, most, &value);
	if (r == 0) {
		*out = (int)value;
	}
	return r;
}

static int read_head(struct json_in *in, struct admm_head *h, int pass)
{
	int64_t version;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r
		  : json_get_integer(in, in->root, "negotiation", 1, INT64_MAX / 2,
				     &h->negotiation);
	r = r < 0 ? r : get_int(in, "round", ROUNDS_MAX, &h->round);
	r = r < 0 || !pass ? r : get_int(in, "pass", ROUNDS_MAX, &h->pass);
	r = r < 0 ? r : read_start(in, &h->start_s);
	r = r < 0 ? r : json_get_integer(in, in->root, "length_s", 1, DAY_S, &h->length_s);
	return r < 0 ? r : get_int(in, "steps", ADMM_STEPS_MAX, &h->steps);
}

static int finish(struct json_in *in, int r, char why[ADMM_WHY_SIZE])
{
	if (r < 0) {
		snprintf(why, ADMM_WHY_SIZE, "%s", in->why);
	}
	json_free(in);
	return r;
}

int admm_offer_read(const char *text, size_t length, struct admm_offer *out,
		    char why[ADMM_WHY_SIZE])
{
	struct json_in in;
	int r = json_parse(&in, text, length);
	*out = (struct admm_offer){ .penalty = 0 };
	r = r < 0 ? r : read_head(&in, &out->head, 0);
	r = r < 0 ? r : json_get_number(&in, in.root, "penalty", 0, penalty_max, &out->penalty);
	r = r < 0 ? r : json_get_exactly(&in, in.root, "price", out->head.steps, out->price);
	r = r < 0 ? r : json_get_exactly(&in, in.root, "target", out->head.steps, out->target);
	return finish(&in, r, why);
}

int admm_power_read(const char *text, size_t length, struct admm_power *out,
		    char why[ADMM_WHY_SIZE])
{
	struct json_in in;
	int r = json_parse(&in, text, length);
	*out = (struct admm_power){ .home = "" };
	r = r < 0 ? r : read_head(&in, &out->head, 0);
	r = r < 0 ? r : json_get_text(&in, in.root, "home", out->home, sizeof(out->home));
	r = r < 0 ? r : json_get_exactly(&in, in.root, "power", out->head.steps, out->power);
	return finish(&in, r, why);
}

static int read_row(struct json_in *in, enum admm_kind kind, const struct json_value *from, int i,
		    struct admm_part *out)
{
	int steps = out->head.steps;
	int r = json_get_text(in, from, "home", out->row[i].home, sizeof(out->row[i].home));
	if (r == 0 && keys[kind].gives) {
		r = json_get_number(in, from, "gives", 0, gives_max, &out->row[i].gives);
	}
	return r < 0 ? r
		     : json_get_exactly(in, from, keys[kind].cells, steps, out->cell + i * steps);
}

int admm_part_read(enum admm_kind kind, const char *text, size_t length, struct admm_part *out,
		   char why[ADMM_WHY_SIZE])
{
	struct json_in in;
	const struct json_value *list = NULL, *one;
	int r = json_parse(&in, text, length);
	*out = (struct admm_part){ .rows = 0 };
	r = r < 0 ? r : read_head(&in, &out->head, 1);
	r = r < 0 ? r : get_int(&in, "parts", ADMM_PARTS_MAX, &out->parts);
	r = r < 0 ? r : get_int(&in, "part", out->parts, &out->part);
	out->part--;
	r = r < 0 ? r
		  : json_get_exactly(&in, in.root, keys[kind].shared, out->head.steps, out->shared);
	r = r < 0 ? r
		  : json_get_array(&in, in.root, "homes", admm_rows(out->head.steps), &list,
				   &out->rows);
	for (int i = 0; i < out->rows && r == 0; i++) {
		r = json_get_element(&in, list, i, &one);
		r = r < 0 ? r : read_row(&in, kind, one, i, out);
	}
	return finish(&in, r, why);
}
