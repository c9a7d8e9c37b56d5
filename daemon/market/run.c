/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/run.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/hash.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/service.h"
#include "daemon/market/desk.h"

enum {
	MESSAGES_A_TURN = 256,   /* then one commit */
	MESSAGES_A_TICK = 20000, /* what waits at a gate is judged before it closes */
	CHECK_MS = 5000,
	TELL_S = 60, /* between two lines of the log on what was lost, and two of market/counts, in
			scaled time */
	AWAY_S = 86400, /* the broker keeps readings for a market that is away */
	HOME_IN_BYTES =
		1024, /* a home's bid and reading on their way in, its award and receipt out */
	HOME_OUT_BYTES = 1024,
};
static const int64_t tick_us = 100000;
static const double tick_faster = 10; /* at most so much, in scaled time */

static const char usage[] =
	"Usage: lec-market run --config FILE [--check] [--speed N [--start TIME] [--anchor S]]\n"
	"Run the market: take bids until their gate closes, clear, award, settle.\n"
	"  --config FILE   the market, see lec-market.conf(5)\n"
	"  --check         read and check the configuration, then exit\n"
	"  --speed N       time runs N times faster, 0.1 to 100000\n"
	"  --start TIME    the UTC time it begins at, like 2026-06-15T00:00:00Z\n"
	"  --anchor S      the Unix time at which it was TIME, to share a clock with lecd\n"
	"  --help --version\n";

static struct {
	struct service_options options;
	struct market_conf conf;
	struct clock clock;
	struct loop *loop;
	struct ledger *ledger;
	struct mqtt_link *mqtt, *above; /* above: NULL where there is no market above */
	bool away, above_away;          /* the log has told that their brokers are */
	struct desk *desk;
	struct mqtt_message message;
	int64_t heard_s;  /* when the latest message of a home came */
	uint64_t lost;    /* messages that came faster than they were taken, and the log has told */
	int64_t told_s;   /* when it last did */
	int64_t counts_s; /* when market/counts was said */
} market;

/* --- the broker ---------------------------------------------------------------------------------
 */

static int publish(struct mqtt_link *link, const char *community, const char *topic,
		   const char *payload, size_t length, bool retain)
{
	char whole[MQTT_TOPIC_MAX];
	int n = snprintf(whole, sizeof(whole), "lec/%s/%s", community, topic);
	if (n >= (int)sizeof(whole)) {
		return -EINVAL;
	}
	return mqtt_publish(link, whole, payload, length,
			    (struct mqtt_flags){ .retain = retain, .qos = 1 });
}

static int send(void *context, const char *topic, const char *payload, size_t length, bool retain)
{
	(void)context;
	return publish(market.mqtt, market.conf.community, topic, payload, length, retain);
}

static int send_above(void *context, const char *topic, const char *payload, size_t length)
{
	(void)context;
	return market.above ? publish(market.above, market.conf.upstream.community, topic, payload,
				      length, false)
			    : -ENOTCONN;
}

/* The market's time at which a message came, which may have waited for us since. */
static int64_t arrival_s(const struct mqtt_message *m)
{
	double waited_us = (double)(clock_real_us() - m->arrived_us) * market.options.clock.speed;
	return (clock_wall_us(&market.clock) - (int64_t)waited_us) / 1000000;
}

static const char *name_of(const struct mqtt_link *link)
{
	return link == market.above ? "broker above" : "broker";
}

static bool *told_away(const struct mqtt_link *link)
{
	return link == market.above ? &market.above_away : &market.away;
}

static void tell_away(struct mqtt_link *link)
{
	service_tell_away(link, name_of(link), told_away(link));
}

static void greet(struct mqtt_link *link, bool connected)
{
	if (!connected) {
		tell_away(link);
		return;
	}
	log_info("%s: connected", name_of(link));
	*told_away(link) = false;
	if (link == market.above) {
		desk_greet_above(market.desk);
	} else {
		desk_greet(market.desk, clock_wall_s(&market.clock));
		market.counts_s = 0;
	}
}

static void take_message(struct mqtt_link *link, const struct mqtt_message *m)
{
	if (m->event == MQTT_CONNECTED || m->event == MQTT_DISCONNECTED) {
		greet(link, m->event == MQTT_CONNECTED);
	} else {
		int64_t at_s = arrival_s(m);
		market.heard_s = link == market.mqtt ? at_s : market.heard_s;
		desk_hear(market.desk, m->topic, m->event == MQTT_OVERSIZE ? NULL : m->payload,
			  m->length, m->retained, at_s);
	}
}

