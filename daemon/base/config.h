/* SPDX-License-Identifier: GPL-3.0-or-later */
/* INI files, all or nothing: a file is read whole, checked against a table of options, and every
 * error is reported with its line before anything is used.
 *
 *   [kind name]          ; a section has a kind and, where several may stand, a name
 *   key = value          ; ; begins a comment
 *
 * Parsing is inih's; line numbers, types, units, ranges and defaults are ours. */
#ifndef LECD_BASE_CONFIG_H
#define LECD_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/diag.h"
#include "daemon/base/units.h"

struct config_entry {
	int section; /* index into config.section */
	int line;
	char key[48];
	char value[256];
};

struct config_section {
	char kind[32];
	char name[32]; /* "" where the section has none */
	int line;
	bool known;     /* set by whoever applied a table to it */
	bool repeats;   /* set by whoever lets sections of this title stand more than once */
	int first_line; /* of the first with the same title; its own where it is that */
};

struct config {
	char path[256];
	const char *manual; /* that says what may stand in it: "lecd.conf(5)" unless set */
	int sections;
	int entries;
	struct config_section *section; /* owned */
	struct config_entry *entry;     /* owned */
};

/* Read path into c (to be freed with config_free, also after an error). Syntax errors go to d.
 * Returns 0 where the file could be read, even with errors in it; else -errno, reported too. */
int config_read(struct config *c, const char *path, struct diag *d);
void config_free(struct config *c);

enum option_type {
	OPTION_TEXT,     /* char[limit] */
	OPTION_BOOL,     /* bool: yes or no */
	OPTION_CHOICE,   /* int: index into choices */
	OPTION_QUANTITY, /* double, in the dimension's base unit */
	OPTION_INTEGER,  /* int64_t */
	OPTION_CUSTOM,   /* whatever parse makes of it */
	OPTION_REPEATED  /* the same, and the key may stand more than once */
};

struct option {
	const char *key;
	enum option_type type;
	enum dimension dimension; /* of a quantity */
	size_t offset;            /* of the field in the target struct */
	double min, max; /* of a quantity or integer, inclusive; text: max = size of the field */
	const char *fallback; /* the default, as text; NULL: the key must be given; "": stays as it
				 is */
	const char *const *choices; /* NULL-terminated */
	/* Custom and repeated: return NULL, or what is expected. */
	const char *(*parse)(const char *text, void *target);
};

/* Apply a table to section s: fill target, report unknown keys, repeated keys, missing keys, wrong
 * units and values out of range. currency (may be NULL) collects the prices' currency: the first
 * seen is taken, another one is an error. */
void config_apply(struct config *c, int s, const struct option *table, int options, void *target,
		  char *currency, struct diag *d);

/* Give every field of a table its default, where its section does not stand. */
void config_apply_defaults(const struct option *table, int options, void *target);

/* Report every section that no table was applied to (expected names those that may stand), those
 * that stand more than once, and those with a name where expected has them without: "[kind]". */
void config_refuse_unknown(const struct config *c, const char *expected, struct diag *d);

/* The line of key in section s, or the section's own line. */
int config_line(const struct config *c, int s, const char *key);

/* Whether section s gives this key. */
bool config_has(const struct config *c, int s, const char *key);

/* Copy a name that may stand in topics and files: 1 to size - 1 letters, digits, - and _. Returns
 * NULL, or what is expected. */
const char *config_parse_name(const char *text, char *field, size_t size);

/* The section of that kind ("" name accepted), or -1. */
int config_find(const struct config *c, const char *kind);

#endif
