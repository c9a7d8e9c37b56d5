/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/json.h"
#include "daemon/base/tariff.h"
#include "daemon/home/plan_explain.h"
#include "daemon/home/plan_json.h"

enum { SLOTS = 4 };
static const int64_t start_s = 1780264800; /* 2026-06-01T00:00 in Oslo */

static struct site site;
static struct problem problem;
static struct plan plan;

/* Four hours, cheap and dear in turn, with one asset of each kind, all at rest. */
static void rest(void)
{
	static const double buy[SLOTS] = { 0.10, 0.30, 0.10, 0.30 };
	memset(&site, 0, sizeof(site));
	memset(&problem, 0, sizeof(problem));
	memset(&plan, 0, sizeof(plan));
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	strcpy(site.timezone, "Europe/Oslo");
	strcpy(site.tariff.currency, "EUR");
	strcpy(site.battery[0].link.name, "main");
	strcpy(site.ev[0].link.name, "car");
	strcpy(site.load[0].link.name, "wash");
	strcpy(site.thermal[0].link.name, "water");
	problem.steps = plan.slots = SLOTS;
	problem.batteries = problem.evs = problem.loads = problem.thermals = 1;
	problem.subscribed_w = INFINITY;
	problem.battery[0] = (struct battery_model){ .capacity_wh = 1e4,
						     .charge_limit_w = 5e3,
						     .discharge_limit_w = 5e3,
						     .charge_efficiency = 1,
						     .discharge_efficiency = 1,
						     .soc_min = 0.1,
						     .soc_max = 0.9,
						     .soc_start = 0.5,
						     .grid_charging = true,
						     .grid_discharging = true };
	problem.ev[0] = (struct ev_model){ .capacity_wh = 4e4,
					   .charge_limit_w = 7e3,
					   .soc_max = 1,
					   .soc_target = 0.8,
					   .unmet_price = 2,
					   .connected = { true, true, false, false } };
	problem.load[0] = (struct load_model){
		.power_w = 2e3, .unmet_price = 3, .runs = 1, .run = { { 1, 4, 1 } }
	};
	problem.thermal[0].discomfort = 4;
	for (int t = 0; t < SLOTS; t++) {
		struct plan_slot *s = &plan.slot[t];
		s->step = (struct step){ .start_s = start_s + t * 3600,
					 .hours = 1,
					 .load_w = 500,
					 .buy = buy[t],
					 .sell = 0.05,
					 .import_limit_w = 8e3,
					 .export_limit_w = 4e3 };
		problem.step[t] = s->step;
		problem.thermal[0].low_c[t] = 45;
		problem.thermal[0].high_c[t] = 60;
		s->grid_w = 500;
		s->soc[0] = 0.5;
		s->value[0] = 0.2;
		s->ev_soc[0] = 0.8;
		s->run_w[0] = t == 2 ? 2e3 : 0;
		s->heat_c[0] = 50;
	}
}

static void expect(int t, bool gives, const char *words)
{
	char text[PLAN_LINE_MAX];
	bool said = plan_explain(&site, &problem, &plan, t, text, sizeof(text));
	if (said != gives || !strstr(text, words)) {
		fail_msg("slot %d: expected \"%s\" (%d), was told (%d):\n%s", t, words, gives, said,
			 text);
	}
}

static void test_rest(void **unused)
{
	/* A slot begins with its local time and what it imports at what price. */
	(void)unused;
	rest();
	expect(0, false, "2026-06-01 00:00  imports 0.50 kW at 0.100; main rests (stored energy");
	expect(1, false, "2026-06-01 01:00  imports 0.50 kW at 0.300");
	expect(0, false, "; car waits; water is left at 50.0 degC");
	expect(1, false, "; car waits, leaves with 80 %, its target;");
}

static void test_connection(void **unused)
{
	/* What binds at the connection is said, and what it costs. */
	(void)unused;
	rest();
	plan.slot[0].grid_w = 8e3;
	expect(0, false, "imports 8.00 kW at 0.100, the import limit binds;");
	plan.slot[0].grid_w = 9e3;
	expect(0, true, "1.00 kW beyond the import limit: it cannot be kept");
	plan.slot[0].grid_w = -4e3;
	expect(0, false, "exports 4.00 kW at 0.050, the export limit binds;");
	plan.slot[0].grid_w = 0;
	plan.slot[0].step.export_limit_w = 0;
	expect(0, false, "no exchange; main");
	plan.slot[0].grid_w = 6e3;
	problem.subscribed_w = 6e3;
	problem.overuse_price = 0.25;
	expect(0, false, "held at the subscribed power: beyond it 0.250 more");
	plan.slot[0].grid_w = 7e3;
	plan.slot[0].peak_price = 1.5;
	expect(0, false,
	       "above the subscribed power: 0.250 more for each kWh, sets the peak: a "
	       "kWh more would cost 1.500 on top");
	plan.slot[0].step.pv_w = 3e3;
	plan.slot[0].pv_w = 1e3;
	expect(0, false, "; sun limited from 3.00 to 1.00 kW");
}

