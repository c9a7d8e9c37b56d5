/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/tariff.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/units.h"

const char *tariff_window_parse(const char *text, struct tariff_prices *p, char *currency)
{
	struct tariff_window w;
	char money[4] = "";
	if (!window_parse(&text, &w.when) || *text++ != ' ' ||
	    units_parse(text + strspn(text, " \t"), DIMENSION_PER_KWH, &w.price, money) < 0) {
		return "local times and a price, like 02:54-15:24 0.1907 EUR/kWh";
	}
	if (window_empty(&w.when)) {
		return "a window that is not empty and begins before 24:00";
	}
	if (*currency && strcmp(currency, money) != 0) {
		return "one currency in the whole file";
	}
	if (w.price < -10 || w.price > 10) {
		return "a price of -10 to 10 per kWh";
	}
	if (p->windows == TARIFF_WINDOWS_MAX) {
		return "at most 16 windows";
	}
	p->window[p->windows++] = w;
	memcpy(currency, money, sizeof(money));
	return NULL;
}

/* The price at a local second of the day. */
static double price_at(const struct tariff_prices *p, int day_s)
{
	double price = p->base;
	for (int i = 0; i < p->windows; i++) {
		if (window_holds(&p->window[i].when, day_s)) {
			price = p->window[i].price;
		}
	}
	return price;
}

double tariff_price(const struct tariff_prices *p, int64_t wall_s)
{
	return p->windows ? price_at(p, timezone_day_second(wall_s)) : p->base;
}

/* Prices change where a window begins or ends, and nowhere else: midnight and those of p. */
static int change_of(const struct tariff_prices *p, int i)
{
	const struct window *w = i > 0 ? &p->window[(i - 1) / 2].when : NULL;
	return !w ? 0 : (i - 1) % 2 ? w->to_s : w->from_s;
}

int tariff_differs(const struct tariff_prices *a, const struct tariff_prices *b, double least,
		   double *of_a, double *of_b)
{
	enum { DAY_S = 86400 };
	const struct tariff_prices *both[] = { a, b };
	int first_s = -1;
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < 2 * both[k]->windows + 1; i++) {
			int at_s = change_of(both[k], i) % DAY_S;
			bool apart = fabs(price_at(a, at_s) - price_at(b, at_s)) > least;
			first_s = apart && (first_s < 0 || at_s < first_s) ? at_s : first_s;
		}
	}
	if (first_s >= 0) {
		*of_a = price_at(a, first_s);
		*of_b = price_at(b, first_s);
	}
	return first_s;
}

double tariff_mean(const struct tariff_prices *p, int64_t from_s, int64_t length_s)
{
	enum { STEP_S = 60, DAY_S = 86400, LOOK_S = 900 };
	if (p->windows == 0) {
		return p->base;
	}
	double sum = 0;
	int count = 0, day_s = 0;
	for (int64_t at_s = from_s; at_s < from_s + length_s; at_s += STEP_S, day_s += STEP_S) {
		/* Clocks change on a quarter of an hour: between two there is no need to ask. */
		if (count == 0 || at_s / LOOK_S != (at_s - STEP_S) / LOOK_S) {
			day_s = timezone_day_second(at_s);
		}
		sum += price_at(p, day_s % DAY_S);
		count++;
	}
	return count ? sum / count : tariff_price(p, from_s);
}

double tariff_buy(const struct tariff *t, int64_t wall_s)
{
	return tariff_price(&t->buy, wall_s) + tariff_price(&t->network, wall_s);
}

/* Whether the machine has a zone of that name: a file that begins as they do. The C library would
 * take anything else for UTC, without a word. */
static bool is_zone(const char *name)
{
	char path[128], magic[4] = "";
	int n = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	if (!*name || *name == '/' || strstr(name, "..") || n >= (int)sizeof(path)) {
		return false;
	}
	FILE *file = fopen(path, "re");
	if (!file) {
		return false;
	}
	bool zone = fread(magic, sizeof(magic), 1, file) == 1 && memcmp(magic, "TZif", 4) == 0;
	fclose(file);
	return zone;
}

int timezone_use(const char *name)
{
	if (!is_zone(name) && strcmp(name, "UTC") != 0) {
		return -EINVAL;
	}
	if (setenv("TZ", name, 1) < 0) {
		return -errno;
	}
	tzset();
	return 0;
}

static struct tm local_time(int64_t wall_s)
{
	time_t t = (time_t)wall_s;
	struct tm tm = { 0 };
	localtime_r(&t, &tm);
	return tm;
}

int timezone_day_second(int64_t wall_s)
{
	struct tm tm = local_time(wall_s);
	return tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec % 60;
}

int64_t timezone_offset_s(int64_t wall_s)
{
	return local_time(wall_s).tm_gmtoff;
}

int timezone_month(int64_t wall_s)
{
	struct tm tm = local_time(wall_s);
	return tm.tm_year * 12 + tm.tm_mon;
}
