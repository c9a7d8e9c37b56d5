/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reload: read another actor while the house is under control, on a thread of its own, and hand it
 * over when it has proved fit for this house. One at a time. */
#ifndef LECD_HOME_RELOAD_H
#define LECD_HOME_RELOAD_H

#include <stdbool.h>

#include "daemon/base/thread.h"
#include "daemon/home/learned_actor.h"

enum { RELOAD_SAID_MAX = 4096 };

struct reload {
	const struct site *site;
	int fd; /* a wake-up: one is done, call reload_finish */
	bool running;
	int client; /* who waits for the answer; -1: nobody. Whoever started it closes it */
	struct thread thread;
	struct learned_actor *loaded; /* the thread's, until it is done */
	int result;
	char said[RELOAD_SAID_MAX]; /* what is wrong with it, lines */
};

int reload_open(struct reload *r, const struct site *site);
void reload_close(struct reload *r);

/* Begin. -EBUSY while one is under way, -ENOENT where the site asks for no policy. */
int reload_start(struct reload *r, int client);

/* When fd can be read: 0 and *out is the new actor, the caller's; else -errno and r->said. */
int reload_finish(struct reload *r, struct learned_actor **out);

#endif
