/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/orders_private.h"

/* Room while names get their numbers. */
struct numbering {
	int32_t *rank, *sorted, *other;
	const char **name;
};

static int number(struct orders_reader *r, enum name_kind kind, struct numbering *n)
{
	return names_rank(r->text.text, &r->row[0].place[kind], sizeof(*r->row), r->rows, n->rank,
			  n->name, n->sorted);
}

static int keep(struct names *to, const struct numbering *n, int count)
{
	to->name = malloc(sizeof(*to->name) * ((size_t)count + 1));
	if (!to->name) {
		return -ENOMEM;
	}
	memcpy(to->name, n->name, sizeof(*to->name) * (size_t)count);
	to->count = count;
	return 0;
}

static int number_owners(struct orders_reader *r, struct numbering *n)
{
	int count = number(r, NAME_OWNER, n);
	for (int i = 0; i < r->rows; i++) {
		r->row[i].order.owner = n->rank[i];
	}
	return keep(&r->out->owners, n, count);
}

static int number_intervals(struct orders_reader *r, struct numbering *n)
{
	int count = number(r, NAME_INTERVAL, n);
	if (count > INTERVALS_MAX) {
		COMPLAIN(r, 0, "%d intervals, expected at most %d", count, INTERVALS_MAX);
		count = INTERVALS_MAX;
	}
	for (int i = 0; i < r->rows; i++) {
		r->row[i].order.interval = (int16_t)(n->rank[i] < count ? n->rank[i] : 0);
	}
	return keep(&r->out->intervals, n, count);
}

/* Rows of one block agree on owner, side and ratio. */
static void check_block(struct orders_reader *r, const struct orders_row *first,
			const struct orders_row *row)
{
	const char *block = r->text.text + row->place[NAME_BLOCK];
	if (row->order.owner != first->order.owner || row->order.side != first->order.side) {
		COMPLAIN(r, row->line, "block '%.40s' of another owner or side than in line %d",
			 block, first->line);
	}
	if (row->least != first->least) {
		COMPLAIN(r, row->line, "min_ratio of block '%.40s' other than in line %d", block,
			 first->line);
	}
	if (row->order.action != ACTION_NEW) {
		COMPLAIN(r, row->line, "action with a block, expected none");
	}
}

/* A block has one order in an interval. seen[]: by interval, the block that has. */
static void check_interval(struct orders_reader *r, const struct orders_row *row, int block,
			   int32_t *seen)
{
	if (seen[row->order.interval] == block) {
		COMPLAIN(r, row->line, "block '%.40s' stands in this interval already",
			 r->text.text + row->place[NAME_BLOCK]);
	}
	seen[row->order.interval] = block;
}

static int number_blocks(struct orders_reader *r, struct numbering *n)
{
	int blocks = 0, last = -1;
	int32_t seen[INTERVALS_MAX] = { 0 };
	const struct orders_row *first = r->row;
	(void)number(r, NAME_BLOCK, n);
	r->out->block = malloc(sizeof(*r->out->block) * ((size_t)r->rows + 1));
	if (!r->out->block) {
		return -ENOMEM;
	}
	for (int k = 0; k < r->rows; k++) {
		struct orders_row *row = &r->row[n->sorted[k]];
		if (!row->in_block) {
			continue;
		}
		if (n->rank[n->sorted[k]] != last) {
			last = n->rank[n->sorted[k]];
			first = row;
			r->out->block[blocks++].least = row->least;
		}
		check_block(r, first, row);
		check_interval(r, row, blocks, seen);
		row->order.block = blocks - 1;
	}
	r->out->book.blocks = blocks;
	return 0;
}

/* By arrival, then as they are (by their names). */
static int compare_arrivals(const void *a, const void *b, void *rows)
{
	const struct orders_row *arriving = rows;
	int32_t i, j;
	memcpy(&i, a, sizeof(i));
	memcpy(&j, b, sizeof(j));
	double at_i = arriving[i].arrival, at_j = arriving[j].arrival;
	return at_i != at_j ? (at_i > at_j) - (at_i < at_j)
			    : arriving[i].order.arrival - arriving[j].order.arrival;
}

/* other[]: the rows by arrival; each row's order gets its place there. */
static void number_arrivals(struct orders_reader *r, struct numbering *n)
{
	for (int k = 0; k < r->rows; k++) {
		r->row[n->sorted[k]].order.arrival = k;
		n->other[k] = k;
	}
	qsort_r(n->other, (size_t)r->rows, sizeof(*n->other), compare_arrivals, r->row);
	for (int k = 0; k < r->rows; k++) {
		r->row[n->other[k]].order.arrival = k;
	}
}

/* The first row of a name is new, those that follow change it. */
static void check_follower(struct orders_reader *r, const struct orders_row *first,
			   struct orders_row *row, int place)
{
	const char *name = r->text.text + row->place[NAME_ORDER];
	if (row->order.action == ACTION_NEW) {
		COMPLAIN(r, row->line, "order '%.40s' stands in line %d already, expected it once",
			 name, first->line);
	} else if (row->order.owner != first->order.owner || row->order.side != first->order.side) {
		COMPLAIN(r, row->line, "order '%.40s' of another owner or side than in line %d",
			 name, first->line);
	}
	row->order.earlier = place;
}

static int number_orders(struct orders_reader *r, struct numbering *n)
{
	struct orders_file *f = r->out;
	const struct orders_row *first = r->row;
	int last = -1, first_place = 0;
	(void)number(r, NAME_ORDER, n);
	number_arrivals(r, n);
	f->order = malloc(sizeof(*f->order) * ((size_t)r->rows + 1));
	f->name = malloc(sizeof(*f->name) * ((size_t)r->rows + 1));
	if (!f->order || !f->name) {
		return -ENOMEM;
	}
	for (int k = 0; k < r->rows; k++) {
		struct orders_row *row = &r->row[n->sorted[k]];
		if (n->rank[n->sorted[k]] != last) {
			last = n->rank[n->sorted[k]];
			first = row;
			first_place = k;
			if (row->order.action != ACTION_NEW) {
				COMPLAIN(r, row->line,
					 "action on order '%.40s', expected it new before",
					 r->text.text + row->place[NAME_ORDER]);
			}
		} else {
			check_follower(r, first, row, first_place);
		}
		f->order[k] = row->order;
		f->name[k] = r->text.text + row->place[NAME_ORDER];
	}
	return 0;
}

int orders_number(struct orders_reader *r)
{
	size_t n = (size_t)r->rows + 1;
	struct numbering room = { malloc(sizeof(int32_t) * n), malloc(sizeof(int32_t) * n),
				  malloc(sizeof(int32_t) * n), malloc(sizeof(char *) * n) };
	int e = room.rank && room.sorted && room.other && room.name ? 0 : -ENOMEM;
	e = e ? e : number_owners(r, &room);
	e = e ? e : number_intervals(r, &room);
	e = e ? e : number_blocks(r, &room);
	e = e ? e : number_orders(r, &room);
	free(room.rank);
	free(room.sorted);
	free(room.other);
	free(room.name);
	return e;
}
