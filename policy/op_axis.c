/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators along an axis: Softmax, LayerNormalization, ArgMax. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "policy/actor_private.h"
#include "policy/vector_math.h"

/* The numbers as outer blocks, each of length rows of inner numbers. */
struct along {
	int outer, length, inner;
	float epsilon;
	bool last; /* of several largest the last */
};

static void split_at(struct along *own, const struct tensor *t, int axis)
{
	own->outer = own->inner = 1;
	own->length = t->dim[axis];
	for (int i = 0; i < t->rank; i++) {
		own->outer *= i < axis ? t->dim[i] : 1;
		own->inner *= i > axis ? t->dim[i] : 1;
	}
}

/* Less the largest, so that nothing overflows; the largest of NaNs is NaN. */
static void run_softmax(const struct step *s)
{
	const struct along *own = s->own;
	const float *in = s->in[0]->real;
	float *out = s->out[0]->real;
	for (int at = 0; at < own->outer * own->inner; at++) {
		int base = at / own->inner * own->length * own->inner + at % own->inner;
		float largest = in[base];
		for (int k = 1; k < own->length; k++) {
			float x = in[base + k * own->inner];
			largest = x <= largest ? largest : x;
		}
		for (int k = 0; k < own->length; k++) {
			out[base + k * own->inner] = in[base + k * own->inner] - largest;
		}
	}
	vector_exp(out, out, s->out[0]->count);
	for (int at = 0; at < own->outer * own->inner; at++) {
		int base = at / own->inner * own->length * own->inner + at % own->inner;
		float sum = 0;
		for (int k = 0; k < own->length; k++) {
			sum += out[base + k * own->inner];
		}
		for (int k = 0; k < own->length; k++) {
			out[base + k * own->inner] /= sum;
		}
	}
}

/* Over one axis since operator set 13; before, over all dimensions from the axis on. */
int prepare_softmax(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	struct along *own = build_own(s, sizeof(*own));
	int axis = 0;
	int64_t given = 0;
	bool flat = b->model->opset < 13;
	int r = own ? build_real(b, s, 0) : -ENOMEM;
	r = r < 0 ? r : build_int(b, "axis", flat ? 1 : -1, &given);
	/* All of a list of one dimension may be left of the axis. */
	if (r == 0 && !(flat && given == in->rank)) {
		r = build_axis(b, given, in->rank, &axis);
	} else {
		axis = in->rank;
	}
	r = r < 0 ? r : build_like(b, s, 0, in);
	if (r < 0) {
		return r;
	}
	own->outer = own->length = own->inner = 1;
	if (!flat) {
		split_at(own, in, axis);
	} else {
		for (int i = 0; i < in->rank; i++) {
			*(i < axis ? &own->outer : &own->length) *= in->dim[i];
		}
	}
	s->run = run_softmax;
	return build_work(b, 4 * (int64_t)in->count);
}

static void run_layer_norm(const struct step *s)
{
	const struct along *own = s->own;
	const float *scale = s->in[1]->real;
	const float *bias = s->inputs > 2 && s->in[2] ? s->in[2]->real : NULL;
	for (int at = 0; at < own->outer; at++) {
		const float *in = s->in[0]->real + (ptrdiff_t)at * own->length;
		float *out = s->out[0]->real + (ptrdiff_t)at * own->length;
		double sum = 0, squares = 0;
		for (int i = 0; i < own->length; i++) {
			sum += (double)in[i];
		}
		double mean = sum / own->length;
		for (int i = 0; i < own->length; i++) {
			squares += ((double)in[i] - mean) * ((double)in[i] - mean);
		}
		double factor = 1 / sqrt(squares / own->length + (double)own->epsilon);
		for (int i = 0; i < own->length; i++) {
			float x = (float)(((double)in[i] - mean) * factor);
			out[i] = x * scale[i] + (bias ? bias[i] : 0);
		}
	}
}

int prepare_layer_norm(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	struct along *own = build_own(s, sizeof(*own));
	int axis;
	int r = own ? build_real(b, s, 0) : -ENOMEM;
	r = r < 0 ? r : build_axis_attribute(b, -1, in->rank, &axis);
	r = r < 0 ? r : build_float(b, "epsilon", 1e-5f, &own->epsilon);
	r = r < 0 ? r : build_like(b, s, 0, in);
	if (r < 0) {
		return r;
	}
	own->outer = own->length = 1;
	for (int i = 0; i < in->rank; i++) {
		*(i < axis ? &own->outer : &own->length) *= in->dim[i];
	}
	for (int i = 1; i < s->inputs; i++) {
		char text[TEXT_MAX];
		r = i == 2 && !s->in[i] ? 0 : build_real(b, s, i);
		if (r == 0 && s->in[i] && s->in[i]->count != own->length) {
			r = refuse(b, "input %d of shape %s, expected the %d numbers of a row", i,
				   tensor_text(s->in[i], text), own->length);
		}
		if (r < 0) {
			return r;
		}
	}
	s->run = run_layer_norm;
	return build_work(b, 4 * (int64_t)in->count);
}

/* Of the largest the first, or the last; none where there is a NaN. */
static void run_argmax(const struct step *s)
{
	const struct along *own = s->own;
	for (int at = 0; at < own->outer * own->inner; at++) {
		const float *in = s->in[0]->real +
				  (ptrdiff_t)(at / own->inner) * own->length * own->inner +
				  at % own->inner;
		int best = isnan(in[0]) ? -1 : 0;
		for (int k = 1; best >= 0 && k < own->length; k++) {
			float x = in[(ptrdiff_t)k * own->inner];
			float top = in[(ptrdiff_t)best * own->inner];
			if (isnan(x)) {
				best = -1;
			} else if (x > top || (own->last && x == top)) {
				best = k;
			}
		}
		s->out[0]->whole[at] = best < 0 ? TENSOR_NONE : best;
	}
}

int prepare_argmax(struct build *b, struct step *s)
{
	const struct tensor *in = s->in[0];
	struct along *own = build_own(s, sizeof(*own));
	int axis = 0;
	bool keep = true;
	int r = own ? build_real(b, s, 0) : -ENOMEM;
	r = r < 0 ? r : build_axis_attribute(b, 0, in->rank, &axis);
	r = r < 0 ? r : build_flag(b, "keepdims", true, &keep);
	r = r < 0 ? r : build_flag(b, "select_last_index", false, &own->last);
	if (r < 0) {
		return r;
	}
	split_at(own, in, axis);
	int64_t shape[TENSOR_RANK_MAX];
	int rank = 0;
	for (int i = 0; i < in->rank; i++) {
		if (i != axis || keep) {
			shape[rank++] = i == axis ? 1 : in->dim[i];
		}
	}
	s->run = run_argmax;
	r = build_output(b, s, 0, ELEMENT_INT64, rank, shape);
	return r < 0 ? r : build_work(b, in->count);
}
