/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl watch: the house on one screen, drawn anew each second; a line each second where there is
 * no screen. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/base/isotime.h"
#include "daemon/base/thread.h"
#include "daemon/home/control.h"
#include "daemon/home/lecctl.h"
#include "daemon/home/lecctl_picture.h"
#include "daemon/home/lecctl_show.h"

/* Another screen, without cursor; and back to the one before. */
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[0m\033[?25h\033[?1049l"

struct document {
	struct json_in in;
	char text[CONTROL_REPLY_MAX];
};

static struct watch {
	const struct lecctl *c;
	int64_t until_s; /* INT64_MAX: none */
	bool screen;     /* stdout is a terminal */
	bool keys;       /* stdin is one, and ours */
	struct termios before;
	int timer;
	int wake; /* a signal came */
	struct document status, explain, plan;
	struct picture picture;
	int64_t planned_s; /* when the plan we hold was made */
	char frame[32768];
} watch = { .wake = -1 };

/* --- the terminal -------------------------------------------------------------------------------
 */

static void on_signal(int number)
{
	(void)number;
	int saved = errno;
	wake_up(watch.wake);
	errno = saved;
}

static void enter_terminal(struct watch *w)
{
	struct termios mode;
	w->screen = isatty(STDOUT_FILENO) && !w->c->json;
	w->keys = w->screen && isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
		  tcgetattr(STDIN_FILENO, &w->before) == 0;
	if (w->keys) {
		mode = w->before;
		mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		mode.c_cc[VMIN] = 0;
		mode.c_cc[VTIME] = 0;
		mode.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped view would leave the screen odd */
		w->keys = tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0;
	}
	if (w->screen) {
		fputs(SCREEN_ENTER, stdout);
	}
}

/* The last picture stays on the screen that was there before. */
static void leave_terminal(struct watch *w)
{
	if (w->keys) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &w->before);
	}
	if (w->screen) {
		fputs(SCREEN_LEAVE, stdout);
		fputs(w->frame, stdout);
	}
	fflush(stdout);
}

static void terminal_size(int *rows, int *columns)
{
	struct winsize size = { 0 };
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*rows = size.ws_row > 0 ? size.ws_row : 24;
	*columns = size.ws_col > 20 ? size.ws_col : (size.ws_col ? 20 : PICTURE_WIDTH);
}

/* As many lines of the frame as there are rows, each over what was there. */
static void paint(const char *frame, int rows)
{
	fputs("\033[H", stdout);
	for (int row = 0; row < rows && *frame; row++) {
		int length = (int)strcspn(frame, "\n");
		printf("%s%.*s\033[K", row ? "\n" : "", length, frame);
		frame += length + (frame[length] == '\n');
	}
	fputs("\033[0m\033[J", stdout);
	fflush(stdout);
}

/* --- what lecd says -----------------------------------------------------------------------------
 */

static int fetch(struct watch *w, const char *request, struct document *d)
{
	json_free(&d->in);
	int r = control_ask(w->c->socket, request, d->text, sizeof(d->text));
	r = r < 0 ? r : json_parse_long(&d->in, d->text, strlen(d->text));
	return r == -EINVAL ? -EPROTO : r;
}

/* The plan is long and changes seldom: ask only for one made since. */
static int fetch_plan(struct watch *w, int64_t now_s)
{
	const struct json_value *plan = json_member(w->status.in.root, "plan");
	int64_t made_s = now_s - (int64_t)show_number(plan, "age_s", 0);
	int64_t apart_s = made_s - w->planned_s;
	if (w->plan.in.root && apart_s > -3 && apart_s < 3) {
		return 0;
	}
	w->planned_s = made_s;
	return fetch(w, "plan", &w->plan);
}

/* Ask, draw. Returns 1 when the time has come, 0 to go on, -errno. */
static int refresh(struct watch *w)
{
	struct page p;
	int rows, columns;
	int64_t now_s = 0;
	int r = fetch(w, "status", &w->status);
	if (r < 0) {
		return r;
	}
	(void)isotime_parse(show_text(w->status.in.root, "time"), &now_s);
	if (w->c->json) {
		puts(w->status.text);
	} else if (w->screen) {
		r = fetch(w, "explain", &w->explain);
		r = r < 0 ? r : fetch_plan(w, now_s);
		if (r < 0) {
			return r;
		}
		terminal_size(&rows, &columns);
		page_begin(&p, w->frame, sizeof(w->frame),
			   columns < PICTURE_WIDTH ? columns : PICTURE_WIDTH, page_colour(stdout));
		w->picture.status = w->status.in.root;
		w->picture.explain = w->explain.in.root;
		w->picture.plan = w->plan.in.root;
		picture_draw(&p, &w->picture);
		paint(w->frame, rows);
	} else {
		page_begin(&p, w->frame, sizeof(w->frame), 0, false);
		picture_line(&p, w->status.in.root);
		fputs(w->frame, stdout);
	}
	fflush(stdout);
	return now_s >= w->until_s;
}

/* --- the second ---------------------------------------------------------------------------------
 */

static bool asked_to_end(struct watch *w)
{
	char key;
	while (w->keys && read(STDIN_FILENO, &key, 1) == 1) {
		if (key == 'q' || key == 'Q') {
			return true;
		}
	}
	return false;
}

/* Wait for the next second. Returns 0, or 1 where someone wants the end. */
static int wait_second(struct watch *w)
{
	struct pollfd fds[] = {
		{ .fd = w->timer, .events = POLLIN },
		{ .fd = w->wake, .events = POLLIN },
		{ .fd = w->keys ? STDIN_FILENO : -1, .events = POLLIN },
	};
	uint64_t expired;
	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR) {
			return -errno;
		}
		if (fds[1].revents || (fds[2].revents & (POLLHUP | POLLERR | POLLNVAL)) ||
		    asked_to_end(w)) {
			return 1;
		}
		if (fds[0].revents) {
			return read(w->timer, &expired, sizeof(expired)) < 0 ? -errno : 0;
		}
	}
}

static int prepare(struct watch *w)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct itimerspec second = { .it_value.tv_sec = 1, .it_interval.tv_sec = 1 };
	struct sigaction action = { .sa_handler = on_signal };
	w->wake = wake_open();
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (w->wake < 0 || w->timer < 0 || timerfd_settime(w->timer, 0, &second, NULL) < 0) {
		fprintf(stderr, "lecctl: no timer: %s\n", strerror(errno));
		return -errno;
	}
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		(void)sigaction(signals[i], &action, NULL);
	}
	return 0;
}

/* Returns the exit code. */
static int run(struct watch *w)
{
	int r = fetch(w, "status", &w->status); /* before the screen changes */
	if (r < 0) {
		lecctl_complain(w->c, r);
		return 1;
	}
	enter_terminal(w);
	do {
		r = refresh(w);
		r = r == 0 ? wait_second(w) : r;
	} while (r == 0);
	leave_terminal(w);
	if (r < 0 && r != -EINTR) {
		fprintf(stderr, "lecctl: lecd went away (%s)\n", strerror(-r));
		return 1;
	}
	return 0;
}

int lecctl_watch(const struct lecctl *c)
{
	struct watch *w = &watch;
	w->c = c;
	w->until_s = INT64_MAX;
	if (c->until && isotime_parse(c->until, &w->until_s) < 0) {
		fputs("lecctl: --until is no time, expected one like 2026-06-15T00:00:00Z\n",
		      stderr);
		return 2;
	}
	if (prepare(w) < 0) {
		return 1;
	}
	int code = run(w);
	json_free(&w->status.in);
	json_free(&w->explain.in);
	json_free(&w->plan.in);
	return code;
}
