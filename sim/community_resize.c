/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Another number of homes than a community file has. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "sim/community_residents.h"

/* The class that has most homes too few, or where there are too many, too many: but one stays. */
static int class_off(const int count[CLASS_COUNT], const double wanted[CLASS_COUNT], bool too_few)
{
	int best = -1;
	double most = -INFINITY;
	for (int c = 0; c < CLASS_COUNT; c++) {
		double off = too_few ? wanted[c] - count[c] : count[c] - wanted[c];
		bool may = too_few ? count[c] > 0 : count[c] > 1;
		if (may && off > most) {
			most = off;
			best = c;
		}
	}
	return best;
}

/* Divide so many homes by the classes' shares. Returns -ERANGE where a class would have none. */
static int divide(const struct residents *m, int homes, int count[CLASS_COUNT])
{
	double wanted[CLASS_COUNT] = { 0 };
	int sum = 0, classes = 0;
	for (int i = 0; i < m->count; i++) {
		wanted[m->resident[i].class] += (double)homes / m->count;
	}
	for (int c = 0; c < CLASS_COUNT; c++) {
		count[c] = wanted[c] > 0 ? (int)fmax(1, floor(wanted[c])) : 0;
		classes += wanted[c] > 0;
		sum += count[c];
	}
	if (homes < classes || homes > COMMUNITY_HOMES_MAX) {
		return -ERANGE;
	}
	for (; sum < homes; sum++) {
		count[class_off(count, wanted, true)]++;
	}
	for (; sum > homes; sum--) {
		count[class_off(count, wanted, false)]--;
	}
	return 0;
}

int residents_resize(struct residents *m, int homes)
{
	int count[CLASS_COUNT], r = divide(m, homes, count), to = 0;
	for (int i = 0; i < m->count; i++) {
		r = m->resident[i].power ? -ENOTSUP : r;
	}
	if (r < 0) {
		return r;
	}
	struct resident *resident = calloc(COMMUNITY_HOMES_MAX, sizeof(*resident));
	if (!resident) {
		return -ENOMEM;
	}
	for (int i = 0; i < m->count; i++) {
		const struct resident *like = &m->resident[i];
		for (; count[like->class] > 0; count[like->class]--) {
			resident[to++] = *like;
		}
	}
	free(m->resident);
	*m = (struct residents){ .count = homes, .resident = resident };
	return 0;
}
