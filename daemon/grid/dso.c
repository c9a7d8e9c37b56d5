/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/dso.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDING_W 1e-6

/* What a home takes of a round's trades in an interval. */
struct bound {
	int64_t start_s;
	char round[DSO_ROUND_SIZE];
	int home;
	double w;
	double congestion, voltage; /* what limits cost there, per kWh */
};

struct dso {
	const struct dso_conf *conf;
	struct network k;
	struct permit permit;
	struct envelope envelope;
	struct causes causes;
	struct flow s;
	struct sensitivity a;
	struct load_series loads;
	bool has_series;
	double *base_p, *base_q;   /* other loads as the configuration scales them, by node */
	double *other_p, *other_q; /* and in the interval at hand */
	double *p;                 /* with homes */
	struct dso_home *home;
	struct envelope_home *limits;
	struct permit_trade *trade; /* of the proposal at hand */
	int bounds, bound_room;
	struct bound *bound;
};

/* --- coming and going ---------------------------------------------------------------------------
 */

static int take_memory(struct dso *o)
{
	const struct dso_conf *c = o->conf;
	size_t n = (size_t)c->feeder.buses, homes = (size_t)c->homes;
	double v = c->feeder.source_v;
	o->base_p = calloc(5 * n, sizeof(*o->base_p));
	o->home = calloc(homes, sizeof(*o->home));
	o->limits = calloc(homes, sizeof(*o->limits));
	o->trade = calloc(DSO_TRADES_MAX, sizeof(*o->trade));
	if (!o->base_p || !o->home || !o->limits || !o->trade ||
	    network_init(&o->k, &c->feeder) < 0 ||
	    permit_init(&o->permit, &c->feeder, &o->k, v) < 0 ||
	    envelope_init(&o->envelope, &c->feeder, &o->k, v) < 0 ||
	    causes_init(&o->causes, &o->k) < 0 || flow_init(&o->s, &o->k) < 0 ||
	    sensitivity_init(&o->a, &o->k) < 0) {
		return -ENOMEM;
	}
	flow_start(&o->s, v);
	o->base_q = o->base_p + n;
	o->other_p = o->base_q + n;
	o->other_q = o->other_p + n;
	o->p = o->other_q + n;
	network_loads(&o->k, &c->feeder, c->other_loads, o->base_p, o->base_q);
	return 0;
}

int dso_new(const struct dso_conf *conf, struct diag *d, struct dso **out)
{
	struct dso *o = calloc(1, sizeof(*o));
	if (!o) {
		return -ENOMEM;
	}
	o->conf = conf;
	int r = take_memory(o);
	if (r == 0 && *conf->series) {
		o->has_series = true;
		r = load_series_open(&o->loads, conf->series, &conf->feeder, &o->k, d);
	}
	if (r < 0) {
		dso_free(o);
		return r;
	}
	*out = o;
	return 0;
}

void dso_free(struct dso *o)
{
	if (!o) {
		return;
	}
	load_series_free(&o->loads);
	sensitivity_free(&o->a);
	flow_free(&o->s);
	causes_free(&o->causes);
	envelope_free(&o->envelope);
	permit_free(&o->permit);
	network_free(&o->k);
	free(o->base_p);
	free(o->home);
	free(o->limits);
	free(o->trade);
	free(o->bound);
	free(o);
}

int dso_find_home(const struct dso *o, const char *id)
{
	for (int i = 0; i < o->conf->homes; i++) {
		if (strcmp(o->conf->home[i].id, id) == 0) {
			return i;
		}
	}
	return -ENOENT;
}

bool dso_covers(const struct dso *o, int64_t start_s)
{
	return !o->has_series || series_row(&o->loads.series, start_s) >= 0;
}

const struct permit_price *dso_price(const struct dso *o, int bus)
{
	return &o->permit.price[o->k.node[bus]];
}

/* --- what is permitted already ------------------------------------------------------------------
 */

static void drop_bound(struct dso *o, int64_t start_s, const char *round)
{
	int kept = 0;
	for (int i = 0; i < o->bounds; i++) {
		const struct bound *b = &o->bound[i];
		if (b->start_s != start_s || strcmp(b->round, round) != 0) {
			o->bound[kept++] = *b;
		}
	}
	o->bounds = kept;
}

