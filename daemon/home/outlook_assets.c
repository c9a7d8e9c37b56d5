/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cars, loads and heat of a site over the steps of a problem: windows of local time become steps.
 */
#include "daemon/home/outlook.h"

#include <math.h>

static const double whole = 1 - 1e-9;
/* How far above the highest price the comfort band counts where the site does not say: leaving it
 * never pays. Per kWh of heat that one K takes. */
static const double discomfort_prices = 10;

static int64_t step_end_s(const struct step *s)
{
	return s->start_s + (int64_t)lround(s->hours * 3600);
}

static double share_of(const struct window *w, const struct step *s)
{
	return window_share(w, s->start_s, step_end_s(s) - s->start_s);
}

static double mean_price(const struct problem *p)
{
	double sum = 0, hours = 0;
	for (int t = 0; t < p->steps; t++) {
		sum += (p->step[t].buy + p->step[t].sell) * p->step[t].hours;
		hours += p->step[t].hours;
	}
	return sum / 2 / hours;
}

double outlook_end_value(const struct problem *p, double efficiency, double wear)
{
	return fmax(0, mean_price(p) * efficiency - wear);
}

/* --- cars ---------------------------------------------------------------------------------------
 */

static bool is_connected(const struct site_windows *windows, const struct step *s)
{
	double share = windows->count ? 0 : 1;
	for (int i = 0; i < windows->count; i++) {
		share += share_of(&windows->window[i], s);
	}
	return share >= whole;
}

static void fill_ev(const struct site_ev *e, double unmet_price, struct problem *p,
		    struct ev_model *m)
{
	*m = e->model;
	m->unmet_price = e->has_unmet ? m->unmet_price : unmet_price;
	if (!e->has_end) {
		m->end_value = outlook_end_value(p, m->discharge_efficiency, m->wear);
	}
	for (int t = 0; t < p->steps; t++) {
		m->connected[t] = is_connected(&e->connected, &p->step[t]);
	}
}

/* --- loads --------------------------------------------------------------------------------------
 */

/* Steps that lie in one occurrence of a window as a whole. */
struct piece {
	int first, end;
	int64_t day; /* that the occurrence began on */
	double hours;
};

/* The next piece from step t on; false: none. In autumn an occurrence may have two: see below. */
static bool next_piece(const struct problem *p, const struct window *w, int t, struct piece *out)
{
	while (t < p->steps && share_of(w, &p->step[t]) < whole) {
		t++;
	}
	if (t == p->steps) {
		return false;
	}
	*out = (struct piece){ .first = t, .day = window_day(w, p->step[t].start_s) };
	for (; t < p->steps && share_of(w, &p->step[t]) >= whole &&
	       window_day(w, p->step[t].start_s) == out->day;
	     t++) {
		out->hours += p->step[t].hours;
	}
	out->end = t;
	return true;
}

/* Whether the occurrence of the window that began on that day holds at wall_s too. */
static bool still_holds(const struct window *w, int64_t day, int64_t wall_s)
{
	return window_holds(w, timezone_day_second(wall_s)) && window_day(w, wall_s) == day;
}

/* Keep the runs in order; the last makes way. */
static void insert_run(struct load_model *m, const struct load_run *run)
{
	if (m->runs == RUNS_MAX && m->run[RUNS_MAX - 1].first <= run->first) {
		return;
	}
	m->runs -= m->runs == RUNS_MAX;
	int k = m->runs++;
	for (; k > 0 && m->run[k - 1].first > run->first; k--) {
		m->run[k] = m->run[k - 1];
	}
	m->run[k] = *run;
}

/* A piece becomes a run, unless the window goes on behind the horizon: then there is time yet; or
 * it was open before and is over, or nearly: then it was served, or it is too late. */
static void add_run(const struct problem *p, const struct window *w, const struct site_load *l,
		    double done_h, const struct piece *piece, struct load_model *m)
{
	bool open = piece->first == 0 && still_holds(w, piece->day, p->step[0].start_s - 1);
	double left_h = l->duration_s / 3600 - (open ? done_h : 0);
	bool begun = open && done_h > 0;
	if (left_h < 1e-6 || (open && !begun && left_h > piece->hours + 1e-9)) {
		return;
	}
	if (!begun && piece->end == p->steps &&
	    still_holds(w, piece->day, step_end_s(&p->step[p->steps - 1]))) {
		return;
	}
	struct load_run run = { piece->first, piece->end, left_h };
	insert_run(m, &run);
}

static void add_window(const struct problem *p, const struct window *w, const struct site_load *l,
		       double done_h, struct load_model *m)
{
	struct piece piece, other;
	bool any = next_piece(p, w, 0, &piece);
	while (any) {
		/* Where the clock goes back over the window's end it holds twice: the longer. */
		any = next_piece(p, w, piece.end, &other);
		while (any && other.day == piece.day) {
			piece = other.hours > piece.hours ? other : piece;
			any = next_piece(p, w, other.end, &other);
		}
		add_run(p, w, l, done_h, &piece, m);
		piece = other;
	}
}

