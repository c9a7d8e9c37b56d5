/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an actor may see, and that what is not known is told as such. */
#include <math.h>
#include <string.h>

#include "daemon/base/tariff.h"
#include "daemon/home/observe.h"
#include "test.h"

static const int64_t midday_s = 1780308000; /* 2026-06-01T10:00:00Z: noon in Oslo */

static struct site site;
static struct state state;
static struct forecast forecast;
static struct market market;
static struct interval last;
static double value[SOURCE_COUNT];

static struct reading good(double x)
{
	return (struct reading){ .value = x, .quality = QUALITY_GOOD };
}

static void begin(void)
{
	assert_int_equal(timezone_use("Europe/Oslo"), 0);
	site = (struct site){ .interval_s = 900, .batteries = 2 };
	site.tariff.buy.base = 0.3;
	site.tariff.network.base = 0.05;
	site.tariff.sell.base = 0.1;
	site.battery[0].model.capacity_wh = 9000;
	site.battery[1].model.capacity_wh = 1000;
	state = (struct state){ .wall_s = midday_s + 7, .batteries = 2 };
	state.battery[0].soc = good(0.5);
	state.battery[1].soc = good(1);
	last = (struct interval){ .start_s = midday_s - 900,
				  .length_s = 900,
				  .load_s = 600,
				  .load_wh = 200,
				  .pv_wh = 500 };
	market = (struct market){ .clearing = { .start_s = midday_s - 900,
						.has_price = true,
						.has_quantity = true,
						.price = 0.2,
						.quantity_wh = 1234 } };
	assert_int_equal(forecast_init(&forecast, 900), 0);
	for (int k = 2 * 96; k > 0; k--) {
		forecast_add(&forecast, midday_s - k * 900, true, 800, true, 2000, 7200);
	}
}

static void look(void)
{
	observe(&site, &state, &last, &forecast, &market, value);
}

static bool near(double is, double expected)
{
	return fabs(is - expected) < 1e-9;
}

static void test_all(void **unused)
{
	/* Each source has its meaning, at the beginning of the interval, in local time. */
	(void)unused;
	begin();
	look();
	assert_true(near(value[SOURCE_HOUR_SIN], 0) && near(value[SOURCE_HOUR_COS], -1));
	double year = 2 * M_PI * (151 + 0.5) / 365; /* days from New Year to June 1, noon */
	assert_true(near(value[SOURCE_YEAR_SIN], sin(year)));
	assert_true(near(value[SOURCE_YEAR_COS], cos(year)));
	assert_true(near(value[SOURCE_LOAD], 1200) && near(value[SOURCE_PV], 3000));
	assert_true(near(value[SOURCE_NET], -1800));
	assert_true(fabs(value[SOURCE_LOAD_NEXT] - 800) < 1);
	assert_true(fabs(value[SOURCE_PV_NEXT] - 2000) < 1);
	assert_true(fabs(value[SOURCE_LOAD_6H] - 800) < 1 &&
		    fabs(value[SOURCE_LOAD_24H] - 800) < 1);
	assert_true(fabs(value[SOURCE_PV_6H] - 2000) < 1 && fabs(value[SOURCE_PV_24H] - 2000) < 1);
	assert_true(near(value[SOURCE_SOC], 0.55));
	assert_true(near(value[SOURCE_BUY], 0.35) && near(value[SOURCE_SELL], 0.1));
	assert_true(near(value[SOURCE_LOCAL_PRICE], 0.2));
	assert_true(near(value[SOURCE_LOCAL_QUANTITY], 1234));
}

static void test_ahead(void **unused)
{
	/* What lies ahead is a mean of just so many hours: half a day of sun behind dark hours. */
	(void)unused;
	begin();
	assert_int_equal(forecast_init(&forecast, 900), 0);
	for (int k = 1; k <= 4 * 96; k++) {
		int64_t at_s = midday_s - k * 900;
		double hour = (double)((at_s - midday_s) % 86400 + 86400) / 3600;
		bool later = fmod(hour, 24) >= 6 && fmod(hour, 24) < 18;
		forecast_add(&forecast, at_s, true, 500, true, later ? 1000 : 0, 7200);
	}
	look();
	assert_true(value[SOURCE_PV_6H] < 50);
	assert_true(fabs(value[SOURCE_PV_24H] - 500) < 25);
}

static void test_unknown(void **unused)
{
	/* What is not known is no number: an old interval, one hardly measured, a battery that is
	 * silent, a market that said nothing, a house without a past. */
	(void)unused;
	begin();
	last.load_s = 450;
	state.battery[1].soc.quality = QUALITY_STALE;
	market.clearing.has_quantity = false;
	look();
	assert_true(isnan(value[SOURCE_LOAD]) && isnan(value[SOURCE_PV]));
	assert_true(isnan(value[SOURCE_NET]) && isnan(value[SOURCE_SOC]));
	assert_true(isnan(value[SOURCE_LOCAL_QUANTITY]) && near(value[SOURCE_LOCAL_PRICE], 0.2));
	begin();
	last.start_s -= 900;
	market.clearing.start_s -= 86400;
	assert_int_equal(forecast_init(&forecast, 900), 0);
	look();
	assert_true(isnan(value[SOURCE_LOAD]) && isnan(value[SOURCE_LOCAL_PRICE]));
	assert_true(isnan(value[SOURCE_LOAD_NEXT]) && isnan(value[SOURCE_PV_NEXT]));
	assert_true(isnan(value[SOURCE_LOAD_24H]) && isnan(value[SOURCE_PV_6H]));
	market = (struct market){ 0 };
	site.batteries = state.batteries = 0;
	look();
	assert_true(isnan(value[SOURCE_LOCAL_PRICE]) && isnan(value[SOURCE_SOC]));
	for (int i = SOURCE_HOUR_SIN; i <= SOURCE_YEAR_COS; i++) {
		assert_true(isfinite(value[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_unknown),
	};
	return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
