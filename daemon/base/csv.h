/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CSV files, line by line: fields between commas, blanks around them cut off, no quoting. Empty
 * lines, a byte order mark and the carriage returns of other systems are skipped. */
#ifndef LECD_BASE_CSV_H
#define LECD_BASE_CSV_H

#include <stdio.h>

enum { CSV_FIELDS_MAX = 512 };

struct csv {
	FILE *file;
	int line; /* of the row in field, from 1 */
	int fields;
	char *field[CSV_FIELDS_MAX]; /* into text; until the next csv_next */
	char text[16384];
};

/* Open path. Return 0 or -errno. */
int csv_open(struct csv *c, const char *path);

/* The next line that is not empty. Return 1; 0 at the end; -E2BIG: a line too long or with too many
 * fields, which is skipped; -EIO. */
int csv_next(struct csv *c);

/* Start again at the first line. */
void csv_rewind(struct csv *c);

void csv_close(struct csv *c);

/* Parse a whole field as a finite number. Return 0 or -EINVAL. */
int csv_number(const char *field, double *out);

#endif
