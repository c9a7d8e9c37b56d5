/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that clear zones share: the book as a flow between nodes. */
#ifndef LECD_MARKET_ZONAL_PRIVATE_H
#define LECD_MARKET_ZONAL_PRIVATE_H

#include "daemon/market/transport.h"
#include "daemon/market/zonal.h"

enum { NODES_MAX = 4096 }; /* a side */

/* A side of the flow: the orders by node, then by price. Who is set apart in a zone has a node of
 * its own there, all others of it one together. */
struct half {
	enum side side;
	int32_t *order;
	int orders;
	struct node node[NODES_MAX];
	int16_t zone[NODES_MAX];
	int32_t owner[NODES_MAX]; /* -1: the others */
	int nodes;
	struct step *step;
	int steps;
};

struct zonal {
	const struct book *b;
	const struct terms *t;
	struct result *r;
	const struct zonal_given *given;
	uint64_t *apart; /* by owner: zones as bits */
	struct half half[2];
	struct transport transport;
	int32_t *node; /* by order, of its side */
	int variable[2 * NODES_MAX];
	int between[2 * NODES_MAX];
	int32_t between_by[2 * NODES_MAX];
	int32_t low[2 * NODES_MAX], high[2 * NODES_MAX];
	bool by_node; /* prices of their own */
};

/* Make the flow of a book with those apart that are, find it and fill the orders. The flow of an
 * earlier round is freed. Return 0, -ENOMEM or -E2BIG. */
int zonal_flow(struct zonal *z);
void zonal_flow_free(struct zonal *z);

/* Pair what flows, without prices; z->r->quantity and welfare with it. Who cannot but trade with
 * itself is set apart, and *grown told: then it is all to be done again. Return 0 or -ENOMEM. */
int zonal_pair(struct zonal *z, bool *grown);

#endif
