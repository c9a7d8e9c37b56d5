/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A network of dense layers, forwards and backwards, over a batch of rows. What it is stands in a
 * struct mlp; its parameters are one row of floats of the caller's, so that optimisers, targets and
 * checkpoints take them as such: of each layer its weights, a row for each of its inputs, then its
 * biases. */
#ifndef LECD_TRAIN_MLP_H
#define LECD_TRAIN_MLP_H

#include <stdint.h>

#include "policy/train/matrix.h"

enum activation { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_TANH };
enum { MLP_LAYERS_MAX = 4, MLP_WIDTH_MAX = 4096 };

struct mlp {
	int layers;
	int width[MLP_LAYERS_MAX + 1]; /* inputs, those behind each layer */
	enum activation hidden, last;  /* behind the layers but the last; behind it */
};

/* What some rows leave behind in a network. */
struct mlp_trace {
	int room_rows, rows;           /* that there is room for; of the last mlp_forward */
	float *out[MLP_LAYERS_MAX];    /* of each layer, behind its activation */
	float *change[MLP_LAYERS_MAX]; /* of the loss with that; the caller fills in the last */
	float *room;                   /* owned */
};

/* Whether its sizes are sound. */
int mlp_check(const struct mlp *m); /* 0 or -EINVAL */
int mlp_inputs(const struct mlp *m);
int mlp_outputs(const struct mlp *m);

/* The number of its parameters; where a layer's weights and biases begin among them. */
int mlp_parameters(const struct mlp *m);
int mlp_weights_at(const struct mlp *m, int layer);
int mlp_biases_at(const struct mlp *m, int layer);

/* Draw parameters: uniform within 1 / sqrt(inputs of the layer), those of the last layer times
 * `last`. LeCun et al. 1998, Efficient BackProp. */
void mlp_draw(const struct mlp *m, uint64_t seed, uint32_t stream, float last, float *parameters);

/* How many rows are best taken at a time: so many that what they leave behind stays in the
 * processor's cache, and that BLAS need not rearrange the matrices. */
int mlp_rows_at_once(const struct mlp *m);

/* Room for so many rows at a time. Returns 0 or -ENOMEM. */
int mlp_trace_init(struct mlp_trace *t, const struct mlp *m, int rows);
void mlp_trace_free(struct mlp_trace *t);

/* The last layer's outputs of a trace, and the changes of the loss with them. */
struct matrix mlp_out(const struct mlp *m, const struct mlp_trace *t);
struct matrix mlp_change(const struct mlp *m, const struct mlp_trace *t);

/* in: as many rows as the trace has room for, or fewer. */
void mlp_forward(const struct mlp *m, const float *parameters, const struct matrix *in,
		 struct mlp_trace *t);

/* After mlp_forward, with mlp_change filled in (and used up): to gradient (NULL: not wanted) is
 * added the change of the loss with each parameter; in_change (NULL: not wanted) with as many
 * inputs as it has columns, from the first_input on. */
void mlp_backward(const struct mlp *m, const float *parameters, const struct matrix *in,
		  struct mlp_trace *t, float *gradient, int first_input, struct matrix *in_change);

#endif
