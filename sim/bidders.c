/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/bidders.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock_options.h"
#include "daemon/base/csv.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/loop.h"
#include "daemon/base/mqtt.h"

enum { HOMES_MAX = 100000, MESSAGES_A_TURN = 1000, STEPS_MAX = 8, HOME_BYTES = 1024 };
static const int64_t tick_us = 5000, patience_us = INT64_C(60) * 1000000;

static const char help[] =
	"Usage: lec-sim bidders --broker URL --homes N [OPTION]...\n"
	"Bid for N homes in the next round of a running market, over one connection, and tell as "
	"JSON\n"
	"how long receipts and awards took. The homes are h1 to hN.\n"
	"  --broker URL      mqtt://host[:port]\n"
	"  --homes N         1 to 100000\n"
	"  --community NAME  default fjord\n"
	"  --interval S      the market's, in seconds; default 900\n"
	"  --gate S          its gate closes so long before an interval; default 120\n"
	"  --orders N        in each bid, 1 to 8; default 2\n"
	"  --seed N          of the bids; default 1\n"
	"  --speed N, --start TIME, --anchor S  the market's clock, see lec-market(1)\n"
	"  --help\n";

struct options {
	const char *broker, *community;
	double homes, interval_s, gate_s, orders, seed;
	struct clock_options clock;
};

enum phase { PHASE_WAITING, PHASE_BIDDING, PHASE_LISTENING, PHASE_DONE };

static struct {
	struct options options;
	struct clock clock;
	struct loop *loop;
	struct mqtt_link *mqtt;
	struct mqtt_message message;
	enum phase phase;
	bool online;
	int homes, next_home;
	uint64_t random;
	int64_t start_s;              /* of the interval */
	int64_t begun_us, gate_us;    /* real */
	int64_t receipt_us, award_us; /* of the last one, real */
	int receipts, accepted, awards;
	double traded_kwh;
	uint64_t bytes; /* of topics and payloads, both ways */
} sim;

/* --- options ------------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	size_t offset;
	double min, max;
} numbers[] = {
	{ "homes", offsetof(struct options, homes), 1, HOMES_MAX },
	{ "interval", offsetof(struct options, interval_s), 60, 3600 },
	{ "gate", offsetof(struct options, gate_s), 0, 3600 },
	{ "orders", offsetof(struct options, orders), 1, STEPS_MAX },
	{ "seed", offsetof(struct options, seed), 1, 1e9 },
};
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

static int refuse(const char *option, const char *expected)
{
	fprintf(stderr, "lec-sim bidders: --%s, expected %s\n", option, expected);
	return 2;
}

static int take_number(int i, struct options *o)
{
	double value;
	if (csv_number(optarg, &value) < 0 || value < numbers[i].min || value > numbers[i].max ||
	    value != floor(value)) {
		char range[64];
		snprintf(range, sizeof(range), "a whole number from %g to %g", numbers[i].min,
			 numbers[i].max);
		return refuse(numbers[i].name, range);
	}
	*(double *)(void *)((char *)o + numbers[i].offset) = value;
	return -1;
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const char *const clocks[] = { "speed", "start", "anchor" };
	enum { CLOCK = NUMBERS, BROKER = CLOCK + 3, COMMUNITY, HELP, OPTIONS };
	struct option longs[OPTIONS + 1] = {
		[BROKER] = { "broker", required_argument, NULL, BROKER },
		[COMMUNITY] = { "community", required_argument, NULL, COMMUNITY },
		[HELP] = { "help", no_argument, NULL, HELP },
	};
	for (int i = 0; i < BROKER; i++) {
		longs[i] = (struct option){ i < CLOCK ? numbers[i].name : clocks[i - CLOCK],
					    required_argument, NULL, i };
	}
	*o = (struct options){ .community = "fjord",
			       .interval_s = 900,
			       .gate_s = 120,
			       .orders = 2,
			       .seed = 1,
			       .clock = clock_options_none };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		int code = -1;
		if (c < CLOCK) {
			code = take_number(c, o);
		} else if (c < BROKER) {
			const char *expected = clock_options_take(&o->clock, longs[c].name, optarg);
			code = expected ? refuse(longs[c].name, expected) : -1;
		} else if (c == BROKER) {
			o->broker = optarg;
		} else if (c == COMMUNITY) {
			o->community = optarg;
		} else {
			fputs(help, c == HELP ? stdout : stderr);
			code = c == HELP ? 0 : 2;
		}
		if (code >= 0) {
			return code;
		}
	}
	if (optind < argc || !o->broker || o->homes == 0) {
		return refuse(!o->broker ? "broker" : "homes", "one, and options only");
	}
	return -1;
}

/* --- bidding ------------------------------------------------------------------------------------
 */

