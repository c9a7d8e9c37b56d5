/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole control cycle in simulated time, on simulated devices. */
#include <math.h>
#include <poll.h>
#include <string.h>

#include "allocations.h"
#include "onnx_file.h"
#include "rig.h"

/* --- days and clocks ----------------------------------------------------------------------------
 */

enum { BIDS_MAX = 1000 };

/* Every bid that went out: which interval, which revision. */
static struct {
	int count;
	int64_t start_s[BIDS_MAX];
	int revision[BIDS_MAX];
} bids;

static void note_bid(void)
{
	const struct market *m = &rig.home.market;
	int last = bids.count - 1;
	bool same = last >= 0 && bids.start_s[last] == m->bid_start_s &&
		    bids.revision[last] == m->revision;
	if (m->bid_start_s && !same) {
		assert_true(bids.count < BIDS_MAX);
		bids.start_s[bids.count] = m->bid_start_s;
		bids.revision[bids.count++] = m->revision;
		assert_true(m->bid_start_s % 900 == 0);
		assert_true(clock_wall_s(&rig.clock) - 1 < m->bid_start_s - 120);
	}
}

/* How often an interval was bid for with its first revision; revisions only grow. */
static int first_bids(int64_t start_s)
{
	int firsts = 0, highest = 0;
	for (int i = 0; i < bids.count; i++) {
		if (bids.start_s[i] == start_s) {
			assert_true(bids.revision[i] > highest);
			highest = bids.revision[i];
			firsts += highest == 1;
		}
	}
	return firsts;
}

/* A plan as it should be: quarters without a gap, each at the price of its local time. */
static void check_plan(const struct plan *p)
{
	int64_t at_s = p->slot[0].step.start_s;
	for (int i = 0; i < p->slots; i++) {
		const struct step *step = &p->slot[i].step;
		assert_true(step->start_s == at_s);
		int64_t length_s = (int64_t)lround(step->hours * 3600);
		at_s += length_s;
		assert_true(at_s % 900 == 0);
		double most = tariff_mean(&rig.site.tariff.buy, step->start_s, length_s);
		assert_true(fabs(step->buy - most) < 0.04 * most); /* what is far is discounted */
	}
	assert_true(p->slots >= 143 && p->slots <= 144);
}

/* Live a local day from its midnight on and count what was planned, metered and bid for. */
static void live_day(int64_t midnight_s, int quarters)
{
	int plans = 0, readings = 0;
	uint64_t id = 0;
	int64_t metered_s = 0;
	bids.count = 0;
	rig_open(text_head, midnight_s - 3600, true);
	while (clock_wall_s(&rig.clock) < midnight_s + quarters * 900 + 30) {
		turn();
		note_bid();
		int64_t wall_s = rig.home.state.wall_s;
		bool today = wall_s >= midnight_s && wall_s < midnight_s + quarters * 900;
		if (rig.home.plan.id != id && today) {
			check_plan(&rig.home.plan);
			plans++;
		}
		id = rig.home.plan.id;
		if (rig.home.market.metered_start_s != metered_s) {
			metered_s = rig.home.market.metered_start_s;
			readings +=
				metered_s >= midnight_s && metered_s < midnight_s + quarters * 900;
		}
	}
	rig_close();
	assert_int_equal(plans, quarters);
	assert_int_equal(readings, quarters);
	int bid_for = 0;
	for (int q = 0; q < quarters; q++) {
		assert_in_range(first_bids(midnight_s + q * 900), 0, 1);
		bid_for += first_bids(midnight_s + q * 900);
	}
	/* Where the house covers itself there is nothing to trade. */
	print_message("%d of %d quarters bid for\n", bid_for, quarters);
	assert_in_range(bid_for, quarters / 3, quarters);
}

static void test_short_day(void **unused)
{
	/* A day of 23 hours has 92 quarters: each planned at its local prices, metered and bid for
	 * once. */
	(void)unused;
	live_day(1774738800, 92); /* 2026-03-29 in Oslo begins at 23:00 UTC */
}

static void test_long_day(void **unused)
{
	/* A day of 25 hours has 100 quarters, the repeated hour's among them. */
	(void)unused;
	live_day(1792879200, 100); /* 2026-10-25 in Oslo begins at 22:00 UTC */
}

