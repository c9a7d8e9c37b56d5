/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/neighbour.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/csv.h"
#include "daemon/base/json_out.h"
#include "daemon/base/loop.h"
#include "daemon/base/mqtt.h"
#include "daemon/market/consensus_messages.h"
#include "sim/league_conf.h"

enum { TICK_US = 10000, MESSAGES_A_TURN = 100, FAREWELLS = 10, DOCUMENT_SIZE = 1 << 17 };

static const char help[] =
	"Usage: lec-sim neighbour SCENARIO.conf --name NAME --broker URL [OPTION]...\n"
	"Be one community of a league: negotiate with the neighbours over the broker, each a "
	"process of\n"
	"its own, and tell as JSON what was agreed.\n"
	"  --name NAME      of the community\n"
	"  --broker URL     mqtt://host[:port]\n"
	"  --patience MS    so long it waits for a neighbour's word in a round; default 50\n"
	"  --meet S         so long it waits for neighbours that were not there yet; default 30\n"
	"  --deadline S     from then on lines are put down as they are; default 60\n"
	"  --help\n";

struct options {
	const char *scenario, *name, *broker;
	double patience_ms, meet_s, deadline_s;
};

/* A word that came before its round. */
struct early {
	bool there;
	struct consensus_message word;
};

static struct {
	struct options options;
	struct league_conf conf;
	int self; /* member */
	struct member_room room;
	struct member_agent agent;
	struct consensus node;
	/* By edge of the node. */
	int line[NEIGHBOURS_MAX], neighbour[NEIGHBOURS_MAX];
	bool met[NEIGHBOURS_MAX], told[NEIGHBOURS_MAX];
	struct early early[NEIGHBOURS_MAX];
	struct loop *loop;
	struct mqtt_link *mqtt;
	struct mqtt_message message;
	bool begun; /* all were met, or not waited for any longer */
	bool stopped;
	int farewells, error;
	int64_t begun_us, spoken_us; /* real */
} sim;

/* --- options ------------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	size_t offset;
	double min, max;
} numbers[] = {
	{ "patience", offsetof(struct options, patience_ms), 1, 60000 },
	{ "meet", offsetof(struct options, meet_s), 0, 3600 },
	{ "deadline", offsetof(struct options, deadline_s), 0.1, 86400 },
};
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

static int refuse(const char *option, const char *expected)
{
	fprintf(stderr, "lec-sim neighbour: --%s, expected %s\n", option, expected);
	return 2;
}

static int take_number(int i, struct options *o)
{
	double value;
	if (csv_number(optarg, &value) < 0 || value < numbers[i].min || value > numbers[i].max) {
		char range[64];
		snprintf(range, sizeof(range), "a number from %g to %g", numbers[i].min,
			 numbers[i].max);
		return refuse(numbers[i].name, range);
	}
	*(double *)(void *)((char *)o + numbers[i].offset) = value;
	return -1;
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	enum { NAME = NUMBERS, BROKER, HELP, OPTIONS };
	struct option longs[OPTIONS + 1] = {
		[NAME] = { "name", required_argument, NULL, NAME },
		[BROKER] = { "broker", required_argument, NULL, BROKER },
		[HELP] = { "help", no_argument, NULL, HELP },
	};
	for (int i = 0; i < NUMBERS; i++) {
		longs[i] = (struct option){ numbers[i].name, required_argument, NULL, i };
	}
	*o = (struct options){ .patience_ms = 50, .meet_s = 30, .deadline_s = 60 };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		int code = -1;
		if (c < NUMBERS) {
			code = take_number(c, o);
		} else if (c == NAME) {
			o->name = optarg;
		} else if (c == BROKER) {
			o->broker = optarg;
		} else {
			fputs(help, c == HELP ? stdout : stderr);
			code = c == HELP ? 0 : 2;
		}
		if (code >= 0) {
			return code;
		}
	}
	if (argc - optind != 1 || !o->name || !o->broker) {
		return refuse(!o->name ? "name" : "broker", "one, and one scenario");
	}
	o->scenario = argv[optind];
	return -1;
}

/* --- speaking -----------------------------------------------------------------------------------
 */

