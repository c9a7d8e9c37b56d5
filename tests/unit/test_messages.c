/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "small_market.h"

#include "daemon/base/mqtt.h"
#include "daemon/home/ahead.h"
#include "daemon/market/messages.h"

static void test_rounds_are_taken(void **unused)
{
	/* However many books are open, a home takes the message of them, knows every interval of
	 * the days, and each is there once. */
	(void)unused;
	static struct ahead ahead;
	static char text[MQTT_PUBLISH_MAX];
	const struct site site = { .interval_s = 300, .id = "a" };
	struct market_conf conf = small_market(0.3);
	conf.interval_s = conf.rounds.interval_s = 300;
	conf.rounds.homes_max = 1;
	conf.rounds.rounds = 2;
	conf.rounds.round[0].open_s = 86400; /* 288 books */
	conf.rounds.round[1] = conf.rounds.round[0];
	conf.rounds.round[1].kind = ROUND_DAY;
	conf.rounds.round[1].gate_s = 12 * 3600;
	conf.rounds.round[1].open_s = 2 * 86400;
	for (int hour = 0; hour < 24; hour++) {
		struct rounds *r = NULL;
		char why[128] = "";
		int64_t now_s = small_begin_s + hour * 3600;
		assert_int_equal(rounds_new(&conf.rounds, &r), 0);
		rounds_advance(r, now_s);
		int n = message_rounds(&conf, r, now_s, text, sizeof(text));
		assert_true(n > 0 && n <= MQTT_PAYLOAD_MAX);
		if (ahead_take_rounds(&ahead, &site, now_s, text, (size_t)n, why, 128) < 0) {
			fail_msg("%s", why);
		}
		int intervals = 0;
		for (int i = 0; i < ahead.books; i++) {
			assert_true(ahead.book[i].gate_s > now_s);
			intervals += ahead.book[i].intervals;
		}
		assert_true(intervals > 0 && intervals % 288 == 0);
		rounds_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
