/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/storage.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A step's curve has two vertices at each piece's end within reach, and at either end and at rest.
 */
enum { STEP_VERTICES_MAX = 2 * STORAGE_PIECES_MAX + 4 };
static const double rounding = 1e-12; /* relative: what a difference of equals may leave */

struct step_curve {
	int vertices;
	struct storage_vertex vertex[STEP_VERTICES_MAX];
};

/* --- a step's curve: the energy it takes out of the store, over the price
 * -------------------------
 */

/* The marginal cost of net import within a piece. */
static double marginal(const struct storage_step *s, int piece, double net_kw)
{
	const struct storage_piece *p = &s->piece[piece];
	double rise = 0;
	if (p->slope > 0) { /* not the first, which is endless */
		bool last = piece + 1 == s->pieces;
		rise = p->slope * (net_kw - p->from_kw);
		rise = fmin(rise, last ? INFINITY : p[1].price - p->price); /* by rounding */
	}
	return p->price + rise + s->rho * (net_kw - s->centre_kw) / s->hours;
}

static void put(struct step_curve *c, double price, double kwh)
{
	c->vertex[c->vertices++] = (struct storage_vertex){ .price = price, .kwh = kwh };
}

/* One way of the store's power, from net import high_kw down to low_kw: per kWh at the AC side it
 * gives `stored` kWh less to the store, and `wear` is paid. */
static void put_side(struct step_curve *c, const struct storage_step *s, double high_kw,
		     double low_kw, double stored, double wear)
{
	int k = s->pieces - 1;
	if (!(high_kw > low_kw)) {
		return;
	}
	while (k > 0 && s->piece[k].from_kw >= high_kw) {
		k--;
	}
	put(c, -(marginal(s, k, high_kw) - wear) / stored,
	    (s->net_kw - high_kw) * s->hours * stored);
	for (; s->piece[k].from_kw > low_kw; k--) {
		double from_kw = s->piece[k].from_kw;
		double kwh = (s->net_kw - from_kw) * s->hours * stored;
		put(c, -(marginal(s, k, from_kw) - wear) / stored, kwh);
		put(c, -(marginal(s, k - 1, from_kw) - wear) / stored, kwh);
	}
	put(c, -(marginal(s, k, low_kw) - wear) / stored, (s->net_kw - low_kw) * s->hours * stored);
}

/* Returns 0, or -EDOM where it does not rise. */
static int make_step_curve(const struct storage *s, int t, struct step_curve *c)
{
	const struct storage_step *step = &s->step[t];
	c->vertices = 0;
	put_side(c, step, step->net_kw + step->charge_max_kw, step->net_kw, s->charge_efficiency,
		 0);
	put_side(c, step, step->net_kw, step->net_kw - step->discharge_max_kw,
		 1 / s->discharge_efficiency, step->wear);
	if (c->vertices == 0) { /* a store that cannot move, whatever the price */
		put(c, 0, 0);
	}
	for (int i = 1; i < c->vertices; i++) {
		double fall = c->vertex[i - 1].price - c->vertex[i].price;
		if (fall > rounding * (1 + fabs(c->vertex[i].price))) {
			return -EDOM;
		}
		c->vertex[i].price = fmax(c->vertex[i].price, c->vertex[i - 1].price);
	}
	return 0;
}

/* --- curves -------------------------------------------------------------------------------------
 */

/* The curve's kWh at a price, coming from below, with `next` the first vertex not below it. */
static double kwh_at(const struct storage_vertex *v, int vertices, int next, double price)
{
	if (next == 0) {
		return v[0].kwh;
	}
	if (next == vertices) {
		return v[vertices - 1].kwh;
	}
	const struct storage_vertex *a = &v[next - 1], *b = &v[next];
	if (price >= b->price) {
		return b->kwh;
	}
	return a->kwh + (b->kwh - a->kwh) * (price - a->price) / (b->price - a->price);
}

/* All kWh at a price. */
static struct storage_range kwh_range(const struct storage_vertex *v, int vertices, double price)
{
	int next = 0;
	while (next < vertices && v[next].price < price) {
		next++;
	}
	struct storage_range r = { .low = kwh_at(v, vertices, next, price) };
	r.high = r.low;
	while (next < vertices && v[next].price <= price) {
		r.high = v[next++].kwh;
	}
	return r;
}

