/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/csv.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *trimmed(char *text)
{
	while (is_blank(*text)) {
		text++;
	}
	size_t length = strlen(text);
	while (length > 0 && is_blank(text[length - 1])) {
		length--;
	}
	text[length] = '\0';
	return text;
}

static void skip_line(struct csv *c)
{
	int ch;
	do {
		ch = getc(c->file);
	} while (ch != EOF && ch != '\n');
}

static int split(struct csv *c, char *text)
{
	c->fields = 0;
	for (char *next = text; next; text = next) {
		if (c->fields == CSV_FIELDS_MAX) {
			return -E2BIG;
		}
		next = strchr(text, ',');
		if (next) {
			*next++ = '\0';
		}
		c->field[c->fields++] = trimmed(text);
	}
	return 1;
}

int csv_open(struct csv *c, const char *path)
{
	FILE *file = fopen(path, "re");
	if (!file) {
		return -errno;
	}
	*c = (struct csv){ .file = file };
	return 0;
}

int csv_next(struct csv *c)
{
	while (fgets(c->text, sizeof(c->text), c->file)) {
		c->line++;
		if (!strchr(c->text, '\n') && !feof(c->file)) {
			skip_line(c);
			return -E2BIG;
		}
		char *text = c->text;
		if (c->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0) {
			text += 3;
		}
		text = trimmed(text);
		if (*text) {
			return split(c, text);
		}
	}
	return ferror(c->file) ? -EIO : 0;
}

void csv_rewind(struct csv *c)
{
	rewind(c->file);
	c->line = 0;
	c->fields = 0;
}

void csv_close(struct csv *c)
{
	if (c->file) {
		(void)fclose(c->file);
		c->file = NULL;
	}
}

/* A point is the decimal separator: programs that call setlocale leave LC_NUMERIC alone. */
int csv_number(const char *field, double *out)
{
	char *end;
	if (*field == '\0' || strpbrk(field, "xXpPnN")) { /* no hexadecimal, nan or inf */
		return -EINVAL;
	}
	double value = strtod(field, &end);
	if (*end != '\0' || !isfinite(value)) {
		return -EINVAL;
	}
	*out = value;
	return 0;
}
