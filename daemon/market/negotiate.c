/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/negotiate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/negotiate_private.h"

enum { BY_PARTY = 7, BY_STEP = 4 };   /* arrays */
static const double slack = 1 + 1e-9; /* of a connection: rounding is no fault */

/* Whether low <= value <= high; NaN is nowhere. */
static bool within(double value, double low, double high)
{
	return value >= low && value <= high;
}

static bool conf_is_sound(const struct negotiate_conf *c, const double *connection_kw)
{
	bool sound = within(c->parties, 1, NEGOTIATE_PARTIES_MAX) &&
		     within(c->steps, 1, NEGOTIATE_STEPS_MAX) && c->penalty > 0 &&
		     isfinite(c->penalty) && within(c->relaxation, 1, 1.9) &&
		     within(c->absolute, 0, 1e9) && within(c->relative, 0, 1) &&
		     within(c->inner, 1e-15, 1) && c->rounds_max > 0 && c->passes_max > 0 &&
		     c->low_kw <= c->high_kw;
	for (int a = 0; sound && a < c->parties; a++) {
		sound = within(connection_kw[a], 1e-9, 1e9);
	}
	return sound;
}

int negotiate_init(struct negotiate *n, const struct negotiate_conf *conf,
		   const double *connection_kw)
{
	*n = (struct negotiate){ 0 };
	if (!conf_is_sound(conf, connection_kw)) {
		return -EINVAL;
	}
	n->conf = *conf;
	n->party = calloc((size_t)conf->parties, sizeof(*n->party));
	n->room = calloc(BY_PARTY * negotiate_cells(n) + BY_STEP * (size_t)conf->steps,
			 sizeof(*n->room));
	if (!n->party || !n->room) {
		negotiate_free(n);
		return -ENOMEM;
	}
	double **array[] = { &n->power,   &n->relaxed, &n->target, &n->target_before,
			     &n->price,   &n->part,    &n->wish,   &n->upstream,
			     &n->base_kw, &n->energy,  &n->loss_kw };
	double *at = n->room;
	for (int i = 0; i < BY_PARTY + BY_STEP; i++) {
		*array[i] = at;
		at += i < BY_PARTY ? negotiate_cells(n) : (size_t)conf->steps;
	}
	for (int a = 0; a < conf->parties; a++) {
		n->party[a].connection_kw = connection_kw[a];
	}
	negotiate_begin(n, true);
	return 0;
}

void negotiate_free(struct negotiate *n)
{
	free(n->party);
	free(n->room);
	*n = (struct negotiate){ 0 };
}

void negotiate_begin(struct negotiate *n, bool cold)
{
	int steps = n->conf.steps;
	for (int a = 0; a < n->conf.parties; a++) {
		struct negotiate_party *p = &n->party[a];
		p->present = p->present && !cold;
		p->answered = false;
		p->silent = p->late = p->refused = 0;
		p->fault = NEGOTIATE_FINE;
		p->off_kw = 0;
	}
	if (cold) {
		memset(n->room, 0, BY_PARTY * negotiate_cells(n) * sizeof(*n->room));
		memset(n->loss_kw, 0, (size_t)steps * sizeof(*n->loss_kw));
		memcpy(n->energy, n->upstream, (size_t)steps * sizeof(*n->energy));
		for (size_t i = 0; i < negotiate_cells(n); i++) {
			n->price[i] = n->upstream[i % (size_t)steps];
		}
		negotiate_set_penalty(n, n->conf.penalty);
	}
	n->phase = NEGOTIATE_PARTIES;
	n->round = 1;
	n->pass = n->passes = n->grid_late = n->grid_refused = 0;
	n->grid_heard = false;
}

static void rotate(double *row, int steps, int by)
{
	double first[NEGOTIATE_STEPS_MAX];
	memcpy(first, row, (size_t)by * sizeof(*row));
	memmove(row, row + by, (size_t)(steps - by) * sizeof(*row));
	memcpy(row + steps - by, first, (size_t)by * sizeof(*row));
}

void negotiate_shift(struct negotiate *n, int by)
{
	int steps = n->conf.steps;
	long rows = BY_PARTY * (long)n->conf.parties + BY_STEP;
	by %= steps;
	for (long i = 0; i < rows; i++) {
		rotate(n->room + i * steps, steps, by);
	}
}

/* --- what arrives -------------------------------------------------------------------------------
 */

static enum negotiate_fault judge(const double *value, size_t count, double most)
{
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(value[i])) {
			return NEGOTIATE_NUMBER;
		}
		if (fabs(value[i]) > most * slack) {
			return NEGOTIATE_RANGE;
		}
	}
	return NEGOTIATE_FINE;
}

static int error_of(enum negotiate_fault fault)
{
	static const int error[] = { [NEGOTIATE_FINE] = 0,
				     [NEGOTIATE_LATE] = -ETIME,
				     [NEGOTIATE_STALE] = -ESTALE,
				     [NEGOTIATE_NUMBER] = -EINVAL,
				     [NEGOTIATE_RANGE] = -ERANGE };
	return error[fault];
}

