/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What desk.c and the files of its parts (desk_*.c) share. */
#ifndef LECD_MARKET_DESK_PRIVATE_H
#define LECD_MARKET_DESK_PRIVATE_H

#include <assert.h>

#include "daemon/base/mqtt.h"
#include "daemon/market/asking.h"
#include "daemon/market/messages.h"
#include "daemon/market/negotiator.h"
#include "daemon/market/desk.h"
#include "daemon/market/records.h"
#include "daemon/market/senders.h"

/* Bids of a turn; intervals of whatever length between the oldest reading that is taken and the
 * furthest day that is traded, so that none takes another's account. */
enum { BATCH_MAX = 256, ACCOUNTS_MAX = 16384 };
static_assert((int64_t)ACCOUNTS_MAX * INTERVAL_MIN_S > READING_AGE_S + ROUND_AHEAD_S,
	      "an account for each interval");

/* A bid that is in the ledger's batch and not on the disk yet. */
struct waiting_bid {
	struct round_bid bid;
	int round;
	bool repeated; /* it is on the disk already */
};

/* A reading that is, and may be there already. */
struct waiting_reading {
	char home[HOME_ID_SIZE];
	int64_t start_s;
	bool repeated;
};

/* An interval that is to be settled. */
struct account {
	int64_t start_s; /* 0: free */
	bool changed;    /* an award or reading came since it was settled */
	bool settled;    /* once, so that a later reading corrects it at once */
	int64_t look_s;  /* not before this is it looked at again */
	int64_t balance; /* sequence of the balance an earlier life made of it; 0: none */
};

struct desk {
	struct desk_conf conf;
	const struct market_conf *market;
	struct ledger *ledger;
	struct rounds *rounds;
	struct asking *asking;
	struct negotiator *negotiator; /* NULL: no round negotiates */
	int negotiated_round;          /* whose it is on or was on last */
	struct round_award *agreed;    /* work */
	int *party;                    /* by home: its number in the negotiation */
	struct above *above;           /* desk_upstream.c's; NULL: there is no market above */
	struct senders senders;
	struct desk_counts counts;
	int64_t since_s; /* it counts since then */
	struct refusals refusals;

	int waiting;
	struct waiting_bid batch[BATCH_MAX];
	int readings;
	struct waiting_reading reading[BATCH_MAX];
	uint32_t turn;      /* counts batches */
	uint32_t *bid_turn; /* by home: the batch its last bid is in */
	bool *resend;       /* by home: to be told its awards again */
	int resends, resend_next;

	struct account account[ACCOUNTS_MAX]; /* each at its interval's number, modulo */
	int64_t account_look_s;
	const char **member; /* by home, for the settlement */

	bool told_failure; /* the log has said that the ledger fails */
	int64_t round_s;   /* when market/round changes next */
	char text[MQTT_PUBLISH_MAX];
};

/* Hand an entry over to the ledger. Returns as ledger_append. */
int desk_append(struct desk *d, enum ledger_kind kind, int round, int64_t interval_s,
		const char *home, int64_t revision, const char *text, int64_t now_s);

/* Say once that the ledger fails, and once that it does not. */
void desk_tell_ledger(struct desk *d, int r);

/* Tell a home an award; limits NULL: none. Returns 0, or -errno where the broker does not keep up.
 */
int desk_send_award(struct desk *d, const char *home, const char *round, int64_t start_s,
		    const struct fact_award *a, const struct award_limits *limits);

/* The round in whose books this bid stands, word for word; or -ENOENT. */
int desk_find_accepted(struct desk *d, const struct round_bid *b);
/* What a home was awarded in it: 0 or -errno. */
int desk_find_award(struct desk *d, int round, int64_t start_s, const char *home,
		    struct fact_award *out);

/* Send what is in d->text, so long; below 0: nothing is, and that is returned. As desk_conf.send.
 */
int desk_send(struct desk *d, const char *topic, int length, bool retain);
int desk_send_home(struct desk *d, const char *home, const char *leaf, int length);

/* Count what was refused and name it, once a day. */
void desk_refuse(struct desk *d, const char *home, const char *leaf, const char *why,
		 int64_t now_s);
/* A receipt; without one the home says it again. */
void desk_answer(struct desk *d, const struct receipt *r);

/* A reading came; what was gathered is durable, or was not kept. */
void reading_take(struct desk *d, const char *home, const char *payload, size_t length,
		  int64_t at_s);
void readings_commit(struct desk *d, bool kept, int64_t now_s);

/* Clear what is due and award it. */
void desk_close_gates(struct desk *d, int64_t now_s);
/* That home, by number, is to be told its awards again; tell a few that are. */
void desk_want_resend(struct desk *d, int home);
void desk_resend(struct desk *d, int64_t now_s);

/* The utility's prices of an interval, millionths per kWh. */
int32_t desk_price(const struct desk *d, const struct tariff_prices *p, int64_t start_s);

/* Something of that interval is to be settled. */
void account_touch(struct desk *d, int64_t start_s);
/* An earlier life settled it by the entry of that sequence; or has an award or reading of it, which
 * is to be settled if it came later than that. */
void account_restore_balance(struct desk *d, int64_t start_s, int64_t sequence);
void account_restore(struct desk *d, int64_t start_s, int64_t sequence);
/* Settle what is due. */
void account_settle(struct desk *d, int64_t now_s);

/* Rounds that negotiate. */
int desk_negotiate_new(struct desk *d);
void desk_negotiate_free(struct desk *d);
/* What a topic below admm/ is: "power", of home; "price"; "topic": none of ours. NULL: it is not
 * below that. */
const char *desk_negotiation_topic(const struct desk *d, const char *topic,
				   char home[HOME_ID_SIZE]);
/* A power of that home, or where that is "" a price. Returns 0, or -errno and why. */
int desk_negotiate_hear(struct desk *d, const char *home, const char *payload, size_t length,
			bool retained, int64_t at_s, char why[ADMM_WHY_SIZE]);
void desk_negotiate_tick(struct desk *d, int64_t now_s);
/* As rounds_clear, begun where it was not; -EAGAIN: it goes on. */
int desk_negotiate_clear(struct desk *d, int round, int64_t start_s, int64_t now_s,
			 struct round_clearing *out);
/* What an award costs the grid by what was agreed on; false: it was not. */
bool desk_negotiated_cost(const struct desk *d, const struct round_clearing *c,
			  const struct round_award *a, int64_t *micro);

/* --- the market above; without one these do nothing ---------------------------------------------
 */

int above_new(struct desk *d); /* 0 or -ENOMEM */
void above_free(struct desk *d);
/* Whether a book that is due is to wait for an answer from above; then it is due later. */
bool above_waits(struct desk *d, int round, int64_t start_s, int64_t now_s);
/* A message. Returns -ENOENT: it is not of the market above; or -errno: refused, with its leaf and
 * a sentence in why. */
int above_hear(struct desk *d, const char *topic, const char *payload, size_t length, int64_t at_s,
	       const char **leaf, char why[MESSAGE_WHY_MAX]);
void above_greet(struct desk *d);
void above_tick(struct desk *d, int64_t now_s);
/* What an earlier life bid and was awarded, by an account's name; then, when the books are there.
 */
void above_restore_bid(struct desk *d, const char *account, int64_t start_s);
void above_restore_award(struct desk *d, const char *account, int64_t start_s,
			 const struct fact_award *a);
void above_restored(struct desk *d);

/* Take up what the ledger holds. */
int desk_restore(struct desk *d, int64_t now_s, char *why, size_t size);

#endif
