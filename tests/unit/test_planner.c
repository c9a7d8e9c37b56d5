/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The planner's child is this program again: how it behaves is told by TEST_PLANNER. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "tests/unit/houses.h"

#include "daemon/base/clock.h"
#include "daemon/home/planner.h"

enum { PATIENCE_MS = 60000 };

static struct planner planner;

static void begin(const char *behaviour)
{
	assert_int_equal(setenv("TEST_PLANNER", behaviour, 1), 0);
	assert_int_equal(planner_start(&planner, false), 0);
	assert_true(planner.pid > 0 && planner.starts == 1);
}

static void ask(void)
{
	struct dice d = { .state = 7 };
	uint64_t id = planner.problem.id;
	planner.problem = house_random(&d, 96, false);
	planner.problem.id = id;
	assert_int_equal(planner_submit(&planner), 0);
	assert_int_equal(planner.problem.id, id + 1);
	assert_int_equal(planner_submit(&planner), -EBUSY);
}

static int await(const struct plan **out)
{
	struct pollfd fd = { .fd = planner.fd, .events = POLLIN };
	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	return planner_receive(&planner, out);
}

/* Wait for the child's end without reaping it. */
static void await_death(void)
{
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)planner.pid, &info, WEXITED | WNOWAIT), 0);
}

/* A child that behaves answers again, once its time has come. */
static void recover(void)
{
	const struct plan *plan;
	assert_int_equal(setenv("TEST_PLANNER", "good", 1), 0);
	if (planner.condemned) {
		await_death();
	}
	planner.retry_us = 0;
	planner_maintain(&planner);
	planner.retry_us = 0;
	planner_maintain(&planner);
	assert_true(planner.pid > 0 && !planner.busy);
	ask();
	assert_int_equal(await(&plan), 1);
	assert_true(plan->id == planner.problem.id && plan->slots == 96);
	assert_true(planner.failures == 0 && !*planner.error);
}

static void test_answers(void **unused)
{
	/* The child solves problem after problem; nothing comes unasked. */
	(void)unused;
	const struct plan *plan = NULL;
	begin("good");
	assert_int_equal(planner_receive(&planner, &plan), 0);
	for (int i = 0; i < 3; i++) {
		ask();
		assert_int_equal(await(&plan), 1);
		assert_true(plan->id == planner.problem.id && plan->status != PLAN_FAILED);
		assert_true(plan->solve_ms > 0);
		assert_int_equal(planner_receive(&planner, &plan), 0);
	}
	planner_maintain(&planner);
	assert_int_equal(planner.starts, 1);
	planner_stop(&planner);
	assert_int_equal(planner.pid, 0);
	assert_int_equal(planner_submit(&planner), -EAGAIN);
}

/* The first number after a word in a file of the child's in /proc; 0 where there is none. */
static long child_tells(const char *file, const char *word)
{
	char path[64], line[256];
	long number = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)planner.pid, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		size_t length = strlen(word);
		number = strncmp(line, word, length) == 0 ? atol(line + length) : number;
	}
	assert_int_equal(fclose(f), 0);
	return number;
}

static void test_memory(void **unused)
{
	/* The child's memory is bounded, and as large after many plans as after a few. */
	(void)unused;
	enum { FEW = 30, MANY = 600 };
	const struct plan *plan;
	long before_kib = 0;
	begin("good");
	for (int k = 0; k < MANY; k++) {
		struct dice d = { .state = (uint64_t)(k % FEW) };
		uint64_t id = planner.problem.id;
		planner.problem = house_whole(&d, 8, false);
		planner.problem.id = id;
		planner.problem.good_gap = 0.01;
		assert_int_equal(planner_submit(&planner), 0);
		assert_int_equal(await(&plan), 1);
		before_kib = k == FEW - 1 ? child_tells("status", "VmRSS:") : before_kib;
	}
	assert_true(child_tells("limits", "Max address space") > 0); /* "unlimited" is 0 */
	if (!is_watched()) {
		assert_true(before_kib > 0);
		assert_true(child_tells("status", "VmRSS:") < before_kib + 1024);
	}
	planner_stop(&planner);
}

