/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecd: the controller of a home. One line per part going up, the mirror image going down. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/base/claim.h"
#include "daemon/base/clock.h"
#include "daemon/base/hash.h"
#include "daemon/base/isotime.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/service.h"
#include "daemon/home/community.h"
#include "daemon/home/control.h"
#include "daemon/home/home.h"
#include "daemon/home/lecd_options.h"
#include "daemon/home/publish.h"
#include "daemon/home/reload.h"
#include "daemon/home/report.h"
#include "daemon/home/topic.h"

enum { MESSAGES_A_TURN = 8 };

static struct {
	struct lecd_options options;
	struct site site;
	struct clock clock;
	struct devices devices;
	struct home home;
	struct control control;
	struct store *store;
	int claim; /* of the store's folder; -1: none */
	struct mqtt_link *mqtt;
	struct learned_actor *actor; /* until the home has it */
	struct reload reload;
	struct loop *loop;
	struct mqtt_message message;
	bool ready;
} lecd;

/* --- going up -----------------------------------------------------------------------------------
 */

static int open_clock(void)
{
	clock_options_use(&lecd.options.clock, &lecd.clock);
	return 0;
}

static int open_site(void)
{
	struct diag d = { .to = stderr };
	int r = site_read(lecd.options.config, &lecd.site, &d);
	if (r == 0) {
		site_check_runnable(&lecd.site, lecd.options.simulate, &d);
	}
	int unmoved = lecd.site.evs + lecd.site.loads + lecd.site.thermals;
	if (!d.errors && unmoved) {
		log_info("site: %d cars, loads and heaters have no driver: they count as load, and "
			 "are planned offline only",
			 unmoved);
	}
	return d.errors ? -EINVAL : r;
}

/* History, journals and budgets are ours alone: a second lecd here would take the way back of our
 * devices for its own. */
static int open_claim(void)
{
	lecd.claim = -1;
	int r = *lecd.site.store ? claim_folder(lecd.site.store, &lecd.claim) : 0;
	if (r == -EWOULDBLOCK) {
		fprintf(stderr, "lecd: another lecd or lecd-release works with %s\n",
			lecd.site.store);
		return r;
	}
	return 0; /* the store says what else is wrong with it, and control does without */
}

static int open_devices(void)
{
	struct diag d = { .to = stderr };
	if (lecd.options.clock.speed != 1 &&
	    !devices_are_local(&lecd.site, lecd.options.simulate, &d)) {
		return -EINVAL;
	}
	return devices_open(&lecd.devices, &lecd.site, &lecd.clock, lecd.options.simulate, NULL,
			    &d);
}

static int open_store(void)
{
	enum { CHECK_MS = 5000 };
	if (!*lecd.site.store) {
		return 0;
	}
	return store_open(lecd.site.store, clock_wall_s(&lecd.clock), CHECK_MS, &lecd.store);
}

static void on_broker(void *context, int fd)
{
	(void)context;
	(void)fd;
	struct mqtt_message *m = &lecd.message;
	/* A few at a time: a flood must not keep the cycle waiting. */
	for (int i = 0; i < MESSAGES_A_TURN && mqtt_receive(lecd.mqtt, m) == 0; i++) {
		if (m->event == MQTT_CONNECTED) {
			log_info("broker: connected");
			publish_all(&lecd.home);
		} else if (m->event == MQTT_DISCONNECTED) {
			struct mqtt_status status;
			mqtt_status(lecd.mqtt, &status);
			log_warning("broker: away: %s", status.error);
			market_take_status(&lecd.home.market, "", 0);
		} else {
			home_message(&lecd.home, m, clock_wall_s(&lecd.clock));
		}
	}
}

