/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The formats of feeders. Each reads into a feeder after feeder_init; whether it is a tree is seen
 * afterwards. */
#ifndef LECD_GRID_FEEDER_PRIVATE_H
#define LECD_GRID_FEEDER_PRIVATE_H

#include "daemon/grid/feeder.h"

int feeder_read_csv(const char *path, struct feeder *out, struct diag *d);
int feeder_read_matpower(const char *path, struct feeder *out, struct diag *d);

#endif
