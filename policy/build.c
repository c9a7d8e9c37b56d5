/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What operators need while they are prepared: attributes, shapes, room. */
#include <errno.h>
#include <stdlib.h>

#include "policy/actor_private.h"

int build_int(struct build *b, const char *name, int64_t fallback, int64_t *out)
{
	*out = fallback;
	return onnx_int(b->node, name, out) < 0 ? refuse(b, "attribute %s is no whole number", name)
						: 0;
}

int build_float(struct build *b, const char *name, float fallback, float *out)
{
	*out = fallback;
	return onnx_float(b->node, name, out) < 0 ? refuse(b, "attribute %s is no number", name)
						  : 0;
}

int build_flag(struct build *b, const char *name, bool fallback, bool *out)
{
	int64_t value;
	int r = build_int(b, name, fallback, &value);
	*out = value != 0;
	return r;
}

int build_axis(struct build *b, int64_t given, int rank, int *out)
{
	if (given < -rank || given >= rank) {
		return refuse(b, "axis %lld, expected %d to %d", (long long)given, -rank, rank - 1);
	}
	*out = (int)(given < 0 ? given + rank : given);
	return 0;
}

int build_axis_attribute(struct build *b, int64_t fallback, int rank, int *out)
{
	int64_t axis;
	int r = build_int(b, "axis", fallback, &axis);
	return r < 0 ? r : build_axis(b, axis, rank, out);
}

int build_axes(struct build *b, const struct step *s, int i, int rank, bool *among, int *count)
{
	int64_t room[TENSOR_RANK_MAX];
	const int64_t *axis = room;
	int axes = 0;
	int found = onnx_ints(b->node, "axes", TENSOR_RANK_MAX, room, &axes);
	if (found < 0) {
		return refuse(b, "attribute axes is no list of at most %d whole numbers",
			      TENSOR_RANK_MAX);
	}
	if (found == 0 && i < s->inputs && s->in[i]) {
		int r = build_known(b, s, i, &axis, &axes);
		if (r < 0) {
			return r;
		}
		found = 1;
	}
	*count = found ? axes : -1;
	for (int k = 0; k < rank; k++) {
		among[k] = false;
	}
	for (int k = 0; found && k < axes; k++) {
		int at = 0;
		int r = build_axis(b, axis[k], rank, &at);
		if (r == 0 && among[at]) {
			r = refuse(b, "axis %d stands twice", at);
		}
		if (r < 0) {
			return r;
		}
		among[at] = true;
	}
	return 0;
}

int build_known(struct build *b, const struct step *s, int i, const int64_t **out, int *count)
{
	const struct tensor *t = s->in[i];
	if (!t || tensor_is_real(t) || !t->known || t->rank > 1) {
		return refuse(b, "input %d is no list of whole numbers known at load", i);
	}
	*out = t->whole;
	*count = t->count;
	return 0;
}

int build_real(struct build *b, const struct step *s, int i)
{
	const struct tensor *t = s->in[i];
	if (!t || !tensor_is_real(t)) {
		return refuse(b, "input %d is of %s, expected float", i,
			      t ? element_name(t->type) : "nothing");
	}
	return 0;
}

int build_output(struct build *b, struct step *s, int i, enum element type, int rank,
		 const int64_t *dim)
{
	if (!s->out[i]) {
		return 0;
	}
	int r = tensor_shape(s->out[i], type, rank, dim);
	if (r < 0) {
		return refuse(b, "its output has no shape of at most %d dimensions and %d numbers",
			      TENSOR_RANK_MAX, TENSOR_COUNT_MAX);
	}
	/* An average of nothing would not be a number; lists of whole numbers may be empty. */
	if (tensor_is_real(s->out[i]) && s->out[i]->count == 0) {
		return refuse(b, "its output is empty");
	}
	r = build_numbers(b, s->out[i]->count);
	r = r < 0 ? r : tensor_alloc(s->out[i]);
	return r < 0 ? r : build_work(b, s->out[i]->count);
}

static void widen(const struct tensor *t, int64_t *dim)
{
	for (int i = 0; i < t->rank; i++) {
		dim[i] = t->dim[i];
	}
}

int build_like(struct build *b, struct step *s, int i, const struct tensor *like)
{
	int64_t dim[TENSOR_RANK_MAX];
	widen(like, dim);
	return build_output(b, s, i, like->type, like->rank, dim);
}

int build_view(struct build *b, struct step *s, int rank, const int64_t *dim)
{
	const struct tensor *in = s->in[0];
	char text[TEXT_MAX];
	struct tensor t;
	if (tensor_shape(&t, in->type, rank, dim) < 0 || t.count != in->count) {
		return refuse(b, "the shape it makes of %s does not hold its %d numbers",
			      tensor_text(in, text), in->count);
	}
	t.view = true;
	t.known = in->known;
	t.real = in->real;
	t.whole = in->whole;
	*s->out[0] = t;
	return 0;
}

int build_work(struct build *b, int64_t multiplications)
{
	b->work += multiplications;
	return b->work > ACTOR_WORK_MAX
		       ? refuse(b, "with it a run takes more than %d multiplications",
				ACTOR_WORK_MAX)
		       : 0;
}

int build_numbers(struct build *b, int64_t numbers)
{
	b->numbers += numbers;
	return b->numbers > ACTOR_NUMBERS_MAX
		       ? refuse(b, "with it the actor holds more than %d numbers",
				ACTOR_NUMBERS_MAX)
		       : 0;
}

void *build_own(struct step *s, size_t size)
{
	s->own = calloc(1, size + 1);
	return s->own;
}

/* The dimension at i of t seen as of that rank: 1 in front. */
static int64_t padded(const struct tensor *t, int rank, int i)
{
	int at = i - (rank - t->rank);
	return at < 0 ? 1 : t->dim[at];
}

int build_broadcast(struct build *b, const struct tensor *x, const struct tensor *y, int *rank,
		    int64_t *dim)
{
	char one[TEXT_MAX], other[TEXT_MAX];
	*rank = x->rank > y->rank ? x->rank : y->rank;
	for (int i = 0; i < *rank; i++) {
		int64_t p = padded(x, *rank, i), q = padded(y, *rank, i);
		if (p != q && p != 1 && q != 1) {
			return refuse(b, "shapes %s and %s do not fit each other",
				      tensor_text(x, one), tensor_text(y, other));
		}
		dim[i] = p == 1 ? q : p;
	}
	return 0;
}

void offsets(int rank, const int *dim, const int *stride, int *out)
{
	int count = 1;
	out[0] = 0;
	/* From the first dimension on, each position so far becomes a row of the next. */
	for (int i = 0; i < rank; i++) {
		for (int k = count * dim[i] - 1; k >= 0; k--) {
			out[k] = out[k / dim[i]] + (k % dim[i]) * stride[i];
		}
		count *= dim[i];
	}
}

void broadcast_index(const struct tensor *t, int rank, const int *dim, int *index)
{
	int own[TENSOR_RANK_MAX], stride[TENSOR_RANK_MAX];
	tensor_strides(t, own);
	for (int i = 0; i < rank; i++) {
		int at = i - (rank - t->rank);
		stride[i] = at < 0 || t->dim[at] == 1 ? 0 : own[at];
	}
	offsets(rank, dim, stride, index);
}
