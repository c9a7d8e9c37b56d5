/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults a simulated Modbus device shows on request: several at once, until healed. */
#ifndef LECD_SIM_FAULT_H
#define LECD_SIM_FAULT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_SILENCE,       /* takes requests, never answers */
	FAULT_DELAY,         /* answers late, by `value` real milliseconds */
	FAULT_DRIP,          /* answers a byte every `value` real milliseconds */
	FAULT_EXCEPTION,     /* answers Modbus exception `value` to everything */
	FAULT_SENTINEL,      /* every measurement reads as not implemented */
	FAULT_FROZEN,        /* measurements stay as they are */
	FAULT_REFUSE,        /* the device's port is closed, connections of its neighbours too */
	FAULT_IGNORE_WRITES, /* acknowledges writes and forgets them */
	FAULT_WRONG_TID,     /* answers under another transaction's number */
	FAULT_COUNT
};

struct faults {
	bool on[FAULT_COUNT];
	int value[FAULT_COUNT];
};

/* Switch on the fault named by "KIND" or "KIND=VALUE"; *kind gets which (may be NULL). Return NULL,
 * or what is expected, and f is unchanged. */
const char *fault_set(struct faults *f, const char *text, enum fault_kind *kind);

const char *fault_name(enum fault_kind kind);

#endif
