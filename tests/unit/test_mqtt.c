/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/clock.h"
#include "daemon/base/mqtt.h"
#include "tests/unit/broker.c"

enum { PATIENCE_MS = 20000 };

static const char *program_path; /* of this test */
static struct broker broker;
static struct mqtt_message message; /* the last received; too large for a stack */

static struct mqtt_options options(const char *client_id)
{
	static char address[64];
	snprintf(address, sizeof(address), "mqtt://127.0.0.1:%d", broker.port);
	return (struct mqtt_options){ .broker = address,
				      .client_id = client_id,
				      .pause_min_ms = 10,
				      .pause_max_ms = 100,
				      .seed = 7 };
}

static struct mqtt_link *open_link(const struct mqtt_options *o)
{
	struct mqtt_link *link = NULL;
	char why[200] = "";
	assert_int_equal(mqtt_open(o, &link, why, sizeof(why)), 0);
	return link;
}

/* Wait for the next event of the link into message; -ETIME after ms. */
static int next_within(struct mqtt_link *link, int ms)
{
	struct pollfd p = { .fd = mqtt_fd(link), .events = POLLIN };
	while (mqtt_receive(link, &message) < 0) {
		if (poll(&p, 1, ms) <= 0) {
			return -ETIME;
		}
	}
	return 0;
}

static void await_event(struct mqtt_link *link, enum mqtt_event event)
{
	do {
		assert_int_equal(next_within(link, PATIENCE_MS), 0);
	} while (message.event != event);
}

static void await_message(struct mqtt_link *link, const char *topic, const char *payload)
{
	do {
		await_event(link, MQTT_MESSAGE);
	} while (strcmp(message.topic, topic) != 0 || strcmp(message.payload, payload) != 0);
}

static void publish_text(struct mqtt_link *link, const char *topic, const char *text, int expiry_s)
{
	struct mqtt_flags flags = { .qos = 1, .expiry_s = expiry_s };
	assert_int_equal(mqtt_publish(link, topic, text, strlen(text), flags), 0);
}

/* An observer of everything, connected. */
static struct mqtt_link *open_observer(void)
{
	struct mqtt_options o = options("observer");
	o.subscription[o.subscriptions++] = "#";
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	return link;
}

static void speaks_and_hears(void **state)
{
	/* What one link publishes another one receives, whole, in order and without an end. */
	(void)state;
	struct mqtt_link *observer = open_observer();
	struct mqtt_options o = options("home-1");
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	for (int i = 0; i < 200; i++) {
		char text[32];
		snprintf(text, sizeof(text), "message %d", i);
		int r;
		while ((r = mqtt_publish(link, "lec/t/x", text, strlen(text),
					 (struct mqtt_flags){ .qos = i % 2 })) == -ENOBUFS) {
		}
		assert_int_equal(r, 0);
		await_message(observer, "lec/t/x", text);
		assert_int_equal(message.length, strlen(text));
		assert_false(message.retained);
	}
	mqtt_close(link);
	mqtt_close(observer);
}

static void refuses_what_is_no_message(void **state)
{
	/* Wildcards, empty or long topics and too large payloads are refused before they are
	 * queued. */
	(void)state;
	struct mqtt_options o = options("home-1");
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	char topic[MQTT_TOPIC_MAX + 1] = { 0 };
	memset(topic, 'a', MQTT_TOPIC_MAX);
	static char payload[MQTT_PUBLISH_MAX + 1];
	struct mqtt_flags flags = { .qos = 1 };
	assert_int_equal(mqtt_publish(link, "a/#", "x", 1, flags), -EINVAL);
	assert_int_equal(mqtt_publish(link, "a/+", "x", 1, flags), -EINVAL);
	assert_int_equal(mqtt_publish(link, "", "x", 1, flags), -EINVAL);
	assert_int_equal(mqtt_publish(link, topic, "x", 1, flags), -EINVAL);
	assert_int_equal(mqtt_publish(link, "a", payload, sizeof(payload), flags), -EMSGSIZE);
	assert_int_equal(mqtt_publish(link, "a", payload, MQTT_PUBLISH_MAX, flags), 0);
	mqtt_close(link);
}

