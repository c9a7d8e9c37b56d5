/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/json.h"
#include "daemon/market/money.h"
#include "daemon/market/negotiator.h"

/* Homes that take x at a cost of a x^2 / 2 + b x, at a price of energy that stands: x = -(b +
 * price) / a; on a wire that holds what is on its way and may lose it. */
enum { HOMES = 30, STEPS = 24, QUEUE = 4096, HOUR_S = 3600, START_S = 1000 * HOUR_S };
static const double upstream = 0.3;

struct wire {
	struct negotiator *n;
	struct named_limits home[HOMES];
	double bend[HOMES], lean[HOMES];
	bool dead[HOMES], grid_dead;
	uint64_t seed;
	double loss;
	int drop; /* the message of that number is lost */
	int sent, lost, offers[HOMES], wishes;
	int results;
	bool agreed;
	char result[8192];
	int first, last; /* of the queue */
	struct {
		int home; /* whose power; -1: a price */
		char text[ADMM_SIZE];
	} * queue;
	char why[ADMM_WHY_SIZE];
};

static struct negotiation_terms terms;
static struct wire wire;

static void put(int home, const char *text)
{
	assert_true((wire.last + 1) % QUEUE != wire.first);
	wire.queue[wire.last].home = home;
	snprintf(wire.queue[wire.last].text, ADMM_SIZE, "%s", text);
	wire.last = (wire.last + 1) % QUEUE;
}

static int home_of(const char *id)
{
	int home = atoi(id + 1) - 10;
	assert_in_range(home, 0, HOMES - 1);
	return home;
}

static void answer_offer(int home, const char *payload, size_t length)
{
	static struct admm_offer o;
	static struct admm_power p;
	static char text[ADMM_SIZE];
	assert_int_equal(admm_offer_read(payload, length, &o, wire.why), 0);
	wire.offers[home]++;
	p.head = o.head;
	snprintf(p.home, sizeof(p.home), "%s", wire.home[home].id);
	for (int t = 0; t < o.head.steps; t++) {
		p.power[t] = (o.penalty * o.target[t] - wire.lean[home] - o.price[t]) /
			     (wire.bend[home] + o.penalty);
	}
	assert_true(admm_power_write(&p, text, sizeof(text)) > 0);
	if (!wire.dead[home]) {
		put(home, text);
	}
}

/* A grid that adds a tenth of a cent for each home by its number, and loses a kW. */
static void answer_wish(const char *payload, size_t length)
{
	static struct admm_part p;
	static char text[ADMM_SIZE];
	assert_int_equal(admm_part_read(ADMM_WISH, payload, length, &p, wire.why), 0);
	wire.wishes++;
	for (int i = 0; i < p.rows; i++) {
		for (int t = 0; t < p.head.steps; t++) {
			p.cell[i * p.head.steps + t] = p.shared[t] + home_of(p.row[i].home) * 0.001;
		}
	}
	for (int t = 0; t < p.head.steps; t++) {
		p.shared[t] = 1;
	}
	assert_true(admm_part_write(ADMM_PRICE, &p, text, sizeof(text)) > 0);
	if (!wire.grid_dead) {
		put(-1, text);
	}
}

static bool is_lost(void)
{
	wire.sent++;
	bool lost = random_between(&wire.seed, 0, 1) < wire.loss || wire.sent == wire.drop;
	wire.lost += lost;
	return lost;
}

static int send(void *context, const char *topic, const char *payload, size_t length, bool retain)
{
	(void)context;
	assert_false(retain);
	if (strcmp(topic, "admm/market/result") == 0) {
		wire.results++;
		snprintf(wire.result, sizeof(wire.result), "%s", payload);
		wire.agreed = strstr(payload, "\"agreed\":true") != NULL;
	} else if (strcmp(topic, "admm/market/wish") == 0) {
		if (!is_lost()) {
			answer_wish(payload, length);
		}
	} else {
		assert_memory_equal(topic, "admm/market/offer/", 18);
		if (!is_lost()) {
			answer_offer(home_of(topic + 18), payload, length);
		}
	}
	return 0;
}

static void open_wire(double loss)
{
	static const struct negotiation_terms usual = { .penalty = 1,
							.relaxation = 1.2,
							.tolerance = 1e-6,
							.inner = 1e-6,
							.rounds = 500,
							.passes = 5,
							.balance = true,
							.wait_s = 4,
							.deadline_s = 100000 };
	terms = usual;
	wire = (struct wire){ .seed = random_seed(), .loss = loss };
	wire.queue = calloc(QUEUE, sizeof(*wire.queue));
	assert_non_null(wire.queue);
	for (int i = 0; i < HOMES; i++) {
		snprintf(wire.home[i].id, sizeof(wire.home[i].id), "h%d", 10 + i);
		wire.home[i].limits.import = wire.home[i].limits.export = INT64_C(20) * MILLION;
		wire.bend[i] = random_between(&wire.seed, 0.05, 0.2);
		wire.lean[i] = random_between(&wire.seed, -0.8, 0.2);
	}
	const struct negotiator_conf c = { .terms = &terms,
					   .interval_s = HOUR_S,
					   .homes = HOMES,
					   .home = wire.home,
					   .send = send };
	assert_int_equal(negotiator_new(&c, &wire.n), 0);
}

