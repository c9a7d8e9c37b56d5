/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-dso check: a day's trades against a feeder, offline. */
#ifndef LECD_GRID_DSO_CHECK_H
#define LECD_GRID_DSO_CHECK_H

/* argv[0] is the command's name. Returns the exit code. */
int dso_check_main(int argc, char **argv);

#endif
