/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/mqtt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/mqtt_private.h"

enum {
	IN_BYTES = 128 * 1024,
	OUT_BYTES = 192 * 1024,
	CLOSE_MS = 3000, /* the farewell takes up to 1 s */
};

static const char broker_expected[] = "mqtt://host[:port] or mqtts://host[:port]";

/* Split "host[:port]" or "[v6]:port"; false where it is neither. */
static bool parse_host(const char *text, char *host, size_t size, int *port)
{
	bool bracketed = text[0] == '[';
	const char *start = bracketed ? text + 1 : text;
	size_t length = strcspn(start, bracketed ? "]" : ":");
	const char *rest = start + length + (bracketed && start[length] == ']');
	if (length == 0 || length >= size || (bracketed && start[length] != ']')) {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)start[i];
		if (!isalnum(c) && !strchr("-._:", c)) {
			return false;
		}
	}
	if (*rest) {
		char *end;
		long number = strtol(rest + 1, &end, 10);
		if (*rest != ':' || !isdigit((unsigned char)rest[1]) || *end || number < 1 ||
		    number > 65535) {
			return false;
		}
		*port = (int)number;
	}
	memcpy(host, start, length);
	host[length] = '\0';
	return true;
}

static int parse_broker(const char *text, struct mqtt_settings *s)
{
	if (strncmp(text, "mqtt://", 7) == 0) {
		s->tls = false;
		s->port = 1883;
		text += 7;
	} else if (strncmp(text, "mqtts://", 8) == 0) {
		s->tls = true;
		s->port = 8883;
		text += 8;
	} else {
		return -EINVAL;
	}
	return parse_host(text, s->host, sizeof(s->host), &s->port) ? 0 : -EINVAL;
}

int mqtt_check_broker(const char *text, const char **why)
{
	struct mqtt_settings s;
	if (why) {
		*why = broker_expected;
	}
	return parse_broker(text, &s);
}

int mqtt_broker_port(const char *text, bool *tls)
{
	struct mqtt_settings s;
	int r = parse_broker(text, &s);
	if (r < 0) {
		return r;
	}
	*tls = s.tls;
	return s.port;
}

/* The first line of the file into password. */
static int read_password(const char *path, char *password, size_t size, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(-error));
		if (fd >= 0) {
			close(fd);
		}
		return error;
	}
	ssize_t n = -1;
	if (st.st_mode & S_IROTH) {
		snprintf(why, why_size, "%s: readable by everyone, expected mode 0600", path);
	} else {
		n = read(fd, password, size);
		if (n <= 0 || n >= (ssize_t)size) {
			snprintf(why, why_size, "%s: expected one line of 1 to %zu bytes", path,
				 size - 1);
			n = -1;
		}
	}
	close(fd);
	if (n < 0) {
		return -EINVAL;
	}
	password[n] = '\0';
	password[strcspn(password, "\r\n")] = '\0';
	return 0;
}

/* Copy an optional text; false where it is too long. */
static bool take(char *to, size_t size, const char *text)
{
	return !text || snprintf(to, size, "%s", text) < (int)size;
}

static int take_settings(struct mqtt_settings *s, const struct mqtt_options *o, char *why,
			 size_t size)
{
	if (!o->broker || parse_broker(o->broker, s) < 0) {
		snprintf(why, size, "broker: expected %s", broker_expected);
		return -EINVAL;
	}
	bool fits = take(s->client_id, sizeof(s->client_id), o->client_id) &&
		    take(s->user, sizeof(s->user), o->user) &&
		    take(s->ca_file, sizeof(s->ca_file), o->ca_file) &&
		    take(s->cert_file, sizeof(s->cert_file), o->cert_file) &&
		    take(s->key_file, sizeof(s->key_file), o->key_file) &&
		    take(s->status_topic, sizeof(s->status_topic), o->status_topic) &&
		    o->subscriptions <= MQTT_SUBSCRIPTIONS_MAX;
	for (int i = 0; fits && i < o->subscriptions; i++) {
		fits = take(s->subscription[i], sizeof(s->subscription[i]), o->subscription[i]);
	}
	if (!fits || s->client_id[0] == '\0') {
		snprintf(why, size, "expected a client id, and shorter names, files and topics");
		return -EINVAL;
	}
	s->subscriptions = o->subscriptions;
	s->in_shares = o->in_shares;
	s->keepalive_s = o->keepalive_s ? o->keepalive_s : 30;
	s->session_expiry_s = o->session_expiry_s;
	s->will_delay_s = o->will_delay_s;
	s->pause_min_ms = o->pause_min_ms ? o->pause_min_ms : 1000;
	s->pause_max_ms = o->pause_max_ms ? o->pause_max_ms : 60000;
	s->pause_max_ms = s->pause_max_ms > s->pause_min_ms ? s->pause_max_ms : s->pause_min_ms;
	return !o->password_file ? 0
				 : read_password(o->password_file, s->password, sizeof(s->password),
						 why, size);
}

static void release(struct mqtt_link *link)
{
	ring_free(&link->in);
	ring_free(&link->out);
	if (link->in_fd >= 0) {
		close(link->in_fd);
	}
	if (link->out_fd >= 0) {
		close(link->out_fd);
	}
	pthread_mutex_destroy(&link->lock);
	explicit_bzero(link->settings.password, sizeof(link->settings.password));
	free(link);
}

