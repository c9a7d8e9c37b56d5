/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators of two inputs, which are broadcast to one shape: Add, Sub, Mul, Div, Pow. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "policy/actor_private.h"

/* How the inputs lie to the output's count numbers. The common cases need no table. */
struct binary {
	int row;     /* > 0: input 1 is row numbers that repeat */
	int index[]; /* of input 0, then of input 1; where row is 0 */
};

static bool is_suffix(const struct tensor *row, const struct tensor *whole)
{
	int lead = whole->rank - row->rank;
	for (int i = 0; i < row->rank; i++) {
		if (lead < 0 || row->dim[i] != whole->dim[lead + i]) {
			return row->count == 1;
		}
	}
	return true;
}

static int lay_out(struct build *b, struct step *s)
{
	const struct tensor *x = s->in[0], *y = s->in[1];
	int rank;
	int64_t dim[TENSOR_RANK_MAX];
	int r = build_broadcast(b, x, y, &rank, dim);
	r = r < 0 ? r : build_output(b, s, 0, x->type, rank, dim);
	if (r < 0) {
		return r;
	}
	const struct tensor *out = s->out[0];
	bool repeats = x->count == out->count && y->count > 0 && is_suffix(y, out);
	size_t count = repeats ? 0 : (size_t)out->count;
	struct binary *own = build_own(s, sizeof(*own) + 2 * count * sizeof(*own->index));
	if (!own) {
		return -ENOMEM;
	}
	own->row = repeats ? y->count : 0;
	if (count > 0) {
		broadcast_index(x, out->rank, out->dim, own->index);
		broadcast_index(y, out->rank, out->dim, own->index + count);
	}
	return 0;
}

/* The same walk for each operator: NAME of TYPE numbers in FIELD. */
#define BINARY(NAME, TYPE, FIELD, EXPRESSION)                                                      \
	static void NAME(const struct step *s)                                                     \
	{                                                                                          \
		const struct binary *own = s->own;                                                 \
		const TYPE *x = s->in[0]->FIELD, *y = s->in[1]->FIELD;                             \
		TYPE *out = s->out[0]->FIELD;                                                      \
		int count = s->out[0]->count;                                                      \
		if (own->row == 0) {                                                               \
			for (int i = 0; i < count; i++) {                                          \
				TYPE p = x[own->index[i]], q = y[own->index[count + i]];           \
				out[i] = EXPRESSION;                                               \
			}                                                                          \
			return;                                                                    \
		}                                                                                  \
		for (int at = 0; at < count; at += own->row) {                                     \
			for (int i = 0; i < own->row; i++) {                                       \
				TYPE p = x[at + i], q = y[i];                                      \
				out[at + i] = EXPRESSION;                                          \
			}                                                                          \
		}                                                                                  \
	}

BINARY(add_real, float, real, p + q)
BINARY(sub_real, float, real, p - q)
BINARY(mul_real, float, real, p *q)
BINARY(div_real, float, real, p / q)
/* The square is what normalisations take. */
BINARY(pow_real, float, real, q == 2 ? p * p : powf(p, q))
/* Whole numbers wrap around; with none there is none. */
#define WHOLE(EXPRESSION) (p == TENSOR_NONE || q == TENSOR_NONE ? TENSOR_NONE : (EXPRESSION))
BINARY(add_whole, int64_t, whole, WHOLE((int64_t)((uint64_t)p + (uint64_t)q)))
BINARY(sub_whole, int64_t, whole, WHOLE((int64_t)((uint64_t)p - (uint64_t)q)))
BINARY(mul_whole, int64_t, whole, WHOLE((int64_t)((uint64_t)p *(uint64_t)q)))
BINARY(div_whole, int64_t, whole, WHOLE(q == -1 ? -p : p / q))

static int prepare(struct build *b, struct step *s, void (*real)(const struct step *),
		   void (*whole)(const struct step *))
{
	const struct tensor *x = s->in[0], *y = s->in[1];
	if (x->type != y->type || x->type == ELEMENT_BOOL) {
		return refuse(b, "inputs of %s and %s, expected the same kind of numbers",
			      element_name(x->type), element_name(y->type));
	}
	s->run = tensor_is_real(x) ? real : whole;
	return lay_out(b, s);
}

int prepare_add(struct build *b, struct step *s)
{
	return prepare(b, s, add_real, add_whole);
}

int prepare_sub(struct build *b, struct step *s)
{
	return prepare(b, s, sub_real, sub_whole);
}

int prepare_mul(struct build *b, struct step *s)
{
	return prepare(b, s, mul_real, mul_whole);
}

int prepare_div(struct build *b, struct step *s)
{
	const struct tensor *y = s->in[1];
	for (int i = 0; !tensor_is_real(y) && i < y->count; i++) {
		if (!y->known || y->whole[i] == 0) {
			return refuse(b, "whole numbers divided by %s",
				      y->known ? "0" : "what is not known at load");
		}
	}
	return prepare(b, s, div_real, div_whole);
}

static void pow_mixed(const struct step *s)
{
	const struct binary *own = s->own;
	const float *x = s->in[0]->real;
	const int64_t *y = s->in[1]->whole;
	int count = s->out[0]->count;
	for (int i = 0; i < count; i++) {
		int at = own->row > 0 ? i : own->index[i];
		int by = own->row > 0 ? i % own->row : own->index[count + i];
		s->out[0]->real[i] = powf(x[at], y[by] == TENSOR_NONE ? NAN : (float)y[by]);
	}
}

/* The exponent may be of another type than the base since operator set 12. */
int prepare_pow(struct build *b, struct step *s)
{
	int r = build_real(b, s, 0);
	s->run = tensor_is_real(s->in[1]) ? pow_real : pow_mixed;
	return r < 0 ? r : lay_out(b, s);
}
