/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of float32 matrices by OpenBLAS, on the calling thread alone: the same numbers give the
 * same result to the last bit on a machine. Only this module knows BLAS.
 *
 * Matrices lie row after row; `stride` is how far apart the rows begin, so that columns of a wider
 * one can be taken as they are. */
#ifndef LECD_TRAIN_MATRIX_H
#define LECD_TRAIN_MATRIX_H

#include <stdbool.h>
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

/* Whether several threads may multiply at the same time. Not with an OpenBLAS that is built for one
 * thread (Debian's serial flavour, 0.3.21): it gives two of them the same room to copy matrices to,
 * as it takes no lock for it, and a product is now and then wrong. */
bool matrix_by_threads(void);

/* out = a b; out += a^T b; out = a b^T. out is neither a nor b, and has their outer sizes. */
void matrix_multiply(const struct matrix *a, const struct matrix *b, const struct matrix *out);
void matrix_add_left(const struct matrix *a, const struct matrix *b, const struct matrix *out);
void matrix_multiply_right(const struct matrix *a, const struct matrix *b,
			   const struct matrix *out);

#endif