void dso_forget(struct dso *o, int64_t before_s)
{
	int kept = 0;
	for (int i = 0; i < o->bounds; i++) {
		if (o->bound[i].start_s >= before_s) {
			o->bound[kept++] = o->bound[i];
		}
	}
	o->bounds = kept;
}

/* Room for one more of each home. */
static int widen(struct dso *o)
{
	int wanted = o->bounds + o->conf->homes;
	if (wanted <= o->bound_room) {
		return 0;
	}
	struct bound *wide = realloc(o->bound, 2 * (size_t)wanted * sizeof(*wide));
	if (!wide) {
		return -ENOMEM;
	}
	o->bound = wide;
	o->bound_room = 2 * wanted;
	return 0;
}

/* --- an interval --------------------------------------------------------------------------------
 */

static int node_of(const struct dso *o, int home)
{
	return home == DSO_UTILITY ? PERMIT_UTILITY : o->k.node[o->conf->home[home].bus];
}

/* The other loads of an interval, and with what homes take already. */
static void set_loads(struct dso *o, int64_t start_s)
{
	size_t n = (size_t)o->k.nodes;
	int row = o->has_series ? series_row(&o->loads.series, start_s) : -1;
	memcpy(o->other_p, o->base_p, 2 * n * sizeof(*o->other_p));
	if (row >= 0) {
		load_series_set(&o->loads, &o->k, row, o->base_p, o->base_q, o->other_p,
				o->other_q);
	}
	memcpy(o->p, o->other_p, n * sizeof(*o->p));
	for (int i = 0; i < o->conf->homes; i++) {
		o->home[i] = (struct dso_home){ .net_w = 0 };
	}
	for (int i = 0; i < o->bounds; i++) {
		const struct bound *b = &o->bound[i];
		if (b->start_s == start_s) {
			o->home[b->home].net_w += b->w;
			o->home[b->home].price.congestion = b->congestion;
			o->home[b->home].price.voltage = b->voltage;
			o->p[node_of(o, b->home)] += b->w / o->k.base_va;
		}
	}
}

const struct network *dso_network(const struct dso *o)
{
	return &o->k;
}

void dso_loads(struct dso *o, int64_t start_s, const double **p, const double **q)
{
	set_loads(o, start_s);
	*p = o->other_p;
	*q = o->other_q;
}

static double hours(const struct dso *o)
{
	return o->conf->interval_s / 3600;
}

static void set_trades(struct dso *o, const struct dso_proposal *in)
{
	for (int t = 0; t < in->trades; t++) {
		const struct dso_trade *from = &in->trade[t];
		o->trade[t] = (struct permit_trade){
			.buyer = node_of(o, from->buyer),
			.seller = node_of(o, from->seller),
			.w = from->kwh * 1e3 / hours(o),
			.gain = from->gain < 0 ? fabs(in->price) : from->gain,
		};
		*in->trade[t].reason = '\0';
	}
}

/* What homes take by all trades as they are wanted, W, with those of other rounds. */
static void want(const struct dso *o, const struct dso_proposal *in, double *net_w)
{
	for (int i = 0; i < o->conf->homes; i++) {
		net_w[i] = o->home[i].net_w;
	}
	for (int t = 0; t < in->trades; t++) {
		if (in->trade[t].buyer != DSO_UTILITY) {
			net_w[in->trade[t].buyer] += o->trade[t].w;
		}
		if (in->trade[t].seller != DSO_UTILITY) {
			net_w[in->trade[t].seller] -= o->trade[t].w;
		}
	}
}

/* How much a trade's ends are beyond their connections, W, and which is more so. */
static double beyond(const struct dso *o, const struct dso_trade *t, const double *net_w, int *home)
{
	const struct dso_home_conf *c = o->conf->home;
	double bought = t->buyer == DSO_UTILITY ? 0 : net_w[t->buyer] - c[t->buyer].import_w;
	double sold = t->seller == DSO_UTILITY ? 0 : -net_w[t->seller] - c[t->seller].export_w;
	*home = bought >= sold ? t->buyer : t->seller;
	return fmax(bought, sold);
}

