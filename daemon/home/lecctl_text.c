/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/lecctl_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/isotime.h"

static const char *const codes[] = {
	[INK_PLAIN] = "\033[0m", [INK_STRONG] = "\033[1m", [INK_FAINT] = "\033[2m",
	[INK_RED] = "\033[31m",  [INK_GREEN] = "\033[32m", [INK_YELLOW] = "\033[33m",
	[INK_BLUE] = "\033[34m", [INK_CYAN] = "\033[36m",
};

/* Characters that are no letters: controls, and what hides or reorders the letters around it. */
static const struct {
	uint32_t first, last;
} unsafe[] = {
	{ 0x00, 0x1f },     { 0x7f, 0x9f },       { 0xad, 0xad },     { 0x061c, 0x061c },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
};

bool page_colour(FILE *stream)
{
	const char *no = getenv("NO_COLOR");
	return !(no && *no) && isatty(fileno(stream));
}

void page_begin(struct page *p, char *buffer, size_t size, int width, bool colour)
{
	*p = (struct page){ .text = buffer, .size = size, .width = width, .colour = colour };
	buffer[0] = '\0';
}

static void append(struct page *p, const char *bytes, size_t length)
{
	if (p->used + length < p->size) {
		memcpy(p->text + p->used, bytes, length);
		p->used += length;
		p->text[p->used] = '\0';
	}
}

/* The bytes of the UTF-8 character at text and its code point, or 0 where there is none. */
static int decode(const char *text, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)text[0];
	int bytes = c < 0x80             ? 1
		    : (c & 0xe0) == 0xc0 ? 2
		    : (c & 0xf0) == 0xe0 ? 3
		    : (c & 0xf8) == 0xf0 ? 4
					 : 0;
	uint32_t code = bytes == 1 ? c : c & (0x7fu >> bytes);
	for (int i = 1; i < bytes; i++) {
		if ((text[i] & 0xc0) != 0x80) {
			return 0;
		}
		code = code << 6 | (text[i] & 0x3f);
	}
	bool real = bytes && code >= least[bytes] && code <= 0x10ffff &&
		    (code < 0xd800 || code > 0xdfff);
	*out = code;
	return real ? bytes : 0;
}

static bool is_safe(uint32_t code)
{
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++) {
		if (code >= unsafe[i].first && code <= unsafe[i].last) {
			return false;
		}
	}
	return true;
}

static void put_clean(struct page *p, const char *text)
{
	while (*text && (!p->width || p->column < p->width)) {
		uint32_t code;
		int bytes = decode(text, &code);
		if (bytes && is_safe(code)) {
			append(p, text, (size_t)bytes);
		} else {
			append(p, "?", 1);
		}
		text += bytes ? bytes : 1;
		p->column++;
	}
}

void page_put(struct page *p, const char *format, ...)
{
	char text[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_clean(p, text);
}

void page_to(struct page *p, int column)
{
	page_put(p, "%*s", p->column < column ? column - p->column : 1, "");
}

void page_ink(struct page *p, enum ink ink)
{
	if (p->colour) {
		append(p, codes[ink], strlen(codes[ink]));
	}
}

void page_end(struct page *p)
{
	append(p, "\n", 1);
	p->column = 0;
}

/* How many bytes of text make a line of at most `room` characters: up to a blank where there is
 * one. */
static int fit(const char *text, int room)
{
	int bytes = 0, blank = 0;
	for (int c = 0; text[bytes]; c++) {
		if (c >= room) {
			return blank ? blank : bytes;
		}
		if (text[bytes] == ' ') {
			blank = bytes;
		}
		do {
			bytes++;
		} while ((text[bytes] & 0xc0) == 0x80);
	}
	return bytes;
}

int page_wrap(struct page *p, int indent, int lines_max, const char *text)
{
	int lines = 0;
	do {
		if (lines > 0) {
			page_put(p, "%*s", indent, "");
		}
		int bytes = fit(text, p->width - p->column);
		lines++;
		if (text[bytes] && lines == lines_max) {
			bytes = fit(text, p->width - p->column - 1);
			page_put(p, "%.*s…", bytes, text);
			bytes = (int)strlen(text);
		} else {
			page_put(p, "%.*s", bytes, text);
		}
		page_end(p);
		text += bytes;
		text += *text == ' ';
	} while (*text && lines < lines_max);
	return lines;
}

void page_bar(struct page *p, double fraction, int cells)
{
	static const char *const part[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
	double bounded = fraction > 0 ? (fraction < 1 ? fraction : 1) : 0;
	int eighths = (int)lround(bounded * cells * 8);
	for (int i = 0; i < cells; i++, eighths -= 8) {
		if (eighths > 0) {
			page_put(p, "%s", part[eighths < 8 ? eighths : 8]);
		} else {
			page_put(p, "·");
		}
	}
}

void page_column(struct page *p, int level)
{
	static const char *const part[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	page_put(p, "%s", part[level < 0 ? 0 : level > 8 ? 8 : level]);
}

void page_power(struct page *p, double w)
{
	if (fabs(w) >= 1e9) {
		page_put(p, "%.3g W", w);
	} else if (fabs(w) >= 999.5) {
		page_put(p, "%.2f kW", w / 1e3);
	} else {
		page_put(p, "%.0f W", w);
	}
}

void page_number(struct page *p, bool known, double value, int decimals, int width)
{
	if (!known) {
		page_put(p, "%*s", width, "-");
	} else if (fabs(value) < 1e9) {
		page_put(p, "%*.*f", width, decimals, value);
	} else {
		page_put(p, "%*.4g", width, value);
	}
}

void page_duration(struct page *p, double seconds)
{
	double s = seconds > 0 ? (seconds < 1e12 ? seconds : 1e12) : 0;
	long long minutes = (long long)(s / 60), hours = minutes / 60;
	if (s < 60) {
		page_put(p, "%.0f s", floor(s));
	} else if (hours < 1) {
		page_put(p, "%lld min", minutes);
	} else if (hours < 24) {
		page_put(p, "%lld h %02lld min", hours, minutes % 60);
	} else {
		page_put(p, "%lld d %lld h", hours / 24, hours % 24);
	}
}

void page_time(struct page *p, int64_t at_s)
{
	char text[ISOTIME_SIZE];
	isotime_format(at_s, text);
	page_put(p, "%.10s %.8s UTC", text, strlen(text) > 19 ? text + 11 : "");
}
