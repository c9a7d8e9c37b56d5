/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Somebody who negotiates: a community behind its manager, known to others only by what it would
 * take from them at the terms it is asked at.
 *
 * Powers are those it takes from its neighbours, kW, + in; prices per kWh. */
#ifndef LECD_MARKET_PARTY_H
#define LECD_MARKET_PARTY_H

struct party {
	/* For each step the power that costs the party least, where a power p costs beside its own
	 * cost (stiffness / 2) * (p - centre_kw)^2, stiffness > 0 in currency per kW^2. Returns 0
	 * or -errno; only 0 writes. */
	int (*respond)(void *self, const double *centre_kw, double stiffness, double *taken_kw);
	void *self;
};

#endif
