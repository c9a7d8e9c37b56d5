/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso_run.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/hash.h"
#include "daemon/base/isotime.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/refusals.h"
#include "daemon/base/service.h"
#include "daemon/grid/dso_messages.h"
#include "daemon/grid/negotiation.h"

enum { MESSAGES_A_TURN = 256, LIMITS_OUT_BYTES = 1024 };
static const int64_t tick_us = 200000;
static const double tick_faster = 10;    /* at most so much, in scaled time */
static const int64_t solve_us = 3000000; /* at most, for a verdict */

static const char usage[] =
	"Usage: lec-dso run --config FILE [--check] [--speed N [--start TIME] [--anchor S]]\n"
	"Run the grid operator: judge the market's trades, tell each home its limits and its "
	"price.\n"
	"\n"
	"  --config FILE   the feeder and its homes, see lec-dso(1)\n"
	"  --check         read and check the configuration, then exit\n"
	"  --speed N       time runs N times faster, 0.1 to 100000\n"
	"  --start TIME    the UTC time it begins at, like 2026-06-15T00:00:00Z\n"
	"  --anchor S      the Unix time at which it was TIME, to share a clock with others\n"
	"  --help --version\n";

static struct {
	struct service_options options;
	struct dso_conf conf;
	struct clock clock;
	struct loop *loop;
	struct dso *dso;
	struct grid_negotiation *negotiation;
	struct mqtt_link *mqtt;
	struct mqtt_message message;
	struct inbox inbox;
	struct refusals refusals;
	int64_t told_s; /* the interval whose limits were told; -1: none */
	bool connected, broken, beyond;
	bool away; /* the log has told that its broker is */
	unsigned long proposals, reduced;
	char wish[MQTT_TOPIC_MAX]; /* the topic */
	char json[VERDICT_SIZE];
} run;

/* --- said ---------------------------------------------------------------------------------------
 */

static void send(const char *leaf, int length, bool retain, int expiry_s)
{
	char topic[MQTT_TOPIC_MAX];
	snprintf(topic, sizeof(topic), "lec/%s/%s", run.conf.community, leaf);
	if (length < 0) {
		log_error("%s: does not fit a message", leaf);
		return;
	}
	(void)mqtt_publish(run.mqtt, topic, run.json, (size_t)length,
			   (struct mqtt_flags){ .retain = retain, .qos = 1, .expiry_s = expiry_s });
}

/* Changes of what is wrong with the feeder itself go to the log, once each. */
static void tell_trouble(const struct dso_answer *a, int64_t start_s)
{
	char at[ISOTIME_SIZE];
	if (a->broken && !run.broken) {
		log_warning("feeder: its other loads alone break a limit at %s: %s",
			    isotime_format(start_s, at), a->why);
	} else if (!a->broken && run.broken) {
		log_info("feeder: within its limits again");
	}
	run.broken = a->broken;
	bool beyond = !dso_covers(run.dso, start_s);
	if (beyond && !run.beyond) {
		log_warning("%s: does not cover %s, the feeder's own loads are taken as they are",
			    run.conf.series, isotime_format(start_s, at));
	}
	run.beyond = beyond;
}

static int64_t interval_at(int64_t wall_s)
{
	int64_t length_s = llround(run.conf.interval_s);
	return wall_s - wall_s % length_s;
}

/* The limits of the interval at hand, to each home. */
static void tell_limits(int64_t wall_s)
{
	struct dso_answer a;
	char leaf[MQTT_TOPIC_MAX];
	int64_t start_s = interval_at(wall_s);
	int r = dso_look(run.dso, start_s, run.conf.price, clock_real_us() + solve_us, &a);
	if (r < 0) {
		log_error("no limits: %s",
			  r == -EDOM ? "the other loads alone let the voltage collapse"
				     : strerror(-r));
		return; /* the last ones stand for their time, then the cautious ones */
	}
	tell_trouble(&a, start_s);
	for (int i = 0; i < run.conf.homes; i++) {
		int n = limit_json(&run.conf, i, &a.home[i], start_s, wall_s, run.json,
				   sizeof(run.json));
		snprintf(leaf, sizeof(leaf), "home/%s/limit", run.conf.home[i].id);
		send(leaf, n, true, 0);
	}
	dso_forget(run.dso, start_s);
	run.told_s = start_s;
}

