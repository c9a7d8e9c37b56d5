/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/book.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static bool below(int value, int limit)
{
	return value >= 0 && value < limit;
}

static bool is_order_sound(const struct book *b, const struct order *o)
{
	return o->quantity >= 1 && o->quantity <= QUANTITY_MAX && o->price >= -PRICE_MAX &&
	       o->price <= PRICE_MAX && below(o->owner, b->owners) && below(o->zone, b->zones) &&
	       below(o->interval, b->intervals) && o->block >= -1 && o->block < b->blocks &&
	       o->arrival >= 0 && o->action <= ACTION_REPLACE &&
	       (o->action == ACTION_NEW || below(o->earlier, b->orders));
}

static bool are_fees_sound(const struct book *b)
{
	for (int i = 0; b->fee && i < b->zones * b->zones; i++) {
		if (b->fee[i] < 0 || b->fee[i] > PRICE_MAX) {
			return false;
		}
	}
	return true;
}

static bool are_blocks_sound(const struct book *b)
{
	for (int i = 0; i < b->blocks; i++) {
		if (b->block[i].least < 1 || b->block[i].least > RATIO_WHOLE) {
			return false;
		}
	}
	return true;
}

int64_t book_quantity(const struct book *b)
{
	int64_t sum = 0;
	for (int i = 0; i < b->orders; i++) {
		sum += b->order[i].quantity;
	}
	return sum;
}

static int tell(int *where, int index)
{
	if (where) {
		*where = index;
	}
	return -EINVAL;
}

int book_check(const struct book *b, int *where)
{
	if (b->orders < 0 || b->orders > ORDERS_MAX || b->owners < 0 || b->owners > ORDERS_MAX ||
	    b->zones < 1 || b->zones > ZONES_MAX || b->intervals < 1 ||
	    b->intervals > INTERVALS_MAX || b->blocks < 0 || b->blocks > b->orders ||
	    (b->blocks > 0 && !b->block) || !are_fees_sound(b) || !are_blocks_sound(b)) {
		return tell(where, -1);
	}
	for (int i = 0; i < b->orders; i++) {
		if (!is_order_sound(b, &b->order[i])) {
			return tell(where, i);
		}
	}
	return book_quantity(b) > BOOK_QUANTITY_MAX ? tell(where, -1) : 0;
}

/* --- sorting ------------------------------------------------------------------------------------
 */

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3 }; /* of a key below 2^33 */

static uint32_t key_of(const struct order *o, bool arrival)
{
	if (arrival) {
		return (uint32_t)o->arrival;
	}
	return PRICE_BEYOND + (o->side == SIDE_SELL ? (uint32_t)(o->price + PRICE_MAX)
						    : (uint32_t)(PRICE_MAX - o->price));
}

/* A stable radix sort from the last digit; a digit that all have in common is passed over. */
static void sort(const struct book *b, int32_t *index, int n, int32_t *scratch, bool arrival)
{
	int32_t *from = index, *to = scratch;
	for (int pass = 0; pass < PASSES && n > 0; pass++) {
		int shift = pass * DIGIT_BITS, start[DIGITS] = { 0 }, sum = 0;
		for (int i = 0; i < n; i++) {
			start[(key_of(&b->order[from[i]], arrival) >> shift) & (DIGITS - 1)]++;
		}
		if (start[(key_of(&b->order[from[0]], arrival) >> shift) & (DIGITS - 1)] == n) {
			continue;
		}
		for (int d = 0; d < DIGITS; d++) {
			int count = start[d];
			start[d] = sum;
			sum += count;
		}
		for (int i = 0; i < n; i++) {
			uint32_t key = key_of(&b->order[from[i]], arrival);
			to[start[(key >> shift) & (DIGITS - 1)]++] = from[i];
		}
		int32_t *swap = from;
		from = to;
		to = swap;
	}
	if (from != index) {
		memcpy(index, from, sizeof(*index) * (size_t)n);
	}
}

int book_merit(const struct book *b, enum side side, const int64_t *quantity, int32_t *index,
	       int32_t *scratch)
{
	int n = 0;
	for (int i = 0; i < b->orders; i++) {
		if (b->order[i].side == side && (!quantity || quantity[i] > 0)) {
			index[n++] = i;
		}
	}
	sort(b, index, n, scratch, false);
	return n;
}

void book_by_arrival(const struct book *b, int32_t *index, int n, int32_t *scratch)
{
	sort(b, index, n, scratch, true);
}
