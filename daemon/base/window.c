/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/window.h"

#include <ctype.h>

#include "daemon/base/tariff.h"

enum { MINUTE_S = 60, QUARTER_S = 900, DAY_S = 86400 };

/* "02:54" at *text to seconds; moves *text behind it. */
static bool parse_time_of_day(const char **text, int *out)
{
	const char *t = *text;
	for (int i = 0; i < 5; i++) {
		if (i == 2 ? t[i] != ':' : !isdigit((unsigned char)t[i])) {
			return false;
		}
	}
	int hour = (t[0] - '0') * 10 + t[1] - '0';
	int minute = (t[3] - '0') * 10 + t[4] - '0';
	if (hour > 24 || minute > 59 || (hour == 24 && minute > 0)) {
		return false;
	}
	*out = hour * 3600 + minute * 60;
	*text = t + 5;
	return true;
}

bool window_parse(const char **text, struct window *out)
{
	struct window w;
	const char *at = *text;
	if (!parse_time_of_day(&at, &w.from_s) || *at++ != '-' ||
	    !parse_time_of_day(&at, &w.to_s)) {
		return false;
	}
	*out = w;
	*text = at;
	return true;
}

bool window_empty(const struct window *w)
{
	return w->from_s == w->to_s || w->from_s == DAY_S;
}

bool window_holds(const struct window *w, int day_s)
{
	return w->from_s < w->to_s ? day_s >= w->from_s && day_s < w->to_s
				   : day_s >= w->from_s || day_s < w->to_s;
}

bool windows_overlap(const struct window *a, const struct window *b)
{
	return window_holds(a, b->from_s) || window_holds(b, a->from_s);
}

int window_length_s(const struct window *w)
{
	return w->to_s - w->from_s + (w->to_s > w->from_s ? 0 : DAY_S);
}

double window_share(const struct window *w, int64_t from_s, int64_t length_s)
{
	int held = 0, count = 0, day_s = 0;
	for (int64_t at_s = from_s; at_s < from_s + length_s; at_s += MINUTE_S, day_s += MINUTE_S) {
		/* Clocks change on a quarter of an hour: between two there is no need to ask. */
		if (count == 0 || at_s / QUARTER_S != (at_s - MINUTE_S) / QUARTER_S) {
			day_s = timezone_day_second(at_s);
		}
		held += window_holds(w, day_s % DAY_S);
		count++;
	}
	return count ? (double)held / count : 0;
}

int64_t window_day(const struct window *w, int64_t wall_s)
{
	int64_t local_s = wall_s + timezone_offset_s(wall_s) - w->from_s;
	return (local_s - (local_s % DAY_S + DAY_S) % DAY_S) / DAY_S;
}
