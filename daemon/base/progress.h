/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far a long work is, on a terminal: nothing in its first two seconds, then "what: 34 %, 90 s
 * left" in one line of standard error that is wiped away at the end. Where that is no terminal,
 * nothing. */
#ifndef LECD_BASE_PROGRESS_H
#define LECD_BASE_PROGRESS_H

#include <stdint.h>

struct progress {
	const char *what;
	int64_t begun_us; /* 0: nobody watches */
	int percent;      /* shown; -1: none */
};

void progress_begin(struct progress *p, const char *what);
/* argument: the struct progress; so that it can be handed on as a callback. */
void progress_show(int64_t done, int64_t of, void *argument);
void progress_end(struct progress *p);

#endif
