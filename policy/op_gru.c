/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gated recurrent units, over a sequence of any length that is known at load. With h the state, x
 * an input and o the product number by number:
 *
 *   z = sigmoid(Wz x + Rz h + b)     r = sigmoid(Wr x + Rr h + b)
 *   n = tanh(Wh x + b + Rh (r o h) + c), or tanh(Wh x + b + r o (Rh h + c))   linear_before_reset
 *   h = (1 - z) o n + z o h
 *
 * Between runs nothing is kept: initial_h is an input, Y_h an output. */
#include <errno.h>
#include <string.h>

#include "policy/actor_private.h"
#include "policy/dense.h"
#include "policy/vector_math.h"

enum { DIRECTIONS_MAX = 2 };

struct gru {
	int length, rows, inputs, hidden, directions;
	bool reverse; /* the first direction runs backwards */
	bool before_reset;
	float clip; /* of what goes into the gates; 0: none */
	struct direction {
		struct dense input; /* to z, r, n */
		struct dense gates; /* from h, to z, r */
		struct dense fresh; /* from h, or r o h, to n */
	} direction[DIRECTIONS_MAX];
	float *x, *gates, *fresh, *reset, *h; /* working room */
	float room[];
};

static void bound(float *x, int count, float clip)
{
	for (int i = 0; clip > 0 && i < count; i++) {
		x[i] = x[i] < -clip ? -clip : x[i] > clip ? clip : x[i];
	}
}

/* own->h after one more input. */
static void turn(const struct gru *own, const struct direction *d, const float *in)
{
	int n = own->hidden;
	float *x = own->x, *gates = own->gates, *fresh = own->fresh, *h = own->h;
	dense_run(&d->input, in, x);
	dense_run(&d->gates, h, gates);
	for (int i = 0; i < 2 * n; i++) {
		gates[i] += x[i];
	}
	bound(gates, 2 * n, own->clip);
	vector_sigmoid(gates, gates, 2 * n);
	const float *z = gates, *r = gates + n;
	for (int i = 0; i < n; i++) {
		own->reset[i] = own->before_reset ? h[i] : r[i] * h[i];
	}
	dense_run(&d->fresh, own->reset, fresh);
	for (int i = 0; i < n; i++) {
		fresh[i] = x[2 * n + i] + (own->before_reset ? r[i] * fresh[i] : fresh[i]);
	}
	bound(fresh, n, own->clip);
	vector_tanh(fresh, fresh, n);
	for (int i = 0; i < n; i++) {
		h[i] = (1 - z[i]) * fresh[i] + z[i] * h[i];
	}
}

static void run_gru(const struct step *s)
{
	const struct gru *own = s->own;
	size_t n = (size_t)own->hidden, size = n * sizeof(float);
	size_t rows = (size_t)own->rows, directions = (size_t)own->directions;
	const float *start = s->inputs > 5 && s->in[5] ? s->in[5]->real : NULL;
	for (size_t k = 0; k < directions * rows; k++) {
		size_t direction = k / rows, row = k % rows, length = (size_t)own->length;
		bool backwards = direction == 1 || own->reverse;
		memset(own->h, 0, size);
		if (start) {
			memcpy(own->h, start + k * n, size);
		}
		for (size_t t = 0; t < length; t++) {
			size_t at = backwards ? length - 1 - t : t;
			size_t x = (at * rows + row) * (size_t)own->inputs;
			turn(own, &own->direction[direction], s->in[0]->real + x);
			if (s->out[0]) {
				size_t y = (at * directions + direction) * rows + row;
				memcpy(s->out[0]->real + y * n, own->h, size);
			}
		}
		if (s->out[1]) {
			memcpy(s->out[1]->real + k * n, own->h, size);
		}
	}
}

/* Attributes; only the usual activations, and the usual order of dimensions. */
static int take_attributes(struct build *b, const struct gru *shape, struct gru *out)
{
	static const char *const usual[] = { "Sigmoid", "Tanh", "Sigmoid", "Tanh" };
	char text[ONNX_TEXT_MAX] = "forward";
	int64_t hidden, layout = 0;
	*out = *shape;
	int r = onnx_text(b->node, "direction", 0, text) < 0
			? refuse(b, "attribute direction is no text")
			: 0;
	out->reverse = strcmp(text, "reverse") == 0;
	out->directions = strcmp(text, "bidirectional") == 0 ? 2 : 1;
	if (r == 0 && out->directions == 1 && !out->reverse && strcmp(text, "forward") != 0) {
		char shown[ONNX_TEXT_MAX];
		r = refuse(b, "direction %s, expected forward, reverse or bidirectional",
			   onnx_printable(text, shown));
	}
	for (int i = 0, more = 1; r == 0 && more && i < 5; i++) {
		more = onnx_text(b->node, "activations", i, text);
		if (more < 0 || (more && (i == 4 || strcmp(text, usual[i]) != 0))) {
			r = refuse(b, "activations other than Sigmoid, Tanh");
		}
	}
	r = r < 0 ? r : build_float(b, "clip", 0, &out->clip);
	r = r < 0 ? r : build_flag(b, "linear_before_reset", false, &out->before_reset);
	r = r < 0 ? r : build_int(b, "hidden_size", out->hidden, &hidden);
	r = r < 0 ? r : build_int(b, "layout", 0, &layout);
	if (r == 0 && (hidden != out->hidden || layout != 0)) {
		r = refuse(
			b,
			"hidden_size %lld and layout %lld, expected %d, as the weights are, and 0",
			(long long)hidden, (long long)layout, out->hidden);
	}
	return r;
}