static void will_and_status(void **state)
{
	/* A link is "online" after its connect, "offline" when it leaves, and "offline" by its last
	 * will when its process dies. */
	(void)state;
	struct mqtt_link *observer = open_observer();
	struct mqtt_options o = options("home-1");
	o.status_topic = "lec/t/home/home-1/status";
	pid_t child = fork();
	if (child == 0) {
		execl(program_path, "mortal", o.broker, o.status_topic, (char *)NULL);
		_exit(127);
	}
	await_message(observer, o.status_topic, "online");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	await_message(observer, o.status_topic, "offline");

	/* A will that would wait for an hour: what comes was said in leaving. */
	o.will_delay_s = o.session_expiry_s = 3600;
	struct mqtt_link *link = open_link(&o);
	await_message(observer, o.status_topic, "online");
	mqtt_close(link);
	await_message(observer, o.status_topic, "offline");
	mqtt_close(observer);

	observer = open_observer();
	await_message(observer, o.status_topic, "offline");
	assert_true(message.retained);
	mqtt_close(observer);
}

static void comes_back(void **state)
{
	/* A link whose broker is killed tells so, refuses to publish, and is back, subscribed
	 * again, when the broker is. */
	(void)state;
	struct mqtt_options o = options("home-1");
	o.subscription[o.subscriptions++] = "lec/t/award";
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	broker_kill(&broker);
	await_event(link, MQTT_DISCONNECTED);
	assert_int_equal(mqtt_publish(link, "lec/t/award", "x", 1, (struct mqtt_flags){ .qos = 1 }),
			 -ENOTCONN);
	struct mqtt_status status;
	mqtt_status(link, &status);
	assert_false(status.connected);
	assert_int_equal(status.unsent, 1);
	assert_string_not_equal(status.error, "");
	assert_int_equal(broker_restart(&broker), 0);
	await_event(link, MQTT_CONNECTED);
	publish_text(link, "lec/t/award", "after", 0);
	await_message(link, "lec/t/award", "after");
	mqtt_status(link, &status);
	assert_int_equal(status.connects, 2);
	assert_string_equal(status.error, "");
	mqtt_close(link);
}

static void keeps_session_and_honours_expiry(void **state)
{
	/* The broker keeps what is sent while a subscriber is away, but not beyond its expiry. */
	(void)state;
	struct mqtt_options o = options("home-1");
	o.subscription[o.subscriptions++] = "lec/t/bid";
	o.session_expiry_s = 3600;
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	/* Its own message back proves that the subscription holds. */
	publish_text(link, "lec/t/bid", "probe", 0);
	await_message(link, "lec/t/bid", "probe");
	mqtt_close(link);

	struct mqtt_link *observer = open_observer();
	publish_text(observer, "lec/t/bid", "expires", 1);
	publish_text(observer, "lec/t/bid", "stays", 0);
	await_message(observer, "lec/t/bid", "stays");
	/* Let the second pass: nothing is sent to the observer, so this waits its full time. */
	assert_int_equal(next_within(observer, 2500), -ETIME);
	mqtt_close(observer);

	link = open_link(&o);
	await_event(link, MQTT_MESSAGE);
	assert_string_equal(message.payload, "stays");
	mqtt_close(link);
}

static void drops_oversize(void **state)
{
	/* A payload larger than ours is dropped, told and counted; the next one gets through. */
	(void)state;
	static char large[MQTT_PAYLOAD_MAX + 1];
	memset(large, 'x', sizeof(large));
	struct mqtt_link *observer = open_observer();
	struct mqtt_options o = options("home-1");
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	struct mqtt_flags flags = { .qos = 1 };
	assert_int_equal(mqtt_publish(link, "lec/t/x", large, sizeof(large), flags), 0);
	assert_int_equal(mqtt_publish(link, "lec/t/x", large, sizeof(large) - 1, flags), 0);
	publish_text(link, "lec/t/x", "small", 0);
	await_event(observer, MQTT_OVERSIZE);
	assert_string_equal(message.topic, "lec/t/x");
	assert_int_equal(message.length, 0);
	await_event(observer, MQTT_MESSAGE);
	assert_int_equal(message.length, MQTT_PAYLOAD_MAX);
	await_message(observer, "lec/t/x", "small");
	struct mqtt_status status;
	mqtt_status(observer, &status);
	assert_int_equal(status.oversize, 1);
	assert_int_equal(status.overrun, 0);
	mqtt_close(link);
	mqtt_close(observer);
}

