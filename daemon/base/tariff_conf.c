/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/tariff_conf.h"

#include <stddef.h>
#include <string.h>

#include "daemon/base/config_table.h"

const char *timezone_parse(const char *text, void *field)
{
	if (strlen(text) >= TIMEZONE_SIZE || timezone_use(text) < 0) {
		return "a time zone like Europe/Oslo";
	}
	memcpy(field, text, strlen(text) + 1);
	return NULL;
}

static const char *parse_buy_window(const char *text, void *field)
{
	struct tariff *t = field;
	return tariff_window_parse(text, &t->buy, t->currency);
}

static const char *parse_network_window(const char *text, void *field)
{
	struct tariff *t = field;
	return tariff_window_parse(text, &t->network, t->currency);
}

static const char *parse_sell_window(const char *text, void *field)
{
	struct tariff *t = field;
	return tariff_window_parse(text, &t->sell, t->currency);
}

static const char *parse_currency(const char *text, void *field)
{
	char *currency = field;
	bool known = strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
	if (!known || (*currency && strcmp(currency, text) != 0)) {
		return "three capital letters like EUR, the same as in the prices";
	}
	memcpy(currency, text, 4);
	return NULL;
}

#define AT(field) offsetof(struct tariff, field)

/* clang-format off */
const struct option tariff_options[TARIFF_OPTIONS] = {
	CUSTOM("currency", AT(currency), "", parse_currency),
	QUANTITY("buy", DIMENSION_PER_KWH, AT(buy.base), -10, 10, NULL),
	REPEATED("buy-window", 0, parse_buy_window),
	QUANTITY("network-charge", DIMENSION_PER_KWH, AT(network.base), 0, 10, "0 EUR/kWh"),
	REPEATED("network-charge-window", 0, parse_network_window),
	QUANTITY("sell", DIMENSION_PER_KWH, AT(sell.base), -10, 10, "0 EUR/kWh"),
	REPEATED("sell-window", 0, parse_sell_window),
	QUANTITY("demand-charge", DIMENSION_PER_KW, AT(demand_charge), 0, 1000, "0 EUR/kW"),
	QUANTITY("demand-period", DIMENSION_TIME, AT(demand_period_s), 900, 86400, "60 min"),
	QUANTITY("subscribed-power", DIMENSION_POWER, AT(subscribed_w), 0, 1e8, ""),
	QUANTITY("overuse-price", DIMENSION_PER_KWH, AT(overuse_price), 0, 10, "0 EUR/kWh"),
};
/* clang-format on */
