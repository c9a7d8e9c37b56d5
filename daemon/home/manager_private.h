/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the manager share: manager.c hears and plans, manager_ask.c asks,
 * manager_settle.c settles, manager_row.c keeps accounts. */
#ifndef LECD_HOME_MANAGER_PRIVATE_H
#define LECD_HOME_MANAGER_PRIVATE_H

#include "daemon/home/manager.h"

static inline int64_t manager_length_s(const struct manager *m)
{
	return (int64_t)m->site->interval_s;
}

static inline int manager_place(const struct manager *m, int64_t start_s)
{
	return (int)(start_s / manager_length_s(m) % MANAGER_INTERVALS);
}

/* A member's interval that begins at start_s, begun where it is not there; NULL: not there. */
struct manager_interval *manager_interval_of(struct manager *m, int i, int64_t start_s);
const struct manager_interval *manager_known_interval(const struct manager *m, int i,
						      int64_t start_s);

/* The member with that id, or -1. */
int manager_find(const struct manager *m, const char *home);

/* How much a member can be asked for on average, W; 0: not at all. */
double manager_offered_w(const struct manager_member *member, int64_t wall_s);

#endif
