/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file as one text. */
#ifndef LECD_BASE_TEXT_H
#define LECD_BASE_TEXT_H

#include <stddef.h>

/* Read path, of at most `most` bytes, into *out: it ends in NUL and is to be freed. Returns 0,
 * -EFBIG, -EILSEQ: there is a NUL byte in it; -ENOMEM, or why it could not be read. */
int text_read(const char *path, size_t most, char **out);

/* Why, in words: "a NUL byte, expected a text". */
const char *text_error(int error);

#endif
