/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Actors that mean harm in a house for days in simulated time; --year [NAME]: for a year, printed.
 *
 * What a bad actor may cost has a bound, and this is why. Its regret is looked at after each
 * interval; once that of the last window is beyond the limit it is left out, for a window at least.
 * So a time that it is not left out costs at most the limit in each window of it, begun ones
 * included, however seldom it decides, and the last interval beyond that: full power at the
 * difference of the dearest price and the cheapest. Beside it the optimiser decides, which costs no
 * more than the rules. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "onnx_file.h"
#include "sim/closed_loop.h"

enum { HIDDEN = 16 };

static const char text_house[] =
	"[site]\nid = home-1\ntimezone = Europe/Oslo\nlatitude = 59.9 deg\n"
	"[control]\ncycle = %d s\nhorizon = 24 h\nhedge = no\ndecide = policy\n"
	"[policy]\nactor = %s\nmeaning = %s\nregret-limit = %g EUR\nregret-window = %d d\n"
	"[grid]\nimport-limit = 6 kW\nexport-limit = 4 kW\n"
	"[tariff]\nbuy = 0.17 EUR/kWh\nbuy-window = 17:00-21:00 0.32 EUR/kWh\n"
	"buy-window = 00:00-06:00 0.08 EUR/kWh\nsell = 0.05 EUR/kWh\n"
	"[meter grid]\n[pv roof]\npeak = 6 kW\ncurtailable = yes\n"
	"[battery main]\ncapacity = 13.5 kWh\ncharge-limit = 5 kW\ndischarge-limit = 5 kW\n"
	"soc-min = 10 %%\nsoc-max = 95 %%\nwear = 0.02 EUR/kWh\n";
static const double dearest = 0.32 + 0.02,
		    cheapest = -0.34; /* wear; stored energy's loss of worth */

static struct layer layer[2];
static uint64_t seed;

static void clear_layers(void)
{
	memset(layer, 0, sizeof(layer));
	layer[0].in = SEEN;
	layer[0].out = layer[1].in = HIDDEN;
	layer[1].out = 1;
	layer[0].then = "Tanh";
}

static void draw(double size)
{
	for (int i = 0; i < SEEN * HIDDEN; i++) {
		layer[0].weight[i] = (float)random_between(&seed, -size, size);
	}
	for (int i = 0; i < HIDDEN; i++) {
		layer[1].weight[i] = (float)random_between(&seed, -1, 1);
	}
}

static void stuck_full(void)
{
	layer[1].bias[0] = 1;
}

static void stuck_empty(void)
{
	layer[1].bias[0] = -1;
}

static void stuck_still(void)
{
	layer[1].bias[0] = 0;
}

static void never_finite(void)
{
	layer[1].bias[0] = -1;
	layer[1].then = "Sqrt";
}

static void beyond(void)
{
	layer[1].bias[0] = 1000;
	layer[1].then = "Exp";
}

/* Another answer to each least change of what it sees. */
static void at_random(void)
{
	draw(1000);
	layer[0].then = "Tanh";
	layer[1].then = "Tanh";
}

/* One end or the other. */
static void saturated(void)
{
	draw(1);
	for (int i = 0; i < HIDDEN; i++) {
		layer[1].weight[i] *= 1e6f;
	}
	layer[1].then = "Tanh";
}

/* No number where the sum of what it sees is below zero. */
static void finite_at_times(void)
{
	draw(1);
	layer[1].then = "Sqrt";
}

/* It charges where energy is dear and discharges where it is cheap. */
static void backwards(void)
{
	layer[0].weight[5 * HIDDEN] = 1;
	layer[0].bias[0] = -1.5F;
	layer[1].weight[0] = -10;
	layer[1].then = "Tanh";
}

static const struct {
	const char *name;
	void (*fill)(void);
	bool decides; /* at all */
} actors[] = {
	{ "stuck at discharging", stuck_full, true },
	{ "stuck at charging", stuck_empty, true },
	{ "stuck at rest", stuck_still, true },
	{ "random", at_random, true },
	{ "saturated", saturated, true },
	{ "backwards", backwards, true },
	{ "finite at times", finite_at_times, true },
	{ "not a number", never_finite, false },
	{ "infinite", beyond, false },
};
enum { ACTORS = sizeof(actors) / sizeof(*actors) };

