/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/broker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const programs[] = { "/usr/sbin/mosquitto", "/usr/bin/mosquitto",
					"/usr/local/sbin/mosquitto" };

static const char *program(void)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (access(programs[i], X_OK) == 0) {
			return programs[i];
		}
	}
	return NULL;
}

bool broker_available(void)
{
	return program() != NULL;
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int broker_free_port(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int port = -1, yes = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(fd, (struct sockaddr *)&address, length) == 0 &&
	    getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
		port = ntohs(address.sin_port);
	}
	return port;
}

static bool accepts(int port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return connected;
}

int broker_restart(struct broker *b)
{
	b->pid = fork();
	if (b->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execl(program(), "mosquitto", "-c", b->config, (char *)NULL);
		_exit(127);
	}
	/* The only sign of its being ready is that it accepts; look every 10 ms, for 20 s. */
	for (int i = 0; i < 2000 && b->pid > 0; i++) {
		if (accepts(b->port)) {
			return 0;
		}
		if (waitpid(b->pid, NULL, WNOHANG) == b->pid) {
			b->pid = 0;
			return -1;
		}
		poll(NULL, 0, 10);
	}
	broker_kill(b);
	return -1;
}

int broker_start(struct broker *b, const char *lines)
{
	*b = (struct broker){ .port = broker_free_port() };
	snprintf(b->config, sizeof(b->config), "/tmp/lecd-broker-XXXXXX");
	int fd = mkstemp(b->config);
	if (fd < 0) {
		return -1;
	}
	dprintf(fd, "listener %d 127.0.0.1\nallow_anonymous true\nuser root\n%s\n", b->port, lines);
	close(fd);
	return broker_restart(b);
}

void broker_kill(struct broker *b)
{
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
		b->pid = 0;
	}
}

void broker_stop(struct broker *b)
{
	broker_kill(b);
	unlink(b->config);
}
