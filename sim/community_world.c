/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_world.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { DAY_S = 86400 };

static void fill_prices(struct community_world *w, const struct community_conf *c)
{
	for (int i = 0; i < w->series.steps; i++) {
		community_conf_prices(c, i, &w->buy[i], &w->sell[i]);
	}
}

static int make_env(struct community_world *w, const struct community_conf *c)
{
	struct community_env_conf conf = { .home = w->home,
					   .series = &w->series,
					   .buy = w->buy,
					   .sell = w->sell,
					   .mechanism = c->mechanism,
					   .terms = { .k = c->mechanism->k },
					   .rule = SETTLE_METERED,
					   .dead_band_wh = c->dead_band_wh };
	return community_env_init(&w->env, &conf);
}

/* A measured home: nobody knows its connection, unless its file says it. */
static void take_measured(struct community_world *w, int i, const struct resident *m)
{
	struct community_series *s = &w->series;
	for (int step = 0; step < s->steps; step++) {
		size_t at = (size_t)step * (size_t)s->homes + (size_t)i;
		s->load_w[at] = m->power[step];
		s->pv_w[at] = m->power[s->steps + step];
	}
	w->home[i] = (struct community_home){ .class = m->class,
					      .battery = class_models[m->class].battery,
					      .import_limit_w = INFINITY,
					      .export_limit_w = INFINITY };
}

static bool takes_part(const struct resident *m, bool unseen)
{
	return !m->power || m->held_out == unseen;
}

static void fill_homes(struct community_world *w, const struct community_conf *c, bool unseen)
{
	for (int k = 0, i = 0; k < c->residents.count; k++) {
		const struct resident *m = &c->residents.resident[k];
		if (!takes_part(m, unseen)) {
			continue;
		}
		if (m->power) {
			take_measured(w, i, m);
		} else {
			community_generate(&w->series, i, (enum home_class)m->class,
					   (uint64_t)c->seed, &w->home[i]);
		}
		resident_apply(m, &w->home[i++]);
	}
}

static int make(struct community_world *w, const struct community_conf *c, bool unseen)
{
	int64_t day = DAY_S / (int64_t)c->interval_s;
	int64_t steps = day * (c->warm_up_days + c->train_days + c->test_days);
	int homes = 0;
	*w = (struct community_world){ .first = (int)(day * c->warm_up_days),
				       .test = (int)(day * (c->warm_up_days + c->train_days)) };
	for (int k = 0; k < c->residents.count; k++) {
		homes += takes_part(&c->residents.resident[k], unseen);
	}
	if (homes == 0) {
		return -ENOENT;
	}
	int r = community_series_init(&w->series, homes, (int)steps, c->start_s,
				      (int)c->interval_s);
	if (r < 0) {
		return r;
	}
	w->home = calloc((size_t)homes, sizeof(*w->home));
	w->buy = calloc(2 * (size_t)steps, sizeof(*w->buy));
	if (!w->home || !w->buy) {
		return -ENOMEM;
	}
	w->sell = w->buy + steps;
	fill_homes(w, c, unseen);
	fill_prices(w, c);
	r = community_forecast(&w->series);
	return r < 0 ? r : make_env(w, c);
}

int community_world_make(struct community_world *w, const struct community_conf *c)
{
	return make(w, c, false);
}

int community_world_make_unseen(struct community_world *w, const struct community_conf *c)
{
	return make(w, c, true);
}

void community_world_free(struct community_world *w)
{
	community_env_free(&w->env);
	community_series_free(&w->series);
	free(w->home);
	free(w->buy);
	*w = (struct community_world){ .first = 0 };
}
