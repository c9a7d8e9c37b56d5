/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/negotiator.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"
#include "daemon/base/log.h"
#include "daemon/market/negotiate.h"

enum { LISTED_MAX = 64 }; /* homes, in the result */

struct negotiator {
	struct negotiator_conf conf;
	struct negotiate core;
	bool begun, busy;
	int64_t number, start_s;
	int64_t ends_s;              /* the deadline */
	int asked_round, asked_pass; /* what was asked last; pass 0: the homes */
	int64_t asked_s;
	bool again; /* asked a second time */
	/* Of the pass at hand, as its parts come: */
	bool *priced; /* by home */
	int unpriced;
	double loss[ADMM_STEPS_MAX];
	double *price; /* by home and step */
	double *connection_kw;
	struct admm_offer offer;
	struct admm_power power;
	struct admm_part part;
	char text[ADMM_SIZE];
};

static int clear_nothing(const struct book *b, const struct terms *t, struct result *r)
{
	(void)b;
	(void)t;
	(void)r;
	return -ENOTSUP;
}

const struct mechanism negotiation_mechanism = {
	.name = "negotiation",
	.clear = clear_nothing,
	.about = "homes, market and grid come to net powers and prices together",
};

/* What a connection of so many mWh in an interval carries, kW; never nothing. */
static double carries_kw(const struct negotiator *n, int home)
{
	const struct home_limits *l = &n->conf.home[home].limits;
	int64_t most = l->import > l->export ? l->import : l->export;
	return fmax((double)most / MILLION * 3600 / (double)n->conf.interval_s, 1e-3);
}

int negotiator_new(const struct negotiator_conf *conf, struct negotiator **out)
{
	struct negotiator *n = calloc(1, sizeof(*n));
	size_t homes = (size_t)conf->homes + 1;
	if (!n) {
		return -ENOMEM;
	}
	n->conf = *conf;
	n->priced = calloc(homes, sizeof(*n->priced));
	n->price = calloc(homes * ADMM_STEPS_MAX, sizeof(*n->price));
	n->connection_kw = calloc(homes, sizeof(*n->connection_kw));
	if (!n->priced || !n->price || !n->connection_kw) {
		negotiator_free(n);
		return -ENOMEM;
	}
	for (int i = 0; i < conf->homes; i++) {
		n->connection_kw[i] = carries_kw(n, i);
	}
	*out = n;
	return 0;
}

void negotiator_free(struct negotiator *n)
{
	if (n) {
		negotiate_free(&n->core);
		free(n->priced);
		free(n->price);
		free(n->connection_kw);
		free(n);
	}
}

/* --- said ---------------------------------------------------------------------------------------
 */

/* What is not sent is asked again: a broker that is away is a message lost. */
static void send(struct negotiator *n, const char *topic, int length)
{
	if (length > 0) {
		(void)n->conf.send(n->conf.context, topic, n->text, (size_t)length, false);
	}
}

static struct admm_head head_of(const struct negotiator *n, int pass)
{
	return (struct admm_head){ .negotiation = n->number,
				   .round = n->core.round,
				   .pass = pass,
				   .start_s = n->start_s,
				   .length_s = n->conf.interval_s,
				   .steps = n->core.conf.steps };
}

static void offer_home(struct negotiator *n, int home)
{
	char topic[64 + ADMM_ID_SIZE];
	size_t bytes = (size_t)n->core.conf.steps * sizeof(double);
	n->offer.head = head_of(n, 0);
	n->offer.penalty = negotiate_penalty(&n->core, home);
	memcpy(n->offer.price, negotiate_price(&n->core, home), bytes);
	memcpy(n->offer.target, negotiate_target(&n->core, home), bytes);
	snprintf(topic, sizeof(topic), "admm/market/offer/%s", n->conf.home[home].id);
	send(n, topic, admm_offer_write(&n->offer, n->text, sizeof(n->text)));
}

static void ask_homes(struct negotiator *n)
{
	for (int i = 0; i < n->conf.homes; i++) {
		if (!n->core.party[i].answered) {
			offer_home(n, i);
		}
	}
}

