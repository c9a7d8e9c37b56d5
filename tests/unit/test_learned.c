/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A learned policy in the whole control cycle: who decides, who falls back, who is told. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "daemon/home/learned_json.h"
#include "daemon/home/report.h"
#include "onnx_file.h"
#include "rig.h"

static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */
static const char text_policy[] = "[control]\ndecide = %s\n[policy]\nactor = %s\nmeaning = %s\n%s";
static const char text_market[] = "[mqtt]\nbroker = mqtt://localhost\n";
static const char text_bids[] =
	"[action quantity]\nindex = 1\nlow = -2 kWh\nhigh = 2 kWh\ndead-band = 100 Wh\n"
	"[action price-share]\nindex = 2\nlow = -100 %\nhigh = 100 %\n";

static char model_path[64], meaning_path[64];

/* An actor that always answers these. */
static void write_actor(const float *answer, int answers)
{
	static struct layer layer;
	memset(&layer, 0, sizeof(layer));
	layer.in = SEEN;
	layer.out = answers;
	memcpy(layer.bias, answer, (size_t)answers * sizeof(*answer));
	onnx_write(model_path, &layer, 1);
}

static void write_stuck(float share)
{
	write_actor(&share, 1);
}

static void write_meaning(const char *text)
{
	FILE *file = fopen(meaning_path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A house whose policy decides, or is looked at; more: of its [policy] and behind. */
static void open_house(const char *decide, const char *more)
{
	char text[3072], policy[1024];
	snprintf(policy, sizeof(policy), text_policy, decide, model_path, meaning_path, more);
	snprintf(text, sizeof(text), "%s%s", text_head, policy);
	rig_open(text, start_s, true);
}

static int make_files(void **unused)
{
	(void)unused;
	log_set_level(LOG_ERROR);
	write_temporary("", model_path);
	write_temporary(text_meaning, meaning_path);
	return 0;
}

static int remove_files(void **unused)
{
	(void)unused;
	unlink(model_path);
	unlink(meaning_path);
	return 0;
}

static bool alarmed_policy(void)
{
	return has_alarm(ALARM_POLICY, ALARM_UNFIT);
}

/* Whether `lecctl explain` says so now. */
static bool explained(const char *words)
{
	static char text[65536];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	report_explain(&rig.home, &o);
	assert_true(json_finish(&o) > 0);
	return strstr(text, words) != NULL;
}

static bool in_state(const char *words)
{
	static char text[65536];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	report_state(&rig.home, &o);
	assert_true(json_finish(&o) > 0);
	return strstr(text, words) != NULL;
}

/* To the first cycle of the next interval whose order is there. */
static void next_interval(void)
{
	int64_t left_s = 900 - clock_wall_s(&rig.clock) % 900;
	turns((int)left_s + 2);
}

/* --- who decides --------------------------------------------------------------------------------
 */

static void test_decides(void **unused)
{
	/* From the first interval on of which all is known the policy decides, each second as it
	 * ordered or as battery and guard let it, and what the optimiser would do is known. */
	(void)unused;
	write_stuck(-0.25F);
	open_house("policy", "");
	turns(2);
	assert_int_equal(rig.home.learned.fitness, FITNESS_UNKNOWN);
	assert_true(rig.home.decision.by == DECIDER_OPTIMISER && alarmed_policy());
	assert_true(explained("load is not known"));
	next_interval();
	assert_false(alarmed_policy());
	turns(900 - 2); /* until it is known which way the meter counts, steps are small */
	for (int t = 0; t < 15 * 900; t++) {
		turn();
		assert_int_equal(rig.home.decision.by, DECIDER_POLICY);
		assert_true(rig.home.decision.planned != NULL);
		double w = rig.home.action.battery_w[0];
		bool full = w == 0 && rig.home.state.battery[0].soc.value >= 0.95;
		assert_true(fabs(w + 1000) < 1e-9 || full || rig.home.action.reasons);
	}
	assert_true(explained("the learned policy decides") && explained("the optimiser would"));
	assert_true(in_state("\"decider\":\"policy\"") && in_state("\"optimiser_w\":"));
	assert_int_equal(rig.home.learned.regret.counted, 15);
	assert_true(rig.home.learned.regret_acted == rig.home.learned.regret.all);
	rig_close();
}

static void test_person_first(void **unused)
{
	/* A person goes before a policy, and gives way to it again. */
	(void)unused;
	write_stuck(0.25F);
	open_house("policy", "");
	next_interval();
	home_set_mode(&rig.home, MODE_HOLD);
	turn();
	assert_true(rig.home.decision.by == DECIDER_PERSON && rig.home.action.battery_w[0] == 0);
	home_set_mode(&rig.home, MODE_SELF);
	turn();
	assert_int_equal(rig.home.decision.by, DECIDER_RULES);
	home_set_mode(&rig.home, MODE_AUTO);
	turn();
	assert_int_equal(rig.home.decision.by, DECIDER_POLICY);
	rig_close();
}

enum { SHADOW_CYCLES = 8 * 3600 };

static void test_shadow(void **unused)
{
	/* In the shadow nothing changes: each command is the one without a policy, while its regret
	 * is counted. */
	(void)unused;
	static double alone_w[SHADOW_CYCLES];
	rig_open(text_head, start_s, true);
	for (int t = 0; t < SHADOW_CYCLES; t++) {
		turn();
		alone_w[t] = rig.home.action.battery_w[0];
	}
	rig_close();
	write_stuck(1);
	open_house("shadow", "");
	for (int t = 0; t < SHADOW_CYCLES; t++) {
		turn();
		assert_true(rig.home.action.battery_w[0] == alone_w[t]);
		assert_true(rig.home.decision.by != DECIDER_POLICY);
	}
	assert_true(rig.home.learned.regret.counted > 25);
	assert_true(rig.home.learned.regret.all > 0 && rig.home.learned.regret_acted == 0);
	assert_true(explained("would have cost") && in_state("\"shadow\":true"));
	rig_close();
}

/* --- who does not -------------------------------------------------------------------------------
 */

static void test_out_of_range(void **unused)
{
	/* Where an observation is out of the training range the optimiser decides, until an
	 * interval later it is within it again. */
	(void)unused;
	char text[2048], *at;
	snprintf(text, sizeof(text), "%s", text_meaning);
	at = strstr(text, "low = -5 %");
	assert_non_null(at);
	memcpy(at, "low = 40 %", 10); /* trained with half full batteries only */
	write_meaning(text);
	write_stuck(1);
	open_house("policy", "regret-limit = 1000 EUR\n");
	int fit = 0, outside = 0, changes = 0;
	bool was_fit = false;
	next_interval();
	for (int k = 0; k < 2 * 96; k++) {
		double soc = rig.home.learned.charge[0];
		bool inside = soc >= 0.4;
		assert_int_equal(rig.home.learned.fitness, inside ? FITNESS_FIT : FITNESS_OUTSIDE);
		assert_int_equal(rig.home.decision.by, inside ? DECIDER_POLICY : DECIDER_OPTIMISER);
		assert_int_equal(alarmed_policy(), !inside);
		assert_true(inside || explained(" %, it was trained for 40 % to 105 %"));
		fit += inside;
		outside += !inside;
		changes += k > 0 && inside != was_fit;
		was_fit = inside;
		next_interval();
	}
	print_message("fit %d, outside %d, changed %d times\n", fit, outside, changes);
	assert_true(fit > 2 && outside > 2 && changes >= 3);
	rig_close();
	write_meaning(text_meaning);
}

static void test_not_finite(void **unused)
{
	/* An answer that is no number is never carried out, and told. */
	(void)unused;
	static struct layer layer;
	memset(&layer, 0, sizeof(layer));
	layer.in = SEEN;
	layer.out = 1;
	layer.bias[0] = -1;
	layer.then = "Sqrt";
	onnx_write(model_path, &layer, 1);
	open_house("policy", "");
	next_interval();
	for (int t = 0; t < 3600; t++) {
		turn();
		assert_int_equal(rig.home.decision.by, DECIDER_OPTIMISER);
	}
	assert_true(alarmed_policy() && in_state("\"fitness\":\"not-finite\""));
	assert_true(in_state("\"policy_w\":null") && explained("no finite number"));
	assert_int_equal(rig.home.learned.regret.counted, 0);
	rig_close();
}

static int64_t clock_us, clock_step_us;
static int clock_slow_looks; /* that many at first: a second each */

static int64_t stepping_clock(void)
{
	clock_us += clock_slow_looks > 0 ? 1000000 : clock_step_us;
	clock_slow_looks -= clock_slow_looks > 0;
	return clock_us;
}

static void test_slow(void **unused)
{
	/* One whose runs take longer than the limit is left out, and asked again with the next
	 * interval; a single slow run, as on a busy machine, does not count. */
	(void)unused;
	write_stuck(0.25F);
	rig.actor_clock_us = stepping_clock;
	clock_step_us = 50000;
	open_house("policy", "");
	next_interval();
	assert_int_equal(rig.home.learned.fitness, FITNESS_FIT);
	assert_true(in_state("\"run_us\":50000"));
	clock_slow_looks = 2; /* of the first run */
	next_interval();
	assert_int_equal(rig.home.learned.fitness, FITNESS_FIT);
	clock_step_us = 50001;
	next_interval();
	assert_int_equal(rig.home.learned.fitness, FITNESS_SLOW);
	turn();
	assert_true(rig.home.decision.by == DECIDER_OPTIMISER && alarmed_policy());
	assert_true(explained("a run took 50.001 ms, time-limit is 50.000 ms"));
	clock_step_us = 10;
	next_interval();
	turn();
	assert_true(rig.home.decision.by == DECIDER_POLICY && !alarmed_policy());
	rig_close();
	rig.actor_clock_us = NULL;
}

static void test_missing(void **unused)
{
	/* Without an actor the optimiser decides, and says that it does. */
	(void)unused;
	FILE *file = fopen(model_path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	open_house("policy", "");
	next_interval();
	assert_int_equal(rig.home.decision.by, DECIDER_OPTIMISER);
	assert_true(alarmed_policy() && in_state("\"fitness\":\"missing\""));
	rig_close();
}

static void test_without_plan(void **unused)
{
	/* Where there is no plan to hold it against, a policy does not decide. */
	(void)unused;
	write_stuck(0.25F);
	open_house("policy", "");
	next_interval();
	assert_int_equal(rig.home.decision.by, DECIDER_POLICY);
	rig.home.plan.slots = 0;
	rig.home.replan_us = INT64_MAX;
	turn();
	assert_int_equal(rig.home.decision.by, DECIDER_RULES);
	assert_true(explained("the policy waits for a plan"));
	rig_close();
}

static void test_costly(void **unused)
{
	/* Beyond its regret limit a policy is left out, with the reason, for a whole window at
	 * least, and comes back when it would have done better since. */
	(void)unused;
	write_stuck(1);
	open_house("policy", "regret-limit = 0.05 EUR\nregret-window = 1 d\n");
	int until = 0;
	next_interval();
	for (; rig.home.learned.fitness == FITNESS_FIT && until < 300; until++) {
		next_interval();
	}
	assert_in_range(until, 1, 299);
	assert_true(rig.home.learned.regret.sum > 0.05 && alarmed_policy());
	assert_true(explained("was beyond the limit of 0.05 EUR, now it is "));
	double decided = rig.home.learned.regret_acted;
	for (int k = 0; k < 96; k++) {
		assert_int_equal(rig.home.learned.fitness, FITNESS_COSTLY);
		assert_int_equal(rig.home.decision.by, DECIDER_OPTIMISER);
		next_interval();
	}
	/* What it would have done meanwhile is told apart from what it did. */
	char words[128];
	snprintf(words, sizeof(words), "what it decided since it was taken up cost %.2f EUR more",
		 decided);
	assert_true(explained(words));
	snprintf(words, sizeof(words), "would have cost %.2f EUR more than the optimiser",
		 rig.home.learned.regret.sum);
	assert_true(explained(words) && fabs(rig.home.learned.regret.sum - decided) > 0.01);
	for (int i = 0; i < 96; i++) {
		rig.home.learned.regret.of[i] = 0;
	}
	next_interval();
	next_interval();
	assert_int_equal(rig.home.learned.fitness, FITNESS_FIT);
	rig_close();
}

/* --- another one --------------------------------------------------------------------------------
 */

static void test_swap(void **unused)
{
	/* A new actor is asked at the end of the cycle after it came, with a regret of its own; the
	 * same one again keeps its regret; a bad one is no actor, and the old one goes on. */
	(void)unused;
	struct learned_actor *actor;
	struct diag d = { 0 };
	write_stuck(0.25F);
	open_house("policy", "");
	next_interval();
	next_interval();
	next_interval();
	double all = rig.home.learned.regret.all;
	assert_true(rig.home.action.battery_w[0] == 1000 && rig.home.learned.regret.counted == 2);
	home_take_actor(&rig.home, load_actor());
	turns(2);
	assert_true(rig.home.learned.regret.all == all);
	write_meaning("[actor]\n");
	assert_int_equal(learned_actor_load(&rig.site, &actor, &d), -EINVAL);
	assert_true(d.errors > 0);
	write_meaning(text_meaning);
	turns(2);
	assert_true(rig.home.action.battery_w[0] == 1000);
	write_stuck(0.125F);
	assert_int_equal(learned_actor_load(&rig.site, &actor, &d), 0);
	home_take_actor(&rig.home, actor);
	turns(2);
	assert_int_equal(rig.home.decision.by, DECIDER_POLICY);
	assert_true(rig.home.action.battery_w[0] == 500 && rig.home.learned.regret.counted == 0);
	rig_close();
}

static void test_verdict(void **unused)
{
	/* A verdict comes back from the ledger as it was, for the same actor only. */
	(void)unused;
	char text[512];
	struct learned_verdict v = { .start_s = 7 };
	write_stuck(0.25F);
	open_house("policy", "");
	next_interval();
	next_interval();
	const struct learned *l = &rig.home.learned;
	assert_true(learned_verdict_json(l, text, sizeof(text)) > 0);
	assert_int_equal(verdict_read(text, l->actor->digest + 1, &v), -ENOENT);
	assert_int_equal(verdict_read("{}", l->actor->digest, &v) < 0, true);
	assert_int_equal(verdict_read("{", l->actor->digest, &v) < 0, true);
	assert_true(v.start_s == 7 && v.regret == 0 && !v.acted);
	assert_int_equal(verdict_read(text, l->actor->digest, &v), 0);
	assert_true(v.acted && fabs(v.regret - l->last.regret) < 1e-9 && v.policy_w == 1000);
	struct learned other;
	learned_init(&other, &rig.site, NULL, NULL);
	v.start_s = l->last.start_s;
	learned_recall(&other, &v);
	assert_true(fabs(other.regret.sum - l->regret.sum) < 1e-9 && other.regret.counted == 1);
	rig_close();
}

/* --- the market ---------------------------------------------------------------------------------
 */

static void test_bids(void **unused)
{
	/* A policy that bids has its bid sent for the next interval, in the band and within what
	 * the house can; one that is left out has the plan's bid sent again. */
	(void)unused;
	static const float answer[] = { 0, 1, 0.5F };
	char meaning[2048];
	snprintf(meaning, sizeof(meaning), "%s%s", text_meaning, text_bids);
	write_meaning(meaning);
	write_actor(answer, 3);
	rig.actor_clock_us = stepping_clock;
	clock_step_us = 1;
	open_house("policy", text_market);
	next_interval();
	const struct market *m = &rig.home.market;
	const struct plan_slot *next = plan_at(&rig.home.plan, start_s + 1800);
	assert_non_null(next);
	assert_true(m->bid_start_s == start_s + 1800 && m->bid.orders == 1);
	assert_int_equal(m->bid.order[0].side, BID_BUY);
	assert_true(fabs(m->bid.order[0].price - (0.08 + 0.5 * (next->step.buy - 0.08))) < 1e-9);
	double most_wh = (next->step.load_w - next->step.pv_w + 4000) * 0.25;
	/* The forecast moves a little with each plan: by less than a revision is worth. */
	assert_true(fabs(m->bid.order[0].energy_wh / fmin(2000, most_wh) - 1) < 0.1);
	/* It is awarded more than the house needs, at the utility's price: a loss, and told. */
	struct mqtt_message award = { .topic = "lec/home/home/home-1/award" };
	double buy = next->step.buy, sell = next->step.sell;
	award.length = (size_t)snprintf(award.payload, sizeof(award.payload),
					"{\"v\":1,\"home\":\"home-1\",\"interval\":"
					"\"2026-06-01T00:30:00Z\",\"bought_kwh\":2,\"price\":%g}",
					buy);
	home_message(&rig.home, &award, clock_wall_s(&rig.clock));
	assert_int_equal(rig.home.refusals.count, 0);
	next_interval();
	clock_step_us = 1000000;
	next_interval();
	const struct learned_verdict *v = &rig.home.learned.last;
	double taken_kwh = (rig.home.last.import_wh - rig.home.last.export_wh) / 1e3;
	assert_true(v->start_s == start_s + 1800 && v->acted && taken_kwh < 1.9);
	double loss = (2 - fmax(taken_kwh, 0)) * (buy - sell);
	assert_true(fabs(v->trade / loss - 1) < 0.02);
	assert_int_equal(rig.home.learned.fitness, FITNESS_SLOW);
	assert_int_equal(m->bid_start_s, start_s + 3600);
	for (int i = 0; i < m->bid.orders; i++) {
		double price = m->bid.order[i].price;
		assert_true(fabs(price - 0.19) > 1e-6 || m->bid.order[i].energy_wh < 1999);
	}
	rig_close();
	write_meaning(text_meaning);
	rig.actor_clock_us = NULL;
}

static void test_refrains(void **unused)
{
	/* Within its dead band a policy bids nothing; one that says nothing of bids has the house
	 * bid its load, and promise nothing of its batteries. */
	(void)unused;
	static const float answer[] = { -0.5F, 0.01F, 0.5F };
	char meaning[2048];
	snprintf(meaning, sizeof(meaning), "%s%s", text_meaning, text_bids);
	write_meaning(meaning);
	write_actor(answer, 3);
	open_house("policy", text_market);
	next_interval();
	assert_true(rig.home.market.bid_start_s < start_s + 1800);
	assert_non_null(plan_at(&rig.home.plan, start_s + 1800));
	rig_close();
	write_meaning(text_meaning);
	write_stuck(-0.5F);
	open_house("policy", text_market);
	next_interval();
	const struct plan_slot *next = plan_at(&rig.home.plan, start_s + 1800);
	const struct bid *b = &rig.home.market.bid;
	assert_non_null(next);
	assert_true(rig.home.market.bid_start_s == start_s + 1800);
	/* Hedged, about its load; else that, at the utility's price. */
	double middle = (next->step.buy + next->step.sell) / 2, most_wh = 0, load_wh = 0;
	for (int i = 0; i < b->orders; i++) {
		assert_true(b->order[i].side == BID_BUY && b->order[i].price <= next->step.buy);
		most_wh += b->order[i].energy_wh;
		load_wh += b->order[i].price >= middle ? b->order[i].energy_wh : 0;
	}
	double unsure_wh = 1.61 * next->step.spread_w / 2 * 0.25;
	assert_true(fabs(load_wh / (next->step.load_w * 0.25) - 1) < 0.1);
	assert_true(b->orders > 1 && most_wh < 1.1 * load_wh + unsure_wh);
	char words[160];
	snprintf(words, sizeof(words),
		 "bid for 2026-06-01T00:30:00Z: %d orders; expected are %.0f W to be needed, and "
		 "forecasts at this time of day were off by %.0f W",
		 b->orders, next->step.load_w, next->step.spread_w);
	assert_true(explained(words));
	rig_close();
	open_house("policy\nhedge = no", text_market);
	next_interval();
	next = plan_at(&rig.home.plan, start_s + 1800);
	assert_non_null(next);
	assert_true(b->orders == 1 && b->order[0].side == BID_BUY);
	assert_true(rig.home.market.bid_start_s == start_s + 1800);
	assert_true(fabs(b->order[0].energy_wh / (next->step.load_w * 0.25) - 1) < 0.1);
	assert_true(fabs(b->order[0].price - next->step.buy) < 1e-9);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decides),      cmocka_unit_test(test_person_first),
		cmocka_unit_test(test_shadow),       cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_not_finite),   cmocka_unit_test(test_slow),
		cmocka_unit_test(test_missing),      cmocka_unit_test(test_costly),
		cmocka_unit_test(test_without_plan), cmocka_unit_test(test_swap),
		cmocka_unit_test(test_verdict),      cmocka_unit_test(test_bids),
		cmocka_unit_test(test_refrains),
	};
	return cmocka_run_group_tests_name("learned", tests, make_files, remove_files);
}
