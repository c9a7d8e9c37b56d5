/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads by what they have on each phase, and their shapes. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/grid/opendss_build.h"

/* The circuit's shape of a load's, taken over at its first use; -1: none. */
static int take_shape(const struct builder *b, const struct dss_load *l, int *out)
{
	const char *name = *l->yearly ? l->yearly : l->daily;
	struct circuit_shape shape = { 0 };
	*out = *name ? circuit_find_shape(b->c, name) : -1;
	if (*name == '\0' || *out >= 0) {
		return 0;
	}
	struct dss_shape *s = dss_find(b->all, DSS_SHAPE, name);
	if (!s || !s->value || strlen(name) >= sizeof(shape.name)) {
		return build_wrong(b, &l->o, name, "the name of a load shape with values");
	}
	bool told[] = { dss_given(DSS_SHAPE, s, "interval"), dss_given(DSS_SHAPE, s, "minterval"),
			dss_given(DSS_SHAPE, s, "sinterval") };
	double step_s = told[1] ? s->minutes * 60 : told[2] ? s->seconds : s->hours * 3600;
	if (told[0] + told[1] + told[2] != 1) {
		return build_wrong(b, &s->o, "the time of one value is not told, or twice",
				   "one of interval, minterval and sinterval");
	}
	if (b->c->shapes > 0 &&
	    (s->values != b->c->steps || fabs(step_s / b->c->step_s - 1) > 1e-9)) {
		return build_wrong(b, &s->o, "it has other steps than the shapes before",
				   "as many values as these, for the same time each");
	}
	strcpy(shape.name, name);
	shape.value = s->value;
	shape.actual = s->actual;
	*out = circuit_add_shape(b->c, &shape);
	if (*out < 0) {
		return *out;
	}
	s->value = NULL;
	b->c->steps = s->values;
	b->c->step_s = step_s;
	return 0;
}

static int reactive(const struct builder *b, const struct dss_load *l, double *kvar)
{
	bool by_pf = dss_given(DSS_LOAD, l, "pf");
	if (by_pf == dss_given(DSS_LOAD, l, "kvar")) {
		return build_wrong(
			b, &l->o, by_pf ? "both pf and kvar are told" : "no reactive power is told",
			"pf or kvar");
	}
	if (by_pf && fabs(l->pf) < 0.01) {
		return build_wrong(b, &l->o, "its pf is about 0", "kvar");
	}
	*kvar = by_pf ? l->kw * sqrt(1 / (l->pf * l->pf) - 1) * (l->pf < 0 ? -1 : 1) : l->kvar;
	return 0;
}

/* What kind of load it is. Returns NULL, or what is not understood. */
static const char *understood(const struct dss_load *l, int nodes)
{
	if (!dss_given(DSS_LOAD, l, "kv") || !dss_given(DSS_LOAD, l, "kw")) {
		return "its kV or kW is not told";
	}
	if (l->model != 1 && l->model != 2 && l->model != 5) {
		return "its model is none of 1, 2 and 5";
	}
	if (!(l->v_min < l->v_max)) {
		return "its vminpu is not below its vmaxpu";
	}
	if (l->connection == DSS_DELTA && l->phases == 2) {
		return "it is a delta of two phases";
	}
	if (l->connection == DSS_DELTA && l->phases == 1 && nodes != 2) {
		return "it is between two phases and does not say which";
	}
	return NULL;
}

/* Where the parts of a load are. */
static int place_load(const struct builder *b, const struct dss_load *l, struct connection *at)
{
	bool between = l->connection == DSS_DELTA && l->phases == 1;
	int r = build_connect(b, &l->o, l->bus, at);
	if (r < 0) {
		return r;
	}
	const char *what = understood(l, at->nodes);
	if (what) {
		return build_wrong(b, &l->o, what, "a load as in lec-dso(1)");
	}
	return build_phases(b, &l->o, l->bus, between ? 2 : l->phases, at);
}

int build_load(const struct builder *b, const struct dss_load *l)
{
	static const enum load_model models[] = {
		[1] = LOAD_POWER, [2] = LOAD_IMPEDANCE, [5] = LOAD_CURRENT
	};
	struct connection at;
	struct circuit_load out = { .line = l->o.line, .file = l->o.file };
	double kvar = 0;
	bool delta = l->connection == DSS_DELTA;
	int r = place_load(b, l, &at);
	r = r < 0 ? r : reactive(b, l, &kvar);
	r = r < 0 ? r : take_shape(b, l, &out.shape);
	if (r < 0) {
		return r;
	}
	if (out.shape >= 0 && b->c->shape[out.shape].actual &&
	    (l->kw == 0 || !dss_given(DSS_LOAD, l, "pf"))) {
		return build_wrong(b, &l->o,
				   "its shape tells kW (useactual), and it has no pf or 0 kW",
				   "pf, and kW that are not 0");
	}
	out.bus = at.bus;
	out.model = models[l->model];
	out.base_v = l->kv * 1e3 / (l->phases > 1 && !delta ? sqrt(3) : 1);
	out.v_min = l->v_min;
	out.v_max = l->v_max;
	out.share = 1.0 / l->phases;
	out.p_w = l->kw * 1e3 * out.share;
	out.q_var = kvar * 1e3 * out.share;
	for (int i = 0; i < l->phases && r >= 0; i++) {
		out.phase = at.node[i] - 1;
		out.against = delta ? at.node[(i + 1) % at.nodes] - 1 : GROUND;
		r = circuit_add_load(b->c, &out);
	}
	return r < 0 ? r : 0;
}