static void ask_grid(struct negotiator *n)
{
	int steps = n->core.conf.steps, rows = admm_rows(steps);
	struct admm_part *p = &n->part;
	p->head = head_of(n, n->core.pass);
	p->parts = admm_parts(n->conf.homes, steps);
	memcpy(p->shared, n->core.energy, (size_t)steps * sizeof(double));
	for (p->part = 0; p->part < p->parts; p->part++) {
		int first = p->part * rows;
		p->rows = n->conf.homes - first < rows ? n->conf.homes - first : rows;
		for (int i = 0; i < p->rows; i++) {
			memcpy(p->row[i].home, n->conf.home[first + i].id, ADMM_ID_SIZE);
			p->row[i].gives = negotiate_gives(&n->core, first + i);
		}
		memcpy(p->cell, n->core.wish + (long)first * steps,
		       (size_t)(p->rows * steps) * sizeof(double));
		send(n, "admm/market/wish",
		     admm_part_write(ADMM_WISH, p, n->text, sizeof(n->text)));
	}
}

static void ask(struct negotiator *n)
{
	if (n->core.phase == NEGOTIATE_PARTIES) {
		ask_homes(n);
	} else {
		ask_grid(n);
	}
}

static void put_parties(struct negotiator *n, struct json_out *o)
{
	int listed = 0;
	json_open_array(o, "homes");
	for (int i = 0; i < n->conf.homes && listed < LISTED_MAX; i++) {
		const struct negotiate_party *p = &n->core.party[i];
		if (p->late == 0 && p->refused == 0) {
			continue;
		}
		listed++;
		json_open_object(o, NULL);
		json_put_text(o, "home", n->conf.home[i].id);
		json_put_integer(o, "late", p->late);
		json_put_integer(o, "refused", p->refused);
		json_put_text(o, "last", negotiate_fault_text(p->fault));
		json_put_flag(o, "present", p->present);
		json_close(o);
	}
	json_close(o);
}

