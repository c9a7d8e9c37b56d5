/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that read a site share: the sections of assets. */
#ifndef LECD_HOME_SITE_PRIVATE_H
#define LECD_HOME_SITE_PRIVATE_H

#include "daemon/base/config_table.h"
#include "daemon/home/site.h"

/* Read section `at` into the site, where it is an asset. */
void site_read_asset(struct config *c, int at, struct site *s, struct diag *d);

/* The same of what is moved in time: cars, loads, heat. */
void site_read_flexible(struct config *c, int at, struct site *s, struct diag *d);

/* The same, where it is a member of a community. */
void site_read_member(struct config *c, int at, struct site *s, struct diag *d);

/* Refuse what a home and a community's manager have not in common. */
void site_check_community(const struct config *c, struct site *s, struct diag *d);

/* The efficiencies each way, where only that of the round trip is known, or none. */
void site_set_efficiencies(const struct config *c, int at, double round_trip, double *charge,
			   double *discharge, struct diag *d);

/* Refuse names that leave open which asset is meant. */
void site_check_names(const struct config *c, const struct site *s, struct diag *d);

#endif