/* --- heard --------------------------------------------------------------------------------------
 */

static void refuse(const char *what, const char *why, int64_t wall_s)
{
	if (refusals_add(&run.refusals, why, wall_s)) {
		log_warning("%s refused: %s", what, why);
	}
}

/* A wish of a negotiation is answered with prices and losses. */
static void negotiate(const struct mqtt_message *m, int64_t wall_s)
{
	char why[ADMM_WHY_SIZE] = "too large, or kept by the broker";
	int parts = m->event == MQTT_OVERSIZE || m->retained
			    ? -EINVAL
			    : grid_negotiation_hear(run.negotiation, m->payload, m->length, why);
	if (parts < 0) {
		refuse("wish", why, wall_s);
	}
	for (int i = 0; i < parts; i++) {
		send("admm/dso/price",
		     grid_negotiation_write(run.negotiation, i, run.json, sizeof(run.json)), false,
		     60);
	}
}

static void judge(int64_t wall_s)
{
	struct dso_proposal *p = &run.inbox.proposal;
	struct dso_answer a;
	const char *why = "";
	int r = dso_judge(run.dso, p, clock_real_us() + solve_us, &a);
	run.proposals++;
	if (r < 0) {
		why = r == -EDOM ? "the feeder's other loads alone let the voltage collapse"
				 : "no way to keep the limits was found";
		refuse("proposal", why, wall_s);
	} else {
		tell_trouble(&a, p->start_s);
		run.conf.price = p->price;
	}
	for (int t = 0; t < p->trades; t++) {
		run.reduced += *p->trade[t].reason != '\0';
	}
	for (int part = 0; part < run.inbox.parts; part++) {
		int n = verdict_json(&run.inbox, &run.conf, part, r < 0 ? NULL : &a, why, run.json,
				     sizeof(run.json));
		send("dso/verdict", n, false, 60);
	}
	if (r == 0 && p->start_s == interval_at(wall_s)) {
		tell_limits(wall_s);
	}
}

static void take_message(const struct mqtt_message *m)
{
	int64_t wall_s = clock_wall_s(&run.clock);
	char why[128] = "too large, or kept by the broker";
	if (m->event == MQTT_CONNECTED) {
		log_info("broker: connected");
		run.connected = true;
		run.away = false;
		tell_limits(wall_s);
		return;
	}
	if (m->event == MQTT_DISCONNECTED) {
		service_tell_away(run.mqtt, "broker", &run.away);
		run.connected = false;
		return;
	}
	if (strcmp(m->topic, run.wish) == 0) {
		negotiate(m, wall_s);
		return;
	}
	int r = m->event == MQTT_OVERSIZE || m->retained
			? -EINVAL
			: inbox_take(&run.inbox, run.dso, &run.conf, wall_s, m->payload, m->length,
				     why, sizeof(why));
	if (r < 0) {
		refuse("proposal", why, wall_s);
		/* Answered too, lest the market waits for its whole time. */
		int n = refusal_json(run.inbox.heard, why, run.json, sizeof(run.json));
		send("dso/verdict", n, false, 60);
	} else if (r > 0) {
		judge(wall_s);
	}
}

static void on_broker(void *context, int fd)
{
	(void)context;
	(void)fd;
	for (int i = 0; i < MESSAGES_A_TURN && mqtt_receive(run.mqtt, &run.message) == 0; i++) {
		take_message(&run.message);
	}
}

static void on_tick(void *context)
{
	(void)context;
	int64_t wall_s = clock_wall_s(&run.clock);
	service_tell_away(run.mqtt, "broker", &run.away);
	if (run.connected && interval_at(wall_s) != run.told_s) {
		tell_limits(wall_s);
	}
	loop_alive();
}

/* --- the table of contents ----------------------------------------------------------------------
 */

