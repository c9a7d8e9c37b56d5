/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators that put numbers elsewhere: Concat, Gather, Expand, Transpose; and Cast. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "policy/actor_private.h"

/* Each number of the output comes from there in the input. */
struct move {
	int index[1];
};

static void run_move(const struct step *s)
{
	const struct move *own = s->own;
	const struct tensor *in = s->in[0], *out = s->out[0];
	for (int i = 0; i < out->count; i++) {
		if (out->real) {
			out->real[i] = in->real[own->index[i]];
		} else {
			out->whole[i] = in->whole[own->index[i]];
		}
	}
}

static struct move *make_move(struct step *s)
{
	s->run = run_move;
	return build_own(s, sizeof(struct move) + (size_t)s->out[0]->count * sizeof(int));
}

int prepare_expand(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	const int64_t *wanted;
	struct tensor shape = { 0 };
	int64_t dim[TENSOR_RANK_MAX];
	int rank;
	int r = build_known(b, s, 1, &wanted, &rank);
	if (r == 0 &&
	    (rank > TENSOR_RANK_MAX || tensor_shape(&shape, in->type, rank, wanted) < 0)) {
		r = refuse(b, "input 1 is no shape of at most %d dimensions and %d numbers",
			   TENSOR_RANK_MAX, TENSOR_COUNT_MAX);
	}
	r = r < 0 ? r : build_broadcast(b, in, &shape, &rank, dim);
	r = r < 0 ? r : build_output(b, s, 0, in->type, rank, dim);
	if (r < 0) {
		return r;
	}
	struct move *own = make_move(s);
	if (own && s->out[0]->count > 0) {
		broadcast_index(in, s->out[0]->rank, s->out[0]->dim, own->index);
	}
	return own ? 0 : -ENOMEM;
}

int prepare_transpose(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	int64_t perm[TENSOR_RANK_MAX], dim[TENSOR_RANK_MAX];
	int stride[TENSOR_RANK_MAX], turned[TENSOR_RANK_MAX], count = in->rank;
	bool seen[TENSOR_RANK_MAX] = { false };
	for (int i = 0; i < in->rank; i++) {
		perm[i] = in->rank - 1 - i;
	}
	int r = onnx_ints(b->node, "perm", TENSOR_RANK_MAX, perm, &count);
	bool odd = r < 0 || count != in->rank;
	tensor_strides(in, stride);
	for (int i = 0; !odd && i < in->rank; i++) {
		odd = perm[i] < 0 || perm[i] >= in->rank || seen[perm[i]];
		if (!odd) {
			seen[perm[i]] = true;
			dim[i] = in->dim[perm[i]];
			turned[i] = stride[perm[i]];
		}
	}
	if (odd) {
		return refuse(b, "attribute perm is no order of the %d dimensions", in->rank);
	}
	r = build_output(b, s, 0, in->type, in->rank, dim);
	if (r < 0) {
		return r;
	}
	struct move *own = make_move(s);
	if (own && s->out[0]->count > 0) {
		offsets(in->rank, s->out[0]->dim, turned, own->index);
	}
	return own ? 0 : -ENOMEM;
}

/* Blocks of the inputs one after the other. */
static void run_concat(const struct step *s)
{
	const struct tensor *out = s->out[0];
	const int *blocks = s->own;
	int to = 0;
	for (int n = 0; n < *blocks; n++) {
		for (int i = 0; i < s->inputs; i++) {
			int size = s->in[i]->count / *blocks, from = n * size;
			for (int k = 0; k < size; k++, to++) {
				if (out->real) {
					out->real[to] = s->in[i]->real[from + k];
				} else {
					out->whole[to] = s->in[i]->whole[from + k];
				}
			}
		}
	}
}

int prepare_concat(struct build *b, struct step *s)
{
	const struct tensor *first = s->in[0];
	char one[TEXT_MAX], other[TEXT_MAX];
	int64_t given = 0, dim[TENSOR_RANK_MAX] = { 0 };
	int axis = 0;
	int r = onnx_int(b->node, "axis", &given);
	r = r != 1 ? refuse(b, "has no axis") : build_axis(b, given, first->rank, &axis);
	if (r < 0) {
		return r;
	}
	int blocks = 1;
	for (int i = 0; i < first->rank; i++) {
		dim[i] = i == axis ? 0 : first->dim[i];
		blocks *= i < axis ? first->dim[i] : 1;
	}
	for (int i = 0; i < s->inputs; i++) {
		const struct tensor *t = s->in[i];
		bool fits = t && t->type == first->type && t->rank == first->rank;
		for (int k = 0; fits && k < t->rank; k++) {
			fits = k == axis || t->dim[k] == first->dim[k];
		}
		if (!fits) {
			return refuse(b, "input %d of %s %s does not fit %s %s", i,
				      t ? element_name(t->type) : "nothing",
				      t ? tensor_text(t, one) : "", element_name(first->type),
				      tensor_text(first, other));
		}
		dim[axis] += t->dim[axis];
	}
	r = build_output(b, s, 0, first->type, first->rank, dim);
	int *own = r < 0 ? NULL : build_own(s, sizeof(*own));
	if (!own) {
		return r < 0 ? r : -ENOMEM;
	}
	*own = blocks > 0 ? blocks : 1;
	s->run = run_concat;
	return 0;
}

