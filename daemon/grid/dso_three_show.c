/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lec-dso flow tells of a feeder of three phases. */
#include <math.h>
#include <stdlib.h>

#include "daemon/base/json_out.h"
#include "daemon/base/svg.h"
#include "daemon/grid/dso_three.h"
#include "daemon/grid/three_day.h"

static const char *bus_name(const struct circuit *c, int bus)
{
	return c->feeder.bus[bus].name;
}

static const char *node_name(const struct circuit *c, const struct three_phase *s, int node)
{
	return bus_name(c, s->k.bus[node]);
}

/* --- once ---------------------------------------------------------------------------------------
 */

/* The lowest and the highest voltage at the loads of each phase. */
static void print_phases(struct json_out *o, const struct circuit *c, const struct three_phase *s)
{
	json_open_array(o, "phases");
	for (int p = 0; p < PHASES; p++) {
		int low = -1, high = -1;
		for (int i = 0; i < s->loads; i++) {
			if (s->load[i].lane != p) {
				continue;
			}
			double v = three_phase_across(s, i);
			low = low < 0 || v < three_phase_across(s, low) ? i : low;
			high = high < 0 || v > three_phase_across(s, high) ? i : high;
		}
		json_open_object(o, NULL);
		json_put_integer(o, "phase", p + 1);
		if (low >= 0) {
			json_put_number(o, "v_min", three_phase_across(s, low), 8);
			json_put_text(o, "v_min_bus", bus_name(c, c->load[low].bus));
			json_put_number(o, "v_max", three_phase_across(s, high), 8);
			json_put_text(o, "v_max_bus", bus_name(c, c->load[high].bus));
		}
		json_close(o);
	}
	json_close(o);
}

void dso_three_print(const struct circuit *c, const struct three_phase *s)
{
	char text[2048];
	struct json_out o;
	double load_p = 0, load_q = 0, loss_p, loss_q, source_p, source_q;
	for (int i = 0; i < s->loads; i++) {
		double p, q;
		three_phase_taken(s, i, &p, &q);
		load_p += p;
		load_q += q;
	}
	three_phase_loss(s, &loss_p, &loss_q);
	three_phase_source(s, &source_p, &source_q);
	int low_phase, low = three_phase_lowest(s, &low_phase);
	int high_phase, high = three_phase_highest(s, &high_phase);
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_number(&o, "load_kw", load_p / 1e3, 6);
	json_put_number(&o, "load_kvar", load_q / 1e3, 6);
	json_put_number(&o, "loss_kw", loss_p / 1e3, 6);
	json_put_number(&o, "loss_kvar", loss_q / 1e3, 6);
	json_put_number(&o, "source_kw", source_p / 1e3, 6);
	json_put_number(&o, "source_kvar", source_q / 1e3, 6);
	json_put_number(&o, "v_min", three_phase_voltage(s, low, low_phase), 8);
	json_put_text(&o, "v_min_bus", node_name(c, s, low));
	json_put_integer(&o, "v_min_phase", low_phase + 1);
	json_put_number(&o, "v_max", three_phase_voltage(s, high, high_phase), 8);
	json_put_text(&o, "v_max_bus", node_name(c, s, high));
	json_put_integer(&o, "v_max_phase", high_phase + 1);
	print_phases(&o, c, s);
	json_put_integer(&o, "iterations", s->sweeps);
	json_close(&o);
	(void)json_finish(&o);
	puts(text);
}

void dso_three_write(const struct circuit *c, const struct three_phase *s, FILE *file)
{
	size_t n = (size_t)s->k.nodes * PHASES;
	double *p = calloc(2 * n + 1, sizeof(*p)), *q = p + n;
	fputs("bus,phase,v_pu,angle_deg,load_kw,load_kvar,from,through_kw,through_kvar,current_a\n",
	      file);
	for (int i = 0; p && i < s->loads; i++) {
		double load_p, load_q;
		int at = s->load[i].node * PHASES + s->load[i].lane;
		three_phase_taken(s, i, &load_p, &load_q);
		p[at] += load_p;
		q[at] += load_q;
	}
	for (int bus = 0; p && bus < c->feeder.buses; bus++) {
		int node = s->k.node[bus];
		for (int phase = 0; node > 0 && phase < PHASES; phase++) {
			double v = three_phase_voltage(s, node, phase), kw, kvar, amperes;
			if (v < 0) {
				continue;
			}
			three_phase_through(s, node, phase, &kw, &kvar, &amperes);
			int at = node * PHASES + phase;
			fprintf(file, "%s,%d,%.8f,%.6f,%.6f,%.6f,%s,%.6f,%.6f,%.4f\n",
				bus_name(c, bus), phase + 1, v,
				atan2(s->v[node].im[phase], s->v[node].re[phase]) * 180 / M_PI,
				p[at] / 1e3, q[at] / 1e3,
				s->k.parent[node] > 0 ? node_name(c, s, s->k.parent[node]) : "",
				kw / 1e3, kvar / 1e3, amperes);
		}
	}
	free(p);
}

/* --- the day ------------------------------------------------------------------------------------
 */

/* The time of day at which a step begins. */
static const char *time_text(const struct three_day *day, int step, char out[32])
{
	long second = lround(step * day->step_s);
	if (second % 60 == 0) {
		snprintf(out, 32, "%02ld:%02ld", second / 3600, second / 60 % 60);
	} else {
		snprintf(out, 32, "%02ld:%02ld:%02ld", second / 3600, second / 60 % 60,
			 second % 60);
	}
	return out;
}

