/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market as a process that is killed at any instruction: each life is a child that works on the
 * ledger until a timer ends it as SIGKILL would, and the next takes up from what is on the disk.
 * What was said to homes lies in memory that both share, as it would lie with the homes.
 *
 * TEST_ROUNDS says how many rounds, for a long run. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "small_market.h"

#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/market/audit.h"
#include "daemon/market/facts.h"

enum {
	INTERVAL_S = SMALL_INTERVAL_S,
	HOMES = SMALL_HOMES,
	BATCH_ROUNDS = 250, /* in one ledger */
	EARLY = 4,          /* intervals that may be bid for */
	ACKS_MAX = 64 * BATCH_ROUNDS,
	AWARDS_MAX = 64 * BATCH_ROUNDS,
	HELD = 8, /* messages that are under way */
};

struct ack {
	int64_t start_s;
	int32_t home, revision;
};

struct said_award {
	int64_t start_s;
	int32_t home;
	double bought, sold;
};

struct message {
	char topic[64], payload[600];
};

/* The world outside of the market: it goes on when the market dies. */
struct world {
	uint64_t seed;
	int64_t now_s, end_s;
	int32_t revision[HOMES][BATCH_ROUNDS + EARLY + 2];
	int held;
	struct message message[HELD];
	int64_t metered_s[HOMES];
	int acks, refusals, awards;
	struct ack ack[ACKS_MAX];
	struct said_award award[AWARDS_MAX];
	int drops, repeats, late;
	bool done;
};

static struct world *world;
static struct market_conf conf;

static void configure(void)
{
	conf = small_market(0.3);
	conf.meter_wait_s = 3600;
}

/* --- the homes ----------------------------------------------------------------------------------
 */

static int home_of(const char *topic)
{
	return topic[strlen("home/h")] - '0';
}

static void hear_receipt(int home, const char *payload, size_t length)
{
	struct json_in in;
	char text[ISOTIME_SIZE];
	bool accepted = false;
	int64_t revision = 0, start_s = 0; /* revision 0: of a reading */
	assert_int_equal(json_parse(&in, payload, length), 0);
	assert_int_equal(json_get_flag(&in, in.root, "accepted", &accepted), 0);
	if (accepted) {
		assert_int_equal(json_get_text(&in, in.root, "interval", text, sizeof(text)), 0);
		if (json_has(in.root, "revision")) {
			assert_int_equal(
				json_get_integer(&in, in.root, "revision", 1, 1000, &revision), 0);
		}
		assert_int_equal(isotime_parse(text, &start_s), 0);
		assert_true(world->acks < ACKS_MAX);
		world->ack[world->acks] = (struct ack){ start_s, home, (int32_t)revision };
		world->acks++;
	}
	world->refusals += !accepted;
	json_free(&in);
}

static void hear_award(int home, const char *payload, size_t length)
{
	struct json_in in;
	char text[ISOTIME_SIZE];
	struct said_award a = { .home = home };
	assert_int_equal(json_parse(&in, payload, length), 0);
	assert_int_equal(json_get_text(&in, in.root, "interval", text, sizeof(text)), 0);
	assert_int_equal(json_get_number(&in, in.root, "bought_kwh", 0, 100, &a.bought), 0);
	assert_int_equal(json_get_number(&in, in.root, "sold_kwh", 0, 100, &a.sold), 0);
	assert_int_equal(isotime_parse(text, &a.start_s), 0);
	assert_true(world->awards < AWARDS_MAX);
	world->award[world->awards] = a;
	world->awards++;
	json_free(&in);
}

/* The broker: what the market says is heard, but for what it does not take now and then. */
static int hear(void *context, const char *topic, const char *payload, size_t length, bool retain)
{
	(void)context;
	(void)retain;
	if (random_next(&world->seed) % 20 == 0) {
		return -ENOBUFS;
	}
	if (strstr(topic, "/receipt")) {
		hear_receipt(home_of(topic), payload, length);
	} else if (strstr(topic, "/award")) {
		hear_award(home_of(topic), payload, length);
	}
	return 0;
}

