/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/market/facts.h"
#include "daemon/market/money.h"
#include "daemon/market/settle.h"

enum { HOMES_MAX = 40, COMMUNITIES = 30000 };

static uint64_t seed;

/* What the books of a random community are filled with. */
struct community {
	struct settle_terms terms;
	struct settle_home home[HOMES_MAX];
	int homes;
	struct settle_line line[HOMES_MAX];
	struct settle_balance sums;
};

static int64_t whole(int64_t low, int64_t high)
{
	return low + (int64_t)(random_next(&seed) % (uint64_t)(high - low + 1));
}

static bool chance(int percent)
{
	return whole(1, 100) <= percent;
}

/* Prices within what the utility pays and asks, or anything. */
static void make_terms(struct settle_terms *t, bool sane)
{
	t->rule = chance(50) ? SETTLE_METERED : SETTLE_TRADED;
	t->utility_sell = whole(sane ? 0 : -100000, 200000);
	t->network_fee = chance(50) ? whole(0, 90000) : 0;
	t->local_fee = chance(50) ? whole(0, 40000) : 0;
	t->utility_buy = sane ? t->utility_sell + whole(40000, 300000) : whole(-100000, 400000);
	t->penalty = chance(30) ? whole(0, 100000) : 0;
}

/* Trades between random pairs, each at a price of its own or all at one. */
static void trade(struct community *c, int64_t low, int64_t high, int count)
{
	bool uniform = chance(50);
	int64_t price = whole(low, high);
	for (int i = 0; i < count; i++) {
		struct settle_home *buyer = &c->home[whole(0, c->homes - 1)];
		struct settle_home *seller = &c->home[whole(0, c->homes - 1)];
		int64_t energy = whole(1, 3000000);
		price = uniform ? price : whole(low, high);
		buyer->bought += energy;
		buyer->paid += money_of(price, energy);
		seller->sold += energy;
		seller->received += money_of(price, energy);
	}
}

/* The meters: as traded and more, or anything; some never read. */
static void meter(struct settle_home *h, bool faithful)
{
	h->metered = chance(90);
	h->import = faithful ? h->bought + (chance(50) ? whole(0, 2000000) : 0) : whole(0, 4000000);
	h->export = faithful ? h->sold + (chance(50) ? whole(0, 2000000) : 0) : whole(0, 4000000);
}

static void settle(struct community *c)
{
	assert_int_equal(settle_interval(&c->terms, c->home, c->homes, c->line, &c->sums), 0);
}

static void make_community(struct community *c, bool sane, int faithful_percent)
{
	memset(c, 0, sizeof(*c));
	make_terms(&c->terms, sane);
	c->homes = (int)whole(1, HOMES_MAX);
	int64_t low = sane ? c->terms.utility_sell : -1000000;
	int64_t high =
		sane ? c->terms.utility_buy + c->terms.network_fee - c->terms.local_fee : 1000000;
	trade(c, low, high > low ? high : low, (int)whole(0, 2 * c->homes));
	for (int i = 0; i < c->homes; i++) {
		meter(&c->home[i], chance(faithful_percent));
	}
}

static int64_t distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

/* Every line adds up, and all of them do. */
static void assert_balanced(const struct community *c)
{
	int64_t net = 0, total = 0;
	for (int i = 0; i < c->homes; i++) {
		const struct settle_line *l = &c->line[i];
		assert_true(l->bought >= 0 && l->sold >= 0 && l->from_utility >= 0 &&
			    l->to_utility >= 0 && l->not_taken >= 0 && l->not_given >= 0);
		assert_true(l->import - l->export ==
			    l->bought - l->sold + l->from_utility - l->to_utility);
		assert_true(l->total == l->paid + l->utility_cost + l->fees + l->penalty -
						l->received - l->utility_gain);
		if (c->home[i].metered) {
			assert_true(l->import == c->home[i].import &&
				    l->export == c->home[i].export);
		}
		net += l->import - l->export;
		total += l->total;
	}
	const struct settle_balance *b = &c->sums;
	assert_true(net == b->delivered - b->taken);
	assert_true(total == b->total);
	assert_true(b->total - b->utility - b->grid - b->penalties - b->residue == 0);
}

