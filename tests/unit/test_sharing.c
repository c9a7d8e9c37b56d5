/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/fairness.h"
#include "daemon/home/sharing.h"

enum { MANY = 12 };

static struct sharing_room random_room(uint64_t *seed)
{
	double low = random_between(seed, -2000, 500), high = random_between(seed, -500, 2000);
	return (struct sharing_room){ .low_wh = fmin(low, high),
				      .high_wh = fmax(low, high),
				      .burden_wh = random_between(seed, 0, 3000),
				      .weight = random_between(seed, 0.1, 5) };
}

static void test_split(void **unused)
{
	/* What is split adds up, stays within each one's room, and nobody is asked who stands
	 * higher than one who could still be asked instead. */
	(void)unused;
	uint64_t seed = random_seed();
	struct sharing_room room[MANY];
	double out[MANY];
	for (int run = 0; run < 3000; run++) {
		int n = 1 + (int)(random_next(&seed) % MANY);
		double low = 0, high = 0, sum = 0;
		for (int i = 0; i < n; i++) {
			room[i] = random_room(&seed);
			low += room[i].low_wh;
			high += room[i].high_wh;
		}
		double total = random_between(&seed, low - 500, high + 500);
		double said = sharing_split(room, n, total, out);
		double base = 0;
		for (int i = 0; i < n; i++) {
			assert_true(out[i] >= room[i].low_wh && out[i] <= room[i].high_wh);
			base += fmin(fmax(0, room[i].low_wh), room[i].high_wh);
			sum += out[i];
		}
		assert_true(fabs(said - sum) < 1e-6);
		assert_true(fabs(sum - fmin(fmax(total, low), high)) < 1e-3);
		double sign = total < base ? -1 : 1;
		for (int i = 0; i < n; i++) {
			for (int k = 0; k < n; k++) {
				double must_i = fmin(fmax(0, room[i].low_wh), room[i].high_wh);
				double must_k = fmin(fmax(0, room[k].low_wh), room[k].high_wh);
				double asked_i = sign * (out[i] - must_i);
				double asked_k = sign * (out[k] - must_k);
				double end_k = sign > 0 ? room[k].high_wh : room[k].low_wh;
				bool could = fabs(end_k - out[k]) > 1e-3;
				double level_i = (room[i].burden_wh + asked_i) / room[i].weight;
				double level_k = (room[k].burden_wh + asked_k) / room[k].weight;
				assert_true(asked_i < 1e-3 || !could || level_i <= level_k + 0.1);
			}
		}
	}
}

static void test_rotation(void **unused)
{
	/* Asked again and again for what one of them could give alone, alike members end up asked
	 * alike, whatever each can do at a time. */
	(void)unused;
	uint64_t seed = random_seed();
	double burden[5] = { 2000, 0, 0, 500, 0 }, out[5]; /* as a restart may find them */
	for (int run = 0; run < 400; run++) {
		struct sharing_room room[5];
		for (int i = 0; i < 5; i++) {
			bool here = random_between(&seed, 0, 1) < 0.7;
			room[i] = (struct sharing_room){ .low_wh = here ? -800 : 0,
							 .burden_wh = burden[i],
							 .weight = 1 };
		}
		(void)sharing_split(room, 5, -300, out);
		for (int i = 0; i < 5; i++) {
			burden[i] -= out[i];
		}
	}
	assert_true(fairness_jain(burden, 5) > 0.999);
	assert_true(fairness_min_max(burden, 5) > 0.95);
}

static struct sharing_line random_line(uint64_t *seed)
{
	double planned = random_between(seed, -1500, 1500);
	double asked = random_between(seed, 0, 1) < 0.5 ? 0 : random_between(seed, -800, 800);
	return (struct sharing_line){ .metered = random_between(seed, 0, 1) < 0.9,
				      .net_wh = planned + asked + random_between(seed, -400, 400),
				      .planned_wh = planned,
				      .target_wh = planned + asked,
				      .price = random_between(seed, 0, 0.03),
				      .worth = random_between(seed, 0, 0.4) };
}

