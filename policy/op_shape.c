/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators that only change a shape, which costs nothing in a run: Flatten, Reshape, Squeeze,
 * Unsqueeze, Identity; and what is known at load: Shape, Constant, ConstantOfShape. */
#include <errno.h>
#include <string.h>

#include "policy/actor_private.h"

enum { VALUES_MAX = 64 }; /* in a list that is an attribute */

int prepare_identity(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	int64_t dim[TENSOR_RANK_MAX];
	for (int i = 0; i < in->rank; i++) {
		dim[i] = in->dim[i];
	}
	return build_view(b, s, in->rank, dim);
}

/* Two dimensions: those before the axis, and the rest. */
int prepare_flatten(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	int64_t axis, dim[2] = { 1, 1 };
	int r = build_int(b, "axis", 1, &axis);
	if (r == 0 && (axis < -in->rank || axis > in->rank)) {
		r = refuse(b, "axis %lld, expected %d to %d", (long long)axis, -in->rank, in->rank);
	}
	if (r < 0) {
		return r;
	}
	axis += axis < 0 ? in->rank : 0;
	for (int i = 0; i < in->rank; i++) {
		dim[i >= axis] *= in->dim[i];
	}
	return build_view(b, s, 2, dim);
}

/* 0 keeps a dimension, -1 is what is left. */
int prepare_reshape(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	const int64_t *wanted;
	int64_t dim[TENSOR_RANK_MAX], rest = 1;
	int rank, open = -1;
	bool zero;
	int r = build_known(b, s, 1, &wanted, &rank);
	r = r < 0 ? r : build_flag(b, "allowzero", false, &zero);
	if (r == 0 && rank > TENSOR_RANK_MAX) {
		r = refuse(b, "to %d dimensions, expected at most %d", rank, TENSOR_RANK_MAX);
	}
	for (int i = 0; r == 0 && i < rank; i++) {
		dim[i] = wanted[i];
		if (dim[i] == 0 && !zero) {
			dim[i] = i < in->rank ? in->dim[i] : -2;
		}
		if (dim[i] == -1 && open < 0) {
			open = i;
		} else if (dim[i] < 0 || dim[i] > TENSOR_COUNT_MAX || rest > TENSOR_COUNT_MAX) {
			r = refuse(b, "dimension %d of the shape it makes is of no use", i);
		} else {
			rest *= dim[i];
		}
	}
	if (r < 0) {
		return r;
	}
	if (open >= 0) {
		dim[open] = rest > 0 ? in->count / rest : 0;
	}
	return build_view(b, s, rank, dim);
}

/* The axes are an attribute, and since operator set 13 an input; none: each dimension of 1. */
int prepare_squeeze(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	bool among[TENSOR_RANK_MAX];
	int64_t dim[TENSOR_RANK_MAX];
	int axes, rank = 0;
	int r = build_axes(b, s, 1, in->rank, among, &axes);
	for (int i = 0; r == 0 && i < in->rank; i++) {
		if (axes < 0 ? in->dim[i] == 1 : among[i]) {
			r = in->dim[i] == 1
				    ? 0
				    : refuse(b, "axis %d of %d numbers, expected 1", i, in->dim[i]);
		} else {
			dim[rank++] = in->dim[i];
		}
	}
	return r < 0 ? r : build_view(b, s, rank, dim);
}

