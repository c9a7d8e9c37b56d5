/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of a section [mqtt] that say how a broker is reached. */
#ifndef LECD_BASE_MQTT_CONF_H
#define LECD_BASE_MQTT_CONF_H

#include <stddef.h>
#include "daemon/base/mqtt.h"

struct mqtt_conf {
	char broker[128]; /* "": no MQTT */
	char user[64];    /* "": none; so for all below */
	char password_file[128];
	char ca_file[128];
	char certificate[128];
	char key[128];
};

/* Their lines in an option table (see config_table.h): of a struct `type` that has a struct
 * mqtt_conf `field`. */
#define MQTT_CONF_OPTIONS(type, field)                                                             \
	CUSTOM("broker", offsetof(type, field.broker), NULL, mqtt_conf_parse_broker),              \
		TEXT("user", type, field.user, ""),                                                \
		TEXT("password-file", type, field.password_file, ""),                              \
		TEXT("ca-file", type, field.ca_file, ""),                                          \
		TEXT("certificate", type, field.certificate, ""), TEXT("key", type, field.key, "")

const char *mqtt_conf_parse_broker(const char *text, void *field);

/* Set what it says in o; c must outlive the use of o. */
void mqtt_conf_use(const struct mqtt_conf *c, struct mqtt_options *o);

#endif
