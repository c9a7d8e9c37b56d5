/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/reload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int patience_ms = 10000;

static void load(void *argument)
{
	struct reload *r = argument;
	struct diag d = { .to = fmemopen(r->said, sizeof(r->said), "w") };
	r->result = learned_actor_load(r->site, &r->loaded, &d);
	if (d.to) {
		fclose(d.to);
	}
	r->said[sizeof(r->said) - 1] = '\0';
	wake_up(r->fd);
}

int reload_open(struct reload *r, const struct site *site)
{
	int fd = wake_open();
	if (fd < 0) {
		return fd;
	}
	*r = (struct reload){ .site = site, .fd = fd, .client = -1 };
	return 0;
}

void reload_close(struct reload *r)
{
	struct learned_actor *unwanted = NULL;
	if (r->running && thread_join(&r->thread, patience_ms) < 0) {
		return; /* it may still write here */
	}
	unwanted = r->running ? r->loaded : NULL;
	learned_actor_free(unwanted);
	close(r->fd);
}

int reload_start(struct reload *r, int client)
{
	if (r->running) {
		return -EBUSY;
	}
	if (r->site->decide != DECIDE_POLICY && r->site->decide != DECIDE_SHADOW) {
		return -ENOENT;
	}
	r->loaded = NULL;
	memset(r->said, 0, sizeof(r->said));
	int e = thread_start(&r->thread, load, r);
	if (e < 0) {
		return e;
	}
	r->running = true;
	r->client = client;
	return 0;
}

int reload_finish(struct reload *r, struct learned_actor **out)
{
	wake_clear(r->fd);
	if (!r->running) {
		return -EAGAIN;
	}
	/* It raised fd with its last step. */
	if (thread_join(&r->thread, patience_ms) < 0) {
		return -ETIMEDOUT;
	}
	r->running = false;
	if (r->result < 0) {
		return r->result;
	}
	*out = r->loaded;
	r->loaded = NULL;
	return 0;
}
