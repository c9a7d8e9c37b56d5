/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a Modbus device is:
 *
 * tcp://192.168.1.10:502/1, tcp://[fe80::1]/3, tcp://meter.local: Modbus TCP
 * rtu+tcp://192.168.1.10:4196/1: a gateway that hands the bytes of its serial line through
 * rtu:///dev/serial/by-id/usb-FTDI_1234-if00-port0/1?baud=9600&parity=N&stop-bits=1: a serial line
 *
 * Any of them may end in ?request-delay=MS, joined to other settings by &. */
#ifndef LECD_DRIVERS_ADDRESS_H
#define LECD_DRIVERS_ADDRESS_H

#include <stdbool.h>

enum modbus_line { LINE_TCP, LINE_RTU_TCP, LINE_SERIAL };

struct modbus_address {
	enum modbus_line line;
	char host[128];       /* name or number, an IPv6 number without brackets; LINE_SERIAL: the
				 path of the port */
	char port[8];         /* "502" unless given; LINE_SERIAL: "" */
	int unit;             /* 0..255, RTU 1..247; -1: not given, the profile's default holds */
	int request_delay_ms; /* -1: not given, the profile's holds */
	/* LINE_SERIAL only; there are always 8 data bits: */
	int baud;
	char parity; /* 'N', 'E', 'O' */
	int stop_bits;
};

/* Parse text into target, a struct modbus_address. Return NULL, or what is expected. Fits struct
 * option's parse. */
const char *modbus_address_parse(const char *text, void *target);

/* Whether both are on one line: one connection and one queue. */
bool modbus_address_same_line(const struct modbus_address *a, const struct modbus_address *b);

/* Whether two addresses on one line also agree on how it is set. */
bool modbus_address_same_settings(const struct modbus_address *a, const struct modbus_address *b);

#endif