static struct {
	struct site site;
	struct plant_conf plant;
	struct loop_result result;
	char model[64], meaning[64], house[64];
	int days, cycle_s, window_days;
	double limit;
	const char *only; /* NULL: all actors */
} sim = { .days = 4, .cycle_s = 5, .window_days = 1, .limit = 1 };

/* Of all days, what is stored at the end counted at a middling price. */
static double cost(void)
{
	double sum = 0;
	for (int d = 0; d < sim.days; d++) {
		sum += sim.result.day[d].energy_cost + sim.result.day[d].wear_cost;
	}
	return sum - sim.result.day[sim.days - 1].soc_end * 13.5 * 0.15;
}

static double run(enum loop_policy policy)
{
	struct loop_conf conf = { .site = &sim.site,
				  .plant = &sim.plant,
				  .start_s = 1777593600, /* 2026-05-01 */
				  .days = sim.days };
	assert_int_equal(closed_loop_run(&conf, policy, &sim.result), 0);
	return cost();
}

static void read_house(void)
{
	char text[2048];
	struct diag d = { .to = stderr };
	snprintf(text, sizeof(text), text_house, sim.cycle_s, sim.model, sim.meaning, sim.limit,
		 sim.window_days);
	write_temporary(text, sim.house);
	assert_int_equal(site_read(sim.house, &sim.site, &d), 0);
	devices_plant_conf(&sim.site, 7, &sim.plant);
}

static int begin(void **unused)
{
	(void)unused;
	log_set_level(LOG_ERROR);
	write_temporary("", sim.model);
	write_temporary(text_meaning, sim.meaning);
	read_house();
	return 0;
}

static int end(void **unused)
{
	(void)unused;
	unlink(sim.model);
	unlink(sim.meaning);
	unlink(sim.house);
	return 0;
}

static void check_limits(const char *name)
{
	const struct limits *l = &sim.result.limits;
	if (l->power || l->charge || l->connection) {
		fail_msg("%s: limits broken for %llu, %llu, %llu cycles", name,
			 (unsigned long long)l->power, (unsigned long long)l->charge,
			 (unsigned long long)l->connection);
	}
}

static void test_hostile(void **unused)
{
	/* Whatever an actor answers, no limit is broken behind the guard, and the house costs no
	 * more than by the rules and the bound. */
	(void)unused;
	double most = 5 * 0.25 * (dearest - cheapest);
	seed = random_seed();
	double rules = run(LOOP_RULES);
	check_limits("rules");
	double optimiser = run(LOOP_OPTIMISED);
	check_limits("optimiser");
	print_message("%-22s %9.2f\n%-22s %9.2f EUR in %d days\n", "rules", rules, "optimiser",
		      optimiser, sim.days);
	for (int i = 0; i < ACTORS; i++) {
		if (sim.only && strcmp(sim.only, actors[i].name) != 0) {
			continue;
		}
		clear_layers();
		actors[i].fill();
		onnx_write(sim.model, layer, 2);
		double paid = run(LOOP_CONTROLLED);
		const struct loop_result *r = &sim.result;
		double decided = (double)r->by[DECIDER_POLICY] / (double)r->cycles;
		double in = 1 - (double)r->left_out / (double)r->cycles;
		int times = r->taken_over + 1;
		double windows = in * sim.days / sim.window_days + times;
		double bound = windows * sim.limit + times * most;
		print_message(
			"%-22s %9.2f, %+.2f to the rules, bound %.2f; regret %.2f, decided %.1f "
			"%% of the time, left out %d times\n",
			actors[i].name, paid, paid - rules, bound, r->regret_decided, 100 * decided,
			r->taken_over);
		check_limits(actors[i].name);
		assert_int_equal(r->by[DECIDER_POLICY] > 0, actors[i].decides);
		assert_true(r->regret_most < most);
		assert_true(r->regret_decided <= bound);
		assert_true(paid <= rules + bound);
		/* What is told as regret is money: what it really cost more is hardly more. */
		assert_true(paid - optimiser <= 1.3 * r->regret_decided + 0.3);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--year") == 0) {
		sim.days = 365;
		sim.only = argv[2];
		sim.window_days = 7;
		sim.limit = 1;
	}
	if (is_watched()) {
		sim.days = 2;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests_name("hostile", tests, begin, end);
}
