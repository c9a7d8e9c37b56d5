/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "test.h"

#include "daemon/base/isotime.h"
#include "daemon/base/tariff.h"
#include "daemon/market/rounds.h"

enum { INTERVAL_S = 900, HOUR_S = 3600, DAY_S = 86400, HOMES = 12, STEPS = 4 };
enum { BUY = 300000, SELL = 80000 }; /* the utility's */

static int64_t time_of(const char *text)
{
	int64_t at_s;
	assert_int_equal(isotime_parse(text, &at_s), 0);
	return at_s;
}

static struct round_conf intraday(int64_t gate_s, int64_t open_s)
{
	return (struct round_conf){ .name = "intraday",
				    .kind = ROUND_INTERVAL,
				    .gate_s = gate_s,
				    .open_s = open_s,
				    .mechanism = mechanism_find("uniform"),
				    .terms = { .k = MILLION / 2 } };
}

static struct round_conf day_ahead(int64_t gate_s, int64_t open_s)
{
	struct round_conf r = intraday(gate_s, open_s);
	strcpy(r.name, "day-ahead");
	r.kind = ROUND_DAY;
	return r;
}

static struct rounds_conf market(void)
{
	return (struct rounds_conf){ .interval_s = INTERVAL_S,
				     .rounds = 1,
				     .round = { intraday(120, HOUR_S) },
				     .homes_max = HOMES,
				     .steps_max = STEPS,
				     .limits = { .import = 4000000,
						 .export = 2500000,
						 .price_min = -500000,
						 .price_max = 1000000 } };
}

static struct rounds *begin(const struct rounds_conf *c)
{
	struct rounds *r = NULL;
	assert_int_equal(rounds_new(c, &r), 0);
	return r;
}

static struct round_bid one_step(int home, int64_t start_s, int revision, enum side side,
				 int32_t price, int64_t quantity)
{
	struct round_bid b = { .start_s = start_s,
			       .revision = revision,
			       .steps = quantity > 0,
			       .step = { { quantity, price, (int32_t)side } } };
	snprintf(b.home, sizeof(b.home), "h%d", home);
	return b;
}

static enum bid_verdict put(struct rounds *r, const struct round_bid *b, int64_t at_s)
{
	int round = -1;
	enum bid_verdict v = rounds_judge(r, b, at_s, &round);
	assert_int_equal(round >= 0, v == BID_ACCEPTED || v == BID_REPEATED);
	if (v == BID_ACCEPTED) {
		rounds_keep(r, round, b);
	}
	return v;
}

/* --- schedule -----------------------------------------------------------------------------------
 */

static void test_day_gate(void **unused)
{
	/* A day's gate closes at the local time of the day before, also where clocks change. */
	(void)unused;
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	static const char *const from[] = { "2026-03-27T23:00:00Z", "2026-10-23T22:00:00Z" };
	for (size_t i = 0; i < 2; i++) {
		struct round_conf r = day_ahead(12 * HOUR_S, 6 * HOUR_S);
		int64_t begin_s = time_of(from[i]);
		for (int64_t s = begin_s; s < begin_s + 5 * DAY_S; s += INTERVAL_S) {
			int64_t gate_s = round_gate_s(&r, s);
			int64_t day = (s + timezone_offset_s(s)) / DAY_S;
			assert_int_equal(timezone_day_second(gate_s), 12 * HOUR_S);
			assert_int_equal((gate_s + timezone_offset_s(gate_s)) / DAY_S, day - 1);
			assert_int_equal(round_opens_s(&r, s), gate_s - 6 * HOUR_S);
		}
	}
}

static struct round_conf any_round(uint64_t *seed)
{
	int64_t open_s = (int64_t)(1 + random_next(seed) % 30) * HOUR_S;
	return random_next(seed) % 2
		       ? intraday((int64_t)(random_next(seed) % 40) * INTERVAL_S, open_s)
		       : day_ahead((int64_t)(random_next(seed) % 96) * INTERVAL_S, open_s);
}

