/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log: one line to stderr, with the journal's priority prefix when systemd listens.
 *
 * Log a change of state once. A line equal to the one before is counted, and summed up when another
 * comes. Main thread only. Measurements go to the store, not here. */
#ifndef LECD_BASE_LOG_H
#define LECD_BASE_LOG_H

enum log_level {
	LOG_ERROR,   /* someone must act */
	LOG_WARNING, /* we coped */
	LOG_INFO,    /* a life event */
	LOG_DEBUG
};

/* Nothing below level is printed. The default is LOG_INFO. */
void log_set_level(enum log_level level);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

#endif
