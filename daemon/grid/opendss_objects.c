/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of what is understood of each class, and the objects in their lists. */
#include "daemon/grid/opendss_objects.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/hash.h"

static const char *const units[] = { "none", "mi", "kft", "km", "m", "ft", "in", "cm", "mm", NULL };
static const char *const connections[] = { "wye", "delta", "y", "d", "star", "ll", "ln", NULL };
static const char *const flags[] = { "no", "yes", "n", "y", "false", "true", "f", "t", NULL };
static const char *const shifts[] = { "lag", "lead", "ansi", "euro", NULL };

#define AT(type, field)            .offset = offsetof(struct type, field)
#define NUMBER(type, field, a, b)  .kind = DSS_NUMBER, AT(type, field), .least = (a), .most = (b)
#define INTEGER(type, field, a, b) .kind = DSS_INTEGER, AT(type, field), .least = (a), .most = (b)
#define TEXT(type, field)                                                                          \
	.kind = DSS_TEXT, AT(type, field), .size = sizeof(((struct type *)NULL)->field)
#define CHOICE(type, field, list) .kind = DSS_CHOICE, AT(type, field), .words = (list)
#define EITHER(type, field, list) .kind = DSS_EITHER, AT(type, field), .words = (list)
#define WINDING                   .stride = sizeof(struct dss_winding)

static const struct dss_property source_properties[] = {
	{ "bus1", TEXT(dss_source, bus) },
	{ "basekv", NUMBER(dss_source, kv, 1e-3, 1e3) },
	{ "pu", NUMBER(dss_source, pu, 0.5, 1.5) },
	{ "angle", NUMBER(dss_source, angle, -360, 360) },
	{ "phases", INTEGER(dss_source, phases, 3, 3) },
	{ "isc3", NUMBER(dss_source, isc3, 1e-3, 1e9) },
	{ "isc1", NUMBER(dss_source, isc1, 1e-3, 1e9) },
	{ "mvasc3", NUMBER(dss_source, mvasc3, 1e-3, 1e9) },
	{ "mvasc1", NUMBER(dss_source, mvasc1, 1e-3, 1e9) },
	{ "x1r1", NUMBER(dss_source, x1r1, 1e-3, 1e6) },
	{ "x0r0", NUMBER(dss_source, x0r0, 1e-3, 1e6) },
	{ "r1", NUMBER(dss_source, r1, 0, 1e6) },
	{ "x1", NUMBER(dss_source, x1, 0, 1e6) },
	{ "r0", NUMBER(dss_source, r0, 0, 1e6) },
	{ "x0", NUMBER(dss_source, x0, 0, 1e6) },
};

static const struct dss_property code_properties[] = {
	{ "nphases", INTEGER(dss_code, phases, 1, DSS_WIRES_MAX) },
	{ "r1", NUMBER(dss_code, r1, 0, 1e6) },
	{ "x1", NUMBER(dss_code, x1, -1e6, 1e6) },
	{ "r0", NUMBER(dss_code, r0, 0, 1e6) },
	{ "x0", NUMBER(dss_code, x0, -1e6, 1e6) },
	{ "c1", NUMBER(dss_code, c1, 0, 1e9) },
	{ "c0", NUMBER(dss_code, c0, 0, 1e9) },
	{ "rmatrix", .kind = DSS_MATRIX, AT(dss_code, r) },
	{ "xmatrix", .kind = DSS_MATRIX, AT(dss_code, x) },
	{ "cmatrix", .kind = DSS_MATRIX, AT(dss_code, c) },
	{ "units", CHOICE(dss_code, unit, units) },
	{ "kron", EITHER(dss_code, kron, flags) },
	{ "neutral", INTEGER(dss_code, neutral, 1, DSS_WIRES_MAX) },
	{ "normamps", .kind = DSS_UNUSED },
	{ "emergamps", .kind = DSS_UNUSED },
};

