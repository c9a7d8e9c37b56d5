/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults a simulated Modbus device shows on request: several at once, until healed.
 *
 * Those of the line act on the port that the device is behind, on its neighbours there too. What
 * spoils frames is in fault_frame.h, what spoils values in fault_value.h. Times are real ones,
 * but for `overwrite`, which is the house's. */
#ifndef LECD_SIM_FAULT_H
#define LECD_SIM_FAULT_H

#include <stdbool.h>

#include "daemon/base/reading.h"
#include "drivers/address.h"

enum fault_kind {
	/* the line */
	FAULT_REFUSE,     /* the device's port is closed */
	FAULT_RESET,      /* connections are reset, and each new one */
	FAULT_UNPLUG,     /* the serial port is gone; healed, it is back under another name */
	FAULT_STUCK_LINE, /* an RTU line on which zeros come without end */
	FAULT_BIT_ERRORS, /* a bit is flipped in `value` of 1000 bytes of an RTU line, both ways */
	/* the answer's time */
	FAULT_SILENCE, /* takes requests, never answers */
	FAULT_DELAY,   /* answers late, by `value` milliseconds */
	FAULT_LATE,    /* answers late, by `value` per cent of the profile's timeout */
	FAULT_DRIP,    /* answers a byte every `value` milliseconds */
	/* the answer's frame */
	FAULT_WRONG_TID,      /* Modbus TCP: of another transaction */
	FAULT_WRONG_UNIT,     /* of another unit */
	FAULT_WRONG_FUNCTION, /* of another function */
	FAULT_SHORT,          /* a register less than asked for */
	FAULT_OVERSIZE,       /* a byte count beyond what any frame holds */
	FAULT_GARBAGE,        /* random bytes */
	FAULT_LATE_BY_ONE,    /* what the request before asked for, as the answer to this one */
	/* exceptions */
	FAULT_EXCEPTION,     /* Modbus exception `value` to everything */
	FAULT_EXCEPTION_AT,  /* exception `code` to what touches register `value` */
	FAULT_BUSY,          /* exception 6 to the next `value` requests, then healed */
	FAULT_REFUSE_WRITES, /* exception `value` to every write */
	/* writes */
	FAULT_IGNORE_WRITES, /* acknowledges writes and forgets them */
	FAULT_OVERWRITE,     /* goes back to its default each `value` seconds of the house */
	/* measurements */
	FAULT_SENTINEL,   /* not implemented, by the sentinel `value` of enum fault_sentinel */
	FAULT_FROZEN,     /* stay as they are */
	FAULT_FROZEN_SOC, /* the state of charge stays as it is */
	FAULT_SOC_STEP,   /* the state of charge is `value` per cent */
	FAULT_SCALE_JUMP, /* each is ten times as much, the next `value` times it is read */
	FAULT_INVERTED,   /* power has the other sign */
	FAULT_COUNT
};

enum fault_sentinel {
	SENTINEL_OWN,  /* what the point's type has for it */
	SENTINEL_8000, /* 0x8000, and so on for more registers */
	SENTINEL_7FFF,
	SENTINEL_FFFF,
	SENTINEL_NAN,    /* where there is a float; else its own */
	SENTINEL_FLTMAX, /* the most negative float; else its own */
	SENTINEL_SF,     /* SunSpec: scale factors are not implemented; else its own */
	SENTINEL_COUNT
};

struct faults {
	bool on[FAULT_COUNT];
	int value[FAULT_COUNT];
	int code;                      /* of FAULT_EXCEPTION_AT */
	double frozen[QUANTITY_COUNT]; /* what was measured when it froze */
	int jumps[QUANTITY_COUNT];     /* left of FAULT_SCALE_JUMP */
};

/* Switch on the fault named by "KIND" or "KIND=VALUE"; *kind gets which (may be NULL). Return NULL,
 * or what is expected, and f is unchanged. */
const char *fault_set(struct faults *f, const char *text, enum fault_kind *kind);

const char *fault_name(enum fault_kind kind);

/* Whether a line can have a fault: NULL, or what is expected. */
const char *fault_misplaced(enum fault_kind kind, enum modbus_line line);

#endif
