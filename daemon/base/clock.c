/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/clock.h"

#include <assert.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec t;
	int r = clock_gettime(id, &t);
	assert(r == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_real_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

double clock_real_wall_s(void)
{
	return (double)read_us(CLOCK_REALTIME) / 1e6;
}

void clock_init_real(struct clock *c)
{
	*c = (struct clock){ .speed = 1 };
}

void clock_init_scaled(struct clock *c, double speed, int64_t wall_s, double real_anchor_s)
{
	assert(speed > 0);
	int64_t since_us = read_us(CLOCK_REALTIME) - (int64_t)(real_anchor_s * 1e6);
	*c = (struct clock){ .speed = speed,
			     .real_anchor_us = clock_real_us() - since_us,
			     /* One hour in, so that "long ago" is never below zero. */
			     .mono_anchor_us = INT64_C(3600000000) };
	c->wall_offset_us = wall_s * 1000000 - c->mono_anchor_us;
}

void clock_init(struct clock *c, double speed, int64_t start_s, double real_anchor_s)
{
	if (speed == 1 && start_s < 0) {
		clock_init_real(c);
		return;
	}
	double anchor_s = real_anchor_s >= 0 ? real_anchor_s : clock_real_wall_s();
	clock_init_scaled(c, speed, start_s >= 0 ? start_s : (int64_t)anchor_s, anchor_s);
}

void clock_init_simulated(struct clock *c, int64_t wall_s)
{
	*c = (struct clock){ .speed = 0, .mono_anchor_us = INT64_C(3600000000) };
	c->wall_offset_us = wall_s * 1000000 - c->mono_anchor_us;
}

void clock_advance(struct clock *c, int64_t us)
{
	assert(c->speed == 0 && us >= 0);
	c->mono_anchor_us += us;
}

void clock_step_wall(struct clock *c, int64_t us)
{
	assert(c->speed == 0);
	c->wall_offset_us += us;
}

/* Real time is the special case with no anchor: it follows steps of CLOCK_REALTIME. */
static int is_real(const struct clock *c)
{
	return c->speed > 0 && c->mono_anchor_us == 0;
}

int64_t clock_now_us(const struct clock *c)
{
	if (is_real(c)) {
		return clock_real_us();
	}
	if (c->speed == 0) {
		return c->mono_anchor_us;
	}
	return c->mono_anchor_us +
	       (int64_t)((double)(clock_real_us() - c->real_anchor_us) * c->speed);
}

int64_t clock_wall_us(const struct clock *c)
{
	return is_real(c) ? read_us(CLOCK_REALTIME) : clock_now_us(c) + c->wall_offset_us;
}

int64_t clock_wall_s(const struct clock *c)
{
	return clock_wall_us(c) / 1000000;
}

int64_t clock_real_us_until(const struct clock *c, int64_t at_us)
{
	assert(c->speed > 0);
	int64_t left_us = at_us - clock_now_us(c);
	return left_us > 0 ? (int64_t)((double)left_us / c->speed) + 1 : 0;
}
