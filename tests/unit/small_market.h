/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A market of one round for tests of the desk: four homes, quarters of an hour, and the messages of
 * its homes. */
#ifndef LECD_TEST_SMALL_MARKET_H
#define LECD_TEST_SMALL_MARKET_H

#include <string.h>

#include "test.h"

#include "daemon/base/isotime.h"
#include "daemon/base/tariff.h"
#include "daemon/market/desk.h"

enum { SMALL_INTERVAL_S = 900, SMALL_HOMES = 4 };

static const int64_t small_begin_s = 1781517600; /* 2026-06-15T10:00:00Z */

/* buy: of the utility, per kWh. */
static inline struct market_conf small_market(double buy)
{
	assert_int_equal(timezone_use("UTC"), 0);
	return (struct market_conf){
		.community = "c",
		.timezone = "UTC",
		.interval_s = SMALL_INTERVAL_S,
		.tariff = { .currency = "EUR", .buy.base = buy, .sell.base = 0.06 },
		.meter_wait_s = 1800,
		.rounds = { .interval_s = SMALL_INTERVAL_S,
			    .rounds = 1,
			    .round = { { .name = "r",
					 .gate_s = 120,
					 .open_s = 3600,
					 .mechanism = mechanism_find("uniform"),
					 .terms = { .k = MILLION / 2 } } },
			    .homes_max = SMALL_HOMES,
			    .steps_max = 3,
			    .limits = { 4000000, 4000000, -MILLION, MILLION, 0 } },
	};
}

/* A broker that takes everything and tells nobody. */
static inline int small_nowhere(void *context, const char *topic, const char *payload,
				size_t length, bool retain)
{
	(void)context;
	(void)topic;
	(void)payload;
	(void)length;
	(void)retain;
	return 0;
}

/* A bid of 1 kWh at 0.2. */
static inline void small_bid(struct desk *d, const char *home, int64_t start_s, int revision,
			     const char *side, int64_t now_s)
{
	char text[400], topic[64], time[ISOTIME_SIZE];
	snprintf(topic, sizeof(topic), "lec/c/home/%s/bid", home);
	int n = snprintf(text, sizeof(text),
			 "{\"v\":1,\"home\":\"%s\",\"interval\":\"%s\",\"length_s\":900,"
			 "\"revision\":%d,\"currency\":\"EUR\",\"orders\":[{\"side\":\"%s\","
			 "\"price\":0.2,\"quantity\":1}]}",
			 home, isotime_format(start_s, time), revision, side);
	desk_hear(d, topic, text, (size_t)n, false, now_s);
}

static inline void small_reading(struct desk *d, const char *home, int64_t start_s,
				 double import_wh, double export_wh, int64_t now_s)
{
	char text[400], topic[64], time[ISOTIME_SIZE];
	snprintf(topic, sizeof(topic), "lec/c/home/%s/meter", home);
	int n = snprintf(text, sizeof(text),
			 "{\"v\":1,\"home\":\"%s\",\"interval\":\"%s\",\"length_s\":900,"
			 "\"import_wh\":%g,\"export_wh\":%g,\"known_s\":900}",
			 home, isotime_format(start_s, time), import_wh, export_wh);
	desk_hear(d, topic, text, (size_t)n, false, now_s);
}

#endif
