/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a training went, as a page to look at: report.html from training.csv. */
#ifndef LECD_SIM_TRAIN_REPORT_H
#define LECD_SIM_TRAIN_REPORT_H

/* Read csv, which train.c has written, and write html; title: any text. Returns 0 or -errno. */
int train_report_write(const char *csv, const char *html, const char *title);

#endif
