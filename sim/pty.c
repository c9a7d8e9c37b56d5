/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char PORTS[] = "/dev/pts/";

static int make_raw(int fd)
{
	struct termios t;
	if (tcgetattr(fd, &t) < 0) {
		return -errno;
	}
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

int pty_open(struct pty *p)
{
	struct pty made = { .slave = -1 };
	made.master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int r = made.master < 0 || grantpt(made.master) < 0 || unlockpt(made.master) < 0 ? -errno
											 : 0;
	r = r ? r : -ptsname_r(made.master, made.name, sizeof(made.name));
	if (r == 0) {
		made.slave = open(made.name, O_RDWR | O_NOCTTY | O_CLOEXEC);
		r = made.slave < 0 ? -errno : make_raw(made.slave);
	}
	if (r < 0) {
		pty_close(&made);
		return r;
	}
	*p = made;
	return 0;
}

void pty_close(struct pty *p)
{
	if (p->slave >= 0) {
		close(p->slave);
	}
	if (p->master >= 0) {
		close(p->master);
	}
	p->master = p->slave = -1;
}

/* Whether what is at path is a link we may replace. */
static bool replaceable(const struct pty *p, const char *path)
{
	char target[sizeof(p->name)] = { 0 };
	if (readlink(path, target, sizeof(target) - 1) < 0 ||
	    strncmp(target, PORTS, strlen(PORTS)) != 0) {
		return false;
	}
	return strcmp(target, p->name) == 0 || access(target, F_OK) < 0;
}

int pty_link(const struct pty *p, const char *path)
{
	if (symlink(p->name, path) == 0) {
		return 0;
	}
	if (errno != EEXIST) {
		return -errno;
	}
	if (!replaceable(p, path)) {
		return -EEXIST;
	}
	return unlink(path) < 0 || symlink(p->name, path) < 0 ? -errno : 0;
}

void pty_unlink(const struct pty *p, const char *path)
{
	char target[sizeof(p->name)] = { 0 };
	if (readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, p->name) == 0) {
		(void)unlink(path);
	}
}
