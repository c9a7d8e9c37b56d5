/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The broker's side of a link. All calls of libmosquitto for a link are made here, by one thread,
 * so that the library's own threading and its reconnecting stay out of use.
 *
 * Each connection gets a fresh library session: what the library keeps of an old one (messages on
 * their way, with their full expiry; TLS state) must not come back in the next. */
#include "daemon/base/mqtt_private.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/base/clock.h"

enum {
	CONNECT_US = 10 * 1000000, /* for TCP, TLS and the broker's welcome together */
	FAREWELL_US = 1 * 1000000,
	STEADY_US = 10 * 1000000, /* a link up for so long starts with short pauses again */
	TICK_MS = 1000,           /* keep-alive is looked after so often */
	CONNECTING_TICK_MS = 100,
	UNACKED_TCP_MS = 20000, /* a pulled cable is noticed after this */
	OUTSTANDING_MAX = 16,   /* what waits for the broker's word; the rest waits in our ring */
	PACKET_MAX = 65536,
};

int mqtt_library_open(void)
{
	return mosquitto_lib_init() == MOSQ_ERR_SUCCESS ? 0 : -ENOMEM;
}

void mqtt_library_close(void)
{
	mosquitto_lib_cleanup();
}

static void set_error(struct mqtt_link *link, const char *text)
{
	pthread_mutex_lock(&link->lock);
	snprintf(link->status.error, sizeof(link->status.error), "%s", text);
	pthread_mutex_unlock(&link->lock);
	link->noted = text[0] != '\0';
}

/* --- what the library calls back -------------------------------------------------------------- */

static void on_connect(struct mosquitto *session, void *user, int rc, int flags,
		       const mosquitto_property *properties)
{
	(void)session;
	(void)flags;
	(void)properties;
	struct mqtt_link *link = user;
	if (rc != 0) {
		set_error(link, mosquitto_reason_string(rc));
		return;
	}
	link->welcome = true;
}

static void on_publish(struct mosquitto *session, void *user, int mid, int reason,
		       const mosquitto_property *properties)
{
	(void)session;
	(void)mid;
	(void)properties;
	struct mqtt_link *link = user;
	link->outstanding--;
	mqtt_count(link, reason >= 0x80 ? &link->status.denied : &link->status.acknowledged);
}

static void on_subscribe(struct mosquitto *session, void *user, int mid, int count,
			 const int *granted, const mosquitto_property *properties)
{
	(void)session;
	(void)mid;
	(void)properties;
	struct mqtt_link *link = user;
	for (int i = 0; i < count; i++) {
		if (granted[i] >= 0x80) {
			mqtt_count(link, &link->status.denied);
		}
	}
}

/* Count a message that there is no room for, and note whose it was. */
static void lose(struct mqtt_link *link, const char *topic, size_t sender)
{
	mqtt_count(link, &link->status.overrun);
	pthread_mutex_lock(&link->lock);
	snprintf(link->status.crowder, sizeof(link->status.crowder), "%.*s",
		 link->settings.in_shares ? (int)sender : 0, topic);
	pthread_mutex_unlock(&link->lock);
}

/* Hand a message to the reader, unless there is no room or more than its share waits already. */
static void put_message(struct mqtt_link *link, const struct iovec part[3])
{
	const char *topic = part[1].iov_base;
	size_t sender = mqtt_sender(topic, part[1].iov_len);
	size_t size = part[0].iov_len + part[1].iov_len + part[2].iov_len + RING_OVERHEAD;
	bool shared = link->settings.in_shares;
	if (shared && !shares_fit(&link->shares, topic, sender, size, ring_room(&link->in))) {
		lose(link, topic, sender);
		return;
	}
	if (shared) { /* before it can be taken */
		shares_put(&link->shares, topic, sender, size);
	}
	if (ring_put(&link->in, part, 3) < 0) {
		if (shared) {
			shares_take(&link->shares, topic, sender, size);
		}
		lose(link, topic, sender);
	}
}

