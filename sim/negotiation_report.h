/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lec-market negotiate tells: one negotiation with all that it is held against, as a JSON
 * object, a row of a table and a picture. */
#ifndef LECD_SIM_NEGOTIATION_REPORT_H
#define LECD_SIM_NEGOTIATION_REPORT_H

#include <stdio.h>

#include "sim/negotiation.h"
#include "sim/negotiation_central.h"

/* A round, for the trace and the picture. */
struct negotiation_round {
	int passes;
	double primal, dual, primal_most, dual_most, penalty;
	int worst_primal, worst_dual;
};

struct negotiation_report {
	const struct negotiation *w;
	bool agreed;
	int rounds;
	int passes, passes_most;         /* of the inner loop: in all, in a round */
	struct negotiation_round *round; /* owned; of each round */
	double *power_kw, *alone_kw;     /* owned; by home and step: agreed on; each alone */
	double *map;                     /* owned; the price at each node, [step * nodes + node] */
	double *source_kw, *source_alone_kw, *low,
		*low_alone; /* owned with map; by step: what the
			       source gives, the lowest voltage */
	struct negotiation_outcome with, alone;
	double bill, bill_alone, bill_wear, bill_wear_alone;
	double price_norm, part_norm; /* of the multipliers, and of what the grid adds to them */
	bool judged;
	int verdict; /* of negotiation_central */
	struct negotiation_central central;
	int warm_rounds; /* of the next interval's, begun where this ended; 0: not tried */
	double solve_s, judge_s;
};

/* Negotiate w from nothing, and hold it against each alone and, where that is wanted, the central
 * optimum. Returns 0: agreed or not; -errno. negotiation_report_free after it, always. */
int negotiation_report_make(struct negotiation_report *r, struct negotiation *w, bool judge);
void negotiation_report_free(struct negotiation_report *r);

/* Move w on by an interval and negotiate it from where it is. Returns as negotiation_move. */
int negotiation_report_warm(struct negotiation_report *r, struct negotiation *w, struct diag *d);

/* One JSON object into text. Returns its length or -ENOBUFS. */
int negotiation_report_json(const struct negotiation_report *r, char *text, size_t size);
/* A line for each round. */
void negotiation_report_trace(const struct negotiation_report *r, FILE *to);
/* Why it was not agreed, in words. */
void negotiation_report_why(const struct negotiation_report *r, FILE *to);
/* Residuals over rounds; source, voltage, and the price of each bus over time. Returns 0 or
 * -ENOMEM.
 */
int negotiation_report_plot(const struct negotiation_report *r, FILE *to);

#endif
