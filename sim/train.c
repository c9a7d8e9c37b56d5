/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-train maddpg: learn, and write what was learned and how it went. */
#include "sim/train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/json_out.h"
#include "daemon/base/progress.h"
#include "daemon/base/workers.h"
#include "sim/learner_file.h"
#include "sim/train_report.h"

enum { EXIT_FAILED = 1, EXIT_BAD = 2, PATH_SIZE = 512, REPORT_SIZE = 4096 };

static const char help[] =
	"Usage: lec-train maddpg COMMUNITY --out DIR [OPTION]...\n"
	"Let the homes of a community learn to act and to bid. Writes an actor for each class of\n"
	"homes (actor-CLASS.onnx and actor-CLASS.conf), training.csv, report.html and report.json\n"
	"into DIR.\n"
	"  --out DIR      made where it is missing\n"
	"  --seed N       of the networks, exploration and draws; default 1\n"
	"  --algorithm A  maddpg, ddpg or matd3, in place of the file's\n"
	"  --homes N      so many homes, shared out among the classes as the file's are\n"
	"  --threads N    of looking ahead and of an update; what is learned is the same for any\n"
	"                 number; default: one for each processor\n"
	"  --resume       go on from the checkpoint in DIR, as if it had never stopped\n"
	"  --help\n";

struct training {
	struct community_conf conf;
	struct community_world world;
	struct learner learner;
	struct ranks ranks;
	const char *folder;
	uint64_t of; /* a hash of the community file */
	int64_t log; /* of training.csv, what a checkpoint has seen */
	int threads;
	bool diverged;
	int64_t diverged_at;
};

