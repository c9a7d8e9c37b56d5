/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Alarms: what is wrong with a device, or the learned policy, from its first cycle to its last.
 * Each is logged when it comes and when it goes, and told on MQTT, by `lecctl status` and `lecctl
 * explain` meanwhile. */
#ifndef LECD_HOME_ALARM_H
#define LECD_HOME_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/home/site.h"

enum alarm {
	ALARM_FROZEN,    /* the same answer while what it depends on moves */
	ALARM_SIGN,      /* it counts the other way */
	ALARM_SOC_LEAP,  /* the state of charge moves faster than it can */
	ALARM_SOC_STILL, /* it does not move while energy flows */
	ALARM_SOC_DRIFT, /* it moves otherwise than the energy */
	ALARM_DEVIATION, /* the battery does not do as it is told */
	ALARM_CONFLICT,  /* somebody else commands it */
	ALARM_GIVEN_UP,  /* it is left alone, for now */
	ALARM_SWING,     /* its set-point swung to and fro */
	ALARM_UNFIT,     /* a policy is not asked, or its answer not taken */
	ALARM_COUNT
};

/* The policy is told of as one. */
enum { ALARM_DEVICES = 1 + PVS_MAX + BATTERIES_MAX + 1 };

/* A zeroed one has none. Bits by enum alarm; devices by number: ALARM_METER, alarm_pv(),
 * alarm_battery(), ALARM_POLICY. */
struct alarms {
	uint32_t on[ALARM_DEVICES];
};

static inline int alarm_pv(int i)
{
	return 1 + i;
}

static inline int alarm_battery(int b)
{
	return 1 + PVS_MAX + b;
}

enum { ALARM_METER = 0, ALARM_POLICY = ALARM_DEVICES - 1 };

/* Say whether an alarm is on; a change goes to the log. */
void alarm_set(struct alarms *a, const struct site *site, int device, enum alarm alarm, bool on);

static inline bool alarm_is_on(const struct alarms *a, int device, enum alarm alarm)
{
	return a->on[device] & (1u << alarm);
}

/* "meter", "pv", "battery", "policy"; the section's name; the alarm's word on the wire; the same
 * for people.
 */
const char *alarm_kind(int device);
const char *alarm_device(const struct site *site, int device);
const char *alarm_name(enum alarm alarm);
const char *alarm_text(enum alarm alarm);

#endif