/* Take up to that many messages. Returns whether none is left. */
static bool take_messages(struct mqtt_link *link, int most)
{
	int r = 0;
	for (int i = 0; i < most && (r = mqtt_receive(link, &market.message)) == 0; i++) {
		take_message(link, &market.message);
	}
	desk_commit(market.desk, clock_wall_s(&market.clock));
	return r < 0;
}

static void on_broker(void *context, int fd)
{
	(void)fd;
	(void)take_messages(*(struct mqtt_link **)context, MESSAGES_A_TURN);
}

/* What there was no room for is lost: the messages of who floods first, and who says a thing until
 * it is answered says it again. */
static void tell_lost(int64_t now_s)
{
	struct mqtt_status status;
	mqtt_status(market.mqtt, &status);
	if (status.overrun != market.lost && now_s >= market.told_s + TELL_S) {
		log_warning("broker: %llu messages came faster than they were taken, and are lost, "
			    "the last of %s",
			    (unsigned long long)(status.overrun - market.lost), status.crowder);
		market.lost = status.overrun;
		market.told_s = now_s;
	}
}

static void tell_counts(int64_t now_s)
{
	bool stepped_back = market.counts_s > now_s;
	if (now_s >= market.counts_s + TELL_S || stepped_back) {
		struct mqtt_status status;
		mqtt_status(market.mqtt, &status);
		desk_tell_counts(market.desk, status.overrun, now_s);
		market.counts_s = now_s;
	}
}

/* What came before a gate closed is judged before it is cleared, however long it waited. */
static void on_tick(void *context)
{
	(void)context;
	int64_t now_s = clock_wall_s(&market.clock);
	bool all = take_messages(market.mqtt, MESSAGES_A_TICK);
	tell_away(market.mqtt);
	if (market.above) {
		(void)take_messages(market.above, MESSAGES_A_TICK);
		tell_away(market.above);
	}
	desk_tick(market.desk, all || market.heard_s > now_s ? now_s : market.heard_s);
	tell_lost(now_s);
	tell_counts(now_s);
	loop_alive();
}

/* --- the table of contents ----------------------------------------------------------------------
 */

static int open_clock(void)
{
	clock_options_use(&market.options.clock, &market.clock);
	return 0;
}

static int open_loop(void)
{
	int r = loop_new(&market.loop);
	r = r < 0 ? r : loop_add_signals(market.loop);
	int64_t period_us =
		(int64_t)((double)tick_us / fmin(fmax(market.options.clock.speed, 1), tick_faster));
	return r < 0 ? r : loop_add_cycle(market.loop, period_us, on_tick, NULL);
}

static int open_ledger(void)
{
	char why[160];
	int r = ledger_open(market.conf.ledger, CHECK_MS, &market.ledger, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", market.conf.ledger, why);
	}
	return r;
}

static int open_desk(void)
{
	char why[160];
	const struct desk_conf c = { .market = &market.conf,
				     .ledger = market.ledger,
				     .send = send,
				     .send_above = send_above };
	int r = desk_new(&c, clock_wall_s(&market.clock), &market.desk, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", market.conf.ledger, why);
	}
	return r;
}

static int open_broker(void)
{
	static const char *const heard[] = { "home/+/bid",        "home/+/meter",  "home/+/status",
					     "home/+/limit",      "dso/status",    "dso/verdict",
					     "admm/home/+/power", "admm/dso/price" };
	enum { HEARD = sizeof(heard) / sizeof(*heard) };
	static char status[MQTT_TOPIC_MAX], topic[HEARD][MQTT_TOPIC_MAX];
	const char *community = market.conf.community;
	size_t homes = (size_t)market.conf.rounds.homes_max;
	char client[64], why[160];
	snprintf(client, sizeof(client), "lec-market-%s", community);
	snprintf(status, sizeof(status), "lec/%s/market/status", community);
	struct mqtt_options o = { .client_id = client,
				  .status_topic = status,
				  .subscriptions = HEARD,
				  .session_expiry_s = AWAY_S,
				  .in_bytes = 256 * 1024 + homes * HOME_IN_BYTES,
				  .out_bytes = 256 * 1024 + homes * HOME_OUT_BYTES,
				  .seed = hash_bytes(community, strlen(community)),
				  .in_shares = true };
	for (int i = 0; i < o.subscriptions; i++) {
		snprintf(topic[i], sizeof(topic[i]), "lec/%s/%s", community, heard[i]);
		o.subscription[i] = topic[i];
	}
	mqtt_conf_use(&market.conf.mqtt, &o);
	int r = mqtt_open(&o, &market.mqtt, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "%s: [mqtt] %s\n", market.conf.path, why);
		return r;
	}
	return loop_add_fd(market.loop, mqtt_fd(market.mqtt), on_broker, &market.mqtt);
}

