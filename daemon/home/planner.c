/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/planner.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "policy/evaluate.h"
#include "policy/optimiser.h"

static const int64_t late_us = 5000000;          /* a child that takes longer is killed */
static const int64_t patience_max_us = 60000000; /* between two starts of a failing child */
static const rlim_t memory_max = 512u << 20;     /* beyond what is mapped from the start */
enum { CHILD_FD = 3, SOCKET_BUFFER = 1 << 20 };

extern char **environ;

static void note(struct planner *p, const char *what)
{
	snprintf(p->error, sizeof(p->error), "%s", what);
	p->failures++;
	int shift = p->failures < 6 ? p->failures : 6;
	int64_t wait_us = INT64_C(500000) << shift;
	p->retry_us = clock_real_us() + (wait_us < patience_max_us ? wait_us : patience_max_us);
}

static void drop_child(struct planner *p)
{
	if (p->fd >= 0) {
		close(p->fd);
	}
	p->fd = -1;
	p->busy = false;
}

/* This program again, with fd as its fd 3 and no signal blocked. */
static int spawn(int fd, pid_t *out)
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, CHILD_FD);
	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	sigset_t none;
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	char *const argv[] = { "lecd", "--planner", NULL };
	int r = posix_spawn(out, "/proc/self/exe", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int start_child(struct planner *p)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		return -errno;
	}
	for (int i = 0; i < 2; i++) {
		int size = SOCKET_BUFFER;
		(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	int r = spawn(pair[1], &p->pid);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		p->pid = 0;
		return r;
	}
	p->fd = pair[0];
	p->busy = false;
	p->condemned = false;
	p->starts++;
	return 0;
}

int planner_start(struct planner *p, bool in_process)
{
	*p = (struct planner){ .fd = -1, .in_process = in_process };
	return in_process ? optimiser_new(&p->optimiser) : start_child(p);
}

/* Only the steps in use cross the socket. */
static size_t problem_size(const struct problem *p)
{
	return offsetof(struct problem, step) + (size_t)(p->steps + p->tail) * sizeof(p->step[0]);
}

static size_t plan_size(const struct plan *p)
{
	return offsetof(struct plan, slot) + (size_t)p->slots * sizeof(p->slot[0]);
}

static void solve(struct optimiser *o, const struct problem *problem, struct plan *out)
{
	int64_t start_us = clock_real_us();
	int r = optimiser_solve(o, problem, out);
	if (r < 0) {
		*out = (struct plan){ .id = problem->id, .status = PLAN_FAILED };
	}
	out->solve_ms = (double)(clock_real_us() - start_us) / 1e3;
}

int planner_submit(struct planner *p)
{
	if (p->busy) {
		return -EBUSY;
	}
	p->problem.id++;
	if (p->in_process) {
		solve(p->optimiser, &p->problem, &p->answer);
		p->answered = true;
		return 0;
	}
	if (p->fd < 0) {
		return -EAGAIN;
	}
	if (send(p->fd, &p->problem, problem_size(&p->problem), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		return -EAGAIN;
	}
	p->busy = true;
	p->sent_us = clock_real_us();
	return 0;
}

static void condemn(struct planner *p)
{
	kill(p->pid, SIGKILL);
	p->condemned = true;
}

static int refuse(struct planner *p, const char *what)
{
	note(p, what);
	return -EBADMSG;
}

static int check(struct planner *p, const struct plan **out)
{
	char why[96];
	if (p->answer.id != p->problem.id) {
		return refuse(p, "the planner answered another problem");
	}
	if (p->answer.status == PLAN_FAILED) {
		return refuse(p, "the planner found no plan");
	}
	if (plan_check(&p->problem, &p->answer, why, sizeof(why)) < 0) {
		char text[128];
		snprintf(text, sizeof(text), "the plan was refused: %s", why);
		return refuse(p, text);
	}
	p->failures = 0;
	p->error[0] = '\0';
	*out = &p->answer;
	return 1;
}

int planner_receive(struct planner *p, const struct plan **out)
{
	if (p->in_process) {
		bool there = p->answered;
		p->answered = false;
		return there ? check(p, out) : 0;
	}
	if (p->fd < 0) {
		return 0;
	}
	ssize_t n = recv(p->fd, &p->answer, sizeof(p->answer), MSG_DONTWAIT);
	if (n < 0) {
		/* Nothing yet; or the child died with a problem unread. */
		return errno == EAGAIN || errno == EINTR || errno == ECONNRESET
			       ? 0
			       : refuse(p, "the planner's socket broke");
	}
	if (n == 0) {
		return 0; /* the child is gone: planner_maintain sees it */
	}
	bool expected = p->busy;
	p->busy = false;
	bool whole = (size_t)n >= offsetof(struct plan, slot) && p->answer.slots >= 0 &&
		     p->answer.slots <= STEPS_MAX && (size_t)n == plan_size(&p->answer);
	if (!expected || !whole) {
		condemn(p);
		return refuse(p, "the planner sent garbage");
	}
	return check(p, out);
}

void planner_maintain(struct planner *p)
{
	if (p->in_process) {
		return;
	}
	if (p->pid > 0 && p->busy && clock_real_us() - p->sent_us > late_us) {
		condemn(p);
		note(p, "the planner was late and was killed");
		p->busy = false;
	}
	int status;
	if (p->pid > 0 && waitpid(p->pid, &status, WNOHANG) == p->pid) {
		if (!p->condemned) {
			note(p, "the planner died");
		}
		drop_child(p);
		p->pid = 0;
	}
	if (p->pid == 0 && clock_real_us() >= p->retry_us) {
		int r = start_child(p);
		if (r < 0) {
			note(p, "the planner cannot be started");
		}
	}
}

void planner_stop(struct planner *p)
{
	drop_child(p);
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		(void)waitpid(p->pid, NULL, 0);
	}
	p->pid = 0;
	optimiser_free(p->optimiser);
	p->optimiser = NULL;
}

/* Best effort. What is mapped already counts: a sanitizer maps terabytes and uses little. */
static void limit_memory(void)
{
	char text[64];
	rlim_t pages = 0; /* the first number there */
	FILE *file = fopen("/proc/self/statm", "re");
	if (file) {
		pages = fgets(text, sizeof(text), file) ? strtoul(text, NULL, 10) : 0;
		fclose(file);
	}
	rlim_t most = pages * (rlim_t)sysconf(_SC_PAGESIZE) + memory_max;
	(void)setrlimit(RLIMIT_AS, &(struct rlimit){ most, most });
}

int planner_serve(int fd)
{
	static struct problem problem;
	static struct plan plan;
	struct optimiser *optimiser;
	/* Best effort: the parent watches over us anyway. */
	(void)prctl(PR_SET_NAME, "lecd-planner");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit_memory();
	if (optimiser_new(&optimiser) < 0) {
		return 1;
	}
	int code = -1;
	while (code < 0) {
		ssize_t n = recv(fd, &problem, sizeof(problem), 0);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			code = n < 0;
		} else if ((size_t)n < offsetof(struct problem, step) || problem.steps < 1 ||
			   problem.steps > STEPS_MAX || (size_t)n != problem_size(&problem)) {
			code = 1;
		} else {
			solve(optimiser, &problem, &plan);
			code = send(fd, &plan, plan_size(&plan), MSG_NOSIGNAL) < 0 ? 1 : -1;
		}
	}
	optimiser_free(optimiser);
	return code;
}
