/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/train_judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/train_spawn.h"

enum { EXIT_FAILED = 1, EXIT_BAD = 2, PATH_SIZE = 512 };

static int fail(const char *command, const char *what, int r)
{
	fprintf(stderr, "lec-train %s: %s%s%s\n", command, what, *what ? ": " : "", strerror(-r));
	return EXIT_FAILED;
}

int train_make_folder(const char *command, const char *folder)
{
	return mkdir(folder, 0777) < 0 && errno != EEXIST ? fail(command, folder, -errno) : 0;
}

int train_learn(const char *command, const struct train_task *t)
{
	fprintf(stderr, "lec-train %s: learning into %s\n", command, t->folder);
	int r = train_spawn(t);
	return r < 0 ? fail(command, t->folder, r) : r;
}

static int write_files(const struct evaluation *v, const char *folder)
{
	char json[PATH_SIZE], page[PATH_SIZE];
	if (snprintf(json, PATH_SIZE, "%s/evaluation.json", folder) >= PATH_SIZE ||
	    snprintf(page, PATH_SIZE, "%s/evaluation.html", folder) >= PATH_SIZE) {
		return -ENAMETOOLONG;
	}
	FILE *f = fopen(json, "w");
	if (!f) {
		return -errno;
	}
	int r = evaluation_json(v, f);
	r = fclose(f) != 0 && r == 0 ? -EIO : r;
	return r < 0 ? r : evaluation_page(v, page);
}

static int judge_and_tell(const char *command, struct evaluation *v, int seeds, const char *out)
{
	int r = evaluation_run(v, seeds);
	r = r < 0 ? r : evaluation_print(v, stderr);
	r = r < 0 ? r : evaluation_json(v, stdout);
	if (r < 0) {
		return fail(command, "", r);
	}
	r = out ? write_files(v, out) : 0;
	if (r < 0) {
		return fail(command, out, r);
	}
	int64_t violations = evaluation_violations(v);
	if (violations > 0) {
		fprintf(stderr, "lec-train %s: limits were broken %lld times, expected 0\n",
			command, (long long)violations);
	}
	return violations > 0 ? EXIT_FAILED : 0;
}

int train_judge(const char *command, struct evaluation *v, const char *const *policy, int policies,
		int seeds, const char *out)
{
	struct diag d = { .to = stderr };
	if (evaluation_load(v, policy, policies, &d) < 0) {
		return EXIT_BAD;
	}
	int code = out ? train_make_folder(command, out) : 0;
	code = code ? code : judge_and_tell(command, v, seeds, out);
	evaluation_free(v);
	return code;
}
