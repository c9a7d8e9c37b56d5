/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of a simulated house, as CSV: what its devices were told and where they stood each
 * second of the house's time. Tests take their verdicts from it, not from the controller.
 *
 *   time_s,device,event,name,value
 *   1781481600.250,main,write,battery_setpoint_w,-1500
 *   1781481601.000,main,state,battery_soc,0.52
 *
 * Events: write (accepted, by control point, or by SunSpec model and point), overwrite (by a
 * fault), state (by quantity; load_w of the device "house"), enabled (1 while a command holds, when
 * it changes), fault and heal. Times are the house's, UTC.
 */
#ifndef LECD_SIM_JOURNAL_H
#define LECD_SIM_JOURNAL_H

#include <stdint.h>
#include <stdio.h>

#include "sim/house.h"

struct journal {
	FILE *file; /* NULL: nothing is kept */
	bool enabled[HOUSE_DEVICES_MAX];
};

/* Begin a journal in path; NULL: none. Return 0 or -errno. */
int journal_open(struct journal *j, const char *path);
void journal_close(struct journal *j);

/* One line, stamped with the plant's time. */
void journal_event(struct journal *j, const struct plant *p, const char *device, const char *event,
		   const char *name, double value);

/* Where every device stands now. */
void journal_state(struct journal *j, const struct house *h);

/* Which devices began or ceased to hold a command since the last call. */
void journal_changes(struct journal *j, const struct house *h);

/* Let readers of the file see what was written so far. */
void journal_flush(struct journal *j);

#endif
