/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A home's word in its community's negotiation: what net power is best for it at the price it is
 * offered, from the problem of its latest plan. The intervals of the offer are priced by the offer
 * alone, those before and after by the utility's tariff. The answer and nothing of why leaves it.
 *
 * Exact where one battery, or none, ties the steps together; a house with more to plan says what
 * its plan has it do, and gives way to no price. No clock, no broker; does not allocate. */
#ifndef LECD_HOME_BARGAIN_H
#define LECD_HOME_BARGAIN_H

#include <stddef.h>

#include "daemon/base/admm.h"
#include "daemon/home/site.h"
#include "policy/plan.h"
#include "policy/problem.h"
#include "policy/storage.h"

struct bargain { /* room to work */
	struct storage storage;
	struct storage_plan plan;
	struct admm_offer offer;
	struct admm_power power;
};

/* Answer the JSON of an offer with that of a power, by plan and the problem it answers. Returns its
 * length; or -errno and a sentence in why: -EINVAL what is no offer, or of other intervals than the
 * home's; -ENODATA there is no plan, or it does not reach that far. */
int bargain_answer(struct bargain *b, const struct site *site, const struct problem *p,
		   const struct plan *plan, const char *payload, size_t length, char *out,
		   size_t size, char why[ADMM_WHY_SIZE]);

#endif
