/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real broker for tests: mosquitto on a free port of 127.0.0.1, with a configuration of its own.
 */
#ifndef LECD_TESTS_BROKER_H
#define LECD_TESTS_BROKER_H

#include <stdbool.h>
#include <sys/types.h>

struct broker {
	pid_t pid; /* 0: not running */
	int port;
	char config[64]; /* path of its configuration file */
};

/* Whether mosquitto is installed. */
bool broker_available(void);

/* A TCP port of 127.0.0.1 that is this process's until it ends, also while nobody listens there: a
 * socket that stays open is bound to it, so that the kernel gives it to no one else; a server that
 * sets SO_REUSEADDR may have it. */
int broker_free_port(void);

/* Write a configuration with these additional lines and start; returns when it accepts
 * connections. 0 or -1. */
int broker_start(struct broker *b, const char *lines);

/* Start again on the same port after broker_kill. 0 or -1. */
int broker_restart(struct broker *b);

/* SIGKILL, and wait for its end. */
void broker_kill(struct broker *b);

/* Kill where it runs, and remove the configuration. */
void broker_stop(struct broker *b);

#endif
