/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clock: the only module that reads one. Real time, scaled time (--speed) or simulated time.
 *
 * Everything else takes `now_us` (monotonic, microseconds, for ages, leases and schedules) and
 * `wall_s` (UTC, seconds since 1970, for prices, plans and intervals) as arguments. */
#ifndef LECD_BASE_CLOCK_H
#define LECD_BASE_CLOCK_H

#include <stdint.h>

struct clock {
	double speed;           /* house seconds per real second; 0: simulated, moved by hand */
	int64_t real_anchor_us; /* real monotonic time that maps to mono_anchor_us */
	int64_t mono_anchor_us; /* this clock's monotonic time at the anchor */
	int64_t wall_offset_us; /* wall = mono + offset, where speed is not 1 */
};

/* Real time: CLOCK_MONOTONIC and CLOCK_REALTIME as they are, clock steps of the latter included. */
void clock_init_real(struct clock *c);

/* Time that runs `speed` times faster. At the real (Unix) time real_anchor_s the simulated wall
 * clock showed wall_s: several programs given the same three numbers share one clock. */
void clock_init_scaled(struct clock *c, double speed, int64_t wall_s, double real_anchor_s);

/* What the options --speed, --start and --anchor of a program ask for: real time with speed 1 and
 * no start, else scaled. start_s < 0: it starts at the anchor; real_anchor_s < 0: the anchor is
 * now. */
void clock_init(struct clock *c, double speed, int64_t start_s, double real_anchor_s);

/* Time that stands still until clock_advance(); starts at wall_s, monotonic 1 hour. */
void clock_init_simulated(struct clock *c, int64_t wall_s);
void clock_advance(struct clock *c, int64_t us);

/* Step the wall clock of a simulated clock alone, as NTP or a person would. */
void clock_step_wall(struct clock *c, int64_t us);

int64_t clock_now_us(const struct clock *c);
int64_t clock_wall_s(const struct clock *c);
/* The same in microseconds: for telling what came before a second and what in it. */
int64_t clock_wall_us(const struct clock *c);

/* Real microseconds from now until this clock shows at_us; 0 if it already does. Not for
 * simulated clocks. */
int64_t clock_real_us_until(const struct clock *c, int64_t at_us);

/* The real monotonic time (CLOCK_MONOTONIC, us): for timing work and network delays only. */
int64_t clock_real_us(void);
/* The real wall time in seconds, with fraction: to make an anchor. */
double clock_real_wall_s(void);

#endif
