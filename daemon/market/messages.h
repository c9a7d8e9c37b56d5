/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the market hears and says on the wire, see docs/protocol.md: JSON in and out, nothing else.
 * What comes in is hostile until it is checked: size, depth, types, finite numbers, ranges, whose
 * it is. Energies are kWh and prices per kWh there, whole mWh and millionths here, rounded to the
 * nearest. */
#ifndef LECD_MARKET_MESSAGES_H
#define LECD_MARKET_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/market/facts.h"
#include "daemon/market/market_conf.h"
#include "daemon/market/rounds.h"

struct desk_counts;

enum { MESSAGE_MAX = 16384, MESSAGE_WHY_MAX = 128, REVISION_MAX = 1000000 };
enum { READING_AGE_S = 35 * 86400 }; /* the oldest interval that a reading is taken of */

/* The home's subtree in "lec/COMMUNITY/home/ID/LEAF": its id into home, and the leaf; or NULL. */
const char *message_leaf(const struct market_conf *c, const char *topic, char home[HOME_ID_SIZE]);

/* Read a bid that came under that home's topic. Returns 0, or -errno and a sentence in why; then
 * only start_s and revision of *out hold what could be read, or 0. */
int message_read_bid(const struct market_conf *c, const char *home, const char *payload,
		     size_t length, struct round_bid *out, char why[MESSAGE_WHY_MAX]);

/* Read a metered interval that ended by at_s. The same promise: only *start_s. */
int message_read_meter(const struct market_conf *c, const char *home, int64_t at_s,
		       const char *payload, size_t length, int64_t *start_s, struct fact_meter *out,
		       char why[MESSAGE_WHY_MAX]);

/* The grid operator's limits of a home in an interval, W. */
struct award_limits {
	double import_w, export_w;
};

/* What the market says to a bid or a reading. */
struct receipt {
	const char *home;
	bool reading;       /* else a bid */
	int64_t start_s;    /* of its interval; 0: it could not be read */
	int32_t revision;   /* of a bid; 0: it could not be read */
	const char *round;  /* of a bid that was accepted, or NULL */
	const char *reason; /* NULL: accepted */
	bool again;         /* the reason passes: it may be said again as it is */
};

/* Writers return the length, or -ENOBUFS. */
int message_receipt(const struct receipt *r, char *out, size_t size);
int message_award(const struct market_conf *c, const char *home, const char *round, int64_t start_s,
		  const struct fact_award *a, const struct award_limits *limits, char *out,
		  size_t size);
int message_clearing(const struct market_conf *c, const struct round_clearing *r, char *out,
		     size_t size);
int message_tariff(const struct market_conf *c, char *out, size_t size);
/* What came and what became of it, since since_s. lost: messages that there was no room for. */
int message_counts(const struct desk_counts *n, int homes, uint64_t lost, int64_t since_s,
		   int64_t now_s, char *out, size_t size);
int message_rounds(const struct market_conf *c, const struct rounds *r, int64_t now_s, char *out,
		   size_t size);

#endif