static void on_message(struct mosquitto *session, void *user, const struct mosquitto_message *m,
		       const mosquitto_property *properties)
{
	(void)session;
	(void)properties;
	struct mqtt_link *link = user;
	struct mqtt_inbound head = { .retained = m->retain,
				     .arrived_us = clock_real_us(),
				     .topic_length = strlen(m->topic),
				     .length = (size_t)m->payloadlen };
	mqtt_count(link, &link->status.received);
	head.oversize = head.length > MQTT_PAYLOAD_MAX;
	if (head.oversize || head.topic_length >= MQTT_TOPIC_MAX) {
		mqtt_count(link, &link->status.oversize);
	}
	if (head.topic_length >= MQTT_TOPIC_MAX) {
		return;
	}
	head.length = head.oversize ? 0 : head.length;
	const struct iovec part[] = { { &head, sizeof(head) },
				      { m->topic, head.topic_length },
				      { m->payload, head.length } };
	put_message(link, part);
	wake_up(link->in_fd);
}

static void on_log(struct mosquitto *session, void *user, int level, const char *text)
{
	(void)session;
	if (level == MOSQ_LOG_ERR) {
		set_error(user, text);
	}
}

/* --- a connection ----------------------------------------------------------------------------- */

static const char *given(const char *text)
{
	return text[0] ? text : NULL;
}

static int set_tls(struct mqtt_link *link)
{
	const struct mqtt_settings *s = &link->settings;
	int rc = mosquitto_tls_set(link->session, given(s->ca_file),
				   s->ca_file[0] ? NULL : "/etc/ssl/certs", given(s->cert_file),
				   given(s->key_file), NULL);
	/* The library's default would take TLS 1.1; this names the least version, 1.3 included. */
	rc = rc ? rc : mosquitto_tls_opts_set(link->session, 1, "tlsv1.2", NULL);
	return rc ? rc : mosquitto_tls_insecure_set(link->session, false);
}

static int set_will(struct mqtt_link *link)
{
	const struct mqtt_settings *s = &link->settings;
	if (!s->status_topic[0]) {
		return MOSQ_ERR_SUCCESS;
	}
	mosquitto_property *properties = NULL;
	int rc = MOSQ_ERR_SUCCESS;
	if (s->will_delay_s > 0) {
		rc = mosquitto_property_add_int32(&properties, MQTT_PROP_WILL_DELAY_INTERVAL,
						  (uint32_t)s->will_delay_s);
	}
	rc = rc ? rc
		: mosquitto_will_set_v5(link->session, s->status_topic, 7, "offline", 1, true,
					properties);
	if (rc) {
		mosquitto_property_free_all(&properties); /* else the session owns them */
	}
	return rc;
}

/* The asynchronous connect takes no properties of its own but uses those of the last synchronous
 * one; which stores them before it refuses to connect to no host. */
static int set_connect_properties(struct mqtt_link *link)
{
	mosquitto_property *properties = NULL;
	int rc = mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
					      PACKET_MAX);
	if (link->settings.session_expiry_s > 0) {
		rc = rc ? rc
			: mosquitto_property_add_int32(&properties,
						       MQTT_PROP_SESSION_EXPIRY_INTERVAL,
						       (uint32_t)link->settings.session_expiry_s);
	}
	if (!rc) {
		(void)mosquitto_connect_bind_v5(link->session, NULL, 0, 30, NULL, properties);
	}
	mosquitto_property_free_all(&properties);
	return rc;
}

