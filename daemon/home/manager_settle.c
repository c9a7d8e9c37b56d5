/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the manager owes: an interval's meters become accounts. */
#include <math.h>

#include "daemon/base/fairness.h"
#include "daemon/home/manager_private.h"
#include "daemon/home/outlook.h"

/* How fast the rest is taken to change, and burdens fade: of what was, after an interval; in days.
 */
static const double rest_keep = 0.7, burden_days = 7;

static double stored_worth(const struct manager *m, const struct interval *done,
			   const struct plan *plan)
{
	const struct plan_slot *slot = plan_at(plan, done->start_s);
	double capacity_wh = 0, value = 0, charge = 0, discharge = 0;
	slot = slot ? slot : plan->slots > 0 ? &plan->slot[0] : NULL;
	for (int b = 0; slot && b < m->site->batteries; b++) {
		const struct battery_model *model = &m->site->battery[b].model;
		capacity_wh += model->capacity_wh;
		value += slot->value[b] * model->capacity_wh;
		charge += model->charge_efficiency * model->capacity_wh;
		discharge += model->discharge_efficiency * model->capacity_wh;
	}
	if (capacity_wh == 0) {
		return 0;
	}
	double stored_wh = done->charge_wh * charge / capacity_wh -
			   done->discharge_wh * capacity_wh / discharge;
	return stored_wh / 1e3 * value / capacity_wh;
}

void manager_turn(struct manager *m, const struct interval *done, const struct plan *plan)
{
	m->own[manager_place(m, done->start_s)] = (struct manager_own){
		.start_s = done->start_s,
		.taken_wh = done->charge_wh - done->discharge_wh,
		.worth = stored_worth(m, done, plan),
		.load_known = done->load_s > 0.9 * done->length_s,
		/* Not done->load_wh: members that feed in make it negative. */
		.load_wh = done->import_wh - done->export_wh + done->pv_wh + done->discharge_wh -
			   done->charge_wh
	};
}

/* The interval to settle next, and whether its time is up; 0: none is over. */
static int64_t due(const struct manager *m, int64_t wall_s, bool *late)
{
	int64_t now_s = interval_start(m->site->interval_s, wall_s);
	int64_t oldest_s = now_s - (MANAGER_INTERVALS - 2) * manager_length_s(m);
	int64_t next_s = m->settled_s + manager_length_s(m);
	next_s = next_s < oldest_s || m->settled_s > now_s ? oldest_s : next_s;
	*late = next_s + 2 * manager_length_s(m) <= wall_s;
	return next_s + manager_length_s(m) <= wall_s ? next_s : 0;
}

/* Whether everybody is metered who is there, was planned with, or was metered before. */
static bool all_metered(const struct manager *m, int64_t start_s)
{
	int metered = 0;
	for (int i = 0; i < m->site->members; i++) {
		const struct manager_member *member = &m->member[i];
		const struct manager_interval *at = manager_known_interval(m, i, start_s);
		bool expected = member->online || (at && at->counted) || member->net_known;
		if (expected && !(at && at->metered)) {
			return false;
		}
		metered += at && at->metered;
	}
	return metered > 0 && m->own[manager_place(m, start_s)].start_s == start_s;
}

static struct sharing_line line_of(const struct manager *m, int i, int64_t start_s)
{
	const struct manager_interval *at = manager_known_interval(m, i, start_s);
	double hours = m->site->interval_s / 3600;
	if (!at || !at->metered) {
		return (struct sharing_line){ .metered = false };
	}
	return (struct sharing_line){ .metered = true,
				      .net_wh = at->net_wh,
				      .planned_wh =
					      at->counted ? at->planned_w * hours : at->net_wh,
				      .target_wh = at->counted ? at->target_w * hours : at->net_wh,
				      .price = at->price,
				      .worth = at->worth };
}

/* What is left of the community's load when the members are taken off. */
static void learn_rest(struct manager *m, const struct manager_own *own,
		       const struct sharing_line *line)
{
	double rest_wh = own->load_wh;
	for (int i = 0; i < m->site->members; i++) {
		rest_wh -= line[i].metered ? line[i].net_wh : 0;
	}
	double w = rest_wh / m->site->interval_s * 3600;
	m->rest_w = m->rest_known ? rest_keep * m->rest_w + (1 - rest_keep) * w : w;
	m->rest_known = true;
}

static struct sharing_terms terms_of(const struct manager *m, const struct manager_own *own,
				     int64_t start_s)
{
	struct step step = { .start_s = start_s, .hours = m->site->interval_s / 3600 };
	bool known = own->start_s == start_s;
	outlook_set_prices(m->site, &step);
	return (struct sharing_terms){ .buy = step.buy,
				       .sell = step.sell,
				       .own_wh = known ? own->taken_wh : 0,
				       .own_worth = known ? own->worth : 0,
				       .keep = exp(-m->site->interval_s / 86400 / burden_days) };
}

/* Returns how many members were settled. */
static int settle_one(struct manager *m, int64_t start_s)
{
	struct sharing_line line[MEMBERS_MAX];
	struct sharing_account account[MEMBERS_MAX];
	const struct manager_own *own = &m->own[manager_place(m, start_s)];
	struct sharing_terms terms = terms_of(m, own, start_s);
	bool complete = all_metered(m, start_s);
	for (int i = 0; i < m->site->members; i++) {
		struct manager_member *member = &m->member[i];
		line[i] = line_of(m, i, start_s);
		account[i] = member->account;
		member->net_known = line[i].metered;
		member->net_w = line[i].net_wh / m->site->interval_s * 3600;
		member->row_waits |= line[i].metered;
	}
	int settled = sharing_settle(&terms, line, m->site->members, account, &m->fund);
	for (int i = 0; i < m->site->members; i++) {
		m->member[i].account = account[i];
	}
	if (complete && own->load_known) {
		learn_rest(m, own, line);
	}
	m->settled_s = start_s;
	return settled;
}

bool manager_settle(struct manager *m, int64_t wall_s)
{
	bool late;
	for (int k = 0; k < MANAGER_INTERVALS; k++) {
		int64_t start_s = due(m, wall_s, &late);
		if (start_s == 0 || !(late || all_metered(m, start_s))) {
			return false;
		}
		if (settle_one(m, start_s) > 0) {
			return true;
		}
	}
	return false;
}

struct manager_fairness manager_fairness(const struct manager *m)
{
	double saved[MEMBERS_MAX], asked[MEMBERS_MAX];
	struct manager_fairness f = { 0 };
	int asked_of = 0;
	for (int i = 0; i < m->site->members; i++) {
		const struct manager_member *member = &m->member[i];
		double w = manager_offered_w(member, member->offer.until_s - 1);
		if (member->account.intervals > 0) {
			f.saved += member->account.saved;
			saved[f.members++] = member->account.saved;
		}
		if (w > 0) {
			asked[asked_of++] = member->account.burden_wh / w;
		}
	}
	f.saved_jain = fairness_jain(saved, f.members);
	f.saved_min_max = fairness_min_max(saved, f.members);
	f.asked_jain = fairness_jain(asked, asked_of);
	f.asked_min_max = fairness_min_max(asked, asked_of);
	return f;
}
