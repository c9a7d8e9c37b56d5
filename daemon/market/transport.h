/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The welfare-optimal flow from sellers to buyers over ways with a cost each: successive shortest
 * paths (Busacker and Gowen, 1960) in whole numbers, so that the answer is exact. Of answers with
 * equal welfare it takes one with the largest volume, then the least fees: the nearer wins. */
#ifndef LECD_MARKET_TRANSPORT_H
#define LECD_MARKET_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Orders of a node with one price. */
struct step {
	int64_t price; /* below 2^46 */
	int64_t quantity, filled;
	int first, count; /* of the orders, as the caller holds them */
};

struct node {
	struct step *step; /* the best price first */
	int steps;
	int at; /* the first that is not full; begin with 0 */
};

struct transport {
	int sources, sinks;
	struct node *source, *sink;
	int32_t *way;  /* [source * sinks + sink]: fee, or WAY_NONE */
	int64_t *flow; /* out, the same; begin with 0 */
};
enum { WAY_NONE = -1 };

/* Fill steps and flows. Return 0 or -ENOMEM. */
int transport_solve(struct transport *t);

#endif
