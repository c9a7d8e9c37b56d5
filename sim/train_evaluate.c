/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train evaluate: what was learned beside others, on days held out: first those of the very
 * homes it was learned with, then those of other homes under other skies. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/json_out.h"
#include "sim/community_actor.h"
#include "sim/community_conf.h"
#include "sim/judge.h"
#include "sim/train.h"

enum { EXIT_FAILED = 1, EXIT_BAD = 2, SEEDS_MAX = 20, DECIDERS = 5, REPORT_SIZE = 65536 };
enum { NO_CONTROL, UTILITY_ONLY, RULES, ZERO_INTELLIGENCE, LEARNED };
static const int64_t solve_us = INT64_C(600) * 1000000;

static const char help[] =
	"Usage: lec-train evaluate COMMUNITY --policy DIR [--seeds N]\n"
	"Judge learned actors on days they were not learned from, beside homes without control, "
	"with\n"
	"self-consumption rules (with the utility alone, on the market, and at prices by chance), "
	"and\n"
	"the least that is possible where everything is known before. A table on stderr, JSON on\n"
	"stdout.\n"
	"  --policy DIR  where lec-train maddpg wrote its actors\n"
	"  --seeds N     communities: the one that was learned with, and N - 1 of other homes; 1 "
	"to\n"
	"                20, default 3\n"
	"  --help\n";

static const char *const names[DECIDERS] = { "no control", "utility only", "rules",
					     "zero intelligence", "learned" };

/* A learned policy, and how often it was not asked because it had never seen the like. */
struct learned {
	struct community_actors actors;
	struct community_intent room[COMMUNITY_HOMES_MAX];
	int64_t asked, refused;
};

struct trial {
	struct judgement by[DECIDERS];
	double optimum; /* NAN: not found */
	int64_t asked, refused;
};

struct evaluation {
	struct community_conf conf;
	int seeds;
	struct trial trial[SEEDS_MAX];
	struct learned learned;
};

static void decide(void *context, const struct community_env *e, struct community_act *act)
{
	struct learned *l = context;
	l->asked += e->homes;
	l->refused += community_actors_decide(&l->actors, e, l->room, act);
}

static int try_all(struct evaluation *v, struct community_world *w, uint64_t seed, struct trial *t)
{
	size_t homes = (size_t)w->env.homes;
	double *cost = calloc(DECIDERS * homes, sizeof(*cost));
	const struct decider who[DECIDERS] = { judge_no_control,
					       judge_utility_only,
					       judge_rules,
					       judge_zero_intelligence(&seed),
					       { "learned", decide, &v->learned } };
	int r = cost ? 0 : -ENOMEM, end = w->series.steps;
	v->learned.asked = v->learned.refused = 0;
	for (int i = 0; i < DECIDERS && r == 0; i++) {
		r = judge(&w->env, w->test, end, &who[i], &t->by[i], cost + (size_t)i * homes);
		t->by[i].jain =
			r == 0 ? judge_fairness(cost + (size_t)i * homes, cost, (int)homes) : NAN;
	}
	free(cost);
	t->asked = v->learned.asked;
	t->refused = v->learned.refused;
	t->optimum = NAN;
	int s = r == 0 ? judge_optimum(&w->env, w->test, end, clock_real_us() + solve_us,
				       &t->optimum)
		       : r;
	if (r == 0 && s < 0) {
		fprintf(stderr, "lec-train evaluate: the optimum was not found: %s\n",
			strerror(-s));
	}
	return r;
}

static int run_seed(struct evaluation *v, int k)
{
	struct community_world w;
	struct community_conf c = v->conf;
	c.seed += k;
	int r = community_world_make(&w, &c);
	r = r < 0 ? r : try_all(v, &w, (uint64_t)c.seed, &v->trial[k]);
	community_world_free(&w);
	return r;
}

/* --- telling ------------------------------------------------------------------------------------
 */

static double mean_of(const struct evaluation *v, int who, size_t field)
{
	double sum = 0;
	for (int k = 0; k < v->seeds; k++) {
		sum += *(const double *)((const char *)&v->trial[k].by[who] + field);
	}
	return sum / v->seeds;
}

static double mean_optimum(const struct evaluation *v)
{
	double sum = 0;
	for (int k = 0; k < v->seeds; k++) {
		sum += v->trial[k].optimum;
	}
	return sum / v->seeds;
}

