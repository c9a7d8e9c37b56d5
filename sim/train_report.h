/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a training went, as a page to look at: report.html from training.csv. */
#ifndef LECD_SIM_TRAIN_REPORT_H
#define LECD_SIM_TRAIN_REPORT_H

/* What it says beside its curves: any text, the last what came of it all; "": no currency. */
struct train_report {
	const char *title, *currency, *outcome;
};

/* Read csv, which train.c has written, and write html. Returns 0 or -errno. */
int train_report_write(const char *csv, const char *html, const struct train_report *told);

#endif
