/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/community.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/hash.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"
#include "daemon/base/log.h"
#include "daemon/home/home.h"
#include "daemon/home/publish.h"
#include "daemon/home/topic.h"

/* How long a manager waits for offers when an interval begins, as a share of it; and at scaled time
 * at least so much real time, which never is more than a third of the interval. */
static const double patience_share = 1.0 / 15, patience_real_s = 1;
enum { SENT_A_CYCLE = 4 };

/* --- going up -----------------------------------------------------------------------------------
 */

static void resume(const struct store_row *row, void *argument)
{
	(void)manager_recall(argument, row->interval_s, row->text);
}

int community_open(struct home *h)
{
	if (h->site->role != ROLE_COMMUNITY) {
		return 0;
	}
	h->manager = manager_new(h->site);
	if (!h->manager) {
		return -ENOMEM;
	}
	if (h->store) {
		store_load_shares(h->store, resume, h->manager);
	}
	log_info("community: manager of %d members", h->site->members);
	return 0;
}

void community_close(struct home *h)
{
	free(h->manager);
	h->manager = NULL;
}

static void subscribe(struct mqtt_options *o, char topic[MQTT_TOPIC_MAX])
{
	o->subscription[o->subscriptions++] = topic;
}

void community_subscribe(const struct site *site, struct mqtt_options *o)
{
	static const char *const heard[] = { "flexibility", "meter", "status" };
	static char topic[3][MQTT_TOPIC_MAX];
	if (site->role == ROLE_COMMUNITY) {
		for (int i = 0; i < 3; i++) {
			topic_of_home(site, "+", heard[i], topic[i]);
			subscribe(o, topic[i]);
		}
		o->in_bytes = 1024 * 1024; /* all members speak when an interval begins */
	} else if (site->manner != MANNER_OFF) {
		topic_own(site, "schedule", topic[0]);
		subscribe(o, topic[0]);
		snprintf(topic[1], sizeof(topic[1]), "lec/%s/community/status", site->community);
		subscribe(o, topic[1]);
	}
}

/* --- heard --------------------------------------------------------------------------------------
 */

/* How long a manager waits for others when an offer came or is to come. */
static int64_t patience_us(const struct home *h)
{
	double wait_s = fmin(fmax(patience_share * h->site->interval_s, patience_real_s * h->speed),
			     h->site->interval_s / 3);
	return (int64_t)(wait_s * 1e6);
}

/* A manager plans as soon as the last offer is in; one that comes later is planned with as well. */
static int take_from_home(struct home *h, const struct mqtt_message *m, const char *home,
			  const char *leaf, int64_t wall_s, char *why, size_t size)
{
	int r = manager_take(h->manager, wall_s, home, leaf, m->payload, m->length, why, size);
	if (r < 0 || strcmp(leaf, "flexibility") != 0) {
		return r;
	}
	if (h->replan_us == INT64_MAX) {
		h->replan_us = h->state.now_us + patience_us(h);
	} else if (manager_has_all(h->manager, wall_s)) {
		h->replan_us = 0;
	}
	return r;
}

static int take_schedule(struct home *h, const struct mqtt_message *m, int64_t wall_s, char *why,
			 size_t size)
{
	int r = membership_take(&h->membership, h->site, wall_s, m->payload, m->length, why, size);
	if (r == 0 && h->membership.steer_next) {
		h->replan_us = 0;
	}
	return r;
}

int community_message(struct home *h, const struct mqtt_message *m, int64_t wall_s, char *why,
		      size_t size)
{
	char home[32], topic[MQTT_TOPIC_MAX];
	const char *leaf = topic_own_leaf(h->site, m->topic);
	if (h->manager && (leaf = topic_home_leaf(h->site, m->topic, home))) {
		return take_from_home(h, m, home, leaf, wall_s, why, size);
	}
	if (h->manager || h->site->manner == MANNER_OFF) {
		return -ENOMSG;
	}
	if (leaf && strcmp(leaf, "schedule") == 0) {
		return take_schedule(h, m, wall_s, why, size);
	}
	snprintf(topic, sizeof(topic), "lec/%s/community/status", h->site->community);
	if (strcmp(topic, m->topic) == 0) {
		bool before = h->membership.manager_online;
		h->membership.manager_online =
			m->length == 6 && memcmp(m->payload, "online", 6) == 0;
		if (before != h->membership.manager_online) {
			log_info("community: the manager is %s", before ? "away" : "there");
		}
		return 0;
	}
	return -ENOMSG;
}

