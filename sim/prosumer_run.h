/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-sim prosumer: one home of a scenario that negotiates over MQTT, as a process of its own. Its
 * store, load and PV stay in it. */
#ifndef LECD_SIM_PROSUMER_RUN_H
#define LECD_SIM_PROSUMER_RUN_H

/* Returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int prosumer_main(int argc, char **argv);

#endif