static int open_broker(void)
{
	static const char *const heard[] = { "award", "receipt", "limit", "command" };
	enum { HEARD = sizeof(heard) / sizeof(*heard) };
	static const char *const of_market[] = { "status", "tariff", "round", "clearing" };
	enum { OF_MARKET = sizeof(of_market) / sizeof(*of_market) };
	static char status[MQTT_TOPIC_MAX], market[OF_MARKET][MQTT_TOPIC_MAX],
		own[HEARD][MQTT_TOPIC_MAX], offer[MQTT_TOPIC_MAX];
	const struct site *s = &lecd.site;
	if (!*s->mqtt.broker) {
		return 0;
	}
	char client[48], why[160];
	snprintf(client, sizeof(client), "lecd-%s", s->id);
	topic_own(s, "status", status);
	struct mqtt_options o = { .client_id = client,
				  .status_topic = status,
				  .subscription = { "homeassistant/status" },
				  .subscriptions = s->discovery ? 1 : 0,
				  .seed = hash_bytes(s->id, strlen(s->id)) };
	for (int i = 0; i < OF_MARKET; i++) {
		snprintf(market[i], sizeof(market[i]), "lec/%s/market/%s", s->community,
			 of_market[i]);
		o.subscription[o.subscriptions++] = market[i];
	}
	for (int i = 0; i < HEARD; i++) {
		topic_own(s, heard[i], own[i]);
		o.subscription[o.subscriptions++] = own[i];
	}
	community_subscribe(s, &o);
	topic_offer(s, offer);
	o.subscription[o.subscriptions++] = offer;
	mqtt_conf_use(&s->mqtt, &o);
	int r = mqtt_open(&o, &lecd.mqtt, why, sizeof(why));
	if (r < 0) {
		fprintf(stderr, "%s: [mqtt] %s\n", s->path, why);
		return r;
	}
	return loop_add_fd(lecd.loop, mqtt_fd(lecd.mqtt), on_broker, NULL);
}

static bool asks_policy(void)
{
	return lecd.site.decide == DECIDE_POLICY || lecd.site.decide == DECIDE_SHADOW;
}

/* An actor that is wrong, or not for this house, is an error as any in the site file; one that is
 * not there, as after a restart without a disk, is no reason to leave the house alone. */
static int open_policy(void)
{
	struct diag d = { .to = stderr };
	int r = reload_open(&lecd.reload, &lecd.site);
	if (r < 0 || !asks_policy()) {
		return r;
	}
	r = learned_actor_load(&lecd.site, &lecd.actor, &d);
	if (r == 0) {
		log_info("policy: %s %s", lecd.site.policy.actor,
			 lecd.site.decide == DECIDE_SHADOW ? "runs in the shadow" : "decides");
	}
	return r == -EINVAL || r == -ENOMEM ? r : 0;
}

/* Tell who asked. */
static void tell_client(int client, int result)
{
	static char text[2 * RELOAD_SAID_MAX];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_text(&o, result < 0 ? "error" : "actor",
		      result < 0 ? lecd.reload.said : lecd.site.policy.actor);
	json_close(&o);
	int length = json_finish(&o);
	if (client >= 0 && length > 0) {
		control_reply(client, text, (size_t)length);
	}
}

static void log_lines(const char *text)
{
	while (*text) {
		int length = (int)strcspn(text, "\n");
		log_error("policy: %.*s", length, text);
		text += length + (text[length] == '\n');
	}
}

static void on_reloaded(void *context, int fd)
{
	(void)context;
	(void)fd;
	struct learned_actor *actor;
	int r = reload_finish(&lecd.reload, &actor);
	if (r == -EAGAIN) {
		return;
	}
	if (r == 0) {
		home_take_actor(&lecd.home, actor);
	} else {
		log_lines(lecd.reload.said);
		log_error("policy: the new actor is refused, the one before goes on");
	}
	loop_ready("in control");
	tell_client(lecd.reload.client, r);
}

static int start_reload(int client)
{
	int r = reload_start(&lecd.reload, client);
	if (r == 0) {
		loop_reloading();
	}
	return r;
}

static const char *reload_trouble(int error)
{
	return error == -ENOENT  ? "the site asks for no policy: there is nothing to read again, "
				   "the site file is read by a restart only"
	       : error == -EBUSY ? "an actor is being read already"
				 : strerror(-error);
}

