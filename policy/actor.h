/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A learned actor: an ONNX file of a trainer, checked and laid out at load, run in microseconds.
 *
 *   struct actor *a;
 *   if (actor_load("actor-pv.onnx", NULL, &a, &diag) == 0) {
 *           a->input[0].tensor->real[0] = ...;
 *           actor_run(a);
 *           ... a->output[0].tensor->real[0] ...
 *           actor_free(a);
 *   }
 *
 * Operator sets 9 to 18, in float32 (double is computed as float32); one row of observations at a
 * time: a dimension that the file leaves open is 1. Every shape is known at load; what weights
 * alone determine is computed there, nodes that no output needs are left out, weights are laid out
 * for the processor. The operators are in operators.c. What cannot be run is refused there, with
 * the node's name: a run has no errors. What is not finite going in, or comes about, comes out as
 * such: NaN is never taken for a number. An index among NaNs is TENSOR_NONE, and what is
 * gathered by it, or by one out of range, NaN.
 *
 * A run neither allocates nor keeps anything: the same inputs give the same outputs, and the state
 * of a recurrent actor is one of its inputs and outputs. An actor belongs to one thread. */
#ifndef LECD_POLICY_ACTOR_H
#define LECD_POLICY_ACTOR_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "policy/tensor.h"

enum {
	ACTOR_NUMBERS_MAX = 1 << 22, /* in all tensors of an actor */
	ACTOR_WORK_MAX = 1 << 26     /* multiplications in a run */
};

struct actor_port {
	char name[64];
	struct tensor *tensor; /* the actor's; stays where it is */
};

struct actor_operator {
	const char *name;
	int nodes; /* that are needed */
};

struct actor {
	uint64_t digest; /* of the file and of its weights, wherever they lie */
	int64_t ir;
	int opset;
	char producer[64];
	int inputs, outputs;
	struct actor_port *input;  /* the caller fills in the tensors ... */
	struct actor_port *output; /* ... and reads these after a run */
	int operators;
	struct actor_operator *operator; /* by name */
	int nodes;                       /* in the file */
	int needed;                      /* that an output needs */
	int steps;                       /* that a run does */
	int64_t parameters;              /* numbers in the initialisers that are needed */
	int64_t work;                    /* multiplications or as dear, in a run */
	struct actor_inside *inside;
};

/* Load the file at path, or parse its bytes (path is then for messages, and where external data is
 * looked for). outputs: those wanted, by name, NULL behind the last; NULL: all. *out is to be
 * freed. What is wrong goes to d. Returns 0; -EINVAL: refused; -ENOMEM; or the -errno of reading.
 */
int actor_load(const char *path, const char *const *outputs, struct actor **out, struct diag *d);
int actor_parse(const void *bytes, size_t size, const char *path, const char *const *outputs,
		struct actor **out, struct diag *d);
void actor_free(struct actor *a);

/* Compute the outputs from the inputs. */
void actor_run(const struct actor *a);

/* The number of the input or output of that name, or -1. */
int actor_port(const struct actor_port *port, int ports, const char *name);

#endif