static void fill_load(const struct site_load *l, double unmet_price, double done_h, bool running,
		      const struct problem *p, struct load_model *m)
{
	static const struct window all_day = { 0, 86400 };
	*m = l->model;
	m->unmet_price = l->has_unmet ? m->unmet_price : unmet_price;
	m->runs = 0;
	for (int i = 0; i < l->windows.count; i++) {
		add_window(p, &l->windows.window[i], l, done_h, m);
	}
	if (l->windows.count == 0) {
		add_window(p, &all_day, l, done_h, m);
	}
	m->running = running && m->runs && m->run[0].first == 0;
}

/* --- heat ---------------------------------------------------------------------------------------
 */

double outlook_cop(const struct site_thermal *t, double outdoor_c)
{
	if (t->cops == 0) {
		return 1;
	}
	int k = 0;
	while (k < t->cops && t->cop[k].outdoor_c < outdoor_c) {
		k++;
	}
	if (k == 0 || k == t->cops) {
		return t->cop[k ? k - 1 : 0].cop;
	}
	double part = (outdoor_c - t->cop[k - 1].outdoor_c) /
		      (t->cop[k].outdoor_c - t->cop[k - 1].outdoor_c);
	return t->cop[k - 1].cop + part * (t->cop[k].cop - t->cop[k - 1].cop);
}

static void band_at(const struct site_thermal *t, int64_t wall_s, double *low_c, double *high_c)
{
	int day_s = timezone_day_second(wall_s);
	*low_c = t->low_c;
	*high_c = t->high_c;
	for (int i = 0; i < t->bands; i++) {
		if (window_holds(&t->band[i].when, day_s)) {
			*low_c = t->band[i].low_c;
			*high_c = t->band[i].high_c;
		}
	}
}

/* At the end of a step what held until then counts and what holds from then on; where there is
 * nothing in both, the latter. */
static void fill_band(const struct site_thermal *t, int64_t end_s, double *low_c, double *high_c)
{
	double low_before_c, high_before_c;
	band_at(t, end_s - 1, &low_before_c, &high_before_c);
	band_at(t, end_s, low_c, high_c);
	if (fmax(*low_c, low_before_c) <= fmin(*high_c, high_before_c)) {
		*low_c = fmax(*low_c, low_before_c);
		*high_c = fmin(*high_c, high_before_c);
	}
}

/* Warmest at 16:00 local. */
static double outdoor_at(const struct site_thermal *t, const struct step *s)
{
	int64_t middle_s = s->start_s + (int64_t)(s->hours * 1800);
	double hour = timezone_day_second(middle_s) / 3600.0;
	return t->outdoor_c + t->swing_k * cos(2 * M_PI * (hour - 16) / 24);
}

static double draw_of(const struct site_thermal *t, const struct step *s)
{
	double w = -t->gain_w;
	for (int i = 0; i < t->draws; i++) {
		double hours = window_length_s(&t->draw[i].when) / 3600.0;
		w += t->draw[i].wh / hours * share_of(&t->draw[i].when, s);
	}
	return w;
}

static void fill_thermal(const struct site_thermal *t, double price, const struct problem *p,
			 struct thermal_model *m)
{
	double cop = 0;
	m->capacity_wh_per_k = t->capacity_wh_per_k;
	m->loss_w_per_k = t->loss_w_per_k;
	m->start_c = t->start_c;
	m->power_limit_w = t->power_w;
	m->on_off = t->kind == 0;
	for (int i = 0; i < p->steps; i++) {
		const struct step *s = &p->step[i];
		fill_band(t, step_end_s(s), &m->low_c[i], &m->high_c[i]);
		m->ambient_c[i] = t->building ? outdoor_at(t, s) : t->outdoor_c;
		m->cop[i] = outlook_cop(t, m->ambient_c[i]);
		m->draw_w[i] = draw_of(t, s);
		cop += m->cop[i] / p->steps;
	}
	m->discomfort = t->has_discomfort ? t->discomfort
					  : discomfort_prices * price * m->capacity_wh_per_k / 1e3;
	m->end_value = t->has_end ? t->end_value : outlook_end_value(p, 1 / cop, 0);
}

void outlook_assets(const struct site *site, const struct assets_now *now, struct problem *p)
{
	double unmet_price = problem_soft_prices(p).end_kwh;
	double price = problem_price_scale(p);
	for (int i = 0; i < site->evs; i++) {
		fill_ev(&site->ev[i], unmet_price, p, &p->ev[i]);
		p->ev[i].soc_start = now ? now->ev_soc[i] : p->ev[i].soc_start;
	}
	for (int i = 0; i < site->loads; i++) {
		fill_load(&site->load[i], unmet_price, now ? now->done_h[i] : 0,
			  now && now->running[i], p, &p->load[i]);
	}
	for (int i = 0; i < site->thermals; i++) {
		fill_thermal(&site->thermal[i], price, p, &p->thermal[i]);
		p->thermal[i].start_c = now ? now->heat_c[i] : p->thermal[i].start_c;
	}
	p->evs = site->evs;
	p->loads = site->loads;
	p->thermals = site->thermals;
}
