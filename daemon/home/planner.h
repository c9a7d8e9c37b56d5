/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The planner: solves problems in a process of its own, so that it can hang, abort or be killed
 * while control goes on. Problems and plans cross a socket pair as plain data; whatever comes back
 * is checked against its problem before anybody sees it.
 *
 * In simulated time the same calls solve at once, in this process. */
#ifndef LECD_HOME_PLANNER_H
#define LECD_HOME_PLANNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/plan.h"
#include "policy/problem.h"

struct optimiser;

struct planner {
	bool in_process;
	struct optimiser *optimiser; /* in process; owned */
	pid_t pid;                   /* of the child; 0: none */
	int fd;                      /* our end of the socket pair; -1: none */
	bool busy;                   /* a problem is out */
	int64_t sent_us;             /* real time */
	int64_t retry_us;            /* real time before which no child is started again */
	int failures;                /* in a row */
	bool condemned;              /* the child was killed by us: its death is no news */
	uint64_t starts;             /* children started */
	char error[128];             /* what went wrong last; "": nothing */
	struct problem problem;      /* the one that is out */
	struct plan answer;          /* room for what comes back */
	bool answered;               /* in process: answer waits */
};

/* Start the child (this program again, with --planner); in_process: no child at all. */
int planner_start(struct planner *p, bool in_process);

/* Hand out p->problem (filled by the caller; its id is set here). Never blocks. Return 0, -EBUSY
 * while one is out, -EAGAIN when the child does not take it. */
int planner_submit(struct planner *p);

/* Take the answer, if it is there: 1 and *out is the address of a checked plan, valid until the
 * next submit; 0 nothing yet; -errno and p->error: the answer was refused. Never blocks. */
int planner_receive(struct planner *p, const struct plan **out);

/* Reap a dead child, kill one that is late, start another, with growing patience. Outside the
 * cycle: may take a millisecond. */
void planner_maintain(struct planner *p);

void planner_stop(struct planner *p);

/* The child's whole life: answer what comes on fd until it closes. Returns an exit code. */
int planner_serve(int fd);

#endif
