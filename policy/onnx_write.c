/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/onnx_write.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/durable.h"
#include "policy/onnx.h"
#include "policy/onnx_private.h"

enum { IR_VERSION = 7, OPSET = 13, LAYERS_MAX = 16, LABEL_SIZE = 24 };
static char first_name[] = "observation", last_name[] = "action", producer[] = "lecd",
	    graph_name[] = "actor", gemm[] = "Gemm", no_domain[] = "";

/* A layer as messages: Gemm and, behind it, its activation. What messages point to lies here. */
struct written {
	Onnx__NodeProto gemm, activation;
	Onnx__TensorProto weight, bias;
	int64_t weight_dim[2], bias_dim[1];
	char weight_name[LABEL_SIZE], bias_name[LABEL_SIZE], sum_name[LABEL_SIZE],
		out_name[LABEL_SIZE];
	char *gemm_in[3], *gemm_out[1], *activation_in[1], *activation_out[1];
};

struct graph {
	struct written layer[LAYERS_MAX];
	Onnx__NodeProto *node[2 * LAYERS_MAX];
	Onnx__TensorProto *tensor[2 * LAYERS_MAX];
	size_t nodes, tensors;
};

/* One of the graph's ends: a row of floats. */
struct end {
	Onnx__ValueInfoProto value;
	Onnx__TypeProto type;
	Onnx__TypeProto__Tensor tensor;
	Onnx__TensorShapeProto shape;
	Onnx__TensorShapeProto__Dimension dim[2], *dims[2];
};

static void fill_tensor(Onnx__TensorProto *t, char *name, int64_t *dim, size_t dims,
			const float *numbers, size_t count)
{
	onnx__tensor_proto__init(t);
	t->name = name;
	t->dims = dim;
	t->n_dims = dims;
	t->has_data_type = 1;
	t->data_type = ELEMENT_FLOAT;
	t->float_data = (float *)(uintptr_t)numbers; /* is only read */
	t->n_float_data = count;
}

static void fill_node(Onnx__NodeProto *n, const char *op, char **in, size_t inputs, char **out)
{
	onnx__node_proto__init(n);
	n->op_type = (char *)(uintptr_t)op;
	n->input = in;
	n->n_input = inputs;
	n->output = out;
	n->n_output = 1;
}

/* Layer i, whose input is named in. Returns the name of what it gives. */
static char *fill_layer(struct graph *g, const struct onnx_layer *l, int i, char *in, bool last)
{
	struct written *w = &g->layer[i];
	snprintf(w->weight_name, LABEL_SIZE, "weight%d", i);
	snprintf(w->bias_name, LABEL_SIZE, "bias%d", i);
	snprintf(w->sum_name, LABEL_SIZE, "sum%d", i);
	snprintf(w->out_name, LABEL_SIZE, "out%d", i);
	w->weight_dim[0] = l->inputs;
	w->weight_dim[1] = w->bias_dim[0] = l->outputs;
	fill_tensor(&w->weight, w->weight_name, w->weight_dim, 2, l->weight,
		    (size_t)l->inputs * (size_t)l->outputs);
	fill_tensor(&w->bias, w->bias_name, w->bias_dim, 1, l->bias, (size_t)l->outputs);
	w->gemm_in[0] = in;
	w->gemm_in[1] = w->weight_name;
	w->gemm_in[2] = w->bias_name;
	w->gemm_out[0] = last && !l->activation ? last_name : w->sum_name;
	fill_node(&w->gemm, gemm, w->gemm_in, 3, w->gemm_out);
	g->node[g->nodes++] = &w->gemm;
	g->tensor[g->tensors++] = &w->weight;
	g->tensor[g->tensors++] = &w->bias;
	if (!l->activation) {
		return w->gemm_out[0];
	}
	w->activation_in[0] = w->sum_name;
	w->activation_out[0] = last ? last_name : w->out_name;
	fill_node(&w->activation, l->activation, w->activation_in, 1, w->activation_out);
	g->node[g->nodes++] = &w->activation;
	return w->activation_out[0];
}

static void fill_end(struct end *e, char *name, int width)
{
	onnx__value_info_proto__init(&e->value);
	onnx__type_proto__init(&e->type);
	onnx__type_proto__tensor__init(&e->tensor);
	onnx__tensor_shape_proto__init(&e->shape);
	for (int i = 0; i < 2; i++) {
		onnx__tensor_shape_proto__dimension__init(&e->dim[i]);
		e->dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		e->dim[i].dim_value = i ? width : 1;
		e->dims[i] = &e->dim[i];
	}
	e->shape.dim = e->dims;
	e->shape.n_dim = 2;
	e->tensor.has_elem_type = 1;
	e->tensor.elem_type = ELEMENT_FLOAT;
	e->tensor.shape = &e->shape;
	e->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	e->type.tensor_type = &e->tensor;
	e->value.name = name;
	e->value.type = &e->type;
}

static int write_model(const char *path, const Onnx__ModelProto *model)
{
	size_t size = onnx__model_proto__get_packed_size(model);
	uint8_t *bytes = malloc(size);
	if (!bytes) {
		return -ENOMEM;
	}
	(void)onnx__model_proto__pack(model, bytes);
	int r = durable_publish(path, (const char *)bytes, size);
	free(bytes);
	return r;
}

int onnx_write_layers(const char *path, const struct onnx_layer *layer, int layers)
{
	if (layers < 1 || layers > LAYERS_MAX) {
		return -EINVAL;
	}
	struct graph *g = calloc(1, sizeof(*g));
	if (!g) {
		return -ENOMEM;
	}
	char *name = first_name;
	for (int i = 0; i < layers; i++) {
		name = fill_layer(g, &layer[i], i, name, i == layers - 1);
	}
	struct end in, out;
	fill_end(&in, first_name, layer[0].inputs);
	fill_end(&out, last_name, layer[layers - 1].outputs);
	Onnx__ValueInfoProto *inputs[] = { &in.value }, *outputs[] = { &out.value };
	Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
	graph.name = graph_name;
	graph.node = g->node;
	graph.n_node = g->nodes;
	graph.initializer = g->tensor;
	graph.n_initializer = g->tensors;
	graph.input = inputs;
	graph.output = outputs;
	graph.n_input = graph.n_output = 1;
	Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[] = { &set };
	set.domain = no_domain;
	set.has_version = 1;
	set.version = OPSET;
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	model.has_ir_version = 1;
	model.ir_version = IR_VERSION;
	model.producer_name = producer;
	model.opset_import = sets;
	model.n_opset_import = 1;
	model.graph = &graph;
	int r = write_model(path, &model);
	free(g);
	return r;
}
