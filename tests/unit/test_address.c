/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "test.h"

#include "drivers/address.h"

static void test_addresses(void **unused)
{
	/* Host, port and unit are taken apart; port 502 and the profile's unit are the defaults. */
	(void)unused;
	static const struct {
		const char *text, *host, *port;
		int unit, delay_ms;
	} cases[] = {
		{ "tcp://192.168.1.10:502/1", "192.168.1.10", "502", 1, -1 },
		{ "tcp://meter.local:1502/247", "meter.local", "1502", 247, -1 },
		{ "tcp://meter_1", "meter_1", "502", -1, -1 },
		{ "tcp://10.0.0.1/0", "10.0.0.1", "502", 0, -1 },
		{ "tcp://[fe80::1%eth0]:65535/255", "fe80::1%eth0", "65535", 255, -1 },
		{ "tcp://[::1]/3", "::1", "502", 3, -1 },
		{ "tcp://a/3?request-delay=0", "a", "502", 3, 0 },
		{ "tcp://a?request-delay=250", "a", "502", -1, 250 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct modbus_address a;
		assert_null(modbus_address_parse(cases[i].text, &a));
		assert_string_equal(a.host, cases[i].host);
		assert_string_equal(a.port, cases[i].port);
		assert_int_equal(a.unit, cases[i].unit);
		assert_int_equal(a.request_delay_ms, cases[i].delay_ms);
	}
}

static void test_serial_lines(void **unused)
{
	/* A serial line is its port's path, with a unit behind it and how it is set. */
	(void)unused;
	static const struct {
		const char *text, *path;
		int unit, baud, parity, stop_bits, delay_ms;
	} cases[] = {
		{ "rtu:///dev/ttyUSB0/1", "/dev/ttyUSB0", 1, 9600, 'N', 1, -1 },
		{ "rtu:///dev/pts/3/247?baud=2400", "/dev/pts/3", 247, 2400, 'N', 1, -1 },
		{ "rtu:///dev/serial/by-path/pci-0:1.0-port0/2?parity=E&stop-bits=2",
		  "/dev/serial/by-path/pci-0:1.0-port0", 2, 9600, 'E', 2, -1 },
		{ "rtu:///dev/ttyS0/3?request-delay=50&baud=115200&parity=O", "/dev/ttyS0", 3,
		  115200, 'O', 1, 50 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct modbus_address a;
		assert_null(modbus_address_parse(cases[i].text, &a));
		assert_int_equal(a.line, LINE_SERIAL);
		assert_string_equal(a.host, cases[i].path);
		assert_int_equal(a.unit, cases[i].unit);
		assert_int_equal(a.baud, cases[i].baud);
		assert_int_equal(a.parity, cases[i].parity);
		assert_int_equal(a.stop_bits, cases[i].stop_bits);
		assert_int_equal(a.request_delay_ms, cases[i].delay_ms);
	}
}

static void test_same_line(void **unused)
{
	/* Units share a line when all but the unit is the same; how it is set does not part them.
	 */
	(void)unused;
	struct modbus_address a, b, c, d;
	assert_null(modbus_address_parse("rtu+tcp://10.0.0.1:4196/1", &a));
	assert_int_equal(a.line, LINE_RTU_TCP);
	assert_null(modbus_address_parse("tcp://10.0.0.1:4196/1", &b));
	assert_null(modbus_address_parse("rtu:///dev/ttyUSB0/1", &c));
	assert_null(modbus_address_parse("rtu:///dev/ttyUSB0/2?baud=2400", &d));
	assert_false(modbus_address_same_line(&a, &b));
	assert_true(modbus_address_same_line(&c, &d));
	assert_false(modbus_address_same_settings(&c, &d));
	assert_true(modbus_address_same_settings(&c, &c));
}

static void test_refused(void **unused)
{
	/* What is no address is refused with what is expected, and nothing is filled in. */
	(void)unused;
	static const char *const texts[] = {
		"",
		"tcp://",
		"192.168.1.10:502/1",
		"http://10.0.0.1/1",
		"tcp://:502/1",
		"tcp://a:/1",
		"tcp://a:0/1",
		"tcp://a:65536/1",
		"tcp://a:502/",
		"tcp://a:502/256",
		"tcp://a:502/1/2",
		"tcp://a:502/-1",
		"tcp://a:502/1x",
		"tcp://[::1/1",
		"tcp://a b/1",
		"tcp://a;b/1",
		"tcp://::1/1",
		"tcp://a:000502/1",
		"tcp://a/1?request-delay=5001",
		"tcp://a/1?request-delay=",
		"tcp://a/1?x=1",
		"tcp://a/1?baud=9600",
		"rtu+tcp://a/0",
		"rtu+tcp://a/248",
		"rtu+tcp://a/1?parity=N",
		"rtu://",
		"rtu://dev/ttyUSB0/1",
		"rtu:///1",
		"rtu:///dev/ttyUSB0",
		"rtu:///dev/ttyUSB0/0",
		"rtu:///dev/ttyUSB0/248",
		"rtu:///dev/tty USB0/1",
		"rtu:///dev/ttyUSB0/1?baud=9601",
		"rtu:///dev/ttyUSB0/1?baud=",
		"rtu:///dev/ttyUSB0/1?parity=M",
		"rtu:///dev/ttyUSB0/1?parity=",
		"rtu:///dev/ttyUSB0/1?parity=NE",
		"rtu:///dev/ttyUSB0/1?stop-bits=3",
		"rtu:///dev/ttyUSB0/1?baud=9600?parity=N",
		"rtu:///dev/ttyUSB0/1&baud=9600",
		"rtu:///dev/ttyUSB0/1?",
	};
	char long_one[400];
	snprintf(long_one, sizeof(long_one), "tcp://%0300d/1", 0);
	for (size_t i = 0; i <= sizeof(texts) / sizeof(*texts); i++) {
		struct modbus_address a = { .unit = 42 };
		const char *text = i < sizeof(texts) / sizeof(*texts) ? texts[i] : long_one;
		assert_non_null(modbus_address_parse(text, &a));
		assert_int_equal(a.unit, 42);
		assert_string_equal(a.host, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_serial_lines),
		cmocka_unit_test(test_same_line),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
