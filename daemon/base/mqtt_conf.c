/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/mqtt_conf.h"

#include <stddef.h>
#include <string.h>

const char *mqtt_conf_parse_broker(const char *text, void *field)
{
	const char *expected;
	if (mqtt_check_broker(text, &expected) < 0) {
		return expected;
	}
	if (strlen(text) >= sizeof(((struct mqtt_conf *)NULL)->broker)) {
		return "a broker of at most 127 characters";
	}
	memcpy(field, text, strlen(text) + 1);
	return NULL;
}

static const char *unless_empty(const char *text)
{
	return *text ? text : NULL;
}

void mqtt_conf_use(const struct mqtt_conf *c, struct mqtt_options *o)
{
	o->broker = c->broker;
	o->user = unless_empty(c->user);
	o->password_file = unless_empty(c->password_file);
	o->ca_file = unless_empty(c->ca_file);
	o->cert_file = unless_empty(c->certificate);
	o->key_file = unless_empty(c->key);
}
