/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The product of rows with a matrix of weights, as the processor likes it: the weights laid out
 * once in panels of 16 columns, each panel row after row, so that a panel's 16 sums stay in
 * registers while the inputs go by. */
#ifndef LECD_POLICY_DENSE_H
#define LECD_POLICY_DENSE_H

#include <stdbool.h>
#include <stddef.h>

enum { DENSE_PANEL = 16 };

struct dense {
	int inputs, outputs;
	int panels;
	float *weight; /* panels of inputs rows of DENSE_PANEL, zeros behind the last column */
	float *bias;   /* panels of DENSE_PANEL */
	bool wide;     /* the processor has registers of 8 floats */
};

/* The floats that the weights and the bias of a layer take. */
size_t dense_size(int inputs, int outputs);

/* Set d up in room for dense_size() zeros. */
void dense_init(struct dense *d, int inputs, int outputs, float *room);

/* The weight from an input to an output. */
float *dense_weight(const struct dense *d, int input, int output);

/* out[] = bias + in * weights. */
void dense_run(const struct dense *d, const float *in, float *out);

#endif
