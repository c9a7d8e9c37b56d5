/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an actor's numbers mean, and what does not fit is refused before it is asked anything. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "policy/actor_conf.h"
#include "test.h"

static const char model_path[] = "tests/data/actors/relu-13.onnx";

static const struct actor_house house = {
	.interval_s = 900,
	.currency = "EUR",
	.has_pv = true,
	.has_battery = true,
	.has_market = true,
	.charge_limit_w = 5000,
	.discharge_limit_w = 5000,
};

static struct actor *load(const char *path)
{
	struct diag d = { .to = stderr };
	struct actor *a = NULL;
	assert_int_equal(actor_load(path, NULL, &a, &d), 0);
	return a;
}

static void read_good(struct actor_conf *c)
{
	struct diag d = { .to = stderr };
	assert_int_equal(actor_conf_read("tests/fixtures/actor.conf", c, &d), 0);
}

static void test_read(void **unused)
{
	/* Observations stand in the file's order, in base units, with the currency of their prices.
	 */
	(void)unused;
	static const enum source order[] = { SOURCE_HOUR_SIN, SOURCE_LOAD, SOURCE_PV,
					     SOURCE_SOC,      SOURCE_BUY,  SOURCE_SELL };
	struct actor_conf c;
	read_good(&c);
	assert_int_equal(c.observations, 6);
	for (int i = 0; i < c.observations; i++) {
		assert_int_equal(c.observation[i].source, order[i]);
	}
	assert_float_equal(c.interval_s, 900, 0);
	assert_string_equal(c.currency, "EUR");
	assert_float_equal(c.observation[2].scale, 5000, 0);
	assert_float_equal(c.observation[3].mean, 0.5, 0);
	assert_int_equal(c.actions, 2);
	assert_int_equal(c.action[1].meaning, MEANING_QUANTITY);
	assert_int_equal(c.action[1].index, 1);
	assert_float_equal(c.action[1].high, 2000, 0);
}

/* text as a file is refused with all of words, separated by |, in what is said. */
static void refused(const char *text, const char *words)
{
	char path[64], *said = NULL, list[512];
	size_t size = 0;
	write_temporary(text, path);
	struct diag d = { .to = open_memstream(&said, &size) };
	struct actor_conf c = { .observations = 7 };
	assert_int_equal(actor_conf_read(path, &c, &d), -EINVAL);
	fclose(d.to);
	assert_int_equal(c.observations, 7);
	assert_true(strlen(words) < sizeof(list));
	strcpy(list, words);
	for (char *rest, *word = strtok_r(list, "|", &rest); word;
	     word = strtok_r(NULL, "|", &rest)) {
		if (!strstr(said, word)) {
			fail_msg("said \"%s\", expected \"%s\"", said, word);
		}
	}
	free(said);
	unlink(path);
}

#define HEAD        "[actor]\ninterval = 15 min\n"
#define OBSERVATION "[observation load]\nlow = 0 W\nhigh = 1 kW\n"
#define ACTION      "[action battery-power]\nlow = -1 kW\nhigh = 1 kW\n"

static void test_refusals(void **unused)
{
	/* All that is wrong with a file is said at once, each with its line and what is expected.
	 */
	(void)unused;
	refused("[actor]\ninterval = 15\n" OBSERVATION
		"[observation wind]\nlow = 1\nhigh = 0\n" ACTION "colour = 1\n",
		":2: interval|:6: [observation wind] is not known, expected one of hour-sin, "
		"|:12: |colour");
	refused(HEAD "[observation load]\nlow = 1 kW\nhigh = 0 W\n" ACTION,
		":4: low = 1000 and high = 0, expected low below high");
	refused(HEAD "[observation load]\nlow = 0\nhigh = 1 kWh\n" ACTION,
		":4: low|:5: high|W, kW");
	refused(HEAD "[observation load]\nlow = 0 W\n" ACTION, "high");
	refused(HEAD "[observation load]\nlow = 0 W\nhigh = 1 W\nscale = 0 W\n" ACTION,
		":6: scale");
	refused(HEAD OBSERVATION OBSERVATION ACTION, ":6: ");
	refused(HEAD OBSERVATION ACTION "from = 1\nto = 1\n", ":9: from = 1 and to = 1, expected");
	refused(HEAD OBSERVATION "[action battery-share]\nlow = -200 %\nhigh = 100 %\n", ":7: low");
	refused(HEAD OBSERVATION "[action torque]\nlow = 0\nhigh = 1\n",
		":6: [action torque] is not known, expected one of battery-power");
	refused(HEAD OBSERVATION ACTION "[action battery-share]\nlow = -10 %\nhigh = 10 %\n",
		":9: [action battery-power] and [action battery-share], expected one of them");
	refused(HEAD OBSERVATION "[action side]\nlow = -1\nhigh = 1\n"
				 "[action price-share]\nlow = 0 %\nhigh = 100 %\n"
				 "[action price]\nlow = 0 EUR/kWh\nhigh = 1 EUR/kWh\n",
		":12: [action price] and [action price-share], expected one of them");
	refused(HEAD OBSERVATION ACTION "[action price-share]\nlow = 0 %\nhigh = 100 %\n",
		":9: [action price-share] of no bid, expected [action side], "
		"[action quantity] or [action reserve]");
	refused(HEAD OBSERVATION ACTION "[action value-share]\nlow = -10 %\nhigh = 110 %\n",
		":9: [action battery-power] and [action value-share], expected one of them");
	refused(HEAD OBSERVATION "[action value-share]\nlow = -10 %\nhigh = 250 %\n", ":8: high");
	refused(HEAD OBSERVATION "[action value-share]\nlow = -10 %\nhigh = 110 %\n"
				 "[action price-share]\nlow = 0 %\nhigh = 100 %\n",
		":9: [action value-share] and [action price-share], expected one of them");
	refused(HEAD OBSERVATION "[action error-share]\nlow = -10 %\nhigh = 110 %\n", ":7: low");
	refused(HEAD OBSERVATION "[action error-share]\nlow = 0 %\nhigh = 210 %\n", ":8: high");
	refused(HEAD OBSERVATION ACTION "[action error-share]\nlow = 0 %\nhigh = 100 %\n",
		":9: [action error-share] and [action battery-power], expected one of them");
	refused(HEAD ACTION, "has 0 observations and 1 actions");
	refused(OBSERVATION ACTION, "has no section [actor]");
	refused(HEAD OBSERVATION ACTION "[battery main]\ncapacity = 1 kWh\n",
		":9: unknown section");
	refused(HEAD "[observation buy]\nlow = 0 EUR/kWh\nhigh = 1 NOK/kWh\n" ACTION, ":5: ");
}

