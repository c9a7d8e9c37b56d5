/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a learned actor's .conf is held against: the house of a site. */
#ifndef LECD_HOME_SITE_ACTOR_H
#define LECD_HOME_SITE_ACTOR_H

#include "daemon/home/site.h"
#include "policy/actor_conf.h"

/* *out points into site. */
void site_actor_house(const struct site *site, struct actor_house *out);

#endif
