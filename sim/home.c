/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/home.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/csv.h"
#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"
#include "daemon/base/log.h"
#include "sim/bound.h"
#include "sim/closed_loop.h"
#include "sim/house.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD = 2 };

static const char help[] =
	"Usage: lec-sim home --config SITE [OPTION]...\n"
	"Run a house in simulated time, as fast as it goes: without battery, by self-consumption\n"
	"rules, as its site says, and by perfect foresight. A table of each day's cost on stderr, "
	"the\n"
	"totals as JSON on stdout.\n"
	"  --config SITE   the site, see lecd.conf(5); its drivers are not used\n"
	"  --plant FILE    the house, see lec-sim(1); without it one that fits the site\n"
	"  --start TIME    first day, UTC; default 2026-06-01T00:00:00Z\n"
	"  --days N        days that count, 1 to 365; default 7\n"
	"  --warm-up N     days before them, for the forecast to learn; default 14\n"
	"  --seed N        of the house, without --plant\n"
	"  --cycle S       seconds of a control cycle in place of the site's\n"
	"  --store DIR     record the controlled days there, and do nothing else\n"
	"  --know load|pv|both  let the controlled house know that of the time ahead\n"
	"  --soc-start P, --soc-end P  per cent in place of the controlled run's, for foresight;\n"
	"                  the controlled run is then left out\n"
	"  --help\n";

struct options {
	const char *config, *plant, *store;
	int64_t start_s;
	bool know_load, know_pv;
	double days, warm_up, seed, cycle_s, soc_start, soc_end;
};

static struct {
	struct options options;
	struct site site;
	struct house house;
	struct plant_conf plant;
	struct loop_conf conf;
	struct loop_result result[LOOP_CONTROLLED + 1];
	struct loop_day foresight[LOOP_DAYS_MAX]; /* with the battery that stands there */
	struct loop_day model[LOOP_DAYS_MAX];     /* with the planner's model of it */
	const char *running;
} sim;

/* --- options ------------------------------------------------------------------------------------
 */

static int refuse(const char *option, const char *expected)
{
	fprintf(stderr, "lec-sim home: --%s, expected %s\n", option, expected);
	return EXIT_BAD;
}

/* Options that take a number, with their range. */
static const struct {
	const char *name;
	size_t offset;
	double min, max;
} numbers[] = {
	{ "days", offsetof(struct options, days), 1, 365 },
	{ "warm-up", offsetof(struct options, warm_up), 0, 35 },
	{ "seed", offsetof(struct options, seed), 1, 1e15 },
	{ "cycle", offsetof(struct options, cycle_s), 0.1, 60 },
	{ "soc-start", offsetof(struct options, soc_start), 0, 100 },
	{ "soc-end", offsetof(struct options, soc_end), 0, 100 },
};
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

static int take_number(int i, struct options *o)
{
	double value;
	if (csv_number(optarg, &value) < 0 || value < numbers[i].min || value > numbers[i].max) {
		char range[64];
		snprintf(range, sizeof(range), "a number from %g to %g", numbers[i].min,
			 numbers[i].max);
		return refuse(numbers[i].name, range);
	}
	*(double *)((char *)o + numbers[i].offset) = value;
	return -1;
}

static int take_knowledge(struct options *o)
{
	bool both = strcmp(optarg, "both") == 0;
	o->know_load = both || strcmp(optarg, "load") == 0;
	o->know_pv = both || strcmp(optarg, "pv") == 0;
	return o->know_load || o->know_pv ? -1 : refuse("know", "load, pv or both");
}

