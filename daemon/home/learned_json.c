/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/learned_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/home/home.h"

static const double most_w = 1e9, most_money = 1e9;

static void put_digest(uint64_t digest, char out[20])
{
	(void)snprintf(out, 20, "%016" PRIx64, digest);
}

/* The set-points of all batteries together. */
static double total_w(const struct home *h, const double *w)
{
	double sum = 0;
	for (int b = 0; b < h->site->batteries; b++) {
		sum += w[b];
	}
	return sum;
}

static double optimiser_w(const struct home *h)
{
	double sum = 0;
	for (int b = 0; b < h->site->batteries; b++) {
		sum += h->decision.follow[b].battery_w;
	}
	return sum;
}

static void put_regret(const struct learned *l, struct json_out *o)
{
	const struct regret *r = &l->regret;
	json_open_object(o, "regret");
	json_put_number(o, "sum", r->sum, 4);
	json_put_number(o, "limit", r->limit, 4);
	json_put_number(o, "window_s", l->site->policy.regret_window_s, 0);
	json_put_number(o, "all", r->all, 4);
	json_put_number(o, "decided", l->regret_acted, 4);
	json_put_integer(o, "intervals", r->counted);
	if (l->last.start_s) {
		char text[ISOTIME_SIZE];
		json_put_text(o, "last_interval", isotime_format(l->last.start_s, text));
		json_put_number(o, "last", l->last.regret, 6);
	}
	json_close(o);
}

void learned_put(const struct home *h, struct json_out *o)
{
	const struct learned *l = &h->learned;
	const struct decision *d = &h->decision;
	json_open_object(o, "policy");
	json_put_text(o, "actor", h->site->policy.actor);
	json_put_flag(o, "shadow", h->site->decide == DECIDE_SHADOW);
	json_put_flag(o, "decides", d->by == DECIDER_POLICY);
	json_put_text(o, "fitness", fitness_name(l->fitness));
	json_put_text(o, "why", l->why);
	if (d->ordered) {
		json_put_number(o, "policy_w", total_w(h, d->ordered_w), 1);
	} else {
		json_put_null(o, "policy_w");
	}
	if (d->planned) {
		json_put_number(o, "optimiser_w", optimiser_w(h), 1);
	} else {
		json_put_null(o, "optimiser_w");
	}
	if (l->run_us >= 0) {
		json_put_integer(o, "run_us", l->run_us);
	}
	put_regret(l, o);
	json_close(o);
}

int learned_verdict_json(const struct learned *l, char *out, size_t size)
{
	const struct learned_verdict *v = &l->last;
	char digest[20];
	struct json_out o;
	put_digest(l->actor->digest, digest);
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_text(&o, "actor", digest);
	json_put_flag(&o, "decided", v->acted);
	json_put_text(&o, "fitness", fitness_name(l->fitness));
	json_put_number(&o, "policy_w", v->policy_w, 1);
	json_put_number(&o, "optimiser_w", v->optimiser_w, 1);
	json_put_number(&o, "trade", v->trade, 9);
	json_put_number(&o, "regret", v->regret, 9);
	json_close(&o);
	return json_finish(&o);
}

int verdict_read(const char *text, uint64_t digest, struct learned_verdict *out)
{
	struct learned_verdict v = *out;
	char expected[20], actor[20];
	struct json_in in;
	put_digest(digest, expected);
	int r = json_parse(&in, text, strlen(text));
	r = r < 0 ? r : json_get_text(&in, in.root, "actor", actor, sizeof(actor));
	if (r == 0 && strcmp(actor, expected) != 0) {
		r = -ENOENT;
	}
	r = r < 0 ? r : json_get_number(&in, in.root, "regret", -most_money, most_money, &v.regret);
	r = r < 0 ? r : json_get_number(&in, in.root, "policy_w", -most_w, most_w, &v.policy_w);
	r = r < 0 ? r
		  : json_get_number(&in, in.root, "optimiser_w", -most_w, most_w, &v.optimiser_w);
	if (r == 0) {
		(void)json_flag(json_member(in.root, "decided"), &v.acted);
		*out = v;
	}
	json_free(&in);
	return r;
}
