/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follow a plan second by second. The plan knew a forecast of the slot, now the load is measured:
 * what stays true is what a stored kWh is worth. So each battery runs at the power with the least
 * immediate cost, energy in it counted at that value:
 *
 *   buy  > value / discharge efficiency + wear    serve the load
 *   sell > value / discharge efficiency + wear    and sell, where that is allowed
 *   sell < value * charge efficiency              store the surplus
 *   buy  < value * charge efficiency              and buy to store, where that is allowed
 *
 * Buying and selling begin at what was traded already; where the slot sets the demand charge's
 * peak, importing more than planned costs the peak's price on top. Among powers that are equally
 * good (prices within a small tolerance of the value) the one nearest to the plan is taken. Pure.
 */
#ifndef LECD_POLICY_FOLLOW_H
#define LECD_POLICY_FOLLOW_H

#include "policy/plan.h"
#include "policy/problem.h"

enum follow_reason {
	FOLLOW_EMPTY,   /* would discharge, but is down to soc_min */
	FOLLOW_FULL,    /* would charge, but is up to soc_max */
	FOLLOW_KEEP,    /* load is there, but stored energy is worth more than buying costs */
	FOLLOW_SELL_PV, /* surplus is there, but selling it brings more than storing it */
	FOLLOW_IDLE,    /* neither load nor surplus */
	FOLLOW_SERVE,   /* discharging to serve the load */
	FOLLOW_SELL,    /* discharging beyond the load */
	FOLLOW_STORE,   /* charging from surplus */
	FOLLOW_BUY,     /* charging beyond the surplus */
	FOLLOW_PLAN,    /* prices do not decide: as planned */
	FOLLOW_PEAK,    /* holding the import at the planned peak */
	FOLLOW_REASON_COUNT
};

struct follow_decision {
	double battery_w; /* AC, + discharge */
	enum follow_reason reason;
	double value; /* of stored energy per kWh at the terminals: losses and wear included */
	double price; /* what it was compared with, per kWh */
};

/* What a kWh bought and sold counts: the slot's prices, or for self-consumption 1 and 0. */
void follow_prices(const struct plan_slot *slot, enum objective objective, double *buy,
		   double *sell);

/* Decide for every battery of the plan, in out[]. net_load_w: the measured load - PV; soc[]: the
 * measured charges. Where energy is short the battery whose energy is worth least acts first, where
 * there is plenty the one whose energy is worth most; each sees what those before it left. */
void follow_decide(const struct plan_slot *slot, enum objective objective,
		   const struct battery_model *battery, int batteries, const double *soc,
		   double net_load_w, struct follow_decision *out);

/* "stored energy worth 0.210 > export price 0.070: charging from surplus". Returns out. */
const char *follow_explain(const struct follow_decision *d, char *out, int size);
const char *follow_reason_name(enum follow_reason reason); /* "store", on the wire */

#endif
