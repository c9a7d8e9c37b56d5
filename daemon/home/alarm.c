/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/alarm.h"

#include <assert.h>

#include "daemon/base/log.h"

static const struct {
	const char *name;
	const char *comes; /* "battery main: ..." */
	const char *goes;
} alarms[] = {
	/* on the wire	comes, goes */
	[ALARM_FROZEN] = { "frozen",
			   "gives the same answer while what it measures moves: not believed",
			   "measures again" },
	[ALARM_SIGN] = { "sign",
			 "counts the other way round: its batteries stay released until its wiring "
			 "or "
			 "the sign in its profile is turned; then restart, or set the mode again",
			 "counts the right way" },
	[ALARM_SOC_LEAP] = { "soc-leap",
			     "its state of charge leapt: the value before is held for a minute",
			     "its state of charge is believed again" },
	[ALARM_SOC_STILL] = { "soc-still",
			      "its state of charge stands still while energy flows: limits count "
			      "on by "
			      "the energy",
			      "its state of charge moves again" },
	[ALARM_SOC_DRIFT] = { "soc-drift",
			      "its state of charge does not follow the energy: limits count on by "
			      "the "
			      "energy",
			      "its state of charge follows the energy again" },
	[ALARM_DEVIATION] = { "deviation", "does not do as it is told: told again",
			      "does as it is told" },
	[ALARM_CONFLICT] = { "conflict",
			     "was told otherwise by somebody else, again and again: left to him "
			     "for a while, or until the mode is set",
			     "is ours again" },
	[ALARM_GIVEN_UP] = { "given-up",
			     "released and not counted on: tried again in 15 min, or when the mode "
			     "is "
			     "set",
			     "is counted on again" },
	[ALARM_SWING] = { "swing", "its set-point swung to and fro: no corrections for a minute",
			  "its set-point follows again" },
	[ALARM_UNFIT] = { "unfit", "is not fit to decide: the optimiser does", "is fit again" },
};
static_assert(sizeof(alarms) / sizeof(*alarms) == ALARM_COUNT, "word each alarm");

void alarm_set(struct alarms *a, const struct site *site, int device, enum alarm alarm, bool on)
{
	if (on == alarm_is_on(a, device, alarm)) {
		return;
	}
	a->on[device] ^= 1u << alarm;
	if (on) {
		log_warning("%s %s: %s", alarm_kind(device), alarm_device(site, device),
			    alarms[alarm].comes);
	} else {
		log_info("%s %s: %s", alarm_kind(device), alarm_device(site, device),
			 alarms[alarm].goes);
	}
}

const char *alarm_kind(int device)
{
	return device == ALARM_METER       ? "meter"
	       : device == ALARM_POLICY    ? "policy"
	       : device < alarm_battery(0) ? "pv"
					   : "battery";
}

const char *alarm_device(const struct site *site, int device)
{
	return device == ALARM_METER       ? site->meter.link.name
	       : device == ALARM_POLICY    ? site->policy.actor
	       : device < alarm_battery(0) ? site->pv[device - alarm_pv(0)].link.name
					   : site->battery[device - alarm_battery(0)].link.name;
}

const char *alarm_name(enum alarm alarm)
{
	return (unsigned)alarm < ALARM_COUNT ? alarms[alarm].name : "?";
}

const char *alarm_text(enum alarm alarm)
{
	return (unsigned)alarm < ALARM_COUNT ? alarms[alarm].comes : "?";
}
