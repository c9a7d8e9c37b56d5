/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/closed_loop.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/home/outlook.h"
#include "policy/optimiser.h"

static const int day_s = 86400;
enum { FLUSH_CYCLES = 512 }; /* well within the store's queue */

enum { QUARTER_S = 900, QUARTERS = 1024 /* more than the steps of a plan hold */ };

/* The same house once more, for who knows the time ahead. */
struct true_ahead {
	struct plant plant;
	struct quarter {
		int64_t start_s; /* 0: not looked at */
		double load_ws, pv_ws;
	} quarter[QUARTERS];
};

/* Everything one run needs, in one allocation. */
struct run {
	struct site site;
	struct clock clock;
	struct devices devices;
	struct home home;
	struct true_ahead ahead;
	const struct loop_conf *conf;
	double import_wh, export_wh, discharge_wh; /* counters at the last look */
};

static double discharged_wh(const struct plant *p)
{
	double wh = 0;
	for (int b = 0; b < p->conf.batteries; b++) {
		wh += p->battery[b].discharge_wh;
	}
	return wh;
}

static double soc_of_all(const struct plant *p)
{
	double stored_wh = 0, capacity_wh = 0;
	for (int b = 0; b < p->conf.batteries; b++) {
		stored_wh += p->battery[b].stored_wh;
		capacity_wh += p->conf.battery[b].capacity_wh;
	}
	return capacity_wh > 0 ? stored_wh / capacity_wh : 0;
}

/* Add what the plant's counters moved since the last look, at the prices of wall_s. */
static void settle(struct run *r, int64_t wall_s, struct loop_day *day)
{
	const struct plant *p = &r->devices.plant;
	double imported = p->import_wh - r->import_wh, exported = p->export_wh - r->export_wh;
	double discharged = discharged_wh(p) - r->discharge_wh;
	day->energy_cost += (imported * tariff_buy(&r->site.tariff, wall_s) -
			     exported * tariff_price(&r->site.tariff.sell, wall_s)) /
			    1e3;
	if (r->site.batteries) {
		day->wear_cost += discharged * r->site.battery[0].model.wear / 1e3;
	}
	day->import_wh += imported;
	day->export_wh += exported;
	day->discharge_wh += discharged;
	day->soc_end = soc_of_all(p);
	r->import_wh = p->import_wh;
	r->export_wh = p->export_wh;
	r->discharge_wh = discharged_wh(p);
}

/* The learned policy, where the site asks for one. */
static int open_actor(const struct site *site, struct learned_actor **out)
{
	struct diag silent = { 0 };
	bool asked = site->decide == DECIDE_POLICY || site->decide == DECIDE_SHADOW;
	*out = NULL;
	return asked ? learned_actor_load(site, out, &silent) : 0;
}

/* The true load and PV from from_s to to_s, by the second, in Ws. */
static void sum_ahead(struct plant *p, int64_t from_s, int64_t to_s, double *load_ws, double *pv_ws)
{
	double load = 0, pv = 0;
	for (int64_t at_s = from_s; at_s < to_s; at_s++) {
		load += plant_load_at(p, at_s);
		for (int i = 0; i < p->conf.pvs; i++) {
			pv += plant_pv_at(p, i, at_s);
		}
	}
	*load_ws = load;
	*pv_ws = pv;
}

/* The same of a whole quarter, which is asked for again and again. */
static const struct quarter *quarter_ahead(struct true_ahead *a, int64_t start_s)
{
	struct quarter *q = &a->quarter[start_s / QUARTER_S % QUARTERS];
	if (q->start_s != start_s) {
		q->start_s = start_s;
		sum_ahead(&a->plant, start_s, start_s + QUARTER_S, &q->load_ws, &q->pv_ws);
	}
	return q;
}

