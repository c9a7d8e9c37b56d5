/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Standing limits: how much each home may take, and feed in, so that a feeder stays within its
 * limits whatever the homes do up to there, all of them at once.
 *
 * Fair: a limit is shared by all homes that matter to it (whose power moves it by at least a tenth
 * of what the one that moves it most does), each keeps the same part of what its connection
 * carries; homes that do not matter to any binding limit keep all of theirs. */
#ifndef LECD_GRID_ENVELOPE_H
#define LECD_GRID_ENVELOPE_H

#include "daemon/grid/limits.h"

struct envelope_home {
	int node;
	double import_w, export_w; /* what its connection carries, >= 0 */
	/* Out: */
	double import_limit_w, export_limit_w;
	struct limit import_by, export_by; /* what made it less; node 0: nothing */
};

struct envelope {
	const struct feeder *f;
	const struct network *k;
	struct flow s;
	struct sensitivity a;
	int limits;
	struct limit *limit;
	double *p, *slope; /* work, by node */
	double source_v;
	/* Out: whether the other loads alone break a limit, the worst of them, by how much. */
	bool broken;
	struct limit broken_by;
	double excess;
};

/* f and k must outlive it. Returns 0 or -ENOMEM. */
int envelope_init(struct envelope *e, const struct feeder *f, const struct network *k,
		  double source_v);
void envelope_free(struct envelope *e);

/* Set the limits of homes beside other loads p and q by node (per unit). A direction in which the
 * other loads alone break a limit is shut for the homes that matter to it. Returns 0; -EDOM: the
 * other loads alone let the voltage collapse (all limits are 0 then). */
int envelope_set(struct envelope *e, const double *p, const double *q, struct envelope_home *home,
		 int homes);

#endif