static void on_hangup(void *context)
{
	(void)context;
	int r = start_reload(-1);
	if (r < 0) {
		log_warning("reload: %s", reload_trouble(r));
	}
}

static int open_reload(void)
{
	int r = loop_add_fd(lecd.loop, lecd.reload.fd, on_reloaded, NULL);
	loop_on_hangup(lecd.loop, on_hangup, NULL);
	return r;
}

static int open_home(void)
{
	struct home_conf c = { .site = &lecd.site,
			       .devices = &lecd.devices,
			       .store = lecd.store,
			       .mqtt = lecd.mqtt,
			       .speed = lecd.options.clock.speed,
			       .actor = lecd.actor,
			       .actor_clock_us = clock_real_us };
	lecd.actor = NULL;
	int r = home_open(&lecd.home, &c, clock_now_us(&lecd.clock), clock_wall_s(&lecd.clock));
	return r == 0 && lecd.store ? store_start(lecd.store) : r;
}

/* Say once that the store is in trouble, and once that it is not any more. */
static void tell_store(void)
{
	static bool told;
	struct store_status status;
	if (!lecd.store) {
		return;
	}
	store_status(lecd.store, &status);
	if (status.alarm != told) {
		if (status.alarm) {
			log_error("store: %s; control goes on without history", status.alarm_text);
		} else {
			log_info("store: records again");
		}
	}
	told = status.alarm;
}

static void on_cycle(void *context)
{
	(void)context;
	home_cycle(&lecd.home, clock_now_us(&lecd.clock), clock_wall_s(&lecd.clock));
	planner_maintain(&lecd.home.planner);
	tell_store();
	/* In control once the devices that were polled by the first cycle have been looked at. */
	if (!lecd.ready && lecd.home.cycles > 1) {
		lecd.ready = true;
		log_info("ready: in control of %s", lecd.site.id);
		loop_ready("in control");
	}
	loop_alive();
}

/* "history KIND FROM TO": rows go to the client from the store's thread. */
static int answer_history(const char *arguments, int client)
{
	char kind[16], from[ISOTIME_SIZE], to[ISOTIME_SIZE];
	int64_t from_s, to_s;
	if (sscanf(arguments, "%15s %31s %31s", kind, from, to) != 3 ||
	    isotime_parse(from, &from_s) < 0 || isotime_parse(to, &to_s) < 0 ||
	    store_history_by_name(kind) < 0) {
		return -EINVAL;
	}
	if (!lecd.store) {
		return -ENOENT;
	}
	return store_query(lecd.store, (enum store_history)store_history_by_name(kind), from_s,
			   to_s, client);
}

static int answer_mode(const char *name, struct json_out *o)
{
	for (int m = 0; m < MODE_COUNT; m++) {
		if (strcmp(name, mode_names[m]) == 0) {
			home_set_mode(&lecd.home, (enum mode)m);
			json_open_object(o, NULL);
			json_put_text(o, "mode", mode_names[m]);
			json_close(o);
			return 0;
		}
	}
	return -EINVAL;
}

static int on_request(void *context, const char *request, char *reply, int client)
{
	(void)context;
	struct json_out o;
	json_begin(&o, reply, CONTROL_REPLY_MAX);
	if (strncmp(request, "history ", 8) == 0) {
		return answer_history(request + 8, client);
	}
	if (strncmp(request, "mode ", 5) == 0) {
		int r = answer_mode(request + 5, &o);
		return r < 0 ? r : json_finish(&o);
	}
	if (strcmp(request, "status") == 0) {
		report_status(&lecd.home, loop_stats(lecd.loop), &o);
	} else if (strcmp(request, "devices") == 0) {
		report_devices(&lecd.home, &o);
	} else if (strcmp(request, "plan") == 0) {
		report_plan(&lecd.home, STEPS_MAX, &o);
	} else if (strcmp(request, "explain") == 0) {
		report_explain(&lecd.home, &o);
	} else if (strcmp(request, "explain plan") == 0) {
		report_explain_plan(&lecd.home, &o);
	} else if (strcmp(request, "reload") == 0) {
		int r = start_reload(client);
		if (r == 0) {
			return 0; /* answered when it is done */
		}
		json_open_object(&o, NULL);
		json_put_text(&o, "error", reload_trouble(r));
		json_close(&o);
	} else {
		return -EINVAL;
	}
	return json_finish(&o);
}

