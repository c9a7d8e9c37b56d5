/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lecctl_documents.h"

#include "daemon/base/isotime.h"
#include "daemon/base/scale.h"
#include "daemon/home/lecctl_picture.h"
#include "daemon/home/lecctl_show.h"

static char buffer[65536];

/* The page of a document. */
static const char *shown(void (*show)(struct page *p, const struct json_value *root),
			 const char *document)
{
	struct json_in in;
	struct page page;
	assert_int_equal(json_parse_long(&in, document, strlen(document)), 0);
	page_begin(&page, buffer, sizeof(buffer), 0, false);
	show(&page, in.root);
	json_free(&in);
	return buffer;
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("no \"%s\" in:\n%s", part, text);
	}
}

static void status_tells_the_house(void **state)
{
	/* The status page has a line for each part, powers with their direction in words. */
	(void)state;
	const char *text = shown(show_status, status_document);
	assert_says(text, "home-1 in fjord\n");
	assert_says(text, "2026-06-16 09:07:55 UTC, lecd 0.1.0 up for 3 h 12 min\n");
	assert_says(text,
		    "grid        exports 3.90 kW; the meter counts 0.9 kWh in, 1.4 kWh out\n");
	assert_says(text, "main: 63.4 % full, charges 1.20 kW; told to charge 1.25 kW\n");
	assert_says(text, "changed what was decided: ramp, soc-max\n");
	assert_says(text, "optimal (lp), made 3 min ago in 5.1 ms; energy for -0.64 EUR\n");
	assert_says(text, "sold 0.500 kWh at 0.1000; 2 messages refused, last: too deep\n");
	assert_says(text,
		    "its manager is there; asked for -300 W, by itself it would take 2.50 kW; "
		    "saved 0.42 EUR\n");
	assert_says(text, "away (Connection refused); 1 connects");
	assert_says(text, "1773 cycles, 19 overruns; 1791 us jitter p99, 4989 max");
}

static void status_tells_a_manager(void **state)
{
	/* A manager says how many it can ask, for what, and how fair that was. */
	(void)state;
	const char *text =
		shown(show_status, "{\"manager\":{\"members\":5,\"asked\":3,\"asked_w\":-1730,"
				   "\"saved\":1.195,\"saved_jain\":0.98,\"currency\":\"EUR\"}}");
	assert_says(text, "community   3 of 5 members can be asked, now to take 1.73 kW less; they "
			  "saved 1.20 EUR, spread by 0.98 (Jain)\n");
	assert_says(shown(show_status, "{}"), "community   none\n");
}

static void unknown_is_never_a_number(void **state)
{
	/* A null reading is told as unknown with its quality, an empty document as unknown. */
	(void)state;
	const char *text =
		shown(show_status, "{\"grid_w\":null,\"quality\":{\"grid_w\":\"stale\"},"
				   "\"batteries\":[{\"name\":\"b\",\"battery_soc\":null,"
				   "\"battery_soc_quality\":\"never-seen\",\"battery_w\":null}]}");
	assert_says(text, "grid        unknown (stale)\n");
	assert_says(text, "house       unknown (not told)\n");
	assert_says(text, "b: charge unknown (never-seen), unknown (not told); released");
	assert_says(text, "buy unknown, sell unknown");
	assert_null(strstr(text, " 0 W"));
}

static void devices_are_tables(void **state)
{
	/* Each device tells its link, whether it is up and why not, and its readings' quality. */
	(void)state;
	const char *text = shown(show_devices, devices_document);
	assert_says(text, "meter grid  tcp://10.0.0.1:502/1  eastron-sdm630  up, answered 0.5 s");
	assert_says(text, "  grid_w                         -3900.400 W    good\n");
	assert_says(text, "  grid_v                                 - V    stale\n");
	assert_says(text, "link: 60 requests, 59 answers, 1 timeouts, 0 exceptions");
	assert_says(text, "latency 1.250 ms");
	assert_says(text, "pv roof  tcp://10.0.0.2:502/1  generic-pv  down, never answered\n"
			  "  why: no answer\n"
			  "  flash: 12 writes today, at most 20\n");
}

