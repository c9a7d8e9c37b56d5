/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers with units, as people write them in files: "5 kW", "13.5 kWh", "15 min", "95 %",
 * "0.21 EUR/kWh". Converted here, once, to W, Wh, s, fractions and money per kWh. */
#ifndef LECD_BASE_UNITS_H
#define LECD_BASE_UNITS_H

enum dimension {
	DIMENSION_NUMBER,          /* no unit */
	DIMENSION_POWER,           /* W, kW, MW */
	DIMENSION_ENERGY,          /* Wh, kWh, MWh */
	DIMENSION_TIME,            /* ms, s, min, h, d -> s */
	DIMENSION_FRACTION,        /* "95 %" -> 0.95 */
	DIMENSION_PER_KWH,         /* EUR/kWh, NOK/MWh; the three letters go to currency */
	DIMENSION_PER_KW,          /* EUR/kW */
	DIMENSION_ANGLE,           /* deg */
	DIMENSION_VOLUME,          /* l, m3 -> l */
	DIMENSION_CELSIUS,         /* degC: a temperature */
	DIMENSION_KELVIN,          /* K: a difference of two */
	DIMENSION_HEAT_CAPACITY,   /* Wh/K, kWh/K */
	DIMENSION_HEAT_LOSS,       /* W/K, kW/K */
	DIMENSION_PER_KELVIN_HOUR, /* EUR/Kh */
	DIMENSION_MONEY,           /* EUR */
	DIMENSION_COUNT
};

/* Parse text into *out in the base unit. currency may be NULL; else it has room for 4 and gets the
 * currency of a price ("EUR"), and stays untouched otherwise. Return 0, or -EINVAL where text is
 * no finite number or its unit is missing or of another dimension. */
int units_parse(const char *text, enum dimension dimension, double *out, char *currency);

/* "a number with W, kW or MW": what units_parse expects, for error messages. */
const char *units_expected(enum dimension dimension);

#endif
