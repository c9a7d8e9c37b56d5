/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Circuits from OpenDSS scripts: the part of the language that the IEEE European LV feeder needs,
 * and what is usual around it. Anything else is refused by file and line, as a word that is not
 * understood may be one that matters. What a script solves, shows and measures is left alone. */
#ifndef LECD_GRID_OPENDSS_H
#define LECD_GRID_OPENDSS_H

#include "daemon/grid/circuit.h"

/* Read a script and all it redirects to. What is wrong goes to d, all of it at once up to 50; the
 * circuit has passed circuit_check where 0 is returned, and is to be freed in any case. Returns 0
 * or -errno. */
int opendss_read(const char *path, struct circuit *out, struct diag *d);

struct dss_objects;

/* Make a circuit of the objects of a script: opendss_read's second half. */
int opendss_circuit(struct dss_objects *all, struct circuit *out, struct diag *d);

#endif
