/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The main thread's event loop (sd-event) and the word with systemd (sd-daemon).
 *
 * A cycle runs on an absolute schedule: never two to catch up. The watchdog is petted by who calls
 * loop_alive(), at the end of a completed cycle. */
#ifndef LECD_BASE_LOOP_H
#define LECD_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/histogram.h"

struct loop; /* owns everything added to it */

struct loop_stats {
	uint64_t cycles;
	uint64_t overruns;          /* cycles that were skipped because one took too long */
	struct histogram jitter_us; /* start after schedule */
	struct histogram work_us;   /* start to end */
};

int loop_new(struct loop **out);
void loop_free(struct loop *l);

/* Call run when loop_run() begins and every period_us of real time. */
int loop_add_cycle(struct loop *l, int64_t period_us, void (*run)(void *context), void *context);

/* Call ready whenever fd can be read. fd stays the caller's. */
int loop_add_fd(struct loop *l, int fd, void (*ready)(void *context, int fd), void *context);

/* Stop watching fd. */
void loop_remove_fd(struct loop *l, int fd);

/* End loop_run() on SIGTERM, SIGINT and SIGHUP, which are blocked for every thread started later.
 */
int loop_add_signals(struct loop *l);

/* From now on call run on SIGHUP, and go on. */
void loop_on_hangup(struct loop *l, void (*run)(void *context), void *context);

/* Run until stopped. Returns 0 or -errno. */
int loop_run(struct loop *l);

/* Let loop_run() end, from inside of it. */
void loop_end(struct loop *l);

const struct loop_stats *loop_stats(const struct loop *l);

/* To systemd, if it listens: started and in control, with a line for `systemctl status`; alive. */
void loop_ready(const char *status);
void loop_alive(void);
/* Something is read anew; until loop_ready() is called again. */
void loop_reloading(void);
/* Whether a cycle each period_us is enough for its watchdog: three in its time, or none listens. */
bool loop_watchdog_allows(int64_t period_us);
void loop_stopping(void);

#endif
