/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loading a profile from inside: what profile_load.c and profile_check.c share. */
#ifndef LECD_DRIVERS_PROFILE_PRIVATE_H
#define LECD_DRIVERS_PROFILE_PRIVATE_H

#include "daemon/base/config.h"
#include "drivers/profile.h"

/* "meter", "pv", "battery", NULL; "u16"... from POINT_U16 on, NULL. */
extern const char *const profile_kinds[];
extern const char *const profile_types[];

/* The point a section names; NULL: no such point. */
struct point *profile_find_point(struct profile *p, const char *name);

/* Check one point of section s. */
void profile_check_point(const struct config *c, int s, const struct point *p, struct diag *d);
void profile_check_enable(const struct config *c, int s, const struct point *p, struct diag *d);

/* Check what makes the profile as a whole usable. */
void profile_check(const struct config *c, struct profile *p, struct diag *d);

/* Put the readings into blocks. */
void profile_make_blocks(struct profile *p);

#endif
