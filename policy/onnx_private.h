/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the ONNX reader share. */
#ifndef LECD_POLICY_ONNX_PRIVATE_H
#define LECD_POLICY_ONNX_PRIVATE_H

#include <onnx.pb-c.h>

#include "policy/onnx.h"

enum {
	ONNX_FILE_MAX = 64 << 20, /* bytes */
	ONNX_DEPTH_MAX = 16,      /* an actor nests 5 deep */
	ONNX_MESSAGES_MAX = 65536,
	ONNX_LINKS_MAX = 256 /* inputs, or outputs, of a node */
};

/* Whether bytes can be unpacked without harm: protobuf-c recurses once a level of nesting and
 * allocates for each message however short. NULL, or what is wrong. */
const char *onnx_wire_check(const void *bytes, size_t size);

/* Decode a tensor message; owner ("initialiser w") is for what goes to d. */
int onnx_decode(const struct onnx_model *m, const Onnx__TensorProto *message, const char *owner,
		struct tensor *out, struct diag *d);

#endif
