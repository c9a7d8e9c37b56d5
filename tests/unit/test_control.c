/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A child of its own serves; this process is its clients, good and bad. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "daemon/home/control.h"
#include "daemon/base/loop.h"

static char folder[64], path[80];
static char reply[CONTROL_REPLY_MAX + 1];
static pid_t server;

/* --- the server ---------------------------------------------------------------------------------
 */

static int answer(void *context, const char *request, char *out, int client)
{
	(void)context;
	(void)client;
	if (strcmp(request, "large") == 0) {
		memset(out, 'x', CONTROL_REPLY_MAX - 1);
		return CONTROL_REPLY_MAX - 1;
	}
	if (strcmp(request, "busy") == 0) {
		return -EBUSY;
	}
	return strcmp(request, "status") == 0 ? snprintf(out, CONTROL_REPLY_MAX, "{\"v\":1}")
					      : -EINVAL;
}

static int serve(int ready_fd)
{
	static struct control control;
	struct loop *loop;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	control.answer = answer;
	if (loop_new(&loop) < 0 || loop_add_signals(loop) < 0 ||
	    control_open(&control, loop, path) < 0 || write(ready_fd, "r", 1) != 1) {
		return 1;
	}
	int r = loop_run(loop);
	control_close(&control);
	loop_free(loop);
	return r < 0;
}

static int set_up(void **unused)
{
	(void)unused;
	int ready[2];
	char byte;
	snprintf(folder, sizeof(folder), "/tmp/lecd-control-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	assert_int_equal(pipe(ready), 0);
	server = fork();
	if (server == 0) {
		_exit(serve(ready[1]));
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	int status;
	assert_int_equal(kill(server, SIGTERM), 0);
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* --- clients ------------------------------------------------------------------------------------
 */

static int client(const char *text, size_t length)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (length) {
		assert_int_equal(send(fd, text, length, MSG_NOSIGNAL), (ssize_t)length);
	}
	return fd;
}

/* All that comes until the other side ends, into reply. */
static size_t read_all(int fd)
{
	size_t used = 0;
	ssize_t n;
	while ((n = recv(fd, reply + used, sizeof(reply) - 1 - used, 0)) > 0) {
		used += (size_t)n;
	}
	assert_true(n == 0 || errno == ECONNRESET);
	reply[used] = '\0';
	close(fd);
	return used;
}

static void check_alive(void)
{
	assert_int_equal(control_ask(path, "status", reply, sizeof(reply)), 0);
	assert_string_equal(reply, "{\"v\":1}");
}

static void test_answers(void **unused)
{
	/* A line gets its whole document, the largest too; what is not understood an error. */
	(void)unused;
	check_alive();
	assert_int_equal(control_ask(path, "nonsense", reply, sizeof(reply)), 0);
	assert_string_equal(reply, "{\"error\":\"request not understood\"}");
	assert_int_equal(control_ask(path, "busy", reply, sizeof(reply)), 0);
	assert_non_null(strstr(reply, "busy"));
	assert_int_equal(control_ask(path, "large", reply, sizeof(reply)), 0);
	assert_int_equal(strlen(reply), CONTROL_REPLY_MAX - 1);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_garbage(void **unused)
{
	/* Without a line there is no answer but an end, whatever the bytes are. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 200; run++) {
		char text[600];
		size_t length = (size_t)random_between(&seed, 1, sizeof(text));
		for (size_t i = 0; i < length; i++) {
			text[i] = (char)random_next(&seed);
			text[i] = run % 2 == 0 && text[i] == '\n' ? ' ' : text[i];
		}
		size_t got = read_all(client(text, length));
		bool line = memchr(text, '\n', length < 256 ? length : 256) != NULL;
		assert_true(line ? got == strlen("{\"error\":\"request not understood\"}") : !got);
	}
	check_alive();
}

static void test_silent_clients(void **unused)
{
	/* Who connects and says nothing locks nobody out: the oldest has to go. */
	(void)unused;
	enum { CLIENTS = 40 };
	int fd[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = client("", 0);
		check_alive();
	}
	for (int i = 0; i < CLIENTS; i++) {
		char byte;
		bool open = recv(fd[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
		/* The one that asked between took a place too, for a moment. */
		assert_true(i > CLIENTS - CONTROL_CLIENTS_MAX / 2 ? open
			    : i < CLIENTS - CONTROL_CLIENTS_MAX   ? !open
								  : true);
		if (open) {
			assert_int_equal(send(fd[i], "status\n", 7, MSG_NOSIGNAL), 7);
			assert_int_equal(read_all(fd[i]), 7);
		} else {
			close(fd[i]);
		}
	}
	check_alive();
}

static void test_rude_clients(void **unused)
{
	/* Who does not read its answer, or goes before it comes, holds nobody up. */
	(void)unused;
	int fd[20];
	for (int i = 0; i < 20; i++) {
		fd[i] = client("large\n", 6);
		close(client("large\n", 6));
		close(client("", 0));
		check_alive();
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(read_all(fd[i]), CONTROL_REPLY_MAX - 1);
	}
}

static void test_open(void **unused)
{
	/* A socket in use and a file of another kind are left alone; one that was left behind is
	 * replaced; a path too long is refused. */
	(void)unused;
	static struct control second;
	struct loop *loop;
	char other[64], text[200];
	struct stat st;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(control_open(&second, loop, path), -EADDRINUSE);
	control_close(&second);
	check_alive();
	write_temporary("precious", other);
	assert_int_equal(control_open(&second, loop, other), -EEXIST);
	assert_true(stat(other, &st) == 0 && st.st_size == 8);
	assert_int_equal(unlink(other), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", other);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_true(control_ask(other, "status", reply, sizeof(reply)) == -ECONNREFUSED);
	assert_int_equal(control_open(&second, loop, other), 0);
	control_close(&second);
	assert_true(control_ask(other, "status", reply, sizeof(reply)) == -ENOENT);
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(control_open(&second, loop, text), -ENAMETOOLONG);
	assert_int_equal(control_ask(text, "status", reply, sizeof(reply)), -ENAMETOOLONG);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silent_clients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rude_clients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_open, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
