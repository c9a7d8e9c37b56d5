/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <string.h>
#include <unistd.h>

#include "sim/house.h"
#include "sim/steer.h"

static struct house house;
static struct journal journal;
static char said[4096];

static int read_text(const char *text)
{
	char path[64];
	write_temporary(text, path);
	memset(said, 0, sizeof(said));
	struct diag d = { .to = fmemopen(said, sizeof(said), "w") };
	int r = house_read(&house, path, "etc/profiles", &d);
	fclose(d.to);
	unlink(path);
	return r;
}

static const char PLANT[] = "[plant]\nlatitude = 50 deg\nlongitude = 10 deg\n";

static void example_is_complete(void **state)
{
	/* The example of a house has a meter, a roof and a battery, all on Modbus. */
	(void)state;
	struct diag d = { .to = stderr };
	assert_int_equal(house_read(&house, "etc/examples/plant.conf", "etc/profiles", &d), 0);
	assert_int_equal(house.devices, 3);
	struct house_device *main_battery = house_device(&house, "main");
	assert_non_null(main_battery);
	assert_true(main_battery->served && main_battery->listen.unit == 2);
	assert_true(house.conf.battery[0].capacity_wh == 13500);
	assert_true(house.conf.pv[0].rating_w == 5000);
	assert_true(house.conf.battery[0].own_default == PLANT_IDLE);
	assert_null(house_device(&house, "none"));
	house_free(&house);
}

static void devices_need_not_listen(void **state)
{
	/* A device without an address is physics only; a rating left out is the peak. */
	(void)state;
	char text[512];
	snprintf(text, sizeof(text),
		 "%s[pv a]\npeak = 3 kW\n[battery b]\ncapacity = 5 kWh\ncharge-limit = 2 kW\n"
		 "discharge-limit = 2 kW\ndefault = self-consumption\n",
		 PLANT);
	assert_int_equal(read_text(text), 0);
	assert_int_equal(house.devices, 2);
	assert_false(house.device[0].served);
	assert_true(house.conf.pv[0].rating_w == 3000);
	assert_int_equal(house.conf.battery[0].own_default, PLANT_SELF_CONSUMPTION);
	house_free(&house);
}

static void errors_name_line_and_expectation(void **state)
{
	/* Each broken file is refused at the right line, with what is expected. */
	(void)state;
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "[pv a]\npeak = 3 kW\n", "no [plant], expected" },
		{ "[plant]\nlatitude = 95 deg\nlongitude = 0 deg\n", ":2: latitude" },
		{ "[plant]\nlatitude = 50\nlongitude = 0 deg\n", ":2: latitude" },
		{ "[plant]\nlatitude = 50 deg\n", ":1: [plant] has no longitude" },
		{ "[plant]\nlatitude = 50 deg\nlongitude = 1 deg\ntimezone = Oslo\n",
		  ":4: timezone" },
		{ "[plant]\nlatitude = 50 deg\nlongitude = 1 deg\nseries = /none.csv\n",
		  "/none.csv" },
		{ "+[roof a]\n", ":4: " },
		{ "+[pv a]\npeak = 0 W\n", ":5: peak" },
		{ "+[pv a]\npeak = 1 kW\n[battery a]\ncapacity = 1 kWh\ncharge-limit = 1 kW\n"
		  "discharge-limit = 1 kW\n",
		  ":6: [battery a], expected a name of its own" },
		{ "+[pv a b]\npeak = 1 kW\n", ":4: [pv a b], expected a name of its own" },
		{ "+[pv]\npeak = 1 kW\n", ":4: [pv ], expected a name of its own" },
		{ "+[meter a]\n[meter b]\n[meter c]\n[meter d]\n[meter e]\n[meter f]\n"
		  "[meter g]\n[meter h]\n[meter i]\n",
		  ":12: one [meter] too many, expected at most 8" },
		{ "+[meter a]\nlisten = tcp://127.0.0.1:0/1\n", ":5: a listens without a profile" },
		{ "+[meter a]\nlisten = tcp://127.0.0.1:0/1\nprofile = ../x\n", ":6: profile" },
		{ "+[meter a]\nlisten = tcp://127.0.0.1:0/1\nprofile = none\n",
		  ":6: profile none cannot be used" },
		{ "+[meter a]\nlisten = tcp://127.0.0.1:0/1\nprofile = generic-pv\n",
		  ":6: profile generic-pv is of a pv, expected one of a meter" },
		{ "+[meter a]\nlisten = tcp://0.0.0.0:0/1\nprofile = eastron-sdm630\n",
		  ":5: a listens on 0.0.0.0, expected a loopback address" },
		{ "+[meter a]\nlisten = tcp://127.0.0.1:0/250\nprofile = eastron-sdm630\n",
		  ":5: unit 250, expected 1 to 247" },
		{ "+[meter a]\nlisten = serial\nprofile = eastron-sdm630\n", ":5: listen" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[512];
		bool whole = bad[i].text[0] == '+';
		snprintf(text, sizeof(text), "%s%s", whole ? PLANT : "", bad[i].text + whole);
		int r = read_text(text);
		house_free(&house);
		if (r == 0 || !strstr(said, bad[i].says)) {
			fail_msg("%s\nsaid: %s\nwanted: %s", text, said, bad[i].says);
		}
	}
}

