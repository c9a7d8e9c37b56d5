/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The objects of an OpenDSS script as they stand there, and the properties that are understood of
 * each class. What is not given is as OpenDSS has it by default. */
#ifndef LECD_GRID_OPENDSS_OBJECTS_H
#define LECD_GRID_OPENDSS_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/grid/feeder.h"
#include "daemon/grid/opendss_words.h"

enum { DSS_WIRES_MAX = 4, DSS_WINDINGS = 2, DSS_BUS_SIZE = FEEDER_NAME_SIZE + 8 };

enum dss_unit { DSS_NONE, DSS_MI, DSS_KFT, DSS_KM, DSS_M, DSS_FT, DSS_IN, DSS_CM, DSS_MM };
enum dss_connection { DSS_WYE, DSS_DELTA };

/* What every object begins with. */
struct dss_object {
	char name[OPENDSS_NAME_SIZE]; /* in small letters */
	uint64_t key;                 /* the name's hash */
	const char *file;
	int line;
	uint64_t given; /* bits: the properties that the script told, by their place in the class */
};

struct dss_source {
	struct dss_object o;
	char bus[DSS_BUS_SIZE];
	int phases;
	double kv, pu, angle, isc3, isc1, mvasc3, mvasc1, x1r1, x0r0, r1, x1, r0, x0;
};

/* By the rows of the matrices; of a whole one both halves are given. */
struct dss_code {
	struct dss_object o;
	int phases, neutral;
	double r1, x1, r0, x0, c1, c0;
	double r[DSS_WIRES_MAX][DSS_WIRES_MAX], x[DSS_WIRES_MAX][DSS_WIRES_MAX],
		c[DSS_WIRES_MAX][DSS_WIRES_MAX];
	int unit;
	int kron;
};

struct dss_line {
	struct dss_object o;
	char bus[2][DSS_BUS_SIZE];
	char code[OPENDSS_NAME_SIZE];
	int phases, unit;
	double length;
};

struct dss_winding {
	char bus[DSS_BUS_SIZE];
	int connection;
	double kv, kva, tap, percent_r;
};

struct dss_transformer {
	struct dss_object o;
	int phases, windings, active; /* the winding that is told of, from 1 */
	struct dss_winding winding[DSS_WINDINGS];
	double xhl, load_loss;
	int lead; /* the low side leads the high one by 30 degrees, not lags */
};

struct dss_load {
	struct dss_object o;
	char bus[DSS_BUS_SIZE];
	char yearly[OPENDSS_NAME_SIZE], daily[OPENDSS_NAME_SIZE];
	int phases, connection, model;
	double kv, kw, pf, kvar, v_min, v_max;
};

struct dss_shape {
	struct dss_object o;
	int points, actual;
	double hours, minutes, seconds; /* of one value; the script tells one of them */
	double *value;                  /* owned */
	int values;
};

enum dss_class_id {
	DSS_SOURCE,
	DSS_CODE,
	DSS_LINE,
	DSS_TRANSFORMER,
	DSS_LOAD,
	DSS_SHAPE,
	DSS_CLASSES
};

enum dss_kind {
	DSS_NUMBER,
	DSS_INTEGER,
	DSS_TEXT,   /* of `size` letters with its end, made small */
	DSS_CHOICE, /* an int: which of the words */
	DSS_EITHER, /* an int: 0 for the first, third... of the words, 1 for the others */
	DSS_MATRIX,
	DSS_VALUES, /* of a load shape */
	DSS_UNUSED, /* told of in the script, and nothing to a power flow */
};

struct dss_property {
	const char *name;
	enum dss_kind kind;
	size_t offset;
	double least, most;       /* of a number */
	size_t size;              /* of a text */
	size_t stride;            /* between windings, for what each winding has */
	bool each;                /* the value is an array with one for each winding */
	const char *const *words; /* of a choice, NULL behind the last */
};

struct dss_class {
	const char *name; /* as the script has it */
	size_t size;      /* of its struct */
	const struct dss_property *property;
	int properties;
	void (*defaults)(void *object);
};
extern const struct dss_class dss_classes[DSS_CLASSES];

/* Objects of one class, one behind the other. */
struct dss_list {
	char *item; /* owned */
	int count, room;
};

/* Everything of a script. */
struct dss_objects {
	struct dss_list list[DSS_CLASSES];
	double frequency;
	double voltage_base[8]; /* kV, line to line */
	int voltage_bases;
};

void dss_objects_init(struct dss_objects *all);
void dss_objects_free(struct dss_objects *all);

/* Number i of a class; the one of that name (in small letters) or NULL. It moves when one is added.
 */
void *dss_at(const struct dss_objects *all, enum dss_class_id class, int i);
void *dss_find(const struct dss_objects *all, enum dss_class_id class, const char *name);

/* Add one with its defaults. Returns it, or NULL: no memory. */
void *dss_add(struct dss_objects *all, enum dss_class_id class, const char *name, const char *file,
	      int line);

/* Which class has that name, or -1. Whether an object was told a property. */
int dss_class_named(const char *name);
bool dss_given(enum dss_class_id class, const void *object, const char *property);

/* Set a property of an object at file:line, for paths relative to the file. What is wrong goes to
 * d, and 0 or -errno is returned. */
int dss_set(enum dss_class_id class, void *object, const char *property, const char *value,
	    const char *file, int line, struct diag *d);

/* Numbers in the text of an array, at most `most`. Returns how many; -EINVAL: one is no number,
 * -E2BIG: more. */
int dss_numbers(const char *text, double *out, int most);

/* The path of a file that `file` names: relative to its folder, with \ for / as well. */
void dss_path(const char *file, const char *name, char *out, size_t size);

#endif
