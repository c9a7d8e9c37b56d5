/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/diag.h"

#include <errno.h>

static void print(FILE *to, const char *file, int line, const char *mark, const char *format,
		  va_list args)
{
	flockfile(to);
	if (line > 0) {
		fprintf(to, "%s:%d: %s", file, line, mark);
	} else {
		fprintf(to, "%s: %s", file, mark);
	}
	vfprintf(to, format, args);
	fputc('\n', to);
	funlockfile(to);
}

int diag_error(struct diag *d, const char *file, int line, const char *format, ...)
{
	d->errors++;
	if (d->to) {
		va_list args;
		va_start(args, format);
		print(d->to, file, line, "", format, args);
		va_end(args);
	}
	return -EINVAL;
}

void diag_warning(struct diag *d, const char *file, int line, const char *format, ...)
{
	if (d->to) {
		va_list args;
		va_start(args, format);
		print(d->to, file, line, "warning: ", format, args);
		va_end(args);
	}
}
