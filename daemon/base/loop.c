/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "daemon/base/clock.h"

enum { FDS_MAX = 16 };

struct watch {
	int fd;
	sd_event_source *source; /* NULL: free */
	void (*ready)(void *context, int fd);
	void *context;
};

struct loop {
	sd_event *event;
	sd_event_source *timer;
	int64_t period_us;
	int64_t next_us;
	void (*run)(void *context);
	void *context;
	void (*hangup)(void *context);
	void *hangup_context;
	struct loop_stats stats;
	struct watch watch[FDS_MAX];
};

int loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	if (!l) {
		return -ENOMEM;
	}
	int r = sd_event_new(&l->event);
	if (r < 0) {
		free(l);
		return r;
	}
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l) {
		return;
	}
	for (int i = 0; i < FDS_MAX; i++) {
		sd_event_source_unref(l->watch[i].source);
	}
	sd_event_source_unref(l->timer);
	sd_event_unref(l->event);
	free(l);
}

/* The next time on the schedule that is not past; what lies between is overrun. */
static void schedule_next(struct loop *l)
{
	l->next_us += l->period_us;
	int64_t late_us = clock_real_us() - l->next_us;
	if (late_us > 0) {
		int64_t missed = late_us / l->period_us + 1;
		l->stats.overruns += (uint64_t)missed;
		l->next_us += missed * l->period_us;
	}
}

static int on_timer(sd_event_source *source, uint64_t at_us, void *context)
{
	(void)at_us;
	struct loop *l = context;
	int64_t start_us = clock_real_us();
	histogram_add(&l->stats.jitter_us, start_us - l->next_us);
	l->run(l->context);
	l->stats.cycles++;
	histogram_add(&l->stats.work_us, clock_real_us() - start_us);
	schedule_next(l);
	int r = sd_event_source_set_time(source, (uint64_t)l->next_us);
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int loop_add_cycle(struct loop *l, int64_t period_us, void (*run)(void *context), void *context)
{
	l->period_us = period_us;
	l->run = run;
	l->context = context;
	int r = sd_event_add_time(l->event, &l->timer, CLOCK_MONOTONIC, 0, 1, on_timer, l);
	if (r < 0) {
		return r;
	}
	/* Before everything else that is ready. */
	return sd_event_source_set_priority(l->timer, SD_EVENT_PRIORITY_IMPORTANT);
}

static int on_fd(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)source;
	(void)events;
	struct watch *w = context;
	w->ready(w->context, fd);
	return 0;
}

int loop_add_fd(struct loop *l, int fd, void (*ready)(void *context, int fd), void *context)
{
	for (int i = 0; i < FDS_MAX; i++) {
		struct watch *w = &l->watch[i];
		if (w->source) {
			continue;
		}
		*w = (struct watch){ .fd = fd, .ready = ready, .context = context };
		return sd_event_add_io(l->event, &w->source, fd, EPOLLIN, on_fd, w);
	}
	return -ENOSPC;
}

void loop_remove_fd(struct loop *l, int fd)
{
	for (int i = 0; i < FDS_MAX; i++) {
		if (l->watch[i].source && l->watch[i].fd == fd) {
			l->watch[i].source = sd_event_source_disable_unref(l->watch[i].source);
		}
	}
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct loop *l = context;
	if (info->ssi_signo == SIGHUP && l->hangup) {
		l->hangup(l->hangup_context);
		return 0;
	}
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

int loop_add_signals(struct loop *l)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	enum { SIGNALS = sizeof(signals) / sizeof(*signals) };
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < SIGNALS; i++) {
		sigaddset(&set, signals[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
		return -errno;
	}
	int r = 0;
	for (int i = 0; i < SIGNALS && r >= 0; i++) {
		r = sd_event_add_signal(l->event, NULL, signals[i], on_signal, l);
	}
	return r < 0 ? r : 0;
}

void loop_on_hangup(struct loop *l, void (*run)(void *context), void *context)
{
	l->hangup = run;
	l->hangup_context = context;
}

int loop_run(struct loop *l)
{
	/* The schedule begins here, not while the parts were still being opened. */
	l->next_us = clock_real_us();
	int r = l->timer ? sd_event_source_set_time(l->timer, (uint64_t)l->next_us) : 0;
	if (r < 0) {
		return r;
	}
	return sd_event_loop(l->event);
}

void loop_end(struct loop *l)
{
	(void)sd_event_exit(l->event, 0);
}

const struct loop_stats *loop_stats(const struct loop *l)
{
	return &l->stats;
}

void loop_ready(const char *status)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void loop_alive(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

void loop_reloading(void)
{
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_real_us());
}

void loop_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

bool loop_watchdog_allows(int64_t period_us)
{
	uint64_t limit_us;
	return sd_watchdog_enabled(0, &limit_us) <= 0 || (uint64_t)period_us <= limit_us / 3;
}
