/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A link to an MQTT v5 broker: a thread of its own talks, the main loop only puts and takes.
 *
 * Nothing here blocks or allocates after mqtt_open, whatever the broker does. The link connects by
 * itself, again and again, with growing random pauses. While it is down, mqtt_publish refuses:
 * nothing is queued for later, so nothing old is ever delivered later. On MQTT_CONNECTED the caller
 * publishes again what is retained and what still holds.
 *
 * A message that was on its way when the link broke may be lost or may have arrived: whoever must
 * know asks the other side (a bid is answered, a retained state is published again).
 *
 * mqtts:// means TLS 1.2 or later with the certificate and its host name checked. There is no way
 * back to plain text. */
#ifndef LECD_BASE_MQTT_H
#define LECD_BASE_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MQTT_TOPIC_MAX = 128,     /* bytes with NUL, in and out */
	MQTT_PAYLOAD_MAX = 16384, /* bytes taken in; larger ones are dropped and counted */
	MQTT_PUBLISH_MAX = 61440, /* bytes sent out */
	MQTT_SUBSCRIPTIONS_MAX = 16,
};

struct mqtt_options {
	const char *broker; /* mqtt://host[:1883] or mqtts://host[:8883] */
	const char *client_id;
	const char *user; /* NULL: none */
	const char
		*password_file; /* its first line; must not be readable by everyone; NULL: none */
	const char *ca_file;    /* PEM; NULL: the system's authorities */
	const char *cert_file;  /* PEM, of this client; NULL: none */
	const char *key_file;
	/* Where "online" is retained after each connect, and "offline" by last will. NULL: nowhere.
	 */
	const char *status_topic;
	/* With QoS 1, after each connect. */
	const char *subscription[MQTT_SUBSCRIPTIONS_MAX];
	int subscriptions;
	int keepalive_s;      /* 0: 30 */
	int session_expiry_s; /* how long the broker keeps messages for us while we are away; 0: not
			       */
	int will_delay_s;     /* how long the broker waits for us before it says "offline" */
	int pause_min_ms;     /* between attempts, growing; 0: 1000 */
	int pause_max_ms;     /* 0: 60000 */
	size_t in_bytes;      /* room for what came and was not taken yet; 0: 128 KiB */
	size_t out_bytes;     /* and for what waits to be sent; 0: 192 KiB */
	uint64_t seed;        /* of the pauses: each home its own, or all come back at once */
	/* Whoever has more in in_bytes than there is room left loses what comes next, so that who
	 * floods takes nothing from others (shares.h). A sender is a topic without its last level.
	 */
	bool in_shares;
};

enum mqtt_event {
	MQTT_CONNECTED,
	MQTT_DISCONNECTED,
	MQTT_MESSAGE,
	MQTT_OVERSIZE, /* a message came that is larger than we take: its topic, no payload */
};

struct mqtt_message {
	enum mqtt_event event;
	bool retained;      /* sent to be kept by the broker */
	int64_t arrived_us; /* of a message: when we got it, by clock_real_us() */
	size_t length;      /* of the payload */
	char topic[MQTT_TOPIC_MAX];
	char payload[MQTT_PAYLOAD_MAX + 1]; /* NUL behind it */
};

struct mqtt_flags {
	bool retain;
	int qos;      /* 0 or 1 */
	int expiry_s; /* the broker forgets it after this; 0: never */
};

/* Counters since start, and why the link is down. */
struct mqtt_status {
	bool connected;
	uint64_t connects;
	uint64_t sent;         /* handed to the broker */
	uint64_t acknowledged; /* by the broker, with QoS 1 */
	uint64_t denied;       /* publishes and subscriptions the broker refused */
	uint64_t unsent;       /* refused or dropped by us: offline, full, expired */
	uint64_t received;
	uint64_t oversize;            /* received but too large, dropped */
	uint64_t overrun;             /* received but the reader was behind, dropped */
	char crowder[MQTT_TOPIC_MAX]; /* of in_shares: who had the last of these; "" */
	char error[128];              /* why the link is or was last down; "" */
};

struct mqtt_link;

/* Whether text is a broker address; *why (may be NULL) then says what is expected. */
int mqtt_check_broker(const char *text, const char **why);

/* The port of such an address, and whether it is one of TLS; -EINVAL where it is none. */
int mqtt_broker_port(const char *text, bool *tls);

/* Check the options, read the password and start the link's thread; o is not needed afterwards.
 * A broker that is away is no error. Else -errno and a sentence in why. */
int mqtt_open(const struct mqtt_options *o, struct mqtt_link **out, char *why, size_t size);

/* Publish "offline", leave, and end the thread: within two seconds or so, else it is left behind.
 * Takes NULL. */
void mqtt_close(struct mqtt_link *link);

/* For sd-event: readable while mqtt_receive has something. */
int mqtt_fd(const struct mqtt_link *link);

/* Take the next event: 0, or -EAGAIN. Changes of the connection come before messages, and only the
 * latest is told; MQTT_CONNECTED twice means there was a break between. Main thread only. */
int mqtt_receive(struct mqtt_link *link, struct mqtt_message *out);

/* Hand over a message. 0, -ENOTCONN while the link is down, -ENOBUFS where the broker is too slow,
 * -EMSGSIZE, -EINVAL for a topic that is none. Main thread only. */
int mqtt_publish(struct mqtt_link *link, const char *topic, const void *payload, size_t length,
		 struct mqtt_flags flags);

void mqtt_status(struct mqtt_link *link, struct mqtt_status *out);

#endif