static void balances(void **state)
{
	/* Every interval of any community balances to the last mWh and the last 1e-6. */
	(void)state;
	for (int i = 0; i < COMMUNITIES; i++) {
		struct community c;
		make_community(&c, chance(50), (int)whole(0, 100));
		settle(&c);
		assert_balanced(&c);
	}
}

static void grid_costs_are_passed_on(void **state)
{
	/* What its trades cost the grid each home pays to the last 1e-6, and the grid gets all of
	 * it: nothing else changes, for nobody. */
	(void)state;
	for (int i = 0; i < COMMUNITIES / 10; i++) {
		struct community c, with;
		int64_t all = 0;
		make_community(&c, chance(50), (int)whole(0, 100));
		settle(&c);
		with = c;
		for (int h = 0; h < c.homes; h++) {
			all += with.home[h].grid_cost = chance(70) ? whole(-50000, 200000) : 0;
		}
		settle(&with);
		assert_balanced(&with);
		for (int h = 0; h < c.homes; h++) {
			struct settle_line *l = &with.line[h];
			l->fees -= with.home[h].grid_cost;
			l->total -= with.home[h].grid_cost;
		}
		assert_memory_equal(c.line, with.line, sizeof(c.line));
		assert_true(with.sums.grid == c.sums.grid + all &&
			    with.sums.total == c.sums.total + all);
		assert_true(with.sums.residue == c.sums.residue &&
			    with.sums.utility == c.sums.utility);
	}
}

static void residue_is_rounding(void **state)
{
	/* Where a trade's two sides have one price, no account but those named gets more than
	 * rounding, half a millionth for each amount that was rounded: by the traded rule whatever
	 * the meters say, by the metered one where trades were kept. */
	(void)state;
	for (int i = 0; i < COMMUNITIES; i++) {
		struct community c;
		bool traded = chance(50);
		make_community(&c, true, traded ? (int)whole(0, 100) : 100);
		c.terms.rule = traded ? SETTLE_TRADED : SETTLE_METERED;
		settle(&c);
		assert_true(distance(c.sums.residue, 0) <= 4 * c.homes + 4);
	}
}

static void deficits_are_nobodys(void **state)
{
	/* However trades are cut, the market never has to put in more than rounding by the metered
	 * rule. */
	(void)state;
	int gained = 0;
	for (int i = 0; i < COMMUNITIES; i++) {
		struct community c;
		make_community(&c, chance(50), (int)whole(0, 100));
		c.terms.rule = SETTLE_METERED;
		settle(&c);
		assert_true(c.sums.residue >= -(5 * c.homes + 4));
		gained += c.sums.residue > 5 * c.homes + 4;
	}
	assert_true(gained > 0); /* unequal prices were cut */
}

static void nobody_pays_more_metered(void **state)
{
	/* By the metered rule no home ever pays more than with the utility alone for the same
	 * energy, to the last 1e-6: whatever it was awarded, at whatever price, and whatever
	 * anybody did. */
	(void)state;
	int traded = 0;
	for (int i = 0; i < COMMUNITIES; i++) {
		struct community c;
		make_community(&c, chance(50), (int)whole(0, 100));
		c.terms.rule = SETTLE_METERED;
		settle(&c);
		for (int h = 0; h < c.homes; h++) {
			assert_true(c.line[h].total <= c.line[h].alone);
			traded += c.line[h].total < c.line[h].alone;
		}
	}
	assert_true(traded > COMMUNITIES);
}

static void nobody_pays_more_traded(void **state)
{
	/* By the traded rule a home that kept its trades does not pay more than with the utility
	 * alone, whatever the others did; one that did not pays at most the utility's spread and
	 * the penalty on what it did not keep. Rounding: 1e-6 for each trade. */
	(void)state;
	int deviated = 0;
	for (int i = 0; i < COMMUNITIES; i++) {
		struct community c;
		make_community(&c, true, (int)whole(0, 100));
		c.terms.rule = SETTLE_TRADED;
		settle(&c);
		int64_t spread = c.terms.utility_buy + c.terms.network_fee - c.terms.utility_sell;
		for (int h = 0; h < c.homes; h++) {
			const struct settle_line *l = &c.line[h];
			int64_t unkept = l->not_taken + l->not_given;
			int64_t most = money_of(spread + c.terms.penalty, unkept);
			assert_true(l->total - l->alone <= most + 2 * c.homes + 8);
			deviated += unkept > 0 && l->total > l->alone + 2 * c.homes + 8;
		}
	}
	assert_true(deviated > 0);
}

