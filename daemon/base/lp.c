/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/lp.h"

#include <math.h>
#include <stdlib.h>

static const double integer_slack = 1e-6;
enum { ROOM_MIN = 1 << 10, ROOM_MAX = 1 << 20 };

void lp_clear(struct lp *lp)
{
	lp->columns = lp->rows = lp->entries = 0;
	lp->lacking = lp->starts = false;
	lp_forget(lp);
}

/* The array, with room for one more than used; NULL where there is none, and it stays as it is. */
static void *widen(void *array, size_t size, int used, int *room)
{
	if (used < *room) {
		return array;
	}
	int wider = *room > 0 ? 2 * *room : ROOM_MIN;
	void *new = wider <= ROOM_MAX ? realloc(array, size * (size_t)wider) : NULL;
	*room = new ? wider : *room;
	return new;
}

int lp_column(struct lp *lp, double low, double high, double cost)
{
	void *wide = widen(lp->column, sizeof(*lp->column), lp->columns, &lp->columns_max);
	lp->lacking |= !wide;
	if (!wide) {
		return 0;
	}
	lp->column = wide;
	lp->column[lp->columns] = (struct lp_column){ .low = low, .high = high, .cost = cost };
	return lp->columns++;
}

int lp_binary(struct lp *lp, int group)
{
	int j = lp_column(lp, 0, 1, 0);
	if (!lp->lacking) {
		lp->column[j].group = group;
	}
	return j;
}

int lp_row(struct lp *lp, double low, double high)
{
	void *wide = widen(lp->row, sizeof(*lp->row), lp->rows, &lp->rows_max);
	lp->lacking |= !wide;
	if (!wide) {
		return 0;
	}
	lp->row = wide;
	lp->row[lp->rows] = (struct lp_row){ .low = low, .high = high };
	return lp->rows++;
}

static bool widen_entries(struct lp *lp)
{
	int room[] = { lp->entries_max, lp->entries_max, lp->entries_max };
	int used = lp->entries + 1; /* entry 0 is unused */
	int *row = widen(lp->entry_row, sizeof(*row), used, &room[0]);
	int *column = widen(lp->entry_column, sizeof(*column), used, &room[1]);
	double *entry = widen(lp->entry, sizeof(*entry), used, &room[2]);
	lp->entry_row = row ? row : lp->entry_row;
	lp->entry_column = column ? column : lp->entry_column;
	lp->entry = entry ? entry : lp->entry;
	lp->entries_max = row && column && entry ? room[0] : lp->entries_max;
	return row && column && entry;
}

void lp_entry(struct lp *lp, int row, int column, double coefficient)
{
	if (lp->entries + 1 >= lp->entries_max && !widen_entries(lp)) {
		lp->lacking = true;
		return;
	}
	int e = ++lp->entries;
	lp->entry_row[e] = row + 1;
	lp->entry_column[e] = column + 1;
	lp->entry[e] = coefficient;
}

void lp_pair(struct lp *lp, int row, int column)
{
	if (!lp->row[row].paired && !lp->column[column].pairs) {
		lp->row[row].paired = lp->column[column].pairs = true;
		lp->starts = true;
	}
}

void lp_rest_high(struct lp *lp, int column)
{
	lp->column[column].rests_high = true;
}

bool lp_is_settled(const struct lp *lp)
{
	for (int j = 0; j < lp->columns; j++) {
		if (lp->column[j].group &&
		    fabs(lp->column[j].x - round(lp->column[j].x)) > integer_slack) {
			return false;
		}
	}
	return true;
}