int mqtt_open(const struct mqtt_options *o, struct mqtt_link **out, char *why, size_t size)
{
	struct mqtt_link *link = calloc(1, sizeof(*link));
	if (!link) {
		return -ENOMEM;
	}
	pthread_mutex_init(&link->lock, NULL);
	link->in_fd = wake_open();
	link->out_fd = wake_open();
	link->random = o->seed * 2 + 1; /* never 0 */
	int r = take_settings(&link->settings, o, why, size);
	if (link->settings.in_shares) {
		shares_init(&link->shares, (uint64_t)clock_real_us());
	}
	if (r == 0) {
		snprintf(why, size, "no memory or descriptors left");
		r = link->in_fd < 0 || link->out_fd < 0 ? -EMFILE : 0;
		r = r < 0 ? r : ring_init(&link->in, o->in_bytes ? o->in_bytes : IN_BYTES);
		r = r < 0 ? r : ring_init(&link->out, o->out_bytes ? o->out_bytes : OUT_BYTES);
		r = r < 0 ? r : mqtt_library_open();
	}
	if (r < 0) {
		release(link);
		return r;
	}
	r = thread_start(&link->thread, mqtt_thread, link);
	if (r < 0) {
		mqtt_library_close();
		release(link);
		return r;
	}
	*out = link;
	return 0;
}

void mqtt_close(struct mqtt_link *link)
{
	if (!link) {
		return;
	}
	atomic_store(&link->stop, true);
	wake_up(link->out_fd);
	/* A name server that does not answer can hold the thread longer; then its memory stays. */
	if (thread_join(&link->thread, CLOSE_MS) == 0) {
		mqtt_library_close();
		release(link);
	}
}

int mqtt_fd(const struct mqtt_link *link)
{
	return link->in_fd;
}

size_t mqtt_sender(const char *topic, size_t length)
{
	size_t n = length;
	while (n > 0 && topic[n - 1] != '/') {
		n--;
	}
	return n > 0 ? n - 1 : length;
}

void mqtt_count(struct mqtt_link *link, uint64_t *counter)
{
	pthread_mutex_lock(&link->lock);
	(*counter)++;
	pthread_mutex_unlock(&link->lock);
}

static int take_message(struct mqtt_link *link, struct mqtt_message *out)
{
	struct {
		struct mqtt_inbound head;
		char bytes[MQTT_TOPIC_MAX + MQTT_PAYLOAD_MAX];
	} record;
	size_t cursor = 0;
	if (ring_read(&link->in, &cursor, &record, sizeof(record)) < 0) {
		return -EAGAIN;
	}
	ring_drop(&link->in, cursor);
	if (link->settings.in_shares) {
		shares_take(&link->shares, record.bytes,
			    mqtt_sender(record.bytes, record.head.topic_length), cursor);
	}
	out->event = record.head.oversize ? MQTT_OVERSIZE : MQTT_MESSAGE;
	out->retained = record.head.retained;
	out->arrived_us = record.head.arrived_us;
	out->length = record.head.length;
	memcpy(out->topic, record.bytes, record.head.topic_length);
	out->topic[record.head.topic_length] = '\0';
	memcpy(out->payload, record.bytes + record.head.topic_length, out->length);
	out->payload[out->length] = '\0';
	return 0;
}

static int take_event(struct mqtt_link *link, struct mqtt_message *out)
{
	unsigned epoch = atomic_load(&link->epoch);
	if (epoch == link->epoch_told) {
		return take_message(link, out);
	}
	link->epoch_told = epoch;
	out->event = epoch & 1 ? MQTT_CONNECTED : MQTT_DISCONNECTED;
	out->retained = false;
	out->length = 0;
	out->topic[0] = out->payload[0] = '\0';
	return 0;
}

int mqtt_receive(struct mqtt_link *link, struct mqtt_message *out)
{
	if (take_event(link, out) == 0) {
		return 0;
	}
	/* Clear, then look again: what came in between must not wait for the next wake-up. */
	wake_clear(link->in_fd);
	int r = take_event(link, out);
	if (r == 0) {
		wake_up(link->in_fd);
	}
	return r;
}

int mqtt_publish(struct mqtt_link *link, const char *topic, const void *payload, size_t length,
		 struct mqtt_flags flags)
{
	size_t topic_length = strlen(topic);
	if (topic_length == 0 || topic_length >= MQTT_TOPIC_MAX || strpbrk(topic, "+#") ||
	    flags.qos < 0 || flags.qos > 1 || flags.expiry_s < 0) {
		return -EINVAL;
	}
	if (length > MQTT_PUBLISH_MAX) {
		return -EMSGSIZE;
	}
	struct mqtt_outbound head = { .epoch = atomic_load(&link->epoch),
				      .qos = flags.qos,
				      .retain = flags.retain,
				      .length = length };
	if (flags.expiry_s > 0) {
		head.deadline_us = clock_real_us() + (int64_t)flags.expiry_s * 1000000;
	}
	memcpy(head.topic, topic, topic_length + 1);
	const struct iovec part[] = { { &head, sizeof(head) }, { (void *)payload, length } };
	int r = head.epoch & 1 ? ring_put(&link->out, part, 2) : -ENOTCONN;
	if (r < 0) {
		mqtt_count(link, &link->status.unsent);
		return r;
	}
	wake_up(link->out_fd);
	return 0;
}

void mqtt_status(struct mqtt_link *link, struct mqtt_status *out)
{
	pthread_mutex_lock(&link->lock);
	*out = link->status;
	pthread_mutex_unlock(&link->lock);
	out->connected = atomic_load(&link->epoch) & 1;
}
