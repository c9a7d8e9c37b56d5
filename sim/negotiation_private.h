/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of negotiation.h share. */
#ifndef LECD_SIM_NEGOTIATION_PRIVATE_H
#define LECD_SIM_NEGOTIATION_PRIVATE_H

#include "sim/negotiation.h"

/* What is drawn for a home: each its own stream of chance. */
enum { NEGOTIATION_LOAD, NEGOTIATION_PV, NEGOTIATION_CARS, NEGOTIATION_STREAMS };

/* What homes, grid and market face from w->start_s on; the first time, or with what is stored then.
 * Returns 0 or -EINVAL: the series does not cover it. */
int negotiation_fill(struct negotiation *w, bool first, struct diag *d);

#endif
