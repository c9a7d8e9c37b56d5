/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The utility's tariff: prices of import and export over time. Windows are local time of day, so a
 * window of a day with 23 or 25 hours is an hour shorter or longer; everything else is UTC. */
#ifndef LECD_BASE_TARIFF_H
#define LECD_BASE_TARIFF_H

#include <stdint.h>

#include "daemon/base/window.h"

enum { TARIFF_WINDOWS_MAX = 16, TIMEZONE_SIZE = 48 };

struct tariff_window {
	struct window when;
	double price;
};

struct tariff_prices {
	double base;
	int windows;
	struct tariff_window window[TARIFF_WINDOWS_MAX]; /* the last one that matches counts */
};

struct tariff {
	char currency[4];
	struct tariff_prices buy;     /* per kWh imported */
	struct tariff_prices network; /* the same, on top of it */
	struct tariff_prices sell;    /* per kWh exported */
	double demand_charge;         /* per kW of the month's highest mean import; 0: none */
	double demand_period_s;
	double subscribed_w;  /* import beyond it costs more; INFINITY: none */
	double overuse_price; /* that much more, per kWh */
};

/* Parse "02:54-15:24 0.1907 EUR/kWh" behind the windows of p, for a config table. currency (room
 * for 4) takes the price's where it is empty; another one is refused. Return NULL, or what is
 * expected.
 */
const char *tariff_window_parse(const char *text, struct tariff_prices *p, char *currency);

/* The price that holds at wall_s, for the process's time zone (see timezone_use). */
double tariff_price(const struct tariff_prices *p, int64_t wall_s);

/* The first local second of the day at which two prices are more than least apart, or -1; *of_a and
 * *of_b then tell them. */
int tariff_differs(const struct tariff_prices *a, const struct tariff_prices *b, double least,
		   double *of_a, double *of_b);

/* The mean price over [from_s, from_s + length_s), by minutes. */
double tariff_mean(const struct tariff_prices *p, int64_t from_s, int64_t length_s);

/* What a kWh imported costs in all: buy and network. */
double tariff_buy(const struct tariff *t, int64_t wall_s);

/* Use this zone ("Europe/Oslo") for local time in this process. Return -EINVAL where it is unknown
 * to the machine. */
int timezone_use(const char *name);

/* Local seconds since local midnight (0..86399), and local minus UTC. */
int timezone_day_second(int64_t wall_s);
int64_t timezone_offset_s(int64_t wall_s);
/* The local month, counted through all years. */
int timezone_month(int64_t wall_s);

#endif
