/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/request.h"

#include <math.h>
#include <stdio.h>

#include "daemon/base/json.h"

static const double power_max_w = 1e9, money_max = 1e9;

bool request_at(const struct request *r, const struct offer *o, double length_s, int64_t at_s,
		int64_t wall_s, struct request_slot *out)
{
	int k = slots_index(r->start_s, length_s, r->slots, at_s);
	int offered = offer_slot(o, length_s, at_s);
	if (k < 0 || offered < 0 || wall_s >= r->until_s) {
		return false;
	}
	double low_w = (double)o->low_w[offered], high_w = (double)o->high_w[offered];
	out->net_w = fmin(fmax((double)r->net_w[k], low_w), high_w);
	out->import_w = fmax(fmax((double)r->import_w[k], low_w), 0);
	out->export_w = fmax(fmax((double)r->export_w[k], -high_w), 0);
	return true;
}

int request_steer(const struct request *r, const struct offer *o, double length_s, int64_t wall_s,
		  struct problem *p)
{
	int held = 0;
	struct request_slot slot;
	for (int t = 0; t < p->steps; t++) {
		struct step *s = &p->step[t];
		int64_t middle_s = s->start_s + (int64_t)(s->hours * 1800);
		if (request_at(r, o, length_s, middle_s, wall_s, &slot)) {
			s->traded_w += slot.net_w;
			s->import_limit_w = fmin(s->import_limit_w, slot.import_w);
			s->export_limit_w = fmin(s->export_limit_w, slot.export_w);
			held++;
		}
	}
	return held;
}

int request_json(const struct request *r, const char *home, double length_s, const char *currency,
		 char *out, size_t size)
{
	struct json_out j;
	json_begin(&j, out, size);
	slots_put_head(&j, home, r->issued_s, r->until_s, r->start_s, length_s);
	json_put_integer(&j, "revision", r->revision);
	slots_put(&j, "net_w", r->net_w, r->slots);
	slots_put(&j, "import_limit_w", r->import_w, r->slots);
	slots_put(&j, "export_limit_w", r->export_w, r->slots);
	json_put_number(&j, "saved", r->saved, 6);
	json_put_text(&j, "currency", currency);
	json_close(&j);
	return json_finish(&j);
}

static int read_request(struct json_in *in, const char *home, double length_s, int64_t wall_s,
			struct request *q)
{
	struct slots_head head;
	int r = slots_read_head(in, home, length_s, wall_s, &head);
	r = r < 0 ? r : json_get_integer(in, in->root, "revision", 1, INT32_MAX, &q->revision);
	head.slots = 0;
	r = r < 0 ? r : slots_get(in, "net_w", -power_max_w, power_max_w, NAN, &head, q->net_w);
	r = r < 0 ? r
		  : slots_get(in, "import_limit_w", 0, power_max_w, INFINITY, &head, q->import_w);
	r = r < 0 ? r
		  : slots_get(in, "export_limit_w", 0, power_max_w, INFINITY, &head, q->export_w);
	q->saved = NAN;
	if (r == 0 && json_given(in->root, "saved")) {
		r = json_get_number(in, in->root, "saved", -money_max, money_max, &q->saved);
	}
	if (r == 0) {
		q->issued_s = head.issued_s;
		q->until_s = head.until_s;
		q->start_s = head.start_s;
		q->slots = head.slots;
	}
	return r;
}

int request_take(struct request *q, const char *home, double length_s, int64_t wall_s,
		 const char *payload, size_t length, char *why, size_t size)
{
	struct request new = { 0 };
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_request(&in, home, length_s, wall_s, &new);
	r = r < 0 ? r : slots_check_order(&in, q->issued_s, new.issued_s, wall_s);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else {
		*q = new;
	}
	json_free(&in);
	return r;
}
