/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include <math.h>

#include "daemon/base/chance.h"
#include "drivers/weather.h"

enum { YEAR_S = 365 * 86400, DAY_S = 86400 };
static const int64_t YEAR_2025 = 1735689600;

static struct weather weather;

static void begin(uint64_t seed, double latitude_deg)
{
	weather_init(&weather, &(struct weather_conf){ .seed = seed,
						       .latitude_deg = latitude_deg,
						       .longitude_deg = 10,
						       .tilt_deg = 35,
						       .azimuth_deg = 180 });
}

/* kWh per kW of peak over 2025. */
static double annual_yield(uint64_t seed, double latitude_deg)
{
	double sum = 0;
	begin(seed, latitude_deg);
	for (int64_t s = 0; s < YEAR_S; s += 900) {
		sum += weather_yield(&weather, YEAR_2025 + s + (s * 7) % 900) * 900;
	}
	return sum / 3600;
}

static void chance_is_fair(void **state)
{
	/* Uniform numbers have mean 1/2 and normal ones mean 0 and deviation 1, in every stream. */
	(void)state;
	for (uint32_t stream = 0; stream < 20; stream++) {
		double u = 0, n = 0, n2 = 0;
		for (int i = 0; i < 10000; i++) {
			double x = chance_normal(7, stream, i);
			assert_true(fabs(x) < 3.5);
			u += chance_uniform(7, stream, i) / 10000;
			n += x / 10000;
			n2 += x * x / 10000;
		}
		assert_true(fabs(u - 0.5) < 0.02);
		assert_true(fabs(n) < 0.05);
		assert_true(fabs(n2 - 1) < 0.06);
	}
}

static void noise_is_coherent(void **state)
{
	/* Noise passes through its knots without a jump. */
	(void)state;
	for (int64_t s = -5000; s < 5000; s++) {
		double step = chance_noise(3, 1, s + 1, 100) - chance_noise(3, 1, s, 100);
		assert_true(fabs(step) < 0.11); /* 1.5 of at most 7 over a hundred seconds */
	}
	assert_true(chance_noise(3, 1, 200, 100) == chance_normal(3, 1, 2));
}

static void sun_is_where_it_should_be(void **state)
{
	/* At the equinox noon the sun stands at 90 degrees less the latitude; at solstice 23.4
	 * more. */
	(void)state;
	struct weather_conf c = { .latitude_deg = 50, .longitude_deg = 0 };
	double equinox = 0, solstice = 0, winter = 0;
	for (int64_t s = 0; s < DAY_S; s += 60) {
		equinox = fmax(equinox, weather_sun(&c, 1742428800 + s));   /* 2025-03-20 */
		solstice = fmax(solstice, weather_sun(&c, 1750464000 + s)); /* 2025-06-21 */
		winter = fmax(winter, weather_sun(&c, 1766275200 + s));     /* 2025-12-21 */
	}
	assert_true(fabs(asin(equinox) * 180 / M_PI - 40.0) < 0.3);
	assert_true(fabs(asin(solstice) * 180 / M_PI - 63.4) < 0.3);
	assert_true(fabs(asin(winter) * 180 / M_PI - 16.6) < 0.3);
}

static void nights_are_dark(void **state)
{
	/* While the sun is down nothing is generated; nowhere and never more than the peak. */
	(void)state;
	for (double latitude = -65; latitude <= 65; latitude += 32.5) {
		begin(5, latitude);
		for (int64_t s = YEAR_2025; s < YEAR_2025 + YEAR_S; s += 4391) {
			double y = weather_yield(&weather, s);
			assert_true(y >= 0 && y <= 1.05);
			/* The minute of sunrise is interpolated. */
			if (weather_sun(&weather.conf, s) < -0.005) {
				assert_true(y == 0);
			}
		}
	}
}

static void years_are_plausible(void **state)
{
	/* Between 50 and 60 degrees a year yields 800 to 1100 kWh per kW, the south more. */
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		double south = annual_yield(seed, 50), north = annual_yield(seed, 60);
		print_message("seed %d: %.0f at 50, %.0f at 60 kWh/kWp\n", (int)seed, south, north);
		assert_true(south > 900 && south < 1100);
		assert_true(north > 800 && north < 1000);
		assert_true(south > north);
	}
}

static void order_does_not_matter(void **state)
{
	/* The sky at a moment is the same whatever was asked before. */
	(void)state;
	uint64_t seed = random_seed();
	static struct weather other;
	begin(9, 55);
	for (int i = 0; i < 300; i++) {
		int64_t s = YEAR_2025 + (int64_t)random_between(&seed, -1e8, 1e8);
		double first = weather_yield(&weather, s);
		weather_init(&other, &weather.conf);
		assert_true(weather_yield(&other, s) == first);
		(void)weather_yield(&weather, s + 5000);
		assert_true(weather_yield(&weather, s) == first);
	}
}

static void days_resemble_their_neighbours(void **state)
{
	/* Cloudiness persists: the day before tells more than the day a month before. */
	(void)state;
	struct weather_conf c = { .seed = 4, .latitude_deg = 55 };
	double near = 0, far = 0;
	for (int day = 40; day < 2000; day++) {
		int64_t s = YEAR_2025 + day * (int64_t)DAY_S;
		double today = weather_cloud_cover(&c, s);
		near += fabs(today - weather_cloud_cover(&c, s - DAY_S));
		far += fabs(today - weather_cloud_cover(&c, s - 30 * DAY_S));
	}
	assert_true(near < 0.85 * far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chance_is_fair),
		cmocka_unit_test(noise_is_coherent),
		cmocka_unit_test(sun_is_where_it_should_be),
		cmocka_unit_test(nights_are_dark),
		cmocka_unit_test(years_are_plausible),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(days_resemble_their_neighbours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
