/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/opendss_words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void opendss_lower(char *text)
{
	for (; *text; text++) {
		if (*text >= 'A' && *text <= 'Z') {
			*text = (char)(*text - 'A' + 'a');
		}
	}
}

void opendss_words_begin(struct opendss_words *w, const char *text, char *value)
{
	*w = (struct opendss_words){ .at = text, .value = value };
}

static bool is_comment(const char *at)
{
	return *at == '!' || (at[0] == '/' && at[1] == '/');
}

static const char *skip(const char *at, const char *blanks)
{
	at += strspn(at, blanks);
	return is_comment(at) ? at + strlen(at) : at;
}

/* The end of what begins with an opening sign, or NULL. */
static const char *closed_at(const char *at)
{
	static const char open[] = "([{\"'", close[] = ")]}\"'";
	const char *kind = strchr(open, *at);
	int depth = 0;
	for (const char *c = at; *c; c++) {
		if (*c == close[kind - open] && c > at && --depth == 0) {
			return c;
		}
		depth += *c == *kind && (c == at || *kind != close[kind - open]);
	}
	return NULL;
}

/* Copy the token at w->at to value and go behind it. */
static int take_token(struct opendss_words *w)
{
	const char *from = w->at, *end;
	if (strchr("([{\"'", *from)) {
		end = closed_at(from++);
		if (!end) {
			return -EINVAL;
		}
		w->at = end + 1;
	} else {
		end = from;
		while (*end && !strchr(" \t\r\n,=", *end) && !is_comment(end)) {
			end++;
		}
		w->at = end;
	}
	memcpy(w->value, from, (size_t)(end - from));
	w->value[end - from] = '\0';
	return 0;
}

int opendss_words_next(struct opendss_words *w)
{
	w->name[0] = '\0';
	w->at = skip(w->at, " \t\r\n,");
	if (*w->at == '\0') {
		return 0;
	}
	if (*w->at == '=' || take_token(w) < 0) {
		return -EINVAL;
	}
	const char *behind = skip(w->at, " \t");
	if (*behind != '=') {
		return 1;
	}
	size_t length = strlen(w->value);
	w->at = skip(behind + 1, " \t");
	if (length == 0 || length >= sizeof(w->name) || strchr("\r\n,=", *w->at)) {
		return -EINVAL;
	}
	memcpy(w->name, w->value, length + 1);
	opendss_lower(w->name);
	return take_token(w) < 0 ? -EINVAL : 1;
}
