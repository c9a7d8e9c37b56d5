/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a MATPOWER case, and the names it gives to columns. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/grid/matpower_private.h"

enum { LEFT_MAX = 32 };

/* What idx_bus and the others give, in the order in which they give it. */
static const double bus_indices[] = { 1, 2, 3,  4,  1,  2,  3,  4,  5,  6, 7,
				      8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
static const double branch_indices[] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
					 14, 15, 16, 17, 18, 19, 12, 13, 20, 21 };
static const double gen_indices[] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 22, 23, 24,
				      25, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21 };
static const struct {
	const char *name;
	int count;
	const double *value;
	const char *constants; /* their usual names */
} indices[] = {
	{ "idx_bus", 21, bus_indices,
	  "PQ PV REF NONE BUS_I BUS_TYPE PD QD GS BS BUS_AREA VM VA BASE_KV ZONE VMAX VMIN LAM_P "
	  "LAM_Q MU_VMAX MU_VMIN" },
	{ "idx_brch", 21, branch_indices,
	  "F_BUS T_BUS BR_R BR_X BR_B RATE_A RATE_B RATE_C TAP SHIFT BR_STATUS PF QF PT QT MU_SF "
	  "MU_ST ANGMIN ANGMAX MU_ANGMIN MU_ANGMAX" },
	{ "idx_gen", 25, gen_indices,
	  "GEN_BUS PG QG QMAX QMIN VG MBASE GEN_STATUS PMAX PMIN MU_PMAX MU_PMIN MU_QMAX MU_QMIN "
	  "PC1 PC2 QC1MIN QC1MAX QC2MIN QC2MAX RAMP_AGC RAMP_10 RAMP_30 RAMP_Q APF" },
};
enum { INDICES = sizeof(indices) / sizeof(*indices) };

void script_fail(struct script *s, const char *format, ...)
{
	char text[256];
	if (s->failed) {
		return;
	}
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	s->failed = true;
	(void)diag_error(s->d, s->path, s->line, "%s", text);
}

void script_blanks(struct script *s)
{
	for (;;) {
		s->at += strspn(s->at, " \t\r");
		if (strncmp(s->at, "...", 3) == 0) { /* the next line belongs to this one */
			s->at += strcspn(s->at, "\n");
			s->line += *s->at == '\n';
			s->at += *s->at == '\n';
			continue;
		}
		if (*s->at == '%') {
			s->at += strcspn(s->at, "\n");
		}
		return;
	}
}

bool script_take(struct script *s, char c)
{
	script_blanks(s);
	bool there = *s->at == c;
	s->at += there;
	return there;
}

bool script_word(struct script *s, char word[WORD_SIZE])
{
	size_t length = 0;
	script_blanks(s);
	while (isalnum((unsigned char)s->at[length]) || s->at[length] == '_') {
		length++;
	}
	if (length >= WORD_SIZE || isdigit((unsigned char)*s->at)) {
		length = 0;
	}
	memcpy(word, s->at, length);
	word[length] = '\0';
	s->at += length;
	return length > 0;
}

void script_set(struct script *s, const char *name, double value)
{
	int i = 0;
	while (i < s->variables && strcmp(s->variable[i].name, name) != 0) {
		i++;
	}
	if (i == VARIABLES_MAX) {
		script_fail(s, "too many variables, expected at most %d", VARIABLES_MAX);
		return;
	}
	if (i == s->variables) {
		snprintf(s->variable[s->variables++].name, WORD_SIZE, "%s", name);
	}
	s->variable[i].value = value;
}

/* After an error: on to the end of the statement, over what stands in brackets. */
void script_skip(struct script *s)
{
	int depth = s->inside;
	for (; *s->at; s->at++) {
		if (*s->at == '%' || strncmp(s->at, "...", 3) == 0) {
			bool joined = *s->at == '.';
			s->at += strcspn(s->at, "\n");
			if (joined && *s->at) {
				s->line++;
				continue;
			}
		}
		depth += *s->at == '[' || *s->at == '{';
		depth -= *s->at == ']' || *s->at == '}';
		if (*s->at == '\0' || (depth <= 0 && (*s->at == '\n' || *s->at == ';'))) {
			return;
		}
		s->line += *s->at == '\n';
	}
}

void script_indices(struct script *s)
{
	char left[LEFT_MAX][WORD_SIZE], right[WORD_SIZE];
	int names = 0;
	while (!script_take(s, ']')) {
		if (names == LEFT_MAX || !script_word(s, left[names])) {
			script_fail(s, "expected names in [ ]");
			return;
		}
		names++;
		(void)script_take(s, ',');
	}
	if (!script_take(s, '=') || !script_word(s, right)) {
		script_fail(s, "expected = idx_bus, idx_brch or idx_gen");
		return;
	}
	for (int i = 0; i < INDICES; i++) {
		if (strcmp(indices[i].name, right) == 0 && names <= indices[i].count) {
			for (int k = 0; k < names; k++) {
				script_set(s, left[k], indices[i].value[k]);
			}
			return;
		}
	}
	script_fail(s, "[...] = %s is not understood, expected idx_bus, idx_brch or idx_gen",
		    right);
}

void script_constants(struct script *s)
{
	for (int i = 0; i < INDICES; i++) {
		const char *names = indices[i].constants;
		for (int k = 0; k < indices[i].count; k++) {
			char name[WORD_SIZE];
			size_t length = strcspn(names, " ");
			snprintf(name, sizeof(name), "%.*s", (int)length, names);
			script_set(s, name, indices[i].value[k]);
			names += length + 1;
		}
	}
}
