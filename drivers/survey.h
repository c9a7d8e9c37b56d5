/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a device tells when it is read by a profile: each point's value with the registers it was
 * made of, and what speaks for and against the profile being the right one.
 *
 * Every point is asked for on its own, so that one that is not there spoils no other. */
#ifndef LECD_DRIVERS_SURVEY_H
#define LECD_DRIVERS_SURVEY_H

#include "drivers/probe.h"
#include "drivers/profile.h"

struct survey_point {
	bool asked; /* the profile has it, it can be read, and there was patience */
	int result; /* as bus_read: 0, an exception's code or -errno */
	struct block span;
	uint16_t words[BLOCK_WORDS_MAX]; /* of the span; where result is 0 */
	int why;                         /* the first result of its parts that is not 0 */
	enum quality quality;
	double value; /* where it is good */
	bool zero;    /* it is good and 0, as everything is where nothing is connected */
};

struct survey {
	/* What is read, as profile_part() counts it. Those below QUANTITY_COUNT tell the value of
	 * the whole quantity, the others only their registers. */
	struct survey_point part[PROFILE_PARTS];
	struct survey_point control[CONTROL_COUNT];
	struct survey_point require[REQUIREMENTS_MAX];
	/* Of the quantities: */
	int points; /* that the profile has */
	int good;
	int zero;   /* of the good ones */
	int absent; /* refused by the device, or not implemented */
	int wrong;  /* with a value that cannot be true */
	int silent; /* without any answer */
};

/* Read the readings, the requirements, and what can be read of the control points. With silent_max
 * > 0, stop after so many quantities without an answer. */
void survey_take(struct probe *probe, const struct profile *p, int silent_max, struct survey *out);

/* Whether the profile may well be the device's: it tells its kind's power, nothing that cannot be
 * true, and more than it does not. */
bool survey_fits(const struct profile *p, const struct survey *s);

/* How much speaks for it: quantities with a good value, as far as it is not just 0. */
int survey_weight(const struct survey *s);

/* The power a kind of device tells: GRID_W, PV_W, BATTERY_W. */
enum quantity survey_power(enum device_kind kind);

#endif