static int path_of(const struct training *t, const char *name, char out[PATH_SIZE])
{
	int n = snprintf(out, PATH_SIZE, "%s/%s", t->folder, name);
	return n < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

/* training.csv, begun anew or cut to where the checkpoint was made. */
static FILE *open_log(const struct training *t)
{
	char path[PATH_SIZE];
	int r = path_of(t, "training.csv", path);
	if (r == 0 && t->log > 0 && truncate(path, t->log) < 0) {
		return NULL;
	}
	FILE *f = r == 0 ? fopen(path, t->log > 0 ? "a" : "w") : NULL;
	if (f && t->log == 0) {
		fputs("episode,updates,saving_per_home_day,critic_loss,noise,checked_cost,"
		      "price_deviation,volume_deviation_kwh\n",
		      f);
	}
	return f;
}

/* Rank 0 writes all there is; the others hand it what they have. */
static bool is_writer(const struct training *t)
{
	return t->ranks.rank == 0;
}

static int put_aside(const struct training *t, FILE *f)
{
	char path[PATH_SIZE];
	int r = path_of(t, "checkpoint", path);
	if (r < 0 || (f && fflush(f) != 0)) {
		return r < 0 ? r : -EIO;
	}
	return learner_save(path, &t->learner, t->of, f ? ftell(f) : 0);
}

/* Whether training.csv has what it had when the checkpoint was made. */
static int check_log(const struct training *t, struct diag *d)
{
	struct stat s;
	char path[PATH_SIZE];
	int r = path_of(t, "training.csv", path);
	if (r == 0 && stat(path, &s) < 0) {
		return diag_error(d, path, 0, "cannot be read: %s", strerror(errno));
	}
	if (r == 0 && s.st_size < t->log) {
		return diag_error(d, path, 0, "has %lld bytes, expected the %lld of the checkpoint",
				  (long long)s.st_size, (long long)t->log);
	}
	return r;
}

/* Take up the checkpoint, all ranks or none. Returns 0, or EXIT_BAD: it was told why not. */
static int take_up(struct training *t)
{
	struct diag d = { .to = is_writer(t) ? stderr : NULL };
	char path[PATH_SIZE];
	int r = path_of(t, "checkpoint", path);
	r = r < 0 ? r : learner_load(path, &t->learner, t->of, &t->log, &d);
	r = r == 0 && is_writer(t) ? check_log(t, &d) : r;
	ranks_hand_out(&t->ranks, &r, sizeof(r));
	return r < 0 ? EXIT_BAD : 0;
}

/* A number, or nothing where it is not known. */
static void put(FILE *f, double x)
{
	if (isfinite(x)) {
		fprintf(f, ",%.6f", x);
	} else {
		fputs(",", f);
	}
}

static void log_episode(FILE *f, const struct learner *l, const struct learner_episode *ep)
{
	fprintf(f, "%lld,%lld", (long long)l->episode, (long long)l->m.updates);
	put(f, ep->saving);
	put(f, ep->critic_loss);
	put(f, ep->noise);
	put(f, ep->checked_cost);
	put(f, ep->price_deviation);
	put(f, ep->volume_deviation_kwh);
	fputs("\n", f);
}

static int learn(struct training *t)
{
	struct learner *l = &t->learner;
	struct progress p;
	FILE *f = is_writer(t) ? open_log(t) : NULL;
	int r = f || !is_writer(t) ? 0 : -errno;
	int64_t first = l->episode, episodes = t->conf.training.episodes;
	progress_begin(&p, "learning");
	while (r == 0 && l->episode < episodes) {
		struct learner_episode ep;
		r = learner_run_episode(l, &ep);
		if (r == 0 && f) {
			log_episode(f, l, &ep);
			progress_show(l->episode - first, episodes - first, &p);
		}
		r = r == 0 && isfinite(ep.checked_cost) ? put_aside(t, f) : r;
	}
	progress_end(&p);
	if (r == -EDOM) {
		t->diverged = true;
		t->diverged_at = l->episode;
		r = 0;
	}
	learner_take_best(l);
	return f && fclose(f) != 0 && r == 0 ? -EIO : r;
}

static int write_actors(const struct training *t)
{
	int r = 0;
	for (int k = 0; k < t->learner.agents && r == 0; k++) {
		const char *class = class_models[t->learner.class[k]].name;
		char name[64], onnx[PATH_SIZE], conf[PATH_SIZE];
		(void)snprintf(name, sizeof(name), "actor-%s.onnx", class);
		r = path_of(t, name, onnx);
		(void)snprintf(name, sizeof(name), "actor-%s.conf", class);
		r = r < 0 ? r : path_of(t, name, conf);
		r = r < 0 ? r : learner_export(&t->learner, k, onnx, conf);
	}
	return r;
}

/* What was learned, against what it began with, in a sentence. */
static void put_outcome(const struct training *t, char out[PATH_SIZE])
{
	const struct learner *l = &t->learner;
	const char *currency = *l->currency ? l->currency : "money";
	if (!isfinite(l->begun_cost)) {
		(void)snprintf(out, PATH_SIZE, "Nothing was tried.");
	} else if (l->best_cost < l->begun_cost) {
		(void)snprintf(out, PATH_SIZE,
			       "Of all times it was tried the best costs %.2f %s through the days "
			       "to learn from, %.2f less than the untrained middle.",
			       l->best_cost, currency, l->begun_cost - l->best_cost);
	} else {
		(void)snprintf(out, PATH_SIZE,
			       "Nothing is gained over the untrained middle, %.2f %s through the "
			       "days to learn from: worth no more than what actions mean.",
			       l->begun_cost, currency);
	}
}

static int write_page(const struct training *t)
{
	char csv[PATH_SIZE], html[PATH_SIZE], title[PATH_SIZE], outcome[PATH_SIZE];
	const struct train_report told = { title, t->learner.currency, outcome };
	put_outcome(t, outcome);
	(void)snprintf(title, sizeof(title), "%s: %d homes, seed %llu",
		       training_algorithms[t->conf.training.algorithm], t->world.env.homes,
		       (unsigned long long)t->learner.seed);
	int r = path_of(t, "training.csv", csv);
	r = r < 0 ? r : path_of(t, "report.html", html);
	return r < 0 ? r : train_report_write(csv, html, &told);
}

static int write_report(const struct training *t)
{
	char text[REPORT_SIZE], path[PATH_SIZE];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_text(&o, "algorithm", training_algorithms[t->conf.training.algorithm]);
	json_put_integer(&o, "seed", (int64_t)t->learner.seed);
	json_put_integer(&o, "ranks", t->ranks.count);
	json_put_integer(&o, "homes", t->world.env.homes);
	json_put_integer(&o, "episodes", t->learner.episode);
	json_put_integer(&o, "updates", t->learner.m.updates);
	json_put_flag(&o, "diverged", t->diverged);
	json_put_number(&o, "checked_cost", t->learner.best_cost, 4);
	json_put_number(&o, "untrained_cost", t->learner.begun_cost, 4);
	json_close(&o);
	int size = json_finish(&o), r = path_of(t, "report.json", path);
	if (size < 0 || r < 0) {
		return size < 0 ? size : r;
	}
	fprintf(stdout, "%s\n", text);
	return durable_publish(path, text, (size_t)size);
}

/* What went wrong, by rank 0; the others have the same, or are ended. */
static void tell(const struct training *t, int r)
{
	if (t->diverged && is_writer(t)) {
		fprintf(stderr,
			"lec-train maddpg: training diverges in episode %lld; what did best "
			"before is in %s\n",
			(long long)t->diverged_at + 1, t->folder);
	} else if (r == 0 && is_writer(t) &&
		   t->learner.m.updates <= t->conf.training.calm_updates) {
		fprintf(stderr,
			"lec-train maddpg: actors are as they began: there were %lld updates, they "
			"wait for their critics through the first %lld (calm-updates)\n",
			(long long)t->learner.m.updates, (long long)t->conf.training.calm_updates);
	} else if (r < 0 && r != -EPROTO) {
		fprintf(stderr, "lec-train maddpg: %s: %s\n", t->folder, strerror(-r));
	} else if (r < 0 && is_writer(t)) {
		fputs("lec-train maddpg: ranks have come apart, expected machines that reckon "
		      "alike\n",
		      stderr);
	}
}

/* The folder, where it is missing; to go on there must be something to go on from, and that is told
 * before days are made. Returns 0, -errno, or EXIT_BAD: it was told. */
static int begin_folder(struct training *t, bool resume)
{
	char path[PATH_SIZE];
	struct diag d = { .to = stderr };
	int r = path_of(t, "checkpoint", path);
	if (r == 0 && is_writer(t) && resume && access(path, R_OK) < 0) {
		(void)diag_error(&d, path, 0,
				 "cannot be read: %s; --resume expects what was begun there",
				 strerror(errno));
		r = EXIT_BAD;
	} else if (r == 0 && is_writer(t) && !resume && mkdir(t->folder, 0777) < 0) {
		r = errno == EEXIST ? 0 : -errno;
	}
	ranks_hand_out(&t->ranks, &r, sizeof(r));
	return r;
}

/* Learn, and write what came of it. Returns 0, -errno or EXIT_BAD. */
static int make(struct training *t, uint64_t seed, bool resume)
{
	int r = begin_folder(t, resume);
	r = r ? r : community_world_make(&t->world, &t->conf);
	if (r > 0) {
		return r;
	}
	r = r < 0 ? r : learner_init(&t->learner, &t->world, &t->conf, seed);
	r = r < 0 ? r : learner_threads(&t->learner, t->threads);
	if (r == 0) {
		learner_join(&t->learner, &t->ranks);
	}
	r = r == 0 && resume ? take_up(t) : r;
	r = r ? r : learn(t);
	if (!is_writer(t)) {
		return r;
	}
	r = r ? r : write_actors(t);
	r = r ? r : write_page(t);
	r = r == -ENODATA ? 0 : r; /* it diverged in its first episode: there is nothing to draw */
	return r ? r : write_report(t);
}

static int run(struct training *t, uint64_t seed, bool resume)
{
	int r = make(t, seed, resume);
	tell(t, r);
	if (r < 0) {
		ranks_give_up(&t->ranks, EXIT_FAILED);
	}
	learner_free(&t->learner);
	community_world_free(&t->world);
	community_conf_free(&t->conf);
	return r > 0 ? r : r < 0 || t->diverged ? EXIT_FAILED : 0;
}

/* Divide what is to be learned over the ranks. Returns 0 or EXIT_BAD. */
static int divide(struct training *t, const char *path)
{
	struct training_conf *c = &t->conf.training;
	struct diag d = { .to = is_writer(t) ? stderr : NULL };
	const struct {
		const char *name;
		int64_t value;
	} dividing[] = { { "episodes", c->episodes }, { "batch", c->batch } };
	int count = t->ranks.count;
	uint64_t first = t->of;
	ranks_hand_out(&t->ranks, &first, sizeof(first));
	double others = first != t->of;
	ranks_sum(&t->ranks, &others, 1);
	if (others > 0) {
		diag_error(&d, path, 0, "is another file for %.0f of the ranks, expected the same",
			   others);
	}
	for (int i = 0; i < 2; i++) {
		if (dividing[i].value % count != 0) {
			diag_error(&d, path, 0, "%s = %lld, expected a multiple of the %d ranks",
				   dividing[i].name, (long long)dividing[i].value, count);
		}
	}
	c->batch /= count;
	c->replay = (c->replay + count - 1) / count;
	return d.errors > 0 ? EXIT_BAD : 0;
}

int train_main(int argc, char **argv)
{
	static struct training t;
	struct train_options o = { .seed = 1 };
	int code = train_options(argc, argv, help, &o);
	code = code ? code : train_read("maddpg", o.file, &t.conf);
	code = code ? code : train_override("maddpg", o.algorithm, o.homes, &t.conf);
	if (code) {
		return code < 0 ? 0 : code;
	}
	if (o.threads > 1 && !matrix_by_threads()) {
		fputs("lec-train maddpg: --threads: OpenBLAS is here for one thread, expected "
		      "Debian's libopenblas0-pthread\n",
		      stderr);
		return EXIT_FAILED;
	}
	t.threads = o.threads > 0 ? (int)o.threads : matrix_by_threads() ? workers_best() : 1;
	t.folder = o.folder;
	t.of = train_identity(o.file, &t.conf);
	if (ranks_begin(&t.ranks) < 0) {
		fputs("lec-train maddpg: MPI cannot be used\n", stderr);
		code = EXIT_FAILED;
	}
	code = code ? code : divide(&t, o.file);
	code = code ? code : run(&t, (uint64_t)o.seed, o.resume);
	ranks_end(&t.ranks);
	return code;
}
