/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the loader and the operators of an actor.
 *
 * An operator is a row of the table in operators.c. Its prepare() looks at a node's attributes and
 * the shapes of its inputs, gives the outputs their shapes, and names the function that computes
 * them. That function is called with valid pointers only, and can do nothing wrong: what could go
 * wrong was refused. */
#ifndef LECD_POLICY_ACTOR_PRIVATE_H
#define LECD_POLICY_ACTOR_PRIVATE_H

#include "policy/actor.h"
#include "policy/onnx.h"

enum { STEP_OUTPUTS_MAX = 2, TEXT_MAX = TENSOR_TEXT_MAX };

struct step {
	void (*run)(const struct step *s); /* NULL: nothing to do, the output is a view */
	int inputs;
	const struct tensor **in;             /* NULL: left out. Owned. */
	struct tensor *out[STEP_OUTPUTS_MAX]; /* NULL: not asked for */
	void *own; /* what the operator keeps, one block; freed with the step */
};

struct build {
	const struct onnx_model *model;
	const struct onnx_node *node;
	struct diag *diag;
	int64_t numbers; /* in the tensors so far */
	int64_t work;
};

struct operator
{
	const char *name;
	int since; /* operator set */
	int inputs_min, inputs_max;
	int outputs_max;
	const char *attributes; /* that are understood, between blanks */
	int (*prepare)(struct build * b, struct step * s);
};

const struct operator* operator_find(const char *name);

/* Refuse the node. Returns -EINVAL. */
#define refuse(b, ...) onnx_refuse((b)->model, (b)->node, (b)->diag, __VA_ARGS__)

/* An attribute, or what it is without; -EINVAL, refused, where it is of another type. */
int build_int(struct build *b, const char *name, int64_t fallback, int64_t *out);
int build_float(struct build *b, const char *name, float fallback, float *out);
/* A truth value: 0 or 1. */
int build_flag(struct build *b, const char *name, bool fallback, bool *out);
/* An axis of a tensor of that rank, counted from the end where < 0: from 0 to below rank. */
int build_axis(struct build *b, int64_t given, int rank, int *out);
int build_axis_attribute(struct build *b, int64_t fallback, int rank, int *out);
/* Axes from the attribute "axes", or from input i, which must be known, if it is there. Fills the
 * flag of each axis that is among them; *count < 0: none were given. */
int build_axes(struct build *b, const struct step *s, int i, int rank, bool *among, int *count);

/* Whole numbers of input i, known at load. */
int build_known(struct build *b, const struct step *s, int i, const int64_t **out, int *count);
/* Refuse an input that is not of real numbers. */
int build_real(struct build *b, const struct step *s, int i);

/* Shape output i and make room for it; count what a run costs. Return 0, -EINVAL or -ENOMEM. */
int build_output(struct build *b, struct step *s, int i, enum element type, int rank,
		 const int64_t *dim);
int build_like(struct build *b, struct step *s, int i, const struct tensor *like);
/* The same numbers as input 0, in another shape. */
int build_view(struct build *b, struct step *s, int rank, const int64_t *dim);
int build_work(struct build *b, int64_t multiplications);
/* Count what an actor holds: what cannot be is refused. */
int build_numbers(struct build *b, int64_t numbers);
/* Room for s->own, zeros. */
void *build_own(struct step *s, size_t size);
/* The two shapes broadcast into one. */
int build_broadcast(struct build *b, const struct tensor *x, const struct tensor *y, int *rank,
		    int64_t *dim);

/* For each number of a tensor of that shape the index of the one of t it comes from by
 * broadcasting. */
void broadcast_index(const struct tensor *t, int rank, const int *dim, int *index);
/* The offsets of all positions in dim, with those strides: the product of dim of them. */
void offsets(int rank, const int *dim, const int *stride, int *out);

/* The operators' prepare(), by family. */
int prepare_add(struct build *b, struct step *s); /* op_binary.c */
int prepare_sub(struct build *b, struct step *s);
int prepare_mul(struct build *b, struct step *s);
int prepare_div(struct build *b, struct step *s);
int prepare_pow(struct build *b, struct step *s);
int prepare_relu(struct build *b, struct step *s); /* op_unary.c */
int prepare_leaky_relu(struct build *b, struct step *s);
int prepare_elu(struct build *b, struct step *s);
int prepare_tanh(struct build *b, struct step *s);
int prepare_sigmoid(struct build *b, struct step *s);
int prepare_exp(struct build *b, struct step *s);
int prepare_log(struct build *b, struct step *s);
int prepare_sqrt(struct build *b, struct step *s);
int prepare_neg(struct build *b, struct step *s);
int prepare_erf(struct build *b, struct step *s);
int prepare_clip(struct build *b, struct step *s);
int prepare_gemm(struct build *b, struct step *s); /* op_dense.c */
int prepare_matmul(struct build *b, struct step *s);
int prepare_reduce_mean(struct build *b, struct step *s); /* op_reduce.c */
int prepare_reduce_sum(struct build *b, struct step *s);
int prepare_softmax(struct build *b, struct step *s); /* op_axis.c */
int prepare_layer_norm(struct build *b, struct step *s);
int prepare_argmax(struct build *b, struct step *s);
int prepare_flatten(struct build *b, struct step *s); /* op_shape.c */
int prepare_reshape(struct build *b, struct step *s);
int prepare_squeeze(struct build *b, struct step *s);
int prepare_unsqueeze(struct build *b, struct step *s);
int prepare_identity(struct build *b, struct step *s);
int prepare_shape(struct build *b, struct step *s);
int prepare_constant(struct build *b, struct step *s);
int prepare_constant_of_shape(struct build *b, struct step *s);
int prepare_cast(struct build *b, struct step *s); /* op_move.c */
int prepare_concat(struct build *b, struct step *s);
int prepare_gather(struct build *b, struct step *s);
int prepare_expand(struct build *b, struct step *s);
int prepare_transpose(struct build *b, struct step *s);
int prepare_gru(struct build *b, struct step *s); /* op_gru.c */

#endif
