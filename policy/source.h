/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a learned actor may observe in a home, and what it may decide there. The names are those of
 * its .conf; actor_conf.c has the tables. */
#ifndef LECD_POLICY_SOURCE_H
#define LECD_POLICY_SOURCE_H

/* What can be observed: local readings, the calendar, and public prices; never another home. */
enum source {
	SOURCE_HOUR_SIN, /* of the local time of day, a full turn a day */
	SOURCE_HOUR_COS,
	SOURCE_YEAR_SIN, /* of the day of the year, a full turn a year */
	SOURCE_YEAR_COS,
	SOURCE_LOAD, /* W, the last interval's mean; so are the next */
	SOURCE_PV,
	SOURCE_NET,       /* load - pv */
	SOURCE_LOAD_NEXT, /* W, forecast for this interval */
	SOURCE_PV_NEXT,
	SOURCE_LOAD_6H, /* W, forecast for so long from now on; so are the next */
	SOURCE_LOAD_24H,
	SOURCE_PV_6H,
	SOURCE_PV_24H,
	SOURCE_SOC, /* of all batteries together, fraction */
	SOURCE_BUY, /* the utility's price, per kWh */
	SOURCE_SELL,
	SOURCE_LOCAL_PRICE,    /* the market's last, per kWh */
	SOURCE_LOCAL_QUANTITY, /* the market's last, Wh traded */
	SOURCE_COUNT
};

/* What can be decided. */
enum meaning {
	MEANING_BATTERY_POWER, /* of all batteries together, W, + discharge */
	MEANING_BATTERY_SHARE, /* of what they can do; + discharge */
	MEANING_VALUE_SHARE,   /* worth of a stored kWh, as a price share below; may go beyond */
	MEANING_SIDE,          /* below -dead-band: sell; above it: buy; else refrain */
	MEANING_PRICE,         /* of the bid, per kWh */
	MEANING_PRICE_SHARE,   /* of the bid: 0 what the utility pays, 1 what it asks */
	MEANING_QUANTITY,      /* of the bid, Wh; + buys, within the dead band it refrains */
	MEANING_RESERVE,       /* Wh; what is bid is what is expected and that; + buys more */
	MEANING_ERROR_SHARE,   /* how much of what forecasts were off by the bid allows for; >= 0 */
	MEANING_COUNT
};

/* "hour-sin" ..., "battery-power" ... */
const char *source_name(enum source source);
const char *meaning_name(enum meaning meaning);

#endif