/* Add a vertex, in place of the one before where that lies between two of the same price or kWh. */
static bool append(struct storage_curve *c, double price, double kwh)
{
	struct storage_vertex *v = c->vertex + c->vertices;
	bool same = c->vertices > 0 && v[-1].price == price && v[-1].kwh == kwh;
	bool straight = c->vertices > 1 && ((v[-1].price == price && v[-2].price == price) ||
					    (v[-1].kwh == kwh && v[-2].kwh == kwh));
	if (same || straight) {
		v--;
	} else if (c->vertices == STORAGE_CURVE_MAX) {
		return false;
	} else {
		c->vertices++;
	}
	*v = (struct storage_vertex){ .price = price, .kwh = kwh };
	return true;
}

static int add_curves(const struct storage_curve *a, const struct step_curve *b,
		      struct storage_curve *sum)
{
	int i = 0, k = 0;
	sum->vertices = 0;
	while (i < a->vertices || k < b->vertices) {
		bool first = k == b->vertices ||
			     (i < a->vertices && a->vertex[i].price <= b->vertex[k].price);
		double price = first ? a->vertex[i].price : b->vertex[k].price;
		double kwh = first ? a->vertex[i].kwh + kwh_at(b->vertex, b->vertices, k, price)
				   : b->vertex[k].kwh + kwh_at(a->vertex, a->vertices, i, price);
		if (!append(sum, price, kwh)) {
			return -ENOSPC;
		}
		i += first;
		k += !first;
	}
	return 0;
}

/* The lowest price at which the curve reaches kwh: at vertex `next`, the first not below it. */
static double price_at(const struct storage_curve *c, int next, double kwh)
{
	if (next == 0) {
		return c->vertex[0].price;
	}
	const struct storage_vertex *a = &c->vertex[next - 1], *b = &c->vertex[next];
	return a->price + (b->price - a->price) * (kwh - a->kwh) / (b->kwh - a->kwh);
}

/* Copy from into to, cut to low..high, and tell between which prices it lies there. */
static int cut(const struct storage_curve *from, double low, double high, struct storage_curve *to,
	       double *low_price, double *high_price)
{
	const struct storage_vertex *v = from->vertex;
	int first = 0, last = from->vertices - 1;
	double slack = rounding * (1 + fabs(low) + fabs(high));
	if (v[last].kwh < low - slack || v[0].kwh > high + slack || low > high + slack) {
		return -EDOM;
	}
	low = fmin(low, v[last].kwh);
	high = fmax(fmax(high, low), v[0].kwh);
	while (v[first].kwh < low) {
		first++;
	}
	while (v[last].kwh > high) {
		last--;
	}
	*low_price = first > 0 ? price_at(from, first, low) : -INFINITY;
	to->vertices = 0;
	if (first > 0 && !append(to, *low_price, low)) {
		return -ENOSPC;
	}
	for (int i = first; i <= last; i++) {
		if (!append(to, v[i].price, v[i].kwh)) {
			return -ENOSPC;
		}
	}
	bool open = last == from->vertices - 1;
	*high_price = open ? INFINITY : price_at(from, last + 1, high);
	if (!open && !append(to, *high_price, high)) {
		return -ENOSPC;
	}
	return 0;
}

static void make_end(const struct storage *s, struct storage_curve *c)
{
	const struct storage_step *last = &s->step[s->steps - 1];
	double target = fmin(fmax(s->end_kwh, last->low_kwh), last->high_kwh);
	c->vertices = 0;
	if (s->end_price > 0) {
		(void)append(c, -s->end_value - s->end_price, last->low_kwh);
		(void)append(c, -s->end_value - s->end_price, target);
		(void)append(c, -s->end_value, target);
	} else {
		(void)append(c, -s->end_value, last->low_kwh);
	}
	(void)append(c, -s->end_value, last->high_kwh);
}

/* --- there and back -----------------------------------------------------------------------------
 */

static void copy_curve(const struct storage_curve *from, struct storage_curve *to)
{
	to->vertices = from->vertices;
	memcpy(to->vertex, from->vertex, (size_t)from->vertices * sizeof(*from->vertex));
}

