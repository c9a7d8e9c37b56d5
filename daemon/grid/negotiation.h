/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid operator's side of a negotiation between processes: wishes come in as messages (admm.h),
 * the answer of nodal.h goes out, of the homes of dso.conf on its feeder, beside its other loads.
 * No broker, no clock.
 *
 * A pass is answered once all of its parts are there. One that is asked again is answered again
 * with the same words: the message may have been lost. */
#ifndef LECD_GRID_NEGOTIATION_H
#define LECD_GRID_NEGOTIATION_H

#include <stddef.h>

#include "daemon/base/admm.h"
#include "daemon/grid/dso.h"

struct grid_negotiation;

/* conf and dso must outlive it. Returns 0 or -ENOMEM. */
int grid_negotiation_new(const struct dso_conf *conf, struct dso *dso,
			 struct grid_negotiation **out);
void grid_negotiation_free(struct grid_negotiation *g);

/* A wish. Returns how many parts the answer has, 0: there is none yet; or -errno with a sentence in
 * why. Allocates where another negotiation begins. */
int grid_negotiation_hear(struct grid_negotiation *g, const char *payload, size_t length,
			  char why[ADMM_WHY_SIZE]);

/* Write a part of the answer. Returns the length or -ENOBUFS. */
int grid_negotiation_write(struct grid_negotiation *g, int part, char *out, size_t size);

#endif
