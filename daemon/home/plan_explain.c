/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/plan_explain.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "daemon/base/isotime.h"
#include "daemon/base/tariff.h"
#include "policy/follow.h"

static const double near_w = 1;
static const double near_soc = 1e-4;
static const double near_k = 0.01;

/* A line under way, and what it is about. */
struct line {
	const struct site *site;
	const struct problem *p;
	const struct plan *plan;
	int t;
	const struct plan_slot *slot;
	char *out;
	int size, used;
	bool gives; /* a soft limit, in this slot */
};

__attribute__((format(printf, 2, 3))) static void say(struct line *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(l->out + l->used, (size_t)(l->size - l->used), format, args);
	va_end(args);
	l->used = n < l->size - l->used ? l->used + n : l->size - 1;
}

static bool near(double a, double b)
{
	return fabs(a - b) < near_w;
}

/* What a kWh more or less costs in a slot. */
static double price_of(const struct plan_slot *s)
{
	return s->grid_w < -near_w ? s->step.sell : s->step.buy;
}

static double mean_price(const struct plan *plan, int first, int end)
{
	double sum = 0, hours = 0;
	for (int t = first; t < end; t++) {
		sum += price_of(&plan->slot[t]) * plan->slot[t].step.hours;
		hours += plan->slot[t].step.hours;
	}
	return hours > 0 ? sum / hours : 0;
}

/* "0.041 below the mean while connected" */
static void say_spread(struct line *l, int first, int end, const char *when)
{
	double less = mean_price(l->plan, first, end) - price_of(l->slot);
	say(l, " at %.3f, %.3f %s the mean %s", price_of(l->slot), fabs(less),
	    less >= 0 ? "below" : "above", when);
}

static void say_time(struct line *l)
{
	char time[ISOTIME_SIZE];
	int64_t at_s = l->slot->step.start_s;
	isotime_format(at_s + timezone_offset_s(at_s), time);
	say(l, "%.10s %.5s  ", time, time + 11);
}

/* --- the connection -----------------------------------------------------------------------------
 */

static void say_limit(struct line *l, const char *name, double w, double limit_w)
{
	if (w > limit_w + near_w) {
		say(l, ", %.2f kW beyond the %s limit: it cannot be kept", (w - limit_w) / 1e3,
		    name);
		l->gives = true;
	} else if (near(w, limit_w) && w > near_w) {
		say(l, ", the %s limit binds", name);
	}
}

static void say_grid(struct line *l)
{
	const struct plan_slot *s = l->slot;
	const struct problem *p = l->p;
	if (s->grid_w > near_w) {
		say(l, "imports %.2f kW at %.3f", s->grid_w / 1e3, s->step.buy);
	} else if (s->grid_w < -near_w) {
		say(l, "exports %.2f kW at %.3f", -s->grid_w / 1e3, s->step.sell);
	} else {
		say(l, "no exchange");
	}
	say_limit(l, "import", s->grid_w, s->step.import_limit_w);
	say_limit(l, "export", -s->grid_w, s->step.export_limit_w);
	if (s->grid_w > p->subscribed_w + near_w) {
		say(l, ", above the subscribed power: %.3f more for each kWh", p->overuse_price);
	} else if (near(s->grid_w, p->subscribed_w)) {
		say(l, ", held at the subscribed power: beyond it %.3f more", p->overuse_price);
	}
	if (s->peak_price > 0) {
		say(l, ", sets the peak: a kWh more would cost %.3f on top", s->peak_price);
	}
	if (s->step.pv_w - s->pv_w > near_w) {
		say(l, "; sun limited from %.2f to %.2f kW", s->step.pv_w / 1e3, s->pv_w / 1e3);
	}
}

/* --- batteries ----------------------------------------------------------------------------------
 */