/* Fill o. Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "days", required_argument, NULL, 0 },
		{ "warm-up", required_argument, NULL, 1 },
		{ "seed", required_argument, NULL, 2 },
		{ "cycle", required_argument, NULL, 3 },
		{ "soc-start", required_argument, NULL, 4 },
		{ "soc-end", required_argument, NULL, 5 },
		{ "config", required_argument, NULL, 'c' },
		{ "plant", required_argument, NULL, 'p' },
		{ "start", required_argument, NULL, 't' },
		{ "store", required_argument, NULL, 's' },
		{ "know", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	*o = (struct options){ .days = 7, .warm_up = 14, .soc_start = -1, .soc_end = -1 };
	(void)isotime_parse("2026-06-01T00:00:00Z", &o->start_s);
	for (int c; (c = getopt_long(argc, argv, "c:h", longs, NULL)) >= 0;) {
		int code = -1;
		if (c < NUMBERS) {
			code = take_number(c, o);
		} else if (c == 'c') {
			o->config = optarg;
		} else if (c == 'p') {
			o->plant = optarg;
		} else if (c == 's') {
			o->store = optarg;
		} else if (c == 'k') {
			code = take_knowledge(o);
		} else if (c == 't') {
			code = isotime_parse(optarg, &o->start_s) < 0
				       ? refuse("start", "a time like 2026-06-01T00:00:00Z")
				       : -1;
		} else {
			fputs(help, c == 'h' ? stdout : stderr);
			code = c == 'h' ? EXIT_FINE : EXIT_BAD;
		}
		if (code >= 0) {
			return code;
		}
	}
	return o->config ? -1 : refuse("config", "the site's file");
}

/* --- setting up ---------------------------------------------------------------------------------
 */

/* The assets of the site must be those of the house. */
static int check_match(const struct options *o, struct diag *d)
{
	if (sim.house.conf.pvs != sim.site.pvs || sim.house.conf.batteries != sim.site.batteries) {
		return diag_error(d, o->plant, 0,
				  "has %d PV and %d batteries, expected %d and %d as %s",
				  sim.house.conf.pvs, sim.house.conf.batteries, sim.site.pvs,
				  sim.site.batteries, o->config);
	}
	return 0;
}

static bool asks_policy(void)
{
	return sim.site.decide == DECIDE_POLICY || sim.site.decide == DECIDE_SHADOW;
}

static int read_files(const struct options *o)
{
	struct diag d = { .to = stderr };
	if (site_read(o->config, &sim.site, &d) == 0) {
		site_check_runnable(&sim.site, true, &d);
	}
	if (!d.errors && asks_policy()) {
		struct learned_actor *actor = NULL;
		(void)learned_actor_load(&sim.site, &actor, &d);
		learned_actor_free(actor);
	}
	if (!d.errors && !o->store && sim.site.batteries != 1) {
		diag_error(&d, o->config, 0, "has %d batteries, expected one", sim.site.batteries);
	}
	if (!d.errors && o->plant) {
		(void)house_read(&sim.house, o->plant, NULL, &d);
		sim.plant = sim.house.conf;
		(void)(d.errors || check_match(o, &d));
		(void)timezone_use(sim.site.timezone);
	} else if (!d.errors) {
		devices_plant_conf(&sim.site, (uint64_t)o->seed, &sim.plant);
	}
	if (o->cycle_s > 0) {
		sim.site.cycle_s = o->cycle_s;
	}
	return d.errors ? EXIT_BAD : EXIT_FINE;
}

static void progress(void *context, int day)
{
	(void)context;
	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r%-12s day %d of %d ", sim.running, day + 1, sim.conf.days);
	}
}

static void clear_progress(void)
{
	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r%40s\r", "");
	}
}

/* --- results ------------------------------------------------------------------------------------
 */

static double cost(const struct loop_day *d)
{
	return d->energy_cost + d->wear_cost;
}

static void sum(const struct loop_day *day, int from, int to, struct loop_day *out)
{
	*out = (struct loop_day){ 0 };
	for (int d = from; d < to; d++) {
		out->energy_cost += day[d].energy_cost;
		out->wear_cost += day[d].wear_cost;
		out->import_wh += day[d].import_wh;
		out->export_wh += day[d].export_wh;
		out->discharge_wh += day[d].discharge_wh;
		out->soc_end = day[d].soc_end;
	}
}