static const struct dss_property line_properties[] = {
	{ "bus1", TEXT(dss_line, bus[0]) },
	{ "bus2", TEXT(dss_line, bus[1]) },
	{ "linecode", TEXT(dss_line, code) },
	{ "phases", INTEGER(dss_line, phases, 1, 3) },
	{ "length", NUMBER(dss_line, length, 1e-9, 1e9) },
	{ "units", CHOICE(dss_line, unit, units) },
	{ "normamps", .kind = DSS_UNUSED },
	{ "emergamps", .kind = DSS_UNUSED },
};

static const struct dss_property transformer_properties[] = {
	{ "phases", INTEGER(dss_transformer, phases, 3, 3) },
	{ "windings", INTEGER(dss_transformer, windings, DSS_WINDINGS, DSS_WINDINGS) },
	{ "wdg", INTEGER(dss_transformer, active, 1, DSS_WINDINGS) },
	{ "bus", TEXT(dss_transformer, winding[0].bus), WINDING },
	{ "conn", EITHER(dss_transformer, winding[0].connection, connections), WINDING },
	{ "kv", NUMBER(dss_transformer, winding[0].kv, 1e-3, 1e3), WINDING },
	{ "kva", NUMBER(dss_transformer, winding[0].kva, 1e-3, 1e6), WINDING },
	{ "tap", NUMBER(dss_transformer, winding[0].tap, 0.5, 2), WINDING },
	{ "%r", NUMBER(dss_transformer, winding[0].percent_r, 0, 100), WINDING },
	{ "buses", TEXT(dss_transformer, winding[0].bus), WINDING, .each = true },
	{ "conns", EITHER(dss_transformer, winding[0].connection, connections), WINDING,
	  .each = true },
	{ "kvs", NUMBER(dss_transformer, winding[0].kv, 1e-3, 1e3), WINDING, .each = true },
	{ "kvas", NUMBER(dss_transformer, winding[0].kva, 1e-3, 1e6), WINDING, .each = true },
	{ "taps", NUMBER(dss_transformer, winding[0].tap, 0.5, 2), WINDING, .each = true },
	{ "%rs", NUMBER(dss_transformer, winding[0].percent_r, 0, 100), WINDING, .each = true },
	{ "xhl", NUMBER(dss_transformer, xhl, 0, 1000) },
	{ "%loadloss", NUMBER(dss_transformer, load_loss, 0, 100) },
	{ "leadlag", EITHER(dss_transformer, lead, shifts) },
	{ "sub", .kind = DSS_UNUSED },
	{ "subname", .kind = DSS_UNUSED },
	{ "normhkva", .kind = DSS_UNUSED },
	{ "emerghkva", .kind = DSS_UNUSED },
};

static const struct dss_property load_properties[] = {
	{ "phases", INTEGER(dss_load, phases, 1, 3) },
	{ "bus1", TEXT(dss_load, bus) },
	{ "kv", NUMBER(dss_load, kv, 1e-3, 1e3) },
	{ "kw", NUMBER(dss_load, kw, -1e6, 1e6) },
	{ "pf", NUMBER(dss_load, pf, -1, 1) },
	{ "kvar", NUMBER(dss_load, kvar, -1e6, 1e6) },
	{ "conn", EITHER(dss_load, connection, connections) },
	{ "model", INTEGER(dss_load, model, 1, 5) },
	{ "vminpu", NUMBER(dss_load, v_min, 0, 2) },
	{ "vmaxpu", NUMBER(dss_load, v_max, 0, 10) },
	{ "yearly", TEXT(dss_load, yearly) },
	{ "daily", TEXT(dss_load, daily) },
	{ "class", .kind = DSS_UNUSED },
};

static const struct dss_property shape_properties[] = {
	{ "npts", INTEGER(dss_shape, points, 1, 1100000) },
	{ "interval", NUMBER(dss_shape, hours, 1e-6, 1e4) },
	{ "minterval", NUMBER(dss_shape, minutes, 1e-6, 1e6) },
	{ "sinterval", NUMBER(dss_shape, seconds, 1e-6, 1e8) },
	{ "mult", .kind = DSS_VALUES },
	{ "useactual", EITHER(dss_shape, actual, flags) },
};

static void source_defaults(void *object)
{
	struct dss_source *s = object;
	strcpy(s->bus, "sourcebus");
	s->phases = 3;
	s->kv = 115;
	s->pu = 1;
	s->mvasc3 = 2000;
	s->mvasc1 = 2100;
	s->x1r1 = 4;
	s->x0r0 = 3;
}

