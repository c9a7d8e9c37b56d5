/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/train/matrix.h"

#include <assert.h>
#include <cblas.h>
#include <pthread.h>

static void stay_alone(void)
{
	openblas_set_num_threads(1);
}

static void multiply(CBLAS_TRANSPOSE turn_a, CBLAS_TRANSPOSE turn_b, int inner, float kept,
		     const struct matrix *a, const struct matrix *b, const struct matrix *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, stay_alone);
	cblas_sgemm(CblasRowMajor, turn_a, turn_b, out->rows, out->columns, inner, 1, a->at,
		    a->stride, b->at, b->stride, kept, out->at, out->stride);
}

bool matrix_by_threads(void)
{
	return openblas_get_parallel() != OPENBLAS_SEQUENTIAL;
}

void matrix_multiply(const struct matrix *a, const struct matrix *b, const struct matrix *out)
{
	assert(a->columns == b->rows && out->rows == a->rows && out->columns == b->columns);
	multiply(CblasNoTrans, CblasNoTrans, a->columns, 0, a, b, out);
}

void matrix_add_left(const struct matrix *a, const struct matrix *b, const struct matrix *out)
{
	assert(a->rows == b->rows && out->rows == a->columns && out->columns == b->columns);
	multiply(CblasTrans, CblasNoTrans, a->rows, 1, a, b, out);
}

void matrix_multiply_right(const struct matrix *a, const struct matrix *b, const struct matrix *out)
{
	assert(a->columns == b->columns && out->rows == a->rows && out->columns == b->rows);
	multiply(CblasNoTrans, CblasTrans, a->columns, 0, a, b, out);
}
