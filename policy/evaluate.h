/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plan really does and costs: simulated step by step from the problem's data and the plan's
 * powers of the assets and PV alone. Shares no code with the model that made the plan, so that
 * neither's error hides in the other. */
#ifndef LECD_POLICY_EVALUATE_H
#define LECD_POLICY_EVALUATE_H

#include <stdbool.h>

#include "policy/plan.h"
#include "policy/problem.h"

struct evaluation {
	double energy_cost; /* as in struct plan, and so the four below */
	double total_cost;
	double import_wh;
	double export_wh;
	double peak_import_w;
	bool soft; /* a soft limit gave */
};

/* Cost what the plan's slots do. The plan's slots and assets must count as the problem's. */
void evaluate(const struct problem *p, const struct plan *plan, struct evaluation *out);

/* The stored fraction after battery_w (AC, + discharge) for that many hours, starting at soc. */
double battery_after(const struct battery_model *b, double soc, double battery_w, double hours);

/* Whether the plan answers this problem, can be carried out within every hard limit, and adds up to
 * what it says. Return 0, or -EINVAL with a sentence in why (of size bytes). The plan may be any
 * garbage. */
int plan_check(const struct problem *p, const struct plan *plan, char *why, int size);

#endif
