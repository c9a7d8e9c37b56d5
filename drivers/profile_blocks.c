/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which registers are read together. */
#include "drivers/profile_private.h"

enum { POINTS_MAX = PROFILE_PARTS + CONTROL_COUNT };

static bool same_table(const struct point *a, const struct point *b)
{
	return a->other_unit == b->other_unit && a->table == b->table;
}

static bool comes_before(const struct point *a, const struct point *b)
{
	if (a->other_unit != b->other_unit) {
		return a->other_unit < b->other_unit;
	}
	return a->table != b->table ? a->table < b->table : a->address < b->address;
}

static int insert(struct point **out, int count, struct point *point)
{
	int at = count;
	for (; at > 0 && comes_before(point, out[at - 1]); at--) {
		out[at] = out[at - 1];
	}
	out[at] = point;
	return count + 1;
}

/* All points that are there, in the order of their registers. Returns their number. */
static int sort_points(struct profile *p, struct point **out)
{
	int count = 0;
	for (int i = 0; i < QUANTITY_COUNT; i++) {
		if (p->reading[i].type != POINT_ABSENT) {
			count = insert(out, count, &p->reading[i]);
		}
	}
	for (int i = 0; i < p->terms; i++) {
		count = insert(out, count, &p->term[i].point);
	}
	for (int i = 0; i < CONTROL_COUNT; i++) {
		if (p->control[i].type != POINT_ABSENT) {
			count = insert(out, count, &p->control[i]);
		}
	}
	return count;
}

/* Whether a point is a term or factor: these may use a register again. */
static bool is_part(const struct profile *p, const struct point *point)
{
	for (int i = 0; i < p->terms; i++) {
		if (point == &p->term[i].point) {
			return true;
		}
	}
	return false;
}

static void check_overlap(const struct config *c, const struct profile *p, struct point **sorted,
			  int count, struct diag *d)
{
	for (int i = 1; i < count; i++) {
		const struct point *a = sorted[i - 1], *b = sorted[i];
		bool shared = a->address == b->address && a->type == b->type &&
			      (is_part(p, a) || is_part(p, b));
		if (same_table(a, b) && a->address + point_words(a->type) > b->address && !shared) {
			diag_error(d, c->path, b->line,
				   "register %u belongs to another point too, expected no overlap",
				   b->address);
		}
	}
}

/* Whether everything from one register to another can be read in one request. */
static bool is_readable(const struct profile *p, enum register_table table, int first, int last)
{
	for (int i = 0; i < p->ranges; i++) {
		const struct range *r = &p->readable[i];
		if (r->table == table && first >= r->first && last <= r->last) {
			return true;
		}
	}
	return false;
}

/* The first register behind a point and its scale factor. */
static int end_of(const struct point *point)
{
	struct block span = profile_span(point);
	return span.address + span.count;
}

/* A scale factor is only good for what was read with it. */
static void check_factor(const struct config *c, const struct profile *p, const struct point *point,
			 struct diag *d)
{
	int last = point->address + point_words(point->type) - 1, factor = point->factor_address;
	if (point->factored &&
	    (factor <= last || factor - point->address >= p->block_words ||
	     (factor > last + 1 && !is_readable(p, point->table, point->address, factor)))) {
		diag_error(d, c->path, point->line,
			   "scale-factor %d cannot be read with its point, expected a register "
			   "behind it, with all that lies between readable",
			   factor);
	}
}

/* Whether a point can be read with a block. */
static bool joins(const struct profile *p, const struct block *b, const struct point *point)
{
	int end = end_of(point);
	return b->other_unit == point->other_unit && b->table == point->table &&
	       end - b->address <= p->block_words &&
	       (point->address <= b->address + b->count ||
		is_readable(p, b->table, b->address, end - 1));
}

void profile_make_blocks(const struct config *c, struct profile *p, struct diag *d)
{
	struct point *sorted[POINTS_MAX];
	int count = sort_points(p, sorted);
	struct block *block = NULL;
	int errors = d->errors;
	check_overlap(c, p, sorted, count, d);
	for (int i = 0; i < count; i++) {
		check_factor(c, p, sorted[i], d);
	}
	for (int i = 0; i < count && d->errors == errors; i++) {
		struct point *point = sorted[i];
		if (point->write_function != 0) {
			continue; /* control points are read one by one, after they were written */
		}
		if (!block || !joins(p, block, point)) {
			if (p->blocks == PROFILE_BLOCKS_MAX) {
				diag_error(d, c->path, point->line,
					   "a poll of more than %d requests, expected fewer gaps "
					   "or what is readable across them",
					   PROFILE_BLOCKS_MAX);
				return;
			}
			block = &p->block[p->blocks++];
			*block = (struct block){ .other_unit = point->other_unit,
						 .table = point->table,
						 .address = point->address };
		}
		int end = end_of(point);
		if (end > block->address + block->count) {
			block->count = (uint16_t)(end - block->address);
		}
		point->block = p->blocks - 1;
	}
}
