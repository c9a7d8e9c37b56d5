/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl plan, lecctl bid: offline, from a site and a series. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/json_out.h"
#include "daemon/base/series.h"
#include "daemon/home/control.h"
#include "daemon/home/lecctl.h"
#include "daemon/home/outlook.h"
#include "daemon/home/plan_explain.h"
#include "daemon/home/plan_json.h"
#include "policy/bid.h"
#include "policy/optimiser.h"

static struct {
	struct site site;
	struct problem problem;
	struct plan plan;
} offline;

/* Read site and series into the problem. Returns 0 or the exit code. */
static int read_problem(const struct lecctl *c)
{
	struct diag d = { .to = stderr };
	if (!c->site || !c->series) {
		fprintf(stderr, "lecctl: no --%s, expected --site FILE --series CSV\n",
			c->site ? "series" : "site");
		return 2;
	}
	if (site_read(c->site, &offline.site, &d) < 0) {
		return 2;
	}
	struct series series;
	int r = series_read(&series, c->series, &d);
	for (int i = SERIES_OTHERS; r == 0 && i < series.columns; i++) {
		if (!outlook_uses(&offline.site, series.name[i])) {
			fprintf(stderr,
				"%s: column %s is not used: no car, tank or heat pump has that "
				"name\n",
				c->series, series.name[i]);
		}
	}
	if (r == 0 && !series.value[SERIES_LOAD_W]) {
		r = diag_error(&d, c->series, 1, "has no column load_w, expected one");
	}
	if (r == 0) {
		r = outlook_from_series(&offline.site, &series, c->series, &d, &offline.problem);
	}
	series_free(&series);
	return r < 0 ? 2 : 0;
}

static int solve(const struct lecctl *c)
{
	int code = read_problem(c);
	if (code) {
		return code;
	}
	char why[128];
	if (problem_check(&offline.problem, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s: %s\n", c->series, why);
		return 2;
	}
	bool watched = isatty(STDERR_FILENO);
	if (watched) {
		fprintf(stderr, "planning %d slots, a few seconds at most ", offline.problem.steps);
	}
	struct optimiser *optimiser = NULL;
	int r = optimiser_new(&optimiser);
	int64_t start_us = clock_real_us();
	r = r < 0 ? r : optimiser_solve(optimiser, &offline.problem, &offline.plan);
	offline.plan.solve_ms = (double)(clock_real_us() - start_us) / 1e3;
	optimiser_free(optimiser);
	if (watched) {
		fprintf(stderr, "\r%60s\r", "");
	}
	if (r < 0) {
		fprintf(stderr, "lecctl: no plan found: %s\n", strerror(-r));
	}
	return r < 0;
}

static void write_header(FILE *file)
{
	const struct site *site = &offline.site;
	fputs("time,load_w,pv_w,buy_per_kwh,sell_per_kwh,grid_w", file);
	for (int i = 0; i < site->batteries; i++) {
		const char *name = site->battery[i].link.name;
		fprintf(file, ",%s_w,%s_soc,%s_value_per_kwh", name, name, name);
	}
	for (int i = 0; i < site->evs; i++) {
		fprintf(file, ",%s_w,%s_soc", site->ev[i].link.name, site->ev[i].link.name);
	}
	for (int i = 0; i < site->loads; i++) {
		fprintf(file, ",%s_w", site->load[i].link.name);
	}
	for (int i = 0; i < site->thermals; i++) {
		const char *name = site->thermal[i].link.name;
		fprintf(file, ",%s_w,%s_c", name, name);
	}
	fputc('\n', file);
}

static void write_slot(FILE *file, const struct plan_slot *s)
{
	const struct plan *p = &offline.plan;
	char time[ISOTIME_SIZE];
	fprintf(file, "%s,%.3f,%.3f,%.6f,%.6f,%.3f", isotime_format(s->step.start_s, time),
		s->step.load_w, s->pv_w, s->step.buy, s->step.sell, s->grid_w);
	for (int i = 0; i < p->batteries; i++) {
		fprintf(file, ",%.3f,%.6f,%.6f", s->battery_w[i], s->soc[i], s->value[i]);
	}
	for (int i = 0; i < p->evs; i++) {
		fprintf(file, ",%.3f,%.6f", s->ev_w[i], s->ev_soc[i]);
	}
	for (int i = 0; i < p->loads; i++) {
		fprintf(file, ",%.3f", s->run_w[i]);
	}
	for (int i = 0; i < p->thermals; i++) {
		fprintf(file, ",%.3f,%.3f", s->heat_w[i], s->heat_c[i]);
	}
	fputc('\n', file);
}

static int write_csv(const char *path)
{
	const struct plan *p = &offline.plan;
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (!file) {
		fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(errno));
		return 1;
	}
	write_header(file);
	for (int t = 0; t < p->slots; t++) {
		write_slot(file, &p->slot[t]);
	}
	bool failed = ferror(file) || (file != stdout && fclose(file) != 0);
	if (failed) {
		fprintf(stderr, "%s: cannot be written whole\n", path);
	}
	return failed;
}

