/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a plan is refused: the first reason counts. For what checks plans. */
#ifndef LECD_POLICY_VERDICT_H
#define LECD_POLICY_VERDICT_H

#include <stdbool.h>

struct verdict {
	char *why; /* room for size bytes */
	int size;
	bool refused;
};

/* Refuse with a sentence. */
__attribute__((format(printf, 2, 3))) void verdict_refuse(struct verdict *v, const char *format,
							  ...);

/* Whether x is a number within the bounds, but for slack. */
bool is_within(double x, double low, double high, double slack);

#endif