static void close_wire(void)
{
	negotiator_free(wire.n);
	free(wire.queue);
}

static void begin(bool grid, int64_t now_s)
{
	double prices[STEPS];
	for (int t = 0; t < STEPS; t++) {
		prices[t] = upstream;
	}
	assert_int_equal(negotiator_begin(wire.n, START_S, STEPS, prices, grid, now_s), 0);
}

/* Deliver all that is on its way, in its order. Powers that repeat an answered round are no fault.
 */
static void deliver(int64_t now_s)
{
	while (wire.first != wire.last) {
		int at = wire.first, home = wire.queue[at].home;
		wire.first = (at + 1) % QUEUE;
		if (is_lost()) {
			continue;
		}
		const char *text = wire.queue[at].text;
		int r = home < 0
				? negotiator_hear_price(wire.n, text, strlen(text), now_s, wire.why)
				: negotiator_hear_power(wire.n, wire.home[home].id, text,
							strlen(text), now_s, wire.why);
		if (r < 0) {
			fail_msg("%s: %s", text, wire.why);
		}
	}
}

/* Until it ends. Returns when. */
static int64_t run(int64_t now_s)
{
	for (int turns = 0; negotiator_busy(wire.n) && turns < 200000; turns++) {
		deliver(now_s);
		if (negotiator_busy(wire.n)) {
			negotiator_tick(wire.n, ++now_s);
		}
	}
	assert_false(negotiator_busy(wire.n));
	assert_int_equal(wire.results, 1);
	return now_s;
}

static double best_of(int home, bool grid)
{
	double price = upstream + (grid ? home * 0.001 : 0);
	return -(wire.lean[home] + price) / wire.bend[home];
}

static void assert_best(int home, bool grid, double within)
{
	struct negotiated out;
	for (int t = 0; t < STEPS; t++) {
		assert_true(negotiator_result(wire.n, home, START_S + t * HOUR_S, &out));
		assert_true(out.agreed);
		assert_true(fabs(out.power_kw - best_of(home, grid)) <= within);
		assert_true(fabs(out.energy - upstream) <= 1e-9);
		assert_true(fabs(out.grid - (grid ? home * 0.001 : 0)) <= 1e-9);
	}
}

static void test_agrees(void **unused)
{
	/* Homes, and a grid whose answers come in parts, come to what each takes best at its price,
	 * without a second of waiting. */
	(void)unused;
	for (int grid = 0; grid < 2; grid++) {
		open_wire(0);
		begin(grid, 1000);
		assert_int_equal(run(1000), 1000);
		assert_true(wire.agreed);
		assert_true(grid ? wire.wishes > 0 : wire.wishes == 0);
		for (int i = 0; i < HOMES; i++) {
			assert_best(i, grid, 1e-4);
		}
		assert_non_null(strstr(wire.result, "\"homes\":[]"));
		close_wire();
	}
}

static void test_lossy(void **unused)
{
	/* Where a tenth of all messages is lost, it comes to the same: who was not heard is asked
	 * again, and nobody is accused of more than being late. */
	(void)unused;
	open_wire(0.1);
	begin(true, 1000);
	int64_t end_s = run(1000);
	assert_true(wire.lost > 50 && end_s > 1000);
	assert_true(wire.agreed);
	for (int i = 0; i < HOMES; i++) {
		assert_best(i, true, 1e-3);
	}
	assert_null(strstr(wire.result, "\"refused\":1"));
	close_wire();
}

static void test_again(void **unused)
{
	/* Whatever single message of a round is lost, an offer, a power, a wish or a price: it is
	 * asked again by half of the wait, and nobody was late. */
	(void)unused;
	for (int drop = 1; drop <= 2 * HOMES + 16; drop += 5) {
		open_wire(0);
		wire.drop = drop;
		begin(true, 1000);
		assert_int_equal(run(1000), 1002);
		assert_int_equal(wire.lost, 1);
		assert_true(wire.agreed);
		assert_non_null(strstr(wire.result, "\"homes\":[]"));
		assert_non_null(strstr(wire.result, "\"grid_late\":0"));
		close_wire();
	}
}

static void test_dead(void **unused)
{
	/* A home that dies is not waited for after three rounds, keeps its last word and is named;
	 * one that never spoke takes no part; the others come to theirs. */
	(void)unused;
	open_wire(0);
	wire.dead[3] = true;
	begin(true, 1000);
	deliver(1000); /* round 1 lacks it */
	wire.dead[5] = false;
	int64_t end_s = run(1000);
	assert_int_equal(end_s, 1000 + 3 * 4);
	struct negotiated out;
	assert_false(negotiator_result(wire.n, 3, START_S, &out));
	assert_best(5, true, 1e-3);
	assert_non_null(strstr(wire.result, "{\"home\":\"h13\",\"late\":"));
	assert_non_null(strstr(wire.result, "\"present\":false"));
	close_wire();

	open_wire(0);
	begin(true, 1000);
	wire.dead[7] = true; /* it has answered the first round */
	run(1000);
	assert_true(negotiator_result(wire.n, 7, START_S, &out));
	assert_non_null(strstr(wire.result, "{\"home\":\"h17\",\"late\":"));
	assert_null(strstr(wire.result, "\"present\":false"));
	assert_best(8, true, 1e-3);
	close_wire();
}

