/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/verdict.h"

#include <stdarg.h>
#include <stdio.h>

void verdict_refuse(struct verdict *v, const char *format, ...)
{
	if (!v->refused) {
		va_list args;
		va_start(args, format);
		(void)vsnprintf(v->why, (size_t)v->size, format, args);
		va_end(args);
	}
	v->refused = true;
}

bool is_within(double x, double low, double high, double slack)
{
	return x >= low - slack && x <= high + slack; /* false for NaN */
}
