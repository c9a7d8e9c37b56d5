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
static void bound(const struct node *n, bool sink, bool traded_only, int32_t *low, int32_t *high)
{
	bool changed;
	for (int k = 0; k < n->steps; k++) {
		const struct step *s = &n->step[k];
		bool accepted = s->filled > 0;
		bool rejected = s->filled < s->quantity && !traded_only;
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

static bool hold_all(struct zonal_prices *p)
{
	const struct transport *t = p->transport;
	bool changed = false;
	for (int i = 0; i < t->sources; i++) {
		for (int j = 0; j < t->sinks; j++) {
			int way = i * t->sinks + j;
			bool used = t->flow[way] > 0;
			if (t->way[way] != WAY_NONE && (used || !p->traded_only)) {
				hold(p, p->variable[i], p->variable[t->sources + j], t->way[way],
				     used, &changed);
			}
		}
	}
	for (int v = 0; p->between && v < p->variables; v++) {
		if (p->between[v] >= 0) {
			hold(p, p->between[v], v, p->between_by[v], true, &changed);
		}
	}
	return changed;
}

/* As many rounds as there are prices, or there is a circle that cannot hold. */
static bool settle(struct zonal_prices *p)
{
	int rounds = 0;
	while (rounds <= p->variables && hold_all(p)) {
		rounds++;
	}
	return rounds <= p->variables;
}

int zonal_prices_find(struct zonal_prices *p)
{
	const struct transport *t = p->transport;
	for (int v = 0; v < p->variables; v++) {
		p->low[v] = -PRICE_MAX - PRICE_MAX;
		p->high[v] = PRICE_MAX + PRICE_MAX;
	}
	for (int i = 0; i < t->sources + t->sinks; i++) {
		const struct node *n = i < t->sources ? &t->source[i] : &t->sink[i - t->sources];
		int v = p->variable[i];
		bound(n, i >= t->sources, p->traded_only, &p->low[v], &p->high[v]);
	}
	bool settled = settle(p);
	for (int v = 0; v < p->variables; v++) {
		if (p->low[v] > p->high[v]) {
			return -ENOENT;
		}
	}
	return settled ? 0 : -ENOENT;
}

void zonal_prices_keep(struct zonal_prices *p, int variable, bool above, int32_t limit)
{
	bool changed = false;
	if (above) {
		int32_t high = p->high[variable];
		at_least(&p->low[variable], limit < high ? limit : high, &changed);
	} else {
		int32_t low = p->low[variable];
		at_most(&p->high[variable], limit > low ? limit : low, &changed);
	}
	if (changed) {
		(void)settle(p); /* differences that held go on to hold */
	}
}