/* Of the trades whose ends are beyond their connections the one that gains least; -1: none. */
static int least_beyond(const struct dso *o, const struct dso_proposal *in, const double *net_w)
{
	int least = -1, home;
	for (int t = 0; t < in->trades; t++) {
		bool fits = beyond(o, &in->trade[t], net_w, &home) <= ROUNDING_W;
		if (o->trade[t].w > 0 && !fits &&
		    (least < 0 || o->trade[t].gain < o->trade[least].gain)) {
			least = t;
		}
	}
	return least;
}

/* Before the feeder is asked: nobody trades more than its connection carries, with what it traded
 * in other rounds. */
static void keep_connections(struct dso *o, struct dso_proposal *in, double *net_w)
{
	int t, home;
	want(o, in, net_w);
	/* Each time a trade is gone, or a home within its connection. */
	for (int i = 0; i < 2 * in->trades && (t = least_beyond(o, in, net_w)) >= 0; i++) {
		struct dso_trade *trade = &in->trade[t];
		double by_w = beyond(o, trade, net_w, &home);
		o->trade[t].w = fmax(0, o->trade[t].w - by_w);
		snprintf(trade->reason, sizeof(trade->reason), "connection of %s",
			 o->conf->home[home].id);
		want(o, in, net_w);
	}
}

/* What became of each trade, and what homes take with it. */
static void take_trades(struct dso *o, struct dso_proposal *in)
{
	const struct permit *g = &o->permit;
	for (int t = 0; t < in->trades; t++) {
		const struct permit_trade *from = &o->trade[t];
		struct dso_trade *to = &in->trade[t];
		to->permitted_kwh = fmin(to->kwh, from->permitted_w * hours(o) / 1e3);
		if (from->permitted_w >= from->w) {
			to->permitted_kwh = *to->reason ? to->permitted_kwh : to->kwh;
		} else if (from->reason >= 0) {
			limit_text(&g->binding[from->reason], &o->k, &o->conf->feeder, to->reason,
				   sizeof(to->reason));
		} else {
			snprintf(to->reason, sizeof(to->reason), "no limit names it alone");
		}
		if (to->buyer != DSO_UTILITY) {
			o->home[to->buyer].net_w += from->permitted_w;
		}
		if (to->seller != DSO_UTILITY) {
			o->home[to->seller].net_w -= from->permitted_w;
		}
	}
}

/* What a home may do beyond its trades without anybody else having to give way: its limits are what
 * it trades and its share of what is left. */
static int set_limits(struct dso *o, bool judged)
{
	for (int i = 0; i < o->conf->homes; i++) {
		const struct dso_home_conf *c = &o->conf->home[i];
		o->limits[i] = (struct envelope_home){
			.node = node_of(o, i),
			.import_w = fmax(0, c->import_w - o->home[i].net_w),
			.export_w = fmax(0, c->export_w + o->home[i].net_w),
		};
	}
	int r = envelope_set(&o->envelope, o->permit.p, o->other_q, o->limits, o->conf->homes);
	for (int i = 0; r == 0 && i < o->conf->homes; i++) {
		struct dso_home *h = &o->home[i];
		h->import_limit_w = fmax(0, h->net_w + o->limits[i].import_limit_w);
		h->export_limit_w = fmax(0, o->limits[i].export_limit_w - h->net_w);
		h->price.energy = o->permit.price[o->limits[i].node].energy;
		h->price.loss = o->permit.price[o->limits[i].node].loss;
		if (judged) { /* else as it was when these trades were judged */
			h->price = o->permit.price[o->limits[i].node];
		}
	}
	return r;
}

/* --- money --------------------------------------------------------------------------------------
 */

static int64_t micro(double money)
{
	return llround(money * MICRO);
}

