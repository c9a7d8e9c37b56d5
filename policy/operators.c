/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operators of actors: one row each. What changed between operator sets is in their prepare().
 * Reference: onnx, docs/Operators.md and docs/Changelog.md. */
#include <stddef.h>
#include <string.h>

#include "policy/actor_private.h"

enum { MANY = 256 };

/* clang-format off */
static const struct operator operators[] = {
	/* name              since inputs  outputs attributes                     prepare */
	{ "Add",                7, 2, 2,    1, "",                                prepare_add },
	{ "ArgMax",             1, 1, 1,    1, " axis keepdims select_last_index ", prepare_argmax },
	{ "Cast",               9, 1, 1,    1, " to ",                            prepare_cast },
	{ "Clip",               6, 1, 3,    1, " min max ",                       prepare_clip },
	{ "Concat",             4, 1, MANY, 1, " axis ",                          prepare_concat },
	{ "Constant",           1, 0, 0,    1, " value value_float value_floats value_int value_ints ",
		prepare_constant },
	{ "ConstantOfShape",    9, 1, 1,    1, " value ",                         prepare_constant_of_shape },
	{ "Div",                7, 2, 2,    1, "",                                prepare_div },
	{ "Elu",                6, 1, 1,    1, " alpha ",                         prepare_elu },
	{ "Erf",                9, 1, 1,    1, "",                                prepare_erf },
	{ "Exp",                6, 1, 1,    1, "",                                prepare_exp },
	{ "Expand",             8, 2, 2,    1, "",                                prepare_expand },
	{ "Flatten",            9, 1, 1,    1, " axis ",                          prepare_flatten },
	{ "GRU",                7, 3, 6,    2, " activations clip direction hidden_size linear_before_reset layout ",
		prepare_gru },
	{ "Gather",             1, 2, 2,    1, " axis ",                          prepare_gather },
	{ "Gemm",               9, 2, 3,    1, " alpha beta transA transB ",      prepare_gemm },
	{ "Identity",           1, 1, 1,    1, "",                                prepare_identity },
	{ "LayerNormalization", 17, 2, 3,   1, " axis epsilon stash_type ",       prepare_layer_norm },
	{ "LeakyRelu",          6, 1, 1,    1, " alpha ",                         prepare_leaky_relu },
	{ "Log",                6, 1, 1,    1, "",                                prepare_log },
	{ "MatMul",             9, 2, 2,    1, "",                                prepare_matmul },
	{ "Mul",                7, 2, 2,    1, "",                                prepare_mul },
	{ "Neg",                6, 1, 1,    1, "",                                prepare_neg },
	{ "Pow",                7, 2, 2,    1, "",                                prepare_pow },
	{ "ReduceMean",         1, 1, 2,    1, " axes keepdims noop_with_empty_axes ", prepare_reduce_mean },
	{ "ReduceSum",          1, 1, 2,    1, " axes keepdims noop_with_empty_axes ", prepare_reduce_sum },
	{ "Relu",               6, 1, 1,    1, "",                                prepare_relu },
	{ "Reshape",            5, 2, 2,    1, " allowzero ",                     prepare_reshape },
	{ "Shape",              1, 1, 1,    1, " start end ",                     prepare_shape },
	{ "Sigmoid",            6, 1, 1,    1, "",                                prepare_sigmoid },
	{ "Softmax",            1, 1, 1,    1, " axis ",                          prepare_softmax },
	{ "Sqrt",               6, 1, 1,    1, "",                                prepare_sqrt },
	{ "Squeeze",            1, 1, 2,    1, " axes ",                          prepare_squeeze },
	{ "Sub",                7, 2, 2,    1, "",                                prepare_sub },
	{ "Tanh",               6, 1, 1,    1, "",                                prepare_tanh },
	{ "Transpose",          1, 1, 1,    1, " perm ",                          prepare_transpose },
	{ "Unsqueeze",          1, 1, 2,    1, " axes ",                          prepare_unsqueeze },
};
/* clang-format on */

const struct operator* operator_find(const char *name)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		if (strcmp(operators[i].name, name) == 0) {
			return &operators[i];
		}
	}
	return NULL;
}
