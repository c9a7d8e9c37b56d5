/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_options.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/units.h"

int dso_usage(const char *option, const char *argument, const char *expected)
{
	fprintf(stderr, "lec-dso flow: --%s %s, expected %s\n", option, argument, expected);
	return DSO_USAGE;
}

bool dso_number(const char *text, double low, double high, double *out)
{
	double value;
	if (units_parse(text, DIMENSION_NUMBER, &value, NULL) < 0 || value < low || value > high) {
		return false;
	}
	*out = value;
	return true;
}

bool dso_injection(const char *text, double *kw, double *kvar)
{
	char first[64];
	const char *comma = strchr(text, ',');
	snprintf(first, sizeof(first), "%.*s", (int)(comma ? comma - text : (long)strlen(text)),
		 text);
	return dso_number(first, -1e6, 1e6, kw) &&
	       (!comma || dso_number(comma + 1, -1e6, 1e6, kvar));
}

FILE *dso_open(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (!file) {
		fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(errno));
	}
	return file;
}

int dso_close(FILE *file, const char *path)
{
	bool failed = ferror(file) || (file != stdout && fclose(file) != 0);
	if (failed) {
		fprintf(stderr, "%s: cannot be written whole\n", path);
	}
	return failed ? DSO_FAILED : 0;
}
