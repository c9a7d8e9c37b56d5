/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-dso run: the grid operator as a service. */
#ifndef LECD_GRID_DSO_RUN_H
#define LECD_GRID_DSO_RUN_H

/* argv[0] is the command's name. Returns the exit code. */
int dso_run_main(int argc, char **argv);

#endif
