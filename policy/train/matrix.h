/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of float32 matrices by OpenBLAS, on the calling thread alone: the same numbers give the
 * same result to the last bit on a machine. Only this module knows BLAS.
 *
 * Matrices lie row after row; `stride` is how far apart the rows begin, so that columns of a wider
 * one can be taken as they are. */
#ifndef LECD_TRAIN_MATRIX_H
#define LECD_TRAIN_MATRIX_H

#include <stddef.h>

struct matrix {
	float *at;
	int rows, columns, stride;
};

/* One whose rows follow each other. */
static inline struct matrix matrix_of(float *at, int rows, int columns)
{
	return (struct matrix){ at, rows, columns, columns };
}

/* Some columns of one. */
static inline struct matrix matrix_columns(const struct matrix *m, int from, int columns)
{
	return (struct matrix){ m->at + from, m->rows, columns, m->stride };
}

/* Some rows of one. */
static inline struct matrix matrix_rows(const struct matrix *m, int from, int rows)
{
	return (struct matrix){ m->at + (ptrdiff_t)from * m->stride, rows, m->columns, m->stride };
}

/* out = a b; out += a^T b; out = a b^T. out is neither a nor b, and has their outer sizes. */
void matrix_multiply(const struct matrix *a, const struct matrix *b, const struct matrix *out);
void matrix_add_left(const struct matrix *a, const struct matrix *b, const struct matrix *out);
void matrix_multiply_right(const struct matrix *a, const struct matrix *b,
			   const struct matrix *out);

#endif