static void trades_that_are_kept_stand(void **state)
{
	/* Where everybody keeps its trades, both rules settle them as they were made. */
	(void)state;
	for (int i = 0; i < COMMUNITIES / 4; i++) {
		struct community c;
		make_community(&c, true, 100);
		settle(&c);
		for (int h = 0; h < c.homes; h++) {
			assert_true(c.line[h].bought == c.home[h].bought);
			assert_true(c.line[h].sold == c.home[h].sold);
			/* A price at the end of the band may round across it. */
			assert_true(distance(c.line[h].paid, c.home[h].paid) <= 2 * c.homes + 2);
			assert_true(distance(c.line[h].received, c.home[h].received) <=
				    2 * c.homes + 2);
			assert_int_equal(c.line[h].not_taken + c.line[h].not_given, 0);
		}
	}
}

static void pools_trade_with_the_utility(void **state)
{
	/* What a pool takes from the utility is the market's own trade with it, and balances too.
	 */
	(void)state;
	for (int i = 0; i < COMMUNITIES / 4; i++) {
		struct community c;
		make_community(&c, true, (int)whole(0, 100));
		c.terms.local_fee = 0;
		struct settle_home *h = &c.home[whole(0, c.homes - 1)];
		int64_t energy = whole(1, 5000000),
			asks = c.terms.utility_buy + c.terms.network_fee;
		if (chance(50)) {
			h->bought += energy;
			h->paid += money_of(asks, energy);
			h->import += energy;
		} else {
			h->sold += energy;
			h->received += money_of(c.terms.utility_sell, energy);
			h->export += energy;
		}
		settle(&c);
		assert_balanced(&c);
		if (c.terms.rule == SETTLE_METERED) {
			assert_true(c.sums.residue >= -(5 * c.homes + 4));
		}
	}
}

/* Two homes that traded 1 kWh at 0.20; the utility asks 0.30 and pays 0.10. */
static struct community neighbours(enum settle_rule rule)
{
	struct community c = {
		.terms = { .rule = rule, .utility_buy = 300000, .utility_sell = 100000 }, .homes = 2
	};
	c.home[0] = (struct settle_home){ .metered = true, .bought = 1000000, .paid = 200000 };
	c.home[1] = (struct settle_home){ .metered = true, .sold = 1000000, .received = 200000 };
	return c;
}

static void above_pays_its_trades(void **state)
{
	/* By trades as they were made, the market above pays and gets what was agreed and nothing
	 * else, whatever the others do. */
	(void)state;
	for (int i = 0; i < COMMUNITIES / 10; i++) {
		static struct community c;
		make_community(&c, chance(50), 50);
		c.terms.rule = SETTLE_TRADED;
		struct settle_home *a = &c.home[0];
		a->above = a->metered = true;
		a->import = a->bought;
		a->export = a->sold;
		a->grid_cost = 0;
		settle(&c);
		assert_balanced(&c);
		assert_true(c.line[0].total == a->paid - a->received && c.line[0].fees == 0);
	}
}

