/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of an ONNX file: initialisers, inputs' shapes, tensors of attributes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/onnx_private.h"

/* The bytes of one number in raw data. */
static int element_size(enum element type)
{
	switch (type) {
	case ELEMENT_BOOL:
		return 1;
	case ELEMENT_FLOAT:
	case ELEMENT_INT32:
		return 4;
	case ELEMENT_INT64:
	case ELEMENT_DOUBLE:
		return 8;
	case ELEMENT_NONE:
		break;
	}
	return 0;
}

/* Raw data is little endian, and so are the machines lecd runs on. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw data would need turning");

static void take_raw(struct tensor *t, const uint8_t *raw)
{
	for (int i = 0; i < t->count; i++) {
		const uint8_t *at = raw + (size_t)i * (size_t)element_size(t->type);
		int32_t narrow;
		double wide;
		switch (t->type) {
		case ELEMENT_FLOAT:
			memcpy(&t->real[i], at, sizeof(t->real[i]));
			break;
		case ELEMENT_DOUBLE:
			memcpy(&wide, at, sizeof(wide));
			t->real[i] = (float)wide;
			break;
		case ELEMENT_INT64:
			memcpy(&t->whole[i], at, sizeof(t->whole[i]));
			break;
		case ELEMENT_INT32:
			memcpy(&narrow, at, sizeof(narrow));
			t->whole[i] = narrow;
			break;
		case ELEMENT_BOOL:
			t->whole[i] = *at != 0;
			break;
		case ELEMENT_NONE:
			break;
		}
	}
}

/* How many numbers of its type a message holds in its typed fields. */
static size_t typed_count(const Onnx__TensorProto *p, enum element type)
{
	switch (type) {
	case ELEMENT_FLOAT:
		return p->n_float_data;
	case ELEMENT_DOUBLE:
		return p->n_double_data;
	case ELEMENT_INT64:
		return p->n_int64_data;
	case ELEMENT_INT32:
	case ELEMENT_BOOL:
		return p->n_int32_data;
	case ELEMENT_NONE:
		break;
	}
	return 0;
}

static void take_typed(struct tensor *t, const Onnx__TensorProto *p)
{
	for (int i = 0; i < t->count; i++) {
		switch (t->type) {
		case ELEMENT_FLOAT:
			t->real[i] = p->float_data[i];
			break;
		case ELEMENT_DOUBLE:
			t->real[i] = (float)p->double_data[i];
			break;
		case ELEMENT_INT64:
			t->whole[i] = p->int64_data[i];
			break;
		case ELEMENT_INT32:
			t->whole[i] = p->int32_data[i];
			break;
		case ELEMENT_BOOL:
			t->whole[i] = p->int32_data[i] != 0;
			break;
		case ELEMENT_NONE:
			break;
		}
	}
}

static const char *external_entry(const Onnx__TensorProto *p, const char *key)
{
	for (size_t i = 0; i < p->n_external_data; i++) {
		const Onnx__StringStringEntryProto *e = p->external_data[i];
		if (e->key && e->value && strcmp(e->key, key) == 0) {
			return e->value;
		}
	}
	return NULL;
}

/* The model's folder and the file's name in it. A name that leaves the folder is refused. */
static bool external_path(const struct onnx_model *m, const char *location, char *out, size_t size)
{
	const char *slash = strrchr(m->path, '/');
	int folder = slash ? (int)(slash - m->path) + 1 : 0;
	if (!*location || *location == '/' || strstr(location, "..")) {
		return false;
	}
	int n = snprintf(out, size, "%.*s%s", folder, m->path, location);
	return n > 0 && (size_t)n < size;
}

/* The raw bytes of external data, to be freed. NULL: what is wrong is in d. */
static uint8_t *read_external(const struct onnx_model *m, const Onnx__TensorProto *p,
			      const char *owner, size_t size, struct diag *d)
{
	char path[512], shown[ONNX_TEXT_MAX];
	const char *location = external_entry(p, "location");
	const char *offset_text = external_entry(p, "offset");
	const char *length_text = external_entry(p, "length");
	if (!location || !external_path(m, location, path, sizeof(path))) {
		(void)diag_error(d, m->path, 0,
				 "%s: external data in \"%s\", expected a file beside the model",
				 owner, onnx_printable(location, shown));
		return NULL;
	}
	char *rest = NULL;
	long long offset = offset_text ? strtoll(offset_text, &rest, 10) : 0;
	bool odd = offset < 0 || (offset_text && *rest);
	long long length = length_text ? strtoll(length_text, &rest, 10) : (long long)size;
	odd = odd || length != (long long)size || (length_text && *rest);
	if (odd) {
		(void)diag_error(d, m->path, 0,
				 "%s: external data of offset %lld and length %lld, expected %zu "
				 "bytes",
				 owner, offset, length, size);
		return NULL;
	}
	uint8_t *raw = calloc(1, size + 1);
	int fd = raw ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	ssize_t got = fd >= 0 ? pread(fd, raw, size, (off_t)offset) : -1;
	if (fd >= 0) {
		(void)close(fd);
	}
	if (got != (ssize_t)size) {
		(void)diag_error(d, m->path, 0, "%s: its %zu bytes cannot be read from %s", owner,
				 size, onnx_printable(path, shown));
		free(raw);
		return NULL;
	}
	return raw;
}