static void drops_what_is_not_read(void **state)
{
	/* A reader that is behind loses messages, counted, and never the news of the connection. */
	(void)state;
	static char payload[MQTT_PAYLOAD_MAX];
	struct mqtt_options o = options("home-1");
	o.subscription[o.subscriptions++] = "lec/t/x";
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	struct mqtt_status status = { 0 };
	for (int i = 0; i < 100000 && status.overrun == 0; i++) {
		(void)mqtt_publish(link, "lec/t/x", payload, sizeof(payload),
				   (struct mqtt_flags){ .qos = 1 });
		poll(NULL, 0, 1);
		mqtt_status(link, &status);
	}
	assert_true(status.overrun > 0);
	broker_kill(&broker);
	do {
		poll(NULL, 0, 1);
		mqtt_status(link, &status);
	} while (status.connected);
	assert_int_equal(next_within(link, 0), 0);
	assert_int_equal(message.event, MQTT_DISCONNECTED);
	assert_int_equal(broker_restart(&broker), 0);
	mqtt_close(link);
}

static void a_flood_takes_no_room_from_others(void **state)
{
	/* Of a reader that is behind, who floods fills half of the room; another one's message
	 * comes through, and the flooder is known. */
	(void)state;
	static char payload[1000];
	memset(payload, 'x', sizeof(payload) - 1);
	struct mqtt_options o = options("market");
	o.subscription[o.subscriptions++] = "lec/t/home/+/bid";
	o.in_shares = true;
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	struct mqtt_options n = options("noisy");
	struct mqtt_link *noisy = open_link(&n);
	await_event(noisy, MQTT_CONNECTED);
	struct mqtt_status status = { 0 };
	uint64_t said = 0;
	for (int i = 0; i < 100000 && status.overrun < 50; i++) {
		said += mqtt_publish(noisy, "lec/t/home/noisy/bid", payload, sizeof(payload),
				     (struct mqtt_flags){ .qos = 1 }) == 0;
		poll(NULL, 0, 1);
		mqtt_status(link, &status);
	}
	assert_true(status.overrun >= 50);
	assert_string_equal(status.crowder, "lec/t/home/noisy");
	publish_text(noisy, "lec/t/home/quiet/bid", payload, 0);
	for (int i = 0; i < PATIENCE_MS && status.received < said + 1; i++) {
		poll(NULL, 0, 1);
		mqtt_status(link, &status);
	}
	await_message(link, "lec/t/home/quiet/bid", payload);
	mqtt_close(noisy);
	mqtt_close(link);
}

static long rss_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

/* Sanitizers and valgrind hold on to freed memory for a while. */
static bool keeps_freed_memory(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	return true;
#else
	const char *preload = getenv("LD_PRELOAD");
	return preload && strstr(preload, "vgpreload");
#endif
}

static void memory_stays_flat(void **state)
{
	/* A hundred thousand publishes and dozens of attempts without a broker leave no memory. */
	(void)state;
	struct mqtt_options o = options("home-1");
	o.pause_min_ms = 1;
	o.pause_max_ms = 2;
	struct mqtt_link *link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	broker_kill(&broker);
	await_event(link, MQTT_DISCONNECTED);
	static const char payload[1000];
	long before_kib = 0;
	for (int i = 0; i < 100000; i++) {
		before_kib = i == 1000 ? rss_kib() : before_kib;
		assert_int_equal(mqtt_publish(link, "lec/t/x", payload, sizeof(payload),
					      (struct mqtt_flags){ .qos = 1 }),
				 -ENOTCONN);
		if (i % 1000 == 0) {
			poll(NULL, 0, 5); /* time for attempts to connect */
		}
	}
	long growth_kib = rss_kib() - before_kib;
	printf("mqtt_offline_growth_kib %ld KiB\n", growth_kib);
	assert_true(keeps_freed_memory() || growth_kib < 512);
	assert_int_equal(broker_restart(&broker), 0);
	mqtt_close(link);
}

