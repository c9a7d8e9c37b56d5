/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/lease.h"

#include <math.h>

enum { FAILURES_MAX = 3 };

static bool changed(const struct lease *l, double w, const struct point *setpoint, int64_t now_us)
{
	double difference_w = fabs(w - l->w);
	return difference_w > 0 && difference_w >= setpoint->step &&
	       now_us - l->written_us >= setpoint->write_interval_us;
}

static bool half_over(const struct lease *l, int64_t now_us)
{
	return (double)(now_us - l->written_us) >= l->revert_s * 1e6 / 2;
}

enum lease_action lease_next(const struct lease *l, const struct command *command,
			     const struct point *setpoint, int64_t now_us)
{
	if (!command) {
		return LEASE_NOTHING;
	}
	if (command->kind == COMMAND_RELEASE || now_us >= command->expires_us) {
		return l->state == LEASE_RELEASED ? LEASE_NOTHING : LEASE_RELEASE;
	}
	double w = lease_setpoint_w(command, setpoint);
	bool due =
		l->state != LEASE_HELD || changed(l, w, setpoint, now_us) || half_over(l, now_us);
	return due ? LEASE_WRITE : LEASE_NOTHING;
}

double lease_setpoint_w(const struct command *command, const struct point *setpoint)
{
	return fmin(fmax(command->w, setpoint->min), setpoint->max);
}

double lease_revert_s(const struct command *command, const struct point *revert, int64_t now_us)
{
	double left_s = ceil((double)(command->expires_us - now_us) / 1e6);
	return fmin(fmax(left_s, revert->min), revert->max);
}

void lease_written(struct lease *l, double w, double revert_s, int64_t now_us)
{
	l->state = LEASE_HELD;
	l->w = w;
	l->revert_s = revert_s;
	l->written_us = now_us;
	l->confirmed = false;
}

void lease_released(struct lease *l)
{
	*l = (struct lease){ .state = LEASE_RELEASED };
}

void lease_confirmed(struct lease *l)
{
	l->confirmed = true;
	l->failures = 0;
}

void lease_failed(struct lease *l)
{
	l->confirmed = false;
	if (++l->failures < FAILURES_MAX) {
		l->state = LEASE_UNKNOWN;
	}
}

void lease_doubted(struct lease *l)
{
	l->confirmed = false;
	if (l->state == LEASE_HELD) {
		l->state = LEASE_UNKNOWN;
	}
}
