/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/pool.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

bool pool_has(const struct battery_model *b)
{
	return b->charge_limit_w > 0 || b->discharge_limit_w > 0;
}

static bool same_with_grid(const struct battery_model *a, const struct battery_model *b)
{
	return a->grid_charging == b->grid_charging && a->grid_discharging == b->grid_discharging;
}

/* What is a sum in the pool; fractions and prices are means by capacity, once divided by it. */
static void add(struct battery_model *sum, const struct battery_model *b)
{
	double wh = b->capacity_wh;
	sum->capacity_wh += wh;
	sum->charge_limit_w += b->charge_limit_w;
	sum->discharge_limit_w += b->discharge_limit_w;
	sum->charge_efficiency += wh * b->charge_efficiency;
	sum->discharge_efficiency += wh * b->discharge_efficiency;
	sum->soc_min += wh * b->soc_min;
	sum->soc_max += wh * b->soc_max;
	sum->soc_start += wh * b->soc_start;
	sum->end_value += wh * b->end_value;
	sum->wear += wh * b->wear;
	/* Those side by side rise as little as conductors resist: nothing, where one does not. */
	sum->loss_per_kw += 1 / b->loss_per_kw;
	sum->awake_w = fmin(sum->awake_w, b->awake_w); /* one is enough for little */
}

static void divide(struct battery_model *sum)
{
	double wh = sum->capacity_wh;
	sum->charge_efficiency /= wh;
	sum->discharge_efficiency /= wh;
	sum->soc_min /= wh;
	sum->soc_max /= wh;
	sum->soc_start /= wh;
	sum->end_value /= wh;
	sum->wear /= wh;
	sum->loss_per_kw = 1 / sum->loss_per_kw;
}

static int merge(const struct problem *p, struct battery_model *out)
{
	const struct battery_model *first = NULL;
	struct battery_model sum = { .awake_w = INFINITY, .soc_end = -1 };
	int merged = 0;
	for (int i = 0; i < p->batteries; i++) {
		const struct battery_model *b = &p->battery[i];
		if (!pool_has(b)) {
			continue;
		}
		first = first ? first : b;
		if (b->soc_end > 0 || !same_with_grid(first, b)) {
			return -EDOM;
		}
		add(&sum, b);
		merged++;
	}
	if (merged == 0 || p->batteries < 2) {
		return -EDOM;
	}
	divide(&sum);
	sum.grid_charging = first->grid_charging;
	sum.grid_discharging = first->grid_discharging;
	*out = sum;
	return 0;
}

int pool_ask(struct pool *pool, struct exact *e, const struct problem *p, struct pool_wish *out)
{
	struct battery_model all;
	if (p->scenarios == 0 && p->tail == 0) {
		return -ENODATA;
	}
	int r = merge(p, &all);
	if (r < 0) {
		return r;
	}
	pool->problem = *p;
	pool->problem.batteries = 1;
	pool->problem.battery[0] = all;
	r = exact_solve(e, &pool->problem, &pool->plan);
	if (r < 0) {
		return r;
	}
	const struct plan_slot *slot = &pool->plan.slot[0];
	*out = (struct pool_wish){ .kwh = slot->soc[0] * all.capacity_wh / 1e3,
				   .value = slot->value[0],
				   .efficiency = all.discharge_efficiency };
	return 0;
}
