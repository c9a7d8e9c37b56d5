/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A look at the bytes of a file before they are unpacked: how deep, and how many messages. */
#include "policy/onnx_private.h"

struct wire {
	const uint8_t *at, *end;
	int *messages; /* that may still come */
};

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static bool take_varint(struct wire *w, uint64_t *out)
{
	uint64_t value = 0;
	for (int shift = 0; shift < 70 && w->at < w->end; shift += 7) {
		uint8_t byte = *w->at++;
		value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
		if (!(byte & 0x80)) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool skip(struct wire *w, uint64_t size)
{
	if (size > (uint64_t)(w->end - w->at)) {
		return false;
	}
	w->at += size;
	return true;
}

static const char *check(struct wire *w, const ProtobufCMessageDescriptor *type, int depth);

/* A field of bytes: again a message where its type says so. */
static const char *check_bytes(struct wire *w, const ProtobufCFieldDescriptor *field, int depth)
{
	uint64_t size;
	struct wire inner = *w;
	if (!take_varint(w, &size)) {
		return "is cut off";
	}
	inner.at = w->at;
	if (!skip(w, size)) {
		return "is cut off";
	}
	inner.end = w->at;
	if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
		return NULL;
	}
	return check(&inner, field->descriptor, depth + 1);
}

/* The recursion ends at ONNX_DEPTH_MAX. */
static const char *check(struct wire *w, const ProtobufCMessageDescriptor *type, int depth)
{
	if (depth > ONNX_DEPTH_MAX) {
		return "is nested too deep for an actor";
	}
	if (--*w->messages < 0) {
		return "has more parts than an actor";
	}
	while (w->at < w->end) {
		uint64_t tag, ignored;
		const char *wrong = NULL;
		if (!take_varint(w, &tag)) {
			return "is cut off";
		}
		switch (tag & 7) {
		case WIRE_VARINT:
			wrong = take_varint(w, &ignored) ? NULL : "is cut off";
			break;
		case WIRE_64:
			wrong = skip(w, 8) ? NULL : "is cut off";
			break;
		case WIRE_32:
			wrong = skip(w, 4) ? NULL : "is cut off";
			break;
		case WIRE_BYTES:
			wrong = check_bytes(
				w,
				protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3)),
				depth);
			break;
		default:
			wrong = "is no protobuf message";
		}
		if (wrong) {
			return wrong;
		}
	}
	return NULL;
}

const char *onnx_wire_check(const void *bytes, size_t size)
{
	int messages = ONNX_MESSAGES_MAX;
	struct wire w = { .at = bytes,
			  .end = (const uint8_t *)bytes + size,
			  .messages = &messages };
	return check(&w, &onnx__model_proto__descriptor, 1);
}
