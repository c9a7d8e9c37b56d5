/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a word between a community's manager and its members: an offer, a request or a
 * reading is refused with a reason and changes nothing, or what comes of it is finite and within
 * what was offered; and an account of the ledger is one or none. The first byte, a digit, says
 * which it is. */
#include <math.h>
#include <stdlib.h>

#include "daemon/home/manager.h"
#include "fuzz.h"

static const int64_t now_s = 1781517600; /* 2026-06-15T10:00:00Z */

static const struct site site = {
	.id = "ems",
	.role = ROLE_COMMUNITY,
	.interval_s = 900,
	.members = 1,
	.member = { { .id = "home-1" } },
	.tariff = { .currency = "EUR", .buy = { .base = 0.3 }, .sell = { .base = 0.1 } },
};

static struct manager manager;

/* A problem of two hours from now on. */
static void set_problem(struct problem *p)
{
	*p = (struct problem){ .steps = 8, .subscribed_w = INFINITY, .time_limit_s = 1 };
	for (int t = 0; t < p->steps; t++) {
		p->step[t] = (struct step){ .start_s = now_s + t * 900,
					    .hours = 0.25,
					    .load_w = 500,
					    .buy = 0.3,
					    .sell = 0.1,
					    .import_limit_w = 9000,
					    .export_limit_w = 9000 };
	}
}

static void hear_offer(const char *text, size_t size)
{
	static struct problem p;
	static struct plan plan;
	char why[160] = "";
	manager = (struct manager){ .site = &site, .rest_known = true };
	if (manager_take(&manager, now_s, "home-1", "flexibility", text, size, why, 128) < 0) {
		assert(*why && manager.member[0].offer.slots == 0);
		return;
	}
	const struct offer *o = &manager.member[0].offer;
	assert(o->slots > 0 && o->slots <= OFFER_SLOTS_MAX && isfinite(o->price + o->worth));
	for (int k = 0; k < o->slots; k++) {
		assert(o->low_w[k] <= o->net_w[k] && o->net_w[k] <= o->high_w[k]);
		assert(isfinite(o->low_w[k]) && isfinite(o->high_w[k]));
		assert(o->up_wh[k] >= 0 && o->down_wh[k] >= 0);
	}
	set_problem(&p);
	manager_foresee(&manager, now_s, &p);
	bool sound = problem_check(&p, why, sizeof(why)) == 0;
	plan = (struct plan){ .status = PLAN_OPTIMAL, .slots = p.steps, .shifts = p.shifts };
	for (int t = 0; t < p.steps; t++) {
		plan.slot[t].step = p.step[t];
		plan.slot[t].shift_w[0] = p.shift[0].less_w[t];
	}
	manager_ask(&manager, now_s, &p, &plan);
	const struct request *r = &manager.member[0].request;
	for (int k = 0; sound && k < r->slots; k++) {
		assert(isfinite(r->net_w[k]) && r->import_w[k] >= 0 && r->export_w[k] >= 0);
	}
}

static void hear_request(const char *text, size_t size)
{
	static struct offer o = { .start_s = 1781517600, .until_s = 1781517600 + 1800, .slots = 8 };
	static struct problem p;
	struct request r = { 0 };
	char why[128] = "";
	for (int k = 0; k < o.slots; k++) {
		o.net_w[k] = 500;
		o.low_w[k] = -1500;
		o.high_w[k] = 2500;
	}
	if (request_take(&r, "home-1", 900, now_s, text, size, why, sizeof(why)) < 0) {
		assert(*why && r.slots == 0);
		return;
	}
	set_problem(&p);
	(void)request_steer(&r, &o, 900, now_s, &p);
	for (int t = 0; t < p.steps; t++) {
		const struct step *s = &p.step[t];
		assert(s->traded_w >= -1500 && s->traded_w <= 2500);
		assert(s->import_limit_w >= 0 && s->import_limit_w <= 9000);
		assert(s->export_limit_w >= 0 && s->export_limit_w <= 9000);
	}
	assert(problem_check(&p, why, sizeof(why)) == 0);
}

static void hear_meter(const char *text, size_t size)
{
	char why[128] = "";
	manager = (struct manager){ .site = &site };
	manager.member[0].online = true;
	if (manager_take(&manager, now_s, "home-1", "meter", text, size, why, sizeof(why)) < 0) {
		assert(*why);
	}
	for (int k = 0; k < 3; k++) {
		(void)manager_settle(&manager, now_s + k * 900);
	}
	const struct sharing_account *a = &manager.member[0].account;
	assert(isfinite(a->paid) && a->saved >= 0 && manager.fund <= 0);
}

static void read_row(const char *text, size_t size)
{
	(void)size;
	manager = (struct manager){ .site = &site };
	if (manager_recall(&manager, now_s - 900, text) == 0) {
		assert(isfinite(manager.fund) && isfinite(manager.member[0].account.saved));
		(void)manager_settle(&manager, now_s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const hear[])(const char *text, size_t size) = { hear_offer, hear_request,
								       hear_meter, read_row };
	char text[16384];
	if (size == 0 || size > sizeof(text)) {
		return 0;
	}
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	hear[(uint8_t)(data[0] - '0') % 4](text, size - 1);
	return 0;
}
