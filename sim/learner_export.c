/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "daemon/base/durable.h"
#include "policy/onnx_write.h"
#include "sim/learner.h"

enum { CONF_SIZE = 8192 };

/* Of the first layer, the inputs that the class has: they come first, and so do their weights. */
static int export_actor(const struct learner *l, int agent, const char *path)
{
	const struct mlp *net = &l->m.actor;
	const float *parameters = l->m.agent[agent].actor;
	struct onnx_layer layer[MLP_LAYERS_MAX];
	for (int i = 0; i < net->layers; i++) {
		bool relu = i < net->layers - 1 && net->hidden == ACTIVATION_RELU;
		layer[i] = (struct onnx_layer){
			.inputs = i == 0 ? l->view[agent].observations : net->width[i],
			.outputs = net->width[i + 1],
			.weight = parameters + mlp_weights_at(net, i),
			.bias = parameters + mlp_biases_at(net, i),
			.activation = relu ? "Relu" : "Tanh",
		};
	}
	return onnx_write_layers(path, layer, net->layers);
}

/* The unit that a source's numbers have in a .conf. */
static const char *unit_of(const struct learner *l, enum source source, char price[16])
{
	const char *currency = l->currency[0] ? l->currency : "EUR";
	switch (source) {
	case SOURCE_LOAD:
	case SOURCE_LOAD_NEXT:
	case SOURCE_PV:
	case SOURCE_PV_NEXT:
	case SOURCE_LOAD_6H:
	case SOURCE_LOAD_24H:
	case SOURCE_PV_6H:
	case SOURCE_PV_24H:
		return " W";
	case SOURCE_LOCAL_QUANTITY:
		return " Wh";
	case SOURCE_BUY:
	case SOURCE_SELL:
	case SOURCE_LOCAL_PRICE:
		(void)snprintf(price, 16, " %s/kWh", currency);
		return price;
	case SOURCE_SOC:
		return " %";
	default:
		return "";
	}
}

/* The range it may be asked in: what was seen, and as far again as a tenth of that. */
static void put_observation(FILE *f, const struct learner *l, int agent, int o)
{
	const struct learner_view *v = &l->view[agent];
	char price[16];
	enum source source = l->source[o];
	const char *unit = unit_of(l, source, price);
	double times = source == SOURCE_SOC ? 100 : 1;
	double margin = fmax(0.1 * (v->range.high[o] - v->range.low[o]), 0.001);
	fprintf(f, "\n[observation %s]\nmean = %.9g%s\nscale = %.9g%s\n", source_name(source),
		times * v->mean[o], unit, times * v->scale[o], unit);
	fprintf(f, "low = %.9g%s\nhigh = %.9g%s\n", times * (v->range.low[o] - margin), unit,
		times * (v->range.high[o] + margin), unit);
}

static void put_conf(FILE *f, const struct learner *l, int agent)
{
	const char *class = class_models[l->class[agent]].name;
	fprintf(f,
		"; what actor-%s.onnx observes and decides\n[actor]\ninterval = %d s\n"
		"class = %s\n",
		class, l->world->series.step_s, class);
	for (int o = 0; o < l->view[agent].observations; o++) {
		put_observation(f, l, agent, o);
	}
	if (class_models[l->class[agent]].battery.capacity_wh > 0) {
		fprintf(f, "\n[action %s]\nindex = 0\nlow = %g %%\nhigh = %g %%\nstep = %g %%\n",
			meaning_name(MEANING_VALUE_SHARE), 100 * learner_value_low,
			100 * learner_value_high, 100 * learner_value_step);
	}
	fprintf(f, "\n[action %s]\nindex = 1\nlow = 0 %%\nhigh = %g %%\n",
		meaning_name(MEANING_ERROR_SHARE), 100 * learner_error_most);
}

int learner_export(const struct learner *l, int agent, const char *onnx, const char *conf)
{
	char text[CONF_SIZE];
	FILE *f = fmemopen(text, sizeof(text), "w");
	if (!f) {
		return -ENOMEM;
	}
	put_conf(f, l, agent);
	long size = ftell(f);
	int r = fclose(f) == 0 && size > 0 && size < CONF_SIZE ? 0 : -ENOBUFS;
	r = r < 0 ? r : export_actor(l, agent, onnx);
	return r < 0 ? r : durable_publish(conf, text, (size_t)size);
}