/* From the end to the start. *price: what V's slope is in the first step. */
static int go_back(const struct storage *s, struct storage_plan *p, double *price)
{
	make_end(s, &p->curve);
	for (int t = s->steps - 1; t >= 0; t--) {
		struct step_curve step;
		int r = make_step_curve(s, t, &step);
		if (r == 0) {
			r = add_curves(&p->curve, &step, &p->sum);
		}
		if (r < 0) {
			return r;
		}
		if (t < STORAGE_AFTER) {
			copy_curve(&p->curve, &p->after[t]);
		}
		const struct storage_step *before = &s->step[t > 0 ? t - 1 : 0];
		double low = t > 0 ? before->low_kwh : s->start_kwh;
		double high = t > 0 ? before->high_kwh : s->start_kwh;
		r = cut(&p->sum, low, high, &p->curve, &p->price[t].low, &p->price[t].high);
		if (r < 0) {
			return r;
		}
	}
	double low = p->price[0].low, high = p->price[0].high;
	*price = isfinite(low) ? low : isfinite(high) ? high : p->curve.vertex[0].price;
	return 0;
}

/* The prices forward: they change only where the store is at a bound. What must be stored at each
 * step's start for that is noted as what can be reached. */
static void go_along(const struct storage *s, struct storage_plan *p, double price)
{
	for (int t = 0; t < s->steps; t++) {
		double low = t > 0 ? s->step[t - 1].low_kwh : s->start_kwh;
		double high = t > 0 ? s->step[t - 1].high_kwh : s->start_kwh;
		if (t > 0 && price < p->price[t].low) {
			high = low;
			price = p->price[t].low;
		} else if (t > 0 && price > p->price[t].high) {
			low = high;
			price = p->price[t].high;
		}
		p->reach[t] = (struct storage_range){ low, high };
		p->value[t] = -price;
	}
	make_end(s, &p->curve);
	p->reach[s->steps] = kwh_range(p->curve.vertex, p->curve.vertices, price);
}

/* What the store takes up in step t at its price, kWh. */
static struct storage_range uptake(const struct storage *s, int t, double value)
{
	struct step_curve c;
	(void)make_step_curve(s, t, &c);
	struct storage_range out = kwh_range(c.vertex, c.vertices, -value);
	return (struct storage_range){ .low = -out.high, .high = -out.low };
}

/* From which stored energies the rest can be done at these prices. */
static void narrow(const struct storage *s, struct storage_plan *p)
{
	for (int t = s->steps - 1; t >= 0; t--) {
		const struct storage_range *u = &p->uptake[t];
		p->uptake[t] = uptake(s, t, p->value[t]);
		double low = fmax(p->reach[t].low, p->reach[t + 1].low - u->high);
		double high = fmin(p->reach[t].high, p->reach[t + 1].high - u->low);
		if (low > high) { /* by rounding */
			low = high =
				fmin(fmax((low + high) / 2, p->reach[t].low), p->reach[t].high);
		}
		p->reach[t] = (struct storage_range){ low, high };
	}
}

static void go_forward(const struct storage *s, struct storage_plan *p)
{
	double kwh = s->start_kwh;
	for (int t = 0; t < s->steps; t++) {
		double low = fmax(p->uptake[t].low, p->reach[t + 1].low - kwh);
		double high = fmin(p->uptake[t].high, p->reach[t + 1].high - kwh);
		double up = low > high ? (low + high) / 2 : fmin(fmax(0, low), high);
		p->power_kw[t] =
			up > 0 ? -up / s->charge_efficiency : -up * s->discharge_efficiency;
		p->power_kw[t] /= s->step[t].hours;
		kwh += up;
		p->stored_kwh[t] = kwh;
	}
}

int storage_solve(const struct storage *s, struct storage_plan *out)
{
	double price;
	int r = go_back(s, out, &price);
	if (r < 0) {
		return r;
	}
	go_along(s, out, price);
	narrow(s, out);
	go_forward(s, out);
	return 0;
}

/* --- several ways ahead -------------------------------------------------------------------------
 */

/* The prices at which a curve has that much stored. */
static struct storage_range price_range(const struct storage_vertex *v, int vertices, double kwh)
{
	int next = 0;
	while (next < vertices && v[next].kwh < kwh) {
		next++;
	}
	struct storage_range r = { v[0].price, v[0].price };
	if (next == vertices) {
		r.low = r.high = v[vertices - 1].price;
	} else if (next > 0) {
		const struct storage_vertex *a = &v[next - 1], *b = &v[next];
		r.low = a->price + (b->price - a->price) * (kwh - a->kwh) / (b->kwh - a->kwh);
		r.high = r.low;
	}
	for (; next < vertices && v[next].kwh <= kwh; next++) {
		r.high = v[next].price;
	}
	return r;
}

