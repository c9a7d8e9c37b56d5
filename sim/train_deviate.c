/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train deviate: what a class of homes gains where it alone learns on. Little, where all that
 * was learned is near an equilibrium. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/json_out.h"
#include "daemon/base/progress.h"
#include "sim/learner_file.h"
#include "sim/train.h"

enum { EXIT_FAILED = 1, EXIT_BAD = 2, PATH_SIZE = 512, JSON_SIZE = 4096 };

static const char help[] =
	"Usage: lec-train deviate COMMUNITY --policy DIR [OPTION]...\n"
	"Let each class of homes in turn learn on from where a training ended, while all others "
	"act\n"
	"as they learned, and tell what it gains on days held out. A table on stderr, JSON on\n"
	"stdout.\n"
	"  --policy DIR   where lec-train maddpg learned: its checkpoint is there\n"
	"  --seed N       that it learned with; default 1\n"
	"  --algorithm A, --homes N  as it was told then\n"
	"  --episodes N   to learn on for; default: a quarter of the file's\n"
	"  --help\n";

struct told {
	const char *file, *policy, *algorithm;
	double seed, homes, episodes; /* homes, episodes 0: not told */
};

/* What the homes of a class come to on days held out. */
struct gain {
	double idle, turnover; /* with no control */
	double before, after;
};

struct deviation {
	struct community_conf conf;
	struct community_world world;
	uint64_t of;
	int64_t episodes;
	double *room; /* by home: idle cost, turnover, cost */
	struct gain gain[CLASS_COUNT];
};

/* --- the command line ---------------------------------------------------------------------------
 */

static int take_option(int c, void *told)
{
	struct told *t = told;
	switch (c) {
	case 'p':
		t->policy = optarg;
		return 0;
	case 'n':
		return train_number("deviate", "--seed", optarg, 1e15, &t->seed);
	case 'a':
		t->algorithm = optarg;
		return 0;
	case 'm':
		return train_number("deviate", "--homes", optarg, COMMUNITY_HOMES_MAX, &t->homes);
	default:
		return train_number("deviate", "--episodes", optarg, 1e6, &t->episodes);
	}
}

static int parse(int argc, char **argv, struct told *t)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'p' },
						 { "seed", required_argument, NULL, 'n' },
						 { "algorithm", required_argument, NULL, 'a' },
						 { "homes", required_argument, NULL, 'm' },
						 { "episodes", required_argument, NULL, 'e' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const struct train_command c = { "deviate", help, options, take_option, t };
	int code = train_parse(&c, argc, argv, &t->file);
	return code == 0 && !t->policy ? train_refuse("deviate", "no folder", "--policy DIR")
				       : code;
}

/* --- learning on --------------------------------------------------------------------------------
 */

static double class_sum(const struct deviation *v, const double *by_home, int class)
{
	double sum = 0;
	for (int i = 0; i < v->world.env.homes; i++) {
		sum += v->world.home[i].class == class ? by_home[i] : 0;
	}
	return sum;
}

/* What the class's homes pay on the days held out, where all act as the learner would. */
static int judge_class(struct deviation *v, struct learner *l, int class, double *cost)
{
	struct community_world *w = &v->world;
	struct decider who = learner_decider(l);
	struct judgement j;
	double *home_cost = v->room + 2 * w->env.homes;
	int r = judge(&w->env, w->test, w->series.steps, &who, &j, home_cost);
	*cost = r == 0 ? class_sum(v, home_cost, class) : NAN;
	return r;
}

static int learn_on(struct deviation *v, struct learner *l, int agent, struct progress *p)
{
	int r = learner_leave_to(l, agent, v->episodes);
	for (int64_t k = 0; k < v->episodes && r == 0; k++) {
		struct learner_episode ep;
		r = learner_run_episode(l, &ep);
		progress_show(agent * v->episodes + k + 1, l->agents * v->episodes, p);
	}
	/* One that diverges has gained what it had gained before. */
	r = r == -EDOM ? 0 : r;
	if (r == 0) {
		learner_take_best(l);
	}
	return r;
}

/* Take up what was learned. Returns 0, -errno, or EXIT_BAD: it was told why not. */
static int take_up(const struct deviation *v, const struct told *t, struct learner *l)
{
	struct diag d = { .to = stderr };
	char path[PATH_SIZE];
	int64_t log;
	if (snprintf(path, sizeof(path), "%s/checkpoint", t->policy) >= PATH_SIZE) {
		return -ENAMETOOLONG;
	}
	if (learner_load(path, l, v->of, &log, &d) < 0) {
		return EXIT_BAD;
	}
	learner_take_best(l);
	return 0;
}