static void a_plan_is_a_table_with_a_total(void **state)
{
	/* One line a slot, and the energies of the whole plan under them. */
	(void)state;
	const char *text = shown(show_plan, plan_document);
	assert_says(text, "2026-06-16 09:00     1000    3000   -2000   0.2000   0.0500          0"
			  "    50.0   0.1000\n");
	assert_says(text, "in all: 3 h; load 5.0, sun 3.0, import 1.0, export 2.0 kWh; energy "
			  "-0.64, with wear, peak and what is left 1.25 EUR (optimal)\n");
	assert_says(shown(show_plan, "{\"v\":1,\"slots\":[]}"), "no plan yet");
}

static void each_asset_has_its_columns(void **state)
{
	/* Cars, loads and heat stand behind the batteries, each with its name, numbers in place. */
	(void)state;
	const char *text = shown(
		show_plan,
		"{\"assets\":[{\"kind\":\"battery\",\"name\":\"b\"},{\"kind\":\"ev\",\"name\":"
		"\"car\"},"
		"{\"kind\":\"load\",\"name\":\"wash\"},{\"kind\":\"load\",\"name\":\"pool\"},"
		"{\"kind\":\"tank\",\"name\":\"water\"},{\"kind\":\"heat-pump\",\"name\":\"rooms\"}"
		"],"
		"\"slots\":[{\"start\":\"2026-06-16T09:00:00Z\",\"hours\":1,\"battery_w\":[1],"
		"\"soc\":[0.5],\"value\":[0.1],\"ev_w\":[-7000],\"ev_soc\":[0.812],\"run_w\":[11,"
		"22],"
		"\"heat_w\":[33,44],\"heat_c\":[51.5,20.25]}]}");
	assert_says(text, "worth       car W  full %      wash W      pool W     water W   degC"
			  "     rooms W   degC\n");
	assert_says(text, "0.1000       -7000    81.2          11          22          33   51.5"
			  "          44   20.");
}

static void show_picture(struct page *p, const struct json_value *root)
{
	struct json_in explain, plan;
	assert_int_equal(json_parse(&explain, explain_document, strlen(explain_document)), 0);
	assert_int_equal(json_parse(&plan, plan_document, strlen(plan_document)), 0);
	struct picture picture = { .status = root, .explain = explain.root, .plan = plan.root };
	p->width = PICTURE_WIDTH;
	picture_draw(p, &picture);
	json_free(&explain);
	json_free(&plan);
}

static void show_chart(struct page *p, const struct json_value *root)
{
	int64_t now_s = 0;
	assert_int_equal(isotime_parse("2026-06-16T09:00:00Z", &now_s), 0);
	p->width = PICTURE_WIDTH;
	chart_draw(p, root, now_s);
}

static void the_picture_shows_flows(void **state)
{
	/* Bars fill in proportion to the scale above them, each with number and direction. */
	(void)state;
	const char *text = shown(show_picture, status_document);
	int lines;
	assert_true(widest(text, &lines) <= PICTURE_WIDTH);
	assert_int_equal(lines, 24);
	assert_says(text, "                   0                                5.00 kW\n");
	assert_says(text, "battery   1.20 kW  █████████▋······························  charging");
	assert_says(text, "grid      3.90 kW  ███████████████████████████████▎········  exporting");
	assert_says(text, "charge     63.4 %  █████████████████████████▍··············  main");
	assert_says(text, "auto, optimiser decides     broker away\n");
	assert_says(text, "market: bid for 09:15, 3 orders\n");
	assert_says(text,
		    "why      the optimiser's plan decides, corrected for the measured load (mode"
		    "\n           auto)\n         battery main: charge 1200 W\n");
}

