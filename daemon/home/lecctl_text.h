/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A page of text for people, put together in the caller's buffer: words, columns, bars and colour.
 *
 *   struct page p;
 *   page_begin(&p, buffer, sizeof(buffer), 0, page_colour(stdout));
 *   page_put(&p, "load %s", name);
 *   page_to(&p, 20);
 *   page_power(&p, 1234);
 *   page_end(&p);
 *   fputs(p.text, stdout);
 *
 * Whatever is put is cleaned: control characters (escape sequences), characters that turn the
 * direction of writing and what is not UTF-8 become '?'. Only page_ink writes escape codes, so a
 * hostile text never reaches a terminal as more than its letters. A character is taken for one
 * column. What does not fit the buffer is left out. */
#ifndef LECD_HOME_LECCTL_TEXT_H
#define LECD_HOME_LECCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ink { INK_PLAIN, INK_STRONG, INK_FAINT, INK_RED, INK_GREEN, INK_YELLOW, INK_BLUE, INK_CYAN };

struct page {
	char *text; /* ends in NUL */
	size_t size;
	size_t used;
	int width;  /* characters a line may have, the rest is cut off; 0: any */
	int column; /* characters on this line so far */
	bool colour;
};

/* Whether colour may be used on that stream: a terminal, and NO_COLOR is not set. */
bool page_colour(FILE *stream);

void page_begin(struct page *p, char *buffer, size_t size, int width, bool colour);

/* At most 4 kB at once. */
__attribute__((format(printf, 2, 3))) void page_put(struct page *p, const char *format, ...);
/* Blanks up to that column; at least one where the line is there already. */
void page_to(struct page *p, int column);
void page_ink(struct page *p, enum ink ink);
void page_end(struct page *p);

/* A text over at most so many lines, broken between words, each line but the first indented. Ends
 * its last line; returns the number of lines. Of a page with a width. */
int page_wrap(struct page *p, int indent, int lines_max, const char *text);

/* A bar of `cells` characters, filled to fraction (taken into 0..1). */
void page_bar(struct page *p, double fraction, int cells);
/* One of the eight block columns for level 1..8, a blank for 0. */
void page_column(struct page *p, int level);

/* "345 W", "2.34 kW" */
void page_power(struct page *p, double w);
/* A number with so many decimals, right-aligned in `width`; "-" where it is not known. Numbers of
 * absurd size are written short. */
void page_number(struct page *p, bool known, double value, int decimals, int width);
/* "12 s", "3 min", "2 h 05 min", "3 d 4 h" */
void page_duration(struct page *p, double seconds);
/* "2026-06-15 12:34:56 UTC" */
void page_time(struct page *p, int64_t at_s);

#endif