static void by_hand(void **state)
{
	/* Cases worked out by hand: kept, not taken, not given, and both fees. */
	(void)state;
	struct community c = neighbours(SETTLE_TRADED);
	c.home[0].import = 1500000;
	c.home[1].export = 1000000;
	settle(&c);
	assert_int_equal(c.line[0].total, 350000); /* 0.20 + 0.5 x 0.30 */
	assert_int_equal(c.line[0].alone, 450000);
	assert_int_equal(c.line[1].total, -200000);
	assert_int_equal(c.line[1].alone, -100000);
	assert_int_equal(c.sums.utility, 150000);
	assert_int_equal(c.sums.residue, 0);

	c.home[0].import = 400000; /* 0.6 kWh is not taken: sold to the utility */
	c.terms.penalty = 10000;
	settle(&c);
	assert_int_equal(c.line[0].total, 200000 - 60000 + 6000);
	assert_int_equal(c.line[0].not_taken, 600000);
	assert_int_equal(c.line[1].total, -200000);
	assert_int_equal(c.sums.penalties, 6000);

	c = neighbours(SETTLE_TRADED);
	c.home[0].import = 1000000;
	c.home[1].export = 250000; /* 0.75 kWh is not given: bought from the utility */
	c.terms.penalty = 10000;
	settle(&c);
	assert_int_equal(c.line[0].total, 200000);
	assert_int_equal(c.line[1].total, -200000 + 225000 + 7500);
	assert_int_equal(c.line[1].not_given, 750000);
	assert_int_equal(c.line[1].from_utility, 750000);
	assert_int_equal(c.sums.utility, 225000);
	assert_int_equal(c.sums.residue, 0);

	c = neighbours(SETTLE_METERED);
	c.home[0].import = 400000; /* 0.6 kWh was not traded: the seller gives it to the utility */
	c.home[1].export = 1000000;
	settle(&c);
	assert_int_equal(c.line[0].total, 80000);
	assert_int_equal(c.line[1].total, -80000 - 60000);
	assert_int_equal(c.line[1].sold, 400000);
	assert_int_equal(c.line[1].not_given, 0);

	c = neighbours(SETTLE_METERED);
	c.home[0].import = 1000000;
	c.home[1].metered = false; /* estimated: as awarded */
	c.terms.network_fee = 50000;
	c.terms.local_fee = 20000;
	settle(&c);
	assert_int_equal(c.line[0].total, 220000);
	assert_int_equal(c.line[0].alone, 350000);
	assert_true(c.line[1].estimated && c.line[1].sold == 1000000);
	assert_int_equal(c.sums.grid, 20000);
	assert_int_equal(c.sums.estimated, 1);
}

static void refuses_nonsense(void **state)
{
	/* Numbers that cannot be are refused, and nothing is written. */
	(void)state;
	struct community good = neighbours(SETTLE_METERED);
	struct community c = good;
	c.sums.homes = 77;
	c.home[1].sold = -1;
	assert_int_equal(settle_interval(&c.terms, c.home, 2, c.line, &c.sums), -EINVAL);
	c.home[1].sold = SETTLE_ENERGY_MAX + 1;
	assert_int_equal(settle_interval(&c.terms, c.home, 2, c.line, &c.sums), -ERANGE);
	c.home[1].sold = 0;
	c.terms.local_fee = -1;
	assert_int_equal(settle_interval(&c.terms, c.home, 2, c.line, &c.sums), -EINVAL);
	c.terms = good.terms;
	c.terms.utility_buy = SETTLE_PRICE_MAX + 1;
	assert_int_equal(settle_interval(&c.terms, c.home, 2, c.line, &c.sums), -ERANGE);
	c.terms = good.terms;
	c.home[0].paid = INT64_MAX;
	assert_int_equal(settle_interval(&c.terms, c.home, 2, c.line, &c.sums), -ERANGE);
	assert_int_equal(c.sums.homes, 77);
	assert_int_equal(settle_interval(&good.terms, good.home, 2, good.line, &good.sums), 0);
}

static void largest_numbers_fit(void **state)
{
	/* The largest energies at the largest prices neither overflow nor lose a mWh. */
	(void)state;
	struct community c = { .homes = HOMES_MAX };
	c.terms = (struct settle_terms){ .rule = SETTLE_METERED,
					 .utility_buy = SETTLE_PRICE_MAX,
					 .utility_sell = -SETTLE_PRICE_MAX,
					 .network_fee = SETTLE_PRICE_MAX };
	for (int i = 0; i < HOMES_MAX; i++) {
		c.home[i] =
			(struct settle_home){ .metered = true,
					      .import = SETTLE_ENERGY_MAX - i,
					      .export = SETTLE_ENERGY_MAX,
					      .bought = SETTLE_ENERGY_MAX,
					      .paid = money_of(SETTLE_PRICE_MAX, SETTLE_ENERGY_MAX),
					      .sold = SETTLE_ENERGY_MAX,
					      .received = money_of(SETTLE_PRICE_MAX,
								   SETTLE_ENERGY_MAX) };
	}
	settle(&c);
	assert_balanced(&c);
}