static void send_result(struct negotiator *n)
{
	const struct negotiate *c = &n->core;
	char at[ISOTIME_SIZE];
	struct json_out o;
	json_begin(&o, n->text, sizeof(n->text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_integer(&o, "negotiation", n->number);
	json_put_text(&o, "start", isotime_format(n->start_s, at));
	json_put_flag(&o, "agreed", c->phase == NEGOTIATE_AGREED);
	json_put_integer(&o, "rounds", c->round);
	json_put_integer(&o, "passes", c->passes);
	json_put_number(&o, "primal", c->primal, 9);
	json_put_number(&o, "primal_most", c->primal_most, 9);
	json_put_number(&o, "dual", c->dual, 9);
	json_put_number(&o, "dual_most", c->dual_most, 9);
	json_put_text(&o, "worst_primal", n->conf.home[c->worst_primal].id);
	json_put_text(&o, "worst_dual", n->conf.home[c->worst_dual].id);
	json_put_number(&o, "price_norm", c->price_norm, 9);
	json_put_integer(&o, "grid_late", c->grid_late);
	json_put_integer(&o, "grid_refused", c->grid_refused);
	put_parties(n, &o);
	json_close(&o);
	send(n, "admm/market/result", json_finish(&o));
}

/* --- the course ---------------------------------------------------------------------------------
 */

static void tell_parties(const struct negotiator *n)
{
	if (n->core.grid_late > 0) {
		log_warning("negotiation: the grid's operator did not answer in time in %d rounds",
			    n->core.grid_late);
	}
	for (int i = 0; i < n->conf.homes; i++) {
		const struct negotiate_party *p = &n->core.party[i];
		if (!p->present) {
			log_warning("negotiation: %s took no part", n->conf.home[i].id);
		} else if (p->silent >= NEGOTIATE_PATIENCE) {
			log_warning("negotiation: %s fell silent, its last word stands: %s",
				    n->conf.home[i].id, negotiate_fault_text(p->fault));
		}
	}
}

static void tell_end(const struct negotiator *n)
{
	const struct negotiate *c = &n->core;
	if (c->phase == NEGOTIATE_AGREED) {
		log_info("negotiation: agreed after %d rounds", c->round);
	} else if (c->primal > c->primal_most) {
		log_warning("negotiation: not agreed after %d rounds: homes and market are %.3g kW "
			    "apart, expected %.3g, most at %s; it is closed as it stands",
			    c->round, c->primal, c->primal_most, n->conf.home[c->worst_primal].id);
	} else if (c->dual > c->dual_most) {
		log_warning("negotiation: not agreed after %d rounds: prices still move by %.3g, "
			    "expected %.3g, most that of %s; it is closed as it stands",
			    c->round, c->dual, c->dual_most, n->conf.home[c->worst_dual].id);
	} else {
		log_warning("negotiation: not agreed after %d rounds: the last one is not whole; "
			    "it is closed as it stands",
			    c->round);
	}
	tell_parties(n);
}

/* Go on as far as nobody is waited for, and ask what is to be asked then. */
static void go_on(struct negotiator *n, int64_t now_s)
{
	struct negotiate *c = &n->core;
	if (c->phase == NEGOTIATE_PARTIES && c->round == n->asked_round && !negotiate_waits(c)) {
		negotiate_close(c);
	}
	if (c->phase == NEGOTIATE_AGREED || c->phase == NEGOTIATE_ENDED) {
		n->busy = false;
		tell_end(n);
		send_result(n);
		return;
	}
	int pass = c->phase == NEGOTIATE_GRID ? c->pass : 0;
	if (n->asked_round != c->round || n->asked_pass != pass) {
		n->asked_round = c->round;
		n->asked_pass = pass;
		n->asked_s = now_s;
		n->again = false;
		memset(n->priced, 0, (size_t)n->conf.homes * sizeof(*n->priced));
		n->unpriced = n->conf.homes;
		ask(n);
	}
}

int negotiator_begin(struct negotiator *n, int64_t start_s, int steps, const double *upstream,
		     bool grid, int64_t now_s)
{
	const struct negotiation_terms *t = n->conf.terms;
	const struct negotiate_conf c = { .parties = n->conf.homes,
					  .steps = steps,
					  .grid = grid,
					  .penalty = t->penalty,
					  .relaxation = t->relaxation,
					  .balance = t->balance,
					  .relative = t->tolerance,
					  .inner = t->inner,
					  .rounds_max = (int)t->rounds,
					  .passes_max = (int)t->passes,
					  .low_kw = -INFINITY,
					  .high_kw = INFINITY };
	if (steps > ADMM_STEPS_MAX) {
		return -EINVAL;
	}
	negotiate_free(&n->core);
	n->begun = n->busy = false;
	int r = negotiate_init(&n->core, &c, n->conf.homes ? n->connection_kw : NULL);
	if (r < 0) {
		return r;
	}
	memcpy(n->core.upstream, upstream, (size_t)steps * sizeof(*upstream));
	negotiate_begin(&n->core, true);
	n->begun = n->busy = true;
	n->number = now_s > n->number ? now_s : n->number + 1;
	n->start_s = start_s;
	n->ends_s = now_s + llround(t->deadline_s);
	n->asked_round = 0;
	go_on(n, now_s);
	return 0;
}

void negotiator_tick(struct negotiator *n, int64_t now_s)
{
	if (!n->busy) {
		return;
	}
	double waited_s = (double)(now_s - n->asked_s), wait_s = n->conf.terms->wait_s;
	if (now_s >= n->ends_s) {
		negotiate_stop(&n->core);
	} else if (waited_s >= wait_s && n->core.phase == NEGOTIATE_PARTIES) {
		negotiate_close(&n->core);
	} else if (waited_s >= wait_s) {
		negotiate_grid_late(&n->core);
	} else if (waited_s >= wait_s / 2 && !n->again) {
		n->again = true;
		ask(n);
	}
	go_on(n, now_s);
}

/* --- heard --------------------------------------------------------------------------------------
 */

static int find_home(const struct negotiator *n, const char *id)
{
	for (int i = 0; i < n->conf.homes; i++) {
		if (strcmp(n->conf.home[i].id, id) == 0) {
			return i;
		}
	}
	return -ENOENT;
}

static int say(char why[ADMM_WHY_SIZE], int error, const char *what)
{
	snprintf(why, ADMM_WHY_SIZE, "%s", what);
	return error;
}

/* Whether it is of this negotiation, in its numbers of intervals. */
static int check_head(const struct negotiator *n, const struct admm_head *h,
		      char why[ADMM_WHY_SIZE])
{
	if (!n->begun || h->negotiation != n->number) {
		return say(why, -ESTALE, "negotiation: of another");
	}
	bool same = h->steps == n->core.conf.steps && h->start_s == n->start_s &&
		    h->length_s == n->conf.interval_s;
	return same ? 0 : say(why, -EINVAL, "start, length_s, steps: not what was asked");
}

/* Whether it answers a round that is over: it was late, or asked twice. */
static bool is_old(const struct negotiator *n, int home, const struct admm_power *p)
{
	return p->head.round < n->core.round || n->core.phase != NEGOTIATE_PARTIES ||
	       (p->head.round == n->core.round && n->core.party[home].answered);
}

/* An answer to one of the last rounds that comes late, or twice as it was asked twice, is nobody's
 * fault; one to a round long over, or to none, is. */
static int refuse_stale(struct negotiator *n, int home, const struct admm_power *p,
			char why[ADMM_WHY_SIZE])
{
	bool last = p->head.round >= n->core.round - NEGOTIATE_PATIENCE &&
		    p->head.round <= n->core.round;
	if (last) {
		return 0;
	}
	n->core.party[home].fault = NEGOTIATE_STALE;
	n->core.party[home].refused++;
	return say(why, -ESTALE, negotiate_fault_text(NEGOTIATE_STALE));
}

static int take_power(struct negotiator *n, int home, const struct admm_power *p,
		      char why[ADMM_WHY_SIZE])
{
	if (is_old(n, home, p)) {
		return refuse_stale(n, home, p, why);
	}
	int r = negotiate_power(&n->core, home, p->head.round, p->power);
	return r < 0 ? say(why, r, negotiate_fault_text(n->core.party[home].fault)) : 0;
}

int negotiator_hear_power(struct negotiator *n, const char *home, const char *payload,
			  size_t length, int64_t now_s, char why[ADMM_WHY_SIZE])
{
	int number = find_home(n, home);
	if (number < 0) {
		return say(why, -ENOENT, "home: takes no part, expected one with a section");
	}
	int r = admm_power_read(payload, length, &n->power, why);
	if (r == 0 && strcmp(n->power.home, home) != 0) {
		r = say(why, -EPERM, "home: not who says it");
	}
	r = r < 0 ? r : check_head(n, &n->power.head, why);
	if (r == -ESTALE && !n->busy) {
		return r;
	}
	if (r < 0) {
		if (n->begun) {
			n->core.party[number].refused++;
			n->core.party[number].fault =
				r == -ESTALE ? NEGOTIATE_STALE : NEGOTIATE_NUMBER;
		}
		return r;
	}
	r = n->busy ? take_power(n, number, &n->power, why) : 0;
	if (n->busy) {
		go_on(n, now_s);
	}
	return r;
}

static int take_rows(struct negotiator *n, const struct admm_part *p, char why[ADMM_WHY_SIZE])
{
	int steps = p->head.steps, home[ADMM_ROWS_MAX];
	for (int i = 0; i < p->rows; i++) {
		home[i] = find_home(n, p->row[i].home);
		if (home[i] < 0) {
			return say(why, -ENOENT, "homes: one that takes no part");
		}
	}
	for (int i = 0; i < p->rows; i++) {
		memcpy(n->price + (long)home[i] * steps, p->cell + (long)i * steps,
		       (size_t)steps * sizeof(double));
		n->unpriced -= !n->priced[home[i]];
		n->priced[home[i]] = true;
	}
	memcpy(n->loss, p->shared, (size_t)steps * sizeof(double));
	return 0;
}

int negotiator_hear_price(struct negotiator *n, const char *payload, size_t length, int64_t now_s,
			  char why[ADMM_WHY_SIZE])
{
	const struct admm_head *h = &n->part.head;
	int r = admm_part_read(ADMM_PRICE, payload, length, &n->part, why);
	r = r < 0 ? r : check_head(n, h, why);
	if (r < 0) {
		n->core.grid_refused += n->busy;
		return r;
	}
	if (!n->busy || n->core.phase != NEGOTIATE_GRID || h->round != n->core.round ||
	    h->pass != n->core.pass) {
		return 0; /* late, or said twice */
	}
	r = take_rows(n, &n->part, why);
	if (r == 0 && n->unpriced == 0) {
		r = negotiate_grid(&n->core, h->round, h->pass, n->loss, n->price);
		go_on(n, now_s);
	}
	return r;
}

/* --- what came of it ----------------------------------------------------------------------------
 */

bool negotiator_covers(const struct negotiator *n, int64_t start_s)
{
	int64_t past_s = start_s - n->start_s;
	return n->begun && past_s >= 0 && past_s < n->core.conf.steps * n->conf.interval_s;
}

bool negotiator_busy(const struct negotiator *n)
{
	return n->busy;
}

bool negotiator_result(const struct negotiator *n, int home, int64_t start_s,
		       struct negotiated *out)
{
	if (!negotiator_covers(n, start_s) || n->busy || !n->core.party[home].present) {
		return false;
	}
	long t = (long)((start_s - n->start_s) / n->conf.interval_s);
	long i = (long)home * n->core.conf.steps + t;
	*out = (struct negotiated){ .agreed = n->core.phase == NEGOTIATE_AGREED,
				    .power_kw = n->core.power[i],
				    .energy = n->core.energy[t],
				    .grid = n->core.price[i] - n->core.energy[t] };
	return true;
}