static void test_overlap(void **unused)
{
	/* Rounds that are said not to overlap never are open for one interval together; rounds that
	 * do are said to. */
	(void)unused;
	uint64_t seed = random_seed();
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	int apart = 0, together = 0, wary = 0;
	for (int run = 0; run < 2000; run++) {
		struct round_conf a = any_round(&seed), b = any_round(&seed);
		bool said = rounds_overlap(&a, &b), seen = false;
		assert_int_equal(said, rounds_overlap(&b, &a));
		int64_t day_s = time_of("2026-01-01T00:00:00Z");
		for (int k = 0; k < 40; k++) {
			int64_t s = day_s + (int64_t)(random_next(&seed) % (365 * 96)) * INTERVAL_S;
			int64_t change_s =
				time_of(k % 2 ? "2026-03-29T01:00:00Z" : "2026-10-25T01:00:00Z");
			s = k < 20 ? change_s + (int64_t)(k - 10) * 3 * HOUR_S : s;
			seen |= round_opens_s(&a, s) < round_gate_s(&b, s) &&
				round_opens_s(&b, s) < round_gate_s(&a, s);
		}
		assert_true(said || !seen);
		apart += !said;
		together += seen;
		wary += said && !seen;
	}
	assert_true(apart > 100 && together > 500 && wary < 200);
}

/* --- what is refused ----------------------------------------------------------------------------
 */