static void test_deadline(void **unused)
{
	/* At the deadline it ends as it stands, whatever is missing, also the grid. */
	(void)unused;
	open_wire(0.4);
	wire.grid_dead = true;
	terms.deadline_s = 50;
	begin(true, 1000);
	assert_int_equal(run(1000), 1050);
	assert_false(wire.agreed);
	struct negotiated out;
	assert_true(negotiator_result(wire.n, 0, START_S, &out));
	assert_true(isfinite(out.power_kw) && isfinite(out.energy) && isfinite(out.grid));
	assert_false(out.agreed);
	close_wire();
}

static void test_no_grid(void **unused)
{
	/* What homes and market come to without the grid's answer is not agreed, however little
	 * they are apart; with its first answer it is. */
	(void)unused;
	open_wire(0);
	wire.grid_dead = true;
	begin(true, 1000);
	for (int64_t now_s = 1001; now_s <= 1100; now_s++) {
		deliver(now_s);
		negotiator_tick(wire.n, now_s);
	}
	assert_true(negotiator_busy(wire.n));
	wire.grid_dead = false;
	assert_true(run(1100) < 1200);
	assert_true(wire.agreed);
	assert_best(1, true, 1e-3);
	assert_null(strstr(wire.result, "\"grid_late\":0"));
	close_wire();
}

static int say_power(const char *home, const char *format, int round)
{
	static char text[ADMM_SIZE];
	char powers[ADMM_SIZE / 2] = "";
	for (int t = 0; t < STEPS; t++) {
		size_t at = strlen(powers);
		snprintf(powers + at, sizeof(powers) - at, "%s%s", t ? "," : "", format);
	}
	int n = snprintf(text, sizeof(text),
			 "{\"v\":1,\"negotiation\":1000,\"round\":%d,\"start\":"
			 "\"1970-02-11T16:00:00Z\",\"length_s\":3600,\"steps\":%d,\"home\":\"h10\","
			 "\"power\":[%s]}",
			 round, STEPS, powers);
	return negotiator_hear_power(wire.n, home, text, (size_t)n, 1000, wire.why);
}

static void test_liar(void **unused)
{
	/* Garbage, another's name, rounds that are not on, powers beyond a connection and homes
	 * that take no part are refused with the reason, counted, and change nothing. */
	(void)unused;
	open_wire(0);
	wire.dead[0] = true;
	begin(true, 1000);
	assert_int_equal(say_power("h10", "21", 1), -ERANGE);
	assert_non_null(strstr(wire.why, "connection"));
	assert_int_equal(say_power("h11", "2", 1), -EPERM);
	assert_int_equal(say_power("h10", "2", 77), -ESTALE);
	assert_int_equal(say_power("h99", "2", 1), -ENOENT);
	assert_true(say_power("h10", "null", 1) < 0);
	assert_true(negotiator_hear_power(wire.n, "h10", "{", 1, 1000, wire.why) < 0);
	assert_true(negotiator_hear_price(wire.n, "{}", 2, 1000, wire.why) < 0);
	run(1000);
	struct negotiated out;
	assert_false(negotiator_result(wire.n, 0, START_S, &out));
	assert_non_null(strstr(wire.result, "\"home\":\"h10\",\"late\":"));
	assert_non_null(strstr(wire.result, "\"refused\":4"));
	assert_non_null(strstr(wire.result, "\"grid_refused\":1"));
	for (int i = 2; i < HOMES; i++) {
		assert_best(i, true, 1e-3);
	}
	close_wire();
}

static void test_twice(void **unused)
{
	/* The next negotiation knows nothing of the last, and answers to that are none of its own.
	 */
	(void)unused;
	open_wire(0);
	begin(false, 1000);
	run(1000);
	wire.results = 0;
	wire.dead[0] = true;
	begin(false, 1000);
	assert_int_equal(say_power("h10", "2", 1), -ESTALE); /* it is number 1001 */
	run(1000);
	struct negotiated out;
	assert_false(negotiator_result(wire.n, 0, START_S, &out));
	assert_false(negotiator_covers(wire.n, START_S - HOUR_S));
	assert_false(negotiator_covers(wire.n, START_S + STEPS * HOUR_S));
	assert_best(1, false, 1e-3);
	close_wire();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees),   cmocka_unit_test(test_again),
		cmocka_unit_test(test_lossy),    cmocka_unit_test(test_dead),
		cmocka_unit_test(test_deadline), cmocka_unit_test(test_liar),
		cmocka_unit_test(test_twice),    cmocka_unit_test(test_no_grid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
