/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/bargain.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/exact.h"
#include "policy/prosumer.h"

static int say(char why[ADMM_WHY_SIZE], int error, const char *what)
{
	snprintf(why, ADMM_WHY_SIZE, "%s", what);
	return error;
}

/* The step of the problem that the offer begins with, of as many that follow as it has; or -1. */
static int first_step(const struct problem *p, const struct admm_head *h)
{
	int first = 0;
	while (first < p->steps && p->step[first].start_s < h->start_s) {
		first++;
	}
	bool fits = first + h->steps <= p->steps;
	for (int i = 0; fits && i < h->steps; i++) {
		const struct step *s = &p->step[first + i];
		fits = s->start_s == h->start_s + i * h->length_s &&
		       fabs(s->hours * 3600 - (double)h->length_s) < 1e-3;
	}
	return fits ? first : -1;
}

/* What its connection carries is a limit in every step, at the price of a soft one. */
static struct prosumer_offer posed(const struct site *site, const struct problem *p,
				   const struct admm_offer *o, int first)
{
	return (struct prosumer_offer){ .first = first,
					.steps = o->head.steps,
					.price = o->price,
					.target_kw = o->target,
					.penalty = o->penalty,
					.import_kw = site->import_limit_w / 1e3,
					.export_kw = site->export_limit_w / 1e3,
					.over_price = problem_soft_prices(p).limit_kwh };
}

static void as_planned(const struct plan *plan, int first, int steps, double *net_kw)
{
	for (int t = 0; t < steps; t++) {
		net_kw[t] = plan->slot[first + t].grid_w / 1e3;
	}
}

int bargain_answer(struct bargain *b, const struct site *site, const struct problem *p,
		   const struct plan *plan, const char *payload, size_t length, char *out,
		   size_t size, char why[ADMM_WHY_SIZE])
{
	double net_kw[STEPS_MAX];
	const struct admm_head *h = &b->offer.head;
	int r = admm_offer_read(payload, length, &b->offer, why);
	if (r < 0) {
		return r;
	}
	if (h->length_s != (int64_t)site->interval_s) {
		return say(why, -EINVAL, "length_s: expected the length of our intervals");
	}
	int first = plan->slots > 0 ? first_step(p, h) : -1;
	if (first < 0 || first + h->steps > plan->slots) {
		return say(why, -ENODATA,
			   plan->slots > 0 ? "start: further than our plan reaches"
					   : "there is no plan yet");
	}
	struct prosumer_offer offer = posed(site, p, &b->offer, first);
	r = exact_pose(p, &b->storage);
	r = r < 0 ? r : prosumer_answer_within(&b->storage, &b->plan, &offer, net_kw);
	if (r < 0) {
		as_planned(plan, first, h->steps, b->power.power);
	} else {
		memcpy(b->power.power, net_kw + first, (size_t)h->steps * sizeof(*net_kw));
	}
	b->power.head = *h;
	snprintf(b->power.home, sizeof(b->power.home), "%s", site->id);
	return admm_power_write(&b->power, out, size);
}
