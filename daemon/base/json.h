/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON from the wire, taken for hostile until every field is checked. (To write it: json_out.h.)
 *
 * A document is at most JSON_SIZE_MAX bytes and JSON_DEPTH_MAX deep, its outermost value is an
 * object, no key stands twice, nothing follows it, and its numbers are finite. Size and depth are
 * checked before any memory is taken.
 *
 *   struct json_in in;
 *   int r = json_parse(&in, text, length);
 *   r = r < 0 ? r : json_get_number(&in, in.root, "price", -10, 10, &price);
 *   if (r < 0) log(in.why);         "price: expected a number from -10 to 10"
 *   json_free(&in);
 *
 * Every call returns 0 or -errno: -ENOENT where the key is missing, -EINVAL where the value is of
 * another type, -ERANGE where it is too small, large or long. On failure outputs stay untouched and
 * why holds a sentence. */
#ifndef LECD_BASE_JSON_H
#define LECD_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/json_out.h"

enum { JSON_SIZE_MAX = 65536 };

/* One value inside a document; lives as long as the document. */
struct json_value;

struct json_in {
	const struct json_value *root; /* NULL where parsing failed */
	char why[128];
};

/* Whether text is short and shallow enough to be parsed; says nothing about its syntax. */
int json_check(struct json_in *in, const char *text, size_t length);

/* Parse. To be freed with json_free, also after an error. */
int json_parse(struct json_in *in, const char *text, size_t length);
/* The same, of any length: for documents whose size was bounded where they came in. */
int json_parse_long(struct json_in *in, const char *text, size_t length);
void json_free(struct json_in *in);

bool json_has(const struct json_value *object, const char *key);
/* The same, and it is not null. */
bool json_given(const struct json_value *object, const char *key);

int json_get_number(struct json_in *in, const struct json_value *object, const char *key,
		    double min, double max, double *out);
int json_get_integer(struct json_in *in, const struct json_value *object, const char *key,
		     int64_t min, int64_t max, int64_t *out);
int json_get_flag(struct json_in *in, const struct json_value *object, const char *key, bool *out);
/* Copy a text of at most size - 1 bytes without control characters. */
int json_get_text(struct json_in *in, const struct json_value *object, const char *key, char *out,
		  size_t size);
/* The index of the text in names, which ends in NULL. */
int json_get_choice(struct json_in *in, const struct json_value *object, const char *key,
		    const char *const *names, int *out);
int json_get_object(struct json_in *in, const struct json_value *object, const char *key,
		    const struct json_value **out);
/* An array of at most count_max elements. */
int json_get_array(struct json_in *in, const struct json_value *object, const char *key,
		   int count_max, const struct json_value **out, int *count);
/* Copy an array of at most count_max numbers; none stands for each null, NaN: null is refused. */
int json_get_numbers(struct json_in *in, const struct json_value *object, const char *key,
		     int count_max, double min, double max, double none, float *out, int *count);
/* Copy an array of exactly count numbers. */
int json_get_exactly(struct json_in *in, const struct json_value *object, const char *key,
		     int count, double *out);
/* The i-th element, which must be an object; i < count. */
int json_get_element(struct json_in *in, const struct json_value *array, int i,
		     const struct json_value **out);

/* To show a document rather than act on it. Each takes NULL for the value, and tells what is not
 * there or of another type by NULL, false or 0. */
const struct json_value *json_member(const struct json_value *object, const char *key);
const struct json_value *json_item(const struct json_value *array, int i);
int json_items(const struct json_value *array);
bool json_number(const struct json_value *value, double *out); /* always finite */
bool json_flag(const struct json_value *value, bool *out);
/* As it came, control characters and all. */
const char *json_text(const struct json_value *value);

#endif
