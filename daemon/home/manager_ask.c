/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the manager asks: its plan's shift, split over the members slot by slot. */
#include <math.h>
#include <string.h>

#include "daemon/home/manager_private.h"

/* A request counts for so many intervals from the one it begins with. */
static const double counts_intervals = 2;
/* From this share of a limit on its members are held to what they are asked. */
static const double near_limit = 0.98;

/* Where splitting stands, slot by slot. */
struct split {
	int count;
	int member[MEMBERS_MAX];
	double weight[MEMBERS_MAX], burden_wh[MEMBERS_MAX], moved_wh[MEMBERS_MAX];
};

static void begin_split(const struct manager *m, int64_t wall_s, struct split *s)
{
	s->count = 0;
	for (int i = 0; i < m->site->members; i++) {
		double w = manager_offered_w(&m->member[i], wall_s);
		if (w > 0 && m->member[i].request.slots > 0) {
			int n = s->count++;
			s->member[n] = i;
			s->weight[n] = w;
			s->burden_wh[n] = m->member[i].account.burden_wh;
			s->moved_wh[n] = 0;
		}
	}
}

/* What a member can do in slot k, and must where its energy would else be beyond what it offered.
 */
static struct sharing_room room_of(const struct manager *m, const struct split *s, int n, int k,
				   double hours)
{
	const struct offer *o = &m->member[s->member[n]].offer;
	double low_wh = (double)(o->low_w[k] - o->net_w[k]) * hours;
	double high_wh = (double)(o->high_w[k] - o->net_w[k]) * hours;
	double down_wh = -(double)o->down_wh[k] - s->moved_wh[n];
	double up_wh = (double)o->up_wh[k] - s->moved_wh[n];
	return (struct sharing_room){ .low_wh = fmin(fmax(low_wh, down_wh), high_wh),
				      .high_wh = fmax(fmin(high_wh, up_wh), low_wh),
				      .burden_wh = s->burden_wh[n],
				      .weight = s->weight[n] };
}

/* Near a limit of the community's, who can be asked is held to it. */
static void set_limits(const struct plan_slot *slot, double target_w, struct request *r, int k)
{
	bool importing = slot->grid_w >= near_limit * slot->step.import_limit_w;
	bool exporting = -slot->grid_w >= near_limit * slot->step.export_limit_w;
	r->import_w[k] = importing ? (float)fmax(target_w, 0) : INFINITY;
	r->export_w[k] = exporting ? (float)fmax(-target_w, 0) : INFINITY;
}

static void split_slot(struct manager *m, struct split *s, const struct plan_slot *slot, int k)
{
	struct sharing_room room[MEMBERS_MAX];
	double wh[MEMBERS_MAX];
	double hours = fmin(slot->step.hours, m->site->interval_s / 3600);
	for (int n = 0; n < s->count; n++) {
		room[n] = room_of(m, s, n, k, hours);
	}
	(void)sharing_split(room, s->count, -slot->shift_w[0] * hours, wh);
	for (int n = 0; n < s->count; n++) {
		struct manager_member *member = &m->member[s->member[n]];
		double target_w = (double)member->offer.net_w[k] + wh[n] / hours;
		s->moved_wh[n] += wh[n];
		s->burden_wh[n] += fabs(wh[n]);
		member->request.net_w[k] = (float)target_w;
		set_limits(slot, target_w, &member->request, k);
	}
}

/* Everybody who counts is asked at first for what it plans itself. */
static void begin_requests(struct manager *m, int64_t wall_s, int64_t start_s)
{
	m->revision++;
	for (int i = 0; i < m->site->members; i++) {
		struct manager_member *member = &m->member[i];
		if (!offer_counts(&member->offer, wall_s)) {
			continue;
		}
		int slots = 0;
		struct request *r = &member->request;
		*r = (struct request){ .issued_s = wall_s,
				       .until_s = start_s +
						  (int64_t)(counts_intervals * m->site->interval_s),
				       .start_s = start_s,
				       .revision = m->revision,
				       .saved = member->account.saved };
		int first = offer_slot(&member->offer, m->site->interval_s, start_s);
		for (int k = first; k >= 0 && k < member->offer.slots; k++) {
			r->net_w[slots] = member->offer.net_w[k];
			r->import_w[slots] = r->export_w[slots] = INFINITY;
			slots++;
		}
		r->slots = slots;
		member->request_waits = slots > 0;
	}
}

/* What was planned and asked for the interval that runs and the next one, to be settled by. */
static void keep_promises(struct manager *m, int64_t wall_s, int64_t start_s)
{
	m->asked_w = 0;
	for (int i = 0; i < m->site->members; i++) {
		const struct manager_member *member = &m->member[i];
		const struct offer *o = &member->offer;
		for (int k = 0; offer_counts(o, wall_s) && k < 2; k++) {
			int64_t at_s = start_s + k * manager_length_s(m);
			int offered = offer_slot(o, m->site->interval_s, at_s);
			if (offered < 0 || k >= member->request.slots) {
				continue;
			}
			struct manager_interval *at = manager_interval_of(m, i, at_s);
			at->counted = true;
			at->planned_w = (double)o->net_w[offered];
			at->target_w = (double)member->request.net_w[k];
			at->price = o->price;
			at->worth = o->worth;
			m->asked_w += k == 0 ? at->target_w - at->planned_w : 0;
		}
	}
}

/* Offers that were not renewed in time begin earlier: they are cut to where the requests begin. */
static void align_offers(struct manager *m, int64_t wall_s, int64_t start_s)
{
	for (int i = 0; i < m->site->members; i++) {
		struct offer *o = &m->member[i].offer;
		int first = offer_slot(o, m->site->interval_s, start_s);
		if (!offer_counts(o, wall_s) || first <= 0) {
			continue;
		}
		size_t left = (size_t)(o->slots - first) * sizeof(float);
		memmove(o->net_w, o->net_w + first, left);
		memmove(o->low_w, o->low_w + first, left);
		memmove(o->high_w, o->high_w + first, left);
		memmove(o->up_wh, o->up_wh + first, left);
		memmove(o->down_wh, o->down_wh + first, left);
		o->slots -= first;
		o->start_s = start_s;
	}
}

void manager_ask(struct manager *m, int64_t wall_s, const struct problem *p,
		 const struct plan *plan)
{
	int64_t start_s = interval_start(m->site->interval_s, wall_s);
	struct split s;
	m->asked = 0;
	if (p->shifts == 0) {
		return;
	}
	align_offers(m, wall_s, start_s);
	begin_requests(m, wall_s, start_s);
	begin_split(m, wall_s, &s);
	int slots = OFFER_SLOTS_MAX;
	for (int n = 0; n < s.count; n++) {
		slots = (int)fmin(slots, m->member[s.member[n]].request.slots);
	}
	for (int k = 0; s.count > 0 && k < slots; k++) {
		const struct plan_slot *slot = slots_plan_at(plan, start_s, m->site->interval_s, k);
		if (slot) {
			split_slot(m, &s, slot, k);
		}
	}
	m->asked = s.count;
	keep_promises(m, wall_s, start_s);
}
