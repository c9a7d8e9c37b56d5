/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dense layers written as an ONNX file: what our trainer hands to actor.h, and to anyone else who
 * reads ONNX. Operator set 13, one row at a time, float32. */
#ifndef LECD_POLICY_ONNX_WRITE_H
#define LECD_POLICY_ONNX_WRITE_H

/* out = activation(in * weight + bias). */
struct onnx_layer {
	int inputs, outputs;
	const float *weight; /* a row for each input */
	const float *bias;
	const char *activation; /* an operator of one input: "Relu", "Tanh"; NULL: none */
};

/* Write layers, one behind the other (each takes what the one before gives), to path, whole or not
 * at all: the input is named "observation", the output "action". Returns 0 or -errno. */
int onnx_write_layers(const char *path, const struct onnx_layer *layer, int layers);

#endif
