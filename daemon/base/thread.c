/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* mlockall() counts whole stacks, and the default would be 8 MB each. */
enum { STACK_BYTES = 256 * 1024 };

static void *enter(void *argument)
{
	struct thread *t = argument;
	t->run(t->argument);
	wake_up(t->done_fd);
	return NULL;
}

int thread_start(struct thread *t, void (*run)(void *argument), void *argument)
{
	*t = (struct thread){ .run = run, .argument = argument, .done_fd = wake_open() };
	if (t->done_fd < 0) {
		return t->done_fd;
	}
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int r = pthread_create(&t->id, &attributes, enter, t);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		close(t->done_fd);
	}
	return -r;
}

int thread_join(struct thread *t, int timeout_ms)
{
	if (!wake_wait(t->done_fd, timeout_ms)) {
		pthread_detach(t->id);
		return -ETIMEDOUT;
	}
	pthread_join(t->id, NULL);
	close(t->done_fd);
	return 0;
}

int wake_open(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void wake_up(int fd)
{
	uint64_t one = 1;
	/* Fails only where the counter is full, and then it is readable already. */
	ssize_t n = write(fd, &one, sizeof(one));
	(void)n;
}

void wake_clear(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));
	(void)n;
}

bool wake_wait(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;
	do {
		n = poll(&p, 1, timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		wake_clear(fd);
	}
	return n > 0;
}