static int open_loop(void)
{
	int r = loop_new(&lecd.loop);
	r = r < 0 ? r : loop_add_signals(lecd.loop);
	int64_t period_us = (int64_t)(lecd.site.cycle_s * 1e6 / lecd.options.clock.speed);
	if (r == 0 && !loop_watchdog_allows(period_us)) {
		log_error("%s: cycle = %g s, expected at most a third of the watchdog's time",
			  lecd.site.path, lecd.site.cycle_s);
		return -EINVAL;
	}
	return r < 0 ? r : loop_add_cycle(lecd.loop, period_us, on_cycle, NULL);
}

static int open_control(void)
{
	lecd.control.answer = on_request;
	int r = control_open(&lecd.control, lecd.loop, lecd.site.socket);
	if (r == -EADDRINUSE) {
		fprintf(stderr, "lecd: another lecd answers at %s already\n", lecd.site.socket);
		return r;
	}
	if (r < 0) {
		/* Control does without. */
		log_warning("socket %s: %s, lecctl will not reach us", lecd.site.socket,
			    strerror(-r));
	}
	return 0;
}

/* --- the table of contents ----------------------------------------------------------------------
 */

static void close_loop(void)
{
	loop_free(lecd.loop);
}

static void close_control(void)
{
	control_close(&lecd.control);
}

static void close_claim(void)
{
	if (lecd.claim >= 0) {
		close(lecd.claim);
	}
}

static void close_devices(void)
{
	devices_close(&lecd.devices);
}

static void close_store(void)
{
	store_close(lecd.store);
}

static void close_broker(void)
{
	mqtt_close(lecd.mqtt);
}

static void close_policy(void)
{
	learned_actor_free(lecd.actor);
	reload_close(&lecd.reload);
}

static void close_home(void)
{
	home_close(&lecd.home);
}

static const struct part parts[] = {
	{ "clock", open_clock, NULL },
	{ "loop", open_loop, close_loop },         /* blocks the signals for every thread */
	{ "socket", open_control, close_control }, /* before what a second lecd must not touch */
	{ "claim", open_claim, close_claim },
	{ "devices", open_devices, close_devices },
	{ "store", open_store, close_store },
	{ "broker", open_broker, close_broker },
	{ "policy", open_policy, close_policy },
	{ "home", open_home, close_home },
	{ "reload", open_reload, NULL },
};
enum { PARTS = sizeof(parts) / sizeof(*parts) };

static int check_only(void)
{
	struct diag d = { .to = stderr };
	int r = open_clock();
	r = r < 0 ? r : open_devices();
	if (r == 0) {
		devices_close(&lecd.devices);
	}
	int other = asks_policy() ? learned_actor_load(&lecd.site, &lecd.actor, &d) : 0;
	learned_actor_free(lecd.actor);
	r = r < 0 ? r : other;
	if (r == 0) {
		fprintf(stderr, "%s: fine\n", lecd.options.config);
	}
	return r < 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
	int code = lecd_options_parse(argc, argv, &lecd.options);
	if (code >= 0) {
		return code;
	}
	if (lecd.options.planner) {
		return planner_serve(3);
	}
	if (open_site() < 0) {
		return 2;
	}
	if (lecd.options.check) {
		return check_only();
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a reader of our words may go */
	/* What is in use stays in memory; where that is not allowed, we live without. */
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	int opened;
	int r = parts_open(parts, PARTS, &opened);
	if (r == 0) {
		r = loop_run(lecd.loop);
		loop_stopping();
		int left = devices_release(&lecd.devices);
		if (left) {
			log_warning("ending: %d devices are not released, their timers or "
				    "lecd-release will do it",
				    left);
		} else {
			log_info("ending: devices are released");
		}
	}
	parts_close(parts, opened);
	return r == -EINVAL ? 2 : r < 0;
}