int onnx_decode(const struct onnx_model *m, const Onnx__TensorProto *p, const char *owner,
		struct tensor *out, struct diag *d)
{
	struct tensor t = { 0 };
	int type = p->has_data_type ? p->data_type : 0;
	if (!element_is_known(type)) {
		return diag_error(d, m->path, 0,
				  "%s is of type %d, expected float, double, int32, int64 or bool",
				  owner, type);
	}
	if (p->n_dims > TENSOR_RANK_MAX ||
	    tensor_shape(&t, (enum element)type, (int)p->n_dims, p->dims) < 0) {
		return diag_error(d, m->path, 0,
				  "%s has a shape of no use, expected at most %d dimensions and %d "
				  "numbers",
				  owner, TENSOR_RANK_MAX, TENSOR_COUNT_MAX);
	}
	bool external = p->has_data_location &&
			p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	size_t size = (size_t)t.count * (size_t)element_size(t.type);
	size_t typed = typed_count(p, t.type);
	bool raw = p->has_raw_data && (p->raw_data.len > 0 || typed == 0);
	uint8_t *read = NULL;
	if (external) {
		read = read_external(m, p, owner, size, d);
		if (!read) {
			return -EINVAL;
		}
	} else if (raw ? p->raw_data.len != size : typed != (size_t)t.count) {
		return diag_error(d, m->path, 0, "%s has %zu %s, expected %zu", owner,
				  raw ? p->raw_data.len : typed, raw ? "bytes" : "numbers",
				  raw ? size : (size_t)t.count);
	}
	int r = tensor_alloc(&t);
	if (r == 0) {
		t.known = true;
		if (read || raw) {
			take_raw(&t, read ? read : p->raw_data.data);
		} else {
			take_typed(&t, p);
		}
		*out = t;
	}
	free(read);
	return r;
}

int onnx_initialiser(const struct onnx_model *m, int value, struct tensor *out, struct diag *d)
{
	char owner[ONNX_TEXT_MAX + 16], name[ONNX_TEXT_MAX];
	(void)snprintf(owner, sizeof(owner), "initialiser %s",
		       onnx_printable(m->value[value].name, name));
	return onnx_decode(m, m->value[value].given, owner, out, d);
}

int onnx_input(const struct onnx_model *m, int value, struct tensor *out, struct diag *d)
{
	char name[ONNX_TEXT_MAX];
	const Onnx__ValueInfoProto *p = m->value[value].message;
	const Onnx__TypeProto__Tensor *t = NULL;
	(void)onnx_printable(m->value[value].name, name);
	if (p && p->type && p->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
		t = p->type->tensor_type;
	}
	int type = t && t->has_elem_type ? t->elem_type : 0;
	if (!t || !element_is_known(type)) {
		return diag_error(d, m->path, 0,
				  "input %s is of type %d, expected a tensor of float, double, "
				  "int32, int64 or bool",
				  name, type);
	}
	int64_t dim[TENSOR_RANK_MAX];
	if (!t->shape || t->shape->n_dim > TENSOR_RANK_MAX) {
		return diag_error(d, m->path, 0, "input %s has no shape of at most %d dimensions",
				  name, TENSOR_RANK_MAX);
	}
	for (size_t i = 0; i < t->shape->n_dim; i++) {
		const Onnx__TensorShapeProto__Dimension *p_dim = t->shape->dim[i];
		bool fixed =
			p_dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		dim[i] = fixed ? p_dim->dim_value : 1;
		if (dim[i] < 1) {
			return diag_error(d, m->path, 0,
					  "input %s has a dimension of %lld, expected 1 or more",
					  name, (long long)dim[i]);
		}
	}
	struct tensor shaped;
	if (tensor_shape(&shaped, (enum element)type, (int)t->shape->n_dim, dim) < 0) {
		return diag_error(d, m->path, 0, "input %s has more than %d numbers", name,
				  TENSOR_COUNT_MAX);
	}
	*out = shaped;
	return 0;
}
