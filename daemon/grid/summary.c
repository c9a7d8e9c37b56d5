/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/summary.h"

void summary_make(struct summary *out, const struct flow *s, const struct network *k,
		  const struct feeder *f, const double *p, const double *q)
{
	*out = (struct summary){ .lowest = flow_lowest(s, k), .highest = flow_highest(s, k) };
	for (int n = 0; n < k->nodes; n++) {
		out->load_p += p[n];
		out->load_q += q[n];
	}
	for (int n = 1; n < k->nodes; n++) {
		const struct feeder_bus *bus = &f->bus[k->bus[n]];
		double v = flow_voltage(s, k, n), limit_va = f->branch[k->branch[n]].limit_va;
		out->outside += v < bus->v_min || v > bus->v_max;
		out->overloads += limit_va > 0 && flow_apparent(s, k, n) * f->base_va > limit_va;
	}
	out->v_min = flow_voltage(s, k, out->lowest);
	out->v_max = flow_voltage(s, k, out->highest);
	flow_loss(s, k, &out->loss_p, &out->loss_q);
	out->source_p = out->load_p + out->loss_p;
	out->source_q = out->load_q + out->loss_q;
}