static void code_defaults(void *object)
{
	struct dss_code *c = object;
	c->phases = 3;
}

static void line_defaults(void *object)
{
	struct dss_line *l = object;
	l->phases = 3;
	l->length = 1;
}

static void transformer_defaults(void *object)
{
	struct dss_transformer *t = object;
	t->phases = 3;
	t->windings = DSS_WINDINGS;
	t->active = 1;
	t->xhl = 7;
	for (int i = 0; i < DSS_WINDINGS; i++) {
		t->winding[i] = (struct dss_winding){ .tap = 1, .percent_r = 0.2 };
	}
}

static void load_defaults(void *object)
{
	struct dss_load *l = object;
	l->phases = 3;
	l->model = 1;
	l->pf = 0.88;
	l->v_min = 0.95;
	l->v_max = 1.05;
}

static void shape_defaults(void *object)
{
	struct dss_shape *s = object;
	s->hours = 1;
}

#define CLASS(word, type)                                                                          \
	{                                                                                          \
		word, sizeof(struct dss_##type), type##_properties,                                \
			(int)(sizeof(type##_properties) / sizeof(*type##_properties)),             \
			type##_defaults                                                            \
	}
const struct dss_class dss_classes[DSS_CLASSES] = {
	[DSS_SOURCE] = CLASS("vsource", source),
	[DSS_CODE] = CLASS("linecode", code),
	[DSS_LINE] = CLASS("line", line),
	[DSS_TRANSFORMER] = CLASS("transformer", transformer),
	[DSS_LOAD] = CLASS("load", load),
	[DSS_SHAPE] = CLASS("loadshape", shape),
};

void dss_objects_init(struct dss_objects *all)
{
	*all = (struct dss_objects){ .frequency = 60 };
}

void dss_objects_free(struct dss_objects *all)
{
	for (int i = 0; i < all->list[DSS_SHAPE].count; i++) {
		struct dss_shape *s = dss_at(all, DSS_SHAPE, i);
		free(s->value);
	}
	for (int class = 0; class < DSS_CLASSES; class ++) {
		free(all->list[class].item);
	}
	*all = (struct dss_objects){ 0 };
}

void *dss_at(const struct dss_objects *all, enum dss_class_id class, int i)
{
	return all->list[class].item + (size_t)i * dss_classes[class].size;
}

void *dss_find(const struct dss_objects *all, enum dss_class_id class, const char *name)
{
	uint64_t key = hash_bytes(name, strlen(name));
	for (int i = all->list[class].count - 1; i >= 0; i--) {
		struct dss_object *o = dss_at(all, class, i);
		if (o->key == key && strcmp(o->name, name) == 0) {
			return o;
		}
	}
	return NULL;
}

void *dss_add(struct dss_objects *all, enum dss_class_id class, const char *name, const char *file,
	      int line)
{
	struct dss_list *list = &all->list[class];
	size_t size = dss_classes[class].size;
	if (list->count == list->room) {
		int room = list->room ? 2 * list->room : 16;
		char *wider = realloc(list->item, (size_t)room * size);
		if (!wider) {
			return NULL;
		}
		list->item = wider;
		list->room = room;
	}
	struct dss_object *o = dss_at(all, class, list->count++);
	memset(o, 0, size);
	size_t length = strnlen(name, sizeof(o->name) - 1);
	memcpy(o->name, name, length);
	o->key = hash_bytes(o->name, length);
	o->file = file;
	o->line = line;
	dss_classes[class].defaults(o);
	return o;
}

int dss_class_named(const char *name)
{
	for (int i = 0; i < DSS_CLASSES; i++) {
		if (strcmp(dss_classes[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

bool dss_given(enum dss_class_id class, const void *object, const char *property)
{
	const struct dss_object *o = object;
	for (int i = 0; i < dss_classes[class].properties; i++) {
		if (strcmp(dss_classes[class].property[i].name, property) == 0) {
			return o->given >> i & 1;
		}
	}
	return false;
}