static void test_refusals(void **unused)
{
	/* Each bid that does not fit is refused with the reason that it has, and changes nothing.
	 */
	(void)unused;
	int64_t now_s = time_of("2026-06-15T10:00:00Z"), next_s = now_s + INTERVAL_S;
	struct rounds_conf c = market();
	struct named_limits own[] = { { "h1", { 100, 100, 0, 200000, 7 } } };
	c.named = 1;
	c.home = own;
	struct rounds *r = begin(&c);
	const struct {
		struct round_bid bid;
		int64_t at_s;
		enum bid_verdict verdict;
	} rows[] = {
		{ one_step(2, next_s, 5, SIDE_BUY, 200000, 1000), now_s, BID_ACCEPTED },
		{ one_step(2, next_s, 5, SIDE_BUY, 200000, 1000), now_s, BID_REPEATED },
		{ one_step(2, next_s, 5, SIDE_BUY, 200001, 1000), now_s, BID_CONTRADICTED },
		{ one_step(2, next_s, 5, SIDE_BUY, 200000, 0), now_s, BID_CONTRADICTED },
		{ one_step(2, next_s, 4, SIDE_BUY, 200000, 1000), now_s, BID_OLD },
		{ one_step(2, now_s, 6, SIDE_BUY, 200000, 1000), now_s, BID_OVER },
		{ one_step(2, now_s - DAY_S, 6, SIDE_BUY, 200000, 1000), now_s, BID_OVER },
		{ one_step(2, next_s + 1, 6, SIDE_BUY, 200000, 1000), now_s, BID_NO_INTERVAL },
		{ one_step(2, -INTERVAL_S, 6, SIDE_BUY, 200000, 1000), now_s, BID_NO_INTERVAL },
		{ one_step(2, next_s + DAY_S, 6, SIDE_BUY, 200000, 1000), now_s, BID_EARLY },
		{ one_step(2, next_s + HOUR_S, 6, SIDE_BUY, 200000, 1000), now_s, BID_EARLY },
		{ one_step(2, next_s, 6, SIDE_BUY, 200000, 1000), next_s - 120, BID_LATE },
		{ one_step(2, next_s, 6, SIDE_BUY, 1000001, 1000), now_s, BID_PRICE },
		{ one_step(2, next_s, 6, SIDE_SELL, -500001, 1000), now_s, BID_PRICE },
		{ one_step(1, next_s, 6, SIDE_BUY, 200001, 1), now_s, BID_PRICE },
		{ one_step(1, next_s, 6, SIDE_BUY, 200000, 101), now_s, BID_CAPACITY },
		{ one_step(2, next_s, 6, SIDE_BUY, 200000, 4000001), now_s, BID_CAPACITY },
		{ one_step(2, next_s, 6, SIDE_SELL, 200000, 2500001), now_s, BID_CAPACITY },
		{ one_step(2, next_s, 6, SIDE_SELL, 200000, 2500000), now_s, BID_ACCEPTED },
		{ one_step(2, next_s, 7, SIDE_SELL, 200000, 0), now_s, BID_ACCEPTED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(put(r, &rows[i].bid, rows[i].at_s), rows[i].verdict);
		assert_true(*bid_verdict_text(rows[i].verdict));
	}
	struct round_bid longer = one_step(3, next_s, 1, SIDE_BUY, 1, 1);
	longer.steps = STEPS + 1;
	assert_int_equal(put(r, &longer, now_s), BID_LONG);
	assert_int_equal(rounds_homes(r), 1); /* no refused one took a place */
	for (int i = 3; i < HOMES + 3; i++) {
		struct round_bid b = one_step(i, next_s, 1, SIDE_BUY, 200000, 1);
		assert_int_equal(put(r, &b, now_s), i < HOMES + 2 ? BID_ACCEPTED : BID_CROWDED);
	}
	rounds_free(r);
}

static void test_listed(void **unused)
{
	/* A market of listed homes takes no other. */
	(void)unused;
	int64_t now_s = time_of("2026-06-15T10:00:00Z");
	struct rounds_conf c = market();
	struct named_limits own[] = { { "h1", c.limits } };
	c.listed = true;
	c.named = 1;
	c.home = own;
	struct rounds *r = begin(&c);
	struct round_bid ours = one_step(1, now_s + INTERVAL_S, 1, SIDE_BUY, 200000, 100);
	struct round_bid other = one_step(2, now_s + INTERVAL_S, 1, SIDE_BUY, 200000, 100);
	assert_int_equal(put(r, &other, now_s), BID_STRANGER);
	assert_int_equal(put(r, &ours, now_s), BID_ACCEPTED);
	rounds_free(r);
}

/* --- two rounds ---------------------------------------------------------------------------------
 */

static void test_two_rounds(void **unused)
{
	/* What was traded the day before counts against the connection in the round of the
	 * interval, and both rounds clear, one after the other. */
	(void)unused;
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	struct rounds_conf c = market();
	c.rounds = 2;
	c.round[1] = day_ahead(12 * HOUR_S, 12 * HOUR_S);
	struct rounds *r = begin(&c);
	int64_t now_s = time_of("2026-06-15T08:00:00Z"); /* 10:00 there */
	int64_t start_s = time_of("2026-06-16T10:00:00Z");
	struct round_bid buy = one_step(1, start_s, 1, SIDE_BUY, 250000, 3000000);
	struct round_bid sell = one_step(2, start_s, 1, SIDE_SELL, 100000, 2000000);
	assert_int_equal(put(r, &buy, now_s), BID_ACCEPTED);
	assert_int_equal(put(r, &sell, now_s), BID_ACCEPTED);
	struct round_clearing cleared;
	int64_t gate_s = time_of("2026-06-15T10:00:00Z");
	rounds_advance(r, gate_s);
	int round, days = 0;
	int64_t due_s;
	while (rounds_due(r, gate_s, &round, &due_s)) {
		assert_int_equal(rounds_clear(r, round, due_s, gate_s, BUY, SELL, &cleared), 0);
		assert_int_equal(cleared.bought, due_s == start_s ? 2000000 : 0);
		assert_int_equal(round == 1, round_gate_s(&c.round[1], due_s) == gate_s);
		days += round == 1;
		rounds_finish(r, &cleared);
	}
	assert_int_equal(days, 96);
	assert_int_equal(put(r, &buy, gate_s + 1), BID_EARLY);
	int64_t later_s = start_s - 1800;
	rounds_advance(r, later_s);
	struct round_bid more = one_step(1, start_s, 2, SIDE_BUY, 250000, 2000001);
	assert_int_equal(put(r, &more, later_s), BID_CAPACITY);
	more.step[0].quantity = 2000000;
	assert_int_equal(put(r, &more, later_s), BID_ACCEPTED);
	/* Back out of what was bought, and the whole connection the other way. */
	struct round_bid back = one_step(1, start_s, 3, SIDE_SELL, 100000, 4500000);
	assert_int_equal(put(r, &back, later_s), BID_ACCEPTED);
	back = one_step(1, start_s, 4, SIDE_SELL, 100000, 4500001);
	assert_int_equal(put(r, &back, later_s), BID_CAPACITY);
	rounds_free(r);
}

/* --- any sequence -------------------------------------------------------------------------------
 */

enum { EVENTS = 400, INTERVALS = 12 };

struct event {
	struct round_bid bid;
	int64_t at_s;
	enum bid_verdict verdict;
};

static struct round_bid any_bid(uint64_t *seed, int64_t now_s)
{
	int64_t start_s = (now_s / INTERVAL_S + (int64_t)(random_next(seed) % 7) - 1) * INTERVAL_S;
	struct round_bid b = { .start_s = start_s + (random_next(seed) % 50 == 0),
			       .revision = 1 + (int32_t)(random_next(seed) % 6),
			       .steps = (int32_t)(random_next(seed) % (STEPS + 1)) };
	snprintf(b.home, sizeof(b.home), "h%d", (int)(random_next(seed) % HOMES));
	for (int i = 0; i < b.steps; i++) {
		b.step[i] = (struct bid_step){
			.quantity = 1 + (int64_t)(random_next(seed) % 1100000),
			.price = (int32_t)(random_next(seed) % 500000) - 50000,
			.side = (int32_t)(random_next(seed) % 2),
		};
	}
	return b;
}

/* The last accepted revision of that home for that interval, or NULL. */
static const struct round_bid *accepted(const struct event *e, int n, const char *home,
					int64_t start_s)
{
	for (int i = n - 1; i >= 0; i--) {
		if (e[i].verdict == BID_ACCEPTED && e[i].bid.start_s == start_s &&
		    strcmp(e[i].bid.home, home) == 0) {
			return &e[i].bid;
		}
	}
	return NULL;
}

static bool same_bid(const struct round_bid *a, const struct round_bid *b)
{
	return a->steps == b->steps &&
	       memcmp(a->step, b->step, sizeof(*a->step) * (size_t)a->steps) == 0;
}

/* What must be said to this bid, told from the history alone. */
static enum bid_verdict expected(const struct event *e, int n, const struct round_bid *b,
				 int64_t at_s)
{
	if (b->start_s % INTERVAL_S) {
		return BID_NO_INTERVAL;
	}
	if (b->start_s <= at_s) {
		return BID_OVER;
	}
	if (at_s >= b->start_s - 120) {
		return BID_LATE;
	}
	if (at_s < b->start_s - 120 - HOUR_S) {
		return BID_EARLY;
	}
	const struct round_bid *before = accepted(e, n, b->home, b->start_s);
	if (before && before->revision >= b->revision) {
		return before->revision > b->revision ? BID_OLD
		       : same_bid(before, b)          ? BID_REPEATED
						      : BID_CONTRADICTED;
	}
	int64_t bought = 0, sold = 0;
	for (int i = 0; i < b->steps; i++) {
		*(b->step[i].side == SIDE_BUY ? &bought : &sold) += b->step[i].quantity;
	}
	return bought > 4000000 || sold > 2500000 ? BID_CAPACITY : BID_ACCEPTED;
}

/* Energy and money of a clearing: what is sold is bought, nobody gets more than asked for, at no
 * price that is worse than asked for or than the utility's, and paid is received but for rounding.
 */
static void check_clearing(const struct rounds *r, const struct round_clearing *c,
			   const struct event *e, int n)
{
	int64_t bought = 0, sold = 0, paid = 0, received = 0;
	for (int i = 0; i < c->awards; i++) {
		const struct round_award *a = &c->award[i];
		const struct round_bid *b = accepted(e, n, rounds_home_id(r, a->home), c->start_s);
		assert_non_null(b);
		assert_int_equal(a->revision, b->revision);
		int64_t most[2] = { 0, 0 };
		for (int k = 0; k < b->steps; k++) {
			most[b->step[k].side] += b->step[k].quantity;
		}
		assert_true(a->bought >= 0 && a->bought <= most[SIDE_BUY]);
		assert_true(a->sold >= 0 && a->sold <= most[SIDE_SELL]);
		assert_true(a->paid <= money_of(BUY, a->bought) + STEPS);
		assert_true(a->received >= money_of(SELL, a->sold) - STEPS);
		bought += a->bought;
		sold += a->sold;
		paid += a->paid;
		received += a->received;
	}
	assert_true(bought == sold && bought == c->bought && sold == c->sold);
	assert_true(paid == c->paid && received == c->received);
	assert_true(llabs(paid - received) <= HOMES * STEPS);
	assert_true(!c->is_void || c->awards == 0);
}

/* The same market in another life, from what was written down. */
static struct rounds *reborn(const struct rounds_conf *conf, const struct event *e, int n,
			     const bool *finished, int64_t begin_s)
{
	struct rounds *r = begin(conf);
	for (int k = 0; k < INTERVALS * 2; k++) {
		if (finished[k]) {
			(void)rounds_restore_finished(r, 0, begin_s + k * INTERVAL_S);
		}
	}
	for (int i = 0; i < n; i++) {
		int64_t k = (e[i].bid.start_s - begin_s) / INTERVAL_S;
		if (e[i].verdict == BID_ACCEPTED && !finished[k]) {
			assert_int_equal(rounds_restore_bid(r, 0, &e[i].bid), 0);
		}
	}
	return r;
}

static int64_t traded, voids, lives;

static void run_once(uint64_t *seed)
{
	static struct event e[EVENTS];
	const struct rounds_conf conf = market();
	int64_t begin_s = time_of("2026-06-15T10:00:00Z"), now_s = begin_s;
	bool finished[INTERVALS * 2] = { false };
	struct rounds *r = begin(&conf);
	for (int i = 0; i < EVENTS && now_s < begin_s + INTERVALS * INTERVAL_S; i++) {
		now_s += (int64_t)(random_next(seed) % 60);
		if (random_next(seed) % 30 == 0) { /* killed, and away for up to ten minutes */
			rounds_free(r);
			now_s += (int64_t)(random_next(seed) % 600);
			r = reborn(&conf, e, i, finished, begin_s);
			lives++;
		}
		int round;
		int64_t start_s;
		struct round_clearing c, again;
		rounds_advance(r, now_s);
		while (rounds_due(r, now_s, &round, &start_s)) {
			assert_int_equal(rounds_clear(r, round, start_s, now_s, BUY, SELL, &again),
					 0);
			assert_int_equal(rounds_clear(r, round, start_s, now_s, BUY, SELL, &c), 0);
			assert_true(c.bought == again.bought && c.paid == again.paid &&
				    c.received == again.received && c.awards == again.awards);
			int64_t k = (start_s - begin_s) / INTERVAL_S;
			assert_false(finished[k]);
			assert_int_equal(c.is_void, now_s >= start_s);
			check_clearing(r, &c, e, i);
			finished[k] = true;
			traded += c.bought;
			voids += c.is_void;
			rounds_finish(r, &c);
		}
		bool again_said = i > 0 && random_next(seed) % 4 == 0; /* twice, or out of order */
		e[i].bid =
			again_said ? e[random_next(seed) % (uint64_t)i].bid : any_bid(seed, now_s);
		e[i].at_s = now_s;
		enum bid_verdict wanted = expected(e, i, &e[i].bid, now_s);
		e[i].verdict = put(r, &e[i].bid, now_s);
		assert_int_equal(e[i].verdict, wanted);
	}
	rounds_free(r);
}

static void test_any_sequence(void **unused)
{
	/* Whatever comes in whatever order, and however often the market is killed: each bid gets
	 * the verdict that its history has, each book is cleared once and exactly. */
	(void)unused;
	uint64_t seed = random_seed();
	traded = voids = lives = 0;
	for (int run = 0; run < (is_watched() ? 20 : 300); run++) {
		run_once(&seed);
	}
	assert_true(traded > 0 && voids > 0 && lives > 50);
}

static void test_same_book(void **unused)
{
	/* The order in which homes come changes nothing of what they get. */
	(void)unused;
	uint64_t seed = random_seed();
	int64_t now_s = time_of("2026-06-15T10:00:00Z"), start_s = now_s + INTERVAL_S;
	const struct rounds_conf conf = market();
	for (int run = 0; run < 100; run++) {
		struct round_bid bid[HOMES];
		for (int i = 0; i < HOMES; i++) {
			bid[i] = any_bid(&seed, now_s);
			bid[i].start_s = start_s;
			bid[i].steps = bid[i].steps > 2 ? 2 : bid[i].steps;
			snprintf(bid[i].home, sizeof(bid[i].home), "h%d", i);
		}
		struct round_clearing c[2];
		struct round_award award[2][HOMES];
		struct rounds *r[2];
		for (int k = 0; k < 2; k++) {
			r[k] = begin(&conf);
			for (int i = 0; i < HOMES; i++) {
				const struct round_bid *b = &bid[k ? HOMES - 1 - i : i];
				assert_int_equal(put(r[k], b, now_s), BID_ACCEPTED);
			}
			assert_int_equal(
				rounds_clear(r[k], 0, start_s, start_s - 100, BUY, SELL, &c[k]), 0);
			memcpy(award[k], c[k].award, sizeof(award[k][0]) * (size_t)c[k].awards);
		}
		assert_int_equal(c[0].awards, c[1].awards);
		for (int i = 0; i < c[0].awards; i++) {
			assert_string_equal(rounds_home_id(r[0], award[0][i].home),
					    rounds_home_id(r[1], award[1][i].home));
			award[1][i].home = award[0][i].home;
		}
		assert_memory_equal(award[0], award[1], sizeof(award[0][0]) * (size_t)c[0].awards);
		rounds_free(r[0]);
		rounds_free(r[1]);
	}
}

static void test_clock_steps(void **unused)
{
	/* However the clock steps, each interval is cleared at most once, and after a step all goes
	 * on. */
	(void)unused;
	uint64_t seed = random_seed();
	const struct rounds_conf conf = market();
	for (int run = 0; run < 20; run++) {
		int64_t begin_s = time_of("2026-06-15T00:00:00Z"), now_s = begin_s;
		static int cleared[2 * 96];
		memset(cleared, 0, sizeof(cleared));
		struct rounds *r = begin(&conf);
		int count = 0;
		for (int i = 0; i < 2000; i++) {
			int64_t hour_s = random_next(&seed) % 2 ? HOUR_S : -HOUR_S;
			now_s += random_next(&seed) % 100 ? 30 : hour_s;
			now_s = now_s < begin_s ? begin_s : now_s;
			rounds_advance(r, now_s);
			int round;
			int64_t start_s;
			while (rounds_due(r, now_s, &round, &start_s)) {
				struct round_clearing c;
				assert_int_equal(
					rounds_clear(r, round, start_s, now_s, BUY, SELL, &c), 0);
				rounds_finish(r, &c);
				int64_t k = (start_s - begin_s) / INTERVAL_S;
				assert_true(k >= 0 && k < 2 * 96);
				assert_int_equal(++cleared[k], 1);
				count++;
			}
			assert_true(rounds_next_s(r, now_s) > now_s);
		}
		assert_true(count > 20);
		rounds_free(r);
	}
}

static void test_arrival(void **unused)
{
	/* Where arrival decides, who came first is served first; a revision comes anew, and who
	 * came when survives a restart. */
	(void)unused;
	int64_t now_s = time_of("2026-06-15T10:00:00Z"), start_s = now_s + INTERVAL_S;
	struct rounds_conf conf = market();
	conf.round[0].terms.ties = TIES_ARRIVAL;
	const struct round_bid bids[] = {
		one_step(3, start_s, 1, SIDE_SELL, 100000, 1000000),
		one_step(2, start_s, 1, SIDE_SELL, 100000, 1000000),
		one_step(1, start_s, 1, SIDE_BUY, 200000, 1000000),
		one_step(3, start_s, 2, SIDE_SELL, 100000, 1000000),
	};
	for (int revised = 0; revised < 2; revised++) {
		for (int restored = 0; restored < 2; restored++) {
			struct rounds *r = begin(&conf);
			for (int i = 0; i < 3 + revised; i++) {
				if (restored) {
					assert_int_equal(rounds_restore_bid(r, 0, &bids[i]), 0);
				} else {
					assert_int_equal(put(r, &bids[i], now_s), BID_ACCEPTED);
				}
			}
			struct round_clearing c;
			assert_int_equal(rounds_clear(r, 0, start_s, start_s - 120, BUY, SELL, &c),
					 0);
			assert_int_equal(c.awards, 3); /* by name: h1, h2, h3 */
			assert_int_equal(c.award[1].sold, revised ? 1000000 : 0);
			assert_int_equal(c.award[2].sold, revised ? 0 : 1000000);
			rounds_free(r);
		}
	}
}

static void test_pool(void **unused)
{
	/* A pool gives each home its net at the pool's prices; what it lacks the utility gives. */
	(void)unused;
	int64_t now_s = time_of("2026-06-15T10:00:00Z"), start_s = now_s + INTERVAL_S;
	struct rounds_conf conf = market();
	conf.round[0].mechanism = mechanism_find("mid-market");
	struct rounds *r = begin(&conf);
	struct round_bid buy = one_step(1, start_s, 1, SIDE_BUY, 250000, 3000000);
	struct round_bid sell = one_step(2, start_s, 1, SIDE_SELL, 100000, 1000000);
	assert_int_equal(put(r, &buy, now_s), BID_ACCEPTED);
	assert_int_equal(put(r, &sell, now_s), BID_ACCEPTED);
	struct round_clearing c;
	assert_int_equal(rounds_clear(r, 0, start_s, start_s - 120, BUY, SELL, &c), 0);
	assert_int_equal(c.awards, 2);
	assert_int_equal(c.award[0].bought, 3000000);
	assert_int_equal(c.award[0].paid, 3 * 263333); /* 1 kWh at 0.19, 2 at 0.30, a third each */
	assert_int_equal(c.award[1].sold, 1000000);
	assert_int_equal(c.award[1].received, 190000);
	rounds_free(r);
}

static void test_utility_upside_down(void **unused)
{
	/* Where the utility pays more than it asks there is nothing to trade: every home hears of
	 * its bid, nobody buys above its limit, and no mechanism is stuck. */
	(void)unused;
	int64_t now_s = time_of("2026-06-15T10:00:00Z"), start_s = now_s + INTERVAL_S;
	static const char *const names[] = {
		"uniform", "pay-as-bid", "continuous", "mid-market", "supply-demand-ratio",
		"mcafee",  "vcg",        "community"
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct rounds_conf conf = market();
		conf.round[0].mechanism = mechanism_find(names[i]);
		struct rounds *r = begin(&conf);
		struct round_bid buy = one_step(1, start_s, 1, SIDE_BUY, 200000, 1000000);
		struct round_bid sell = one_step(2, start_s, 1, SIDE_SELL, 100000, 1000000);
		assert_int_equal(put(r, &buy, now_s), BID_ACCEPTED);
		assert_int_equal(put(r, &sell, now_s), BID_ACCEPTED);
		struct round_clearing c;
		assert_int_equal(rounds_clear(r, 0, start_s, start_s - 120, SELL, BUY, &c), 0);
		assert_int_equal(c.awards, 2);
		assert_true(c.bought == 0 && c.sold == 0 && c.paid == 0 && c.received == 0);
		assert_false(c.priced);
		rounds_free(r);
	}
}

/* A random bid within the utility's prices; a home may take both sides, and trade with itself. */
static struct round_bid either_side(uint64_t *seed, int home, int64_t start_s)
{
	struct round_bid b = one_step(home, start_s, 1, SIDE_BUY, 0, 0);
	b.steps = 1 + (int)(random_next(seed) % 3);
	for (int i = 0; i < b.steps; i++) {
		int32_t price = SELL + (int32_t)(random_next(seed) % (BUY - SELL));
		b.step[i] = (struct bid_step){ 1 + (int64_t)(random_next(seed) % 800000), price,
					       (int32_t)(random_next(seed) % 2) };
	}
	return b;
}

/* The award of that home, by its number. */
static const struct round_award *award_of(const struct round_clearing *c, int home)
{
	for (int i = 0; i < c->awards; i++) {
		if (c->award[i].home == home) {
			return &c->award[i];
		}
	}
	return NULL;
}

static void test_above(void **unused)
{
	/* A feeder's book that waits is not due; its curve, cleared above, comes back as one price
	 * and energy, which its homes trade whole, each at that price and none beyond its limit. */
	(void)unused;
	uint64_t seed = random_seed();
	const int64_t start_s = 100 * INTERVAL_S;
	struct rounds_conf conf = market(), larger = market();
	larger.steps_max = BID_STEPS_MAX;
	larger.limits.import = larger.limits.export = INT64_C(1000000000);
	for (int n = 0; n < 300; n++) {
		int homes = 1 + (int)(random_next(&seed) % 8);
		struct rounds *city = begin(&larger), *feeder[3];
		struct round_clearing above;
		int round;
		int64_t of_s;
		rounds_advance(city, start_s - 600);
		for (int f = 0; f < 3; f++) {
			struct round_bid up = one_step(f, start_s, 1, SIDE_BUY, 0, 0);
			feeder[f] = begin(&conf);
			rounds_advance(feeder[f], start_s - 600);
			for (int h = 0; h < homes; h++) {
				struct round_bid b = either_side(&seed, h, start_s);
				assert_int_equal(put(feeder[f], &b, start_s - 500), BID_ACCEPTED);
			}
			assert_int_equal(rounds_hold(feeder[f], 0, start_s, start_s - 60), 0);
			assert_false(rounds_due(feeder[f], start_s - 61, &round, &of_s));
			assert_true(rounds_due(feeder[f], start_s - 60, &round, &of_s));
			up.steps = rounds_curve(feeder[f], 0, start_s, BUY, SELL, BID_STEPS_MAX,
						up.step);
			assert_true(up.steps > 0);
			assert_int_equal(put(city, &up, start_s - 400), BID_ACCEPTED);
		}
		assert_int_equal(rounds_clear(city, 0, start_s, start_s - 120, BUY, SELL, &above),
				 0);
		for (int f = 0; f < 3; f++) {
			const struct round_award *a = award_of(&above, f);
			struct round_clearing c;
			int64_t net = a->bought - a->sold;
			assert_int_equal(rounds_supply(feeder[f], 0, start_s, net, above.price), 0);
			assert_int_equal(
				rounds_clear(feeder[f], 0, start_s, start_s - 60, BUY, SELL, &c),
				0);
			assert_true(c.bought - c.sold == net);
			assert_true(net == 0 || c.price == above.price);
			rounds_free(feeder[f]);
		}
		rounds_free(city);
	}
	struct rounds *none = begin(&conf);
	assert_int_equal(rounds_supply(none, 0, start_s, 1, 0), -ENOENT);
	assert_int_equal(rounds_hold(none, 0, start_s, 0), -ENOENT);
	rounds_free(none);
}

static void test_open(void **unused)
{
	/* What is open is told round by round and in the order of time, at any time: each interval
	 * whose gate is ahead and whose round has opened, and a day's intervals in one piece. */
	(void)unused;
	struct rounds_conf c = market();
	c.rounds = 2;
	c.round[1] = day_ahead(12 * HOUR_S, 12 * HOUR_S);
	struct rounds *r = begin(&c);
	assert_int_equal(timezone_use("UTC"), 0);
	const int64_t from_s = time_of("2026-06-15T00:00:07Z");
	for (int64_t now_s = from_s; now_s < from_s + 3 * DAY_S; now_s += 1700) {
		int round, books[2] = { 0, 0 };
		int64_t start_s, last_s[2] = { 0, 0 };
		struct round_clearing done;
		while (rounds_due(r, now_s, &round, &start_s)) {
			assert_int_equal(rounds_clear(r, round, start_s, now_s, BUY, SELL, &done),
					 0);
			rounds_finish(r, &done);
		}
		rounds_advance(r, now_s);
		round = 0;
		start_s = INT64_MIN;
		while (rounds_next_open(r, now_s, &round, &start_s)) {
			assert_true(round == 1 || books[1] == 0);
			assert_true(books[round] == 0 || start_s == last_s[round] + INTERVAL_S);
			assert_true(round_gate_s(&c.round[round], start_s) > now_s);
			assert_true(round_opens_s(&c.round[round], start_s) <= now_s);
			last_s[round] = start_s;
			books[round]++;
		}
		assert_int_equal(books[0], 4);
		assert_int_equal(books[1], now_s % DAY_S < 12 * HOUR_S ? DAY_S / INTERVAL_S : 0);
	}
	rounds_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_day_gate),     cmocka_unit_test(test_open),
		cmocka_unit_test(test_overlap),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_listed),       cmocka_unit_test(test_two_rounds),
		cmocka_unit_test(test_any_sequence), cmocka_unit_test(test_same_book),
		cmocka_unit_test(test_clock_steps),  cmocka_unit_test(test_pool),
		cmocka_unit_test(test_arrival),      cmocka_unit_test(test_utility_upside_down),
		cmocka_unit_test(test_above),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
