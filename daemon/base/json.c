/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/json.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const json_t *from(const struct json_value *value)
{
	return (const json_t *)value;
}

static const struct json_value *as_value(const json_t *value)
{
	return (const struct json_value *)value;
}

__attribute__((format(printf, 3, 4))) static int refuse(struct json_in *in, int error,
							const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(in->why, sizeof(in->why), format, args);
	va_end(args);
	return error;
}

static int check_depth(struct json_in *in, const char *text, size_t length)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (quoted && c == '\\') {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && (c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX) {
			return refuse(in, -ELOOP, "nested deeper than %d", JSON_DEPTH_MAX);
		} else if (!quoted && (c == '}' || c == ']')) {
			depth--;
		}
	}
	return 0;
}

int json_check(struct json_in *in, const char *text, size_t length)
{
	if (length > JSON_SIZE_MAX) {
		return refuse(in, -EMSGSIZE, "%zu bytes, expected at most %d", length,
			      JSON_SIZE_MAX);
	}
	return check_depth(in, text, length);
}

static int parse(struct json_in *in, const char *text, size_t length)
{
	json_error_t error;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		/* The library quotes the input; what is not printable stays out of the log. */
		for (char *c = error.text; *c; c++) {
			*c = (*c < ' ' || *c > '~') ? '?' : *c;
		}
		return refuse(in, -EINVAL, "at byte %d: %.90s", error.position, error.text);
	}
	if (!json_is_object(root)) {
		json_decref(root);
		return refuse(in, -EINVAL, "expected an object");
	}
	in->root = as_value(root);
	return 0;
}

int json_parse(struct json_in *in, const char *text, size_t length)
{
	*in = (struct json_in){ .root = NULL };
	int r = json_check(in, text, length);
	return r < 0 ? r : parse(in, text, length);
}

int json_parse_long(struct json_in *in, const char *text, size_t length)
{
	*in = (struct json_in){ .root = NULL };
	int r = check_depth(in, text, length);
	return r < 0 ? r : parse(in, text, length);
}

void json_free(struct json_in *in)
{
	json_decref((json_t *)in->root);
	in->root = NULL;
}

bool json_has(const struct json_value *object, const char *key)
{
	return json_object_get(from(object), key) != NULL;
}

bool json_given(const struct json_value *object, const char *key)
{
	return json_has(object, key) && !json_is_null(json_object_get(from(object), key));
}

/* The member, or NULL with *error -ENOENT where it is missing. */
static const json_t *member(const struct json_value *object, const char *key, int *error)
{
	const json_t *value = json_object_get(from(object), key);
	*error = value ? -EINVAL : -ENOENT;
	return value;
}

int json_get_number(struct json_in *in, const struct json_value *object, const char *key,
		    double min, double max, double *out)
{
	int error;
	const json_t *value = member(object, key, &error);
	if (json_is_number(value)) {
		double number = json_number_value(value);
		if (isfinite(number) && number >= min && number <= max) {
			*out = number;
			return 0;
		}
		error = -ERANGE;
	}
	return refuse(in, error, "%s: expected a number from %g to %g", key, min, max);
}

int json_get_integer(struct json_in *in, const struct json_value *object, const char *key,
		     int64_t min, int64_t max, int64_t *out)
{
	int error;
	const json_t *value = member(object, key, &error);
	if (json_is_integer(value)) {
		int64_t number = json_integer_value(value);
		if (number >= min && number <= max) {
			*out = number;
			return 0;
		}
		error = -ERANGE;
	}
	return refuse(in, error, "%s: expected an integer from %" PRId64 " to %" PRId64, key, min,
		      max);
}

int json_get_flag(struct json_in *in, const struct json_value *object, const char *key, bool *out)
{
	int error;
	const json_t *value = member(object, key, &error);
	if (!json_is_boolean(value)) {
		return refuse(in, error, "%s: expected true or false", key);
	}
	*out = json_is_true(value);
	return 0;
}

static bool printable(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7F) {
			return false;
		}
	}
	return true;
}

int json_get_text(struct json_in *in, const struct json_value *object, const char *key, char *out,
		  size_t size)
{
	int error;
	const json_t *value = member(object, key, &error);
	if (json_is_string(value)) {
		size_t length = json_string_length(value);
		if (length < size && printable(json_string_value(value))) {
			memcpy(out, json_string_value(value), length + 1);
			return 0;
		}
		error = -ERANGE;
	}
	return refuse(in, error, "%s: expected a text of at most %zu printable bytes", key,
		      size - 1);
}