static void test_battery(void **unused)
{
	/* A battery's ground is what its energy is worth; its limits and band bind at a worth. */
	(void)unused;
	rest();
	plan.slot[0].battery_w[0] = -5e3;
	plan.slot[0].grid_w = 5500;
	plan.slot[0].soc[0] = 0.9;
	expect(0, false,
	       "main charges 5.00 kW (stored energy worth 0.200 > import price 0.100: "
	       "charging from the grid), at its charge limit (a kWh more: 0.100), full "
	       "at 90 %");
	plan.slot[1].battery_w[0] = 500;
	plan.slot[1].grid_w = 0;
	plan.slot[1].soc[0] = 0.1;
	expect(1, false,
	       "main discharges 0.50 kW (stored energy worth 0.200 < import price 0.300:");
	expect(1, false, ", empty at 10 %");
	site.battery[0].reserve = 0.1;
	expect(1, false, ", down to its reserve of 10 %");
}

static void test_departure(void **unused)
{
	/* A car says what its price is beside the rest of its stay, and what it leaves without. */
	(void)unused;
	rest();
	plan.slot[0].ev_w[0] = -7e3;
	plan.slot[0].grid_w = 7500;
	plan.slot[1].ev_soc[0] = 0.75;
	expect(0, false,
	       "car charges 7.00 kW at 0.100, 0.100 below the mean while connected, at "
	       "its limit");
	expect(1, true, "leaves with 75 %, 2.00 kWh short of its target: counts 4.00");
	plan.slot[1].ev_w[0] = 3e3;
	expect(1, true, "car gives 3.00 kW at 0.300");
	plan.slot[1].ev_soc[0] = 1;
	expect(1, false, "leaves with 100 %;");
	char text[PLAN_LINE_MAX];
	(void)plan_explain(&site, &problem, &plan, 2, text, sizeof(text));
	assert_null(strstr(text, "car"));
}

static void test_run_and_heat(void **unused)
{
	/* A run says how its time compares with its window; what falls short says what it counts.
	 */
	(void)unused;
	rest();
	expect(2, false, "; wash starts at 0.100, 0.133 below the mean of its window");
	plan.slot[3].run_w[0] = 2e3;
	expect(3, false, "; wash runs at 0.300, 0.067 above the mean of its window");
	plan.slot[3].run_w[0] = 0;
	plan.slot[2].run_w[0] = 1e3;
	expect(3, true, "; wash 1.00 kWh short at its window's end: counts 3.00");
	plan.slot[0].heat_w[0] = 1500;
	plan.slot[0].heat_c[0] = 60;
	expect(0, false, "water heats with 1.50 kW to 60.0 degC, the highest it may have");
	plan.slot[0].heat_c[0] = 45;
	expect(0, false, "to 45.0 degC, the lowest it may have");
	plan.slot[0].heat_c[0] = 43;
	expect(0, true, "to 43.0 degC, 2.0 K out of its band: counts 8.00");
}

static void test_short(void **unused)
{
	/* However little room there is, a line ends in it. */
	(void)unused;
	rest();
	char text[PLAN_LINE_MAX];
	for (int size = 1; size < 200; size++) {
		memset(text, 'x', sizeof(text));
		(void)plan_explain(&site, &problem, &plan, 0, text, size);
		assert_true(strlen(text) < (size_t)size && text[size] == 'x');
	}
}

static void test_documents(void **unused)
{
	/* The plan's document holds every asset in every slot, and the lines one more than slots.
	 */
	(void)unused;
	static char text[65536];
	struct json_out o;
	struct json_in in;
	rest();
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	plan_json_put(&site, &problem, &plan, 3, &o);
	plan_explain_put(&site, &problem, &plan, &o);
	json_close(&o);
	int length = json_finish(&o);
	assert_true(length > 0);
	assert_int_equal(json_parse_long(&in, text, (size_t)length), 0);
	assert_int_equal(json_items(json_member(in.root, "assets")), 4);
	assert_int_equal(json_items(json_member(in.root, "lines")), SLOTS + 1);
	const struct json_value *slots = json_member(in.root, "slots");
	assert_int_equal(json_items(slots), 3);
	static const char *const keys[] = { "battery_w", "soc",          "value",      "ev_w",
					    "ev_soc",    "ev_connected", "run_w",      "heat_w",
					    "heat_c",    "heat_low_c",   "heat_high_c" };
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		assert_int_equal(json_items(json_member(json_item(slots, 2), keys[k])), 1);
	}
	json_free(&in);
}

/* The first line of a plan with that gap. */
static void head_of(double gap, char *text, size_t size)
{
	struct json_out o;
	rest();
	plan.gap = gap;
	json_begin(&o, text, size);
	json_open_object(&o, NULL);
	plan_explain_put(&site, &problem, &plan, &o);
	json_close(&o);
	assert_true(json_finish(&o) > 0);
	plan.gap = 0;
}

static void test_gap(void **unused)
{
	/* What is proven of a plan is said, and that nothing is. */
	(void)unused;
	static char text[65536];
	head_of(0.004, text, sizeof(text));
	assert_non_null(strstr(text, "at most 0.4 % above the best"));
	head_of(INFINITY, text, sizeof(text));
	assert_non_null(strstr(text, "how far from the best is not known"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rest),         cmocka_unit_test(test_connection),
		cmocka_unit_test(test_battery),      cmocka_unit_test(test_departure),
		cmocka_unit_test(test_run_and_heat), cmocka_unit_test(test_short),
		cmocka_unit_test(test_documents),    cmocka_unit_test(test_gap),
	};
	return cmocka_run_group_tests_name("plan_explain", tests, NULL, NULL);
}
