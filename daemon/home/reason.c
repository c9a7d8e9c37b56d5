/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/reason.h"

#include <assert.h>

static const char *const deciders[] = {
	[DECIDER_OPTIMISER] = "optimiser", [DECIDER_LAST_PLAN] = "last-plan",
	[DECIDER_RULES] = "rules",         [DECIDER_HOLD] = "hold",
	[DECIDER_PERSON] = "person",       [DECIDER_POLICY] = "policy",
};
static_assert(sizeof(deciders) / sizeof(*deciders) == DECIDER_COUNT, "name each decider");

/* In the order of the bits. */
static const struct {
	const char *name;
	const char *text;
} reasons[] = {
	{ "power-limit", "more than the battery's power limit was wanted" },
	{ "bms-limit", "the battery's own management allows less" },
	{ "soc-min", "the battery is empty or down to its reserve" },
	{ "soc-max", "the battery is full" },
	{ "import-limit", "the connection's import limit would be exceeded" },
	{ "export-limit", "the connection's export limit would be exceeded" },
	{ "grid-operator", "the grid operator limits the connection" },
	{ "ramp", "the power may only change so fast" },
	{ "frozen", "a reading is stale: what was set stays, no further" },
	{ "released", "readings are missing: the device is released to its own default" },
	{ "curtailed", "PV generation is limited" },
	{ "deviation", "a battery does not do as it is told: what it does counts" },
	{ "given-up", "a battery is left alone for now: it does not obey, or misleads" },
	{ "soc-doubt", "the state of charge does not follow the energy: the worse of both counts" },
	{ "sign", "meter and battery seem to count in opposite directions" },
	{ "swing", "the set-point swung to and fro: no corrections for a minute" },
};
static_assert(sizeof(reasons) / sizeof(*reasons) == REASON_BITS, "name each reason");

const char *decider_name(enum decider decider)
{
	return (unsigned)decider < DECIDER_COUNT ? deciders[decider] : "?";
}

const char *reason_name(int bit)
{
	return (unsigned)bit < REASON_BITS ? reasons[bit].name : "?";
}

const char *reason_text(int bit)
{
	return (unsigned)bit < REASON_BITS ? reasons[bit].text : "?";
}
