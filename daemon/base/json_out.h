/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A JSON writer into the caller's buffer: no heap, so that a cycle can publish with it.
 *
 *   struct json_out o;
 *   json_begin(&o, buffer, sizeof(buffer));
 *   json_open_object(&o, NULL);
 *   json_put_number(&o, "grid_w", 1234.5, 1);
 *   json_close(&o);
 *   int length = json_finish(&o);
 *
 * key names a member of an object; NULL in arrays and for the outermost value. What does not fit is
 * not written, and json_finish tells. Nesting goes to JSON_DEPTH_MAX. */
#ifndef LECD_BASE_JSON_OUT_H
#define LECD_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 16 };

struct json_out {
	char *buffer; /* always ends in NUL */
	size_t size;
	size_t length;
	bool overflow; /* something did not fit */
	int depth;
	char closer[JSON_DEPTH_MAX]; /* of each open object or array */
	bool empty;                  /* nothing written yet at this depth */
};

void json_begin(struct json_out *o, char *buffer, size_t size);
void json_open_object(struct json_out *o, const char *key);
void json_open_array(struct json_out *o, const char *key);
void json_close(struct json_out *o);

/* With at most that many decimals (0..9), trailing zeros cut. What is not finite becomes null. */
void json_put_number(struct json_out *o, const char *key, double value, int decimals);
/* With all digits it has: read again, it is the same number. */
void json_put_exact(struct json_out *o, const char *key, double value);
void json_put_integer(struct json_out *o, const char *key, int64_t value);
/* A number of millionths, exactly: 1500000 as 1.5. */
void json_put_millionths(struct json_out *o, const char *key, int64_t value);
void json_put_flag(struct json_out *o, const char *key, bool value);
void json_put_null(struct json_out *o, const char *key);
/* Any bytes: quotes and control characters are escaped, what is not UTF-8 becomes U+FFFD.
 * NULL becomes null. */
void json_put_text(struct json_out *o, const char *key, const char *text);
/* A value that is JSON already. */
void json_put_raw(struct json_out *o, const char *key, const char *json);

/* The length written, or -ENOBUFS where the buffer was too small: it then holds "". Everything
 * opened must be closed. */
int json_finish(struct json_out *o);

#endif
