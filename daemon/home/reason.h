/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why the devices do what they do: who decided, on what ground, and what the guard changed. Each
 * word has one line for people, shown by `lecctl explain`. */
#ifndef LECD_HOME_REASON_H
#define LECD_HOME_REASON_H

#include <stdint.h>

/* Who decided: the fallback chain, from the top, and a person above all. */
enum decider {
	DECIDER_OPTIMISER, /* the current plan, corrected for the measured load */
	DECIDER_LAST_PLAN, /* the last valid plan: no newer one came */
	DECIDER_RULES,     /* self-consumption */
	DECIDER_HOLD,      /* devices released to their own default */
	DECIDER_PERSON,    /* a person said so: hold or off */
	DECIDER_POLICY,    /* a learned policy; last, as histories hold the numbers */
	DECIDER_COUNT
};

/* What the guard changed, as bits. */
enum {
	REASON_POWER_LIMIT = 1 << 0,  /* the site's charge or discharge limit */
	REASON_BMS_LIMIT = 1 << 1,    /* the battery's own limit */
	REASON_SOC_MIN = 1 << 2,      /* empty, or down to the reserve */
	REASON_SOC_MAX = 1 << 3,      /* full */
	REASON_IMPORT_LIMIT = 1 << 4, /* the connection's */
	REASON_EXPORT_LIMIT = 1 << 5,
	REASON_GRID_OPERATOR = 1 << 6, /* a limit the grid operator sent */
	REASON_RAMP = 1 << 7,
	REASON_FROZEN = 1 << 8,     /* a reading is stale: hold what is set, go no further */
	REASON_RELEASED = 1 << 9,   /* unknown for too long: the device falls back on its own */
	REASON_CURTAILED = 1 << 10, /* PV is limited */
	REASON_DEVIATION = 1 << 11, /* a battery does not do as it is told */
	REASON_GIVEN_UP = 1 << 12,  /* a battery is left alone: it did not obey, or misleads */
	REASON_SOC_DOUBT = 1 << 13, /* the state of charge is doubted: the energy bounds it too */
	REASON_SIGN = 1 << 14,      /* meter and battery seem to count in opposite directions */
	REASON_SWING = 1 << 15,     /* the set-point swung to and fro: the loop is open for now */
	REASON_BITS = 16
};

/* "optimiser", "last-plan", "rules", "hold", "person", "policy" */
const char *decider_name(enum decider decider);
/* "power-limit": the word of one bit on the wire; bit is 0..REASON_BITS-1. */
const char *reason_name(int bit);
/* "the battery is empty or down to its reserve": the same for people. */
const char *reason_text(int bit);

#endif
