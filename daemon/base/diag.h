/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a user's files, all of it at once: lines of "file:line: what, what is
 * expected"; and what is not wrong and better otherwise. */
#ifndef LECD_BASE_DIAG_H
#define LECD_BASE_DIAG_H

#include <stdarg.h>
#include <stdio.h>

struct diag {
	FILE *to;   /* where errors are printed; NULL: only counted */
	int errors; /* so far */
};

/* Report one error at file:line (line 0: the file as a whole). Returns -EINVAL. */
__attribute__((format(printf, 4, 5))) int diag_error(struct diag *d, const char *file, int line,
						     const char *format, ...);

/* Say what would be better otherwise, as "file:line: warning: ...". It counts as no error. */
__attribute__((format(printf, 4, 5))) void diag_warning(struct diag *d, const char *file, int line,
							const char *format, ...);

#endif