static int set_session(struct mqtt_link *link)
{
	const struct mqtt_settings *s = &link->settings;
	struct mosquitto *session = link->session;
	int rc = mosquitto_int_option(session, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	rc = rc ? rc : mosquitto_int_option(session, MOSQ_OPT_TCP_NODELAY, 1);
	rc = rc ? rc : mosquitto_int_option(session, MOSQ_OPT_RECEIVE_MAXIMUM, 20);
	if (s->user[0]) {
		rc = rc ? rc : mosquitto_username_pw_set(session, s->user, given(s->password));
	}
	rc = rc ? rc : s->tls ? set_tls(link) : MOSQ_ERR_SUCCESS;
	rc = rc ? rc : set_will(link);
	rc = rc ? rc : set_connect_properties(link);
	mosquitto_connect_v5_callback_set(session, on_connect);
	mosquitto_publish_v5_callback_set(session, on_publish);
	mosquitto_subscribe_v5_callback_set(session, on_subscribe);
	mosquitto_message_v5_callback_set(session, on_message);
	mosquitto_log_callback_set(session, on_log);
	return rc;
}

/* Why rc: what the library logged if anything, else its word for it. */
static void note_failure(struct mqtt_link *link, int rc)
{
	if (!link->noted) {
		set_error(link, rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
	}
}

static int begin(struct mqtt_link *link)
{
	const struct mqtt_settings *s = &link->settings;
	link->noted = false;
	link->welcome = false;
	link->outstanding = 0;
	link->session = mosquitto_new(s->client_id, s->session_expiry_s == 0, link);
	if (!link->session) {
		set_error(link, "no memory");
		return -ENOMEM;
	}
	int rc = set_session(link);
	rc = rc ? rc
		: mosquitto_connect_bind_async(link->session, s->host, s->port, s->keepalive_s,
					       NULL);
	if (rc == MOSQ_ERR_SUCCESS) {
		int ms = UNACKED_TCP_MS;
		(void)setsockopt(mosquitto_socket(link->session), IPPROTO_TCP, TCP_USER_TIMEOUT,
				 &ms, sizeof(ms));
		return 0;
	}
	note_failure(link, rc);
	return -EIO;
}

static bool is_up(struct mqtt_link *link)
{
	return atomic_load(&link->epoch) & 1;
}

static int publish(struct mqtt_link *link, const char *topic, const void *payload, size_t length,
		   int qos, bool retain, uint32_t expiry_s)
{
	mosquitto_property *properties = NULL;
	if (expiry_s > 0) {
		mosquitto_property_add_int32(&properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL,
					     expiry_s);
	}
	link->outstanding++;
	int rc = mosquitto_publish_v5(link->session, NULL, topic, (int)length, payload, qos, retain,
				      properties);
	mosquitto_property_free_all(&properties);
	if (rc != MOSQ_ERR_SUCCESS) {
		link->outstanding--;
		mqtt_count(link, &link->status.unsent);
		return -EIO;
	}
	mqtt_count(link, &link->status.sent);
	return 0;
}

static void publish_status(struct mqtt_link *link, const char *word)
{
	if (link->settings.status_topic[0]) {
		(void)publish(link, link->settings.status_topic, word, strlen(word), 1, true, 0);
	}
}

/* The broker took us in: subscribe, say so, and let the main loop know. Not in the callback, where
 * the library holds locks. */
static void greet(struct mqtt_link *link)
{
	link->welcome = false;
	for (int i = 0; i < link->settings.subscriptions; i++) {
		if (mosquitto_subscribe_v5(link->session, NULL, link->settings.subscription[i], 1,
					   MQTT_SUB_OPT_RETAIN_AS_PUBLISHED,
					   NULL) != MOSQ_ERR_SUCCESS) {
			mqtt_count(link, &link->status.denied);
		}
	}
	publish_status(link, "online");
	set_error(link, "");
	mqtt_count(link, &link->status.connects);
	atomic_fetch_add(&link->epoch, 1); /* up */
	wake_up(link->in_fd);
}

/* Wait until the broker or the main loop has something for us. */
static void await_work(struct mqtt_link *link)
{
	bool writing = mosquitto_want_write(link->session);
	struct pollfd p[] = { { .fd = mosquitto_socket(link->session),
				.events = (short)(POLLIN | (writing ? POLLOUT : 0)) },
			      { .fd = link->out_fd, .events = POLLIN } };
	if (poll(p, 2, TICK_MS) > 0 && p[1].revents) {
		wake_clear(link->out_fd);
	}
}

/* Hand over what the main loop put, as far as the broker keeps up. */
static void send_waiting(struct mqtt_link *link)
{
	size_t cursor = 0;
	while (is_up(link) && link->outstanding < OUTSTANDING_MAX &&
	       !mosquitto_want_write(link->session) &&
	       ring_read(&link->out, &cursor, link->buffer, sizeof(link->buffer)) >= 0) {
		ring_drop(&link->out, cursor);
		cursor = 0;
		memcpy(&link->head, link->buffer, sizeof(link->head));
		const struct mqtt_outbound *h = &link->head;
		int64_t left_us = h->deadline_us ? h->deadline_us - clock_real_us() : 0;
		if (h->epoch != atomic_load(&link->epoch) || left_us < 0) {
			mqtt_count(link, &link->status.unsent);
			continue;
		}
		uint32_t expiry_s = h->deadline_us ? (uint32_t)(left_us / 1000000) + 1 : 0;
		(void)publish(link, h->topic, link->buffer + sizeof(*h), h->length, h->qos,
			      h->retain, expiry_s);
	}
}

/* Keep the connection until it ends or we shall. Returns how long it was up, us. */
static int64_t serve(struct mqtt_link *link)
{
	int64_t begun_us = clock_real_us();
	int64_t up_us = 0;
	while (!atomic_load(&link->stop)) {
		bool up = is_up(link);
		if (up) {
			await_work(link);
		}
		int rc = mosquitto_loop(link->session, up ? 0 : CONNECTING_TICK_MS, 1);
		if (rc != MOSQ_ERR_SUCCESS) {
			note_failure(link, rc);
			break;
		}
		if (link->welcome) {
			greet(link);
		}
		send_waiting(link);
		int64_t age_us = clock_real_us() - begun_us;
		if (!is_up(link) && age_us > CONNECT_US) {
			set_error(link, "no answer");
			break;
		}
		up_us = is_up(link) ? age_us : 0;
	}
	return up_us;
}

/* Send what still waits, say "offline" and leave in good order. */
static void farewell(struct mqtt_link *link)
{
	int64_t end_us = clock_real_us() + FAREWELL_US;
	bool said = false;
	while (is_up(link) && clock_real_us() < end_us && (!said || link->outstanding > 0)) {
		send_waiting(link);
		if (!said && ring_records(&link->out) == 0) {
			publish_status(link, "offline");
			said = true;
		}
		if (mosquitto_loop(link->session, CONNECTING_TICK_MS, 1) != MOSQ_ERR_SUCCESS) {
			return;
		}
	}
	(void)mosquitto_disconnect(link->session);
	(void)mosquitto_loop(link->session, 0, 1);
}

static void end(struct mqtt_link *link)
{
	if (is_up(link)) {
		atomic_fetch_add(&link->epoch, 1); /* down */
		wake_up(link->in_fd);
	}
	mosquitto_destroy(link->session);
	link->session = NULL;
}

/* xorshift64. */
static uint64_t next_random(struct mqtt_link *link)
{
	uint64_t x = link->random;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return link->random = x;
}

/* A random pause from the shortest to an upper end that doubles each time. */
static void await_pause(struct mqtt_link *link)
{
	const struct mqtt_settings *s = &link->settings;
	int span_ms = link->pause_ms - s->pause_min_ms;
	int ms = s->pause_min_ms + (int)(next_random(link) % (uint64_t)(span_ms + 1));
	int64_t end_us = clock_real_us() + (int64_t)ms * 1000;
	while (!atomic_load(&link->stop)) {
		int64_t left_us = end_us - clock_real_us();
		if (left_us <= 0 || !wake_wait(link->out_fd, (int)(left_us / 1000) + 1)) {
			break;
		}
	}
	link->pause_ms =
		link->pause_ms * 2 < s->pause_max_ms ? link->pause_ms * 2 : s->pause_max_ms;
}

void mqtt_thread(void *argument)
{
	struct mqtt_link *link = argument;
	const struct mqtt_settings *s = &link->settings;
	int first_ms =
		s->pause_min_ms * 2 < s->pause_max_ms ? s->pause_min_ms * 2 : s->pause_max_ms;
	link->pause_ms = first_ms;
	while (!atomic_load(&link->stop)) {
		if (begin(link) == 0 && serve(link) > STEADY_US) {
			link->pause_ms = first_ms;
		}
		if (atomic_load(&link->stop)) {
			farewell(link);
		}
		end(link);
		await_pause(link);
	}
}
