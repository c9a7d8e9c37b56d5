/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/slots.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/home/interval.h"

/* Clocks may differ by so much; what is from further ahead is a mistake. */
static const int64_t ahead_max_s = 3600;
static const int64_t counts_max_s = 86400;

int slots_index(int64_t start_s, double length_s, int slots, int64_t at_s)
{
	int64_t k = (at_s - start_s) / (int64_t)length_s;
	return at_s >= start_s && k < slots ? (int)k : -1;
}

const struct plan_slot *slots_plan_at(const struct plan *plan, int64_t start_s, double length_s,
				      int k)
{
	int64_t middle_s = start_s + (int64_t)((k + 0.5) * length_s);
	int64_t first_s = plan->slots > 0 ? plan->slot[0].step.start_s : 0;
	return plan_at(plan, k == 0 && middle_s < first_s ? first_s : middle_s);
}

static void put_time(struct json_out *j, const char *key, int64_t at_s)
{
	char text[ISOTIME_SIZE];
	json_put_text(j, key, isotime_format(at_s, text));
}

void slots_put_head(struct json_out *j, const char *home, int64_t issued_s, int64_t until_s,
		    int64_t start_s, double length_s)
{
	json_open_object(j, NULL);
	json_put_integer(j, "v", 1);
	json_put_text(j, "home", home);
	put_time(j, "issued", issued_s);
	put_time(j, "until", until_s);
	put_time(j, "start", start_s);
	json_put_number(j, "length_s", length_s, 0);
}

void slots_put(struct json_out *j, const char *key, const float *value, int slots)
{
	json_open_array(j, key);
	for (int k = 0; k < slots; k++) {
		json_put_number(j, NULL, (double)value[k], 0);
	}
	json_close(j);
}

static int read_time(struct json_in *in, const char *key, int64_t *out)
{
	char text[ISOTIME_SIZE];
	int r = json_get_text(in, in->root, key, text, sizeof(text));
	if (r == 0 && isotime_parse(text, out) < 0) {
		snprintf(in->why, sizeof(in->why), "%s: expected a UTC time", key);
		r = -EINVAL;
	}
	return r;
}

static int check_times(struct json_in *in, double length_s, int64_t wall_s,
		       const struct slots_head *h)
{
	const char *why = NULL;
	if (h->issued_s > wall_s + ahead_max_s) {
		why = "issued: expected a time that has come";
	} else if (h->until_s <= h->issued_s || h->until_s > h->issued_s + counts_max_s) {
		why = "until: expected a time after issued, by at most a day";
	} else if (interval_start(length_s, h->start_s) != h->start_s ||
		   h->start_s > h->issued_s + counts_max_s) {
		why = "start: expected the UTC time at which an interval begins, of this day";
	}
	if (why) {
		snprintf(in->why, sizeof(in->why), "%s", why);
	}
	return why ? -ERANGE : 0;
}

int slots_read_head(struct json_in *in, const char *home, double length_s, int64_t wall_s,
		    struct slots_head *out)
{
	struct slots_head h = { 0 };
	int64_t version;
	double length;
	char whose[32];
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "home", whose, sizeof(whose));
	if (r == 0 && strcmp(whose, home) != 0) {
		snprintf(in->why, sizeof(in->why), "home: expected \"%s\"", home);
		return -EPERM;
	}
	r = r < 0 ? r : json_get_number(in, in->root, "length_s", length_s, length_s, &length);
	r = r < 0 ? r : read_time(in, "issued", &h.issued_s);
	r = r < 0 ? r : read_time(in, "until", &h.until_s);
	r = r < 0 ? r : read_time(in, "start", &h.start_s);
	r = r < 0 ? r : check_times(in, length_s, wall_s, &h);
	if (r == 0) {
		*out = h;
	}
	return r;
}

int slots_get(struct json_in *in, const char *key, double min, double max, double none,
	      struct slots_head *head, float out[SLOTS_MAX])
{
	int count;
	int r = json_get_numbers(in, in->root, key, SLOTS_MAX, min, max, none, out, &count);
	if (r == 0 && (count == 0 || (head->slots > 0 && count != head->slots))) {
		snprintf(in->why, sizeof(in->why),
			 "%s: expected as many as in the first series, %s", key, "at least one");
		return -ERANGE;
	}
	head->slots = r < 0 ? head->slots : count;
	return r;
}

int slots_check_order(struct json_in *in, int64_t held_s, int64_t issued_s, int64_t wall_s)
{
	if (issued_s < held_s && held_s <= wall_s) {
		snprintf(in->why, sizeof(in->why), "issued: expected one after what is held");
		return -ESTALE;
	}
	return 0;
}