static void write_bid(int home, int64_t start_s, int revision, struct message *m)
{
	char time[ISOTIME_SIZE];
	uint64_t *seed = &world->seed;
	int n = snprintf(m->payload, sizeof(m->payload),
			 "{\"v\":1,\"home\":\"h%d\",\"interval\":\"%s\",\"length_s\":900,"
			 "\"revision\":%d,\"currency\":\"EUR\",\"orders\":[",
			 home, isotime_format(start_s, time), revision);
	int steps = (int)(random_next(seed) % 4);
	for (int i = 0; i < steps; i++) {
		n += snprintf(m->payload + n, sizeof(m->payload) - (size_t)n,
			      "%s{\"side\":\"%s\",\"price\":%.6f,\"quantity\":%.6f}", i ? "," : "",
			      random_next(seed) % 2 ? "buy" : "sell", random_between(seed, 0, 0.4),
			      random_between(seed, 0.001, 1.2));
	}
	snprintf(m->payload + n, sizeof(m->payload) - (size_t)n, "]}");
	snprintf(m->topic, sizeof(m->topic), "lec/c/home/h%d/bid", home);
}

static void write_meter(int home, int64_t start_s, struct message *m)
{
	char time[ISOTIME_SIZE];
	snprintf(m->payload, sizeof(m->payload),
		 "{\"v\":1,\"home\":\"h%d\",\"interval\":\"%s\",\"length_s\":900,"
		 "\"import_wh\":%.1f,\"export_wh\":%.1f,\"known_s\":900}",
		 home, isotime_format(start_s, time), random_between(&world->seed, 0, 900),
		 random_between(&world->seed, 0, 900));
	snprintf(m->topic, sizeof(m->topic), "lec/c/home/h%d/meter", home);
}

/* What a home says next: a bid for an interval to come, or a reading of one that is over. */
static void write_message(struct message *m)
{
	uint64_t *seed = &world->seed;
	int home = (int)(random_next(seed) % HOMES);
	int64_t open_s = world->now_s / INTERVAL_S * INTERVAL_S;
	if (world->metered_s[home] < open_s - INTERVAL_S) {
		world->metered_s[home] += INTERVAL_S;
		write_meter(home, world->metered_s[home], m);
		return;
	}
	int64_t start_s = open_s + INTERVAL_S * (int64_t)(1 + random_next(seed) % EARLY);
	int32_t *revision = &world->revision[home][(start_s - small_begin_s) / INTERVAL_S];
	write_bid(home, start_s, ++*revision, m);
}

/* One of those that are under way is delivered: in any order, twice, or never. */
static void deliver(struct desk *d)
{
	uint64_t *seed = &world->seed;
	if (world->held < HELD) {
		write_message(&world->message[world->held]);
		world->held++;
		if (random_next(seed) % 3) {
			return;
		}
	}
	int i = (int)(random_next(seed) % (uint64_t)world->held);
	const struct message m = world->message[i];
	uint64_t fate = random_next(seed) % 10;
	if (fate > 0) { /* else it comes again */
		world->message[i] = world->message[world->held - 1];
		world->held--;
	}
	world->repeats += fate == 0;
	world->drops += fate == 1;
	if (fate != 1) {
		desk_hear(d, m.topic, m.payload, strlen(m.payload), false, world->now_s);
	}
}

/* --- a life of the market -----------------------------------------------------------------------
 */

