/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/network.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The branches of each bus, one list after the other. */
struct ends {
	int *first; /* of each bus, and one behind the last */
	int *branch;
};

static int list_ends(const struct feeder *f, struct ends *e)
{
	e->first = calloc((size_t)f->buses + 2, sizeof(*e->first));
	e->branch = calloc(2 * (size_t)f->branches + 1, sizeof(*e->branch));
	if (!e->first || !e->branch) {
		return -ENOMEM;
	}
	for (int i = 0; i < f->branches; i++) {
		if (f->branch[i].closed) {
			e->first[f->branch[i].from + 2]++;
			e->first[f->branch[i].to + 2]++;
		}
	}
	for (int i = 2; i < f->buses + 2; i++) {
		e->first[i] += e->first[i - 1];
	}
	for (int i = 0; i < f->branches; i++) {
		if (f->branch[i].closed) {
			e->branch[e->first[f->branch[i].from + 1]++] = i;
			e->branch[e->first[f->branch[i].to + 1]++] = i;
		}
	}
	return 0;
}

/* Breadth first from the source. */
static void order(struct network *k, const struct feeder *f, const struct ends *e)
{
	k->bus[0] = f->source;
	k->node[f->source] = 0;
	k->parent[0] = k->branch[0] = -1;
	int found = 1;
	for (int n = 0; n < found; n++) {
		int bus = k->bus[n];
		for (int i = e->first[bus]; i < e->first[bus + 1]; i++) {
			const struct feeder_branch *b = &f->branch[e->branch[i]];
			int other = b->from == bus ? b->to : b->from;
			if (e->branch[i] == k->branch[n]) {
				continue;
			}
			k->bus[found] = other;
			k->node[other] = found;
			k->parent[found] = n;
			k->branch[found] = e->branch[i];
			k->turned[found] = b->to == bus;
			found++;
		}
	}
	assert(found == k->nodes);
}

int network_init(struct network *k, const struct feeder *f)
{
	size_t n = (size_t)f->buses;
	struct ends e = { 0 };
	*k = (struct network){ .nodes = f->buses, .base_va = f->base_va };
	k->parent = calloc(4 * n, sizeof(*k->parent));
	k->r = calloc(5 * n, sizeof(*k->r));
	k->turned = calloc(n, sizeof(*k->turned));
	int result = k->parent && k->r && k->turned ? list_ends(f, &e) : -ENOMEM;
	if (result == 0) {
		k->bus = k->parent + n;
		k->node = k->bus + n;
		k->branch = k->node + n;
		k->x = k->r + n;
		k->g = k->x + n;
		k->b = k->g + n;
		k->scale = k->b + n;
		order(k, f, &e);
		network_update(k, f);
	} else {
		network_free(k);
	}
	free(e.first);
	free(e.branch);
	return result;
}

void network_free(struct network *k)
{
	free(k->parent);
	free(k->r);
	free(k->turned);
	*k = (struct network){ 0 };
}

/* A branch has its ratio t at the from side: V_to = V_from / t - z I. Fed from the other side it is
 * V_from = t V_to - t^2 z I. */
static void take_branch(struct network *k, const struct feeder *f, int n)
{
	const struct feeder_branch *b = &f->branch[k->branch[n]];
	double ratio = k->turned[n] ? 1 / b->ratio : b->ratio;
	double stretch = k->turned[n] ? b->ratio * b->ratio : 1;
	double parent = k->scale[k->parent[n]];
	double scale = parent / ratio;
	k->scale[n] = scale;
	k->r[n] = b->r * stretch / (scale * scale);
	k->x[n] = b->x * stretch / (scale * scale);
	/* The charging of a transformer stands behind its ratio, at the to side's scale. */
	double from_b = b->b / 2 / (b->ratio * b->ratio), to_b = b->b / 2;
	k->b[k->parent[n]] += (k->turned[n] ? to_b : from_b) * parent * parent;
	k->b[n] += (k->turned[n] ? from_b : to_b) * scale * scale;
}

void network_update(struct network *k, const struct feeder *f)
{
	memset(k->g, 0, 2 * (size_t)k->nodes * sizeof(*k->g));
	k->scale[0] = 1;
	k->r[0] = k->x[0] = 0;
	for (int n = 1; n < k->nodes; n++) {
		take_branch(k, f, n);
	}
	k->shunts = false;
	for (int n = 0; n < k->nodes; n++) {
		const struct feeder_bus *bus = &f->bus[k->bus[n]];
		double square = k->scale[n] * k->scale[n];
		k->g[n] = bus->g_w / k->base_va * square;
		k->b[n] += bus->b_var / k->base_va * square;
		k->shunts = k->shunts || k->g[n] != 0 || k->b[n] != 0;
	}
}

void network_loads(const struct network *k, const struct feeder *f, double factor, double *p,
		   double *q)
{
	for (int n = 0; n < k->nodes; n++) {
		p[n] = factor * f->bus[k->bus[n]].p_w / k->base_va;
		q[n] = factor * f->bus[k->bus[n]].q_var / k->base_va;
	}
}
