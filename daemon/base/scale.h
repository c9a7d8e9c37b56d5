/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Round numbers for the scales of pictures. */
#ifndef LECD_BASE_SCALE_H
#define LECD_BASE_SCALE_H

/* The next of 1, 2, 5, 10, 20... that is not below value, and not below least. */
double scale_round_up(double value, double least);

#endif
