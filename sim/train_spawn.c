/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/train_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 512, WORDS = 16, NUMBER_SIZE = 16 };

extern char **environ;

/* This program again; what it tells machines is not for us. */
static int run(char *const *argv)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0) {
		return -r;
	}
	r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	r = r ? r : posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0) {
		return -r;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return -errno;
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int train_spawn(const struct train_task *t)
{
	char path[PATH_SIZE], seed[NUMBER_SIZE], homes[NUMBER_SIZE];
	/* posix_spawn does not change what argv points to. */
	char *argv[WORDS] = { (char *)"lec-train",
			      (char *)"maddpg",
			      (char *)t->file,
			      (char *)"--out",
			      (char *)t->folder,
			      (char *)"--seed",
			      seed };
	int words = 7;
	(void)snprintf(seed, sizeof(seed), "%d", t->seed);
	(void)snprintf(homes, sizeof(homes), "%d", t->homes);
	if (t->algorithm) {
		argv[words++] = (char *)"--algorithm";
		argv[words++] = (char *)t->algorithm;
	}
	if (t->homes > 0) {
		argv[words++] = (char *)"--homes";
		argv[words++] = homes;
	}
	if (snprintf(path, sizeof(path), "%s/checkpoint", t->folder) >= PATH_SIZE) {
		return -ENAMETOOLONG;
	}
	if (access(path, F_OK) == 0) {
		argv[words++] = (char *)"--resume";
	}
	return run(argv);
}