static const char *name_of(int member)
{
	return sim.conf.community[member].name;
}

static void topic_of(int from, int to, char out[MQTT_TOPIC_MAX])
{
	snprintf(out, MQTT_TOPIC_MAX, "lec/%s/admm/neighbour/%s", name_of(from), name_of(to));
}

/* To all that are not given up. What the broker does not take is lost, as messages may be. */
static void speak(void)
{
	static char text[CONSENSUS_TEXT_SIZE];
	struct consensus_message m;
	for (int i = 0; i < sim.node.edges; i++) {
		char topic[MQTT_TOPIC_MAX];
		if (sim.node.edge[i].end != CONSENSUS_OPEN) {
			continue;
		}
		consensus_say(&sim.node, i, &m);
		int length = consensus_write(&m, name_of(sim.self), sim.conf.league.steps, text,
					     sizeof(text));
		topic_of(sim.self, sim.neighbour[i], topic);
		if (length > 0) {
			(void)mqtt_publish(sim.mqtt, topic, text, (size_t)length,
					   (struct mqtt_flags){ .qos = 0 });
		}
	}
	sim.spoken_us = clock_real_us();
}

/* Name who was given up, once. */
static void tell_ends(void)
{
	for (int i = 0; i < sim.node.edges; i++) {
		int end = sim.node.edge[i].end;
		if (end != CONSENSUS_OPEN && !sim.told[i]) {
			sim.told[i] = true;
			fprintf(stderr, "lec-sim neighbour: %s: %s is given up: %s%s\n",
				sim.options.name, name_of(sim.neighbour[i]), consensus_ends[end],
				consensus_has_terms(&sim.node.edge[i]) ? ", its terms stand" : "");
		}
	}
}

/* A word of the round after this one waits for it: so all take the same steps, whoever is first. */
static void hear(int edge, const struct consensus_message *m)
{
	struct early *e = &sim.early[edge];
	if (m->round == sim.node.round + 1) {
		*e = (struct early){ true, *m };
	} else {
		(void)consensus_hear(&sim.node, edge, m);
	}
}

static bool is_round_full(void)
{
	for (int i = 0; i < sim.node.edges; i++) {
		if (sim.node.edge[i].end == CONSENSUS_OPEN && !sim.node.edge[i].fresh) {
			return false;
		}
	}
	return true;
}

static void turn(void)
{
	int r = consensus_turn(&sim.node);
	if (r < 0) {
		sim.error = r;
		loop_end(sim.loop);
		return;
	}
	for (int i = 0; i < sim.node.edges; i++) {
		if (sim.early[i].there) {
			sim.early[i].there = false;
			(void)consensus_hear(&sim.node, i, &sim.early[i].word);
		}
	}
	tell_ends();
	speak();
}

static void go_on(void)
{
	while (sim.begun && !sim.error && !consensus_is_closed(&sim.node) && is_round_full()) {
		turn();
	}
}

/* --- hearing ------------------------------------------------------------------------------------
 */

static int edge_of(const char *topic)
{
	char expected[MQTT_TOPIC_MAX];
	for (int i = 0; i < sim.node.edges; i++) {
		topic_of(sim.neighbour[i], sim.self, expected);
		if (strcmp(topic, expected) == 0) {
			return i;
		}
	}
	return -1;
}

