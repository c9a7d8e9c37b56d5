/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_actor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/actor_conf.h"

enum { PATH_SIZE = 512 };

/* Whoever bids nothing has no place in a market. */
static int check_actions(const struct actor_conf *c, struct diag *d)
{
	for (int i = 0; i < c->actions; i++) {
		switch ((enum meaning)c->action[i].meaning) {
		case MEANING_VALUE_SHARE:
		case MEANING_SIDE:
		case MEANING_QUANTITY:
		case MEANING_RESERVE:
		case MEANING_ERROR_SHARE:
			return 0;
		default:
			break;
		}
	}
	return diag_error(d, c->path, 0,
			  "bids nothing, expected one of [action value-share], [action reserve], "
			  "[action error-share], [action side] and [action quantity]");
}

static int load_class(struct community_actors *a, int class, const char *folder, double interval_s,
		      const char *currency, struct diag *d)
{
	const struct class_model *model = &class_models[class];
	const struct actor_house house = { .interval_s = interval_s,
					   .currency = currency,
					   .class = model->name,
					   .has_pv = class != CLASS_CONSUMER,
					   .has_battery = model->battery.capacity_wh > 0,
					   .has_market = true,
					   .charge_limit_w = model->battery.charge_limit_w,
					   .discharge_limit_w = model->battery.discharge_limit_w };
	char onnx[PATH_SIZE], conf[PATH_SIZE];
	int one = snprintf(onnx, sizeof(onnx), "%s/actor-%s.onnx", folder, model->name);
	int two = snprintf(conf, sizeof(conf), "%s/actor-%s.conf", folder, model->name);
	if (one >= PATH_SIZE || two >= PATH_SIZE) {
		return diag_error(d, folder, 0, "is too long a name, expected fewer than %d bytes",
				  PATH_SIZE);
	}
	a->conf[class] = calloc(1, sizeof(*a->conf[class]));
	if (!a->conf[class]) {
		return -ENOMEM;
	}
	int r = actor_conf_read(conf, a->conf[class], d);
	int s = actor_load(onnx, NULL, &a->actor[class], d);
	if (r < 0 || s < 0) {
		return r < 0 ? r : s;
	}
	r = actor_conf_check(a->conf[class], a->actor[class], &house, d);
	return r < 0 ? r : check_actions(a->conf[class], d);
}

int community_actors_load(struct community_actors *a, const char *folder,
			  const int64_t count[CLASS_COUNT], double interval_s, const char *currency,
			  struct diag *d)
{
	int r = 0;
	*a = (struct community_actors){ .actor = { NULL } };
	a->room = calloc(COMMUNITY_HOMES_MAX, sizeof(*a->room));
	r = a->room ? 0 : -ENOMEM;
	for (int c = 0; c < CLASS_COUNT; c++) {
		int s = count[c] > 0 ? load_class(a, c, folder, interval_s, currency, d) : 0;
		r = r < 0 ? r : s;
	}
	if (r < 0) {
		community_actors_free(a);
	}
	return r;
}

void community_actors_free(struct community_actors *a)
{
	for (int c = 0; c < CLASS_COUNT; c++) {
		actor_free(a->actor[c]);
		free(a->conf[c]);
	}
	free(a->room);
	*a = (struct community_actors){ .actor = { NULL } };
}

int community_actor_ask(const struct community_actors *a, const struct community_env *e, int i,
			struct house_order *out)
{
	const struct community_home *h = &e->conf.home[i];
	const struct actor_conf *c = a->conf[h->class];
	struct actor *actor = a->actor[h->class];
	double value[SOURCE_COUNT], made[ACTIONS_MAX];
	int which;
	community_env_observe(e, i, value);
	int r = actor_conf_observe(c, actor, value, &which);
	if (r < 0) {
		return r;
	}
	actor_run(actor);
	r = actor_conf_act(c, actor, made);
	if (r == 0) {
		order_make(c, made, h->battery.charge_limit_w, h->battery.discharge_limit_w, out);
	}
	return r;
}

int community_actors_decide(const struct community_actors *a, const struct community_env *e,
			    struct community_act *act)
{
	int refused = 0;
	for (int i = 0; i < e->homes; i++) {
		struct house_order o;
		int r = community_actor_ask(a, e, i, &o);
		refused += r < 0;
		act[i] = r < 0 ? (struct community_act){ .serve_self = true, .price_share = 0.5 }
			       : community_obey(e, i, &o, &a->room[i]);
	}
	return refused;
}
