/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What homes there are, and where. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/chance.h"
#include "sim/negotiation_private.h"

enum { HOUR_S = 3600 };
enum { ARRIVES_S = 17 * HOUR_S, LEAVES_S = 6 * HOUR_S, SPREAD_S = 3 * HOUR_S };
#define ROOM 1.6 /* of a connection, over the peak load */

/* --- who is where -------------------------------------------------------------------------------
 */

struct bus_load {
	int bus;
	double p_w;
};

static int by_load(const void *one, const void *two)
{
	const struct bus_load *a = one, *b = two;
	return a->p_w != b->p_w ? (a->p_w < b->p_w) - (a->p_w > b->p_w) : a->bus - b->bus;
}

/* The buses with load, the largest first. Returns how many. */
static int list_loads(const struct feeder *f, struct bus_load *out)
{
	int count = 0;
	for (int b = 0; b < f->buses; b++) {
		if (f->bus[b].p_w > 0 && b != f->source) {
			out[count++] = (struct bus_load){ b, f->bus[b].p_w };
		}
	}
	qsort(out, (size_t)count, sizeof(*out), by_load);
	return count;
}

/* Whether one that is made up has that name. */
static bool is_made_up(const struct negotiation *w, const char *name)
{
	for (int i = 0; i < w->conf->count; i++) {
		if (strcmp(w->home[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* Prosumers go round the buses, and share what is active of each. */
static int place(struct negotiation *w, struct diag *d)
{
	const struct negotiation_conf *c = w->conf;
	struct bus_load *load = calloc((size_t)w->f.buses, sizeof(*load));
	int count = (int)c->count, loads = load ? list_loads(&w->f, load) : -ENOMEM;
	if (loads == 0 && count > 0) {
		(void)diag_error(d, c->path, 0, "%s has no bus with load, expected one for homes",
				 c->feeder);
	}
	for (int i = 0; i < count && loads > 0; i++) {
		struct negotiation_home *h = &w->home[i];
		int at = i % loads, here = count / loads + (at < count % loads);
		snprintf(h->name, sizeof(h->name), "home-%d", i + 1);
		h->node = w->k.node[load[at].bus];
		h->peak_kw = c->penetration * c->load_scale * load[at].p_w / 1e3 / here;
		h->class = floor((i + 1) * c->cars) > floor(i * c->cars) ? NEGOTIATION_CAR
									 : NEGOTIATION_BATTERY;
	}
	free(load);
	for (int i = 0; i < c->prosumers; i++) {
		const struct negotiation_prosumer *p = &c->prosumer[i];
		struct negotiation_home *h = &w->home[count + i];
		int bus = feeder_find(&w->f, p->bus);
		memcpy(h->name, p->name, sizeof(h->name));
		h->class = p->class;
		h->peak_kw = p->peak_w / 1e3;
		if (is_made_up(w, p->name)) {
			(void)diag_error(
				d, c->path, p->line,
				"[prosumer %s] is one of the %lld of [homes] too, expected "
				"another name",
				p->name, (long long)c->count);
		}
		if (bus < 0) {
			(void)diag_error(d, c->path, p->line, "%s has no bus \"%s\"", c->feeder,
					 p->bus);
		} else if (bus == w->f.source) {
			(void)diag_error(d, c->path, p->line,
					 "bus \"%s\" is the source, expected one behind it",
					 p->bus);
		} else {
			h->node = w->k.node[bus];
		}
	}
	return loads == -ENOMEM ? loads : d->errors ? -EINVAL : 0;
}

/* What does not change over time. */
static void equip(struct negotiation *w, int i)
{
	const struct negotiation_conf *c = w->conf;
	struct negotiation_home *h = &w->home[i];
	bool car = h->class == NEGOTIATION_CAR;
	double store_kw = h->peak_kw * (car ? c->car_power : c->battery_power);
	h->connection_kw = h->peak_kw * fmax(ROOM, 1.2 * c->pv) + store_kw;
	h->home.steps = w->steps;
	h->home.charge_efficiency = c->efficiency;
	h->home.discharge_efficiency = c->efficiency;
	if (car) {
		uint32_t stream = (uint32_t)(NEGOTIATION_STREAMS * i + NEGOTIATION_CARS);
		int step_s = (int)c->step_s;
		double late = chance_uniform((uint64_t)c->seed, stream, 0);
		double early = chance_uniform((uint64_t)c->seed, stream, 1);
		int from_s = ARRIVES_S + (int)(late * SPREAD_S),
		    to_s = LEAVES_S + (int)(early * SPREAD_S);
		h->plugged = (struct window){ from_s / step_s * step_s, to_s / step_s * step_s };
	}
}

/* --- making it ----------------------------------------------------------------------------------
 */

static int find_columns(struct negotiation *w, struct diag *d)
{
	static const char *const names[] = { "load", "pv", "wholesale_per_kwh" };
	int *column[] = { &w->load, &w->pv, &w->wholesale };
	int r = 0;
	for (int i = 0; i < 3; i++) {
		*column[i] = series_column(&w->series, names[i]);
		if (*column[i] < 0) {
			r = diag_error(
				d, w->conf->series, 1,
				"no column %s, expected time, load, pv and wholesale_per_kwh",
				names[i]);
		}
	}
	return r;
}

static int read_files(struct negotiation *w, struct diag *d)
{
	const struct negotiation_conf *c = w->conf;
	char path[256];
	int r = series_read(&w->series, c->series, d);
	r = r == 0 ? find_columns(w, d) : r;
	if (feeder_locate(c->feeder, path, sizeof(path)) < 0) {
		r = diag_error(d, c->path, 0,
			       "feeder \"%s\" is none we ship, expected its name or a path",
			       c->feeder);
	} else {
		int read = feeder_read(path, &w->f, d);
		r = r < 0 ? r : read;
	}
	for (int b = 0; r == 0 && b < w->f.buses; b++) {
		w->f.bus[b].v_min = c->v_min;
		w->f.bus[b].v_max = c->v_max;
	}
	return r < 0 ? r : network_init(&w->k, &w->f);
}

static int make_rooms(struct negotiation *w)
{
	if (w->homes < 1 || w->steps < 1) {
		return -EINVAL;
	}
	size_t cells = (size_t)w->homes * (size_t)w->steps;
	w->buy = calloc(3 * (size_t)w->steps + cells + (size_t)w->homes, sizeof(*w->buy));
	w->plan = calloc(1, sizeof(*w->plan));
	if (!w->buy || !w->plan) {
		return -ENOMEM;
	}
	w->sell = w->buy + w->steps;
	w->loss_kw = w->sell + w->steps;
	w->price = w->loss_kw + w->steps;
	w->gives = w->price + cells;
	return 0;
}

static int make_market(struct negotiation *w)
{
	const struct negotiation_conf *c = w->conf;
	double *connection_kw = calloc((size_t)w->homes, sizeof(*connection_kw));
	if (!connection_kw) {
		return -ENOMEM;
	}
	for (int i = 0; i < w->homes; i++) {
		connection_kw[i] = w->home[i].connection_kw;
	}
	int r = negotiate_init(&w->market,
			       &(struct negotiate_conf){ .parties = w->homes,
							 .steps = w->steps,
							 .grid = true,
							 .penalty = c->penalty,
							 .relaxation = c->relaxation,
							 .balance = c->balance,
							 .relative = c->tolerance,
							 .inner = c->inner,
							 .rounds_max = (int)c->rounds,
							 .passes_max = (int)c->passes,
							 .low_kw = -INFINITY,
							 .high_kw = c->source_limit_w / 1e3 },
			       connection_kw);
	free(connection_kw);
	return r;
}

static int make_grid(struct negotiation *w)
{
	int *node = calloc((size_t)w->homes, sizeof(*node));
	if (!node) {
		return -ENOMEM;
	}
	for (int i = 0; i < w->homes; i++) {
		node[i] = w->home[i].node;
	}
	int r = nodal_init(&w->grid, &w->f, &w->k, w->conf->source_v, w->homes, w->steps, node);
	w->grid.margin = w->conf->margin;
	free(node);
	return r;
}

int negotiation_make(struct negotiation *w, const struct negotiation_conf *c, struct diag *d)
{
	*w = (struct negotiation){ .conf = c,
				   .homes = (int)c->count + c->prosumers,
				   .steps = (int)(c->horizon_s / c->step_s),
				   .hours = c->step_s / HOUR_S,
				   .start_s = c->start_s };
	w->home = calloc((size_t)w->homes, sizeof(*w->home));
	int r = w->home ? read_files(w, d) : -ENOMEM;
	r = r == 0 ? place(w, d) : r;
	r = r == 0 ? make_rooms(w) : r;
	for (int i = 0; i < w->homes && r == 0; i++) {
		equip(w, i);
	}
	r = r == 0 ? make_market(w) : r;
	r = r == 0 ? make_grid(w) : r;
	return r == 0 ? negotiation_fill(w, true, d) : r;
}

void negotiation_free(struct negotiation *w)
{
	nodal_free(&w->grid);
	negotiate_free(&w->market);
	network_free(&w->k);
	feeder_free(&w->f);
	series_free(&w->series);
	free(w->home);
	free(w->buy);
	free(w->plan);
	*w = (struct negotiation){ .homes = 0 };
}
