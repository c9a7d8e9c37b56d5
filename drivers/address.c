/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/address.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char expected[] = "an address like tcp://192.168.1.10:502/1, "
			       "rtu+tcp://192.168.1.10:4196/1 or rtu:///dev/ttyUSB0/1?baud=9600";

static const struct {
	const char *scheme;
	enum modbus_line line;
} schemes[] = {
	{ "tcp://", LINE_TCP },
	{ "rtu+tcp://", LINE_RTU_TCP },
	{ "rtu://", LINE_SERIAL },
};

static const int bauds[] = { 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 };

/* A decimal number of at most 6 digits within low..high at the start of text. */
static bool parse_number(const char *text, int low, int high, int *out, const char **rest)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 6) {
		return false;
	}
	int value = (int)strtol(text, NULL, 10);
	if (value < low || value > high) {
		return false;
	}
	*out = value;
	*rest = text + digits;
	return true;
}

static bool parse_host(const char *text, char *host, size_t size, const char **rest)
{
	bool bracket = *text == '[';
	const char *start = bracket ? text + 1 : text;
	size_t length = strcspn(start, bracket ? "]" : ":/?");
	if (length == 0 || length >= size || (bracket && start[length] != ']')) {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)start[i]) &&
		    !strchr(bracket ? ":.%-_" : ".-_", start[i])) {
			return false;
		}
	}
	memcpy(host, start, length);
	host[length] = '\0';
	*rest = start + length + (bracket ? 1 : 0);
	return true;
}

static const char *parse_network(const char *at, struct modbus_address *a, const char **rest)
{
	int low = a->line == LINE_TCP ? 0 : 1, high = a->line == LINE_TCP ? 255 : 247;
	if (!parse_host(at, a->host, sizeof(a->host), &at)) {
		return expected;
	}
	memcpy(a->port, "502", 4);
	if (*at == ':') {
		const char *digits = at + 1;
		int port;
		if (!parse_number(digits, 1, 65535, &port, &at) || at - digits > 5) {
			return "a port from 1 to 65535 behind the host, like "
			       "tcp://192.168.1.10:502/1";
		}
		memcpy(a->port, digits, (size_t)(at - digits));
		a->port[at - digits] = '\0';
	}
	if (*at == '/' && !parse_number(at + 1, low, high, &a->unit, &at)) {
		return a->line == LINE_TCP
			       ? "a unit from 0 to 255 at the end, like tcp://192.168.1.10:502/1"
			       : "a unit from 1 to 247 at the end, like "
				 "rtu+tcp://192.168.1.10:4196/1";
	}
	*rest = at;
	return NULL;
}

/* A port's path, and always a unit: a path may end in a number too. */
static const char *parse_serial(const char *at, struct modbus_address *a, const char **rest)
{
	size_t length = strcspn(at, "?"), path = length;
	while (path > 0 && at[path - 1] != '/') {
		path--;
	}
	if (*at != '/' || path < 3 || path > sizeof(a->host)) {
		return "the port's path and the unit, like rtu:///dev/ttyUSB0/1";
	}
	for (size_t i = 0; i < length; i++) {
		if (!isgraph((unsigned char)at[i])) {
			return "a path without blanks, like rtu:///dev/ttyUSB0/1";
		}
	}
	if (!parse_number(at + path, 1, 247, &a->unit, rest) || *rest != at + length) {
		return "a unit from 1 to 247 behind the port, like rtu:///dev/ttyUSB0/1";
	}
	memcpy(a->host, at, path - 1);
	a->host[path - 1] = '\0';
	a->baud = 9600;
	a->parity = 'N';
	a->stop_bits = 1;
	return NULL;
}

/* --- what may stand behind the question mark ----------------------------------------------------
 */

static const char *set_delay(const char *text, struct modbus_address *a, const char **rest)
{
	return parse_number(text, 0, 5000, &a->request_delay_ms, rest)
		       ? NULL
		       : "a delay from 0 to 5000 ms, like "
			 "tcp://192.168.1.10:502/1?request-delay=100";
}

static const char *set_baud(const char *text, struct modbus_address *a, const char **rest)
{
	int baud = 0;
	(void)parse_number(text, 1, 999999, &baud, rest);
	for (size_t i = 0; i < sizeof(bauds) / sizeof(*bauds); i++) {
		if (baud == bauds[i]) {
			a->baud = baud;
			return NULL;
		}
	}
	return "a baud rate of 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200";
}

static const char *set_parity(const char *text, struct modbus_address *a, const char **rest)
{
	if (*text == '\0' || !strchr("NEO", *text)) {
		return "parity=N, parity=E or parity=O";
	}
	a->parity = *text;
	*rest = text + 1;
	return NULL;
}

static const char *set_stop_bits(const char *text, struct modbus_address *a, const char **rest)
{
	return parse_number(text, 1, 2, &a->stop_bits, rest) ? NULL : "stop-bits=1 or stop-bits=2";
}

static const struct {
	const char *key;
	bool serial; /* of a serial line only */
	const char *(*set)(const char *text, struct modbus_address *a, const char **rest);
} settings[] = {
	{ "request-delay=", false, set_delay },
	{ "baud=", true, set_baud },
	{ "parity=", true, set_parity },
	{ "stop-bits=", true, set_stop_bits },
};

static const char *parse_setting(const char *at, struct modbus_address *a, const char **rest)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		size_t length = strlen(settings[i].key);
		if (strncmp(at, settings[i].key, length) != 0) {
			continue;
		}
		if (settings[i].serial && a->line != LINE_SERIAL) {
			return "no baud, parity or stop-bits: the gateway has its own settings";
		}
		return settings[i].set(at + length, a, rest);
	}
	return a->line == LINE_SERIAL
		       ? "one of baud=, parity=, stop-bits= and request-delay= behind the ?"
		       : expected;
}

const char *modbus_address_parse(const char *text, void *target)
{
	struct modbus_address a = { .unit = -1, .request_delay_ms = -1 };
	const char *at = NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		if (strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) == 0) {
			a.line = schemes[i].line;
			at = text + strlen(schemes[i].scheme);
		}
	}
	if (!at) {
		return expected;
	}
	const char *wrong =
		a.line == LINE_SERIAL ? parse_serial(at, &a, &at) : parse_network(at, &a, &at);
	for (char joint = '?'; !wrong && *at == joint; joint = '&') {
		wrong = parse_setting(at + 1, &a, &at);
	}
	if (wrong || *at) {
		return wrong ? wrong : expected;
	}
	*(struct modbus_address *)target = a;
	return NULL;
}

bool modbus_address_same_line(const struct modbus_address *a, const struct modbus_address *b)
{
	return a->line == b->line && strcmp(a->host, b->host) == 0 && strcmp(a->port, b->port) == 0;
}

bool modbus_address_same_settings(const struct modbus_address *a, const struct modbus_address *b)
{
	return a->baud == b->baud && a->parity == b->parity && a->stop_bits == b->stop_bits;
}