/* What one more kWh through a limit that binds would bring. */
static void say_power_limit(struct line *l, const struct battery_model *b, double w, double value)
{
	double charged = value * b->charge_efficiency - price_of(l->slot);
	double discharged = price_of(l->slot) - value / b->discharge_efficiency - b->wear;
	if (w < -near_w && near(w, -b->charge_limit_w)) {
		say(l, ", at its charge limit (a kWh more: %.3f)", fmax(0, charged));
	} else if (w > near_w && near(w, b->discharge_limit_w)) {
		say(l, ", at its discharge limit (a kWh more: %.3f)", fmax(0, discharged));
	}
}

static void say_battery(struct line *l, int i, const struct follow_decision *d)
{
	char text[160];
	const struct battery_model *b = &l->p->battery[i];
	double soc = l->slot->soc[i], w = l->slot->battery_w[i];
	say(l, "; %s ", l->site->battery[i].link.name);
	if (fabs(w) > near_w) {
		say(l, "%s %.2f kW", w > 0 ? "discharges" : "charges", fabs(w) / 1e3);
	} else {
		say(l, "rests");
	}
	say(l, " (%s)", follow_explain(d, text, sizeof(text)));
	say_power_limit(l, b, w, l->slot->value[i]);
	if (soc <= b->soc_min + near_soc) {
		bool reserve = l->site->battery[i].reserve >= b->soc_min - near_soc &&
			       l->site->battery[i].reserve > 0;
		say(l, ", %s %.0f %%", reserve ? "down to its reserve of" : "empty at", soc * 100);
	} else if (soc >= b->soc_max - near_soc) {
		say(l, ", full at %.0f %%", soc * 100);
	}
}

static void say_batteries(struct line *l)
{
	struct follow_decision d[BATTERIES_MAX];
	double soc[BATTERIES_MAX], net_w = l->slot->grid_w;
	for (int i = 0; i < l->p->batteries; i++) {
		soc[i] = l->t ? l->slot[-1].soc[i] : l->p->battery[i].soc_start;
		net_w += l->slot->battery_w[i];
	}
	follow_decide(l->slot, l->plan->objective, l->p->battery, l->p->batteries, soc, net_w, d);
	for (int i = 0; i < l->p->batteries; i++) {
		say_battery(l, i, &d[i]);
	}
}

/* --- cars ---------------------------------------------------------------------------------------
 */

static void say_departure(struct line *l, const struct ev_model *m, double soc)
{
	double missing_kwh = (m->soc_target - soc) * m->capacity_wh / 1e3;
	say(l, ", leaves with %.0f %%", soc * 100);
	if (missing_kwh > 1e-3) {
		say(l, ", %.2f kWh short of its target: counts %.2f", missing_kwh,
		    missing_kwh * m->unmet_price);
		l->gives = true;
	} else if (m->soc_target >= 0 && missing_kwh > -1e-3) {
		say(l, ", its target");
	}
}

static void say_ev(struct line *l, int i)
{
	const struct ev_model *m = &l->p->ev[i];
	double w = l->slot->ev_w[i], soc = l->slot->ev_soc[i];
	int first = l->t, end = l->t + 1;
	if (!m->connected[l->t]) {
		return;
	}
	while (first > 0 && m->connected[first - 1]) {
		first--;
	}
	while (end < l->p->steps && m->connected[end]) {
		end++;
	}
	say(l, "; %s ", l->site->ev[i].link.name);
	if (w < -near_w) {
		say(l, "charges %.2f kW", -w / 1e3);
		say_spread(l, first, end, "while connected");
		say(l, "%s", near(w, -m->charge_limit_w) ? ", at its limit" : "");
	} else if (w > near_w) {
		say(l, "gives %.2f kW at %.3f", w / 1e3, price_of(l->slot));
	} else {
		say(l, "%s", soc >= m->soc_max - near_soc ? "is full" : "waits");
	}
	if (end == l->t + 1 && end < l->p->steps) {
		say_departure(l, m, soc);
	}
}

/* --- loads --------------------------------------------------------------------------------------
 */