/* For each outer block, and each index, a slice of inner numbers. */
struct gather {
	int outer, length, inner;
};

static void run_gather(const struct step *s)
{
	const struct gather *own = s->own;
	const struct tensor *in = s->in[0], *index = s->in[1], *out = s->out[0];
	for (int to = 0; to < out->count; to++) {
		int slice = to / own->inner;
		int64_t at = index->whole[slice % index->count];
		at += at < 0 ? own->length : 0; /* none stays out of range */
		bool inside = at >= 0 && at < own->length;
		ptrdiff_t from =
			(ptrdiff_t)(slice / index->count) * own->length + (inside ? at : 0);
		from = from * own->inner + to % own->inner;
		if (out->real) {
			out->real[to] = inside ? in->real[from] : NAN;
		} else {
			out->whole[to] = in->whole[from];
		}
	}
}

int prepare_gather(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0], *index = s->in[1];
	int64_t dim[2 * TENSOR_RANK_MAX];
	int axis, rank = 0;
	int r = tensor_is_real(index) ? refuse(b, "indices of %s", element_name(index->type)) : 0;
	r = r < 0 ? r : build_axis_attribute(b, 0, in->rank, &axis);
	if (r == 0 && in->dim[axis] == 0) {
		r = refuse(b, "takes from an empty list");
	}
	if (r == 0 && !index->known && !tensor_is_real(in)) {
		r = refuse(b, "takes whole numbers by indices that are not known at load");
	}
	for (int i = 0; r == 0 && index->known && i < index->count; i++) {
		int ignored;
		r = build_axis(b, index->whole[i], in->dim[axis], &ignored);
	}
	if (r < 0) {
		return r;
	}
	struct gather *own = build_own(s, sizeof(*own));
	if (!own) {
		return -ENOMEM;
	}
	*own = (struct gather){ .outer = 1, .length = in->dim[axis], .inner = 1 };
	for (int i = 0; i < axis; i++) {
		dim[rank++] = in->dim[i];
		own->outer *= in->dim[i];
	}
	for (int i = 0; i < index->rank; i++) {
		dim[rank++] = index->dim[i];
	}
	for (int i = axis + 1; i < in->rank; i++) {
		dim[rank++] = in->dim[i];
		own->inner *= in->dim[i];
	}
	s->run = run_gather;
	return build_output(b, s, 0, in->type, rank, dim);
}

/* A float that no whole number stands for is none. */
static int64_t whole_of(float x)
{
	return fabsf(x) < 9.2e18f ? (int64_t)x : TENSOR_NONE;
}

static void run_cast(const struct step *s)
{
	const struct tensor *in = s->in[0], *out = s->out[0];
	for (int i = 0; i < out->count; i++) {
		bool none = in->real ? isnan(in->real[i]) : in->whole[i] == TENSOR_NONE;
		if (out->real) {
			out->real[i] = in->real ? in->real[i] : none ? NAN : (float)in->whole[i];
		} else if (none) {
			out->whole[i] = TENSOR_NONE;
		} else if (out->type == ELEMENT_BOOL) {
			out->whole[i] = in->real ? in->real[i] != 0 : in->whole[i] != 0;
		} else {
			out->whole[i] = in->real ? whole_of(in->real[i]) : in->whole[i];
		}
	}
}

int prepare_cast(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	int64_t to, dim[TENSOR_RANK_MAX];
	int r = onnx_int(b->node, "to", &to);
	if (r != 1 || to > INT32_MAX || !element_is_known((int)to)) {
		return refuse(b, "to type %lld, expected float, double, int32, int64 or bool",
			      r == 1 ? (long long)to : 0LL);
	}
	for (int i = 0; i < in->rank; i++) {
		dim[i] = in->dim[i];
	}
	s->run = run_cast;
	return build_output(b, s, 0, (enum element)to, in->rank, dim);
}