/* The true mean load and PV of a step. */
static void look_ahead(struct true_ahead *a, struct step *step)
{
	int64_t end_s = step->start_s + (int64_t)lround(step->hours * 3600);
	double load_ws = 0, pv_ws = 0, load, pv;
	for (int64_t at_s = step->start_s, next_s; at_s < end_s; at_s = next_s) {
		next_s = (at_s / QUARTER_S + 1) * QUARTER_S;
		if (at_s % QUARTER_S == 0 && next_s <= end_s) {
			const struct quarter *q = quarter_ahead(a, at_s);
			load = q->load_ws;
			pv = q->pv_ws;
		} else {
			next_s = next_s < end_s ? next_s : end_s;
			sum_ahead(&a->plant, at_s, next_s, &load, &pv);
		}
		load_ws += load;
		pv_ws += pv;
	}
	step->load_w = load_ws / (double)(end_s - step->start_s);
	step->pv_w = pv_ws / (double)(end_s - step->start_s);
}

/* Put what is known of the time ahead in the place of its forecast. */
static void foresee(void *context, struct problem *p)
{
	struct run *r = context;
	for (int t = 0; t < p->steps + p->tail; t++) {
		struct step true_step = p->step[t];
		look_ahead(&r->ahead, &true_step);
		p->step[t].load_w = r->conf->knows_load ? true_step.load_w : p->step[t].load_w;
		p->step[t].pv_w = r->conf->knows_pv ? true_step.pv_w : p->step[t].pv_w;
		for (int i = 0; i < p->scenarios; i++) {
			struct scenario *s = &p->scenario[i];
			s->load_w[t] = r->conf->knows_load ? (float)true_step.load_w : s->load_w[t];
			s->pv_w[t] = r->conf->knows_pv ? (float)true_step.pv_w : s->pv_w[t];
		}
	}
}

static int open_run(struct run *r, const struct loop_conf *conf, enum loop_policy policy)
{
	struct plant_conf plant = *conf->plant;
	struct diag silent = { 0 };
	r->site = *conf->site;
	if (policy == LOOP_NOTHING) {
		r->site.batteries = 0;
		plant.batteries = 0;
	}
	if (policy == LOOP_NOTHING || policy == LOOP_OPTIMISED) {
		r->site.decide = DECIDE_OPTIMISER;
	}
	if (policy == LOOP_RULES) {
		r->site.decide = DECIDE_RULES;
	}
	clock_init_simulated(&r->clock, conf->start_s);
	struct learned_actor *actor;
	int e = devices_open(&r->devices, &r->site, &r->clock, true, &plant, &silent);
	e = e < 0 ? e : open_actor(&r->site, &actor);
	if (e < 0) {
		return e;
	}
	struct home_conf h = { .site = &r->site,
			       .devices = &r->devices,
			       .store = conf->store,
			       .plan_in_process = true,
			       .actor = actor };
	if (conf->knows_load || conf->knows_pv) {
		r->conf = conf;
		plant_init(&r->ahead.plant, &plant);
		h.foresee = foresee;
		h.foresee_context = r;
	}
	return home_open(&r->home, &h, clock_now_us(&r->clock), conf->start_s);
}

/* How the policy fares. */
static void note_policy(const struct run *r, bool was_costly, struct loop_result *out)
{
	const struct learned *l = &r->home.learned;
	out->regret = l->regret.all;
	out->regret_decided = l->regret_acted;
	out->taken_over += l->regret.costly && !was_costly;
	out->left_out += l->regret.costly;
	if (l->last.acted) {
		out->regret_most = fmax(out->regret_most, l->last.regret);
	}
}

static void run_day(struct run *r, const struct loop_conf *conf, struct loop_result *out, int day)
{
	int64_t cycle_us = r->home.cycle_us;
	int64_t end_s = conf->start_s + (int64_t)(day + 1) * day_s;
	while (clock_wall_s(&r->clock) < end_s) {
		int64_t wall_s = clock_wall_s(&r->clock);
		bool was_costly = r->home.learned.regret.costly;
		home_cycle(&r->home, clock_now_us(&r->clock), wall_s);
		note_policy(r, was_costly, out);
		limits_look(&out->limits, &r->site, &r->devices.plant, r->home.decision.wish.trial);
		settle(r, wall_s, &out->day[day]);
		out->by[r->home.decision.by]++;
		out->cycles++;
		if (conf->store && out->cycles % FLUSH_CYCLES == 0) {
			store_flush(conf->store);
		}
		clock_advance(&r->clock, cycle_us);
	}
}