static double served_kwh(const struct line *l, int i, const struct load_run *run)
{
	double kwh = 0;
	for (int t = run->first; t < run->end; t++) {
		kwh += l->plan->slot[t].run_w[i] * l->plan->slot[t].step.hours / 1e3;
	}
	return kwh;
}

static void say_load(struct line *l, int i)
{
	const struct load_model *m = &l->p->load[i];
	const char *name = l->site->load[i].link.name;
	double w = l->slot->run_w[i];
	for (int k = 0; k < m->runs; k++) {
		const struct load_run *run = &m->run[k];
		if (l->t < run->first || l->t >= run->end) {
			continue;
		}
		double missing_kwh = m->power_w / 1e3 * run->duration_h - served_kwh(l, i, run);
		if (w > near_w) {
			bool starts = l->t == run->first || l->slot[-1].run_w[i] <= near_w;
			say(l, "; %s %s", name, starts ? "starts" : "runs");
			say_spread(l, run->first, run->end, "of its window");
		}
		if (l->t == run->end - 1 && missing_kwh > 1e-3) {
			say(l, "; %s %.2f kWh short at its window's end: counts %.2f", name,
			    missing_kwh, missing_kwh * m->unmet_price);
			l->gives = true;
		}
	}
}

/* --- heat ---------------------------------------------------------------------------------------
 */

static void say_thermal(struct line *l, int i)
{
	const struct thermal_model *m = &l->p->thermal[i];
	double w = l->slot->heat_w[i], c = l->slot->heat_c[i];
	double low_c = m->low_c[l->t], high_c = m->high_c[l->t];
	say(l, "; %s ", l->site->thermal[i].link.name);
	if (w > near_w) {
		say(l, "heats with %.2f kW to %.1f degC", w / 1e3, c);
	} else {
		say(l, "is left at %.1f degC", c);
	}
	if (c < low_c - near_k || c > high_c + near_k) {
		double over_k = fmax(low_c - c, c - high_c);
		say(l, ", %.1f K out of its band: counts %.2f", over_k,
		    over_k * l->slot->step.hours * m->discomfort);
		l->gives = true;
	} else if (c <= low_c + near_k) {
		say(l, ", the lowest it may have");
	} else if (c >= high_c - near_k) {
		say(l, ", the highest it may have");
	}
}

bool plan_explain(const struct site *site, const struct problem *p, const struct plan *plan, int t,
		  char *out, int size)
{
	struct line l = { site, p, plan, t, &plan->slot[t], out, size, 0, false };
	*out = '\0';
	say_time(&l);
	say_grid(&l);
	say_batteries(&l);
	for (int i = 0; i < p->evs; i++) {
		say_ev(&l, i);
	}
	for (int i = 0; i < p->loads; i++) {
		say_load(&l, i);
	}
	for (int i = 0; i < p->thermals; i++) {
		say_thermal(&l, i);
	}
	return l.gives;
}

void plan_explain_put(const struct site *site, const struct problem *p, const struct plan *plan,
		      struct json_out *o)
{
	char text[PLAN_LINE_MAX], gap[48] = "how far from the best is not known";
	if (isfinite(plan->gap)) {
		(void)snprintf(gap, sizeof(gap), "at most %.2g %% above the best", plan->gap * 100);
	}
	(void)snprintf(
		text, sizeof(text),
		"%s plan by %s, %s: energy costs %.2f, with wear, peak and what is left %.2f "
		"%s; prices per kWh, times of %s",
		plan_status_name(plan->status), plan_method_name(plan->method), gap,
		plan->energy_cost, plan->total_cost, site->tariff.currency, site->timezone);
	json_open_array(o, "lines");
	json_put_text(o, NULL, text);
	for (int t = 0; t < plan->slots; t++) {
		(void)plan_explain(site, p, plan, t, text, sizeof(text));
		json_put_text(o, NULL, text);
	}
	json_close(o);
}