static void closes_at_once(void **state)
{
	/* Closing does not wait for a pause, a broker that is away, or one that never answers. */
	(void)state;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	char mute[64], away[64];
	snprintf(mute, sizeof(mute), "mqtt://127.0.0.1:%d", ntohs(address.sin_port));
	snprintf(away, sizeof(away), "mqtt://localhost:%d", broker_free_port());
	for (int i = 0; i < 2; i++) {
		struct mqtt_options o = options("home-1");
		o.broker = i == 0 ? mute : away;
		o.pause_min_ms = 60000;
		struct mqtt_link *link = open_link(&o);
		struct mqtt_status status = { 0 };
		for (int n = 0; i == 1 && n < 2000 && !status.error[0]; n++) {
			poll(NULL, 0, 10);
			mqtt_status(link, &status);
		}
		assert_int_equal(next_within(link, 50), -ETIME);
		int64_t before_us = clock_real_us();
		mqtt_close(link);
		assert_true(clock_real_us() - before_us < 2500000);
	}
	close(fd);
}

static void broker_addresses(void **state)
{
	/* An address is a scheme, a host and perhaps a port; anything else is refused. */
	(void)state;
	static const char *const good[] = { "mqtt://localhost", "mqtts://a.b.example:8883",
					    "mqtt://[::1]:1884", "mqtt://[fe80::1]" };
	static const char *const bad[] = {
		"",           "localhost",      "http://a",    "mqtt://",      "mqtt://a:",
		"mqtt://a:0", "mqtt://a:70000", "mqtt://a:1x", "mqtt://a b",   "mqtt://[::1",
		"mqtt://a/b", "mqtt://:1883",   "mqtt://a:+5", "mqtt://[::1]x"
	};
	const char *why = NULL;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(mqtt_check_broker(good[i], NULL), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(mqtt_check_broker(bad[i], &why), -EINVAL);
		assert_non_null(why);
	}
}

static void password_files(void **state)
{
	/* A password file that is missing, empty or readable by everyone is refused with its name.
	 */
	(void)state;
	char path[] = "/tmp/lecd-password-XXXXXX";
	int fd = mkstemp(path);
	struct mqtt_options o = options("home-1");
	o.user = "home-1";
	o.password_file = path;
	struct mqtt_link *link = NULL;
	char why[200] = "";
	assert_int_equal(mqtt_open(&o, &link, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, path));
	assert_int_equal(dprintf(fd, "secret\n"), 7);
	assert_int_equal(fchmod(fd, 0604), 0);
	assert_int_equal(mqtt_open(&o, &link, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "0600"));
	assert_int_equal(fchmod(fd, 0600), 0);
	link = open_link(&o);
	await_event(link, MQTT_CONNECTED);
	mqtt_close(link);
	close(fd);
	unlink(path);
	assert_int_equal(mqtt_open(&o, &link, why, sizeof(why)), -ENOENT);
}

/* Make an authority and a certificate of 127.0.0.1 and of another host below folder. */
static bool make_certificates(const char *folder)
{
	char command[1200];
	snprintf(command, sizeof(command),
		 "cd %s && exec >/dev/null 2>&1 && umask 022 && chmod 755 . && "
		 "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority "
		 "-keyout ca.key -out ca.pem && "
		 "for n in 127.0.0.1 10.9.9.9; do "
		 "openssl req -newkey rsa:2048 -nodes -subj /CN=x -keyout $n.key -out $n.csr && "
		 "echo subjectAltName=IP:$n > $n.ext && "
		 "openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
		 "-extfile $n.ext -out $n.pem || exit 1; done",
		 folder);
	return system(command) == 0;
}