static void test_clock_steps(void **unused)
{
	/* The wall clock steps an hour on and back: no interval is bid for twice, and the batteries
	 * are steered all the time. */
	(void)unused;
	static const int hours[] = { 1, -1, -1, 1, 1, 1, -1, -1, -1 };
	const int64_t start_s = 1780272000;
	bids.count = 0;
	rig_open(text_head, start_s, true);
	for (int t = 0; t < 10; t++) {
		turn();
		note_bid();
	}
	for (size_t i = 0; i < sizeof(hours) / sizeof(*hours); i++) {
		clock_step_wall(&rig.clock, hours[i] * INT64_C(3600000000));
		for (int t = 0; t < 3000; t++) {
			turn();
			note_bid();
			/* Until there is a plan for the new time the rules help out. */
			assert_int_equal(rig.home.decision.by, t == 0 && hours[i] < 0
								       ? DECIDER_RULES
								       : DECIDER_OPTIMISER);
			assert_false(rig.home.action.release[0]);
			assert_false(rig.home.action.reasons & (REASON_FROZEN | REASON_RELEASED));
		}
	}
	assert_true(bids.count > 10);
	for (int i = 0; i < bids.count; i++) {
		assert_int_equal(first_bids(bids.start_s[i]), 1);
		assert_true(i == 0 || bids.start_s[i] >= bids.start_s[i - 1]);
	}
	rig_close();
}

/* --- faults -------------------------------------------------------------------------------------
 */

static const struct reading *reading_of(const struct simulated *device)
{
	const struct state *s = &rig.home.state;
	return device == &rig.devices.simulated_meter        ? &s->grid_w
	       : device == &rig.devices.simulated_pv[0]      ? &s->pv_w
	       : device == &rig.devices.simulated_battery[0] ? &s->battery[0].soc
							     : &s->battery[1].soc;
}

/* Whether battery b is to be given up when the device fails: by its own, or by the meter's. */
static bool depends(const struct simulated *device, int b)
{
	return device == &rig.devices.simulated_meter ||
	       device == &rig.devices.simulated_battery[b];
}

/* Break a device, see the house get safe, mend it, see the house recover. */
static void break_and_mend(struct simulated *device, enum simulated_fault fault)
{
	const struct action *a = &rig.home.action;
	turns(30);
	assert_true(reading_good(reading_of(device)));
	simulated_set_fault(device, fault);
	for (int t = 1; t <= 40; t++) {
		turn();
		bool bad = !reading_good(reading_of(device));
		assert_true(fault == SIMULATED_SILENT ? bad == (t >= 3) : bad);
		for (int b = 0; b < 2; b++) {
			assert_true(!a->release[b] || depends(device, b));
			assert_true(a->release[b] || !depends(device, b) || t < 15);
			assert_int_equal(!reading_good(&rig.home.state.battery[b].soc),
					 bad && device == &rig.devices.simulated_battery[b]);
		}
	}
	simulated_set_fault(device, SIMULATED_HEALTHY);
	turns(10);
	assert_true(reading_good(reading_of(device)));
	assert_true(!a->release[0] && !a->release[1]);
	assert_int_equal(rig.home.decision.by, DECIDER_OPTIMISER);
}

static void test_faults(void **unused)
{
	/* A device silent, empty-headed or talking nonsense: known at once or within two polls, its
	 * batteries let go within 15 s, everything back within 10 s, the others untouched. */
	(void)unused;
	static const enum simulated_fault faults[] = { SIMULATED_SILENT, SIMULATED_SENTINEL,
						       SIMULATED_OUT_OF_RANGE };
	rig_open_two(1780272000 + 8 * 3600);
	struct simulated *devices[] = { &rig.devices.simulated_meter, &rig.devices.simulated_pv[0],
					&rig.devices.simulated_battery[0],
					&rig.devices.simulated_battery[1] };
	for (int d = 0; d < 4; d++) {
		for (int f = 0; f < 3; f++) {
			break_and_mend(devices[d], faults[f]);
		}
	}
	rig_close();
}

