/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lec-sim device`: a house behind Modbus TCP on loopback. */
#ifndef LECD_SIM_DEVICE_H
#define LECD_SIM_DEVICE_H

/* Run with the arguments behind the subcommand's name, argv[0]. Return the exit code. */
int device_main(int argc, char **argv);

#endif
