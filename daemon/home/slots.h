/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a community's manager and its members tell each other has one shape: who, from when to when
 * it counts, and series by market interval. Its head and its series, on the wire and in time. */
#ifndef LECD_HOME_SLOTS_H
#define LECD_HOME_SLOTS_H

#include <stdint.h>

#include "daemon/base/json.h"
#include "policy/plan.h"

enum { SLOTS_MAX = 96 };

struct slots_head {
	int64_t issued_s, until_s, start_s;
	int slots; /* of the series; 0: none is read yet */
};

/* The interval k of those from start_s on that holds at_s; -1: none of so many. */
int slots_index(int64_t start_s, double length_s, int slots, int64_t at_s);

/* A plan's slot for interval k from start_s on: of one that is under way, for its rest. NULL: the
 * plan ends before. */
const struct plan_slot *slots_plan_at(const struct plan *plan, int64_t start_s, double length_s,
				      int k);

/* Open the object and write v, home, issued, until, start and length_s; it stays open. */
void slots_put_head(struct json_out *j, const char *home, int64_t issued_s, int64_t until_s,
		    int64_t start_s, double length_s);
/* A series in whole units; what is not finite is null. */
void slots_put(struct json_out *j, const char *key, const float *value, int slots);

/* Read that head: for that home and length, beginning where an interval does, not from the future
 * and counting for at most a day. Return 0 or -errno with a sentence in in->why. */
int slots_read_head(struct json_in *in, const char *home, double length_s, int64_t wall_s,
		    struct slots_head *out);
/* Read a series; the first sets the head's slots, the others are to be as long. none: see
 * json_get_numbers. */
int slots_get(struct json_in *in, const char *key, double min, double max, double none,
	      struct slots_head *head, float out[SLOTS_MAX]);
/* -ESTALE where what was issued is older than what is held, unless that came from a clock that was
 * ahead. */
int slots_check_order(struct json_in *in, int64_t held_s, int64_t issued_s, int64_t wall_s);

#endif
