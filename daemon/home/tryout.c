/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/tryout.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "daemon/base/thread.h"
#include "drivers/modbus.h"

enum {
	PATIENCE = 10,  /* seconds to wait for a first power, and for the release */
	BEFORE = 3,     /* readings before the command */
	AFTER = 3,      /* and after it */
	LAST_SHARE = 3, /* the last third of the readings tells what it came to */
	SECOND_US = 1000000
};

static int wake = -1; /* raised by a signal */

static void on_signal(int number)
{
	(void)number;
	int saved = errno;
	wake_up(wake);
	errno = saved;
}

static int catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }, none = { .sa_handler = SIG_IGN };
	wake = wake_open();
	for (size_t i = 0; wake >= 0 && i < sizeof(signals) / sizeof(*signals); i++) {
		(void)sigaction(signals[i], &action, NULL);
	}
	(void)sigaction(SIGPIPE, &none, NULL); /* who looked on is gone: release all the same */
	return wake < 0 ? wake : 0;
}

/* Let the device be read, wait for the second to end, and look: a power that is new, or none. A
 * signal ends the wait where it is heeded. */
static struct tryout_power second(struct tryout *t, int64_t end_us, bool heed)
{
	struct device *d = t->device;
	const struct reading *r = &t->seen.reading[BATTERY_W];
	int64_t left_us;
	d->methods->poll(d, clock_now_us(&t->clock));
	while ((left_us = end_us - clock_real_us()) > 0 && !(heed && t->interrupted)) {
		if (wake_wait(heed ? wake : -1, (int)((left_us + 999) / 1000))) {
			t->interrupted = true;
		}
	}
	d->methods->snapshot(d, clock_now_us(&t->clock), &t->seen);
	bool known = t->seen.up && reading_good(r) && r->at_us > t->seen_us;
	t->seen_us = r->at_us;
	return (struct tryout_power){ .known = known, .w = known ? r->value : 0 };
}

/* The mean of what is known of them. */
static struct tryout_power mean(const struct tryout_power *power, int count)
{
	struct tryout_power out = { 0 };
	int known = 0;
	for (int i = 0; i < count; i++) {
		known += power[i].known;
		out.w += power[i].w;
	}
	out.known = known > 0;
	out.w = known > 0 ? out.w / known : 0;
	return out;
}

static int look_before(struct tryout *t)
{
	struct tryout_power power[BEFORE];
	int count = 0;
	int64_t end_us = clock_real_us();
	for (int i = 0; i < PATIENCE && count < BEFORE && !t->interrupted; i++) {
		end_us += SECOND_US;
		power[count] = second(t, end_us, true);
		count += power[count].known;
	}
	t->before = mean(power, count);
	snprintf(t->trouble, sizeof(t->trouble), "%s", t->seen.error);
	return t->interrupted ? -EINTR : count < BEFORE ? -ENODATA : 0;
}

int tryout_open(struct tryout *t, const struct modbus_address *address, const struct profile *p)
{
	int r = catch_signals();
	clock_init_real(&t->clock);
	bus_hub_init(&t->hub, &t->clock);
	r = r < 0 ? r : modbus_device_open(&t->hub, address, p, &t->device);
	if (r < 0) {
		return r;
	}
	r = look_before(t);
	if (r < 0) {
		tryout_close(t);
	}
	return r;
}

static void hold(struct tryout *t, double w, int seconds)
{
	enum { SECONDS_MAX = 60 };
	struct tryout_power power[SECONDS_MAX];
	int64_t start_us = clock_now_us(&t->clock), end_us = clock_real_us();
	const struct command c = { .kind = COMMAND_BATTERY_W,
				   .w = w,
				   .expires_us = start_us +
						 (seconds + TRYOUT_MARGIN_S) * INT64_C(1000000) };
	int count = 0, last = (seconds + LAST_SHARE - 1) / LAST_SHARE;
	t->device->methods->command(t->device, &c);
	while (count < seconds && count < SECONDS_MAX && !t->interrupted) {
		end_us += SECOND_US;
		power[count] = second(t, end_us, true);
		t->accepted = t->accepted || t->seen.commanded;
		if (t->progress) {
			double after_s = (double)(t->seen_us - start_us) / 1e6;
			t->progress(after_s, &power[count], t->seen.error);
		}
		count++;
	}
	snprintf(t->trouble, sizeof(t->trouble), "%s", t->seen.error);
	if (!t->interrupted) {
		t->during = mean(power + count - last, last);
	}
}

/* Until the device took it, and its power had time to change. */
static void release(struct tryout *t)
{
	static const struct command none = { .kind = COMMAND_RELEASE };
	int64_t end_us = clock_real_us();
	t->device->methods->command(t->device, &none);
	for (int i = 0; i < PATIENCE && (i < AFTER || t->seen.engaged); i++) {
		end_us += SECOND_US;
		t->after = second(t, end_us, false);
	}
}

void tryout_run(struct tryout *t, double w, double seconds)
{
	hold(t, w, (int)seconds);
	release(t);
}

void tryout_close(struct tryout *t)
{
	t->device->methods->close(t->device);
}