/* Each pays for what losses grow by it. */
static int share_losses(struct dso *o, double price, struct dso_answer *out)
{
	const double *p = o->permit.p;
	int r = causes_find(&o->causes, &o->s, &o->a, &o->k, p, o->other_q);
	if (r < 0) {
		return r;
	}
	double kwh = o->k.base_va / 1e3 * hours(o), others = 0;
	out->loss_kwh = o->causes.loss * kwh;
	out->loss_cost = micro(out->loss_kwh * price);
	out->residue = out->loss_cost;
	for (int n = 0; n < o->k.nodes; n++) {
		others += o->other_p[n] * o->causes.mean_p[n] + o->other_q[n] * o->causes.mean_q[n];
	}
	out->others_loss_cost = micro(others * kwh * price);
	out->residue -= out->others_loss_cost;
	for (int i = 0; i < o->conf->homes; i++) {
		struct dso_home *h = &o->home[i];
		int n = node_of(o, i);
		double net_kwh = h->net_w / 1e3 * hours(o);
		h->loss_cost = micro(net_kwh * o->causes.mean_p[n] * price);
		h->network_cost = micro(net_kwh * (h->price.congestion + h->price.voltage));
		out->residue -= h->loss_cost;
	}
	return 0;
}

static void tell_state(const struct dso *o, struct dso_answer *out)
{
	const struct permit *g = &o->permit;
	int low = flow_lowest(&g->s, &o->k), high = flow_highest(&g->s, &o->k);
	out->v_min = flow_voltage(&g->s, &o->k, low);
	out->v_max = flow_voltage(&g->s, &o->k, high);
	out->v_min_bus = o->k.bus[low];
	out->v_max_bus = o->k.bus[high];
	out->wanted_excess = g->wanted_excess;
	out->worst_excess = -INFINITY;
	for (int i = 0; i < g->limits; i++) {
		double excess = limit_excess(&g->limit[i], &g->s, &o->k, &o->conf->feeder);
		if (excess > out->worst_excess) {
			out->worst_excess = excess;
			out->worst = g->limit[i];
		}
	}
	out->broken = o->envelope.broken;
	*out->why = '\0';
	if (out->broken) {
		limit_text(&o->envelope.broken_by, &o->k, &o->conf->feeder, out->why,
			   sizeof(out->why));
	}
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void bind(struct dso *o, const struct dso_proposal *in, const double *before_w)
{
	for (int i = 0; i < o->conf->homes; i++) {
		double w = o->home[i].net_w - before_w[i];
		if (w != 0) {
			struct bound *b = &o->bound[o->bounds++];
			*b = (struct bound){ .start_s = in->start_s,
					     .home = i,
					     .w = w,
					     .congestion = o->home[i].price.congestion,
					     .voltage = o->home[i].price.voltage };
			snprintf(b->round, sizeof(b->round), "%s", in->round);
		}
	}
}

static int answer(struct dso *o, double price, bool judged, struct dso_answer *out)
{
	struct dso_answer a = { .home = o->home };
	int r = set_limits(o, judged);
	r = r < 0 ? r : share_losses(o, price, &a);
	if (r == 0) {
		tell_state(o, &a);
		*out = a;
	}
	return r;
}

int dso_judge(struct dso *o, struct dso_proposal *in, int64_t deadline_us, struct dso_answer *out)
{
	int homes = o->conf->homes;
	double *before_w = calloc(2 * (size_t)homes, sizeof(*before_w));
	int r = !before_w ? -ENOMEM : in->trades > DSO_TRADES_MAX ? -E2BIG : widen(o);
	if (r == 0) {
		drop_bound(o, in->start_s, in->round);
		set_loads(o, in->start_s);
		set_trades(o, in);
		for (int i = 0; i < homes; i++) {
			before_w[i] = o->home[i].net_w;
		}
		keep_connections(o, in, before_w + homes);
		r = permit_solve(&o->permit, o->p, o->other_q, o->trade, in->trades, in->price,
				 false, deadline_us);
	}
	if (r == 0) {
		take_trades(o, in);
		r = answer(o, in->price, true, out);
	}
	if (r == 0) {
		bind(o, in, before_w);
	}
	for (int t = 0; r < 0 && t < in->trades; t++) {
		in->trade[t].permitted_kwh = 0;
		snprintf(in->trade[t].reason, sizeof(in->trade[t].reason), "%s",
			 r == -EDOM ? "the voltage collapses"
				    : "no way to keep the limits was found");
	}
	free(before_w);
	return r;
}

int dso_look(struct dso *o, int64_t start_s, double price, int64_t deadline_us,
	     struct dso_answer *out)
{
	set_loads(o, start_s);
	int r = permit_solve(&o->permit, o->p, o->other_q, NULL, 0, price, false, deadline_us);
	return r < 0 ? r : answer(o, price, false, out);
}
