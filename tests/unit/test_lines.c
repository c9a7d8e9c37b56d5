/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "daemon/home/devices.h"
#include "drivers/profile.h"

#define SITE                                                                                       \
	"[site]\nid = home-1\nprofiles = etc/profiles\n[control]\ncycle = %s\n[tariff]\n"          \
	"buy = 0.30 EUR/kWh\n[meter grid]\ndriver = modbus\naddress = %s\nprofile = %s\n%s"
#define BATTERY                                                                                    \
	"[battery main]\ncapacity = 10 kWh\ncharge-limit = %s\ndischarge-limit = %s\n"             \
	"driver = modbus\naddress = %s\nprofile = %s\n"

static struct site site;
static struct devices devices;

/* Open a site's devices, nothing of which is there. Returns the errors; *said is the caller's. */
static int open_site(const char *text, char **said)
{
	char path[64];
	size_t size;
	struct clock clock;
	struct diag d = { .to = open_memstream(said, &size) };
	clock_init_real(&clock);
	write_temporary(text, path);
	assert_int_equal(site_read(path, &site, &d), 0);
	if (devices_open(&devices, &site, &clock, false, NULL, &d) == 0) {
		devices_close(&devices);
	}
	assert_int_equal(fclose(d.to), 0);
	assert_int_equal(remove(path), 0);
	return d.errors;
}

static void check(const char *text, const char *words)
{
	char *said = NULL;
	int errors = open_site(text, &said);
	if (errors != (words != NULL) || (words && !strstr(said, words))) {
		fail_msg("expected %s, was told: %s", words ? words : "nothing", said);
	}
	free(said);
}

static const char *meter(const char *cycle, const char *address, const char *profile,
			 const char *more)
{
	static char text[2000];
	snprintf(text, sizeof(text), SITE, cycle, address, profile, more);
	return text;
}

static const char *battery(const char *limit, const char *address, const char *profile)
{
	static char text[1000];
	snprintf(text, sizeof(text), BATTERY, limit, limit, address, profile);
	return text;
}

static void test_busy_lines(void **unused)
{
	/* A line that its polls would fill is refused, and told what would help. */
	(void)unused;
	const char *sdm = "eastron-sdm630", *own = "generic-battery";
	check(meter("1 s", "rtu:///dev/none/1", sdm, ""), NULL);
	check(meter("0.5 s", "rtu:///dev/none/1", sdm, ""), "a higher baud rate");
	check(meter("0.5 s", "rtu:///dev/none/1?request-delay=5", sdm, ""), NULL);
	check(meter("1 s", "tcp://127.0.0.1/1", sdm, ""), NULL);
	check(meter("1 s", "tcp://127.0.0.1/1", sdm, battery("5 kW", "tcp://127.0.0.1/2", own)),
	      NULL);
	check(meter("0.8 s", "tcp://127.0.0.1/1", sdm, battery("5 kW", "tcp://127.0.0.1/2", own)),
	      "127.0.0.1:502 would keep it busy for 79 % of each cycle: 6 requests with 100 ms");
	check(meter("0.8 s", "tcp://127.0.0.1/1", sdm, battery("5 kW", "tcp://127.0.0.2/2", own)),
	      NULL);
	check(meter("1 s", "rtu:///dev/none/1?baud=2400", "eastron-sdm72", ""), "181 %");
}

static void test_share(void **unused)
{
	/* The share is that of the bytes, the turn-around and the silence at the line's speed. */
	(void)unused;
	struct profile p = { .blocks = 2,
			     .request_delay_us = 100000,
			     .block = { { .count = 2 }, { .count = 10 } } };
	struct load l = { 0 };
	struct modbus_address a;
	assert_null(modbus_address_parse("rtu:///dev/none/1?baud=9600", &a));
	load_add(&l, &p, &a); /* 17 and 33 bytes of 10 bits, 2 x 20 ms, 2 x 100 ms */
	assert_true(fabs(load_share(&l, 1) - (0.24 + 50 * 10 / 9600.0)) < 1e-5);
	assert_true(fabs(load_share(&l, 2) - load_share(&l, 1) / 2) < 1e-9);
	l = (struct load){ 0 };
	assert_null(modbus_address_parse("tcp://127.0.0.1/1?request-delay=0", &a));
	load_add(&l, &p, &a);
	assert_true(fabs(load_share(&l, 1) - 0.01) < 1e-9);
}

static void test_settings(void **unused)
{
	/* One port is not set in two ways. */
	(void)unused;
	const char *own = "generic-battery";
	check(meter("1 s", "rtu:///dev/none/1?baud=9600", "carlo-gavazzi-em340",
		    battery("5 kW", "rtu:///dev/none/2?baud=19200", own)),
	      "/dev/none is set otherwise for the device of line 8");
}

static void test_reading_only(void **unused)
{
	/* A battery that can only be read is not planned with. */
	(void)unused;
	const char *at = "tcp://127.0.0.1:1502/1", *sdm = "eastron-sdm630";
	check(meter("1 s", "tcp://127.0.0.1/1", sdm, battery("5 kW", at, "victron-gx")),
	      "expected charge-limit = 0 W and discharge-limit = 0 W");
	check(meter("1 s", "tcp://127.0.0.1/1", sdm, battery("0 W", at, "victron-gx")), NULL);
	check(meter("1 s", "tcp://127.0.0.1/1", sdm,
		    "[pv roof]\npeak = 5 kW\ncurtailable = yes\ndriver = modbus\n"
		    "address = tcp://127.0.0.1:1502/1\nprofile = generic-pv\n"),
	      NULL);
}

static void test_rating(void **unused)
{
	/* A profile that tells shares of a rating needs the rating at the site. */
	(void)unused;
	static const char profile[] =
		"[profile]\nname = x\nkind = battery\nsource = x\nliveness = B\nrevert = 60 s\n"
		"[bus]\nfunction = input\n"
		"[point battery_w]\nregister = 0\ntype = s32\nmin = -9 kW\nmax = 9 kW\n"
		"[point battery_setpoint_w]\nregister = 100\ntype = s16\nof-rating = yes\n"
		"scale = 0.01\nmin = -100 %\nmax = 100 %\nstep = 1 %\n";
	char folder[] = "/tmp/lecd-test-XXXXXX", path[64], text[1000];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/shares.conf", folder);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(profile, file);
	assert_int_equal(fclose(file), 0);
	for (int rated = 0; rated < 2; rated++) {
		snprintf(text, sizeof(text),
			 "[site]\nid = home-1\nprofiles = %s\n[tariff]\nbuy = 0.30 EUR/kWh\n"
			 "[battery main]\ncapacity = 10 kWh\ncharge-limit = 5 kW\n"
			 "discharge-limit = 5 kW\ndriver = modbus\naddress = tcp://127.0.0.1/1\n"
			 "profile = shares\n%s",
			 folder, rated ? "rating = 8 kW\n" : "");
		check(text, rated ? NULL
				  : ":6: profile \"shares\" tells shares of a rating, "
				    "expected rating = its power here");
	}
	assert_int_equal(remove(path), 0);
	assert_int_equal(remove(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busy_lines), cmocka_unit_test(test_share),
		cmocka_unit_test(test_settings),   cmocka_unit_test(test_reading_only),
		cmocka_unit_test(test_rating),
	};
	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