static void errors_come_all_at_once(void **state)
{
	/* Three mistakes in three sections are three lines. */
	(void)state;
	assert_true(read_text("[plant]\nlatitude = 50 m\nlongitude = 1 deg\n[pv a]\npeak = x\n"
			      "[meter m]\ncolour = red\n") < 0);
	house_free(&house);
	assert_non_null(strstr(said, ":2: "));
	assert_non_null(strstr(said, ":5: "));
	assert_non_null(strstr(said, ":7: "));
}

static const char *say(const char *line)
{
	static char answer[256];
	char copy[256];
	snprintf(copy, sizeof(copy), "%s", line);
	(void)steer(&house, &journal, copy, answer, sizeof(answer));
	return answer;
}

static void lines_steer(void **state)
{
	/* Lines switch faults on and off and read the truth; anything else is an error. */
	(void)state;
	struct diag d = { .to = stderr };
	assert_int_equal(house_read(&house, "etc/examples/plant.conf", "etc/profiles", &d), 0);
	struct faults *f = &house_device(&house, "main")->face.faults;
	assert_string_equal(say("fault main silence"), "ok fault main");
	assert_string_equal(say("  fault main   delay=20 \r"), "ok fault main");
	assert_true(f->on[FAULT_SILENCE] && f->value[FAULT_DELAY] == 20);
	assert_string_equal(say("heal main"), "ok heal main");
	assert_false(f->on[FAULT_SILENCE] || f->on[FAULT_DELAY]);
	assert_string_equal(say("read main battery_soc"), "ok 0.5");
	assert_string_equal(say("load -2500"), "ok load -2500");
	plant_start(&house.plant, 0, 1780272000);
	plant_advance(&house.plant, 1000000);
	assert_string_equal(say("read house load_w"), "ok -2500");
	static const char *const bad[] = { "",
					   "load",
					   "load nan",
					   "load 1e99",
					   "load 5 W",
					   "fault",
					   "fault main",
					   "fault nobody silence",
					   "fault main what",
					   "heal x",
					   "read main pv_w",
					   "read house soc",
					   "a b c d e f g" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(strncmp(say(bad[i]), "error: expected ", 16), 0);
	}
	char quit[] = "quit", answer[64];
	assert_true(steer(&house, &journal, quit, answer, sizeof(answer)));
	assert_null(steer_fault(&house, &journal, "main:silence"));
	assert_non_null(steer_fault(&house, &journal, "main"));
	assert_non_null(steer_fault(&house, &journal, ":silence"));
	house_free(&house);
}

static void input_comes_in_lines(void **state)
{
	/* Lines are put together from pieces; one that is too long comes out empty, the next is
	 * fine. */
	(void)state;
	int fd[2];
	struct steer_input in = { 0 };
	char line[sizeof(in.text)], big[700];
	assert_int_equal(pipe(fd), 0);
	memset(big, 'x', sizeof(big));
	big[699] = '\n';
	assert_int_equal(write(fd[1], "he", 2), 2);
	assert_int_equal(steer_receive(&in, fd[0]), 1);
	assert_false(steer_next(&in, line));
	assert_int_equal(write(fd[1], "llo\n", 4), 4);
	assert_int_equal(steer_receive(&in, fd[0]), 1);
	assert_true(steer_next(&in, line));
	assert_string_equal(line, "hello");
	assert_int_equal(write(fd[1], big, sizeof(big)), sizeof(big));
	assert_int_equal(write(fd[1], "bye\n", 4), 4);
	close(fd[1]);
	int lines = 0;
	while (steer_receive(&in, fd[0]) == 1) {
		while (steer_next(&in, line)) {
			assert_string_equal(line, lines++ ? "bye" : "");
		}
	}
	assert_int_equal(lines, 2);
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_is_complete),
		cmocka_unit_test(devices_need_not_listen),
		cmocka_unit_test(errors_name_line_and_expectation),
		cmocka_unit_test(errors_come_all_at_once),
		cmocka_unit_test(lines_steer),
		cmocka_unit_test(input_comes_in_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
