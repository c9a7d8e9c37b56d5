/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of an OpenDSS script: `name = value` or a value alone, apart by blanks and commas; a
 * value may stand in any of () [] {} "" and ''. ! and // begin a comment. */
#ifndef LECD_GRID_OPENDSS_WORDS_H
#define LECD_GRID_OPENDSS_WORDS_H

#include <stdio.h>

enum { OPENDSS_NAME_SIZE = 64, OPENDSS_LINE_SIZE = 65536 };

struct opendss_words {
	const char *at;
	char name[OPENDSS_NAME_SIZE]; /* in small letters; "" where there is none */
	char *value;                  /* without what encloses it; room for a whole line */
};

/* Begin with text, which must stay; value is the caller's, OPENDSS_LINE_SIZE of them. */
void opendss_words_begin(struct opendss_words *w, const char *text, char *value);

/* The next word. Returns 1, 0 at the end; -EINVAL: an end is missing of what is enclosed, a value
 * behind the =, or the name is too long. */
int opendss_words_next(struct opendss_words *w);

/* Letters A to Z become small ones: OpenDSS tells no names apart by them. */
void opendss_lower(char *text);

#endif