static void test_in_process(void **unused)
{
	/* Without a child the answer is there with the next look, and it is the same. */
	(void)unused;
	const struct plan *plan;
	begin("good");
	ask();
	assert_int_equal(await(&plan), 1);
	double cost = plan->total_cost;
	planner_stop(&planner);
	assert_int_equal(planner_start(&planner, true), 0);
	struct dice d = { .state = 7 };
	planner.problem = house_random(&d, 96, false);
	assert_int_equal(planner_submit(&planner), 0);
	assert_int_equal(planner_receive(&planner, &plan), 1);
	assert_true(fabs(plan->total_cost - cost) < 1e-9 * (1 + fabs(cost)));
	assert_int_equal(planner_receive(&planner, &plan), 0);
	planner_stop(&planner);
}

static void test_stopped(void **unused)
{
	/* A child that hangs is killed when it is late, and not before; the next one answers. */
	(void)unused;
	const struct plan *plan;
	begin("good");
	assert_int_equal(kill(planner.pid, SIGSTOP), 0);
	ask();
	planner_maintain(&planner);
	assert_true(planner.busy && !planner.condemned);
	assert_int_equal(planner_receive(&planner, &plan), 0);
	planner.sent_us -= 6000000;
	planner_maintain(&planner);
	assert_true(!planner.busy && planner.condemned);
	assert_string_equal(planner.error, "the planner was late and was killed");
	recover();
	assert_int_equal(planner.starts, 2);
	planner_stop(&planner);
}

static void test_killed(void **unused)
{
	/* A child that is killed over a problem, read or unread, is noticed and replaced. */
	(void)unused;
	for (int unread = 0; unread < 2; unread++) {
		const struct plan *plan;
		begin("hang");
		if (unread) {
			assert_int_equal(kill(planner.pid, SIGSTOP), 0);
		}
		ask();
		assert_int_equal(kill(planner.pid, SIGKILL), 0);
		await_death();
		assert_int_equal(planner_receive(&planner, &plan), 0);
		planner_maintain(&planner);
		assert_true(!planner.busy && planner.pid == 0 && planner.fd < 0);
		assert_string_equal(planner.error, "the planner died");
		assert_int_equal(planner_submit(&planner), -EAGAIN);
		recover();
		planner_stop(&planner);
	}
}

static void test_patience(void **unused)
{
	/* A child that dies at once is started ever more rarely, not each cycle. */
	(void)unused;
	begin("die");
	for (int failure = 1; failure <= 8; failure++) {
		await_death();
		planner_maintain(&planner);
		assert_int_equal(planner.failures, failure);
		assert_int_equal(planner.pid, 0);
		int64_t wait_us = planner.retry_us - clock_real_us();
		int64_t least_us = INT64_C(500000) << (failure < 6 ? failure : 6);
		assert_true(wait_us <= least_us && wait_us > least_us / 2);
		for (int i = 0; i < 10; i++) {
			planner_maintain(&planner);
		}
		assert_int_equal(planner.starts, failure);
		planner.retry_us = 0;
		planner_maintain(&planner);
		assert_int_equal(planner.starts, failure + 1);
	}
	planner_stop(&planner);
}

