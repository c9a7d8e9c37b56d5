/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* A field that is quoted by its writer, or was begun to be. */
static bool is_quoted(const char *field)
{
	size_t length = strlen(field);
	return length > 0 && (field[0] == '"' || field[length - 1] == '"');
}

static int split(struct csv *c, char *text)
{
	int r = 1;
	c->fields = 0;
	for (char *next = text; next; text = next) {
		if (c->fields == CSV_FIELDS_MAX) {
			return -E2BIG;
		}
		next = strchr(text, ',');
		if (next) {
			*next++ = '\0';
		}
		c->field[c->fields] = trimmed(text);
		r = is_quoted(c->field[c->fields++]) ? -EBADMSG : r;
	}
	return r;
}

int csv_open(struct csv *c, const char *path)
{
	struct stat kind;
	FILE *file = fopen(path, "re");
	if (!file) {
		return -errno;
	}
	if (fstat(fileno(file), &kind) == 0 && S_ISDIR(kind.st_mode)) {
		(void)fclose(file);
		return -EISDIR;
	}
	*c = (struct csv){ .file = file };
	return 0;
}

/* A line into c->text, without its end. Return 1, 0 at the end, or as csv_next. */
static int read_line(struct csv *c)
{
	size_t length = 0;
	int ch = getc_unlocked(c->file), r = 1;
	if (ch == EOF) {
		return ferror(c->file) ? -EIO : 0;
	}
	c->line++;
	for (; ch != EOF && ch != '\n'; ch = getc_unlocked(c->file)) {
		if (ch == '\0') {
			c->ended = true;
			return -EILSEQ;
		}
		if (length + 1 == sizeof(c->text)) {
			r = -E2BIG;
		} else {
			c->text[length++] = (char)ch;
		}
	}
	c->text[length] = '\0';
	return ch == EOF && ferror(c->file) ? -EIO : r;
}

int csv_next(struct csv *c)
{
	for (int r; !c->ended && (r = read_line(c)) != 0;) {
		char *text = c->text;
		if (r < 0) {
			return r;
		}
		if (c->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0) {
			text += 3;
		}
		text = trimmed(text);
		if (strchr(text, '\r')) {
			return -EPROTO;
		}
		if (*text) {
			return split(c, text);
		}
	}
	return 0;
}

const char *csv_wrong(int error)
{
	switch (error) {
	case -E2BIG:
		return "line too long, expected at most 16383 characters and 512 fields";
	case -EBADMSG:
		return "a quote at a field's end, expected fields without quotes";
	case -EPROTO:
		return "a carriage return in the line, expected lines that end in LF or CRLF";
	case -EILSEQ:
		return "a NUL byte, expected text in UTF-8";
	case -EISDIR:
		return "a directory, expected a file";
	default:
		return strerror(-error);
	}
}

void csv_rewind(struct csv *c)
{
	rewind(c->file);
	c->line = 0;
	c->fields = 0;
	c->ended = false;
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
