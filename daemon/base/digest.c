/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/digest.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

int digest_bytes(const void *bytes, size_t size, unsigned char out[DIGEST_SIZE])
{
	unsigned char digest[DIGEST_SIZE];
	if (!SHA256(bytes, size, digest)) {
		return -EIO;
	}
	memcpy(out, digest, DIGEST_SIZE);
	return 0;
}

const char *digest_text(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_TEXT_SIZE])
{
	for (int i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * DIGEST_SIZE] = '\0';
	return out;
}

static int digit(char c)
{
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
	return at ? (int)(at - digits) : -1;
}

int digest_parse(const char *text, unsigned char out[DIGEST_SIZE])
{
	unsigned char digest[DIGEST_SIZE];
	if (strlen(text) != 2 * DIGEST_SIZE) {
		return -EINVAL;
	}
	for (int i = 0; i < DIGEST_SIZE; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0) {
			return -EINVAL;
		}
		digest[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(out, digest, DIGEST_SIZE);
	return 0;
}
