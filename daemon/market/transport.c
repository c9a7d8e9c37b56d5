/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/transport.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/market/money.h"

/* Costs are compared by money first, then by fees: money * 2^60 + fees. */
enum { MONEY_SHIFT = 60, WORD_BITS = 64 };
static const int64_t money_one = INT64_C(1) << MONEY_SHIFT;

struct search {
	wide *to_source, *to_sink;   /* cost of the cheapest way there; far: none */
	int *source_from;            /* the sink before a source, -1: it begins here */
	int *sink_from;              /* the source before a sink */
	bool *new_source, *new_sink; /* got cheaper since it was looked at */
	uint64_t *used;              /* by sink, a bit for each source that something flows from */
	int words;                   /* of a sink's bits */
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
		s->new_source[i] = step != NULL;
	}
	for (int j = 0; j < t->sinks; j++) {
		s->to_sink[j] = FAR;
		s->sink_from[j] = -1;
		s->new_sink[j] = false;
	}
}

/* Go on from a source, and back from a sink over each flow. */
static void relax_source(const struct transport *t, struct search *s, int i)
{
	const int32_t *way = &t->way[i * t->sinks];
	for (int j = 0; j < t->sinks; j++) {
		wide cost = s->to_source[i] + cost_of(way[j]);
		if (way[j] != WAY_NONE && cost < s->to_sink[j]) {
			s->to_sink[j] = cost;
			s->sink_from[j] = i;
			s->new_sink[j] = true;
		}
	}
}

static void relax_sink(const struct transport *t, struct search *s, int j)
{
	for (int w = 0; w < s->words; w++) {
		for (uint64_t bits = s->used[j * s->words + w]; bits; bits &= bits - 1) {
			int i = w * WORD_BITS + __builtin_ctzll(bits);
			wide cost = s->to_sink[j] - cost_of(t->way[i * t->sinks + j]);
			if (cost < s->to_source[i]) {
				s->to_source[i] = cost;
				s->source_from[i] = j;
				s->new_source[i] = true;
			}
		}
	}
}

/* Returns whether anything was left to look at. */
static bool relax(const struct transport *t, struct search *s)
{
	bool any = false;
	for (int i = 0; i < t->sources; i++) {
		if (s->new_source[i]) {
			s->new_source[i] = false;
			relax_source(t, s, i);
			any = true;
		}
	}
	for (int j = 0; j < t->sinks; j++) {
		if (s->new_sink[j]) {
			s->new_sink[j] = false;
			relax_sink(t, s, j);
			any = true;
		}
	}
	return any;
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

static void change_flow(struct transport *t, struct search *s, int i, int j, int64_t by)
{
	int64_t *flow = &t->flow[i * t->sinks + j];
	uint64_t bit = UINT64_C(1) << (i % WORD_BITS);
	uint64_t *word = &s->used[j * s->words + i / WORD_BITS];
	*flow += by;
	*word = *flow > 0 ? *word | bit : *word & ~bit;
}

/* Send as much as fits along the path to a sink. */
static void send(struct transport *t, struct search *s, int end)
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
		change_flow(t, s, i, j, q);
		if (s->source_from[i] >= 0) {
			change_flow(t, s, i, s->source_from[i], -q);
		}
	}
}

int transport_solve(struct transport *t)
{
	size_t sources = (size_t)t->sources + 1, sinks = (size_t)t->sinks + 1;
	size_t words = (sources + WORD_BITS - 1) / WORD_BITS;
	struct search s = { .to_source = malloc(sizeof(wide) * sources),
			    .to_sink = malloc(sizeof(wide) * sinks),
			    .source_from = malloc(sizeof(int) * sources),
			    .sink_from = malloc(sizeof(int) * sinks),
			    .new_source = malloc(sizeof(bool) * sources),
			    .new_sink = malloc(sizeof(bool) * sinks),
			    .used = calloc(sinks * words, sizeof(uint64_t)),
			    .words = (int)words };
	bool room = s.to_source && s.to_sink && s.source_from && s.sink_from && s.new_source &&
		    s.new_sink && s.used;
	for (int end; room && (end = find_path(t, &s)) >= 0;) {
		send(t, &s, end);
	}
	free(s.to_source);
	free(s.to_sink);
	free(s.source_from);
	free(s.sink_from);
	free(s.new_source);
	free(s.new_sink);
	free(s.used);
	return room ? 0 : -ENOMEM;
}