static struct storage_range mean_range(const struct storage_curve *after, const double *weight,
				       int count, double kwh)
{
	struct storage_range mean = { 0, 0 };
	double sum = 0;
	for (int i = 0; i < count; i++) {
		struct storage_range r = price_range(after[i].vertex, after[i].vertices, kwh);
		mean.low += weight[i] * r.low;
		mean.high += weight[i] * r.high;
		sum += weight[i];
	}
	return (struct storage_range){ mean.low / sum, mean.high / sum };
}

int storage_hedge(const struct storage *s, const struct storage_curve *after, const double *weight,
		  int count, double *kwh, double *value)
{
	enum { HALVINGS = 60 };
	struct step_curve step;
	if (make_step_curve(s, 0, &step) < 0) {
		return -EDOM;
	}
	/* The step's curve tells what it takes out of the store: minus what it takes up. */
	double low = s->start_kwh - step.vertex[step.vertices - 1].kwh;
	double high = s->start_kwh - step.vertex[0].kwh;
	for (int i = 0; i < count; i++) { /* and each way can be gone from there */
		low = fmax(low, after[i].vertex[0].kwh);
		high = fmin(high, after[i].vertex[after[i].vertices - 1].kwh);
	}
	if (low > high) {
		return -EDOM;
	}
	for (int i = 0; i < HALVINGS && high > low; i++) {
		double middle = (low + high) / 2;
		struct storage_range now =
			price_range(step.vertex, step.vertices, s->start_kwh - middle);
		struct storage_range later = mean_range(after, weight, count, middle);
		/* Storing more costs more from here on than it is worth. */
		if (-now.low + later.high >= 0) {
			high = middle;
		} else {
			low = middle;
		}
	}
	*kwh = high;
	struct storage_range now = price_range(step.vertex, step.vertices, s->start_kwh - high);
	struct storage_range later = mean_range(after, weight, count, high);
	*value = -fmin(fmax((now.low + now.high) / 2, later.low), later.high);
	return 0;
}

/* The least kWh above `kwh` at which one of the curves bends, or high_kwh. */
static double next_bend(const struct storage_curve *after, int count, int *at, double kwh,
			double high_kwh)
{
	double next = high_kwh;
	for (int i = 0; i < count; i++) {
		while (at[i] < after[i].vertices && after[i].vertex[at[i]].kwh <= kwh) {
			at[i]++;
		}
		if (at[i] < after[i].vertices) {
			next = fmin(next, after[i].vertex[at[i]].kwh);
		}
	}
	return next;
}

/* Leave out the inner vertex whose absence changes the curve least. */
static int drop_least(struct storage_vertex *v, int vertices)
{
	int least = 1;
	double least_area = INFINITY;
	for (int i = 1; i + 1 < vertices; i++) {
		double a = (v[i].price - v[i - 1].price) * (v[i + 1].kwh - v[i - 1].kwh);
		double b = (v[i + 1].price - v[i - 1].price) * (v[i].kwh - v[i - 1].kwh);
		if (fabs(a - b) < least_area) {
			least_area = fabs(a - b);
			least = i;
		}
	}
	memmove(v + least, v + least + 1, (size_t)(vertices - least - 1) * sizeof(*v));
	return vertices - 1;
}

int storage_mean(const struct storage_curve *after, const double *weight, int count, double low_kwh,
		 double high_kwh, struct storage_vertex *out, int max)
{
	int vertices = 0, at[STORAGE_WAYS_MAX] = { 0 };
	double kwh = low_kwh;
	for (bool first = true, last = false; !last; first = false) {
		last = !(kwh < high_kwh);
		struct storage_range r = mean_range(after, weight, count, kwh);
		const double price[] = { r.low, r.high };
		for (int k = first; k < (last ? 1 : 2); k++) {
			vertices = vertices == max ? drop_least(out, vertices) : vertices;
			out[vertices++] = (struct storage_vertex){ price[k], kwh };
		}
		kwh = next_bend(after, count, at, kwh, high_kwh);
	}
	return vertices;
}
