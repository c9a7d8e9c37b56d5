/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tensor of a learned actor: numbers in rows (the last dimension is next to itself), of a shape
 * that is fixed when the actor is loaded. Real numbers are kept as float32, whole ones and truth
 * values as int64. */
#ifndef LECD_POLICY_TENSOR_H
#define LECD_POLICY_TENSOR_H

#include <stdbool.h>
#include <stdint.h>

enum { TENSOR_RANK_MAX = 6, TENSOR_COUNT_MAX = 1 << 22 };

/* Among whole numbers what NaN is among real ones: an index among NaNs, NaN as a whole number. */
#define TENSOR_NONE INT64_MIN

/* The numbers of onnx.proto, TensorProto.DataType: those that are understood. */
enum element {
	ELEMENT_NONE = 0,
	ELEMENT_FLOAT = 1,
	ELEMENT_INT32 = 6,
	ELEMENT_INT64 = 7,
	ELEMENT_BOOL = 9,
	ELEMENT_DOUBLE = 11 /* computed as float32 */
};

struct tensor {
	enum element type;
	int rank; /* 0: a single number */
	int dim[TENSOR_RANK_MAX];
	int count;      /* the product of the dimensions */
	bool known;     /* the same for every run: a weight, or made of weights */
	bool view;      /* the numbers are another tensor's */
	float *real;    /* count of them where tensor_is_real(); else NULL */
	int64_t *whole; /* count of them otherwise; else NULL */
};

bool tensor_is_real(const struct tensor *t);

/* Whether an element type of onnx.proto is one of those above. */
bool element_is_known(int type);
/* "float", "int64" ...; "type 10" is not in the table: "an unknown type". */
const char *element_name(enum element type);

/* Give t this type and shape, and its count. Return 0; -EINVAL: the rank is too high or a dimension
 * negative; -E2BIG: more than TENSOR_COUNT_MAX numbers. */
int tensor_shape(struct tensor *t, enum element type, int rank, const int64_t *dim);

/* Room for the numbers of a shaped tensor, all 0. Return 0 or -ENOMEM. */
int tensor_alloc(struct tensor *t);
void tensor_free(struct tensor *t);

bool tensor_same_shape(const struct tensor *a, const struct tensor *b);

/* How far apart the neighbours along each dimension lie. */
void tensor_strides(const struct tensor *t, int *stride);

enum { TENSOR_TEXT_MAX = 96 };
/* The shape as "[1, 24]" in text, of TENSOR_TEXT_MAX bytes, which is returned. */
const char *tensor_text(const struct tensor *t, char *text);

#endif
