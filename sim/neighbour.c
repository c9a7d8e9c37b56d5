/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/neighbour.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/chance.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/mqtt.h"
#include "daemon/market/consensus_messages.h"
#include "sim/neighbour_options.h"
#include "sim/neighbour_report.h"

enum { TICK_US = 10000, MESSAGES_A_TURN = 100, FAREWELLS = 10 };

/* A word that came before its round. */
struct early {
	bool there;
	struct consensus_message word;
};

static struct {
	struct neighbour_options options;
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
	int64_t spoken;              /* words */
	int64_t begun_us, spoken_us; /* real */
} sim;

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

/* As the scenario has it, for trying out. */
static bool is_lost(int edge)
{
	uint32_t stream = (uint32_t)(2 * sim.line[edge] + sim.node.edge[edge].offers);
	return chance_uniform((uint64_t)sim.conf.seed, stream, sim.spoken++) < sim.conf.loss;
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
		if (length > 0 && !is_lost(i)) {
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

/* With anybody. */
static bool has_agreed(void)
{
	bool any = sim.node.edges == 0;
	for (int i = 0; i < sim.node.edges; i++) {
		any |= consensus_has_terms(&sim.node.edge[i]);
	}
	return any;
}

static int fail(int e)
{
	fprintf(stderr, "lec-sim neighbour: %s: %s\n", sim.options.name, strerror(-e));
	return 1;
}

int neighbour_main(int argc, char **argv)
{
	struct diag d = { .to = stderr };
	int code = neighbour_options_parse(argc, argv, &sim.options);
	if (code >= 0) {
		return code;
	}
	if (league_conf_read(sim.options.scenario, &sim.conf, &d) < 0) {
		return 2;
	}
	if (sim.conf.framework != FRAMEWORK_DISTRIBUTED) {
		fprintf(stderr, "%s: framework = %s, expected distributed\n", sim.conf.path,
			frameworks[sim.conf.framework]);
		return 2;
	}
	sim.self = league_conf_find(&sim.conf, sim.options.name);
	if (sim.self < 0) {
		return neighbour_refuse("name", "a community of the scenario");
	}
	int r = begin_node();
	sim.begun_us = clock_real_us();
	r = r < 0 ? r : open_all();
	r = r < 0 ? r : loop_run(sim.loop);
	r = r < 0 ? r : sim.error;
	mqtt_close(sim.mqtt);
	loop_free(sim.loop);
	const struct neighbour_result result = { .conf = &sim.conf,
						 .node = &sim.node,
						 .agent = &sim.agent,
						 .self = sim.self,
						 .line = sim.line,
						 .neighbour = sim.neighbour,
						 .stopped = sim.stopped };
	r = r < 0 ? r : neighbour_tell(&result);
	if (r < 0) {
		return fail(r);
	}
	return consensus_is_closed(&sim.node) && !sim.stopped && has_agreed() ? 0 : 1;
}