static int deviate(struct deviation *v, const struct told *t, int agent, struct progress *p)
{
	struct learner l;
	int r = learner_init(&l, &v->world, &v->conf, (uint64_t)t->seed);
	r = r ? r : take_up(v, t, &l);
	if (r == 0) {
		struct gain *g = &v->gain[l.class[agent]];
		r = judge_class(v, &l, l.class[agent], &g -> before);
		r = r ? r : learn_on(v, &l, agent, p);
		r = r ? r : judge_class(v, &l, l.class[agent], &g -> after);
	}
	learner_free(&l);
	return r;
}

static int deviate_all(struct deviation *v, const struct told *t)
{
	struct community_world *w = &v->world;
	struct progress p;
	struct judgement idle;
	int from = w->test, to = w->series.steps, agent = 0;
	v->room = calloc(3 * (size_t)w->env.homes, sizeof(double));
	int r = v->room ? judge(&w->env, from, to, &judge_no_control, &idle, v->room) : -ENOMEM;
	if (r < 0) {
		return r;
	}
	judge_turnover(&w->env, from, to, v->room + w->env.homes);
	progress_begin(&p, "learning on");
	for (int c = 0; c < CLASS_COUNT && r == 0; c++) {
		if (v->conf.count[c] > 0) {
			v->gain[c].idle = class_sum(v, v->room, c);
			v->gain[c].turnover = class_sum(v, v->room + w->env.homes, c);
			r = deviate(v, t, agent++, &p);
		}
	}
	progress_end(&p);
	return r;
}

/* What was saved over what could be: 1 where nothing is gained. NaN where there is no saving. */
static double no_regret(const struct gain *g)
{
	double saved = g->idle - g->before, could = g->idle - g->after;
	return saved > 0 && could > 0 ? saved / could : NAN;
}

/* --- telling ------------------------------------------------------------------------------------
 */

static void print_table(const struct deviation *v)
{
	fprintf(stderr, "%-16s %10s %10s %10s %12s %10s\n", "learns on", "cost", "then", "gain",
		"% of turnover", "no regret");
	for (int c = 0; c < CLASS_COUNT; c++) {
		const struct gain *g = &v->gain[c];
		if (v->conf.count[c] > 0) {
			fprintf(stderr, "%-16s %10.2f %10.2f %10.2f %12.2f %10.3f\n",
				class_models[c].name, g->before, g->after, g->before - g->after,
				100 * (g->before - g->after) / g->turnover, no_regret(g));
		}
	}
}

static int print_json(const struct deviation *v)
{
	static char text[JSON_SIZE];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "episodes", v->episodes);
	json_put_text(&o, "currency", v->conf.tariff.currency);
	json_open_object(&o, "classes");
	for (int c = 0; c < CLASS_COUNT; c++) {
		const struct gain *g = &v->gain[c];
		if (v->conf.count[c] > 0) {
			json_open_object(&o, class_models[c].name);
			json_put_number(&o, "before", g->before, 6);
			json_put_number(&o, "after", g->after, 6);
			json_put_number(&o, "gain", g->before - g->after, 6);
			json_put_number(&o, "gain_share", (g->before - g->after) / g->turnover, 6);
			json_put_number(&o, "no_regret", no_regret(g), 6);
			json_close(&o);
		}
	}
	json_close(&o);
	json_close(&o);
	return json_finish(&o) < 0 || puts(text) < 0 ? EXIT_FAILED : 0;
}

static int run(struct deviation *v, const struct told *t)
{
	int r = community_world_make(&v->world, &v->conf);
	r = r < 0 ? r : deviate_all(v, t);
	if (r < 0) {
		fprintf(stderr, "lec-train deviate: %s: %s\n", t->policy, strerror(-r));
		r = EXIT_FAILED;
	} else if (r == 0) {
		print_table(v);
		r = print_json(v);
	}
	free(v->room);
	community_world_free(&v->world);
	return r;
}

int train_deviate_main(int argc, char **argv)
{
	static struct deviation v;
	struct told t = { .seed = 1 };
	int code = parse(argc, argv, &t);
	if (code) {
		return code < 0 ? 0 : code;
	}
	code = train_read("deviate", t.file, &v.conf);
	if (code) {
		return code;
	}
	code = train_override("deviate", t.algorithm, t.homes, &v.conf);
	v.of = train_identity(t.file, &v.conf);
	int64_t quarter = (v.conf.training.episodes + 3) / 4;
	v.episodes = t.episodes > 0 ? (int64_t)t.episodes : quarter;
	code = code ? code : run(&v, &t);
	community_conf_free(&v.conf);
	return code;
}
