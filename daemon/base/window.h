/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows of local time of day, as "17:00-07:00". On a day of 23 or 25 hours a window that holds
 * the hour of the change is an hour shorter or longer. Local is the process's zone (timezone_use).
 */
#ifndef LECD_BASE_WINDOW_H
#define LECD_BASE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window {
	int from_s; /* local seconds of the day */
	int to_s;   /* exclusive; before from_s: over midnight */
};

/* Parse "17:00-07:00" at *text, which moves behind it. Return false where there is none: then
 * nothing changed. */
bool window_parse(const char **text, struct window *out);

/* Whether it is no window: it never holds, or begins with the next day. */
bool window_empty(const struct window *w);

/* Whether it holds at that local second of the day. */
bool window_holds(const struct window *w, int day_s);

/* Whether there is a time of day that two windows share. */
bool windows_overlap(const struct window *a, const struct window *b);

/* Nominal length: of a day of 24 hours. */
int window_length_s(const struct window *w);

/* How much of [from_s, from_s + length_s) it holds, 0 to 1, by minutes. */
double window_share(const struct window *w, int64_t from_s, int64_t length_s);

/* The local day, counted through all years, on which the window began that holds at wall_s. */
int64_t window_day(const struct window *w, int64_t wall_s);

#endif
