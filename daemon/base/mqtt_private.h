/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two sides of an MQTT link share: mqtt.c, the main loop's side, and mqtt_thread.c, which
 * talks to the broker. */
#ifndef LECD_BASE_MQTT_PRIVATE_H
#define LECD_BASE_MQTT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/base/mqtt.h"
#include "daemon/base/ring.h"
#include "daemon/base/shares.h"
#include "daemon/base/thread.h"

enum { MQTT_FILE_MAX = 256, MQTT_WORD_MAX = 128 };

struct mqtt_settings {
	char host[MQTT_WORD_MAX];
	int port;
	bool tls;
	char client_id[MQTT_WORD_MAX];
	char user[MQTT_WORD_MAX]; /* "": none; so for all below */
	char password[MQTT_WORD_MAX];
	char ca_file[MQTT_FILE_MAX];
	char cert_file[MQTT_FILE_MAX];
	char key_file[MQTT_FILE_MAX];
	char status_topic[MQTT_TOPIC_MAX];
	char subscription[MQTT_SUBSCRIPTIONS_MAX][MQTT_TOPIC_MAX];
	int subscriptions;
	int keepalive_s;
	int session_expiry_s;
	int will_delay_s;
	int pause_min_ms;
	int pause_max_ms;
	bool in_shares;
};

/* Heads of the records in the rings; topic and payload follow. */
struct mqtt_inbound {
	bool retained;
	bool oversize; /* length is 0 */
	int64_t arrived_us;
	size_t topic_length;
	size_t length;
};

struct mqtt_outbound {
	unsigned epoch;      /* of the connection it was meant for */
	int64_t deadline_us; /* real time; 0: none */
	int qos;
	bool retain;
	size_t length;
	char topic[MQTT_TOPIC_MAX];
};

struct mosquitto;

struct mqtt_link {
	struct mqtt_settings settings; /* fixed once the thread runs */

	/* Shared. */
	atomic_bool stop;
	atomic_uint epoch; /* counts ups and downs: odd while connected */
	struct ring in;
	struct ring out;
	struct shares shares; /* of in, where there are any */
	int in_fd;            /* raised by the thread */
	int out_fd;           /* raised by the main loop */
	pthread_mutex_t lock;
	struct mqtt_status status; /* under lock */

	/* The main loop's. */
	struct thread thread;
	unsigned epoch_told;

	/* The thread's. */
	struct mosquitto *session;
	uint64_t random;
	int pause_ms;    /* upper end of the next pause */
	bool welcome;    /* the broker just accepted us */
	bool noted;      /* this connection's trouble is in status.error already */
	int outstanding; /* publishes not yet acknowledged or written */
	struct mqtt_outbound head;
	char buffer[sizeof(struct mqtt_outbound) + MQTT_PUBLISH_MAX];
};

/* The length of who sent to a topic: all before its last level. */
size_t mqtt_sender(const char *topic, size_t length);

/* Count one more. */
void mqtt_count(struct mqtt_link *link, uint64_t *counter);

/* The thread. argument: the link. */
void mqtt_thread(void *argument);

/* The library's global state; once per link each. */
int mqtt_library_open(void);
void mqtt_library_close(void);

#endif
