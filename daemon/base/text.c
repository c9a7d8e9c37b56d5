/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All there is, into a buffer that grows; 0 or -errno. */
static int read_all(FILE *file, size_t most, char **text, size_t *length)
{
	size_t room = 0, got = 1;
	while (got > 0) {
		if (*length + 1 >= room) {
			room = room ? 2 * room : 16384;
			char *more = realloc(*text, room);
			if (!more) {
				return -ENOMEM;
			}
			*text = more;
		}
		got = fread(*text + *length, 1, room - *length - 1, file);
		*length += got;
		if (*length > most) {
			return -EFBIG;
		}
	}
	(*text)[*length] = '\0';
	return ferror(file) ? -errno : 0;
}

int text_read(const char *path, size_t most, char **out)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = fopen(path, "re");
	if (!file) {
		return -errno;
	}
	int r = read_all(file, most, &text, &length);
	(void)fclose(file);
	if (r == 0 && memchr(text, '\0', length)) {
		r = -EILSEQ;
	}
	if (r < 0) {
		free(text);
		return r;
	}
	*out = text;
	return 0;
}

const char *text_error(int error)
{
	return error == -EILSEQ  ? "a NUL byte, expected a text"
	       : error == -EFBIG ? "too large"
				 : strerror(-error);
}
