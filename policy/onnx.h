/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An ONNX file as a graph: nodes, and the values between them, linked by number. Only this module
 * knows protobuf; the format is onnx.proto of Debian's libonnx-dev.
 *
 * A file is taken whole or refused: cut off, nested deeper or fuller than any actor is, without a
 * graph, of an operator set outside 9..18, a value made twice, an output that nothing makes.
 * Whether its operators can be run is the business of actor.h. */
#ifndef LECD_POLICY_ONNX_H
#define LECD_POLICY_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "policy/tensor.h"

enum { ONNX_OPSET_MIN = 9, ONNX_OPSET_MAX = 18, ONNX_TEXT_MAX = 128 };

struct onnx_value {
	const char *name;
	int node;            /* that makes it; -1: none */
	const void *given;   /* initialiser, or NULL */
	const void *message; /* of a graph's input, or NULL */
};

struct onnx_node {
	const char *name; /* its own, or that of its first output */
	const char *op;
	const char *domain; /* "": the standard's */
	int inputs, outputs;
	int *input; /* numbers of values; -1: left out. Owned. */
	int *output;
	const void *message;
};

struct onnx_model {
	char path[256];  /* for messages, and where external data is looked for */
	uint64_t digest; /* of the file, not of external data */
	int64_t ir;      /* version of the format */
	int opset;
	char producer[64];
	int nodes, values, inputs, outputs;
	struct onnx_node *node;
	struct onnx_value *value;
	int *input;  /* values that a run is given */
	int *output; /* values that it returns */
	void *message;
};

/* Read the file at path, or parse its bytes. *out is to be freed with onnx_free. What is wrong goes
 * to d. Return 0; -EINVAL: refused; -ENOMEM; or the -errno of reading. */
int onnx_read(const char *path, struct onnx_model **out, struct diag *d);
int onnx_parse(const void *bytes, size_t size, const char *path, struct onnx_model **out,
	       struct diag *d);
void onnx_free(struct onnx_model *m);

/* The type and shape of a graph's input; a dimension that has no number is 1: one row at a time.
 * The numbers of an initialiser, with room of their own, from raw_data, from typed data or from an
 * external file. Return 0 or -EINVAL, which goes to d with the value's name. */
int onnx_input(const struct onnx_model *m, int value, struct tensor *out, struct diag *d);
int onnx_initialiser(const struct onnx_model *m, int value, struct tensor *out, struct diag *d);

/* Attributes of a node. Return 1; 0: not there, *out untouched; -EINVAL: of another type, or of
 * more than max numbers. */
int onnx_int(const struct onnx_node *n, const char *name, int64_t *out);
int onnx_float(const struct onnx_node *n, const char *name, float *out);
int onnx_ints(const struct onnx_node *n, const char *name, int max, int64_t *out, int *count);
/* One string, or the i-th of several. */
int onnx_text(const struct onnx_node *n, const char *name, int i, char out[ONNX_TEXT_MAX]);
int onnx_tensor(const struct onnx_model *m, const struct onnx_node *n, const char *name,
		struct tensor *out, struct diag *d);
/* The name of the i-th attribute, NULL behind the last. */
const char *onnx_attribute(const struct onnx_node *n, int i);

/* Report what is wrong with a node, "path: node NAME (Op): ...". Returns -EINVAL. */
__attribute__((format(printf, 4, 5))) int onnx_refuse(const struct onnx_model *m,
						      const struct onnx_node *n, struct diag *d,
						      const char *format, ...);

/* text without what a terminal would obey, cut to fit, in out, which is returned. */
const char *onnx_printable(const char *text, char out[ONNX_TEXT_MAX]);

#endif