static void print_table(const struct options *o, int first)
{
	const struct loop_day *none = sim.result[LOOP_NOTHING].day;
	const struct loop_day *rules = sim.result[LOOP_RULES].day;
	const struct loop_day *ours = sim.result[LOOP_CONTROLLED].day;
	fprintf(stderr, "cost in %s, wear included\n", sim.site.tariff.currency);
	fprintf(stderr, "%-10s %11s %11s %11s %11s\n", "day", "no battery", "rules", "lecd",
		"foresight");
	for (int d = first; d < sim.conf.days; d++) {
		char time[ISOTIME_SIZE];
		isotime_format(sim.conf.start_s + (int64_t)d * 86400, time);
		fprintf(stderr, "%-10.10s %11.3f %11.3f ", time, cost(&none[d]), cost(&rules[d]));
		if (o->soc_end >= 0) {
			fprintf(stderr, "%11s", "-");
		} else {
			fprintf(stderr, "%11.3f", cost(&ours[d]));
		}
		fprintf(stderr, " %11.3f\n", cost(&sim.foresight[d]));
	}
}

static void put_total(struct json_out *out, const char *key, const struct loop_day *t)
{
	json_open_object(out, key);
	json_put_number(out, "cost", cost(t), 4);
	json_put_number(out, "energy_cost", t->energy_cost, 4);
	json_put_number(out, "import_kwh", t->import_wh / 1e3, 3);
	json_put_number(out, "export_kwh", t->export_wh / 1e3, 3);
	json_put_number(out, "discharge_kwh", t->discharge_wh / 1e3, 3);
	json_put_number(out, "soc_end", t->soc_end, 4);
	json_close(out);
}

static double soc_before(const struct loop_result *r, int first)
{
	return first ? r->day[first - 1].soc_end : r->soc_start;
}

/* What the energy that the rules stored less (or more) than lecd over the days is worth: else who
 * ends empty looks good. */
static double stored_difference(int first)
{
	const struct loop_result *ours = &sim.result[LOOP_CONTROLLED];
	const struct loop_result *rules = &sim.result[LOOP_RULES];
	int last = sim.conf.days - 1;
	double ours_gain = ours->day[last].soc_end - soc_before(ours, first);
	double rules_gain = rules->day[last].soc_end - soc_before(rules, first);
	double kwh = (ours_gain - rules_gain) * sim.site.battery[0].model.capacity_wh / 1e3;
	return kwh * tariff_mean(&sim.site.tariff.buy, sim.conf.start_s, 86400);
}

static void put_limits(struct json_out *out, const struct limits *l)
{
	json_open_object(out, "limits_broken");
	json_put_integer(out, "power", (int64_t)l->power);
	json_put_integer(out, "charge", (int64_t)l->charge);
	json_put_integer(out, "connection", (int64_t)l->connection);
	json_close(out);
}

/* How the learned policy fared, beside the optimiser alone; warm-up included. */
static void put_policy(struct json_out *out, int first)
{
	const struct loop_result *ours = &sim.result[LOOP_CONTROLLED];
	struct loop_day t;
	sum(sim.result[LOOP_OPTIMISED].day, first, sim.conf.days, &t);
	put_total(out, "optimiser", &t);
	json_open_object(out, "policy");
	json_put_integer(out, "cycles", (int64_t)ours->by[DECIDER_POLICY]);
	json_put_number(out, "regret", ours->regret, 4);
	json_put_number(out, "regret_decided", ours->regret_decided, 4);
	json_put_number(out, "regret_most", ours->regret_most, 4);
	json_put_integer(out, "taken_over", ours->taken_over);
	json_close(out);
}

static double above(double cost, double best)
{
	return (cost - best) / fabs(best) * 100;
}

