/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/topic.h"

#include <stdio.h>
#include <string.h>

void topic_of_home(const struct site *site, const char *id, const char *leaf,
		   char out[MQTT_TOPIC_MAX])
{
	snprintf(out, MQTT_TOPIC_MAX, "lec/%s/home/%s/%s", site->community, id, leaf);
}

void topic_own(const struct site *site, const char *leaf, char out[MQTT_TOPIC_MAX])
{
	if (site->role == ROLE_COMMUNITY) {
		snprintf(out, MQTT_TOPIC_MAX, "lec/%s/community/%s", site->community, leaf);
	} else {
		topic_of_home(site, site->id, leaf, out);
	}
}

void topic_offer(const struct site *site, char out[MQTT_TOPIC_MAX])
{
	snprintf(out, MQTT_TOPIC_MAX, "lec/%s/admm/market/offer/%s", site->community, site->id);
}

void topic_power(const struct site *site, char out[MQTT_TOPIC_MAX])
{
	snprintf(out, MQTT_TOPIC_MAX, "lec/%s/admm/home/%s/power", site->community, site->id);
}

/* What of text is behind prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);
	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

const char *topic_own_leaf(const struct site *site, const char *topic)
{
	char prefix[MQTT_TOPIC_MAX];
	topic_own(site, "", prefix);
	return behind(topic, prefix);
}

const char *topic_home_leaf(const struct site *site, const char *topic, char id[32])
{
	char prefix[MQTT_TOPIC_MAX];
	snprintf(prefix, sizeof(prefix), "lec/%s/home/", site->community);
	const char *rest = behind(topic, prefix);
	size_t length = rest ? strcspn(rest, "/") : 0;
	if (length == 0 || length >= 32 || rest[length] != '/') {
		return NULL;
	}
	memcpy(id, rest, length);
	id[length] = '\0';
	return rest + length + 1;
}
