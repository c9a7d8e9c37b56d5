/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-dso flow --series: a flow for each row of a series, each begun where the one before ended. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"
#include "daemon/grid/dso_series_private.h"

enum { EVERY = 1000, SAID_MAX = 5 }; /* steps between words of progress; collapses that are named */
#define QUIET_US 1000000             /* before that there is no progress to show */

/* --- steps --------------------------------------------------------------------------------------
 */

static void set_loads(struct dso_run *r, int row)
{
	struct dso_flow *c = r->c;
	load_series_set(&r->loads, &c->k, row, c->base_p, c->base_q, c->p, c->q);
	for (int i = 0; i < 2 * c->k.nodes; i++) { /* p, and q behind it */
		c->p[i] += r->extra_p[i];
	}
}

static void name_collapse(struct dso_run *r, int row)
{
	char at[ISOTIME_SIZE];
	double part;
	if (r->unsolved++ < SAID_MAX) {
		const char *bus = dso_bus(r->c, dso_collapse(r->c, &part));
		fprintf(stderr,
			"%s: no power flow at %s: the voltage collapses, first at bus %s; it can "
			"carry %.1f %% of these loads\n",
			r->c->path, isotime_format(r->loads.series.start_s[row], at), bus,
			100 * part);
	}
}

static void solve_step(struct dso_run *r, int row)
{
	struct dso_flow *c = r->c;
	struct dso_step *step = &r->step[row];
	set_loads(r, row);
	step->solved = flow_solve(&c->s, &c->k, c->p, c->q, DSO_TOLERANCE) == 0;
	step->sweeps = c->s.sweeps;
	if (step->solved) {
		summary_make(&step->sum, &c->s, &c->k, &c->f, c->p, c->q);
	} else {
		name_collapse(r, row);
		flow_start(&c->s, dso_source_v(c));
	}
}

static void solve_all(struct dso_run *r)
{
	bool watched = isatty(STDERR_FILENO), shown = false;
	int64_t start_us = clock_real_us();
	flow_start(&r->c->s, dso_source_v(r->c));
	for (int row = 0; row < r->loads.series.rows; row++) {
		solve_step(r, row);
		if (watched && row % EVERY == 0 && clock_real_us() - start_us > QUIET_US) {
			fprintf(stderr, "\rflow %d of %d ", row + 1, r->loads.series.rows);
			shown = true;
		}
	}
	if (shown) {
		fprintf(stderr, "\r%40s\r", "");
	}
}

/* --- results ------------------------------------------------------------------------------------
 */

static double hours_of(const struct dso_run *r, int row)
{
	return (double)(r->loads.series.start_s[row + 1] - r->loads.series.start_s[row]) / 3600;
}

static void put_extreme(struct json_out *o, const struct dso_run *r, const char *name, int row,
			double v, int node)
{
	char key[32], at[ISOTIME_SIZE];
	json_put_number(o, name, v, 8);
	snprintf(key, sizeof(key), "%s_bus", name);
	json_put_text(o, key, dso_bus(r->c, node));
	snprintf(key, sizeof(key), "%s_time", name);
	json_put_text(o, key, isotime_format(r->loads.series.start_s[row], at));
}

static void print_totals(const struct dso_run *r)
{
	double load = 0, loss = 0, source = 0, outside = 0, overloaded = 0;
	int low = -1, high = -1;
	char text[1024];
	struct json_out o;
	for (int row = 0; row < r->loads.series.rows; row++) {
		const struct dso_step *s = &r->step[row];
		double hours = hours_of(r, row);
		if (!s->solved) {
			continue;
		}
		load += hours * s->sum.load_p;
		loss += hours * s->sum.loss_p;
		source += hours * s->sum.source_p;
		outside += s->sum.outside > 0 ? hours : 0;
		overloaded += s->sum.overloads > 0 ? hours : 0;
		low = low < 0 || s->sum.v_min < r->step[low].sum.v_min ? row : low;
		high = high < 0 || s->sum.v_max > r->step[high].sum.v_max ? row : high;
	}
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "steps", r->loads.series.rows);
	json_put_integer(&o, "unsolved", r->unsolved);
	json_put_number(&o, "load_kwh", dso_kilo(r->c, load), 6);
	json_put_number(&o, "loss_kwh", dso_kilo(r->c, loss), 6);
	json_put_number(&o, "source_kwh", dso_kilo(r->c, source), 6);
	if (low >= 0) {
		const struct summary *a = &r->step[low].sum, *b = &r->step[high].sum;
		put_extreme(&o, r, "v_min", low, a->v_min, a->lowest);
		put_extreme(&o, r, "v_max", high, b->v_max, b->highest);
	}
	json_put_number(&o, "hours_outside", outside, 6);
	json_put_number(&o, "hours_overloaded", overloaded, 6);
	json_close(&o);
	(void)json_finish(&o);
	puts(text);
}

static void write_step(const struct dso_run *r, int row, FILE *file)
{
	char at[ISOTIME_SIZE];
	const struct dso_step *s = &r->step[row];
	fputs(isotime_format(r->loads.series.start_s[row], at), file);
	if (!s->solved) {
		fprintf(file, ",,,,,,,,,,%d\n", s->sweeps);
		return;
	}
	const struct summary *m = &s->sum;
	fprintf(file, ",%.6f,%.6f,%.6f,%.6f,%.8f,%s,%.8f,%s,%d,%d,%d\n", dso_kilo(r->c, m->load_p),
		dso_kilo(r->c, m->loss_p), dso_kilo(r->c, m->source_p), dso_kilo(r->c, m->source_q),
		m->v_min, dso_bus(r->c, m->lowest), m->v_max, dso_bus(r->c, m->highest), m->outside,
		m->overloads, s->sweeps);
}

static int write_steps(const struct dso_run *r)
{
	FILE *file = dso_open(r->c->out);
	if (!file) {
		return DSO_FAILED;
	}
	fputs("time,load_kw,loss_kw,source_kw,source_kvar,v_min,v_min_bus,v_max,v_max_bus,"
	      "buses_outside,overloads,iterations\n",
	      file);
	for (int row = 0; row < r->loads.series.rows; row++) {
		write_step(r, row, file);
	}
	return dso_close(file, r->c->out);
}

static int run(struct dso_run *r)
{
	struct diag d = { .to = stderr };
	if (load_series_open(&r->loads, r->c->series, &r->c->f, &r->c->k, &d) < 0) {
		return DSO_USAGE;
	}
	size_t n = 2 * (size_t)r->c->k.nodes;
	r->extra_p = calloc(n, sizeof(*r->extra_p));
	r->step = calloc((size_t)r->loads.series.rows, sizeof(*r->step));
	if (!r->extra_p || !r->step) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
		return DSO_FAILED;
	}
	for (size_t i = 0; i < n; i++) {
		r->extra_p[i] = r->c->p[i] - r->c->base_p[i];
	}
	solve_all(r);
	if (!r->c->out || strcmp(r->c->out, "-") != 0) {
		print_totals(r);
	}
	int code = r->c->out ? write_steps(r) : 0;
	code = code || !r->c->plot ? code : dso_series_plot(r);
	return r->unsolved ? DSO_FAILED : code;
}

int dso_series(struct dso_flow *c)
{
	struct dso_run *r = calloc(1, sizeof(*r));
	if (!r) {
		fprintf(stderr, "lec-dso: %s\n", strerror(ENOMEM));
		return DSO_FAILED;
	}
	r->c = c;
	int code = run(r);
	load_series_free(&r->loads);
	free(r->extra_p);
	free(r->step);
	free(r);
	return code;
}