/* The share of the gap between no control and the optimum that is closed. */
static double recovered(const struct trial *t, int who)
{
	double idle = t->by[NO_CONTROL].cost;
	return (idle - t->by[who].cost) / (idle - t->optimum);
}

#define MEAN(v, who, field) mean_of(v, who, offsetof(struct judgement, field))

static void print_table(const struct evaluation *v)
{
	fprintf(stderr, "%-18s %10s %10s %10s %8s %8s %8s %8s\n", "", "cost", "import kWh",
		"export kWh", "peak kW", "local %", "Jain", "gap %");
	for (int i = 0; i < DECIDERS; i++) {
		double gap = 0;
		for (int k = 0; k < v->seeds; k++) {
			gap += recovered(&v->trial[k], i) / v->seeds;
		}
		fprintf(stderr, "%-18s %10.2f %10.1f %10.1f %8.2f %8.1f %8.3f %8.1f\n", names[i],
			MEAN(v, i, cost), MEAN(v, i, import_kwh), MEAN(v, i, export_kwh),
			MEAN(v, i, peak_kw), 100 * MEAN(v, i, local_share), MEAN(v, i, jain),
			100 * gap);
	}
	fprintf(stderr, "%-18s %10.2f\n", "optimum", mean_optimum(v));
}

static void put_shares(struct json_out *o, const struct evaluation *v, const struct judgement *j)
{
	json_open_object(o, "shares");
	for (int c = 0; c < CLASS_COUNT; c++) {
		if (v->conf.count[c] > 0) {
			json_open_object(o, class_models[c].name);
			json_put_number(o, "buy", j->shares[c].buy, 4);
			json_put_number(o, "sell", j->shares[c].sell, 4);
			json_put_number(o, "refrain", j->shares[c].refrain, 4);
			json_close(o);
		}
	}
	json_close(o);
}

static void put_judgement(struct json_out *o, const struct evaluation *v, const struct trial *t,
			  int who)
{
	const struct judgement *j = &t->by[who];
	json_open_object(o, names[who]);
	json_put_number(o, "cost", j->cost, 6);
	json_put_number(o, "import_kwh", j->import_kwh, 3);
	json_put_number(o, "export_kwh", j->export_kwh, 3);
	json_put_number(o, "peak_kw", j->peak_kw, 4);
	json_put_number(o, "local_share", j->local_share, 6);
	json_put_number(o, "jain", j->jain, 6);
	json_put_number(o, "price_deviation", j->price_deviation, 6);
	json_put_number(o, "gap_recovered", recovered(t, who), 6);
	json_put_integer(o, "violations", j->violations);
	put_shares(o, v, j);
	json_close(o);
}

static int print_json(const struct evaluation *v)
{
	static char text[REPORT_SIZE];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_open_array(&o, "seeds");
	for (int k = 0; k < v->seeds; k++) {
		const struct trial *t = &v->trial[k];
		json_open_object(&o, NULL);
		json_put_integer(&o, "seed", v->conf.seed + k);
		json_put_number(&o, "optimum", t->optimum, 6);
		json_put_number(&o, "rules_in_place", (double)t->refused / (double)t->asked, 6);
		for (int i = 0; i < DECIDERS; i++) {
			put_judgement(&o, v, t, i);
		}
		json_close(&o);
	}
	json_close(&o);
	json_close(&o);
	if (json_finish(&o) < 0) {
		return -ENOBUFS;
	}
	puts(text);
	return 0;
}

int train_evaluate_main(int argc, char **argv)
{
	static struct evaluation v;
	struct train_options o = { .seed = 3 };
	struct diag d = { .to = stderr };
	int code = train_options(argc, argv, help, "policy", "seeds", SEEDS_MAX, &o);
	code = code ? code : train_read("evaluate", o.file, &v.conf);
	if (code) {
		return code < 0 ? 0 : code;
	}
	v.seeds = (int)o.seed;
	if (community_actors_load(&v.learned.actors, o.folder, v.conf.count, v.conf.interval_s,
				  v.conf.tariff.currency, &d) < 0) {
		return EXIT_BAD;
	}
	int r = 0;
	for (int k = 0; k < v.seeds && r == 0; k++) {
		r = run_seed(&v, k);
	}
	if (r == 0) {
		print_table(&v);
		r = print_json(&v);
	}
	community_actors_free(&v.learned.actors);
	if (r < 0) {
		fprintf(stderr, "lec-train evaluate: %s\n", strerror(-r));
	}
	return r < 0 ? EXIT_FAILED : 0;
}
