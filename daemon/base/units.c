/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/units.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	enum dimension dimension;
	const char *name;
	double factor;
};

static const struct unit units[] = {
	{ DIMENSION_NUMBER, "", 1 },
	{ DIMENSION_POWER, "W", 1 },
	{ DIMENSION_POWER, "kW", 1e3 },
	{ DIMENSION_POWER, "MW", 1e6 },
	{ DIMENSION_ENERGY, "Wh", 1 },
	{ DIMENSION_ENERGY, "kWh", 1e3 },
	{ DIMENSION_ENERGY, "MWh", 1e6 },
	{ DIMENSION_TIME, "ms", 1e-3 },
	{ DIMENSION_TIME, "s", 1 },
	{ DIMENSION_TIME, "min", 60 },
	{ DIMENSION_TIME, "h", 3600 },
	{ DIMENSION_TIME, "d", 86400 },
	{ DIMENSION_FRACTION, "%", 0.01 },
	{ DIMENSION_PER_KWH, "/kWh", 1 }, /* behind a currency */
	{ DIMENSION_PER_KWH, "/MWh", 1e-3 },
	{ DIMENSION_PER_KW, "/kW", 1 },
	{ DIMENSION_ANGLE, "deg", 1 },
	{ DIMENSION_VOLUME, "l", 1 },
	{ DIMENSION_VOLUME, "m3", 1e3 },
	{ DIMENSION_CELSIUS, "degC", 1 },
	{ DIMENSION_KELVIN, "K", 1 },
	{ DIMENSION_HEAT_CAPACITY, "Wh/K", 1 },
	{ DIMENSION_HEAT_CAPACITY, "kWh/K", 1e3 },
	{ DIMENSION_HEAT_LOSS, "W/K", 1 },
	{ DIMENSION_HEAT_LOSS, "kW/K", 1e3 },
	{ DIMENSION_PER_KELVIN_HOUR, "/Kh", 1 },
	{ DIMENSION_MONEY, "", 1 }, /* the currency alone */
};

static const char *const expected[] = {
	[DIMENSION_NUMBER] = "a number without a unit",
	[DIMENSION_POWER] = "a power in W, kW or MW, like 5 kW",
	[DIMENSION_ENERGY] = "an energy in Wh, kWh or MWh, like 13.5 kWh",
	[DIMENSION_TIME] = "a time in ms, s, min, h or d, like 15 min",
	[DIMENSION_FRACTION] = "a percentage, like 95 %",
	[DIMENSION_PER_KWH] = "a price per energy, like 0.21 EUR/kWh",
	[DIMENSION_PER_KW] = "a price per power, like 3.5 EUR/kW",
	[DIMENSION_ANGLE] = "an angle in degrees, like 59.9 deg",
	[DIMENSION_VOLUME] = "a volume in l or m3, like 300 l",
	[DIMENSION_CELSIUS] = "a temperature in degC, like 55 degC",
	[DIMENSION_KELVIN] = "a difference of temperatures in K, like 4 K",
	[DIMENSION_HEAT_CAPACITY] = "a heat capacity in Wh/K or kWh/K, like 12 kWh/K",
	[DIMENSION_HEAT_LOSS] = "a loss in W/K or kW/K, like 1.5 W/K",
	[DIMENSION_PER_KELVIN_HOUR] = "a price per kelvin and hour, like 2 EUR/Kh",
	[DIMENSION_MONEY] = "an amount of money, like 0.10 EUR",
};
static_assert(sizeof(expected) / sizeof(*expected) == DIMENSION_COUNT, "describe each dimension");

const char *units_expected(enum dimension dimension)
{
	return expected[dimension];
}

static bool is_price(enum dimension dimension)
{
	return dimension == DIMENSION_PER_KWH || dimension == DIMENSION_PER_KW ||
	       dimension == DIMENSION_PER_KELVIN_HOUR || dimension == DIMENSION_MONEY;
}

/* Three capital letters (ISO 4217). */
static bool is_currency(const char *text)
{
	return isupper((unsigned char)text[0]) && isupper((unsigned char)text[1]) &&
	       isupper((unsigned char)text[2]);
}

/* A decimal number, and no hexadecimal, "inf" or "nan", which strtod would take. */
static const char *parse_number(const char *text, double *out)
{
	const char *digits = text + (*text == '-' || *text == '+');
	if (!isdigit((unsigned char)digits[0]) &&
	    !(digits[0] == '.' && isdigit((unsigned char)digits[1]))) {
		return NULL;
	}
	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
		return NULL;
	}
	char *end;
	double value = strtod(text, &end);
	if (!isfinite(value)) {
		return NULL;
	}
	*out = value;
	return end;
}

int units_parse(const char *text, enum dimension dimension, double *out, char *currency)
{
	double value;
	const char *rest = parse_number(text, &value);
	if (!rest) {
		return -EINVAL;
	}
	while (*rest == ' ' || *rest == '\t') {
		rest++;
	}
	const char *money = NULL;
	if (is_price(dimension)) {
		if (!is_currency(rest)) {
			return -EINVAL;
		}
		money = rest;
		rest += 3;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (units[i].dimension != dimension || strcmp(units[i].name, rest) != 0) {
			continue;
		}
		if (money && currency) {
			memcpy(currency, money, 3);
			currency[3] = '\0';
		}
		*out = value * units[i].factor;
		return 0;
	}
	return -EINVAL;
}