/* As a home of the market above, beside the link to our own: topics of both begin otherwise. */
static int open_above(void)
{
	enum { HEARD = 3 };
	static char status[MQTT_TOPIC_MAX], topic[HEARD][MQTT_TOPIC_MAX];
	const struct upstream_conf *up = &market.conf.upstream;
	char client[96], why[160];
	if (!*up->community) {
		return 0;
	}
	snprintf(client, sizeof(client), "lec-market-%s-%s", up->community, up->id);
	snprintf(status, sizeof(status), "lec/%s/home/%s/status", up->community, up->id);
	snprintf(topic[0], sizeof(topic[0]), "lec/%s/home/%s/award", up->community, up->id);
	snprintf(topic[1], sizeof(topic[1]), "lec/%s/home/%s/receipt", up->community, up->id);
	snprintf(topic[2], sizeof(topic[2]), "lec/%s/market/tariff", up->community);
	struct mqtt_options o = { .client_id = client,
				  .status_topic = status,
				  .subscription = { topic[0], topic[1], topic[2] },
				  .subscriptions = HEARD,
				  .session_expiry_s = AWAY_S,
				  .seed = hash_bytes(client, strlen(client)) };
	mqtt_conf_use(&up->mqtt, &o);
	int r = mqtt_open(&o, &market.above, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "%s: [upstream] %s\n", market.conf.path, why);
		return r;
	}
	return loop_add_fd(market.loop, mqtt_fd(market.above), on_broker, &market.above);
}

static void close_loop(void)
{
	loop_free(market.loop);
}

static void close_ledger(void)
{
	ledger_close(market.ledger);
}

static void close_desk(void)
{
	desk_free(market.desk);
}

static void close_broker(void)
{
	mqtt_close(market.mqtt);
}

static void close_above(void)
{
	mqtt_close(market.above);
}

static const struct part parts[] = {
	{ "clock", open_clock, NULL },
	{ "loop", open_loop, close_loop }, /* blocks the signals for every thread */
	{ "ledger", open_ledger, close_ledger },
	{ "desk", open_desk, close_desk },
	{ "broker", open_broker, close_broker },
	{ "broker above", open_above, close_above },
};
enum { PARTS = sizeof(parts) / sizeof(*parts) };

static int serve(void)
{
	int opened;
	(void)signal(SIGPIPE, SIG_IGN); /* a reader of our words may go */
	int r = parts_open(parts, PARTS, &opened);
	if (r == 0) {
		log_info("market: open for %s", market.conf.community);
		loop_ready("open");
		r = loop_run(market.loop);
		loop_stopping();
		const struct desk_counts *n = desk_counts(market.desk);
		log_info("market: ends after %llu bids, %llu refused, %llu clearings",
			 (unsigned long long)n->bids[BID_ACCEPTED],
			 (unsigned long long)desk_bids_refused(n),
			 (unsigned long long)n->clearings);
	}
	parts_close(parts, opened);
	return r;
}

static void tell_upstream(void)
{
	char text[256];
	if (*market.conf.upstream.community) {
		upstream_conf_tell(&market.conf, text, sizeof(text));
		fprintf(stderr, "%s: %s\n", market.options.config, text);
	}
}

int run_main(int argc, char **argv)
{
	struct diag d = { .to = stderr };
	int code = service_options_parse(argc, argv, usage, &market.options);
	if (code >= 0) {
		return code;
	}
	if (market_conf_read(market.options.config, &market.conf, &d) < 0) {
		return 2;
	}
	int r = 0;
	if (market.options.check) {
		fprintf(stderr, "%s: fine, %zu MB of memory for %d homes\n", market.options.config,
			(rounds_memory(&market.conf.rounds) >> 20) + 1,
			market.conf.rounds.homes_max);
		tell_upstream();
	} else {
		r = serve();
	}
	market_conf_free(&market.conf);
	return r == -EINVAL ? 2 : r < 0;
}