static double next_random(void)
{
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 7;
	sim.random ^= sim.random << 17;
	return (double)(sim.random >> 11) / 9007199254740992.0;
}

static int write_bid(int home, char *out, size_t size)
{
	struct json_out o;
	char id[16], text[ISOTIME_SIZE];
	snprintf(id, sizeof(id), "h%d", home + 1);
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_text(&o, "home", id);
	json_put_text(&o, "interval", isotime_format(sim.start_s, text));
	json_put_number(&o, "length_s", sim.options.interval_s, 0);
	json_put_integer(&o, "revision", 1);
	json_put_text(&o, "expires",
		      isotime_format(sim.start_s - (int64_t)sim.options.gate_s, text));
	json_put_text(&o, "currency", "EUR");
	json_open_array(&o, "orders");
	for (int i = 0; i < (int)sim.options.orders; i++) {
		json_open_object(&o, NULL);
		json_put_text(&o, "side", home % 2 ? "buy" : "sell");
		json_put_number(&o, "price", 0.05 + 0.25 * next_random(), 6);
		json_put_number(&o, "quantity", 0.05 + 0.4 * next_random(), 6);
		json_close(&o);
	}
	json_close(&o);
	json_close(&o);
	return json_finish(&o);
}

static void topic_of(int home, const char *leaf, char out[MQTT_TOPIC_MAX])
{
	snprintf(out, MQTT_TOPIC_MAX, "lec/%s/home/h%d/%s", sim.options.community, home + 1, leaf);
}

/* As far as the broker keeps up. */
static void send_bids(void)
{
	char payload[2048], topic[MQTT_TOPIC_MAX];
	for (; sim.next_home < sim.homes; sim.next_home++) {
		uint64_t before = sim.random;
		int n = write_bid(sim.next_home, payload, sizeof(payload));
		topic_of(sim.next_home, "bid", topic);
		if (mqtt_publish(sim.mqtt, topic, payload, (size_t)n,
				 (struct mqtt_flags){ .qos = 1 }) < 0) {
			sim.random = before;
			return;
		}
		sim.bytes += strlen(topic) + (size_t)n;
	}
	sim.phase = PHASE_LISTENING;
}

/* The next interval whose gate leaves time to bid: two seconds and what the homes take. */
static void choose_interval(void)
{
	int64_t interval_s = (int64_t)sim.options.interval_s, gate_s = (int64_t)sim.options.gate_s;
	int64_t now_us = clock_wall_us(&sim.clock);
	double need_us = (2e6 + 200.0 * sim.homes) * sim.options.clock.speed;
	sim.start_s = (now_us / 1000000 / interval_s + 1) * interval_s;
	while ((double)((sim.start_s - gate_s) * 1000000 - now_us) < need_us) {
		sim.start_s += interval_s;
	}
	double left_us = (double)((sim.start_s - gate_s) * 1000000 - now_us);
	sim.begun_us = clock_real_us();
	sim.gate_us = sim.begun_us + (int64_t)(left_us / sim.options.clock.speed);
}

static void take_receipt(struct json_in *in, const struct mqtt_message *m)
{
	bool accepted = false;
	(void)json_get_flag(in, in->root, "accepted", &accepted);
	sim.receipts++;
	sim.accepted += accepted;
	sim.receipt_us = m->arrived_us;
}

static void take_award(struct json_in *in, const struct mqtt_message *m)
{
	char text[ISOTIME_SIZE];
	double bought = 0;
	int64_t at_s = 0;
	(void)json_get_text(in, in->root, "interval", text, sizeof(text));
	(void)json_get_number(in, in->root, "bought_kwh", 0, 1e6, &bought);
	if (isotime_parse(text, &at_s) == 0 && at_s == sim.start_s) {
		sim.awards++;
		sim.traded_kwh += bought;
		sim.award_us = m->arrived_us;
	}
}

static void take_message(const struct mqtt_message *m)
{
	const char *leaf = strrchr(m->topic, '/');
	if (leaf && strcmp(leaf, "/status") == 0) {
		sim.online = m->length == 6 && memcmp(m->payload, "online", 6) == 0;
		return;
	}
	struct json_in in;
	sim.bytes += strlen(m->topic) + m->length;
	if (leaf && json_parse(&in, m->payload, m->length) == 0) {
		if (strcmp(leaf, "/receipt") == 0) {
			take_receipt(&in, m);
		} else {
			take_award(&in, m);
		}
	}
	json_free(&in);
}

