/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Readings of meters: judged, handed to the ledger's batch, and answered when it is durable. */
#include <errno.h>
#include <stdio.h>

#include "daemon/market/desk_private.h"

enum { METER_REVISIONS = 16, FUSE_FACTOR = 2 };

static void refuse_reading(struct desk *d, const char *home, int64_t start_s, const char *why,
			   bool again, int64_t now_s)
{
	d->counts.readings_refused++;
	desk_refuse(d, home, "meter", why, now_s);
	desk_answer(d, &(struct receipt){ .home = home,
					  .reading = true,
					  .start_s = start_s,
					  .reason = why,
					  .again = again });
}

/* Whether a meter can have counted that: no fuse lets twice its rating through for minutes. A home
 * whose trade is limited to less than everybody's may have as good a connection. */
static bool is_carried(const struct desk *d, const char *home, const struct fact_meter *m)
{
	const struct home_limits *all = &d->market->rounds.limits;
	const struct home_limits *own = rounds_limits(d->rounds, home);
	const int64_t carries[] = { all->import, all->export, own->import, own->export };
	int64_t most = 0;
	for (size_t i = 0; i < sizeof(carries) / sizeof(*carries); i++) {
		most = carries[i] > most ? carries[i] : most;
	}
	return m->import <= FUSE_FACTOR * most && m->export <= FUSE_FACTOR * most;
}

/* Whether it can be a reading of that home; else why not. */
static int judge_reading(struct desk *d, const char *home, const struct fact_meter *m,
			 char why[MESSAGE_WHY_MAX])
{
	if (rounds_enter(d->rounds, home) < 0) {
		snprintf(why, MESSAGE_WHY_MAX, "%s", bid_verdict_text(BID_STRANGER));
		return -EPERM;
	}
	if (!is_carried(d, home, m)) {
		snprintf(why, MESSAGE_WHY_MAX,
			 "import_wh, export_wh: more than its connection carries");
		return -ERANGE;
	}
	return 0;
}

/* Hand it to the ledger's batch as the next revision, unless it stands there already: -EEXIST. */
static int gather_reading(struct desk *d, const char *home, int64_t start_s,
			  const struct fact_meter *m, int64_t at_s)
{
	int r = -ENOTUNIQ;
	(void)fact_meter_write(m, d->text, sizeof(d->text));
	for (int revision = 0; revision < METER_REVISIONS && r == -ENOTUNIQ; revision++) {
		r = desk_append(d, LEDGER_METER, -1, start_s, home, revision, d->text, at_s);
	}
	return r;
}

void reading_take(struct desk *d, const char *home, const char *payload, size_t length,
		  int64_t at_s)
{
	char why[MESSAGE_WHY_MAX];
	struct fact_meter m;
	int64_t start_s;
	if (d->readings == BATCH_MAX) {
		desk_commit(d, at_s);
	}
	int r = message_read_meter(d->market, home, at_s, payload, length, &start_s, &m, why);
	r = r < 0 ? r : judge_reading(d, home, &m, why);
	if (r < 0) {
		refuse_reading(d, home, start_s, why, false, at_s);
		return;
	}
	r = gather_reading(d, home, start_s, &m, at_s);
	if (r < 0 && r != -EEXIST) {
		bool often = r == -ENOTUNIQ;
		desk_tell_ledger(d, often ? 0 : r);
		refuse_reading(d, home, start_s,
			       often ? "interval: revised too often"
				     : bid_verdict_text(BID_NOT_KEPT),
			       !often, at_s);
		return;
	}
	struct waiting_reading *w = &d->reading[d->readings++];
	*w = (struct waiting_reading){ .start_s = start_s, .repeated = r == -EEXIST };
	snprintf(w->home, sizeof(w->home), "%s", home);
	if (r == 0) {
		account_touch(d, start_s);
	}
}

void readings_commit(struct desk *d, bool kept, int64_t now_s)
{
	for (int i = 0; i < d->readings; i++) {
		const struct waiting_reading *w = &d->reading[i];
		if (!kept) { /* one that is repeated may repeat one of this batch */
			refuse_reading(d, w->home, w->start_s, bid_verdict_text(BID_NOT_KEPT), true,
				       now_s);
			continue;
		}
		d->counts.readings += !w->repeated;
		desk_answer(d, &(struct receipt){
				       .home = w->home, .reading = true, .start_s = w->start_s });
	}
}
