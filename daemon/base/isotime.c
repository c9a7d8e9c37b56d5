/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/isotime.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* Take exactly `digits` decimal digits off *text. */
static bool take_number(const char **text, int digits, int *out)
{
	int value = 0;
	for (int i = 0; i < digits; i++) {
		char c = (*text)[i];
		if (c < '0' || c > '9') {
			return false;
		}
		value = value * 10 + (c - '0');
	}
	*text += digits;
	*out = value;
	return true;
}

static bool take_char(const char **text, char c)
{
	if (**text != c) {
		return false;
	}
	(*text)++;
	return true;
}

static bool take_date(const char **text, struct tm *t)
{
	return take_number(text, 4, &t->tm_year) && take_char(text, '-') &&
	       take_number(text, 2, &t->tm_mon) && take_char(text, '-') &&
	       take_number(text, 2, &t->tm_mday);
}

static bool take_clock(const char **text, struct tm *t)
{
	if (!take_number(text, 2, &t->tm_hour) || !take_char(text, ':') ||
	    !take_number(text, 2, &t->tm_min)) {
		return false;
	}
	t->tm_sec = 0;
	return !take_char(text, ':') || take_number(text, 2, &t->tm_sec);
}

/* Nothing, Z, +HH:MM or -HH:MM, and then the end. */
static bool take_zone(const char **text, int *east_s)
{
	int sign = **text == '-' ? -1 : 1;
	*east_s = 0;
	if (**text == '+' || **text == '-') {
		int hours, minutes;
		(*text)++;
		if (!take_number(text, 2, &hours) || !take_char(text, ':') ||
		    !take_number(text, 2, &minutes) || hours > 14 || minutes > 59) {
			return false;
		}
		*east_s = sign * (hours * 3600 + minutes * 60);
	} else {
		(void)take_char(text, 'Z');
	}
	return **text == '\0';
}

static bool in_range(const struct tm *t)
{
	return t->tm_year >= 1970 && t->tm_year <= 2199 && t->tm_mon >= 1 && t->tm_mon <= 12 &&
	       t->tm_mday >= 1 && t->tm_hour <= 23 && t->tm_min <= 59 && t->tm_sec <= 59;
}

int isotime_parse(const char *text, int64_t *out)
{
	struct tm t = { .tm_isdst = 0 };
	int east_s;
	if (!take_date(&text, &t) || !(take_char(&text, 'T') || take_char(&text, ' ')) ||
	    !take_clock(&text, &t) || !take_zone(&text, &east_s) || !in_range(&t)) {
		return -EINVAL;
	}
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	int day = t.tm_mday;
	time_t at = timegm(&t); /* normalises: 30 February turns into March */
	if (t.tm_mday != day) {
		return -EINVAL;
	}
	*out = (int64_t)at - east_s;
	return 0;
}

const char *isotime_format(int64_t at_s, char out[ISOTIME_SIZE])
{
	time_t at = (time_t)at_s;
	struct tm t;
	if (!gmtime_r(&at, &t) || t.tm_year < -1900 || t.tm_year > 8099) {
		(void)snprintf(out, ISOTIME_SIZE, "?");
		return out;
	}
	(void)strftime(out, ISOTIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &t);
	return out;
}
