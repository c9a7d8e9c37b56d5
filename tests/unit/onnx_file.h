/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small actors made by a test itself: dense layers as an ONNX file, written field by field
 * (onnx.proto has their numbers), and the conf that says what an actor of a battery's power sees.
 */
#ifndef LECD_TESTS_ONNX_FILE_H
#define LECD_TESTS_ONNX_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

enum { ONNX_BYTES_MAX = 1 << 20, ONNX_WIDTH_MAX = 512 };

struct bytes {
	size_t used;
	unsigned char at[ONNX_BYTES_MAX];
};

static inline void put_byte(struct bytes *b, unsigned char c)
{
	assert_true(b->used < sizeof(b->at));
	b->at[b->used++] = c;
}

static inline void put_varint(struct bytes *b, uint64_t x)
{
	for (; x >= 0x80; x >>= 7) {
		put_byte(b, (unsigned char)(x | 0x80));
	}
	put_byte(b, (unsigned char)x);
}

static inline void put_number(struct bytes *b, unsigned field, uint64_t x)
{
	put_varint(b, field << 3);
	put_varint(b, x);
}

static inline void put_bytes(struct bytes *b, unsigned field, const void *from, size_t size)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, size);
	assert_true(b->used + size <= sizeof(b->at));
	memcpy(b->at + b->used, from, size);
	b->used += size;
}

static inline void put_string(struct bytes *b, unsigned field, const char *text)
{
	put_bytes(b, field, text, strlen(text));
}

static inline void put_message(struct bytes *b, unsigned field, const struct bytes *inner)
{
	put_bytes(b, field, inner->at, inner->used);
}

/* A real tensor of the graph's weights; rows 0: one dimension. */
static inline void put_weights(struct bytes *graph, const char *name, int rows, int columns,
			       const float *weight)
{
	static struct bytes t;
	t.used = 0;
	if (rows > 0) {
		put_number(&t, 1, (uint64_t)rows);
	}
	put_number(&t, 1, (uint64_t)columns);
	put_number(&t, 2, 1); /* FLOAT */
	put_string(&t, 8, name);
	put_bytes(&t, 9, weight, sizeof(float) * (size_t)columns * (size_t)(rows > 0 ? rows : 1));
	put_message(graph, 5, &t);
}

static inline void put_node(struct bytes *graph, const char *type, const char *const *in, int ins,
			    const char *out)
{
	static struct bytes n;
	n.used = 0;
	for (int i = 0; i < ins; i++) {
		put_string(&n, 1, in[i]);
	}
	put_string(&n, 2, out);
	put_string(&n, 4, type);
	put_message(graph, 1, &n);
}

static inline void put_port(struct bytes *graph, unsigned field, const char *name, int width)
{
	static struct bytes dim[2], shape, tensor, type, port;
	dim[0].used = dim[1].used = shape.used = tensor.used = type.used = port.used = 0;
	put_number(&dim[0], 1, 1);
	put_number(&dim[1], 1, (uint64_t)width);
	put_message(&shape, 1, &dim[0]);
	put_message(&shape, 1, &dim[1]);
	put_number(&tensor, 1, 1);
	put_message(&tensor, 2, &shape);
	put_message(&type, 1, &tensor);
	put_string(&port, 1, name);
	put_message(&port, 2, &type);
	put_message(graph, field, &port);
}

struct layer {
	int in, out;
	float weight[ONNX_WIDTH_MAX * 64], bias[ONNX_WIDTH_MAX];
	const char *then; /* an operator behind it; NULL: none */
};

/* Write layers one behind the other: "obs" goes in, "action" comes out. */
static inline void onnx_write(const char *path, const struct layer *layer, int layers)
{
	static struct bytes model, graph, opset;
	char name[4][32];
	model.used = graph.used = opset.used = 0;
	snprintf(name[3], sizeof(name[3]), "obs");
	for (int i = 0; i < layers; i++) {
		snprintf(name[0], sizeof(name[0]), "w%d", i);
		snprintf(name[1], sizeof(name[1]), "b%d", i);
		snprintf(name[2], sizeof(name[2]), "x%d", i);
		put_weights(&graph, name[0], layer[i].in, layer[i].out, layer[i].weight);
		put_weights(&graph, name[1], 0, layer[i].out, layer[i].bias);
		put_node(&graph, "Gemm", (const char *[]){ name[3], name[0], name[1] }, 3, name[2]);
		snprintf(name[3], sizeof(name[3]), i + 1 < layers ? "y%d" : "action", i);
		put_node(&graph, layer[i].then ? layer[i].then : "Identity",
			 (const char *[]){ name[2] }, 1, name[3]);
	}
	put_string(&graph, 2, "test");
	put_port(&graph, 11, "obs", layer[0].in);
	put_port(&graph, 12, "action", layer[layers - 1].out);
	put_number(&opset, 2, 13);
	put_number(&model, 1, 8);
	put_message(&model, 8, &opset);
	put_message(&model, 7, &graph);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(model.at, 1, model.used, file), model.used);
	assert_int_equal(fclose(file), 0);
}

enum { SEEN = 6 }; /* what the actors of text_meaning see */

/* As far as a house can be: nothing is out of range. */
static const char text_meaning[] =
	"[actor]\ninterval = 15 min\n"
	"[observation hour-sin]\nlow = -1\nhigh = 1\n"
	"[observation hour-cos]\nlow = -1\nhigh = 1\n"
	"[observation load]\nscale = 1 kW\nlow = -50 kW\nhigh = 50 kW\n"
	"[observation pv]\nscale = 1 kW\nlow = -1 kW\nhigh = 50 kW\n"
	"[observation soc]\nmean = 50 %\nscale = 50 %\nlow = -5 %\nhigh = 105 %\n"
	"[observation buy]\nscale = 0.1 EUR/kWh\nlow = -1 EUR/kWh\nhigh = 2 EUR/kWh\n"
	"[action battery-share]\nindex = 0\nlow = -100 %\nhigh = 100 %\n";

#endif
