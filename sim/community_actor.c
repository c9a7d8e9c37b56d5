/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_actor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/actor_conf.h"

enum { PATH_SIZE = 512 };

/* Only what lec-train itself writes is understood of the actions. */
static int check_actions(const struct actor_conf *c, struct diag *d)
{
	bool priced = false, sided = false;
	for (int i = 0; i < c->actions; i++) {
		int meaning = c->action[i].meaning;
		priced = priced || meaning == MEANING_PRICE_SHARE;
		sided = sided || meaning == MEANING_SIDE;
		if (meaning != MEANING_PRICE_SHARE && meaning != MEANING_BATTERY_SHARE &&
		    meaning != MEANING_SIDE) {
			return diag_error(d, c->path, c->action[i].line,
					  "[action %s] is not judged, expected battery-share, "
					  "price-share or side",
					  meaning_name((enum meaning)meaning));
		}
	}
	return priced && sided
		       ? 0
		       : diag_error(d, c->path, 0,
				    "decides no side or no price, expected [action side] and "
				    "[action price-share]");
}

static int load_class(struct community_actors *a, int class, const char *folder, double interval_s,
		      const char *currency, struct diag *d)
{
	const struct class_model *model = &class_models[class];
	const struct actor_house house = { .interval_s = interval_s,
					   .currency = currency,
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
	*a = (struct community_actors){ .actor = { NULL } };
}

int community_actor_ask(const struct community_actors *a, int class,
			const double value[SOURCE_COUNT], struct community_wish *out)
{
	const struct actor_conf *c = a->conf[class];
	struct community_wish wish = { .side = 0 };
	double made[ACTIONS_MAX];
	int which, r = actor_conf_observe(c, a->actor[class], value, &which);
	if (r < 0) {
		return r;
	}
	actor_run(a->actor[class]);
	r = actor_conf_act(c, a->actor[class], made);
	if (r < 0) {
		return r;
	}
	for (int i = 0; i < c->actions; i++) {
		double dead_band = c->action[i].dead_band;
		switch (c->action[i].meaning) {
		case MEANING_BATTERY_SHARE:
			wish.battery_share = made[i];
			break;
		case MEANING_PRICE_SHARE:
			wish.price_share = made[i];
			break;
		default:
			wish.side = made[i] > dead_band ? 1 : made[i] < -dead_band ? -1 : 0;
		}
	}
	*out = wish;
	return 0;
}
