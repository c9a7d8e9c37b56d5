/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a training went: training.csv, as lec-train maddpg has written it. */
#ifndef LECD_SIM_TRAINING_LOG_H
#define LECD_SIM_TRAINING_LOG_H

enum { TRAINING_COLUMNS_MAX = 16 };

struct training_log {
	int rows, columns; /* a row is an episode; at least 1 */
	double *edge;      /* 0, 1 ... rows: an axis for svg.h */
	char name[TRAINING_COLUMNS_MAX][32];
	double *value[TRAINING_COLUMNS_MAX]; /* by column, then row; NaN: not known */
};

/* Read path. Returns 0; -ENODATA: no episodes; -EBADMSG: it is no such file; or why it could not be
 * read. training_log_free after it, always. */
int training_log_read(struct training_log *t, const char *path);
void training_log_free(struct training_log *t);

/* The column of that name, or -1. */
int training_log_column(const struct training_log *t, const char *name);

/* out[i]: the mean of the last `window` values up to row i that are known; NaN: there are none. */
void training_log_smooth(const struct training_log *t, int column, int window, double *out);

#endif
