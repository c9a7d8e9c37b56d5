/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/prosumer_run.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/admm.h"
#include "daemon/base/hash.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/mqtt.h"
#include "sim/negotiation.h"

enum { EXIT_FAILED = 1, EXIT_BAD = 2 };

static const char help[] =
	"Usage: lec-sim prosumer SCENARIO.conf --home NAME --broker URL [--community NAME]\n"
	"One home of a scenario of lec-market negotiate, which negotiates with a running market.\n"
	"  --home NAME       home-1 to home-N, or the name of a section [prosumer NAME]\n"
	"  --broker URL      mqtt://host[:port]\n"
	"  --community NAME  default fjord\n"
	"  --help\n";

static struct {
	const char *scenario, *home, *broker, *community;
	struct negotiation_conf conf;
	struct negotiation world;
	struct negotiation_home *own;
	struct loop *loop;
	struct mqtt_link *mqtt;
	struct mqtt_message message;
	struct admm_offer offer;
	struct admm_power power;
	char topic[MQTT_TOPIC_MAX];
	char json[ADMM_SIZE];
} sim;

static int refuse(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "lec-sim prosumer: --%s %s, expected %s\n", option, value, expected);
	return EXIT_BAD;
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv)
{
	static const struct option longs[] = { { "home", required_argument, NULL, 'n' },
					       { "broker", required_argument, NULL, 'b' },
					       { "community", required_argument, NULL, 'c' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	const char *why = NULL;
	sim.community = "fjord";
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		switch (c) {
		case 'n':
			sim.home = optarg;
			break;
		case 'b':
			sim.broker = optarg;
			break;
		case 'c':
			sim.community = optarg;
			break;
		default:
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : EXIT_BAD;
		}
	}
	if (argc - optind != 1 || !sim.home || !sim.broker) {
		fputs("lec-sim prosumer: expected one scenario, --home and --broker\n", stderr);
		return EXIT_BAD;
	}
	sim.scenario = argv[optind];
	return mqtt_check_broker(sim.broker, &why) < 0 ? refuse("broker", sim.broker, why) : -1;
}

/* --- negotiating --------------------------------------------------------------------------------
 */

static bool is_of_scenario(const struct admm_head *h)
{
	const struct negotiation *w = &sim.world;
	return h->steps == w->steps && h->start_s == w->start_s &&
	       (double)h->length_s == sim.conf.step_s;
}

static void answer(const struct mqtt_message *m)
{
	char why[ADMM_WHY_SIZE];
	struct admm_offer *o = &sim.offer;
	if (m->event != MQTT_MESSAGE || admm_offer_read(m->payload, m->length, o, why) < 0) {
		log_warning("offer refused: %s", m->event == MQTT_MESSAGE ? why : "too large");
		return;
	}
	if (!is_of_scenario(&o->head)) {
		log_warning("offer refused: of other intervals than the scenario's");
		return;
	}
	struct admm_power *p = &sim.power;
	int r = prosumer_answer(&sim.own->home, sim.world.plan, o->price, o->target, o->penalty,
				p->power);
	if (r < 0) {
		log_error("no answer: %s", strerror(-r));
		return;
	}
	p->head = o->head;
	int n = admm_power_write(p, sim.json, sizeof(sim.json));
	if (n > 0) {
		(void)mqtt_publish(sim.mqtt, sim.topic, sim.json, (size_t)n,
				   (struct mqtt_flags){ .qos = 1, .expiry_s = 60 });
	}
}

static void on_broker(void *context, int fd)
{
	(void)context;
	(void)fd;
	while (mqtt_receive(sim.mqtt, &sim.message) == 0) {
		if (sim.message.event == MQTT_CONNECTED) {
			log_info("broker: connected");
		} else if (sim.message.event != MQTT_DISCONNECTED) {
			answer(&sim.message);
		}
	}
}

/* --- coming and going ---------------------------------------------------------------------------
 */

/* Returns 0 or the exit code. */
static int make_home(void)
{
	struct diag d = { .to = stderr };
	int r = negotiation_conf_read(sim.scenario, &sim.conf, &d);
	r = r < 0 ? r : negotiation_make(&sim.world, &sim.conf, &d);
	if (r < 0 && d.errors == 0) {
		fprintf(stderr, "lec-sim prosumer: %s: %s\n", sim.scenario, strerror(-r));
	}
	if (r < 0) {
		return d.errors > 0 ? EXIT_BAD : EXIT_FAILED;
	}
	for (int i = 0; i < sim.world.homes; i++) {
		if (strcmp(sim.world.home[i].name, sim.home) == 0) {
			sim.own = &sim.world.home[i];
		}
	}
	if (!sim.own) {
		return refuse("home", sim.home, "one of the scenario's");
	}
	snprintf(sim.power.home, sizeof(sim.power.home), "%s", sim.home);
	return 0;
}

static int connect_broker(void)
{
	char client[64], heard[MQTT_TOPIC_MAX], status[MQTT_TOPIC_MAX], why[160];
	snprintf(client, sizeof(client), "lec-home-%.40s", sim.home);
	snprintf(heard, sizeof(heard), "lec/%.32s/admm/market/offer/%.31s", sim.community,
		 sim.home);
	snprintf(status, sizeof(status), "lec/%.32s/home/%.31s/status", sim.community, sim.home);
	snprintf(sim.topic, sizeof(sim.topic), "lec/%.32s/admm/home/%.31s/power", sim.community,
		 sim.home);
	struct mqtt_options o = { .broker = sim.broker,
				  .client_id = client,
				  .status_topic = status,
				  .subscription = { heard },
				  .subscriptions = 1,
				  .seed = hash_bytes(sim.home, strlen(sim.home)) };
	int r = mqtt_open(&o, &sim.mqtt, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "lec-sim prosumer: %s\n", why);
		return r;
	}
	return loop_add_fd(sim.loop, mqtt_fd(sim.mqtt), on_broker, NULL);
}

static int serve(void)
{
	int r = loop_new(&sim.loop);
	r = r < 0 ? r : loop_add_signals(sim.loop);
	r = r < 0 ? r : connect_broker();
	r = r < 0 ? r : loop_run(sim.loop);
	loop_free(sim.loop);
	mqtt_close(sim.mqtt);
	return r;
}

int prosumer_main(int argc, char **argv)
{
	int code = parse_options(argc, argv);
	if (code >= 0) {
		return code;
	}
	code = make_home();
	if (code == 0) {
		code = serve() < 0 ? EXIT_FAILED : 0;
	}
	negotiation_free(&sim.world);
	negotiation_conf_free(&sim.conf);
	return code;
}
