/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/json_out.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_begin(struct json_out *o, char *buffer, size_t size)
{
	assert(size > 0);
	*o = (struct json_out){ .buffer = buffer, .size = size, .empty = true };
	buffer[0] = '\0';
}

static void write_bytes(struct json_out *o, const char *bytes, size_t length)
{
	if (o->overflow || length >= o->size - o->length) {
		o->overflow = true;
		return;
	}
	memcpy(o->buffer + o->length, bytes, length);
	o->length += length;
	o->buffer[o->length] = '\0';
}

static void write_text(struct json_out *o, const char *text)
{
	write_bytes(o, text, strlen(text));
}

/* The length of the UTF-8 sequence at s, or 0 where it is none: overlong forms, surrogates and
 * what lies beyond U+10FFFF count as none. s ends in NUL, which stops every look ahead. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t length;
	} forms[] = {
		{ 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
		{ 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 },
		{ 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
		{ 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
	};
	if (s[0] < 0x80) {
		return 1;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] >= forms[i].first_min && s[0] <= forms[i].first_max) {
			size_t n = 1;
			if (s[1] >= forms[i].second_min && s[1] <= forms[i].second_max) {
				n = 2;
				while (n < forms[i].length && (s[n] & 0xC0) == 0x80) {
					n++;
				}
			}
			return n == forms[i].length ? n : 0;
		}
	}
	return 0;
}

static void write_quoted(struct json_out *o, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	write_text(o, "\"");
	while (*s && !o->overflow) {
		size_t length = utf8_length(s);
		if (length == 0) {
			write_text(o, "\\ufffd");
			length = 1;
		} else if (*s == '"' || *s == '\\') {
			write_bytes(o, (const char[]){ '\\', (char)*s }, 2);
		} else if (*s < 0x20 || *s == 0x7F) {
			char escape[8];
			snprintf(escape, sizeof(escape), "\\u%04x", *s);
			write_text(o, escape);
		} else {
			write_bytes(o, (const char *)s, length);
		}
		s += length;
	}
	write_text(o, "\"");
}

/* What comes before a value: the comma, and the key in an object. */
static void write_lead(struct json_out *o, const char *key)
{
	assert(o->depth == 0 || (key != NULL) == (o->closer[o->depth - 1] == '}'));
	if (!o->empty) {
		write_text(o, ",");
	}
	o->empty = false;
	if (key) {
		write_quoted(o, key);
		write_text(o, ":");
	}
}

static void open_nested(struct json_out *o, const char *key, const char *opener, char closer)
{
	assert(o->depth < JSON_DEPTH_MAX);
	write_lead(o, key);
	write_text(o, opener);
	o->closer[o->depth++] = closer;
	o->empty = true;
}

void json_open_object(struct json_out *o, const char *key)
{
	open_nested(o, key, "{", '}');
}

void json_open_array(struct json_out *o, const char *key)
{
	open_nested(o, key, "[", ']');
}

void json_close(struct json_out *o)
{
	assert(o->depth > 0);
	write_bytes(o, &o->closer[--o->depth], 1);
	o->empty = false;
}

void json_put_number(struct json_out *o, const char *key, double value, int decimals)
{
	assert(decimals >= 0 && decimals <= 9);
	if (!isfinite(value)) {
		json_put_null(o, key);
		return;
	}
	char text[40];
	if (fabs(value) >= 1e15) {
		snprintf(text, sizeof(text), "%.16e", value);
	} else {
		snprintf(text, sizeof(text), "%.*f", decimals, value);
		size_t end = strlen(text);
		while (decimals > 0 && text[end - 1] == '0') {
			text[--end] = '\0';
		}
		if (text[end - 1] == '.') {
			text[--end] = '\0';
		}
	}
	write_lead(o, key);
	write_text(o, strcmp(text, "-0") == 0 ? "0" : text);
}

void json_put_exact(struct json_out *o, const char *key, double value)
{
	char text[40];
	if (!isfinite(value)) {
		json_put_null(o, key);
		return;
	}
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value) {
		snprintf(text, sizeof(text), "%.17g", value);
	}
	write_lead(o, key);
	write_text(o, text);
}

void json_put_millionths(struct json_out *o, const char *key, int64_t value)
{
	enum { MILLION = 1000000 };
	char text[32];
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	int n = snprintf(text, sizeof(text), "%s%" PRIu64 ".%06" PRIu64, value < 0 ? "-" : "",
			 size / MILLION, size % MILLION);
	while (text[n - 1] == '0') {
		text[--n] = '\0';
	}
	if (text[n - 1] == '.') {
		text[--n] = '\0';
	}
	json_put_raw(o, key, text);
}

void json_put_integer(struct json_out *o, const char *key, int64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRId64, value);
	json_put_raw(o, key, text);
}

void json_put_flag(struct json_out *o, const char *key, bool value)
{
	json_put_raw(o, key, value ? "true" : "false");
}

void json_put_null(struct json_out *o, const char *key)
{
	json_put_raw(o, key, "null");
}

void json_put_text(struct json_out *o, const char *key, const char *text)
{
	if (!text) {
		json_put_null(o, key);
		return;
	}
	write_lead(o, key);
	write_quoted(o, text);
}

void json_put_raw(struct json_out *o, const char *key, const char *json)
{
	write_lead(o, key);
	write_text(o, json);
}

int json_finish(struct json_out *o)
{
	assert(o->depth == 0);
	if (o->overflow) {
		o->buffer[0] = '\0';
		return -ENOBUFS;
	}
	return (int)o->length;
}
