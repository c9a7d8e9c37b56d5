/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"

enum { QUIET_US = 2 * 1000000 };

void progress_begin(struct progress *p, const char *what)
{
	*p = (struct progress){ .what = what, .percent = -1 };
	if (isatty(STDERR_FILENO)) {
		p->begun_us = clock_real_us();
	}
}

void progress_show(int64_t done, int64_t of, void *argument)
{
	struct progress *p = argument;
	int percent = of > 0 && done < of ? (int)((double)done * 100 / (double)of) : 100;
	if (p->begun_us && percent != p->percent && clock_real_us() - p->begun_us > QUIET_US) {
		p->percent = percent;
		fprintf(stderr, "\r%s: %d %% ", p->what, percent);
	}
}

void progress_end(struct progress *p)
{
	if (p->percent >= 0) {
		fprintf(stderr, "\r%*s\r", 70, "");
	}
}
