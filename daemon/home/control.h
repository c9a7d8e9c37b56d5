/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Unix socket that lecctl talks to: a client sends one line, gets one JSON document, and the
 * connection ends. Who may connect is a matter of the socket file's owner and mode (0660). */
#ifndef LECD_HOME_CONTROL_H
#define LECD_HOME_CONTROL_H

#include <stddef.h>
#include <stdio.h>

struct loop;

enum { CONTROL_REPLY_MAX = 256 * 1024, CONTROL_REQUEST_MAX = 256, CONTROL_CLIENTS_MAX = 8 };

struct control {
	struct loop *loop;
	int fd; /* listening; -1: none */
	char path[108];
	/* Who is connected and has not asked yet; -1: free. With one too many the oldest goes. */
	int client[CONTROL_CLIENTS_MAX];
	int next;
	/* Answer request into reply (CONTROL_REPLY_MAX bytes): its length, or -errno for a request
	 * not known, or 0 when the answer comes later: then client is the handler's to close. */
	int (*answer)(void *context, const char *request, char *reply, int client);
	void *context;
	char reply[CONTROL_REPLY_MAX];
};

/* Listen on path. A socket file that nobody listens on any more is replaced; one in use, or a file
 * that is no socket, is -EADDRINUSE. */
int control_open(struct control *c, struct loop *l, const char *path);
void control_close(struct control *c);

/* Send an answer that came later to its client, and close it. Never blocks. */
void control_reply(int client, const char *text, size_t length);

/* The client's side: send request, copy the whole answer to out. Blocks up to 10 s. Returns 0 or
 * -errno. */
int control_ask(const char *path, const char *request, char *out, size_t size);

/* The same for an answer of any length, which goes to a file as fast as it comes: who sends it
 * waits for nobody. */
int control_fetch(const char *path, const char *request, FILE *out);

#endif