int closed_loop_run(const struct loop_conf *conf, enum loop_policy policy, struct loop_result *out)
{
	if (conf->days < 1 || conf->days > LOOP_DAYS_MAX) {
		return -EINVAL;
	}
	struct run *r = calloc(1, sizeof(*r));
	if (!r) {
		return -ENOMEM;
	}
	memset(out, 0, sizeof(*out));
	int e = open_run(r, conf, policy);
	if (e == 0) {
		out->soc_start = soc_of_all(&r->devices.plant);
		for (int day = 0; day < conf->days; day++) {
			run_day(r, conf, out, day);
			if (conf->progress) {
				conf->progress(conf->context, day);
			}
		}
		home_close(&r->home);
		devices_close(&r->devices);
	}
	free(r);
	return e;
}

/* --- perfect foresight --------------------------------------------------------------------------
 */

struct foresight {
	struct problem problem;
	struct plan plan;
	struct true_ahead ahead;
};

/* Add the first day of a plan to day; returns the charge it ends with. */
static double carry_out(const struct site *site, const struct plan *plan, int64_t from_s,
			struct loop_day *day)
{
	double soc = 0;
	for (int i = 0; i < plan->slots && plan->slot[i].step.start_s < from_s + day_s; i++) {
		const struct plan_slot *s = &plan->slot[i];
		double hours = s->step.hours;
		double imported = fmax(s->grid_w, 0) * hours,
		       exported = fmax(-s->grid_w, 0) * hours;
		double discharged = fmax(s->battery_w[0], 0) * hours;
		day->import_wh += imported;
		day->export_wh += exported;
		day->discharge_wh += discharged;
		day->energy_cost += (imported * s->step.buy - exported * s->step.sell) / 1e3;
		day->wear_cost += discharged * site->battery[0].model.wear / 1e3;
		soc = s->soc[0];
	}
	day->soc_end = soc;
	return soc;
}

int closed_loop_foresight(const struct loop_conf *conf, int first, double soc_start, double soc_end,
			  struct loop_day *day)
{
	const int steps_a_day = day_s / (int)conf->site->interval_s;
	struct foresight *f = calloc(1, sizeof(*f));
	struct optimiser *optimiser = NULL;
	int e = f ? optimiser_new(&optimiser) : -ENOMEM;
	if (e < 0) {
		free(f);
		return e;
	}
	plant_init(&f->ahead.plant, conf->plant);
	double soc = soc_start;
	for (int d = first; d < conf->days && e == 0; d++) {
		int64_t from_s = conf->start_s + (int64_t)d * day_s;
		int left = (conf->days - d) * steps_a_day;
		int most = STEPS_MAX / steps_a_day * steps_a_day;
		outlook_begin(conf->site, &f->problem);
		outlook_set_steps(conf->site, from_s, left < most ? left : most, &f->problem);
		for (int i = 0; i < f->problem.steps; i++) {
			look_ahead(&f->ahead, &f->problem.step[i]);
		}
		f->problem.battery[0].soc_start = soc;
		f->problem.battery[0].soc_end = soc_end;
		f->problem.battery[0].end_value = 0;
		f->problem.time_limit_s = 60;
		e = optimiser_solve(optimiser, &f->problem, &f->plan);
		memset(&day[d], 0, sizeof(day[d]));
		soc = e == 0 ? carry_out(conf->site, &f->plan, from_s, &day[d]) : soc;
	}
	optimiser_free(optimiser);
	free(f);
	return e;
}
