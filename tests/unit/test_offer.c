/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/home/offer.h"
#include "daemon/home/request.h"
#include "policy/evaluate.h"
#include "tests/unit/houses.h"
#include "tests/unit/optimised.h"

static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */
static const int64_t hour_s = 3600;

static struct site site = {
	.id = "home-1",
	.interval_s = 900,
	.tariff = { .currency = "EUR" },
	.manner = MANNER_FOLLOW,
	.offer_share = 0.8,
};

static struct problem problem;
static struct plan plan;

/* A house with batteries of any kind, a day ahead by quarters of an hour, planned. */
static void random_plan(struct dice *d)
{
	do {
		problem = house_random(d, 96, false);
	} while (problem.batteries == 0);
	problem.objective = OBJECTIVE_COST;
	problem.time_limit_s = 1;
	for (int t = 0; t < problem.steps; t++) {
		problem.step[t].start_s = start_s + t * 900;
		problem.step[t].hours = 0.25;
		problem.step[t].traded_w = 0;
	}
	assert_int_equal(optimiser_solve(optimiser, &problem, &plan), 0);
}

/* A house that does in each slot what it is asked, within what its batteries can: whether it is
 * within a watt. */
static bool can_follow(const float *target_w, int slots)
{
	double stored_wh[BATTERIES_MAX];
	for (int b = 0; b < problem.batteries; b++) {
		stored_wh[b] = problem.battery[b].soc_start * problem.battery[b].capacity_wh;
	}
	for (int t = 0; t < slots; t++) {
		const struct plan_slot *slot = &plan.slot[t];
		double wanted_w = slot->grid_w - (double)target_w[t];
		for (int b = 0; b < problem.batteries; b++) {
			const struct battery_model *m = &problem.battery[b];
			double low_w, high_w, net_w = slot->step.load_w - slot->pv_w;
			battery_power_range(m, net_w, &low_w, &high_w);
			double room_wh = m->soc_max * m->capacity_wh - stored_wh[b];
			double left_wh = stored_wh[b] - m->soc_min * m->capacity_wh;
			high_w = fmin(high_w, fmax(left_wh, 0) * m->discharge_efficiency / 0.25);
			low_w = fmax(low_w, -fmax(room_wh, 0) / m->charge_efficiency / 0.25);
			double w = fmin(fmax(slot->battery_w[b] + wanted_w, low_w), high_w);
			wanted_w -= w - slot->battery_w[b];
			stored_wh[b] -=
				(w > 0 ? w / m->discharge_efficiency : w * m->charge_efficiency) *
				0.25;
		}
		if (fabs(wanted_w) > 1) {
			return false;
		}
	}
	return true;
}

static void test_can_be_kept(void **unused)
{
	/* What a house of one battery offers it can do: asked to take more or less by its whole
	 * room for hours, it has the power and the energy. */
	(void)unused;
	struct dice d = { random_seed() };
	int asked = 0;
	for (int run = 0; run < 60; run++) {
		random_plan(&d);
		if (problem.batteries > 1) {
			problem.batteries = 1;
			assert_int_equal(optimiser_solve(optimiser, &problem, &plan), 0);
		}
		struct battery_model *m = &problem.battery[0];
		if (m->soc_start < m->soc_min || m->soc_start > m->soc_max || !m->grid_charging ||
		    !m->grid_discharging) {
			continue;
		}
		struct offer o;
		offer_make(&site, &problem, &plan, start_s, &o);
		assert_int_equal(o.slots, 96);
		for (double sign = -1; sign <= 1; sign += 2) {
			float target[96];
			int first = (int)dice_between(&d, 0, 80), slots = 96;
			double moved_wh = 0;
			for (int t = 0; t < 96; t++) {
				target[t] = o.net_w[t];
				double room_w = (double)(sign > 0 ? o.high_w[t] - o.net_w[t]
								  : o.net_w[t] - o.low_w[t]);
				double left_wh =
					(double)(sign > 0 ? o.up_wh[t] : o.down_wh[t]) - moved_wh;
				if (left_wh < -1) { /* it has its energy back by its plan then */
					slots = t;
					break;
				}
				if (t >= first) {
					double w = fmax(fmin(room_w, left_wh / 0.25), 0);
					target[t] += (float)(sign * w);
					moved_wh += w * 0.25;
					asked += w > 1;
				}
			}
			assert_true(can_follow(target, slots));
		}
	}
	assert_true(asked > 100);
}

