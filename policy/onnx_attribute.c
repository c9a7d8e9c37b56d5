/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The attributes of an ONNX node. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/onnx_private.h"

static const Onnx__AttributeProto *find(const struct onnx_node *n, const char *name)
{
	const Onnx__NodeProto *p = n->message;
	for (size_t i = 0; i < p->n_attribute; i++) {
		if (p->attribute[i]->name && strcmp(p->attribute[i]->name, name) == 0) {
			return p->attribute[i];
		}
	}
	return NULL;
}

const char *onnx_attribute(const struct onnx_node *n, int i)
{
	const Onnx__NodeProto *p = n->message;
	if ((size_t)i >= p->n_attribute) {
		return NULL;
	}
	return p->attribute[i]->name ? p->attribute[i]->name : "";
}

int onnx_int(const struct onnx_node *n, const char *name, int64_t *out)
{
	const Onnx__AttributeProto *a = find(n, name);
	if (a && a->has_i) {
		*out = a->i;
	}
	return !a ? 0 : a->has_i ? 1 : -EINVAL;
}

int onnx_float(const struct onnx_node *n, const char *name, float *out)
{
	const Onnx__AttributeProto *a = find(n, name);
	if (a && a->has_f) {
		*out = a->f;
	}
	return !a ? 0 : a->has_f ? 1 : -EINVAL;
}

int onnx_ints(const struct onnx_node *n, const char *name, int max, int64_t *out, int *count)
{
	const Onnx__AttributeProto *a = find(n, name);
	if (!a) {
		return 0;
	}
	bool other = a->has_i || a->has_f || a->has_s || a->t || a->n_floats > 0;
	if (other || a->n_ints > (size_t)max) {
		return -EINVAL;
	}
	for (size_t i = 0; i < a->n_ints; i++) {
		out[i] = a->ints[i];
	}
	*count = (int)a->n_ints;
	return 1;
}

int onnx_text(const struct onnx_node *n, const char *name, int i, char out[ONNX_TEXT_MAX])
{
	const Onnx__AttributeProto *a = find(n, name);
	if (!a || (!a->has_s && (size_t)i >= a->n_strings)) {
		return !a || a->n_strings > 0 ? 0 : -EINVAL;
	}
	const ProtobufCBinaryData *text = a->has_s ? &a->s : &a->strings[i];
	if (text->len >= ONNX_TEXT_MAX) {
		return -EINVAL;
	}
	if (text->len > 0) {
		memcpy(out, text->data, text->len);
	}
	out[text->len] = '\0';
	return 1;
}

int onnx_tensor(const struct onnx_model *m, const struct onnx_node *n, const char *name,
		struct tensor *out, struct diag *d)
{
	char owner[2 * ONNX_TEXT_MAX], node[ONNX_TEXT_MAX];
	const Onnx__AttributeProto *a = find(n, name);
	if (!a) {
		return 0;
	}
	if (!a->t) {
		return onnx_refuse(m, n, d, "attribute %s holds no tensor", name);
	}
	(void)snprintf(owner, sizeof(owner), "node %s: attribute %s", onnx_printable(n->name, node),
		       name);
	int r = onnx_decode(m, a->t, owner, out, d);
	return r < 0 ? r : 1;
}
