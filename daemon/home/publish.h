/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Record and publish: what goes to the store and to the broker, and when. Neither blocks; without
 * store or broker nothing happens. */
#ifndef LECD_HOME_PUBLISH_H
#define LECD_HOME_PUBLISH_H

#include <stdbool.h>
#include <stdbool.h>
#include <stdint.h>

struct ahead_bid;
struct award_taken;
struct home;
struct interval;
struct mqtt_flags;
struct mqtt_message;
struct store_row;

/* Each cycle: a sample to the store; the state to the broker now and then; a bid once its row is on
 * the disk. */
void publish_cycle(struct home *h);

/* Everything retained, again: after a connect. */
void publish_all(struct home *h);

void publish_discovery(struct home *h);
void publish_plan(struct home *h);
/* Write the market's current bid to the ledger; it is sent when it is durable and the broker there.
 */
void publish_bid(struct home *h);
/* The same of a bid for days ahead. */
void publish_ahead(struct home *h, struct ahead_bid *b);
/* A metered interval; it is said until the market has it, by this life or another. */
void publish_meter(struct home *h, const struct interval *i);
/* The market has that interval's reading, or will never take it. */
void publish_meter_done(struct home *h, int64_t start_s, bool accepted);
/* Keep what the policy's last order cost more than the optimiser would have. */
void publish_verdict(struct home *h);
/* Keep what a person said. */
void publish_mode_row(struct home *h);
/* Keep an award that was taken. */
void publish_award_row(struct home *h, const struct mqtt_message *m,
		       const struct award_taken *taken);

/* For other publishers: send h->json, length bytes of it, to a topic; whether the link took it. */
bool publish_send(struct home *h, const char *topic, int length, struct mqtt_flags flags);
/* Store h->json, length bytes of it, as a row's text; whether the ledger took it. */
bool publish_row(struct home *h, struct store_row *row, int length, uint64_t *ticket);

#endif