static void test_wire(void **unused)
{
	/* An offer comes through the wire as it was, to a watt, in any house; and with nothing in
	 * it of load, sun or state of charge. */
	(void)unused;
	struct dice d = { random_seed() };
	static struct offer o, back;
	static char text[OFFER_MESSAGE_MAX];
	char why[128];
	for (int run = 0; run < 20; run++) {
		random_plan(&d);
		site.manner = run % 3 ? MANNER_FOLLOW : MANNER_OWN;
		offer_make(&site, &problem, &plan, start_s + 7, &o);
		assert_true(o.follows == (run % 3 != 0));
		int length = offer_json(&o, &site, text, sizeof(text));
		assert_true(length > 0 && length < OFFER_MESSAGE_MAX);
		back = (struct offer){ 0 };
		if (offer_take(&back, "home-1", 900, start_s + 9, text, (size_t)length, why,
			       sizeof(why)) < 0) {
			fail_msg("%s", why);
		}
		assert_true(back.start_s == start_s && back.slots == 96 &&
			    back.follows == o.follows);
		for (int t = 0; t < 96; t++) {
			assert_true(fabsf(back.net_w[t] - o.net_w[t]) <= 0.5F);
			assert_true(fabsf(back.low_w[t] - o.low_w[t]) <= 1);
			assert_true(fabsf(back.high_w[t] - o.high_w[t]) <= 1);
			assert_true(back.low_w[t] <= back.net_w[t]);
			assert_true(back.net_w[t] <= back.high_w[t]);
			assert_true(o.follows || back.low_w[t] == back.high_w[t]);
		}
		for (const char *const *word = (const char *const[]){ "load", "pv", "soc", "batter",
								      "capacity", NULL };
		     *word; word++) {
			assert_null(strstr(text, *word));
		}
		assert_true(offer_counts(&back, start_s + 1799));
		assert_false(offer_counts(&back, start_s + 1800));
	}
	site.manner = MANNER_FOLLOW;
}

static struct offer simple_offer(void)
{
	struct offer o = { .start_s = start_s, .until_s = start_s + hour_s, .slots = 4 };
	for (int t = 0; t < 4; t++) {
		o.net_w[t] = 1000;
		o.low_w[t] = -500;
		o.high_w[t] = 2500;
	}
	return o;
}

static struct request simple_request(void)
{
	struct request r = { .issued_s = start_s,
			     .until_s = start_s + 1800,
			     .start_s = start_s,
			     .revision = 3,
			     .slots = 4,
			     .saved = 1.25 };
	for (int t = 0; t < 4; t++) {
		r.net_w[t] = (float)(t * 1000);
		r.import_w[t] = t == 1 ? 700 : INFINITY;
		r.export_w[t] = INFINITY;
	}
	return r;
}

static void test_bounded(void **unused)
{
	/* However mad a request, what comes of it lies within what was offered, and a limit is
	 * never wider than the connection's; after its time nothing comes of it. */
	(void)unused;
	uint64_t seed = random_seed();
	static struct problem p;
	const struct offer o = simple_offer();
	for (int run = 0; run < 500; run++) {
		struct request r = simple_request();
		for (int t = 0; t < 4; t++) {
			r.net_w[t] = (float)random_between(&seed, -1e6, 1e6);
			r.import_w[t] = (float)random_between(&seed, 0, run % 2 ? 1e6 : 10);
			r.export_w[t] = (float)random_between(&seed, 0, run % 3 ? 1e6 : 10);
		}
		p = (struct problem){ .steps = 6 };
		for (int t = 0; t < 6; t++) {
			p.step[t] = (struct step){ .start_s = start_s + t * 900,
						   .hours = 0.25,
						   .import_limit_w = 3000,
						   .export_limit_w = 400 };
		}
		assert_int_equal(request_steer(&r, &o, 900, start_s + 5, &p), 4);
		for (int t = 0; t < 6; t++) {
			const struct step *s = &p.step[t];
			assert_true(s->traded_w >= (t < 4 ? -500 : 0) &&
				    s->traded_w <= (t < 4 ? 2500 : 0));
			assert_true(s->import_limit_w >= 0 && s->import_limit_w <= 3000);
			assert_true(s->export_limit_w >= 0 && s->export_limit_w <= 400);
		}
		assert_int_equal(request_steer(&r, &o, 900, r.until_s, &p), 0);
	}
}

