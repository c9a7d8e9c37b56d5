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

enum sender_verdict senders_hear(struct senders *s, int home, const char *id, int64_t at_s)
{
	struct sender *from = home >= 0
				      ? &s->home[home]
				      : &s->stranger[hash_bytes(id, strlen(id)) % STRANGER_GROUPS];
	bool refused = from->refused;
	from->refused = !allowance_take(&from->allowance, s->count, s->period_s, at_s);
	return !from->refused ? SENDER_HEARD : refused ? SENDER_SILENT : SENDER_SILENCED;
}
