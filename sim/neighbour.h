/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-sim neighbour: one community of a league as a process of its own, which speaks with its
 * neighbours over a broker and puts down what it agreed on. */
#ifndef LECD_SIM_NEIGHBOUR_H
#define LECD_SIM_NEIGHBOUR_H

/* Returns the exit code. */
int neighbour_main(int argc, char **argv);

#endif