static void take_message(const struct mqtt_message *in)
{
	struct consensus_message m;
	char why[CONSENSUS_WHY_SIZE];
	int edge = edge_of(in->topic);
	if (edge < 0 || in->retained || sim.node.edge[edge].end != CONSENSUS_OPEN) {
		return;
	}
	const char *who = name_of(sim.neighbour[edge]);
	if (consensus_read(in->payload, in->length, who, sim.conf.league.steps, &m, why) < 0) {
		fprintf(stderr, "lec-sim neighbour: %s: %s says what cannot be read: %s\n",
			sim.options.name, who, why);
		sim.node.refused++;
		consensus_give_up(&sim.node, edge, CONSENSUS_UNSOUND);
	} else {
		sim.met[edge] = true;
		hear(edge, &m);
	}
	tell_ends();
}

static void on_broker(void *context, int fd)
{
	(void)context;
	(void)fd;
	for (int i = 0; i < MESSAGES_A_TURN && mqtt_receive(sim.mqtt, &sim.message) == 0; i++) {
		if (sim.message.event == MQTT_MESSAGE) {
			take_message(&sim.message);
			go_on();
		} else if (sim.message.event == MQTT_CONNECTED) {
			speak();
		}
	}
}

/* --- time ---------------------------------------------------------------------------------------
 */

static bool all_met(void)
{
	for (int i = 0; i < sim.node.edges; i++) {
		if (!sim.met[i] && sim.node.edge[i].end == CONSENSUS_OPEN) {
			return false;
		}
	}
	return true;
}

/* What was said last is repeated a while: others may still wait for it. */
static void take_leave(void)
{
	if (sim.farewells++ == FAREWELLS) {
		loop_end(sim.loop);
	} else {
		speak();
	}
}

static void on_tick(void *context)
{
	(void)context;
	int64_t now_us = clock_real_us();
	double age_s = (double)(now_us - sim.begun_us) / 1e6;
	bool tired = (double)(now_us - sim.spoken_us) > sim.options.patience_ms * 1000;
	sim.begun |= all_met() || age_s > sim.options.meet_s;
	if (age_s > sim.options.deadline_s && !sim.node.still) {
		sim.stopped = true;
		consensus_stop(&sim.node);
	}
	go_on();
	if (consensus_is_closed(&sim.node)) {
		take_leave();
	} else if (tired && sim.begun) {
		turn(); /* without who is silent */
	} else if (tired) {
		speak();
	}
}

/* --- what was agreed ----------------------------------------------------------------------------
 */

static void put_values(struct json_out *o, const char *key, const int64_t *value)
{
	json_open_array(o, key);
	for (int t = 0; t < sim.conf.league.steps; t++) {
		json_put_millionths(o, NULL, value[t]);
	}
	json_close(o);
}

static void put_edge(struct json_out *o, int i)
{
	const struct consensus_edge *e = &sim.node.edge[i];
	json_open_object(o, NULL);
	json_put_text(o, "line", sim.conf.wire[sim.line[i]].name);
	json_put_text(o, "neighbour", name_of(sim.neighbour[i]));
	json_put_text(o, "end", consensus_ends[e->end]);
	json_put_flag(o, "agreed", consensus_has_terms(e));
	if (consensus_has_terms(e)) {
		put_values(o, "taken_kwh", e->taken_mwh);
		put_values(o, "price", e->price_micro);
	}
	json_close(o);
}

/* What the day costs with all that is agreed, without what neighbours and the grid are paid. */
static int own_cost(double *cost)
{
	double taken_kw[LEAGUE_STEPS_MAX] = { 0 };
	for (int i = 0; i < sim.node.edges; i++) {
		const struct consensus_edge *e = &sim.node.edge[i];
		for (int t = 0; consensus_has_terms(e) && t < sim.conf.league.steps; t++) {
			taken_kw[t] += (double)e->taken_mwh[t] / 1e6 / sim.conf.league.hours;
		}
	}
	return member_cost(&sim.agent, taken_kw, cost, NULL);
}

