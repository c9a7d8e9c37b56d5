/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/senders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/hash.h"

int senders_init(struct senders *s, int homes, int count, int64_t period_s)
{
	memset(s, 0, sizeof(*s));
	s->count = count;
	s->period_s = period_s;
	s->home = calloc((size_t)homes, sizeof(*s->home));
	return s->home ? 0 : -ENOMEM;
}

void senders_free(struct senders *s)
{
	free(s->home);
	s->home = NULL;
}

enum { DAY_S = 86400 };

static size_t group_of(const char *id)
{
	return hash_bytes(id, strlen(id)) % STRANGER_GROUPS;
}

static struct sender *sender_of(struct senders *s, int home, const char *id)
{
	return home >= 0 ? &s->home[home] : &s->stranger[group_of(id)];
}

enum sender_verdict senders_hear(struct senders *s, int home, const char *id, int64_t at_s)
{
	struct sender *from = sender_of(s, home, id);
	bool refused = from->refused;
	from->refused = !allowance_take(&from->allowance, s->count, s->period_s, at_s);
	return !from->refused ? SENDER_HEARD : refused ? SENDER_SILENT : SENDER_SILENCED;
}

bool senders_may_name(const struct senders *s, int home, const char *id, int64_t at_s)
{
	const struct sender *from = home >= 0 ? &s->home[home] : &s->stranger[group_of(id)];
	return from->day != at_s / DAY_S || from->named < NAMED_A_DAY;
}

void senders_named(struct senders *s, int home, const char *id, int64_t at_s)
{
	struct sender *from = sender_of(s, home, id);
	from->named = from->day == at_s / DAY_S ? from->named + 1 : 1;
	from->day = at_s / DAY_S;
}