static void take_power(struct negotiate *n, int party, const double *power_kw)
{
	int steps = n->conf.steps;
	memcpy(n->power + (long)party * steps, power_kw, (size_t)steps * sizeof(*power_kw));
	n->party[party].present = true;
}

int negotiate_known(struct negotiate *n, int party, const double *power_kw)
{
	if (party < 0 || party >= n->conf.parties) {
		return -ENOENT;
	}
	int r = error_of(judge(power_kw, (size_t)n->conf.steps, n->party[party].connection_kw));
	if (r == 0) {
		int steps = n->conf.steps;
		take_power(n, party, power_kw);
		memcpy(n->target + (long)party * steps, power_kw,
		       (size_t)steps * sizeof(*power_kw));
	}
	return r;
}

int negotiate_power(struct negotiate *n, int party, int round, const double *power_kw)
{
	if (party < 0 || party >= n->conf.parties) {
		return -ENOENT;
	}
	if (n->phase != NEGOTIATE_PARTIES) {
		return -EBUSY;
	}
	struct negotiate_party *p = &n->party[party];
	enum negotiate_fault fault =
		round != n->round ? NEGOTIATE_STALE
				  : judge(power_kw, (size_t)n->conf.steps, p->connection_kw);
	if (fault != NEGOTIATE_FINE) {
		p->fault = fault;
		p->refused++;
		return error_of(fault);
	}
	take_power(n, party, power_kw);
	p->answered = true;
	return 0;
}

bool negotiate_waits(const struct negotiate *n)
{
	for (int a = 0; n->phase == NEGOTIATE_PARTIES && a < n->conf.parties; a++) {
		if (!n->party[a].answered && n->party[a].silent < NEGOTIATE_PATIENCE) {
			return true;
		}
	}
	return false;
}

static void end_round(struct negotiate *n)
{
	negotiate_settle(n);
	if (n->grid_heard && n->primal <= n->primal_most && n->dual <= n->dual_most) {
		n->phase = NEGOTIATE_AGREED;
	} else if (n->round == n->conf.rounds_max) {
		n->phase = NEGOTIATE_ENDED;
	} else {
		if (n->conf.balance) {
			negotiate_balance(n);
		}
		n->phase = NEGOTIATE_PARTIES;
		n->round++;
		for (int a = 0; a < n->conf.parties; a++) {
			n->party[a].answered = false;
		}
	}
}

void negotiate_close(struct negotiate *n)
{
	if (n->phase != NEGOTIATE_PARTIES) {
		return;
	}
	for (int a = 0; a < n->conf.parties; a++) {
		struct negotiate_party *p = &n->party[a];
		p->silent = p->answered ? 0 : p->silent + 1;
		if (!p->answered) {
			p->late++;
			p->fault = p->fault == NEGOTIATE_FINE ? NEGOTIATE_LATE : p->fault;
		}
	}
	negotiate_relax(n);
	negotiate_price_energy(n);
	n->pass = 1;
	n->grid_heard = !n->conf.grid;
	n->phase = NEGOTIATE_GRID;
	if (!n->conf.grid) {
		end_round(n);
	}
}

int negotiate_grid(struct negotiate *n, int round, int pass, const double *loss_kw,
		   const double *price)
{
	if (n->phase != NEGOTIATE_GRID) {
		return -EBUSY;
	}
	enum negotiate_fault fault = judge(price, negotiate_cells(n), INFINITY);
	fault = fault ? fault : judge(loss_kw, (size_t)n->conf.steps, INFINITY);
	fault = round != n->round || pass != n->pass ? NEGOTIATE_STALE : fault;
	if (fault != NEGOTIATE_FINE) {
		n->grid_refused++;
		return error_of(fault);
	}
	bool stands = negotiate_take_grid(n, loss_kw, price);
	n->passes++;
	n->grid_heard = true;
	if (stands || n->pass == n->conf.passes_max) {
		end_round(n);
	} else {
		negotiate_price_energy(n);
		n->pass++;
	}
	return 0;
}

void negotiate_grid_late(struct negotiate *n)
{
	if (n->phase == NEGOTIATE_GRID) {
		n->grid_late++;
		n->grid_heard = false;
		end_round(n);
	}
}

void negotiate_stop(struct negotiate *n)
{
	if (n->phase != NEGOTIATE_AGREED) {
		n->phase = NEGOTIATE_ENDED;
	}
}

const char *negotiate_fault_text(enum negotiate_fault fault)
{
	static const char *const text[] = {
		[NEGOTIATE_FINE] = "fine",
		[NEGOTIATE_LATE] = "no answer in time",
		[NEGOTIATE_STALE] = "an answer to another round",
		[NEGOTIATE_NUMBER] = "what is no finite number",
		[NEGOTIATE_RANGE] = "more than its connection carries",
	};
	return text[fault];
}
