/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ISO 8601 times to and from UTC seconds since 1970. No locale, no time zone database. */
#ifndef LECD_BASE_ISOTIME_H
#define LECD_BASE_ISOTIME_H

#include <stdint.h>

enum { ISOTIME_SIZE = 32 }; /* room for any time isotime_format writes, with its end */

/* Parse "2026-03-29T01:15:00Z" into *out. A space may stand for the T, seconds may be left out, no
 * zone means UTC, and an offset as in +01:00 is taken off. Return 0, or -EINVAL: not such a time,
 * or no such day. Years 1970 to 2199. */
int isotime_parse(const char *text, int64_t *out);

/* Write at_s as "2026-03-29T01:15:00Z" into out and return it. */
const char *isotime_format(int64_t at_s, char out[ISOTIME_SIZE]);

#endif
