/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may do what on the broker of a community or several, as the ACL file of mosquitto. A client
 * is who its certificate's common name (CN) says.
 *
 *   ID           a home: lecd
 *   ID.person    who lives there, with Home Assistant or whatever they like; of listed homes
 *   market       lec-market run
 *   dso          lec-dso run
 *   manager      the community's manager: lecd with role = community
 *   operator     hears everything, says nothing
 *
 * On a broker of several communities the services are those of one, market.COMMUNITY and so on, and
 * a home is one where it is listed.
 *
 * The rules are one table in the .c; docs/protocol.md has it for people. */
#ifndef LECD_MARKET_BROKER_ACL_H
#define LECD_MARKET_BROKER_ACL_H

#include <stdio.h>

#include "daemon/market/market_conf.h"

/* Whether the id is one of those above that no home can have. */
bool broker_acl_reserved(const char *id);

/* Write the file, for count communities. */
void broker_acl_write(FILE *to, const struct market_conf *c, int count);

#endif