static void test_liars(void **unused)
{
	/* Devices that repeat themselves or ignore what they are told cannot bring a battery out of
	 * its limits. */
	(void)unused;
	static const enum simulated_fault faults[] = { SIMULATED_FROZEN, SIMULATED_IGNORES_WRITES };
	for (int f = 0; f < 2; f++) {
		rig_open_two(1780272000 + 16 * 3600);
		turns(60);
		simulated_set_fault(f ? &rig.devices.simulated_battery[0]
				      : &rig.devices.simulated_meter,
				    faults[f]);
		for (int t = 0; t < 4 * 3600; t++) {
			turn();
			assert_true(fabs(rig.home.action.battery_w[0]) <= 4000);
			assert_true(fabs(rig.home.action.battery_w[1]) <= 2000);
			/* What it loses by itself beyond that is not commanded. */
			assert_true(plant_soc(&rig.devices.plant, 0) > 0.095);
			assert_true(plant_soc(&rig.devices.plant, 1) > 0.095);
			assert_true(plant_soc(&rig.devices.plant, 0) < 0.955);
		}
		rig_close();
	}
}

/* --- limits -------------------------------------------------------------------------------------
 */

static void test_limits(void **unused)
{
	/* Neither import nor export stays beyond the connection's limit for longer than seeing,
	 * telling and moving take, while battery and PV can help. */
	(void)unused;
	char text[2048];
	snprintf(text, sizeof(text), "%s[grid]\nimport-limit = 2.5 kW\nexport-limit = 1.5 kW\n",
		 text_head);
	rig_open(text, 1780272000, true);
	const struct plant *p = &rig.devices.plant;
	int over_s = 0, worst_s = 0, busy = 0;
	uint32_t reasons = 0;
	for (int t = 0; t < 2 * 86400; t++) {
		turn();
		double soc = plant_soc(p, 0);
		bool can = p->grid_w > 0 ? soc > 0.12 && p->battery[0].w < 3900 : true;
		bool over = p->grid_w > 2500 + 60 || p->grid_w < -1500 - 60;
		over_s = over && can ? over_s + 1 : 0;
		worst_s = over_s > worst_s ? over_s : worst_s;
		busy += (rig.home.action.reasons & (REASON_IMPORT_LIMIT | REASON_CURTAILED)) != 0;
		reasons |= rig.home.action.reasons;
	}
	rig_close();
	print_message("beyond the limit for at most %d s, busy for %d s\n", worst_s, busy);
	assert_true(busy > 600);
	assert_true((reasons & REASON_IMPORT_LIMIT) && (reasons & REASON_CURTAILED));
	assert_in_range(worst_s, 1, 6);
}

static void test_operator(void **unused)
{
	/* An award's grid limit is obeyed from its interval's first cycle to its last. */
	(void)unused;
	const int64_t start_s = 1780272000 + 2 * 3600;
	rig_open(text_head, start_s, true);
	turns(60);
	struct mqtt_message m = { 0 };
	snprintf(m.topic, sizeof(m.topic), "lec/home/home/home-1/award");
	m.length = (size_t)snprintf(m.payload, sizeof(m.payload),
				    "{\"v\":1,\"home\":\"home-1\",\"interval\":"
				    "\"2026-06-01T02:15:00Z\",\"import_limit_w\":100}");
	home_message(&rig.home, &m, clock_wall_s(&rig.clock));
	assert_int_equal(rig.home.refusals.count, 0);
	for (int t = 60; t < 2100; t++) {
		turn();
		bool holds = t >= 900 && t < 1800;
		bool obeys = (rig.home.action.reasons & REASON_GRID_OPERATOR) != 0;
		assert_true(holds || !obeys);
		double grid_w = rig.home.state.net_w.value - rig.home.action.battery_w[0];
		assert_true(!holds || grid_w < 100.001 || rig.home.action.battery_w[0] > 3999);
	}
	rig_close();
}

static void hear(const char *leaf, const char *payload)
{
	struct mqtt_message m = { 0 };
	snprintf(m.topic, sizeof(m.topic), "lec/home/home/home-1/%s", leaf);
	m.length = (size_t)snprintf(m.payload, sizeof(m.payload), "%s", payload);
	home_message(&rig.home, &m, clock_wall_s(&rig.clock));
}

