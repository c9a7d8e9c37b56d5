/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Helper threads beside the main loop: small stack, no signals, an end that is waited for only so
 * long; and wake-ups, file descriptors that one thread raises and another waits for. */
#ifndef LECD_BASE_THREAD_H
#define LECD_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

struct thread {
	pthread_t id;
	int done_fd; /* raised when run returned */
	void (*run)(void *argument);
	void *argument;
};

/* Run in a new thread with a stack of 256 kB and all signals blocked. t must outlive it.
 * 0 or -errno. */
int thread_start(struct thread *t, void (*run)(void *argument), void *argument);

/* Wait for run to return. 0, or -ETIMEDOUT after timeout_ms: the thread is then left to itself, and
 * whatever it uses, t included, must never be freed. */
int thread_join(struct thread *t, int timeout_ms);

/* A wake-up: an eventfd, for poll or sd-event. Returns the descriptor or -errno. */
int wake_open(void);
/* Make it readable; any number of times counts as one. */
void wake_up(int fd);
void wake_clear(int fd);
/* Wait until it is raised and clear it; false after timeout_ms (-1: never). */
bool wake_wait(int fd, int timeout_ms);

#endif
