/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/tensor.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const element_names[] = {
	[ELEMENT_FLOAT] = "float", [ELEMENT_INT32] = "int32",   [ELEMENT_INT64] = "int64",
	[ELEMENT_BOOL] = "bool",   [ELEMENT_DOUBLE] = "double",
};
enum { ELEMENTS = sizeof(element_names) / sizeof(*element_names) };

bool tensor_is_real(const struct tensor *t)
{
	return t->type == ELEMENT_FLOAT || t->type == ELEMENT_DOUBLE;
}

bool element_is_known(int type)
{
	return type > 0 && type < ELEMENTS && element_names[type];
}

const char *element_name(enum element type)
{
	return element_is_known((int)type) ? element_names[type] : "an unknown type";
}

int tensor_shape(struct tensor *t, enum element type, int rank, const int64_t *dim)
{
	int64_t count = 1;
	if (rank < 0 || rank > TENSOR_RANK_MAX) {
		return -EINVAL;
	}
	for (int i = 0; i < rank; i++) {
		if (dim[i] < 0) {
			return -EINVAL;
		}
		/* Both factors are below 2^23: no overflow. */
		count = dim[i] > TENSOR_COUNT_MAX ? TENSOR_COUNT_MAX + 1 : count * dim[i];
		if (count > TENSOR_COUNT_MAX) {
			return -E2BIG;
		}
	}
	*t = (struct tensor){ .type = type, .rank = rank, .count = (int)count };
	for (int i = 0; i < rank; i++) {
		t->dim[i] = (int)dim[i];
	}
	return 0;
}

int tensor_alloc(struct tensor *t)
{
	size_t count = t->count > 0 ? (size_t)t->count : 1;
	if (tensor_is_real(t)) {
		t->real = calloc(count, sizeof(*t->real));
	} else {
		t->whole = calloc(count, sizeof(*t->whole));
	}
	return t->real || t->whole ? 0 : -ENOMEM;
}

void tensor_free(struct tensor *t)
{
	if (!t->view) {
		free(t->real);
		free(t->whole);
	}
	*t = (struct tensor){ 0 };
}

bool tensor_same_shape(const struct tensor *a, const struct tensor *b)
{
	return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(*a->dim)) == 0;
}

void tensor_strides(const struct tensor *t, int *stride)
{
	int next = 1;
	for (int i = t->rank - 1; i >= 0; i--) {
		stride[i] = next;
		next *= t->dim[i];
	}
}

const char *tensor_text(const struct tensor *t, char *text)
{
	int at = snprintf(text, TENSOR_TEXT_MAX, "[");
	for (int i = 0; i < t->rank; i++) {
		at += snprintf(text + at, (size_t)(TENSOR_TEXT_MAX - at), "%s%d", i ? ", " : "",
			       t->dim[i]);
	}
	(void)snprintf(text + at, (size_t)(TENSOR_TEXT_MAX - at), "]");
	return text;
}
