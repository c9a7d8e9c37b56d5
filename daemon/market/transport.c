/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/transport.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/market/money.h"

/* Costs are compared by money first, then by fees: money * 2^60 + fees. */
enum { MONEY_SHIFT = 60 };
static const int64_t money_one = INT64_C(1) << MONEY_SHIFT;

struct search {
	wide *to_source, *to_sink; /* cost of the cheapest way there; far: none */
	int *source_from;          /* the sink before a source, -1: it begins here */
	int *sink_from;            /* the source before a sink */
};
#define FAR ((wide)1 << 120)

static wide cost_of(int32_t fee)
{
	return (wide)fee * money_one + fee;
}

static const struct step *next_step(const struct node *n)
{
	return n->at < n->steps ? &n->step[n->at] : NULL;
}

static void begin(const struct transport *t, struct search *s)
{
	for (int i = 0; i < t->sources; i++) {
		const struct step *step = next_step(&t->source[i]);
		s->to_source[i] = step ? (wide)step->price * money_one : FAR;
		s->source_from[i] = -1;
	}
	for (int j = 0; j < t->sinks; j++) {
		s->to_sink[j] = FAR;
		s->sink_from[j] = -1;
	}
}

/* Go on from each source, and back over each flow. Returns whether anything got cheaper. */
static bool relax(const struct transport *t, struct search *s)
{
	bool cheaper = false;
	for (int i = 0; i < t->sources; i++) {
		const int32_t *way = &t->way[i * t->sinks];
		for (int j = 0; s->to_source[i] < FAR && j < t->sinks; j++) {
			wide cost = s->to_source[i] + cost_of(way[j]);
			if (way[j] != WAY_NONE && cost < s->to_sink[j]) {
				s->to_sink[j] = cost;
				s->sink_from[j] = i;
				cheaper = true;
			}
		}
	}
	for (int i = 0; i < t->sources; i++) {
		const int64_t *flow = &t->flow[i * t->sinks];
		for (int j = 0; j < t->sinks; j++) {
			if (flow[j] == 0 || s->to_sink[j] == FAR) {
				continue;
			}
			wide cost = s->to_sink[j] - cost_of(t->way[i * t->sinks + j]);
			if (cost < s->to_source[i]) {
				s->to_source[i] = cost;
				s->source_from[i] = j;
				cheaper = true;
			}
		}
	}
	return cheaper;
}

/* The sink that gains most, or -1: none gains. There are no circles that gain, so that as many
 * rounds as there are nodes are enough. */
static int find_path(const struct transport *t, struct search *s)
{
	wide best = money_one / 2; /* fees alone never stop a trade that loses nothing */
	int end = -1;
	begin(t, s);
	for (int round = 0; round <= t->sources + t->sinks && relax(t, s); round++) {
	}
	for (int j = 0; j < t->sinks; j++) {
		const struct step *step = next_step(&t->sink[j]);
		wide cost = step && s->to_sink[j] < FAR
				    ? s->to_sink[j] - (wide)step->price * money_one
				    : FAR;
		if (cost < best) {
			best = cost;
			end = j;
		}
	}
	return end;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t left(const struct node *n)
{
	const struct step *step = next_step(n);
	return step ? step->quantity - step->filled : 0;
}

static void take(struct node *n, int64_t q)
{
	struct step *step = &n->step[n->at];
	step->filled += q;
	n->at += step->filled == step->quantity;
}

/* Send as much as fits along the path to a sink. */
static void send(struct transport *t, const struct search *s, int end)
{
	int64_t q = left(&t->sink[end]);
	int i = s->sink_from[end];
	for (; s->source_from[i] >= 0; i = s->sink_from[s->source_from[i]]) {
		q = least(q, t->flow[i * t->sinks + s->source_from[i]]);
	}
	q = least(q, left(&t->source[i]));
	take(&t->source[i], q);
	take(&t->sink[end], q);
	for (int j = end; j >= 0; j = s->source_from[i]) {
		i = s->sink_from[j];
		t->flow[i * t->sinks + j] += q;
		if (s->source_from[i] >= 0) {
			t->flow[i * t->sinks + s->source_from[i]] -= q;
		}
	}
}

int transport_solve(struct transport *t)
{
	size_t sources = (size_t)t->sources + 1, sinks = (size_t)t->sinks + 1;
	struct search s = { malloc(sizeof(wide) * sources), malloc(sizeof(wide) * sinks),
			    malloc(sizeof(int) * sources), malloc(sizeof(int) * sinks) };
	int e = s.to_source && s.to_sink && s.source_from && s.sink_from ? 0 : -ENOMEM;
	for (int end; e == 0 && (end = find_path(t, &s)) >= 0;) {
		send(t, &s, end);
	}
	free(s.to_source);
	free(s.to_sink);
	free(s.source_from);
	free(s.sink_from);
	return e;
}