static void print_totals(const struct options *o, int first)
{
	struct loop_day t;
	char text[2048];
	struct json_out out;
	json_begin(&out, text, sizeof(text));
	json_open_object(&out, NULL);
	json_put_integer(&out, "days", sim.conf.days - first);
	json_put_text(&out, "currency", sim.site.tariff.currency);
	sum(sim.result[LOOP_NOTHING].day, first, sim.conf.days, &t);
	put_total(&out, "no_battery", &t);
	sum(sim.result[LOOP_RULES].day, first, sim.conf.days, &t);
	put_total(&out, "rules", &t);
	double rules = cost(&t);
	sum(sim.foresight, first, sim.conf.days, &t);
	put_total(&out, "foresight", &t);
	double best = cost(&t);
	sum(sim.model, first, sim.conf.days, &t);
	put_total(&out, "model_foresight", &t);
	double model = cost(&t);
	if (o->soc_end < 0) {
		sum(sim.result[LOOP_CONTROLLED].day, first, sim.conf.days, &t);
		put_total(&out, "lecd", &t);
		rules += stored_difference(first);
		json_put_number(&out, "rules_cost_same_storage", rules, 4);
		json_put_number(&out, "above_foresight_percent", above(cost(&t), best), 3);
		json_put_number(&out, "rules_above_foresight_percent", above(rules, best), 3);
		json_put_number(&out, "above_model_foresight_percent", above(cost(&t), model), 3);
		json_put_integer(&out, "cycles", (int64_t)sim.result[LOOP_CONTROLLED].cycles);
		put_limits(&out, &sim.result[LOOP_CONTROLLED].limits);
		if (asks_policy()) {
			put_policy(&out, first);
		}
	}
	json_close(&out);
	(void)json_finish(&out);
	puts(text);
}

/* --- runs ---------------------------------------------------------------------------------------
 */

static int run(enum loop_policy policy, const char *name)
{
	sim.running = name;
	int r = closed_loop_run(&sim.conf, policy, &sim.result[policy]);
	clear_progress();
	if (r < 0) {
		fprintf(stderr, "lec-sim home: %s: %s\n", name, strerror(-r));
	}
	return r;
}

static int record(const struct options *o)
{
	enum { CHECK_MS = 5000 };
	int r = store_open(o->store, sim.conf.start_s, CHECK_MS, &sim.conf.store);
	r = r < 0 ? r : run(LOOP_CONTROLLED, "recording");
	struct store_status status = { 0 };
	if (r == 0) {
		store_flush(sim.conf.store);
		store_status(sim.conf.store, &status);
	}
	if (status.alarm) {
		fprintf(stderr, "lec-sim home: %s: %s\n", o->store, status.alarm_text);
	}
	store_close(sim.conf.store);
	return r < 0 || status.alarm ? EXIT_FAILED : EXIT_FINE;
}

static int compare(const struct options *o)
{
	int first = (int)o->warm_up;
	bool controlled = o->soc_end < 0;
	int r = run(LOOP_NOTHING, "no battery");
	r = r < 0 ? r : run(LOOP_RULES, "rules");
	r = r < 0 || !controlled || !asks_policy() ? r : run(LOOP_OPTIMISED, "optimiser");
	r = r < 0 || !controlled ? r : run(LOOP_CONTROLLED, "lecd");
	const struct loop_result *ours = &sim.result[LOOP_CONTROLLED];
	double soc_start = o->soc_start >= 0 ? o->soc_start / 100 : soc_before(ours, first);
	double soc_end = controlled ? ours->day[sim.conf.days - 1].soc_end : o->soc_end / 100;
	r = r < 0 ? r : closed_loop_foresight(&sim.conf, first, soc_start, soc_end, sim.model);
	r = r < 0 ? r : bound_run(&sim.conf, first, soc_start, soc_end, sim.foresight);
	if (r < 0) {
		return EXIT_FAILED;
	}
	print_table(o, first);
	print_totals(o, first);
	return EXIT_FINE;
}

int home_main(int argc, char **argv)
{
	struct options *o = &sim.options;
	int code = parse_options(argc, argv, o);
	if (code >= 0) {
		return code;
	}
	code = read_files(o);
	if (code == EXIT_FINE) {
		log_set_level(LOG_ERROR);
		double warm_up = o->store ? 0 : o->warm_up;
		sim.conf = (struct loop_conf){ .site = &sim.site,
					       .plant = &sim.plant,
					       .start_s = o->start_s - (int64_t)warm_up * 86400,
					       .days = (int)(o->days + warm_up),
					       .progress = progress,
					       .knows_load = o->know_load,
					       .knows_pv = o->know_pv };
		code = o->store ? record(o) : compare(o);
	}
	house_free(&sim.house);
	return code;
}