static void test_garbage(void **unused)
{
	/* Whatever a child sends that is no plan for the problem is refused and said so. */
	(void)unused;
	static const struct {
		const char *behaviour, *error;
	} cases[] = {
		{ "short", "the planner sent garbage" },
		{ "cut", "the planner sent garbage" },
		{ "slots", "the planner sent garbage" },
		{ "other", "the planner answered another problem" },
		{ "failed", "the planner found no plan" },
		{ "nan", "the plan was refused: " },
		{ "greedy", "the plan was refused: " },
		{ "noise", "the plan" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct plan *plan = NULL;
		begin(cases[i].behaviour);
		ask();
		assert_int_equal(await(&plan), -EBADMSG);
		assert_null(plan);
		assert_false(planner.busy);
		assert_memory_equal(planner.error, cases[i].error, strlen(cases[i].error));
		if (!planner.condemned) { /* it may go on: see that it can be replaced */
			assert_int_equal(kill(planner.pid, SIGKILL), 0);
			await_death();
		}
		recover();
		planner_stop(&planner);
	}
}

static void test_unasked(void **unused)
{
	/* A plan that nobody asked for is refused, and its maker killed. */
	(void)unused;
	const struct plan *plan = NULL;
	begin("unasked");
	assert_int_equal(await(&plan), -EBADMSG);
	assert_true(planner.condemned);
	recover();
	planner_stop(&planner);
}

/* What a child says to bytes of that size; -1: it goes on. */
static int exit_code_for(const void *bytes, size_t size)
{
	int pair[2], status;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(planner_serve(pair[1]));
	}
	close(pair[1]);
	if (size) {
		assert_int_equal(send(pair[0], bytes, size, MSG_NOSIGNAL), (ssize_t)size);
	} else {
		close(pair[0]);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (size) {
		close(pair[0]);
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_serve(void **unused)
{
	/* The child ends on anything that is no problem, and well when its parent is gone. */
	(void)unused;
	static struct problem p;
	struct dice d = { .state = 1 };
	p = house_random(&d, 4, false);
	assert_int_equal(exit_code_for(NULL, 0), 0);
	assert_int_equal(exit_code_for("abc", 3), 1);
	size_t size = offsetof(struct problem, step) + 4 * sizeof(p.step[0]);
	assert_int_equal(exit_code_for(&p, size - 8), 1);
	static const int steps[] = { -1, 0, 5, STEPS_MAX + 1, 1 << 30 };
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		p.steps = steps[i];
		assert_int_equal(exit_code_for(&p, size), 1);
	}
}

/* --- the children -------------------------------------------------------------------------------
 */

static void tell(const struct plan *plan, size_t size)
{
	(void)send(3, plan, size, MSG_NOSIGNAL);
}

/* Spoil a good plan as told; returns the bytes to send. */
static size_t spoil(const char *how, struct plan *plan)
{
	size_t size = offsetof(struct plan, slot) + (size_t)plan->slots * sizeof(plan->slot[0]);
	if (strcmp(how, "cut") == 0) {
		size -= 1;
	} else if (strcmp(how, "slots") == 0) {
		plan->slots = 1 << 30;
	} else if (strcmp(how, "other") == 0) {
		plan->id += 1;
	} else if (strcmp(how, "failed") == 0) {
		plan->status = PLAN_FAILED;
	} else if (strcmp(how, "nan") == 0) {
		plan->slot[10].grid_w = NAN;
	} else if (strcmp(how, "greedy") == 0) {
		plan->slot[10].battery_w[0] = 1e6;
		plan->slot[10].pv_w = 1e6;
	} else if (strcmp(how, "noise") == 0) {
		uint64_t seed = 5, id = plan->id;
		for (size_t i = 0; i + 8 <= size; i += 8) {
			uint64_t word = random_next(&seed);
			memcpy((char *)plan + i, &word, 8);
		}
		plan->id = id;
		plan->slots = 96;
	} else {
		size = 3;
	}
	return size;
}

static int child(const char *how)
{
	static struct planner p;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(how, "good") == 0) {
		return planner_serve(3);
	}
	if (strcmp(how, "unasked") == 0) {
		tell(&p.answer, offsetof(struct plan, slot));
	}
	const struct plan *plan;
	bool asked = strcmp(how, "die") != 0 && recv(3, &p.problem, sizeof(p.problem), 0) > 0;
	uint64_t id = p.problem.id;
	struct problem problem = p.problem;
	if (!asked || planner_start(&p, true) < 0 || strcmp(how, "hang") == 0) {
		return asked ? pause() : 1;
	}
	p.problem = problem;
	p.problem.id = id - 1;
	if (planner_submit(&p) == 0 && planner_receive(&p, &plan) == 1) {
		tell(&p.answer, spoil(how, &p.answer));
	}
	return pause();
}

/* valgrind cannot start this program again by /proc/self/exe: that is valgrind itself. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");
	return preload && strstr(preload, "vgpreload");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--planner") == 0) {
		return child(getenv("TEST_PLANNER"));
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),  cmocka_unit_test(test_in_process),
		cmocka_unit_test(test_stopped),  cmocka_unit_test(test_killed),
		cmocka_unit_test(test_patience), cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_unasked),  cmocka_unit_test(test_serve),
		cmocka_unit_test(test_memory),
	};
	const struct CMUnitTest childless[] = { cmocka_unit_test(test_serve) };
	return under_valgrind() ? cmocka_run_group_tests_name("planner", childless, NULL, NULL)
				: cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