static void on_broker(void *context, int fd)
{
	(void)context;
	(void)fd;
	for (int i = 0; i < MESSAGES_A_TURN && mqtt_receive(sim.mqtt, &sim.message) == 0; i++) {
		if (sim.message.event == MQTT_MESSAGE) {
			take_message(&sim.message);
		}
	}
}

static void on_tick(void *context)
{
	(void)context;
	int64_t now_us = clock_real_us();
	if (sim.phase == PHASE_WAITING && sim.online) {
		choose_interval();
		sim.phase = PHASE_BIDDING;
	}
	if (sim.phase == PHASE_BIDDING) {
		send_bids();
	}
	int64_t end_us = (sim.phase == PHASE_WAITING ? sim.begun_us : sim.gate_us) + patience_us;
	bool all = sim.phase == PHASE_LISTENING && sim.receipts == sim.homes &&
		   sim.awards == sim.accepted && now_us > sim.gate_us && sim.awards > 0;
	if (all || now_us > end_us) {
		sim.phase = PHASE_DONE;
		loop_end(sim.loop);
	}
}

/* --- the run ------------------------------------------------------------------------------------
 */

static int open_all(void)
{
	static char topic[3][MQTT_TOPIC_MAX];
	const struct options *o = &sim.options;
	char why[160], client[64];
	snprintf(client, sizeof(client), "lec-sim-bidders-%s", o->community);
	snprintf(topic[0], MQTT_TOPIC_MAX, "lec/%s/market/status", o->community);
	snprintf(topic[1], MQTT_TOPIC_MAX, "lec/%s/home/+/receipt", o->community);
	snprintf(topic[2], MQTT_TOPIC_MAX, "lec/%s/home/+/award", o->community);
	const struct mqtt_options options = {
		.broker = o->broker,
		.client_id = client,
		.subscription = { topic[0], topic[1], topic[2] },
		.subscriptions = 3,
		.in_bytes = ((size_t)1 << 20) + (size_t)o->homes * HOME_BYTES,
		.out_bytes = ((size_t)1 << 20) + (size_t)o->homes * HOME_BYTES,
	};
	int r = loop_new(&sim.loop);
	r = r < 0 ? r : loop_add_signals(sim.loop);
	r = r < 0 ? r : loop_add_cycle(sim.loop, tick_us, on_tick, NULL);
	if (r < 0) {
		return r;
	}
	r = mqtt_open(&options, &sim.mqtt, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "lec-sim bidders: %s\n", why);
		return r;
	}
	return loop_add_fd(sim.loop, mqtt_fd(sim.mqtt), on_broker, NULL);
}

/* How long it took, where there was anything. */
static void put_seconds(struct json_out *o, const char *key, bool any, int64_t us)
{
	if (any) {
		json_put_number(o, key, (double)us / 1e6, 6);
	} else {
		json_put_null(o, key);
	}
}

static void tell(FILE *to)
{
	char text[1024];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "homes", sim.homes);
	json_put_integer(&o, "receipts", sim.receipts);
	json_put_integer(&o, "accepted", sim.accepted);
	json_put_integer(&o, "awards", sim.awards);
	json_put_number(&o, "traded_kwh", sim.traded_kwh, 6);
	put_seconds(&o, "receipts_s", sim.receipts > 0, sim.receipt_us - sim.begun_us);
	put_seconds(&o, "gate_to_award_s", sim.awards > 0, sim.award_us - sim.gate_us);
	json_put_number(&o, "bytes_per_home", (double)sim.bytes / sim.homes, 1);
	json_close(&o);
	if (json_finish(&o) > 0) {
		fprintf(to, "%s\n", text);
	}
}

int bidders_main(int argc, char **argv)
{
	int code = parse_options(argc, argv, &sim.options);
	if (code >= 0) {
		return code;
	}
	clock_options_use(&sim.options.clock, &sim.clock);
	sim.homes = (int)sim.options.homes;
	sim.random = (uint64_t)sim.options.seed * UINT64_C(2685821657736338717);
	sim.begun_us = clock_real_us();
	int r = open_all();
	r = r < 0 ? r : loop_run(sim.loop);
	mqtt_close(sim.mqtt);
	loop_free(sim.loop);
	if (r < 0) {
		return r == -EINVAL ? 2 : 1;
	}
	bool all = sim.phase == PHASE_DONE && sim.awards == sim.homes;
	if (!all) {
		fprintf(stderr, "lec-sim bidders: %s\n",
			sim.online ? "not every home has its award" : "no market is online there");
	}
	tell(stdout);
	return !all;
}
