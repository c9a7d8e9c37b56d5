/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands of lec-dso have in common on their command lines. */
#ifndef LECD_GRID_DSO_OPTIONS_H
#define LECD_GRID_DSO_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum { DSO_FAILED = 1, DSO_USAGE = 2, DSO_REPEATED_MAX = 64 };

/* Say on standard error what an option of `lec-dso flow` should be. Returns DSO_USAGE. */
int dso_usage(const char *option, const char *argument, const char *expected);

/* Parse a whole argument as a number from low to high. */
bool dso_number(const char *text, double low, double high, double *out);

/* Parse "KW[,KVAR]" of an injection. q stays where it is not told. */
bool dso_injection(const char *text, double *kw, double *kvar);

/* Open a file for results, "-" being standard output; and close it. Return NULL, or DSO_FAILED,
 * having said why. */
FILE *dso_open(const char *path);
int dso_close(FILE *file, const char *path);

#endif
