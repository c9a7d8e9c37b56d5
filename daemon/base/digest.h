/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 (FIPS 180-4) of bytes, by libcrypto: what makes a change visible, also one that somebody
 * means. (To spread seeds and notice torn files: hash.h.) */
#ifndef LECD_BASE_DIGEST_H
#define LECD_BASE_DIGEST_H

#include <stddef.h>

enum { DIGEST_SIZE = 32, DIGEST_TEXT_SIZE = 65 };

/* Return 0, or -EIO where the library refuses; then out is untouched. */
int digest_bytes(const void *bytes, size_t size, unsigned char out[DIGEST_SIZE]);

/* Write it as 64 small hexadecimal digits and NUL; return out. */
const char *digest_text(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_TEXT_SIZE]);

/* Read such digits, large ones too. Return 0 or -EINVAL; text may not go on behind them. */
int digest_parse(const char *text, unsigned char out[DIGEST_SIZE]);

#endif
