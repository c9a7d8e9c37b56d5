/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/zonal_prices.h"

#include <errno.h>

#include "daemon/market/book.h"

static void at_most(int32_t *value, int64_t bound, bool *changed)
{
	if (bound < *value) {
		*value = (int32_t)(bound < -2 * (int64_t)PRICE_MAX ? -2 * (int64_t)PRICE_MAX
								   : bound);
		*changed = true;
	}
}

static void at_least(int32_t *value, int64_t bound, bool *changed)
{
	if (bound > *value) {
		*value = (int32_t)(bound > 2 * (int64_t)PRICE_MAX ? 2 * (int64_t)PRICE_MAX : bound);
		*changed = true;
	}
}

/* What a node's own orders ask of its price. */
static void bound(const struct node *n, bool sink, int32_t *low, int32_t *high)
{
	bool changed;
	for (int k = 0; k < n->steps; k++) {
		const struct step *s = &n->step[k];
		bool accepted = s->filled > 0, rejected = s->filled < s->quantity;
		if (sink ? accepted : rejected) {
			at_most(high, s->price, &changed);
		}
		if (sink ? rejected : accepted) {
			at_least(low, s->price, &changed);
		}
	}
}

/* b <= a + by, and the other way round where it is equal. */
static void hold(struct zonal_prices *p, int a, int b, int32_t by, bool equal, bool *changed)
{
	at_most(&p->high[b], (int64_t)p->high[a] + by, changed);
	at_least(&p->low[a], (int64_t)p->low[b] - by, changed);
	if (equal) {
		at_most(&p->high[a], (int64_t)p->high[b] - by, changed);
		at_least(&p->low[b], (int64_t)p->low[a] + by, changed);
	}
}

static bool hold_all(const struct transport *t, const int *variable, int variables,
		     const int *apart, const int32_t *apart_by, struct zonal_prices *p)
{
	bool changed = false;
	for (int i = 0; i < t->sources; i++) {
		for (int j = 0; j < t->sinks; j++) {
			int way = i * t->sinks + j;
			if (t->way[way] != WAY_NONE) {
				hold(p, variable[i], variable[t->sources + j], t->way[way],
				     t->flow[way] > 0, &changed);
			}
		}
	}
	for (int v = 0; apart && v < variables; v++) {
		if (apart[v] >= 0) {
			hold(p, apart[v], v, apart_by[v], true, &changed);
		}
	}
	return changed;
}

int zonal_prices_find(const struct transport *t, const int *variable, int variables,
		      const int *apart, const int32_t *apart_by, struct zonal_prices *out)
{
	for (int v = 0; v < variables; v++) {
		out->low[v] = -PRICE_MAX - PRICE_MAX;
		out->high[v] = PRICE_MAX + PRICE_MAX;
	}
	for (int i = 0; i < t->sources + t->sinks; i++) {
		const struct node *n = i < t->sources ? &t->source[i] : &t->sink[i - t->sources];
		bound(n, i >= t->sources, &out->low[variable[i]], &out->high[variable[i]]);
	}
	/* As many rounds as there are prices, or there is a circle that cannot hold. */
	int rounds = 0;
	while (rounds <= variables && hold_all(t, variable, variables, apart, apart_by, out)) {
		rounds++;
	}
	for (int v = 0; v < variables; v++) {
		if (out->low[v] > out->high[v]) {
			return -ENOENT;
		}
	}
	return rounds > variables ? -ENOENT : 0;
}
