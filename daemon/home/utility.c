/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/utility.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/json.h"

enum { DAY_S = 86400 };
static const double price_most = 1000, least = 1e-6; /* what the message rounds to */

struct told {
	char currency[4], timezone[TIMEZONE_SIZE];
	struct tariff_prices buy, network, sell;
};

static int read_window(struct json_in *in, const struct json_value *from, struct tariff_window *w)
{
	int64_t from_s, to_s;
	int r = json_get_integer(in, from, "from_s", 0, DAY_S, &from_s);
	r = r < 0 ? r : json_get_integer(in, from, "to_s", 0, DAY_S, &to_s);
	r = r < 0 ? r : json_get_number(in, from, "price", -price_most, price_most, &w->price);
	if (r == 0) {
		w->when = (struct window){ (int)from_s, (int)to_s };
	}
	return r;
}

static int read_prices(struct json_in *in, const char *key, struct tariff_prices *p)
{
	const struct json_value *from, *list, *one;
	int r = json_get_object(in, in->root, key, &from);
	r = r < 0 ? r : json_get_number(in, from, "price", -price_most, price_most, &p->base);
	r = r < 0 ? r : json_get_array(in, from, "windows", TARIFF_WINDOWS_MAX, &list, &p->windows);
	for (int i = 0; r == 0 && i < p->windows; i++) {
		r = json_get_element(in, list, i, &one);
		r = r < 0 ? r : read_window(in, one, &p->window[i]);
	}
	return r;
}

static int read_tariff(struct json_in *in, struct told *t)
{
	int64_t version;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "currency", t->currency, sizeof(t->currency));
	r = r < 0 ? r : json_get_text(in, in->root, "timezone", t->timezone, sizeof(t->timezone));
	r = r < 0 ? r : read_prices(in, "buy", &t->buy);
	r = r < 0 ? r : read_prices(in, "network_charge", &t->network);
	return r < 0 ? r : read_prices(in, "sell", &t->sell);
}

/* Returns whether they differ; then in words. */
static bool compare(const char *what, const struct tariff_prices *ours,
		    const struct tariff_prices *theirs, const char *currency, struct utility *u)
{
	double of_ours, of_theirs;
	int at_s = tariff_differs(ours, theirs, least, &of_ours, &of_theirs);
	if (at_s >= 0) {
		snprintf(u->difference, sizeof(u->difference),
			 "%s from %02d:%02d is %.6g %s/kWh here and %.6g there", what, at_s / 3600,
			 at_s / 60 % 60, of_ours, currency, of_theirs);
	}
	return at_s >= 0;
}

static void hold_against(const struct site *site, const struct told *t, struct utility *u)
{
	const struct tariff *ours = &site->tariff;
	bool windows = t->buy.windows + t->network.windows + t->sell.windows > 0;
	u->told = true;
	u->difference[0] = '\0';
	if (strcmp(ours->currency, t->currency) != 0) {
		snprintf(u->difference, sizeof(u->difference),
			 "the currency is %s here and %s there", ours->currency, t->currency);
	} else if (!compare("buy", &ours->buy, &t->buy, t->currency, u) &&
		   !compare("network-charge", &ours->network, &t->network, t->currency, u) &&
		   !compare("sell", &ours->sell, &t->sell, t->currency, u) && windows &&
		   strcmp(site->timezone, t->timezone) != 0) {
		snprintf(u->difference, sizeof(u->difference),
			 "its windows are in %s here and in %s there", site->timezone, t->timezone);
	}
}

int utility_take(struct utility *u, const struct site *site, const char *payload, size_t length,
		 char *why, size_t size)
{
	struct told t = { .currency = "" };
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_tariff(&in, &t);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else {
		hold_against(site, &t, u);
	}
	json_free(&in);
	return r;
}
