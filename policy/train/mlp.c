/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/train/mlp.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/base/chance.h"
#include "policy/vector_math.h"

int mlp_check(const struct mlp *m)
{
	bool sound = m->layers >= 1 && m->layers <= MLP_LAYERS_MAX;
	for (int i = 0; sound && i <= m->layers; i++) {
		sound = m->width[i] >= 1 && m->width[i] <= MLP_WIDTH_MAX;
	}
	return sound ? 0 : -EINVAL;
}

int mlp_inputs(const struct mlp *m)
{
	return m->width[0];
}

int mlp_outputs(const struct mlp *m)
{
	return m->width[m->layers];
}

int mlp_weights_at(const struct mlp *m, int layer)
{
	int at = 0;
	for (int i = 0; i < layer; i++) {
		at += (m->width[i] + 1) * m->width[i + 1];
	}
	return at;
}

int mlp_biases_at(const struct mlp *m, int layer)
{
	return mlp_weights_at(m, layer) + m->width[layer] * m->width[layer + 1];
}

int mlp_parameters(const struct mlp *m)
{
	return mlp_weights_at(m, m->layers);
}

void mlp_draw(const struct mlp *m, uint64_t seed, uint32_t stream, float last, float *parameters)
{
	for (int layer = 0; layer < m->layers; layer++) {
		double within = 1 / sqrt(m->width[layer]) * (layer == m->layers - 1 ? last : 1);
		int end = mlp_weights_at(m, layer + 1);
		for (int i = mlp_weights_at(m, layer); i < end; i++) {
			double x = chance_uniform(seed, stream, i);
			parameters[i] = (float)(within * (2 * x - 1));
		}
	}
}

int mlp_rows_at_once(const struct mlp *m)
{
	/* OpenBLAS multiplies in place up to a million; a multiple of 12 fits its kernels. */
	enum { IN_PLACE = 1000000, LEAST = 48, MOST = 192, MULTIPLE = 12 };
	int largest = 1;
	for (int i = 0; i < m->layers; i++) {
		int size = m->width[i] * m->width[i + 1];
		largest = size > largest ? size : largest;
	}
	int rows = IN_PLACE / largest / MULTIPLE * MULTIPLE;
	return rows < LEAST ? LEAST : rows > MOST ? MOST : rows;
}

int mlp_trace_init(struct mlp_trace *t, const struct mlp *m, int rows)
{
	size_t all = 0;
	for (int i = 1; i <= m->layers; i++) {
		all += (size_t)rows * (size_t)m->width[i];
	}
	*t = (struct mlp_trace){ .room_rows = rows, .room = calloc(2 * all + 1, sizeof(float)) };
	float *next = t->room;
	for (int i = 0; i < m->layers && next; i++) {
		t->out[i] = next;
		t->change[i] = next + all;
		next += (size_t)rows * (size_t)m->width[i + 1];
	}
	return t->room ? 0 : -ENOMEM;
}

void mlp_trace_free(struct mlp_trace *t)
{
	free(t->room);
	*t = (struct mlp_trace){ 0 };
}

struct matrix mlp_out(const struct mlp *m, const struct mlp_trace *t)
{
	return matrix_of(t->out[m->layers - 1], t->rows, mlp_outputs(m));
}

struct matrix mlp_change(const struct mlp *m, const struct mlp_trace *t)
{
	return matrix_of(t->change[m->layers - 1], t->rows, mlp_outputs(m));
}

/* The weights of a layer, whose parameters are read only. */
static struct matrix weights(const struct mlp *m, const float *parameters, int layer)
{
	return matrix_of((float *)(uintptr_t)(parameters + mlp_weights_at(m, layer)),
			 m->width[layer], m->width[layer + 1]);
}

static enum activation activation(const struct mlp *m, int layer)
{
	return layer == m->layers - 1 ? m->last : m->hidden;
}

static void add_biases(float *restrict out, const float *restrict bias, int rows, int columns)
{
	for (int r = 0; r < rows; r++, out += columns) {
		for (int c = 0; c < columns; c++) {
			out[c] += bias[c];
		}
	}
}

static void add_biases_relu(float *restrict out, const float *restrict bias, int rows, int columns)
{
	for (int r = 0; r < rows; r++, out += columns) {
		for (int c = 0; c < columns; c++) {
			float x = out[c] + bias[c];
			out[c] = x > 0 ? x : 0;
		}
	}
}

void mlp_forward(const struct mlp *m, const float *parameters, const struct matrix *in,
		 struct mlp_trace *t)
{
	struct matrix from = *in;
	assert(in->rows <= t->room_rows && in->columns == mlp_inputs(m));
	t->rows = in->rows;
	for (int layer = 0; layer < m->layers; layer++) {
		struct matrix w = weights(m, parameters, layer);
		struct matrix out = matrix_of(t->out[layer], t->rows, w.columns);
		const float *bias = parameters + mlp_biases_at(m, layer);
		matrix_multiply(&from, &w, &out);
		if (activation(m, layer) == ACTIVATION_RELU) {
			add_biases_relu(out.at, bias, out.rows, out.columns);
		} else {
			add_biases(out.at, bias, out.rows, out.columns);
		}
		if (activation(m, layer) == ACTIVATION_TANH) {
			vector_tanh(out.at, out.at, out.rows * out.columns);
		}
		from = out;
	}
}

static void undo_relu(const float *restrict out, float *restrict change, int count)
{
	for (int i = 0; i < count; i++) {
		change[i] = out[i] > 0 ? change[i] : 0;
	}
}

static void undo_tanh(const float *restrict out, float *restrict change, int count)
{
	for (int i = 0; i < count; i++) {
		change[i] *= 1 - out[i] * out[i];
	}
}

/* From the change with what an activation gives to that with what it gets. */
static void undo(enum activation activation, const float *out, float *change, int count)
{
	if (activation == ACTIVATION_RELU) {
		undo_relu(out, change, count);
	} else if (activation == ACTIVATION_TANH) {
		undo_tanh(out, change, count);
	}
}

static void add_rows(const float *restrict in, float *restrict out, int rows, int columns)
{
	for (int r = 0; r < rows; r++, in += columns) {
		for (int c = 0; c < columns; c++) {
			out[c] += in[c];
		}
	}
}

void mlp_backward(const struct mlp *m, const float *parameters, const struct matrix *in,
		  struct mlp_trace *t, float *gradient, int first_input, struct matrix *in_change)
{
	for (int layer = m->layers - 1; layer >= 0; layer--) {
		struct matrix w = weights(m, parameters, layer);
		struct matrix change = matrix_of(t->change[layer], t->rows, w.columns);
		struct matrix from = layer ? matrix_of(t->out[layer - 1], t->rows, w.rows) : *in;
		undo(activation(m, layer), t->out[layer], change.at, t->rows * w.columns);
		if (gradient) {
			struct matrix dw =
				matrix_of(gradient + mlp_weights_at(m, layer), w.rows, w.columns);
			matrix_add_left(&from, &change, &dw);
			add_rows(change.at, gradient + mlp_biases_at(m, layer), t->rows, w.columns);
		}
		if (layer > 0) {
			struct matrix down = matrix_of(t->change[layer - 1], t->rows, w.rows);
			matrix_multiply_right(&change, &w, &down);
		} else if (in_change) {
			assert(first_input + in_change->columns <= w.rows);
			struct matrix some = matrix_of(w.at + first_input * w.columns,
						       in_change->columns, w.columns);
			matrix_multiply_right(&change, &some, in_change);
		}
	}
}
