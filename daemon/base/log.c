/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	enum log_level level;
	char last[512];
	int repeats;
} log_state = { .level = LOG_INFO };

void log_set_level(enum log_level level)
{
	log_state.level = level;
}

static void print(enum log_level level, const char *text)
{
	/* sd-daemon(3): <3> error, <4> warning, <6> info, <7> debug */
	static const char *const prefix[] = { "<3>", "<4>", "<6>", "<7>" };
	fprintf(stderr, "%s%s\n", getenv("JOURNAL_STREAM") ? prefix[level] : "", text);
}

void log_line(enum log_level level, const char *format, ...)
{
	if (level > log_state.level) {
		return;
	}
	char text[sizeof(log_state.last)];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strcmp(text, log_state.last) == 0) {
		log_state.repeats++;
		return;
	}
	if (log_state.repeats) {
		char sum[64];
		snprintf(sum, sizeof(sum), "(the line above came %d more times)",
			 log_state.repeats);
		print(LOG_INFO, sum);
	}
	log_state.repeats = 0;
	memcpy(log_state.last, text, sizeof(text));
	print(level, text);
}
