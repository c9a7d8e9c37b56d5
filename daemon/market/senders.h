/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who says too much: an allowance for each home that takes part, and for those that do not (yet)
 * one for each of a few groups, so that whoever makes up names has no more of it than one. Fixed
 * room, taken by senders_new. */
#ifndef LECD_MARKET_SENDERS_H
#define LECD_MARKET_SENDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/market/allowance.h"

enum { STRANGER_GROUPS = 1024, NAMED_A_DAY = 32 };

struct sender {
	struct allowance allowance;
	bool refused; /* its last message was */
	int named;    /* kinds of refusals that were named on that day, UTC */
	int64_t day;
};

struct senders {
	int count; /* messages in a period; 0: there is no limit */
	int64_t period_s;
	struct sender *home; /* by number; owned */
	struct sender stranger[STRANGER_GROUPS];
};

enum sender_verdict {
	SENDER_HEARD,
	SENDER_SILENCED, /* it says too much, from this message on */
	SENDER_SILENT,   /* as it did before */
};

/* Returns 0 or -ENOMEM. */
int senders_init(struct senders *s, int homes, int count, int64_t period_s);
void senders_free(struct senders *s);

/* A message of that id came at at_s. home: its number, below 0: it has none. */
enum sender_verdict senders_hear(struct senders *s, int home, const char *id, int64_t at_s);

/* Whether one more kind of refusal of it is to be named at at_s: so many a day, so that one who is
 * refused for everything there is leaves room in the log for others. */
bool senders_may_name(const struct senders *s, int home, const char *id, int64_t at_s);
void senders_named(struct senders *s, int home, const char *id, int64_t at_s);

#endif
