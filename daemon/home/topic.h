/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a site speaks and is spoken to, below lec/COMMUNITY: a home at home/ID, the community's
 * manager at community. See docs/protocol.md. */
#ifndef LECD_HOME_TOPIC_H
#define LECD_HOME_TOPIC_H

#include "daemon/base/mqtt.h"
#include "daemon/home/site.h"

/* The topic of a leaf of the site's own. */
void topic_own(const struct site *site, const char *leaf, char out[MQTT_TOPIC_MAX]);

/* The same of another home's; "+" for all. */
void topic_of_home(const struct site *site, const char *id, const char *leaf,
		   char out[MQTT_TOPIC_MAX]);

/* Where a negotiation's offers to the site come, and where it answers them. */
void topic_offer(const struct site *site, char out[MQTT_TOPIC_MAX]);
void topic_power(const struct site *site, char out[MQTT_TOPIC_MAX]);

/* The leaf of a topic of the site's own, or NULL. */
const char *topic_own_leaf(const struct site *site, const char *topic);

/* The leaf of a home's topic, and whose it is; NULL: of no home. */
const char *topic_home_leaf(const struct site *site, const char *topic, char id[32]);

#endif
