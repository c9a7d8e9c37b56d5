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
	bool asked;           /* the profile has it and it can be read */
	int result;           /* as bus_read: 0, an exception's code or -errno */
	bool zero;            /* it is good and 0, as everything is where nothing is connected */
	enum quality quality; /* never seen where result is not 0 */
	double value;         /* where it is good */
	struct block span;    /* what was read */
	uint16_t words[125];  /* where result is 0 */
};

struct survey {
	struct survey_point reading[QUANTITY_COUNT];
	struct survey_point control[CONTROL_COUNT];
	/* Of the readings: */
	int points; /* that the profile has */
	int good;
	int zero;   /* of the good ones */
	int absent; /* refused by the device, or not implemented */
	int wrong;  /* with a value that cannot be true */
	int silent; /* without any answer */
};

/* Read the readings, and what can be read of the control points. With silent_max > 0, stop after so
 * many points without an answer. */
void survey_take(struct probe *probe, const struct profile *p, int silent_max, struct survey *out);

/* Whether the profile may well be the device's: it tells its kind's power, nothing that cannot be
 * true, and more than it does not. */
bool survey_fits(const struct profile *p, const struct survey *s);

/* How much speaks for it: points with a good value, as far as it is not just zeros. */
int survey_weight(const struct survey *s);

#endif
