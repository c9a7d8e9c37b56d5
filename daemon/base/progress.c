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
	int64_t taken_us = p->begun_us ? clock_real_us() - p->begun_us : 0;
	if (percent != p->percent && taken_us > QUIET_US) {
		double left_us =
			(double)taken_us * (double)(of - done) / (double)(done > 0 ? done : 1);
		p->percent = percent;
		fprintf(stderr, "\r%s: %d %%, %.0f s left   ", p->what, percent, left_us / 1e6);
	}
}

void progress_end(struct progress *p)
{
	if (p->percent >= 0) {
		fprintf(stderr, "\r%*s\r", 70, "");
	}
}