static void list_names(const char *const *names, char *out, size_t size)
{
	size_t length = 0;
	out[0] = '\0';
	for (int i = 0; names[i] && length < size; i++) {
		const char *lead = i == 0 ? "" : names[i + 1] ? ", " : " or ";
		length += (size_t)snprintf(out + length, size - length, "%s%s", lead, names[i]);
	}
}

int json_get_choice(struct json_in *in, const struct json_value *object, const char *key,
		    const char *const *names, int *out)
{
	int error;
	const json_t *value = member(object, key, &error);
	if (json_is_string(value)) {
		for (int i = 0; names[i]; i++) {
			if (strcmp(json_string_value(value), names[i]) == 0) {
				*out = i;
				return 0;
			}
		}
		error = -ERANGE;
	}
	char list[80];
	list_names(names, list, sizeof(list));
	return refuse(in, error, "%s: expected %s", key, list);
}

int json_get_object(struct json_in *in, const struct json_value *object, const char *key,
		    const struct json_value **out)
{
	int error;
	const json_t *value = member(object, key, &error);
	if (!json_is_object(value)) {
		return refuse(in, error, "%s: expected an object", key);
	}
	*out = as_value(value);
	return 0;
}

int json_get_array(struct json_in *in, const struct json_value *object, const char *key,
		   int count_max, const struct json_value **out, int *count)
{
	int error;
	const json_t *value = member(object, key, &error);
	if (json_is_array(value)) {
		if (json_array_size(value) <= (size_t)count_max) {
			*out = as_value(value);
			*count = (int)json_array_size(value);
			return 0;
		}
		error = -ERANGE;
	}
	return refuse(in, error, "%s: expected an array of at most %d", key, count_max);
}

/* Whether an item is a number in range, or a null that stands for none. */
static bool is_number_within(const json_t *item, double min, double max, double none, double *out)
{
	if (json_is_null(item) && !isnan(none)) {
		*out = none;
		return true;
	}
	*out = json_number_value(item);
	return json_is_number(item) && *out >= min && *out <= max;
}

int json_get_numbers(struct json_in *in, const struct json_value *object, const char *key,
		     int count_max, double min, double max, double none, float *out, int *count)
{
	const struct json_value *array = NULL;
	int items = 0;
	double value;
	int r = json_get_array(in, object, key, count_max, &array, &items);
	for (int i = 0; r == 0 && i < items; i++) {
		const json_t *item = json_array_get(from(array), (size_t)i);
		if (!is_number_within(item, min, max, none, &value)) {
			return refuse(in, -ERANGE,
				      "%s: element %d, expected a number from %g to %g", key, i,
				      min, max);
		}
	}
	for (int i = 0; r == 0 && i < items; i++) {
		(void)is_number_within(json_array_get(from(array), (size_t)i), min, max, none,
				       &value);
		out[i] = (float)value;
	}
	if (r == 0) {
		*count = items;
	}
	return r;
}

int json_get_exactly(struct json_in *in, const struct json_value *object, const char *key,
		     int count, double *out)
{
	const struct json_value *array = NULL;
	double value;
	int items = 0;
	int r = json_get_array(in, object, key, count, &array, &items);
	bool sound = r == 0 && items == count;
	for (int i = 0; sound && i < count; i++) {
		sound = json_number(json_item(array, i), &value);
	}
	if (!sound) {
		return r < 0 ? r : refuse(in, -EINVAL, "%s: expected %d numbers", key, count);
	}
	for (int i = 0; i < count; i++) {
		(void)json_number(json_item(array, i), &out[i]);
	}
	return 0;
}

int json_get_element(struct json_in *in, const struct json_value *array, int i,
		     const struct json_value **out)
{
	const json_t *value = json_array_get(from(array), (size_t)i);
	assert(value);
	if (!json_is_object(value)) {
		return refuse(in, -EINVAL, "element %d: expected an object", i);
	}
	*out = as_value(value);
	return 0;
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
	return as_value(json_object_get(from(object), key));
}

const struct json_value *json_item(const struct json_value *array, int i)
{
	return as_value(json_array_get(from(array), (size_t)i));
}

int json_items(const struct json_value *array)
{
	return (int)json_array_size(from(array));
}

bool json_number(const struct json_value *value, double *out)
{
	double number = json_number_value(from(value));
	if (!json_is_number(from(value)) || !isfinite(number)) {
		return false;
	}
	*out = number;
	return true;
}

bool json_flag(const struct json_value *value, bool *out)
{
	if (!json_is_boolean(from(value))) {
		return false;
	}
	*out = json_is_true(from(value));
	return true;
}

const char *json_text(const struct json_value *value)
{
	return json_string_value(from(value));
}
