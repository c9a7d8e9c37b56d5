/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-dso flow: the power flow of a feeder from the command line. */
#ifndef LECD_GRID_DSO_FLOW_H
#define LECD_GRID_DSO_FLOW_H

/* argv[0] is the command's name. Returns the exit code. */
int dso_flow_main(int argc, char **argv);

#endif