static int open_dso(void)
{
	struct diag d = { .to = stderr };
	int r = dso_new(&run.conf, &d, &run.dso);
	r = r < 0 ? r : grid_negotiation_new(&run.conf, run.dso, &run.negotiation);
	return r < 0 && r != -ENOMEM ? -EINVAL : r; /* whatever is wrong with its series */
}

static int open_loop(void)
{
	int r = loop_new(&run.loop);
	r = r < 0 ? r : loop_add_signals(run.loop);
	double faster = fmin(fmax(run.options.clock.speed, 1), tick_faster);
	return r < 0 ? r
		     : loop_add_cycle(run.loop, (int64_t)((double)tick_us / faster), on_tick, NULL);
}

static int open_broker(void)
{
	static char status[MQTT_TOPIC_MAX], proposal[MQTT_TOPIC_MAX];
	const char *community = run.conf.community;
	char client[64], why[160];
	snprintf(client, sizeof(client), "lec-dso-%s", community);
	snprintf(status, sizeof(status), "lec/%s/dso/status", community);
	snprintf(proposal, sizeof(proposal), "lec/%s/dso/proposal", community);
	snprintf(run.wish, sizeof(run.wish), "lec/%s/admm/market/wish", community);
	struct mqtt_options o = { .client_id = client,
				  .status_topic = status,
				  .subscription = { proposal, run.wish },
				  .subscriptions = 2,
				  .out_bytes =
					  256 * 1024 + (size_t)run.conf.homes * LIMITS_OUT_BYTES,
				  .seed = hash_bytes(community, strlen(community)) };
	mqtt_conf_use(&run.conf.mqtt, &o);
	int r = mqtt_open(&o, &run.mqtt, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "%s: [mqtt] %s\n", run.conf.path, why);
		return r;
	}
	return loop_add_fd(run.loop, mqtt_fd(run.mqtt), on_broker, NULL);
}

static int open_clock(void)
{
	clock_options_use(&run.options.clock, &run.clock);
	return 0;
}

static void close_dso(void)
{
	grid_negotiation_free(run.negotiation);
	dso_free(run.dso);
}

static void close_loop(void)
{
	loop_free(run.loop);
}

static void close_broker(void)
{
	mqtt_close(run.mqtt);
}

static const struct part parts[] = {
	{ "clock", open_clock, NULL },
	{ "operator", open_dso, close_dso },
	{ "loop", open_loop, close_loop }, /* blocks the signals for every thread */
	{ "broker", open_broker, close_broker },
};
enum { PARTS = sizeof(parts) / sizeof(*parts) };

static int serve(void)
{
	int opened;
	(void)signal(SIGPIPE, SIG_IGN); /* a reader of our words may go */
	run.told_s = -1;
	int r = parts_open(parts, PARTS, &opened);
	if (r == 0) {
		log_info("dso: %s with %d homes", run.conf.feeder_path, run.conf.homes);
		loop_ready("watching the feeder");
		r = loop_run(run.loop);
		loop_stopping();
		log_info("dso: ends after %lu proposals, %lu trades reduced, %llu messages refused",
			 run.proposals, run.reduced, (unsigned long long)run.refusals.count);
	}
	parts_close(parts, opened);
	return r;
}

int dso_run_main(int argc, char **argv)
{
	struct diag d = { .to = stderr };
	int code = service_options_parse(argc, argv, usage, &run.options);
	if (code >= 0) {
		return code;
	}
	int r = dso_conf_read(run.options.config, &run.conf, &d);
	if (r == 0 && !*run.conf.mqtt.broker) {
		r = diag_error(&d, run.options.config, 0,
			       "has no section [mqtt], expected one with a broker");
	}
	if (r < 0) {
		dso_conf_free(&run.conf);
		return r == -ENOMEM ? 1 : 2;
	}
	if (run.options.check) {
		r = open_dso(); /* its series too */
		if (r == 0) {
			fprintf(stderr, "%s: fine, %d homes on %d buses\n", run.options.config,
				run.conf.homes, run.conf.feeder.buses);
		}
		close_dso();
	} else {
		r = serve();
	}
	dso_conf_free(&run.conf);
	return r == -EINVAL ? 2 : r < 0;
}
