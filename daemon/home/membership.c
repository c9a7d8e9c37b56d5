/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/membership.h"

#include <math.h>

static bool is_asked(const struct membership *m, const struct site *site, int64_t wall_s)
{
	return site->manner == MANNER_FOLLOW && m->request.slots > 0 &&
	       wall_s < m->request.until_s && offer_counts(&m->offer, wall_s);
}

void membership_steer(struct membership *m, const struct site *site, int64_t wall_s,
		      struct problem *p)
{
	m->steered = m->steer_next && is_asked(m, site, wall_s);
	m->steer_next = false;
	if (m->steered) {
		(void)request_steer(&m->request, &m->offer, site->interval_s, wall_s, p);
	}
}

bool membership_answer(struct membership *m, const struct site *site, int64_t wall_s,
		       const struct problem *p, const struct plan *plan)
{
	if (m->steered || site->manner == MANNER_OFF) {
		m->steered = false;
		return true;
	}
	offer_make(site, p, plan, wall_s, &m->offer);
	m->offer_waits = m->offer.slots > 0;
	m->steer_next = is_asked(m, site, wall_s);
	return !m->steer_next;
}

int membership_take(struct membership *m, const struct site *site, int64_t wall_s,
		    const char *payload, size_t length, char *why, size_t size)
{
	int r = request_take(&m->request, site->id, site->interval_s, wall_s, payload, length, why,
			     size);
	if (r == 0) {
		m->steer_next = is_asked(m, site, wall_s);
	}
	return r;
}

bool membership_asks(const struct membership *m, const struct site *site, int64_t wall_s,
		     struct request_slot *out)
{
	return is_asked(m, site, wall_s) &&
	       request_at(&m->request, &m->offer, site->interval_s, wall_s, wall_s, out);
}

struct standing_limit membership_limit(const struct membership *m, const struct site *site,
				       int64_t wall_s)
{
	struct request_slot slot = { .import_w = INFINITY, .export_w = INFINITY };
	(void)membership_asks(m, site, wall_s, &slot);
	return (struct standing_limit){ slot.import_w, slot.export_w };
}