static void test_request_wire(void **unused)
{
	/* A request comes through the wire as it was; what is wrong in it, old or for another home
	 * is refused with a reason and changes nothing. */
	(void)unused;
	static char text[OFFER_MESSAGE_MAX];
	char why[128];
	struct request r = simple_request(), back = { 0 };
	int length = request_json(&r, "home-1", 900, "EUR", text, sizeof(text));
	assert_true(length > 0);
	assert_int_equal(request_take(&back, "home-1", 900, start_s + 1, text, (size_t)length, why,
				      sizeof(why)),
			 0);
	assert_true(back.revision == 3 && back.slots == 4 && back.net_w[3] == 3000 &&
		    back.import_w[1] == 700 && isinf(back.import_w[0]) && back.saved == 1.25);
	const struct request before = back;
	assert_int_equal(request_take(&back, "home-2", 900, start_s + 1, text, (size_t)length, why,
				      sizeof(why)),
			 -EPERM);
	assert_int_equal(request_take(&back, "home-1", 300, start_s + 1, text, (size_t)length, why,
				      sizeof(why)),
			 -ERANGE);
	static const struct {
		const char *from, *to, *why;
	} bad[] = {
		{ "\"v\":1", "\"v\":2", "v:" },
		{ "2026-06-01T00:30:00Z", "2026-06-09T00:30:00Z", "until: expected" },
		{ "2026-06-01T00:30:00Z", "2026-05-01T00:30:00Z", "until: expected" },
		{ "\"issued\":\"2026-06-01T00:00", "\"issued\":\"2026-06-01T09:00",
		  "issued: expected" },
		{ "\"issued\":\"2026-06-01T00:00", "\"issued\":\"2026-05-31T23:59",
		  "issued: expected" },
		{ "\"start\":\"2026-06-01T00:00", "\"start\":\"2026-06-01T00:07",
		  "start: expected" },
		{ "[0,1000,2000,3000]", "[0,1000,2000]", "import_limit_w: expected as many" },
		{ "[0,1000,2000,3000]", "[0,1000,2000,null]", "net_w: element 3" },
		{ "[0,1000,2000,3000]", "[0,1000,2000,1e300]", "net_w: element 3" },
		{ "[0,1000,2000,3000]", "[]", "net_w: expected as many" },
		{ "[null,700,null,null]", "[null,-1,null,null]", "import_limit_w: element 1" },
		{ "\"revision\":3", "\"revision\":0", "revision:" },
		{ "\"saved\":1.25", "\"saved\":\"much\"", "saved:" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char other[OFFER_MESSAGE_MAX];
		const char *at = strstr(text, bad[i].from);
		assert_non_null(at);
		int n = snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - text), text,
				 bad[i].to, at + strlen(bad[i].from));
		int e = request_take(&back, "home-1", 900, start_s + 1, other, (size_t)n, why,
				     sizeof(why));
		if (e >= 0 || !strstr(why, bad[i].why)) {
			fail_msg("case %zu: %d, %s", i, e, why);
		}
		assert_memory_equal(&back, &before, sizeof(back));
	}
}

static void test_offer_refused(void **unused)
{
	/* An offer whose bounds do not enclose its plan, or that is another's, changes nothing. */
	(void)unused;
	static char text[OFFER_MESSAGE_MAX];
	char why[128];
	struct offer o = simple_offer(), held = { 0 };
	o.follows = true;
	o.issued_s = start_s;
	o.low_w[2] = 1500;
	int length = offer_json(&o, &site, text, sizeof(text));
	assert_int_equal(
		offer_take(&held, "home-1", 900, start_s, text, (size_t)length, why, sizeof(why)),
		-ERANGE);
	assert_string_equal(why, "low_w, high_w: expected them around net_w, element 2");
	assert_int_equal(
		offer_take(&held, "home-9", 900, start_s, text, (size_t)length, why, sizeof(why)),
		-EPERM);
	assert_int_equal(held.slots, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_can_be_kept),   cmocka_unit_test(test_wire),
		cmocka_unit_test(test_bounded),       cmocka_unit_test(test_request_wire),
		cmocka_unit_test(test_offer_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
