/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/lp.h"
#include "daemon/market/blocks.h"
#include "daemon/market/zonal.h"

/* Energies are in kWh and prices per kWh: numbers of about the same size, as GLPK needs them. Where
 * they are not, the largest order is the measure.
 *
 * In each interval the orders of a side and zone are a node: all together, but for those owners
 * that are kept from trading with themselves, who have nodes of their own. What they sell flows to
 * who buys, at the grid's fee; not from an owner to itself. */
struct program {
	const struct book *b;
	struct lp lp;
	double unit; /* of energies, mWh */
	int *column; /* of each block: its share */
	int *class;  /* of each order: 0, or its owner's own from 1 where that is apart */
	int classes;
	int *row; /* of each node of the interval at hand, NO_ROW: it has none; see row_of */
};
enum { NO_ROW = -1, NODES_MAX = 4096, KILO = 1000 };

static double energy(const struct program *p, const struct order *o)
{
	return (double)o->quantity / p->unit;
}

/* The share is the binary where it is all or nothing; else it lies between the least share and all
 * of it, or is 0. */
static void add_block(struct program *p, int block)
{
	double least = (double)p->b->block[block].least / RATIO_WHOLE;
	int taken = lp_binary(&p->lp, block + 1); /* none stands in for another */
	p->column[block] = taken;
	if (p->b->block[block].least < RATIO_WHOLE) {
		int share = lp_column(&p->lp, 0, 1, 0);
		int above = lp_row(&p->lp, 0, INFINITY), below = lp_row(&p->lp, -INFINITY, 0);
		lp_entry(&p->lp, above, share, 1);
		lp_entry(&p->lp, above, taken, -least);
		lp_entry(&p->lp, below, share, 1);
		lp_entry(&p->lp, below, taken, -1);
		p->column[block] = share;
	}
}

static int nodes_of(const struct program *p)
{
	return p->b->zones * p->classes; /* a side */
}

/* The row of an order's node, which is made where it is new. */
static int row_of(struct program *p, int order)
{
	const struct order *o = &p->b->order[order];
	int node = (int)o->side * nodes_of(p) + o->zone * p->classes + p->class[order];
	if (p->row[node] == NO_ROW) {
		p->row[node] = lp_row(&p->lp, 0, 0);
	}
	return p->row[node];
}

/* A block's orders stand in one interval once, so that each is its column's only entry in a row. */
static void add_orders(struct program *p, int interval)
{
	for (int i = 0; i < p->b->orders; i++) {
		const struct order *o = &p->b->order[i];
		double price = (double)(o->side == SIDE_BUY ? -o->price : o->price) / MILLION;
		if (o->interval != interval) {
			continue;
		}
		int row = row_of(p, i);
		if (o->block >= 0) {
			int column = p->column[o->block];
			p->lp.column[column].cost += price * energy(p, o);
			lp_entry(&p->lp, row, column, energy(p, o));
		} else {
			lp_entry(&p->lp, row, lp_column(&p->lp, 0, energy(p, o), price), 1);
		}
	}
}

static void add_flows(struct program *p)
{
	const int nodes = nodes_of(p);
	for (int n = 0; n < nodes * nodes && !p->lp.lacking; n++) {
		int to = n / nodes, from = n % nodes;
		int buys = p->row[SIDE_BUY * nodes + to], sells = p->row[SIDE_SELL * nodes + from];
		int class = to % p->classes;
		if (buys == NO_ROW || sells == NO_ROW ||
		    (class > 0 && class == from % p->classes)) {
			continue;
		}
		int32_t fee = book_fee(p->b, from / p->classes, to / p->classes);
		int flow = lp_column(&p->lp, 0, INFINITY, (double)fee / MILLION);
		lp_entry(&p->lp, buys, flow, -1);
		lp_entry(&p->lp, sells, flow, -1);
	}
}

static int build(struct program *p)
{
	const struct book *b = p->b;
	for (int k = 0; k < b->blocks; k++) {
		add_block(p, k);
	}
	for (int i = 0; i < b->intervals && !p->lp.lacking; i++) {
		for (int n = 0; n < 2 * nodes_of(p); n++) {
			p->row[n] = NO_ROW;
		}
		add_orders(p, i);
		add_flows(p);
	}
	return p->lp.lacking ? -E2BIG : 0;
}

/* Returns as lp_settle. */
static int solve_in(struct program *p, const struct terms *t, double unit)
{
	p->unit = unit;
	lp_clear(&p->lp);
	int r = build(p);
	r = r < 0 ? r : lp_relax(&p->lp, t->solve_deadline_us);
	return r < 0 || lp_is_settled(&p->lp) ? r : lp_settle(&p->lp, t->solve_deadline_us, 0);
}

static double largest(const struct book *b)
{
	int64_t most = 1;
	for (int i = 0; i < b->orders; i++) {
		most = b->order[i].quantity > most ? b->order[i].quantity : most;
	}
	return (double)most;
}

/* Nothing at all is an answer, so that one that is told to be impossible has only numbers too far
 * apart. */
static int solve(struct program *p, const struct terms *t, double *share, double *bound,
		 bool *proven)
{
	int r = solve_in(p, t, MILLION);
	if (r < 0 && r != -ETIME && r != -ENOMEM && r != -E2BIG) {
		r = solve_in(p, t, largest(p->b) / MILLION * KILO);
	}
	for (int k = 0; r >= 0 && k < p->b->blocks; k++) {
		share[k] = fmin(fmax(p->lp.column[p->column[k]].x, 0), 1);
		double least = (double)p->b->block[k].least / RATIO_WHOLE;
		share[k] = share[k] < least / 2 ? 0 : fmax(share[k], least);
	}
	if (r >= 0) {
		*proven = r == 0;
		*bound = -p->lp.bound * p->unit / MILLION;
	}
	return r < 0 ? r : 0;
}

static int classify(struct program *p, const uint64_t *apart)
{
	const struct book *b = p->b;
	int *own = malloc(sizeof(*own) * ((size_t)b->owners + 1));
	if (!own) {
		return -ENOMEM;
	}
	p->classes = 1;
	for (int o = 0; o < b->owners; o++) {
		own[o] = apart[o] ? p->classes++ : 0;
	}
	for (int i = 0; i < b->orders; i++) {
		const struct order *o = &b->order[i];
		p->class[i] = zonal_is_apart(apart, o) ? own[o->owner] : 0;
	}
	free(own);
	return (int64_t)b->zones * p->classes <= NODES_MAX ? 0 : -E2BIG;
}

int blocks_choose(const struct book *b, const struct terms *t, const uint64_t *apart, double *share,
		  double *bound, bool *proven)
{
	struct program p = { .b = b,
			     .column = malloc(sizeof(int) * ((size_t)b->blocks + 1)),
			     .class = malloc(sizeof(int) * ((size_t)b->orders + 1)) };
	int e = p.column && p.class ? classify(&p, apart) : -ENOMEM;
	if (e == 0) {
		p.row = malloc(sizeof(int) * 2 * (size_t)nodes_of(&p));
		e = p.row ? solve(&p, t, share, bound, proven) : -ENOMEM;
	}
	lp_free(&p.lp);
	free(p.column);
	free(p.class);
	free(p.row);
	return e;
}