/* --- planned ------------------------------------------------------------------------------------
 */

void community_steer(struct home *h, struct problem *p)
{
	if (h->manager) {
		manager_foresee(h->manager, h->state.wall_s, p);
	} else {
		membership_steer(&h->membership, h->site, h->state.wall_s, p);
	}
}

bool community_answer(struct home *h, const struct plan *plan)
{
	return h->manager || membership_answer(&h->membership, h->site, h->state.wall_s,
					       &h->planner.problem, plan);
}

void community_planned(struct home *h)
{
	if (h->manager) {
		manager_ask(h->manager, h->state.wall_s, &h->problem, &h->plan);
	}
}

int64_t community_turn(struct home *h, const struct interval *done)
{
	if (!h->manager) {
		return 0;
	}
	manager_turn(h->manager, done, &h->plan);
	return h->state.now_us + patience_us(h);
}

/* --- said ---------------------------------------------------------------------------------------
 */

static void send_offer(struct home *h)
{
	struct membership *m = &h->membership;
	char topic[MQTT_TOPIC_MAX];
	topic_own(h->site, "flexibility", topic);
	m->offer_waits =
		!publish_send(h, topic, offer_json(&m->offer, h->site, h->json, sizeof(h->json)),
			      (struct mqtt_flags){ .retain = true, .qos = 1 });
}

static void send_request(struct home *h, int i)
{
	struct manager_member *member = &h->manager->member[i];
	const char *id = h->site->member[i].id;
	char topic[MQTT_TOPIC_MAX];
	topic_of_home(h->site, id, "schedule", topic);
	int length = request_json(&member->request, id, h->site->interval_s,
				  h->site->tariff.currency, h->json, sizeof(h->json));
	member->request_waits =
		!publish_send(h, topic, length, (struct mqtt_flags){ .retain = true, .qos = 1 });
}

static void send_requests(struct home *h)
{
	int sent = 0;
	for (int i = 0; i < h->site->members && sent < SENT_A_CYCLE; i++) {
		if (h->manager->member[i].request_waits) {
			send_request(h, i);
			sent++;
		}
	}
}

/* A row that the ledger has no room for now waits. */
static void store_accounts(struct home *h)
{
	uint64_t ticket;
	int stored = 0;
	for (int i = 0; i < h->site->members && stored < SENT_A_CYCLE; i++) {
		struct manager_member *member = &h->manager->member[i];
		if (member->row_waits) {
			const char *id = h->site->member[i].id;
			struct store_row row = { .kind = STORE_SHARE,
						 .interval_s = h->manager->settled_s,
						 .revision = (int64_t)(hash_bytes(id, strlen(id)) >>
								       16) };
			int length = manager_row_json(h->manager, i, h->json, sizeof(h->json));
			member->row_waits = h->store && !publish_row(h, &row, length, &ticket);
			stored++;
		}
	}
}

static void send_fairness(struct home *h)
{
	struct json_out o;
	char topic[MQTT_TOPIC_MAX];
	json_begin(&o, h->json, sizeof(h->json));
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	char text[ISOTIME_SIZE];
	json_put_text(&o, "interval", isotime_format(h->manager->settled_s, text));
	community_put_fairness(h, &o);
	json_close(&o);
	topic_own(h->site, "fairness", topic);
	(void)publish_send(h, topic, json_finish(&o),
			   (struct mqtt_flags){ .retain = true, .qos = 1 });
}

void community_cycle(struct home *h)
{
	if (h->membership.offer_waits && h->mqtt) {
		send_offer(h);
	}
	if (!h->manager) {
		return;
	}
	if (manager_settle(h->manager, h->state.wall_s)) {
		send_fairness(h);
	}
	store_accounts(h);
	if (h->mqtt) {
		send_requests(h);
	}
}

void community_connected(struct home *h)
{
	h->membership.offer_waits = offer_counts(&h->membership.offer, h->state.wall_s);
	for (int i = 0; h->manager && i < h->site->members; i++) {
		struct manager_member *member = &h->manager->member[i];
		member->request_waits =
			member->request.slots > 0 && h->state.wall_s < member->request.until_s;
	}
}
