/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CSV files, line by line: fields between commas, blanks around them cut off, no quoting. Empty
 * lines, a byte order mark and the carriage returns of other systems at a line's end are skipped.
 *
 * What is no such text is refused, so that nothing of it passes for data: quotes around a field, a
 * carriage return within a line, a NUL byte. */
#ifndef LECD_BASE_CSV_H
#define LECD_BASE_CSV_H

#include <stdbool.h>
#include <stdio.h>

enum { CSV_FIELDS_MAX = 512 };

struct csv {
	FILE *file;
	int line; /* of the row in field, from 1 */
	int fields;
	char *field[CSV_FIELDS_MAX]; /* into text; until the next csv_next */
	bool ended;                  /* by what is no text */
	char text[16384];
};

/* Open path. Return 0 or -errno; -EISDIR: it is a directory. */
int csv_open(struct csv *c, const char *path);

/* The next line that is not empty. Return 1; 0 at the end; of a line that is skipped -E2BIG: too
 * long or too many fields, -EBADMSG: quotes, -EPROTO: a carriage return in it; -EILSEQ: a NUL byte,
 * after which nothing is read; -EIO. */
int csv_next(struct csv *c);

/* What is wrong with a file or line by an error of the two above, and what is expected. */
const char *csv_wrong(int error);

/* Start again at the first line. */
void csv_rewind(struct csv *c);

void csv_close(struct csv *c);

/* Parse a whole field as a finite number. Return 0 or -EINVAL. */
int csv_number(const char *field, double *out);

#endif