static struct desk *open_desk(const char *path, struct ledger **ledger)
{
	char why[160] = "";
	struct desk *d = NULL;
	if (ledger_open(path, 1000, ledger, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
	const struct desk_conf c = { .market = &conf, .ledger = *ledger, .send = hear };
	if (desk_new(&c, world->now_s, &d, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
	return d;
}

static void live(const char *path)
{
	struct ledger *ledger;
	struct desk *d = open_desk(path, &ledger);
	for (int i = 0; i < HOMES; i++) {
		char topic[64];
		snprintf(topic, sizeof(topic), "lec/c/home/h%d/status", i);
		desk_hear(d, topic, "online", 6, true, world->now_s);
	}
	while (world->now_s < world->end_s) {
		deliver(d);
		if (random_next(&world->seed) % 3 == 0) {
			world->now_s += (int64_t)(random_next(&world->seed) % 300);
			desk_tick(d, world->now_s);
		} else if (random_next(&world->seed) % 2) {
			desk_commit(d, world->now_s);
		}
	}
	world->now_s += 2 * 3600;
	desk_tick(d, world->now_s); /* the wait for readings is over */
	for (int i = 0; i < BATCH_ROUNDS; i++) {
		world->now_s += 60;
		desk_tick(d, world->now_s);
	}
	world->done = true;
	desk_free(d);
	ledger_close(ledger);
}

/* A child that a timer ends, at any instruction, within span_us. Returns whether it was killed. */
static bool live_and_die(const char *path, int64_t span_us, uint64_t *seed)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGALRM, SIG_DFL);
		int64_t us = 1000 + (int64_t)(random_next(seed) % (uint64_t)span_us);
		const struct itimerval timer = { .it_value = { us / 1000000, us % 1000000 } };
		(void)setitimer(ITIMER_REAL, &timer, NULL);
		live(path);
		_exit(0);
	}
	(void)random_next(seed);
	int status;
	assert_true(waitpid(child, &status, 0) == child);
	if (WIFEXITED(status)) {
		assert_int_equal(WEXITSTATUS(status), 0);
		return false;
	}
	assert_int_equal(WTERMSIG(status), SIGALRM);
	/* It takes a while until somebody starts it again. */
	world->now_s += (int64_t)(random_next(seed) % 400);
	return true;
}

/* --- the verdict --------------------------------------------------------------------------------
 */

static bool stands(struct ledger *l, enum ledger_kind kind, const char *round, int64_t start_s,
		   int home, int64_t revision, char *text, size_t size)
{
	struct ledger_entry e = { .kind = kind, .interval_s = start_s, .revision = revision };
	snprintf(e.round, sizeof(e.round), "%s", round);
	if (home >= 0) {
		snprintf(e.home, sizeof(e.home), "h%d", home);
	}
	return ledger_find(l, &e, text, size) == 0;
}

/* Whether a clearing holds every home that has a bid with orders in it. */
static void judge_clearing(struct ledger *l, int64_t start_s)
{
	char text[4096];
	if (!stands(l, LEDGER_CLEARING, "r", start_s, -1, 0, text, sizeof(text))) {
		return;
	}
	bool is_void = strstr(text, "\"void\":true");
	for (int home = 0; home < HOMES; home++) {
		int last = world->revision[home][(start_s - small_begin_s) / INTERVAL_S];
		while (last > 0 &&
		       !stands(l, LEDGER_BID, "r", start_s, home, last, text, sizeof(text))) {
			last--;
		}
		bool orders = last > 0 && strstr(text, "side");
		assert_int_equal(stands(l, LEDGER_AWARD, "r", start_s, home, 0, text, sizeof(text)),
				 orders && !is_void);
	}
}

static int count(const struct ledger_entry *e, void *argument)
{
	(void)e;
	++*(int64_t *)argument;
	return 0;
}

static int64_t entries(struct ledger *l, enum ledger_kind kind)
{
	int64_t n = 0;
	const struct ledger_query all = { .kind = kind, .to_s = INT64_MAX };
	assert_int_equal(ledger_each(l, &all, count, &n), 0);
	return n;
}

struct totals {
	int64_t rounds, kills, acks, awards, refusals, drops, repeats, traded, settled;
};

static void judge(const char *path, struct totals *t)
{
	char why[160] = "", text[4096];
	struct ledger *l;
	struct ledger_fault fault;
	struct audit audit;
	assert_int_equal(ledger_open_reading(path, &l, why, sizeof(why)), 0);
	if (ledger_verify(l, NULL, NULL, &fault) < 0 ||
	    audit_balances(l, NULL, NULL, &audit, &fault) < 0) {
		fail_msg("entry %lld: %s", (long long)fault.sequence, fault.what);
	}
	for (int i = 0; i < world->acks; i++) {
		const struct ack *a = &world->ack[i];
		bool reading = a->revision == 0;
		if (!stands(l, reading ? LEDGER_METER : LEDGER_BID, reading ? "" : "r", a->start_s,
			    a->home, a->revision, text, sizeof(text))) {
			fail_msg("h%d revision %d was acknowledged and is lost", a->home,
				 a->revision);
		}
	}
	for (int i = 0; i < world->awards; i++) {
		const struct said_award *a = &world->award[i];
		struct fact_award fact;
		char reason[FACT_WHY_MAX];
		assert_true(
			stands(l, LEDGER_AWARD, "r", a->start_s, a->home, 0, text, sizeof(text)));
		assert_int_equal(fact_award_read(text, &fact, reason), 0);
		assert_true((int64_t)(a->bought * 1e6 + 0.5) == fact.bought &&
			    (int64_t)(a->sold * 1e6 + 0.5) == fact.sold);
	}
	for (int k = 1; k < BATCH_ROUNDS + EARLY; k++) {
		judge_clearing(l, small_begin_s + k * INTERVAL_S);
	}
	t->rounds += entries(l, LEDGER_CLEARING);
	t->settled += audit.intervals;
	t->traded += audit.traded;
	t->acks += world->acks;
	t->awards += world->awards;
	t->refusals += world->refusals;
	t->drops += world->drops;
	t->repeats += world->repeats;
	ledger_close(l);
}

static void forget(const char *path)
{
	char other[96];
	static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < 4; i++) {
		snprintf(other, sizeof(other), "%s%s", path, tails[i]);
		(void)unlink(other);
	}
}

