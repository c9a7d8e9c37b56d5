/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rounds whose homes do not bid but negotiate: begun at the gate, for all intervals that close with
 * it, and awarded as it was agreed or stood at the deadline. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config.h"
#include "daemon/base/log.h"
#include "daemon/market/desk_private.h"

#define LIMIT_MAX 1000.0 /* per kWh, either way: the most that a price is anywhere */

int desk_negotiate_new(struct desk *d)
{
	const struct market_conf *m = d->market;
	const struct negotiator_conf c = { .terms = &m->negotiation,
					   .interval_s = m->interval_s,
					   .homes = m->rounds.named,
					   .home = m->home,
					   .send = d->conf.send,
					   .context = d->conf.context };
	bool any = false;
	for (int i = 0; i < m->rounds.rounds; i++) {
		any |= m->rounds.round[i].negotiated;
	}
	if (!any) {
		return 0;
	}
	d->agreed = calloc((size_t)m->rounds.named + 1, sizeof(*d->agreed));
	d->party = calloc((size_t)m->rounds.homes_max + 1, sizeof(*d->party));
	return d->agreed && d->party ? negotiator_new(&c, &d->negotiator) : -ENOMEM;
}

void desk_negotiate_free(struct desk *d)
{
	negotiator_free(d->negotiator);
	free(d->agreed);
	free(d->party);
}

/* --- heard --------------------------------------------------------------------------------------
 */

/* The id in "home/ID/power", or false. */
static bool power_of(const char *topic, char home[HOME_ID_SIZE])
{
	const char *id = strncmp(topic, "home/", 5) == 0 ? topic + 5 : "";
	size_t length = strcspn(id, "/");
	char name[HOME_ID_SIZE];
	if (length == 0 || length >= HOME_ID_SIZE || strcmp(id + length, "/power") != 0) {
		return false;
	}
	memcpy(name, id, length);
	name[length] = '\0';
	return config_parse_name(name, home, HOME_ID_SIZE) == NULL;
}

const char *desk_negotiation_topic(const struct desk *d, const char *topic, char home[HOME_ID_SIZE])
{
	char prefix[64];
	int n = snprintf(prefix, sizeof(prefix), "lec/%s/admm/", d->market->community);
	if (strncmp(topic, prefix, (size_t)n) != 0) {
		return NULL;
	}
	home[0] = '\0';
	return strcmp(topic + n, "dso/price") == 0 ? "price"
	       : power_of(topic + n, home)         ? "power"
						   : "topic";
}

int desk_negotiate_hear(struct desk *d, const char *home, const char *payload, size_t length,
			bool retained, int64_t at_s, char why[ADMM_WHY_SIZE])
{
	int r = -EINVAL;
	if (!payload) {
		snprintf(why, ADMM_WHY_SIZE, "too large");
	} else if (retained) {
		snprintf(why, ADMM_WHY_SIZE, "retained, expected one sent now");
	} else if (!d->negotiator) {
		snprintf(why, ADMM_WHY_SIZE, "no round negotiates");
	} else if (*home) {
		r = negotiator_hear_power(d->negotiator, home, payload, length, at_s, why);
	} else {
		r = negotiator_hear_price(d->negotiator, payload, length, at_s, why);
	}
	return r;
}

void desk_negotiate_tick(struct desk *d, int64_t now_s)
{
	if (d->negotiator) {
		negotiator_tick(d->negotiator, now_s);
	}
}

/* --- at the gate --------------------------------------------------------------------------------
 */

/* What is missing is bought at the utility's price. Returns how many intervals the gate closes. */
static int price_intervals(const struct desk *d, const struct round_conf *round, int64_t start_s,
			   double upstream[ADMM_STEPS_MAX])
{
	const struct tariff *t = &d->market->tariff;
	int64_t length_s = d->market->interval_s, gate_s = round_gate_s(round, start_s);
	int steps = 0;
	for (; steps < ADMM_STEPS_MAX && round_gate_s(round, start_s) == gate_s; steps++) {
		upstream[steps] = tariff_mean(&t->buy, start_s, length_s) +
				  tariff_mean(&t->network, start_s, length_s);
		start_s += length_s;
	}
	return steps;
}

static int begin(struct desk *d, int round, int64_t start_s, int64_t now_s)
{
	double upstream[ADMM_STEPS_MAX];
	const struct round_conf *conf = &d->market->rounds.round[round];
	int steps = price_intervals(d, conf, start_s, upstream);
	int r = negotiator_begin(d->negotiator, start_s, steps, upstream, asking_online(d->asking),
				 now_s);
	d->negotiated_round = round;
	if (r < 0) {
		log_error("round %s: not negotiated: %s", conf->name, strerror(-r));
	} else {
		log_info("round %s: negotiates %d intervals", conf->name, steps);
	}
	return r;
}

/* In whole mWh, at the price of energy; what the home would have paid at most is its own price. */
static struct round_award award_of(int home, const struct negotiated *n, double hours)
{
	int64_t net = llround(n->power_kw * hours * MILLION);
	double limit = fmin(fmax(n->energy + n->grid, -LIMIT_MAX), LIMIT_MAX);
	return (struct round_award){ .home = home,
				     .bought = net > 0 ? net : 0,
				     .sold = net < 0 ? -net : 0,
				     .price = (int32_t)lround(n->energy * MILLION),
				     .limit = (int32_t)lround(limit * MILLION) };
}

static int gather(struct desk *d, int64_t start_s)
{
	int count = 0;
	struct negotiated n;
	double hours = (double)d->market->interval_s / 3600;
	for (int i = 0; i < d->market->rounds.named; i++) {
		int home = rounds_enter(d->rounds, d->market->home[i].id);
		if (home >= 0 && negotiator_result(d->negotiator, i, start_s, &n)) {
			d->agreed[count++] = award_of(home, &n, hours);
			d->party[home] = i;
		}
	}
	return count;
}

int desk_negotiate_clear(struct desk *d, int round, int64_t start_s, int64_t now_s,
			 struct round_clearing *out)
{
	bool ours = d->negotiated_round == round && negotiator_covers(d->negotiator, start_s);
	if (negotiator_busy(d->negotiator) && !ours) {
		return -EAGAIN; /* one at a time */
	}
	int r = ours || now_s >= start_s ? 0 : begin(d, round, start_s, now_s);
	if (r == 0 && negotiator_busy(d->negotiator)) {
		return -EAGAIN;
	}
	rounds_award(d->rounds, round, start_s, now_s, d->agreed, r < 0 ? 0 : gather(d, start_s),
		     out);
	return 0;
}

/* Prices that still moved at the deadline are none: then it is what the operator's verdict says. */
bool desk_negotiated_cost(const struct desk *d, const struct round_clearing *c,
			  const struct round_award *a, int64_t *micro)
{
	struct negotiated n;
	if (!d->market->rounds.round[c->round].negotiated ||
	    !negotiator_result(d->negotiator, d->party[a->home], c->start_s, &n) || !n.agreed) {
		return false;
	}
	*micro = llround(n.grid * (double)(a->bought - a->sold));
	return true;
}
