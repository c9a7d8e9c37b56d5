/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/lp.h"
#include "daemon/market/blocks.h"

/* Energies in kWh and prices per kWh: numbers of about the same size, as GLPK needs them. */
struct program {
	const struct book *b;
	struct lp lp;
	int *column;    /* of each block: its share */
	int *balance;   /* row of each interval */
	int *owner_row; /* of each owner, in the interval at hand; -1: none */
	int64_t *seen;  /* by owner: sides it stands on there */
};

static double kwh(const struct order *o)
{
	return (double)o->quantity / MILLION;
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

/* An owner's purchases and sales in an interval are at most all purchases there (see uniform.h). */
static void add_owner_rows(struct program *p, int interval)
{
	const struct book *b = p->b;
	memset(p->seen, 0, sizeof(*p->seen) * (size_t)b->owners);
	for (int i = 0; i < b->orders; i++) {
		if (b->order[i].interval == interval) {
			p->seen[b->order[i].owner] |= 1 << b->order[i].side;
		}
	}
	for (int o = 0; o < b->owners; o++) {
		p->owner_row[o] = p->seen[o] == 3 ? lp_row(&p->lp, -INFINITY, 0) : -1;
	}
}

/* What an order's variable means to the rows: energy is per unit of it. A block's orders add up in
 * rows of their interval, and no two of them stand in one interval (see check). */
static void add_to_rows(struct program *p, const struct order *o, int column, double energy,
			bool self_trade)
{
	bool buys = o->side == SIDE_BUY;
	lp_entry(&p->lp, p->balance[o->interval], column, buys ? energy : -energy);
	for (int owner = 0; !self_trade && owner < p->b->owners; owner++) {
		double own = owner == o->owner ? energy : 0, all = buys ? energy : 0;
		if (p->owner_row[owner] >= 0 && own != all) {
			lp_entry(&p->lp, p->owner_row[owner], column, own - all);
		}
	}
}

static void add_orders(struct program *p, int interval, const struct terms *t)
{
	for (int i = 0; i < p->b->orders; i++) {
		const struct order *o = &p->b->order[i];
		double price = (double)(o->side == SIDE_BUY ? -o->price : o->price) / MILLION;
		if (o->interval != interval) {
			continue;
		}
		if (o->block >= 0) {
			int column = p->column[o->block];
			p->lp.column[column].cost += price * kwh(o);
			add_to_rows(p, o, column, kwh(o), t->self_trade);
		} else {
			int column = lp_column(&p->lp, 0, kwh(o), price);
			add_to_rows(p, o, column, 1, t->self_trade);
		}
	}
}

static int build(struct program *p, const struct terms *t)
{
	const struct book *b = p->b;
	for (int k = 0; k < b->blocks; k++) {
		add_block(p, k);
	}
	for (int i = 0; i < b->intervals && !p->lp.lacking; i++) {
		p->balance[i] = lp_row(&p->lp, 0, 0);
		if (!t->self_trade) {
			add_owner_rows(p, i);
		}
		add_orders(p, i, t);
	}
	return p->lp.lacking ? -E2BIG : 0;
}

static int solve(struct program *p, const struct terms *t, double *share, bool *proven)
{
	int r = build(p, t);
	r = r < 0 ? r : lp_relax(&p->lp, t->solve_deadline_us);
	r = r < 0 || lp_is_settled(&p->lp) ? r : lp_settle(&p->lp, t->solve_deadline_us, 0);
	for (int k = 0; r >= 0 && k < p->b->blocks; k++) {
		share[k] = fmin(fmax(p->lp.column[p->column[k]].x, 0), 1);
		double least = (double)p->b->block[k].least / RATIO_WHOLE;
		share[k] = share[k] < least / 2 ? 0 : fmax(share[k], least);
	}
	if (r >= 0) {
		*proven = r == 0;
	}
	return r < 0 ? r : 0;
}

int blocks_choose(const struct book *b, const struct terms *t, double *share, bool *proven)
{
	struct program p = { .b = b,
			     .column = malloc(sizeof(int) * ((size_t)b->blocks + 1)),
			     .balance = malloc(sizeof(int) * (size_t)b->intervals),
			     .owner_row = malloc(sizeof(int) * ((size_t)b->owners + 1)),
			     .seen = malloc(sizeof(int64_t) * ((size_t)b->owners + 1)) };
	int e = p.column && p.balance && p.owner_row && p.seen ? 0 : -ENOMEM;
	e = e ? e : solve(&p, t, share, proven);
	lp_free(&p.lp);
	free(p.column);
	free(p.balance);
	free(p.owner_row);
	free(p.seen);
	return e;
}