/* Input i must be float and of exactly that shape, where it is given. */
static int check_shape(struct build *b, const struct step *s, int i, int rank, const int *dim)
{
	char text[TEXT_MAX];
	if (i >= s->inputs || !s->in[i]) {
		return 0;
	}
	const struct tensor *t = s->in[i];
	int r = build_real(b, s, i);
	if (r == 0 && (t->rank != rank || memcmp(t->dim, dim, (size_t)rank * sizeof(*dim)) != 0)) {
		r = refuse(b, "input %d of shape %s does not fit the others", i,
			   tensor_text(t, text));
	}
	if (r == 0 && i >= 1 && i <= 3 && !t->known) {
		r = refuse(b, "input %d, weights, is not known at load", i);
	}
	return r;
}

static int check_inputs(struct build *b, const struct step *s, const struct gru *g)
{
	int d = g->directions, n = g->hidden;
	if (s->inputs > 4 && s->in[4]) {
		return refuse(b, "lengths of sequences are given, expected none");
	}
	int r = check_shape(b, s, 1, 3, (int[]){ d, 3 * n, g->inputs });
	r = r < 0 ? r : check_shape(b, s, 2, 3, (int[]){ d, 3 * n, n });
	r = r < 0 ? r : check_shape(b, s, 3, 2, (int[]){ d, 6 * n });
	return r < 0 ? r : check_shape(b, s, 5, 3, (int[]){ d, g->rows, n });
}

/* A layer's weights from rows of them, and its biases. */
static void fill(struct dense *d, const float *weight, const float *bias)
{
	for (int k = 0; k < d->outputs; k++) {
		for (int i = 0; i < d->inputs; i++) {
			*dense_weight(d, i, k) = weight[(size_t)k * (size_t)d->inputs + (size_t)i];
		}
		d->bias[k] = bias ? bias[k] : 0;
	}
}

static void lay_out(struct gru *own, const struct step *s)
{
	size_t n = (size_t)own->hidden;
	float *room = own->room;
	for (int k = 0; k < own->directions; k++) {
		struct direction *d = &own->direction[k];
		size_t at = (size_t)k;
		const float *w = s->in[1]->real + at * 3 * n * (size_t)own->inputs;
		const float *r = s->in[2]->real + at * 3 * n * n;
		const float *bias = s->inputs > 3 && s->in[3] ? s->in[3]->real + at * 6 * n : NULL;
		dense_init(&d->input, own->inputs, 3 * own->hidden, room);
		room += dense_size(own->inputs, 3 * own->hidden);
		dense_init(&d->gates, own->hidden, 2 * own->hidden, room);
		room += dense_size(own->hidden, 2 * own->hidden);
		dense_init(&d->fresh, own->hidden, own->hidden, room);
		room += dense_size(own->hidden, own->hidden);
		fill(&d->input, w, bias);
		fill(&d->gates, r, bias ? bias + 3 * n : NULL);
		fill(&d->fresh, r + 2 * n * n, bias ? bias + 5 * n : NULL);
	}
	own->x = room;
	own->gates = own->x + 3 * n;
	own->fresh = own->gates + 2 * n;
	own->reset = own->fresh + n;
	own->h = own->reset + n;
}

int prepare_gru(struct build *b, struct step *s)
{
	for (int i = 0; i < 3; i++) {
		int r = build_real(b, s, i);
		if (r < 0) {
			return r;
		}
	}
	const struct tensor *x = s->in[0], *w = s->in[1];
	if (x->rank != 3 || w->rank != 3 || w->dim[1] % 3 != 0) {
		return refuse(b, "expected a sequence and weights of three dimensions");
	}
	const struct gru shape = {
		.length = x->dim[0], .rows = x->dim[1], .inputs = x->dim[2], .hidden = w->dim[1] / 3
	};
	struct gru g;
	int r = take_attributes(b, &shape, &g);
	r = r < 0 ? r : check_inputs(b, s, &g);
	int64_t d = g.directions, n = g.hidden, turns = d * g.length * g.rows;
	r = r < 0 ? r : build_output(b, s, 0, x->type, 4, (int64_t[]){ g.length, d, g.rows, n });
	r = r < 0 ? r : build_output(b, s, 1, x->type, 3, (int64_t[]){ d, g.rows, n });
	r = r < 0 ? r : build_work(b, turns * 3 * n * (g.inputs + n + 2));
	if (r < 0) {
		return r;
	}
	size_t floats = dense_size(g.inputs, 3 * g.hidden) + dense_size(g.hidden, 2 * g.hidden) +
			dense_size(g.hidden, g.hidden);
	floats = floats * (size_t)d + 8 * (size_t)n;
	r = build_numbers(b, (int64_t)floats);
	if (r < 0) {
		return r;
	}
	struct gru *own = build_own(s, sizeof(*own) + floats * sizeof(float));
	if (!own) {
		return -ENOMEM;
	}
	*own = g;
	lay_out(own, s);
	s->run = run_gru;
	return 0;
}
