/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/home/utility.h"
#include "daemon/market/messages.h"

static struct site site;
static struct market_conf market;
static char text[MESSAGE_MAX], why[128];

static void set_both(void)
{
	site = (struct site){ .timezone = "Europe/Oslo",
			      .tariff = { .currency = "EUR", .buy.base = 0.2, .sell.base = 0.05 } };
	site.tariff.buy.windows = 1;
	site.tariff.buy.window[0] = (struct tariff_window){ { 17 * 3600, 22 * 3600 }, 0.4 };
	market = (struct market_conf){ .timezone = "Europe/Oslo", .interval_s = 900 };
	market.tariff = site.tariff;
}

static int tell(struct utility *u)
{
	int n = message_tariff(&market, text, sizeof(text));
	assert_true(n > 0);
	return utility_take(u, &site, text, (size_t)n, why, sizeof(why));
}

static void expect(const char *words)
{
	struct utility u = { 0 };
	assert_int_equal(tell(&u), 0);
	assert_true(u.told);
	if (!strstr(u.difference, words) || (*words == '\0') != (*u.difference == '\0')) {
		fail_msg("expected \"%s\", said \"%s\"", words, u.difference);
	}
}

static void test_differences(void **unused)
{
	/* The tariff that the market tells is the same, or what is not is named: price, time, and
	 * what it is on both sides. */
	(void)unused;
	set_both();
	expect("");
	market.tariff.buy.base += 4e-7; /* the message has six decimals */
	expect("");
	market.tariff.buy.base = 0.19;
	expect("buy from 00:00 is 0.2 EUR/kWh here and 0.19 there");
	set_both();
	market.tariff.buy.window[0].when.from_s += 1800;
	expect("buy from 17:00 is 0.4 EUR/kWh here and 0.2 there");
	set_both();
	market.tariff.buy.windows = 0;
	expect("buy from 17:00");
	set_both();
	market.tariff.network.base = 0.03;
	expect("network-charge from 00:00 is 0 EUR/kWh here and 0.03 there");
	set_both();
	market.tariff.sell.base = -0.05;
	expect("sell from 00:00 is 0.05 EUR/kWh here and -0.05 there");
	set_both();
	snprintf(market.timezone, sizeof(market.timezone), "UTC");
	expect("its windows are in Europe/Oslo here and in UTC there");
	site.tariff.buy.windows = market.tariff.buy.windows = 0;
	expect("");
	set_both();
	memcpy(market.tariff.currency, "NOK", 4);
	expect("the currency is EUR here and NOK there");
}

static void random_prices(uint64_t *seed, struct tariff_prices *p)
{
	*p = (struct tariff_prices){ .base = 0.2, .windows = (int)(random_next(seed) % 3) };
	for (int i = 0; i < p->windows; i++) {
		p->window[i] = (struct tariff_window){ { (int)(random_next(seed) % 4) * 21600,
							 (int)(random_next(seed) % 5) * 21600 },
						       random_next(seed) % 2 ? 0.2 : 0.4 };
	}
}

static double price_of(const struct tariff_prices *p, int day_s)
{
	double price = p->base;
	for (int i = 0; i < p->windows; i++) {
		price = window_holds(&p->window[i].when, day_s) ? p->window[i].price : price;
	}
	return price;
}

static void test_first_difference(void **unused)
{
	/* Of random tariffs there is a difference where at some minute of the day the prices
	 * differ, and then it is the first one, whatever windows they are made of. */
	(void)unused;
	uint64_t seed = random_seed();
	int same = 0, other = 0;
	for (int run = 0; run < 2000; run++) {
		struct tariff_prices a, b;
		double of_a = -1, of_b = -1;
		random_prices(&seed, &a);
		random_prices(&seed, &b);
		int first = -1;
		for (int m = 1439; m >= 0; m--) {
			first = price_of(&a, m * 60) != price_of(&b, m * 60) ? m * 60 : first;
		}
		assert_int_equal(tariff_differs(&a, &b, 1e-6, &of_a, &of_b), first);
		assert_true(first < 0 ? of_a == -1 && of_b == -1
				      : of_a == price_of(&a, first) && of_b == price_of(&b, first));
		same += first < 0;
		other += first >= 0;
	}
	assert_true(same > 100 && other > 100);
}

static void test_hostile(void **unused)
{
	/* What is no tariff is refused with a reason and changes nothing. */
	(void)unused;
	static const struct {
		const char *from, *to;
	} wrong[] = {
		{ "\"v\":1", "\"v\":3" },
		{ "\"currency\":\"EUR\"", "\"currency\":\"EURO\"" },
		{ "\"price\":0.2", "\"price\":1e9" },
		{ "\"price\":0.2", "\"price\":null" },
		{ "\"from_s\":61200", "\"from_s\":-1" },
		{ "\"to_s\":79200", "\"to_s\":86401" },
		{ "\"windows\":[", "\"windows\":[7," },
		{ "\"sell\":{", "\"sel\":{" },
		{ "\"buy\":{", "\"buy\":[{" },
		{ "\"timezone\":\"Europe/Oslo\"", "\"timezone\":7" },
	};
	set_both();
	struct utility u = { 0 };
	assert_int_equal(tell(&u), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		static char bad[MESSAGE_MAX + 64];
		const struct utility before = u;
		char *at = strstr(text, wrong[i].from);
		assert_non_null(at);
		int n = snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - text), text, wrong[i].to,
				 at + strlen(wrong[i].from));
		why[0] = '\0';
		assert_true(utility_take(&u, &site, bad, (size_t)n, why, sizeof(why)) < 0);
		assert_true(*why && memcmp(&before, &u, sizeof(u)) == 0);
	}
	assert_true(utility_take(&u, &site, "", 0, why, sizeof(why)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_first_difference),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
