/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lec-sim home`: one house in simulated time under several controllers, judged side by side. */
#ifndef LECD_SIM_HOME_H
#define LECD_SIM_HOME_H

int home_main(int argc, char **argv);

#endif
