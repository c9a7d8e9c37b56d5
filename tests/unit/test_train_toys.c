/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two problems whose optimum is known, learned from steps at random. */
#include <math.h>

#include "test.h"

#include "policy/train/maddpg.h"

enum { STEPS = 20000, BATCH = 128 };

/* A problem of one agent: what a step makes of where it is. */
struct toy {
	int observations;
	enum activation between;
	float discount, follow;
	int updates;
	void (*place)(uint64_t *seed, double *state); /* anywhere it may come to */
	void (*see)(const double *state, float *out);
	/* What an action earns; the state moves on. */
	double (*act)(uint64_t *seed, double *state, double action);
};

enum { STATE_MAX = 2, SEEN_MAX = 4 };

/* Learn by so many updates, the rates falling to nothing. */
static void learn(const struct toy *toy, uint64_t *seed, struct maddpg *m)
{
	struct maddpg_conf conf = maddpg_defaults(1, toy->observations, 1);
	struct experience e;
	struct batch b;
	conf.hidden = 32;
	conf.batch = BATCH;
	conf.between = toy->between;
	conf.discount = toy->discount;
	conf.follow = toy->follow;
	conf.actor_rate = conf.critic_rate = 3e-3f;
	conf.gradient_most = 10;
	conf.logit_price = 1e-6f;
	conf.seed = random_next(seed);
	assert_int_equal(maddpg_init(m, &conf), 0);
	assert_int_equal(experience_init(&e, 1, toy->observations, 1, STEPS), 0);
	assert_int_equal(batch_init(&b, &e, BATCH), 0);
	for (int i = 0; i < STEPS; i++) {
		double state[STATE_MAX];
		float see[SEEN_MAX], next[SEEN_MAX], act = (float)random_between(seed, -1, 1);
		toy->place(seed, state);
		toy->see(state, see);
		float reward = (float)toy->act(seed, state, (double)act);
		toy->see(state, next);
		experience_add(&e, see, &act, &reward, next, 0);
	}
	for (int64_t i = 0; i < toy->updates; i++) {
		float left = 1 - (float)i / (float)toy->updates;
		m->conf.actor_rate = conf.actor_rate * left + 1e-6f;
		m->conf.critic_rate = conf.critic_rate * left + 1e-6f;
		experience_draw(&e, conf.seed, i, &b);
		assert_int_equal(maddpg_update(m, &b), 0);
	}
	batch_free(&b);
	experience_free(&e);
}

/* --- a linear system with quadratic cost --------------------------------------------------------
 */

/* x' = KEPT x + PUSH u, |u| <= 1: it stays within +-2, where it is learned. The best u is within
 * its bounds for |x| <= 1, and so from there on. */
#define KEPT     0.8
#define PUSH     0.4
#define EFFORT   0.3 /* cost x^2 + EFFORT u^2 */
#define PATIENCE 0.9

static void lqr_place(uint64_t *seed, double *state)
{
	state[0] = random_between(seed, -2, 2);
}

static void lqr_see(const double *state, float *out)
{
	out[0] = (float)state[0];
}

static double lqr_act(uint64_t *seed, double *state, double action)
{
	(void)seed;
	double cost = state[0] * state[0] + EFFORT * action * action;
	state[0] = KEPT * state[0] + PUSH * action;
	return -cost;
}

static void test_lqr(void **unused)
{
	/* A linear system with quadratic cost is learned to within 2 % of what Riccati's equation
	 * says is the least. */
	(void)unused;
	static const struct toy toy = { 1,    ACTIVATION_TANH, (float)PATIENCE, 0.01f,
					4000, lqr_place,       lqr_see,         lqr_act };
	uint64_t seed = random_seed();
	struct maddpg m;
	double p = 1, cost = 0, least = 0;
	for (int i = 0; i < 1000; i++) {
		double gain = PATIENCE * KEPT * PUSH * p / (EFFORT + PATIENCE * PUSH * PUSH * p);
		p = 1 + EFFORT * gain * gain + PATIENCE * p * pow(KEPT - PUSH * gain, 2);
	}
	learn(&toy, &seed, &m);
	for (int i = -10; i <= 10; i++) {
		double state[STATE_MAX] = { i / 10.0 }, weight = 1;
		least += p * state[0] * state[0];
		for (int step = 0; step < 200; step++, weight *= PATIENCE) {
			float see[SEEN_MAX], act;
			lqr_see(state, see);
			maddpg_act(&m, m.room, 0, see, &act);
			cost -= weight * lqr_act(&seed, state, (double)act);
		}
	}
	print_message("cost %.4f, at least %.4f: %.2f %% above\n", cost, least,
		      100 * (cost / least - 1));
	assert_true(cost >= least * (1 - 1e-9));
	assert_true(cost <= 1.02 * least);
	maddpg_free(&m);
}

/* --- a battery between two prices ---------------------------------------------------------------
 */

#define LOW      0.10
#define HIGH     0.30
#define SWITCHES 0.2  /* the chance that the price does, each step */
#define POWER    0.25 /* of the capacity, in a step */
#define ONE_WAY  0.95 /* efficiency */

static void battery_place(uint64_t *seed, double *state)
{
	state[0] = random_between(seed, 0, 1);
	state[1] = random_between(seed, 0, 1) < 0.5 ? LOW : HIGH;
}

static void battery_see(const double *state, float *out)
{
	out[0] = (float)(2 * state[0] - 1);
	out[1] = state[1] == LOW ? -1 : 1;
}

/* Above 0 it charges. */
static double battery_act(uint64_t *seed, double *state, double action)
{
	double inside = fmax(-state[0], fmin(1 - state[0], POWER * action));
	double bought = inside > 0 ? inside / ONE_WAY : inside * ONE_WAY;
	double earned = -bought * state[1];
	state[0] += inside;
	if (random_between(seed, 0, 1) < SWITCHES) {
		state[1] = state[1] == LOW ? HIGH : LOW;
	}
	return 10 * earned;
}

/* What a policy earns over many steps of the same prices; m NULL: the best one, which charges at
 * the low price and discharges at the high one with all its power, as nothing better will come. */
static double battery_earns(struct maddpg *m, uint64_t prices)
{
	double state[STATE_MAX] = { 0, LOW }, earned = 0;
	for (int step = 0; step < 20000; step++) {
		float see[SEEN_MAX], act = state[1] == LOW ? 1 : -1;
		battery_see(state, see);
		if (m) {
			maddpg_act(m, m->room, 0, see, &act);
		}
		earned += battery_act(&prices, state, (double)act);
	}
	return earned;
}

static void test_battery(void **unused)
{
	/* A battery between two prices earns at least 98 % of the most that can be. */
	(void)unused;
	static const struct toy toy = { 2,    ACTIVATION_RELU, 0.95f,       0.03f,
					8000, battery_place,   battery_see, battery_act };
	uint64_t seed = random_seed();
	struct maddpg m;
	learn(&toy, &seed, &m);
	double earned = battery_earns(&m, 4711), most = battery_earns(NULL, 4711);
	print_message("earned %.2f of %.2f: %.2f %%\n", earned, most, 100 * earned / most);
	assert_true(most > 0 && earned <= most * 1.001);
	assert_true(earned >= 0.98 * most);
	maddpg_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lqr),
		cmocka_unit_test(test_battery),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