static void put_extreme(struct json_out *o, const char *what, const struct circuit *c,
			const struct three_day *day, const struct three_extreme *e, int phase)
{
	char key[32], when[32];
	json_put_number(o, what, e->v, 8);
	snprintf(key, sizeof(key), "%s_bus", what);
	json_put_text(o, key, bus_name(c, c->load[e->load].bus));
	snprintf(key, sizeof(key), "%s_time", what);
	json_put_text(o, key, time_text(day, e->step, when));
	if (phase >= 0) {
		snprintf(key, sizeof(key), "%s_phase", what);
		json_put_integer(o, key, phase + 1);
	}
}

void dso_day_print(const struct circuit *c, const struct three_day *day)
{
	char text[4096];
	struct json_out o;
	int low = three_day_lowest(day), high = three_day_highest(day);
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "steps", day->steps);
	json_put_number(&o, "step_s", day->step_s, 3);
	json_put_number(&o, "load_kwh", three_day_energy(day, day->load_w) / 1e3, 6);
	json_put_number(&o, "loss_kwh", three_day_energy(day, day->loss_w) / 1e3, 6);
	json_put_number(&o, "source_kwh", three_day_energy(day, day->source_w) / 1e3, 6);
	if (low >= 0) {
		put_extreme(&o, "v_min", c, day, &day->lowest[low], low);
		put_extreme(&o, "v_max", c, day, &day->highest[high], high);
	}
	json_open_array(&o, "phases");
	for (int p = 0; p < PHASES; p++) {
		json_open_object(&o, NULL);
		json_put_integer(&o, "phase", p + 1);
		json_put_integer(&o, "loads", day->loads[p]);
		if (day->loads[p]) {
			put_extreme(&o, "v_min", c, day, &day->lowest[p], -1);
			put_extreme(&o, "v_max", c, day, &day->highest[p], -1);
		}
		json_close(&o);
	}
	json_close(&o);
	json_put_integer(&o, "iterations", day->sweeps);
	json_close(&o);
	(void)json_finish(&o);
	puts(text);
}

void dso_day_write(const struct three_day *day, FILE *file)
{
	fputs("step,time,load_kw,loss_kw,source_kw,v_min_1,v_max_1,v_min_2,v_max_2,v_min_3,v_max_"
	      "3\n",
	      file);
	for (int step = 0; step < day->steps; step++) {
		char when[32];
		fprintf(file, "%d,%s,%.6f,%.6f,%.6f", step + 1, time_text(day, step, when),
			day->load_w[step] / 1e3, day->loss_w[step] / 1e3,
			day->source_w[step] / 1e3);
		for (int p = 0; p < PHASES; p++) {
			if (day->loads[p]) {
				fprintf(file, ",%.8f,%.8f", day->low[p][step], day->high[p][step]);
			} else {
				fputs(",,", file);
			}
		}
		fputc('\n', file);
	}
}

enum { TOP = 60, GAP = 38, HEIGHT = 206 };

/* One phase: the band between its lowest and its highest load, and its mean. */
static void draw_phase(struct svg *svg, const struct three_day *day, int p, struct panel *panel)
{
	static const char *const colours[] = { "#0072B2", "#009E73", "#D55E00" };
	static const struct pen limit = { "#666666", 1, true };
	const struct pen band = { colours[p], 0.35, false }, mean = { colours[p], 1, false };
	char title[64];
	snprintf(title, sizeof(title), "phase %d, %d loads", p + 1, day->loads[p]);
	svg_panel(svg, panel, title, "parts of nominal", p == PHASES - 1);
	for (int side = -1; side <= 1; side += 2) {
		double v = 1 + 0.1 * side;
		if (v > panel->low && v < panel->high) {
			svg_level(svg, panel, v, &limit);
		}
	}
	if (day->loads[p] == 0) {
		return;
	}
	svg_area(svg, panel, day->low[p], day->high[p], &band);
	svg_steps(svg, panel, day->mean[p], &mean);
	svg_legend(svg, &band, true, "lowest to highest");
	svg_legend(svg, &mean, false, "mean of the loads");
}

void dso_day_draw(const struct circuit *c, const struct three_day *day, FILE *file)
{
	struct svg svg;
	int low = three_day_lowest(day), high = three_day_highest(day);
	double *edge_h = calloc((size_t)day->steps + 1, sizeof(*edge_h));
	if (!edge_h) {
		return;
	}
	for (int step = 0; step <= day->steps; step++) {
		edge_h[step] = step * day->step_s / 3600;
	}
	svg_begin(&svg, file, edge_h, day->steps);
	svg.numbers = true;
	double from = 0.95, to = 1.05;
	if (low >= 0) {
		const struct three_extreme *l = &day->lowest[low], *h = &day->highest[high];
		char low_time[32], high_time[32];
		from = floor(l->v * 100 - 0.2) / 100;
		to = ceil(h->v * 100 + 0.2) / 100;
		svg_text(&svg, 70, 26, "start", 15,
			 "voltages at the loads: %.4f at %s (bus %s, phase %d) to %.4f at %s "
			 "(bus %s, phase %d)",
			 l->v, time_text(day, l->step, low_time), bus_name(c, c->load[l->load].bus),
			 low + 1, h->v, time_text(day, h->step, high_time),
			 bus_name(c, c->load[h->load].bus), high + 1);
	}
	for (int p = 0; p < PHASES; p++) {
		struct panel panel = { TOP + p * (HEIGHT + GAP), HEIGHT, from, to };
		draw_phase(&svg, day, p, &panel);
	}
	svg_text(&svg, 540, TOP + 3 * (HEIGHT + GAP) - 6, "middle", 12, "hours");
	svg_end(&svg);
	free(edge_h);
}