/* The error of a link that must not come up. */
static void assert_refused(const struct mqtt_options *o, const char *word)
{
	struct mqtt_link *link = open_link(o);
	struct mqtt_status status = { 0 };
	for (int i = 0; i < PATIENCE_MS / 10 && !status.error[0]; i++) {
		poll(NULL, 0, 10);
		mqtt_status(link, &status);
	}
	assert_int_equal(status.connects, 0);
	if (!strstr(status.error, word)) {
		fail_msg("'%s' in: %s", word, status.error);
	}
	mqtt_close(link);
}

static void tls_is_checked(void **state)
{
	/* mqtts:// works with the right authority, and is refused with another one, for another
	 * host, and with a broker that speaks plain text. */
	(void)state;
	char folder[] = "/tmp/lecd-tls-XXXXXX";
	char lines[400], address[64], ca[64], command[64], other[64];
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (!make_certificates(folder)) {
		print_message("openssl cannot make certificates here\n");
		assert_int_equal(system(command), 0);
		skip();
	}
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	snprintf(other, sizeof(other), "%s/10.9.9.9.pem", folder);
	static const struct {
		const char *certificate, *lines, *error; /* NULL: connects */
	} cases[] = {
		{ "127.0.0.1", "", NULL },
		{ "127.0.0.1", "tls_version tlsv1.3", NULL },
		{ "10.9.9.9", "", "verif" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct broker secure;
		snprintf(lines, sizeof(lines), "certfile %s/%s.pem\nkeyfile %s/%s.key\n%s", folder,
			 cases[i].certificate, folder, cases[i].certificate, cases[i].lines);
		assert_int_equal(broker_start(&secure, lines), 0);
		snprintf(address, sizeof(address), "mqtts://127.0.0.1:%d", secure.port);
		struct mqtt_options o = options("home-1");
		o.broker = address;
		o.ca_file = other;
		assert_refused(&o, "verif");
		o.ca_file = ca;
		if (cases[i].error) {
			assert_refused(&o, cases[i].error);
		} else {
			struct mqtt_link *link = open_link(&o);
			await_event(link, MQTT_CONNECTED);
			publish_text(link, "lec/t/x", "secret", 0);
			mqtt_close(link);
		}
		broker_stop(&secure);
	}
	struct mqtt_options o = options("home-1");
	snprintf(address, sizeof(address), "mqtts://127.0.0.1:%d", broker.port);
	o.broker = address;
	o.ca_file = ca;
	assert_refused(&o, "");
	assert_int_equal(system(command), 0);
}

/* A process of its own that holds a link until it is killed. */
static int be_mortal(const char *address, const char *status_topic)
{
	struct mqtt_options o = { .broker = address,
				  .client_id = "home-1",
				  .status_topic = status_topic };
	struct mqtt_link *link = NULL;
	char why[200];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return mqtt_open(&o, &link, why, sizeof(why)) == 0 ? pause() : 1;
}

static int start(void **state)
{
	(void)state;
	return broker_available() ? broker_start(&broker, "max_queued_messages 1000") : 0;
}

static int stop(void **state)
{
	(void)state;
	broker_stop(&broker);
	return 0;
}

int main(int argc, char **argv)
{
	program_path = argv[0];
	if (argc == 3) {
		return be_mortal(argv[1], argv[2]);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broker_addresses),
		cmocka_unit_test(speaks_and_hears),
		cmocka_unit_test(refuses_what_is_no_message),
		cmocka_unit_test(will_and_status),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(keeps_session_and_honours_expiry),
		cmocka_unit_test(drops_oversize),
		cmocka_unit_test(drops_what_is_not_read),
		cmocka_unit_test(a_flood_takes_no_room_from_others),
		cmocka_unit_test(memory_stays_flat),
		cmocka_unit_test(closes_at_once),
		cmocka_unit_test(password_files),
		cmocka_unit_test(tls_is_checked),
	};
	if (!broker_available()) {
		printf("[  SKIPPED ] test_mqtt: mosquitto is not installed\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, start, stop);
}