/* c against the actor and a house: exactly so many errors, with that among what is said. */
static void mismatched(struct actor_conf c, const struct actor *a, const struct actor_house *h,
		       int errors, const char *word)
{
	char *said = NULL;
	size_t size = 0;
	struct diag d = { .to = open_memstream(&said, &size) };
	assert_int_equal(actor_conf_check(&c, a, h, &d), errors > 0 ? -EINVAL : 0);
	fclose(d.to);
	if (d.errors != errors || !strstr(said, word)) {
		fail_msg("%d errors \"%s\", expected %d, \"%s\"", d.errors, said, errors, word);
	}
	free(said);
}

static void test_house(void **unused)
{
	/* What the actor has not, or the house has not, is an error with the line of who asks for
	 * it. */
	(void)unused;
	struct actor_conf good, c;
	struct actor *a = load(model_path), *two = load("tests/data/actors/sac-13.onnx");
	read_good(&good);
	mismatched(good, a, NULL, 0, "");
	mismatched(good, a, &house, 0, "");
	struct actor_house h = house;
	h.has_pv = false;
	mismatched(good, a, &h, 1, "actor.conf:15: [observation pv] needs a [pv]");
	h = house;
	h.has_battery = h.has_market = false;
	mismatched(good, a, &h, 3, "actor.conf:36: [action battery-power] needs a [battery]");
	h = house;
	h.interval_s = 3600;
	mismatched(good, a, &h, 1,
		   "actor.conf:3: was trained for intervals of 900 s, the house's are of 3600 s");
	h = house;
	h.currency = "NOK";
	mismatched(good, a, &h, 1, "trained for prices in EUR, the house's are in NOK");
	h = house;
	h.discharge_limit_w = 3000;
	mismatched(good, a, &h, 1,
		   "actor.conf:36: [action battery-power] goes from -5000 W to 5000 W");
	h = house;
	h.class = "pv";
	c = good;
	mismatched(c, a, &h, 0, ""); /* it was not told for whom it is */
	strcpy(c.class, "pv-battery");
	mismatched(c, a, &h, 1, "was trained for homes of class pv-battery, expected pv");
	h.class = "pv-battery";
	mismatched(c, a, &h, 0, "");
	mismatched(c, a, &house, 0, ""); /* nobody knows of which class the house is */
	c = good;
	c.observations = 5;
	mismatched(c, a, NULL, 1, "names 5 observations, the actor's input obs takes 6");
	c = good;
	c.action[1].index = 2;
	mismatched(c, a, NULL, 1, "actor.conf:42: [action quantity] is number 2 of output action");
	c = good;
	strcpy(c.action[1].output, "price");
	mismatched(
		c, a, NULL, 1,
		"actor.conf:42: [action quantity] is of output \"price\", expected one of action");
	c = good;
	*c.action[1].output = '\0';
	mismatched(c, a, NULL, 0, "");
	mismatched(c, two, NULL, 1,
		   "actor.conf:42: [action quantity] names no output, expected one of action, "
		   "value");
	actor_free(a);
	actor_free(two);
}

