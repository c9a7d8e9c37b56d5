/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of the community: to programs, and in a sentence to people. */
#include <math.h>
#include <stdio.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"
#include "daemon/home/community.h"
#include "daemon/home/home.h"

void community_put_fairness(const struct home *h, struct json_out *o)
{
	struct manager_fairness f = manager_fairness(h->manager);
	json_put_integer(o, "members", h->site->members);
	json_put_integer(o, "settled", f.members);
	json_put_number(o, "saved", f.saved, 6);
	json_put_number(o, "fund", h->manager->fund, 6);
	json_put_text(o, "currency", h->site->tariff.currency);
	json_put_number(o, "saved_jain", f.saved_jain, 4);
	json_put_number(o, "saved_min_max", f.saved_min_max, 4);
	json_put_number(o, "asked_jain", f.asked_jain, 4);
	json_put_number(o, "asked_min_max", f.asked_min_max, 4);
}

static void put_time(struct json_out *o, const char *key, int64_t at_s)
{
	char text[ISOTIME_SIZE];
	json_put_text(o, key, isotime_format(at_s, text));
}

static const char *const manners[] = { "off", "follow", "own" };

static void put_member(const struct home *h, int i, struct json_out *o)
{
	const struct manager_member *member = &h->manager->member[i];
	const struct sharing_account *a = &member->account;
	bool counts = offer_counts(&member->offer, h->state.wall_s);
	json_open_object(o, NULL);
	json_put_text(o, "id", h->site->member[i].id);
	json_put_flag(o, "online", member->online);
	json_put_text(o, "manner", !counts ? "none" : member->offer.follows ? "follow" : "own");
	json_put_number(o, "asked_kwh", a->asked_wh / 1e3, 3);
	json_put_number(o, "delivered_kwh", a->delivered_wh / 1e3, 3);
	json_put_number(o, "off_kwh", a->off_wh / 1e3, 3);
	json_put_number(o, "alone", a->alone, 4);
	json_put_number(o, "paid", a->paid, 4);
	json_put_number(o, "saved", a->saved, 4);
	json_put_integer(o, "intervals", (int64_t)a->intervals);
	json_close(o);
}

static void report_manager(const struct home *h, struct json_out *o)
{
	community_put_fairness(h, o);
	json_put_integer(o, "asked", h->manager->asked);
	json_put_number(o, "asked_w", h->manager->asked_w, 0);
	json_put_number(o, "rest_w", h->manager->rest_known ? h->manager->rest_w : NAN, 0);
	json_open_array(o, "homes");
	for (int i = 0; i < h->site->members; i++) {
		put_member(h, i, o);
	}
	json_close(o);
}

static void report_member(const struct home *h, struct json_out *o)
{
	const struct membership *m = &h->membership;
	struct request_slot asked;
	json_put_flag(o, "online", m->manager_online);
	json_put_text(o, "manner", manners[h->site->manner]);
	json_put_flag(o, "offers", offer_counts(&m->offer, h->state.wall_s));
	int k = offer_slot(&m->offer, h->site->interval_s, h->state.wall_s);
	json_put_number(o, "planned_w", k < 0 ? NAN : (double)m->offer.net_w[k], 0);
	if (membership_asks(m, h->site, h->state.wall_s, &asked)) {
		json_put_number(o, "asked_w", asked.net_w, 0);
		json_put_number(o, "import_limit_w", asked.import_w, 0);
		json_put_number(o, "export_limit_w", asked.export_w, 0);
		put_time(o, "until", m->request.until_s);
	}
	if (m->request.slots > 0) {
		json_put_integer(o, "revision", m->request.revision);
		json_put_number(o, "saved", m->request.saved, 4);
	}
	json_put_text(o, "currency", h->site->tariff.currency);
}

void community_report(const struct home *h, struct json_out *o)
{
	if (!h->manager && h->site->manner == MANNER_OFF) {
		return;
	}
	json_open_object(o, h->manager ? "manager" : "membership");
	if (h->manager) {
		report_manager(h, o);
	} else {
		report_member(h, o);
	}
	json_close(o);
}

static int explain_manager(const struct home *h, char *out, size_t size)
{
	const struct manager *m = h->manager;
	struct manager_fairness f = manager_fairness(m);
	if (!m->rest_known) {
		return snprintf(out, size,
				"community: nobody is asked yet, what there is beside "
				"the members is not measured");
	}
	return snprintf(
		out, size,
		"community: %d of %d members can be asked, to take %.0f W %s than they "
		"planned in this interval; %d settled members saved %.2f %s, spread by %.2f "
		"(Jain); fund %.2f",
		m->asked, h->site->members, fabs(m->asked_w), m->asked_w < 0 ? "less" : "more",
		f.members, f.saved, h->site->tariff.currency,
		isnan(f.saved_jain) ? 1 : f.saved_jain, m->fund);
}

static int explain_member(const struct home *h, char *out, size_t size)
{
	const struct membership *m = &h->membership;
	struct request_slot asked;
	int k = offer_slot(&m->offer, h->site->interval_s, h->state.wall_s);
	char limit[64] = "";
	if (k < 0 || !membership_asks(m, h->site, h->state.wall_s, &asked)) {
		return snprintf(
			out, size, "community: %s",
			h->site->manner == MANNER_OWN
				? "the manager has this home's own plan, which holds"
				: "the manager asks for nothing, this home's own plan holds");
	}
	if (isfinite(asked.import_w)) {
		snprintf(limit, sizeof(limit), ", at most %.0f W in", asked.import_w);
	} else if (isfinite(asked.export_w)) {
		snprintf(limit, sizeof(limit), ", at most %.0f W out", asked.export_w);
	}
	return snprintf(
		out, size,
		"community: the manager asks for %.0f W at the connection in this interval, "
		"this home would have taken %.0f W%s",
		asked.net_w, (double)m->offer.net_w[k], limit);
}

int community_explain(const struct home *h, char *out, size_t size)
{
	if (h->manager) {
		return explain_manager(h, out, size);
	}
	return h->site->manner == MANNER_OFF ? 0 : explain_member(h, out, size);
}