static void test_nobody_worse(void **unused)
{
	/* Whatever the intervals bring, no member pays more than alone by what it told itself, all
	 * pay together what the community does but for the fund, and the fund holds no profit back.
	 */
	(void)unused;
	uint64_t seed = random_seed();
	for (int run = 0; run < 300; run++) {
		int n = 1 + (int)(random_next(&seed) % 6);
		struct sharing_account account[6] = { { 0 } };
		struct sharing_line line[6];
		double fund = 0, community = 0, moved[6] = { 0 }, stored = 0;
		for (int t = 0; t < 96; t++) {
			struct sharing_terms terms = { .buy = random_between(&seed, 0.1, 0.4),
						       .sell = random_between(&seed, 0, 0.1),
						       .own_wh = random_between(&seed, -900, 900),
						       .own_worth =
							       random_between(&seed, -0.2, 0.2),
						       .keep = 1 };
			double net_wh = terms.own_wh;
			for (int i = 0; i < n; i++) {
				line[i] = random_line(&seed);
				double did = sharing_delivered_wh(&line[i]) / 1e3;
				net_wh += line[i].metered ? line[i].net_wh : 0;
				moved[i] += line[i].metered ? did * line[i].worth -
								      fabs(did) * line[i].price
							    : 0;
			}
			if (sharing_settle(&terms, line, n, account, &fund) > 0) {
				community += sharing_cost(&terms, net_wh);
				stored += terms.own_worth;
			}
			assert_true(fund <= 1e-12);
		}
		double paid = 0;
		for (int i = 0; i < n; i++) {
			paid += account[i].paid;
			assert_true(account[i].saved >= 0);
			assert_true(fabs(account[i].alone + moved[i] - account[i].saved -
					 account[i].paid) < 1e-9);
			assert_true(account[i].delivered_wh <= account[i].asked_wh + 1e-9);
		}
		assert_true(fabs(paid + stored - community - fund) < 1e-9);
	}
}

static void test_netting(void **unused)
{
	/* Who exports beside one who imports the same saves both the spread, half each. */
	(void)unused;
	struct sharing_terms t = { .buy = 0.30, .sell = 0.10, .keep = 1 };
	struct sharing_line line[3] = {
		{ .metered = true, .net_wh = 1000, .planned_wh = 1000, .target_wh = 1000 },
		{ .metered = true, .net_wh = -1000, .planned_wh = -1000, .target_wh = -1000 },
		{ .net_wh = 1e9 },
	};
	struct sharing_account account[3] = { { 0 } };
	double fund = 0;
	assert_int_equal(sharing_settle(&t, line, 3, account, &fund), 2);
	assert_true(fabs(account[0].paid - 0.20) < 1e-12 && fabs(account[1].paid + 0.20) < 1e-12);
	assert_true(fabs(account[0].saved - 0.10) < 1e-12 && fabs(account[1].saved - 0.10) < 1e-12);
	assert_true(account[2].intervals == 0 && account[2].paid == 0);
}

static void test_delivered(void **unused)
{
	/* What was asked counts as far as it was done, in the direction it was asked; the other way
	 * counts for nothing. */
	(void)unused;
	static const struct {
		double planned, target, net, delivered;
	} cases[] = { { 0, 500, 500, 500 },  { 0, 500, 200, 200 },      { 0, 500, 900, 500 },
		      { 0, 500, -300, 0 },   { 100, -400, -400, -500 }, { 100, -400, 0, -100 },
		      { 100, -400, 300, 0 }, { 100, -400, -900, -500 }, { 70, 70, 500, 0 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sharing_line l = { .planned_wh = cases[i].planned,
					  .target_wh = cases[i].target,
					  .net_wh = cases[i].net };
		assert_true(fabs(sharing_delivered_wh(&l) - cases[i].delivered) < 1e-9);
	}
}

static void test_figures(void **unused)
{
	/* Alike is 1, one who has all is 1/n and 0, nobody who has anything is unknown. */
	(void)unused;
	const double alike[] = { 3, 3, 3, 3 }, one[] = { 0, 5, 0, 0 }, none[] = { 0, 0, 0, 0 };
	const double some[] = { 1, 2 };
	assert_true(fairness_jain(alike, 4) == 1 && fairness_min_max(alike, 4) == 1);
	assert_true(fairness_jain(one, 4) == 0.25 && fairness_min_max(one, 4) == 0);
	assert_true(isnan(fairness_jain(none, 4)) && isnan(fairness_min_max(none, 4)));
	assert_true(fabs(fairness_jain(some, 2) - 0.9) < 1e-12);
	assert_true(fairness_min_max(some, 2) == 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),     cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_netting),   cmocka_unit_test(test_nobody_worse),
		cmocka_unit_test(test_delivered), cmocka_unit_test(test_figures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