static int tell(void)
{
	char *text = malloc(DOCUMENT_SIZE);
	struct json_out o;
	double cost;
	if (!text || own_cost(&cost) < 0) {
		free(text);
		return -ENOMEM;
	}
	json_begin(&o, text, DOCUMENT_SIZE);
	json_open_object(&o, NULL);
	json_put_text(&o, "community", sim.options.name);
	json_put_integer(&o, "rounds", sim.node.round);
	json_put_flag(&o, "converged", sim.node.still && !sim.stopped);
	json_put_number(&o, "residual_w", consensus_residual(&sim.node, NULL) * 1000, 3);
	json_put_integer(&o, "refused", sim.node.refused);
	json_put_number(&o, "cost", cost, 6);
	json_open_array(&o, "lines");
	for (int i = 0; i < sim.node.edges; i++) {
		put_edge(&o, i);
	}
	json_close(&o);
	json_close(&o);
	if (json_finish(&o) > 0) {
		puts(text);
	}
	free(text);
	return fflush(stdout) ? -EIO : 0;
}

/* --- the run ------------------------------------------------------------------------------------
 */

static int begin_node(void)
{
	const struct league *l = &sim.conf.league;
	struct consensus_terms terms = league_conf_terms(&sim.conf);
	struct line_terms own[NEIGHBOURS_MAX];
	bool offers[NEIGHBOURS_MAX];
	int lines = league_lines_of(l, sim.self, sim.line);
	for (int i = 0; i < lines; i++) {
		const struct league_line *line = &l->line[sim.line[i]];
		offers[i] = line->a == sim.self;
		sim.neighbour[i] = offers[i] ? line->b : line->a;
		own[i] = line->terms;
	}
	sim.agent = (struct member_agent){ &sim.conf.member[sim.self], &sim.room };
	const struct party party = { member_respond, &sim.agent };
	return consensus_begin(&sim.node, &terms, &party, own, offers, lines);
}

static int open_all(void)
{
	static char topic[NEIGHBOURS_MAX][MQTT_TOPIC_MAX];
	char why[160], id[64];
	snprintf(id, sizeof(id), "lec-sim-%s", sim.options.name);
	struct mqtt_options options = { .broker = sim.options.broker,
					.client_id = id,
					.subscriptions = sim.node.edges,
					.pause_min_ms = 50,
					.pause_max_ms = 1000 };
	for (int i = 0; i < sim.node.edges; i++) {
		topic_of(sim.neighbour[i], sim.self, topic[i]);
		options.subscription[i] = topic[i];
	}
	int r = loop_new(&sim.loop);
	r = r < 0 ? r : loop_add_signals(sim.loop);
	r = r < 0 ? r : loop_add_cycle(sim.loop, TICK_US, on_tick, NULL);
	if (r < 0) {
		return r;
	}
	r = mqtt_open(&options, &sim.mqtt, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "lec-sim neighbour: %s\n", why);
		return r;
	}
	return loop_add_fd(sim.loop, mqtt_fd(sim.mqtt), on_broker, NULL);
}

static int fail(int e)
{
	fprintf(stderr, "lec-sim neighbour: %s: %s\n", sim.options.name, strerror(-e));
	return 1;
}

int neighbour_main(int argc, char **argv)
{
	struct diag d = { .to = stderr };
	int code = parse_options(argc, argv, &sim.options);
	if (code >= 0) {
		return code;
	}
	if (league_conf_read(sim.options.scenario, &sim.conf, &d) < 0) {
		return 2;
	}
	sim.self = league_conf_find(&sim.conf, sim.options.name);
	if (sim.self < 0) {
		return refuse("name", "a community of the scenario");
	}
	int r = begin_node();
	sim.begun_us = clock_real_us();
	r = r < 0 ? r : open_all();
	r = r < 0 ? r : loop_run(sim.loop);
	r = r < 0 ? r : sim.error;
	mqtt_close(sim.mqtt);
	loop_free(sim.loop);
	r = r < 0 ? r : tell();
	if (r < 0) {
		return fail(r);
	}
	return consensus_is_closed(&sim.node) && !sim.stopped ? 0 : 1;
}