static void run_batch(const char *path, int rounds, uint64_t *seed, struct totals *t)
{
	memset(world, 0, sizeof(*world));
	world->seed = random_next(seed);
	world->now_s = small_begin_s;
	world->end_s = small_begin_s + rounds * INTERVAL_S;
	for (int i = 0; i < HOMES; i++) {
		world->metered_s[i] = small_begin_s - INTERVAL_S;
	}
	/* Short lives first, that die while they take up; longer ones until one comes to the end,
	 * however slow the machine is. */
	for (int64_t span_us = is_watched() ? 300000 : 20000; !world->done;
	     span_us += span_us / 8) {
		t->kills += live_and_die(path, span_us, seed);
	}
	judge(path, t);
	forget(path);
}

static void test_killed_anywhere(void **unused)
{
	/* Killed at any instruction, with messages doubled, dropped and in any order: the ledger
	 * verifies, energy and money balance, no acknowledged bid or reading is lost, no interval
	 * is cleared twice, and nobody was told what is not in it. */
	(void)unused;
	uint64_t seed = random_seed();
	const char *wanted = getenv("TEST_ROUNDS");
	int64_t rounds = wanted ? atoll(wanted) : is_watched() ? 60 : 400;
	struct stat shared;
	char folder[64], path[80];
	struct totals t = { 0 };
	snprintf(folder, sizeof(folder), "%s/lecd-desk-XXXXXX",
		 stat("/dev/shm", &shared) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ledger.db", folder);
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_true(world != MAP_FAILED);
	configure();
	log_set_level(LOG_ERROR);
	while (t.rounds < rounds) {
		int64_t left = rounds - t.rounds;
		run_batch(path, left < BATCH_ROUNDS ? (int)left + EARLY : BATCH_ROUNDS, &seed, &t);
	}
	print_message("%lld rounds, %lld kills, %lld bids and readings acknowledged, %lld refused, "
		      "%lld awards "
		      "heard, %lld messages dropped, %lld doubled, %lld intervals settled, "
		      "%.1f kWh traded\n",
		      (long long)t.rounds, (long long)t.kills, (long long)t.acks,
		      (long long)t.refusals, (long long)t.awards, (long long)t.drops,
		      (long long)t.repeats, (long long)t.settled, (double)t.traded / 1e6);
	assert_true(t.acks > t.rounds / 2 && t.refusals > 0 && t.traded > 0 && t.drops > 0 &&
		    t.repeats > 0 && t.settled > t.rounds / 2);
	assert_true(t.kills > t.rounds / 200);
	assert_int_equal(munmap(world, sizeof(*world)), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_anywhere),
	};
	return cmocka_run_group_tests_name("desk killed", tests, NULL, NULL);
}
