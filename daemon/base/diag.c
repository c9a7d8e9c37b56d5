/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/diag.h"

#include <errno.h>

int diag_error(struct diag *d, const char *file, int line, const char *format, ...)
{
	d->errors++;
	if (d->to) {
		va_list args;
		va_start(args, format);
		flockfile(d->to);
		if (line > 0) {
			fprintf(d->to, "%s:%d: ", file, line);
		} else {
			fprintf(d->to, "%s: ", file);
		}
		vfprintf(d->to, format, args);
		fputc('\n', d->to);
		funlockfile(d->to);
		va_end(args);
	}
	return -EINVAL;
}