static void test_observe(void **unused)
{
	/* The actor gets (x - mean) / scale; what is not known or out of its training range is
	 * told, and by which observation. */
	(void)unused;
	uint64_t seed = random_seed();
	struct actor *a = load(model_path);
	struct actor_conf c;
	int which = -1;
	read_good(&c);
	for (int round = 0; round < 2000; round++) {
		double value[SOURCE_COUNT];
		for (int s = 0; s < SOURCE_COUNT; s++) {
			value[s] = NAN; /* what is not asked for need not be known */
		}
		for (int i = 0; i < c.observations; i++) {
			value[c.observation[i].source] =
				random_between(&seed, c.observation[i].low, c.observation[i].high);
		}
		assert_int_equal(actor_conf_observe(&c, a, value, &which), 0);
		for (int i = 0; i < c.observations; i++) {
			const struct observation *o = &c.observation[i];
			double back = (double)a->input[0].tensor->real[i] * o->scale + o->mean;
			assert_true(fabs(back - value[o->source]) < 1e-3 * (1 + fabs(back)));
		}
		int i = (int)(random_next(&seed) % (uint64_t)c.observations);
		const struct observation *o = &c.observation[i];
		value[o->source] = round % 2 ? o->high + 1e-6 : o->low - 1e-6;
		assert_int_equal(actor_conf_observe(&c, a, value, &which), -ERANGE);
		assert_int_equal(which, i);
		value[o->source] = round % 2 ? NAN : INFINITY;
		assert_int_equal(actor_conf_observe(&c, a, value, &which), -ENODATA);
		assert_int_equal(which, i);
	}
	actor_free(a);
}

static void test_act(void **unused)
{
	/* Whatever an actor says, an action lies within its bounds, or there is none. */
	(void)unused;
	uint64_t seed = random_seed();
	struct actor *a = load(model_path);
	struct actor_conf c;
	struct diag d = { .to = stderr };
	double out[ACTIONS_MAX] = { 7, 7 };
	read_good(&c);
	assert_int_equal(actor_conf_check(&c, a, NULL, &d), 0);
	float *said = a->output[0].tensor->real;
	said[0] = 0.5f;
	said[1] = -1;
	assert_int_equal(actor_conf_act(&c, a, out), 0);
	assert_float_equal(out[0], 2500, 1e-9);
	assert_float_equal(out[1], -2000, 1e-9);
	said[0] = 0.0099f; /* 49.5 W of a dead band of 50 W */
	assert_int_equal(actor_conf_act(&c, a, out), 0);
	assert_true(out[0] == 0);
	c.action[0].dead_band = 0;
	c.action[0].step = 4000; /* of -5000 to 5000 */
	static const float to[] = { -9.0f, -0.65f, -0.55f, 0.1f, 0.3f, 9.0f };
	static const double rounded[] = { -5000, -5000, -1000, -1000, 3000, 3000 };
	for (int i = 0; i < 6; i++) {
		said[0] = to[i];
		assert_int_equal(actor_conf_act(&c, a, out), 0);
		assert_float_equal(out[0], rounded[i], 1e-6);
	}
	c.action[0].step = 0;
	for (int i = 0; i < 2000; i++) {
		said[0] = (float)random_between(&seed, -3, 3) * (i % 3 ? 1.0f : 1e30f);
		said[1] = (float)random_between(&seed, -1, 1);
		assert_int_equal(actor_conf_act(&c, a, out), 0);
		assert_true(out[0] >= -5000 && out[0] <= 5000);
		assert_true(out[1] >= -2000 && out[1] <= 2000);
	}
	out[0] = 7;
	said[1] = NAN;
	assert_int_equal(actor_conf_act(&c, a, out), -EDOM);
	said[1] = INFINITY;
	assert_int_equal(actor_conf_act(&c, a, out), -EDOM);
	assert_true(out[0] == 7);
	actor_free(a);
}

static void test_index(void **unused)
{
	/* An index stands for a number; none, of an actor that saw NaN, for none. */
	(void)unused;
	struct actor *a = load("tests/data/actors/discrete-13.onnx");
	struct actor_conf c = {
		.actions = 1,
		.action = { { .meaning = MEANING_SIDE, .from = 0, .to = 2, .low = -1, .high = 1 } },
	};
	double out[ACTIONS_MAX] = { 7 };
	for (int i = 0; i <= 2; i++) {
		a->output[0].tensor->whole[0] = i;
		assert_int_equal(actor_conf_act(&c, a, out), 0);
		assert_float_equal(out[0], i - 1, 0);
	}
	out[0] = 7;
	a->output[0].tensor->whole[0] = TENSOR_NONE;
	assert_int_equal(actor_conf_act(&c, a, out), -EDOM);
	assert_true(out[0] == 7);
	actor_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),  cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_house), cmocka_unit_test(test_observe),
		cmocka_unit_test(test_act),   cmocka_unit_test(test_index),
	};
	return cmocka_run_group_tests_name("actor_conf", tests, NULL, NULL);
}
