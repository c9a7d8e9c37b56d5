/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/lease.h"

#include <math.h>

enum { FAILURES_MAX = 3 };

static bool changed(const struct lease *l, double w, const struct point *setpoint, int64_t now_us)
{
	double difference_w = fabs(w - l->w);
	return difference_w > 0 && difference_w >= setpoint->step &&
	       now_us - l->changed_us >= setpoint->write_interval_us;
}

static bool due_again(const struct lease *l, int64_t now_us)
{
	return (double)(now_us - l->written_us) >= l->renew_s * 1e6;
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
		l->state != LEASE_HELD || changed(l, w, setpoint, now_us) || due_again(l, now_us);
	return due ? LEASE_WRITE : LEASE_NOTHING;
}

double lease_setpoint_w(const struct command *command, const struct point *setpoint)
{
	return fmin(fmax(command->w, setpoint->min), setpoint->max);
}

double lease_revert_s(const struct command *command, const struct point *revert, int64_t now_us)
{
	double step_s = fmax(revert->step, 1);
	double left_s = ceil((double)(command->expires_us - now_us) / 1e6 / step_s) * step_s;
	return fmin(fmax(left_s, revert->min), revert->max);
}

double lease_renew_s(enum liveness liveness, double revert_s)
{
	switch (liveness) {
	case LIVENESS_TIMER:
		return revert_s / 2;
	case LIVENESS_FIXED:
		return revert_s / 3;
	default:
		return INFINITY;
	}
}

int64_t lease_held_until_us(const struct lease *l)
{
	return isinf(l->revert_s) ? INT64_MAX : l->alive_us + (int64_t)(l->revert_s * 1e6);
}

void lease_written(struct lease *l, double w, double revert_s, double renew_s, int64_t now_us)
{
	if (l->written_us == 0 || w != l->w) {
		l->changed_us = now_us;
	}
	l->state = LEASE_HELD;
	l->w = w;
	l->revert_s = revert_s;
	l->renew_s = renew_s;
	l->written_us = l->alive_us = now_us;
	l->confirmed = false;
}

void lease_alive(struct lease *l, int64_t now_us)
{
	l->alive_us = now_us;
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
