/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/neighbour_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/json_out.h"

enum { DOCUMENT_SIZE = 1 << 17 };

static void put_values(struct json_out *o, const char *key, const int64_t *value, int steps)
{
	json_open_array(o, key);
	for (int t = 0; t < steps; t++) {
		json_put_millionths(o, NULL, value[t]);
	}
	json_close(o);
}

static void put_edge(struct json_out *o, const struct neighbour_result *r, int i)
{
	const struct consensus_edge *e = &r->node->edge[i];
	json_open_object(o, NULL);
	json_put_text(o, "line", r->conf->wire[r->line[i]].name);
	json_put_text(o, "neighbour", r->conf->community[r->neighbour[i]].name);
	json_put_text(o, "end", consensus_ends[e->end]);
	json_put_flag(o, "agreed", consensus_has_terms(e));
	if (consensus_has_terms(e)) {
		put_values(o, "taken_kwh", e->taken_mwh, r->conf->league.steps);
		put_values(o, "price", e->price_micro, r->conf->league.steps);
	}
	json_close(o);
}

/* What the day costs with all that is agreed, without what neighbours and the grid are paid. */
static int own_cost(const struct neighbour_result *r, double *cost)
{
	double taken_kw[LEAGUE_STEPS_MAX] = { 0 };
	for (int i = 0; i < r->node->edges; i++) {
		const struct consensus_edge *e = &r->node->edge[i];
		for (int t = 0; consensus_has_terms(e) && t < r->conf->league.steps; t++) {
			taken_kw[t] += (double)e->taken_mwh[t] / 1e6 / r->conf->league.hours;
		}
	}
	return member_cost(r->agent, taken_kw, cost, NULL);
}

int neighbour_tell(const struct neighbour_result *r)
{
	char *text = malloc(DOCUMENT_SIZE);
	struct json_out o;
	double cost;
	if (!text || own_cost(r, &cost) < 0) {
		free(text);
		return -ENOMEM;
	}
	json_begin(&o, text, DOCUMENT_SIZE);
	json_open_object(&o, NULL);
	json_put_text(&o, "community", r->conf->community[r->self].name);
	json_put_integer(&o, "rounds", r->node->round);
	json_put_flag(&o, "converged", r->node->still && !r->stopped);
	json_put_number(&o, "residual_w", consensus_residual(r->node, NULL) * 1000, 3);
	json_put_integer(&o, "refused", r->node->refused);
	json_put_number(&o, "cost", cost, 6);
	json_open_array(&o, "lines");
	for (int i = 0; i < r->node->edges; i++) {
		put_edge(&o, r, i);
	}
	json_close(&o);
	json_close(&o);
	if (json_finish(&o) > 0) {
		puts(text);
	}
	free(text);
	return fflush(stdout) ? -EIO : 0;
}