/* The axes count in what comes out. */
int prepare_unsqueeze(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	int64_t room[TENSOR_RANK_MAX], dim[TENSOR_RANK_MAX];
	const int64_t *ignored = room;
	bool among[TENSOR_RANK_MAX];
	int axes = 0;
	int found = onnx_ints(b->node, "axes", TENSOR_RANK_MAX, room, &axes);
	int r = found < 0 ? refuse(b, "attribute axes is no list of whole numbers") : 0;
	if (r == 0 && found == 0) {
		r = s->inputs > 1 ? build_known(b, s, 1, &ignored, &axes)
				  : refuse(b, "no axes are given");
	}
	if (r == 0 && in->rank + axes > TENSOR_RANK_MAX) {
		r = refuse(b, "makes %d dimensions, expected at most %d", in->rank + axes,
			   TENSOR_RANK_MAX);
	}
	r = r < 0 ? r : build_axes(b, s, 1, in->rank + axes, among, &axes);
	if (r < 0) {
		return r;
	}
	for (int i = 0, from = 0; i < in->rank + axes; i++) {
		dim[i] = among[i] ? 1 : in->dim[from++];
	}
	return build_view(b, s, in->rank + axes, dim);
}

/* The dimensions, or since operator set 15 those from start to before end: known at load whatever
 * the input is. */
int prepare_shape(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	int64_t start, end;
	int r = build_int(b, "start", 0, &start);
	r = r < 0 ? r : build_int(b, "end", in->rank, &end);
	if (r < 0) {
		return r;
	}
	start += start < 0 ? in->rank : 0;
	end += end < 0 ? in->rank : 0;
	start = start < 0 ? 0 : start > in->rank ? in->rank : start;
	end = end < start ? start : end > in->rank ? in->rank : end;
	r = build_output(b, s, 0, ELEMENT_INT64, 1, (int64_t[]){ end - start });
	for (int64_t i = start; r == 0 && i < end; i++) {
		s->out[0]->whole[i - start] = in->dim[i];
	}
	s->out[0]->known = true;
	return r;
}

/* One of its attributes. */
int prepare_constant(struct build *b, struct step *s)
{
	int64_t whole[VALUES_MAX] = { 0 };
	float real;
	int count = 1;
	int r = onnx_tensor(b->model, b->node, "value", s->out[0], b->diag);
	if (r != 0) {
		return r < 0 ? r : build_numbers(b, s->out[0]->count);
	}
	if (onnx_float(b->node, "value_float", &real) == 1) {
		r = build_output(b, s, 0, ELEMENT_FLOAT, 0, NULL);
		if (r == 0) {
			s->out[0]->real[0] = real;
		}
	} else if (onnx_int(b->node, "value_int", whole) == 1) {
		r = build_output(b, s, 0, ELEMENT_INT64, 0, NULL);
	} else if (onnx_ints(b->node, "value_ints", VALUES_MAX, whole, &count) == 1) {
		r = build_output(b, s, 0, ELEMENT_INT64, 1, (int64_t[]){ count });
	} else {
		return refuse(b, "expected a value that is a tensor, a float or whole numbers");
	}
	for (int i = 0; r == 0 && s->out[0]->whole && i < count; i++) {
		s->out[0]->whole[i] = whole[i];
	}
	s->out[0]->known = true;
	return r;
}

int prepare_constant_of_shape(struct build *b, struct step *s)
{
	const int64_t *dim;
	int rank;
	struct tensor value = { .type = ELEMENT_FLOAT };
	int r = build_known(b, s, 0, &dim, &rank);
	int found = r < 0 ? r : onnx_tensor(b->model, b->node, "value", &value, b->diag);
	if (found < 0) {
		return found;
	}
	if (found && value.count != 1) {
		r = refuse(b, "its value has %d numbers, expected 1", value.count);
	}
	if (r == 0 && rank > TENSOR_RANK_MAX) {
		r = refuse(b, "makes %d dimensions, expected at most %d", rank, TENSOR_RANK_MAX);
	}
	r = r < 0 ? r : build_output(b, s, 0, value.type, rank, dim);
	for (int i = 0; r == 0 && found && i < s->out[0]->count; i++) {
		if (value.real) {
			s->out[0]->real[i] = value.real[0];
		} else {
			s->out[0]->whole[i] = value.whole[0];
		}
	}
	s->out[0]->known = true;
	tensor_free(&value);
	return r;
}