static void the_chart_shows_the_plan(void **state)
{
	/* A column is a quarter of an hour of a plan of three hours; what is not planned is a dot.
	 */
	(void)state;
	const char *text = shown(show_chart, plan_document);
	assert_says(text, "a column is a quarter of an hour; price of buying in EUR/kWh\n");
	assert_says(text, "0-100 %   ████▄▄▄▄▄▄▄▄·");
	assert_says(text, "0-5 kW    ████        ·");
	assert_says(text, "0-2 kW    ████████████·");
	assert_says(text, "0.20-0.40 ▁▁▁▁████████·");
	assert_says(text, "hour UTC  └09 └10 └11 └12");
}

static void a_column_is_the_mean_of_its_slots(void **state)
{
	/* Slots shorter than a column count by the time they share with it. */
	(void)state;
	const char *text =
		shown(show_chart, "{\"slots\":[{\"start\":\"2026-06-16T09:00:00Z\",\"hours\":"
				  "0.1667,\"pv_w\":0},{\"start\":\"2026-06-16T09:10:00Z\","
				  "\"hours\":0.08333,\"pv_w\":1500}]}");
	assert_says(text, "0-0.5 kW  █·");
	assert_says(text, "unknown   ··");
}

static void nothing_spoilt_breaks_a_page(void **state)
{
	/* With any one member of another type, absurd or hostile, each page is clean and the
	 * picture within 80 columns. */
	(void)state;
	static const struct {
		void (*show)(struct page *p, const struct json_value *root);
		const char *document;
		bool picture;
	} pages[] = {
		{ show_status, status_document, false },
		{ show_explain, explain_document, false },
		{ show_devices, devices_document, false },
		{ show_plan, plan_document, false },
		{ show_picture, status_document, true },
		{ show_chart, plan_document, true },
		{ picture_line, status_document, false },
	};
	static char spoilt[8192];
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		int members = 0;
		for (int v = 0; v < SPOILT_VALUES; v++) {
			for (int n = 0;
			     spoil(pages[i].document, n, spoilt_values[v], spoilt, sizeof(spoilt));
			     n++, members++) {
				int lines;
				const char *text = shown(pages[i].show, spoilt);
				assert_clean(text);
				assert_true(!pages[i].picture ||
					    widest(text, &lines) <= PICTURE_WIDTH);
			}
		}
		assert_true(members > 0);
	}
}

static void the_scale_only_grows(void **state)
{
	/* The bars' scale is 1, 2 or 5 times a power of ten, above what flows, and never shrinks.
	 */
	(void)state;
	assert_true(scale_round_up(0, 500) == 500);
	assert_true(scale_round_up(1001, 1000) == 2000);
	assert_true(scale_round_up(5e6, 1) == 5e6);
	struct json_in in;
	struct page page;
	const char *small = "{\"grid_w\":300,\"quality\":{\"grid_w\":\"good\"}}";
	struct picture picture = { .scale_w = 5000 };
	assert_int_equal(json_parse(&in, small, strlen(small)), 0);
	picture.status = in.root;
	page_begin(&page, buffer, sizeof(buffer), PICTURE_WIDTH, false);
	picture_draw(&page, &picture);
	assert_true(picture.scale_w == 5000);
	json_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_tells_the_house),
		cmocka_unit_test(status_tells_a_manager),
		cmocka_unit_test(unknown_is_never_a_number),
		cmocka_unit_test(devices_are_tables),
		cmocka_unit_test(a_plan_is_a_table_with_a_total),
		cmocka_unit_test(each_asset_has_its_columns),
		cmocka_unit_test(the_picture_shows_flows),
		cmocka_unit_test(the_chart_shows_the_plan),
		cmocka_unit_test(a_column_is_the_mean_of_its_slots),
		cmocka_unit_test(nothing_spoilt_breaks_a_page),
		cmocka_unit_test(the_scale_only_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