static void largest_community_fits(void **state)
{
	/* As many homes as a market may have, each with the largest numbers, neither overflow nor
	 * leave an account unbalanced. */
	(void)state;
	struct settle_home *home = calloc(SETTLE_HOMES_MAX, sizeof(*home));
	struct settle_line *line = calloc(SETTLE_HOMES_MAX, sizeof(*line));
	assert_true(home && line);
	int64_t most = money_of(SETTLE_PRICE_MAX, SETTLE_ENERGY_MAX);
	for (int i = 0; i < SETTLE_HOMES_MAX; i++) {
		home[i] = (struct settle_home){ .metered = true,
						.export = SETTLE_ENERGY_MAX,
						.bought = SETTLE_ENERGY_MAX,
						.paid = most,
						.sold = 0,
						.received = -most };
	}
	for (int rule = 0; rule < SETTLE_RULE_COUNT; rule++) {
		const struct settle_terms terms = { .rule = (enum settle_rule)rule,
						    .utility_buy = SETTLE_PRICE_MAX,
						    .utility_sell = -SETTLE_PRICE_MAX,
						    .network_fee = SETTLE_PRICE_MAX,
						    .local_fee = SETTLE_PRICE_MAX,
						    .penalty = SETTLE_PRICE_MAX };
		struct settle_balance b;
		wide total = 0;
		assert_int_equal(settle_interval(&terms, home, SETTLE_HOMES_MAX, line, &b), 0);
		for (int i = 0; i < SETTLE_HOMES_MAX; i++) {
			total += line[i].total;
		}
		assert_int_equal(b.homes, SETTLE_HOMES_MAX);
		assert_true(b.total == total);
		assert_true(b.total == b.utility + b.grid + b.penalties + b.residue);
	}
	free(home);
	free(line);
}

static void texts_come_back(void **state)
{
	/* What is written of an award, a reading, a line and a balance is read back the same, and
	 * what is not whole is refused with a word and leaves the output alone. */
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct community c;
		char text[FACT_TEXT_MAX], why[FACT_WHY_MAX] = "";
		make_community(&c, chance(50), 50);
		settle(&c);
		struct settle_line line = { 0 };
		assert_true(fact_line_write(&c.line[0], text, sizeof(text)) > 0);
		assert_int_equal(fact_line_read(text, &line, why), 0);
		assert_memory_equal(&line.import, &c.line[0].import,
				    sizeof(line) - offsetof(struct settle_line, import));
		assert_true(line.estimated == c.line[0].estimated);
		struct fact_balance was = { "EUR", 900, c.terms, c.sums }, is = { 0 };
		assert_true(fact_balance_write(&was, text, sizeof(text)) > 0);
		assert_int_equal(fact_balance_read(text, &is, why), 0);
		assert_memory_equal(&was.sums, &is.sums, sizeof(is.sums));
		assert_true(is.terms.rule == was.terms.rule &&
			    is.terms.penalty == was.terms.penalty);
		assert_string_equal(is.currency, "EUR");
	}
	struct fact_award award = { .bought = 5 };
	char why[FACT_WHY_MAX] = "";
	assert_true(fact_award_read("{\"v\":1,\"bought_mwh\":1}", &award, why) < 0);
	assert_non_null(strstr(why, "paid_micro"));
	assert_int_equal(award.bought, 5);
	assert_int_equal(fact_award_read("{\"v\":1,\"bought_mwh\":1,\"paid_micro\":2,"
					 "\"sold_mwh\":3,\"received_micro\":4,\"limit\":7}",
					 &award, why),
			 0);
	assert_int_equal(award.received, 4);
	assert_false(award.grid_cost.is);
	char text[FACT_TEXT_MAX];
	award.grid_cost = (struct fact_told){ true, -7 };
	assert_true(fact_award_write(&award, text, sizeof(text)) > 0);
	award.grid_cost = (struct fact_told){ 0 };
	assert_int_equal(fact_award_read(text, &award, why), 0);
	assert_true(award.grid_cost.is && award.grid_cost.micro == -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(balances),
		cmocka_unit_test(grid_costs_are_passed_on),
		cmocka_unit_test(residue_is_rounding),
		cmocka_unit_test(deficits_are_nobodys),
		cmocka_unit_test(nobody_pays_more_metered),
		cmocka_unit_test(nobody_pays_more_traded),
		cmocka_unit_test(trades_that_are_kept_stand),
		cmocka_unit_test(pools_trade_with_the_utility),
		cmocka_unit_test(above_pays_its_trades),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(largest_numbers_fit),
		cmocka_unit_test(largest_community_fits),
		cmocka_unit_test(texts_come_back),
	};
	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