/* Say which slots keep not every limit; a few will do. */
static void warn(const struct lecctl *c)
{
	enum { WARNINGS_MAX = 5 };
	char text[PLAN_LINE_MAX];
	int gives = 0;
	for (int t = 0; t < offline.plan.slots; t++) {
		if (plan_explain(&offline.site, &offline.problem, &offline.plan, t, text,
				 sizeof(text)) &&
		    gives++ < WARNINGS_MAX) {
			fprintf(stderr, "%s: warning: %s\n", c->site, text);
		}
	}
	if (gives > WARNINGS_MAX) {
		fprintf(stderr, "%s: warning: and %d slots more that keep not every limit\n",
			c->site, gives - WARNINGS_MAX);
	}
	for (int i = 0; i < offline.problem.loads; i++) {
		if (offline.problem.load[i].runs == 0) {
			fprintf(stderr,
				"%s:%d: warning: no whole window of [load %s] lies in the series: "
				"not planned\n",
				c->site, offline.site.load[i].link.line,
				offline.site.load[i].link.name);
		}
	}
}

static void print_summary(void)
{
	const struct plan *p = &offline.plan;
	char text[1024];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_text(&o, "status", plan_status_name(p->status));
	json_put_text(&o, "method", plan_method_name(p->method));
	json_put_number(&o, "energy_cost", p->energy_cost, 6);
	json_put_number(&o, "total_cost", p->total_cost, 6);
	json_put_text(&o, "currency", offline.site.tariff.currency);
	json_put_number(&o, "import_kwh", p->import_wh / 1e3, 6);
	json_put_number(&o, "export_kwh", p->export_wh / 1e3, 6);
	json_put_number(&o, "peak_import_w", p->peak_import_w, 3);
	json_put_number(&o, "gap", p->gap, 6);
	json_put_number(&o, "solve_ms", p->solve_ms, 3);
	json_close(&o);
	(void)json_finish(&o);
	puts(text);
}

static void print_lines(void)
{
	char text[PLAN_LINE_MAX];
	for (int t = 0; t < offline.plan.slots; t++) {
		(void)plan_explain(&offline.site, &offline.problem, &offline.plan, t, text,
				   sizeof(text));
		puts(text);
	}
}

/* The picture, from the same document as that of a plan in operation. */
static int plot(const char *path)
{
	static char text[CONTROL_REPLY_MAX];
	struct json_out o;
	struct json_in in;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_number(&o, "energy_cost", offline.plan.energy_cost, 4);
	json_put_number(&o, "total_cost", offline.plan.total_cost, 4);
	json_put_text(&o, "status", plan_status_name(offline.plan.status));
	json_put_text(&o, "currency", offline.site.tariff.currency);
	plan_json_put(&offline.site, &offline.problem, &offline.plan, STEPS_MAX, &o);
	json_close(&o);
	int length = json_finish(&o);
	int code = 1;
	if (length > 0 && json_parse_long(&in, text, (size_t)length) == 0) {
		code = lecctl_plot(in.root, path);
		json_free(&in);
	}
	return code;
}

int lecctl_plan_offline(const struct lecctl *c)
{
	int code = solve(c);
	if (code) {
		return code;
	}
	warn(c);
	if (c->explain) {
		print_lines();
	} else if (!c->out || strcmp(c->out, "-") != 0) {
		print_summary();
	}
	if (c->out) {
		code = write_csv(c->out);
	}
	return code || !c->plot ? code : plot(c->plot);
}

int lecctl_bid(const struct lecctl *c)
{
	int code = solve(c);
	if (code) {
		return code;
	}
	const struct site *site = &offline.site;
	double soc[BATTERIES_MAX];
	for (int b = 0; b < site->batteries; b++) {
		soc[b] = offline.problem.battery[b].soc_start;
	}
	struct bid_order order[BID_ORDERS_MAX];
	int orders = bid_for_slot(&offline.plan, 0, offline.problem.battery, offline.plan.batteries,
				  soc, order);
	puts("order,owner,side,price,quantity");
	for (int i = 0; i < orders; i++) {
		printf("%d,%s,%s,%.6f,%.6f\n", i + 1, site->id, bid_side_name(order[i].side),
		       order[i].price, order[i].energy_wh / 1e3);
	}
	return 0;
}