static void test_standing(void **unused)
{
	/* The operator's standing limit is obeyed from the next cycle on, whatever is wanted; once
	 * its time is over the cautious one holds, until the operator is back. */
	(void)unused;
	const int64_t start_s = 1780272000 + 2 * 3600;
	rig_open(text_head, start_s, true);
	turns(60);
	hear("limit", "{\"v\":1,\"home\":\"home-1\",\"issued\":\"2026-06-01T02:00:00Z\","
		      "\"until\":\"2026-06-01T02:10:00Z\",\"import_limit_w\":300,"
		      "\"then_import_limit_w\":100,\"then_export_limit_w\":0}");
	assert_int_equal(rig.home.refusals.count, 0);
	for (int t = 60; t < 1200; t++) {
		home_set_mode(&rig.home, t < 400 ? MODE_AUTO : MODE_SELF);
		turn();
		double limit_w = t < 600 ? 300 : 100;
		double grid_w = rig.home.state.net_w.value - rig.home.action.battery_w[0];
		assert_true(grid_w < limit_w + 0.001 || rig.home.action.battery_w[0] > 3999);
		assert_true(rig.home.guard.order_import_w == limit_w);
		assert_true(rig.home.guard.order_export_w == (t < 600 ? INFINITY : 0));
	}
	/* An older word changes nothing, a newer one holds at once, beside an award's. */
	hear("limit", "{\"v\":1,\"home\":\"home-1\",\"issued\":\"2026-06-01T01:59:00Z\","
		      "\"until\":\"2026-06-01T03:00:00Z\"}");
	assert_int_equal(rig.home.refusals.count, 1);
	hear("limit", "{\"v\":1,\"home\":\"home-1\",\"issued\":\"2026-06-01T02:20:00Z\","
		      "\"until\":\"2026-06-01T03:00:00Z\",\"import_limit_w\":5000}");
	hear("award", "{\"v\":1,\"home\":\"home-1\",\"interval\":\"2026-06-01T02:15:00Z\","
		      "\"export_limit_w\":700}");
	turn();
	assert_true(rig.home.guard.order_import_w == 5000);
	assert_true(rig.home.guard.order_export_w == 700);
	rig_close();
}

/* --- memory -------------------------------------------------------------------------------------
 */

/* The planner's answer is on its way in real time: let it arrive. */
static void await_plan(void)
{
	struct pollfd fd = { .fd = rig.home.planner.fd, .events = POLLIN };
	if (rig.home.planner.busy) {
		assert_int_equal(poll(&fd, 1, 60000), 1);
	}
}

static void test_no_allocation(void **unused)
{
	/* Two days of cycles allocate nothing and free nothing, a learned policy asked in them. */
	(void)unused;
	if (SANITIZED || is_watched()) {
		print_message("skipped: somebody else watches the memory\n");
		skip();
	}
	uint64_t before = allocations;
	void *volatile taken = malloc(1); /* not to be optimised away */
	free(taken);
	assert_true(allocations >= before + 2); /* we do count */
	char model[64], meaning[64], text[3072];
	static struct layer layer = { .in = SEEN, .out = 1, .bias = { 0.1F } };
	write_temporary("", model);
	write_temporary(text_meaning, meaning);
	onnx_write(model, &layer, 1);
	snprintf(text, sizeof(text),
		 "%s[control]\ndecide = policy\n[policy]\nactor = %s\nmeaning = %s\n", text_head,
		 model, meaning);
	rig_open(text, 1780272000, false);
	unlink(model);
	unlink(meaning);
	uint64_t plans = 0, by_policy = 0, id = 0, in_cycles = 0;
	for (int t = 0; t < 2 * 86400; t++) {
		await_plan();
		before = allocations;
		turn();
		in_cycles += allocations - before;
		by_policy += rig.home.decision.by == DECIDER_POLICY;
		plans += rig.home.plan.id != id;
		id = rig.home.plan.id;
		planner_maintain(&rig.home.planner);
	}
	rig_close();
	assert_true(plans >= 2 * 96 && by_policy > 3600);
	assert_int_equal(in_cycles, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--planner") == 0) {
		return planner_serve(3);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_day),     cmocka_unit_test(test_long_day),
		cmocka_unit_test(test_clock_steps),   cmocka_unit_test(test_faults),
		cmocka_unit_test(test_liars),         cmocka_unit_test(test_limits),
		cmocka_unit_test(test_operator),      cmocka_unit_test(test_standing),
		cmocka_unit_test(test_no_allocation),
	};
	return cmocka_run_group_tests_name("cycle", tests, NULL, NULL);
}
