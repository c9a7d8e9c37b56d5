/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/limits.h"

#include <stdio.h>

static double branch_limit(const struct network *k, const struct feeder *f, int node)
{
	return f->branch[k->branch[node]].limit_va / k->base_va;
}

int limits_count(const struct network *k, const struct feeder *f)
{
	int count = 2 * (k->nodes - 1);
	for (int n = 1; n < k->nodes; n++) {
		count += branch_limit(k, f, n) > 0;
	}
	return count;
}

void limits_list(const struct network *k, const struct feeder *f, struct limit *out)
{
	for (int n = 1; n < k->nodes; n++) {
		*out++ = (struct limit){ LIMIT_VOLTAGE_LOW, n };
		*out++ = (struct limit){ LIMIT_VOLTAGE_HIGH, n };
		if (branch_limit(k, f, n) > 0) {
			*out++ = (struct limit){ LIMIT_BRANCH, n };
		}
	}
}

double limit_excess(const struct limit *l, const struct flow *s, const struct network *k,
		    const struct feeder *f)
{
	const struct feeder_bus *bus = &f->bus[k->bus[l->node]];
	switch (l->kind) {
	case LIMIT_VOLTAGE_LOW:
		return bus->v_min - flow_voltage(s, k, l->node);
	case LIMIT_VOLTAGE_HIGH:
		return flow_voltage(s, k, l->node) - bus->v_max;
	default:
		return flow_apparent(s, k, l->node) - branch_limit(k, f, l->node);
	}
}

int limit_slope(const struct limit *l, struct sensitivity *a, const struct flow *s,
		const struct network *k, double *dp)
{
	if (l->kind == LIMIT_BRANCH) {
		return sensitivity_apparent(a, s, k, l->node, dp, NULL);
	}
	int r = sensitivity_voltage(a, s, k, l->node, dp, NULL);
	for (int n = 0; r == 0 && l->kind == LIMIT_VOLTAGE_LOW && n < k->nodes; n++) {
		dp[n] = -dp[n];
	}
	return r;
}

const char *limit_text(const struct limit *l, const struct network *k, const struct feeder *f,
		       char *out, size_t size)
{
	const struct feeder_bus *bus = &f->bus[k->bus[l->node]];
	if (l->kind == LIMIT_BRANCH) {
		snprintf(out, size, "branch %s-%s over %g kVA",
			 f->bus[k->bus[k->parent[l->node]]].name, bus->name,
			 f->branch[k->branch[l->node]].limit_va / 1e3);
	} else {
		bool low = l->kind == LIMIT_VOLTAGE_LOW;
		snprintf(out, size, "voltage of bus %s %s %g", bus->name, low ? "below" : "above",
			 low ? bus->v_min : bus->v_max);
	}
	return out;
}
