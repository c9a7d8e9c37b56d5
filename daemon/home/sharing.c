/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/sharing.h"

#include <math.h>
#include <stddef.h>

enum { HALVINGS = 24 };

/* --- asking -------------------------------------------------------------------------------------
 */

/* What a member must do, and is nearest to nothing. */
static double least(const struct sharing_room *r)
{
	return fmin(fmax(0, r->low_wh), r->high_wh);
}

/* What a member does at a level of burden for its weight, asked in the direction of sign. */
static double at_level(const struct sharing_room *r, double level, double sign)
{
	double wh = least(r) + sign * fmax(level * r->weight - r->burden_wh, 0);
	return fmin(fmax(wh, r->low_wh), r->high_wh);
}

static double sum_at(const struct sharing_room *room, int members, double level, double sign)
{
	double sum = 0;
	for (int i = 0; i < members; i++) {
		sum += at_level(&room[i], level, sign);
	}
	return sum;
}

/* The level at which everybody is at an end of its room. */
static double highest(const struct sharing_room *room, int members)
{
	double level = 0;
	for (int i = 0; i < members; i++) {
		const struct sharing_room *r = &room[i];
		level = fmax(level, (r->burden_wh + r->high_wh - r->low_wh) / r->weight);
	}
	return level;
}

/* The sum is a polyline in the level: halved until there is hardly a corner left between the two
 * ends, what lies between them is a straight line. */
double sharing_split(const struct sharing_room *room, int members, double total_wh, double *out_wh)
{
	double low = 0, high = highest(room, members);
	double low_sum = sum_at(room, members, 0, 1);
	double sign = total_wh < low_sum ? -1 : 1, sum = 0;
	double high_sum = total_wh == low_sum ? low_sum : sum_at(room, members, high, sign);
	for (int k = 0; k < HALVINGS && low_sum != high_sum; k++) {
		double level = (low + high) / 2, at = sum_at(room, members, level, sign);
		bool more = sign * at < sign * total_wh;
		low = more ? level : low;
		low_sum = more ? at : low_sum;
		high = more ? high : level;
		high_sum = more ? high_sum : at;
	}
	double share = low_sum == high_sum ? 0 : (total_wh - low_sum) / (high_sum - low_sum);
	share = fmin(share, 1);
	for (int i = 0; i < members; i++) {
		double from = at_level(&room[i], low, sign);
		out_wh[i] = from + share * (at_level(&room[i], high, sign) - from);
		sum += out_wh[i];
	}
	return sum;
}

/* --- paying -------------------------------------------------------------------------------------
 */

double sharing_cost(const struct sharing_terms *t, double net_wh)
{
	return net_wh / 1e3 * (net_wh > 0 ? t->buy : t->sell);
}

double sharing_asked_wh(const struct sharing_line *l)
{
	return l->target_wh - l->planned_wh;
}

double sharing_delivered_wh(const struct sharing_line *l)
{
	double asked_wh = sharing_asked_wh(l), did_wh = l->net_wh - l->planned_wh;
	return asked_wh > 0 ? fmin(fmax(did_wh, 0), asked_wh) : fmax(fmin(did_wh, 0), asked_wh);
}

/* What a member owes before the fund is shared. */
static double owed(const struct sharing_terms *t, const struct sharing_line *l)
{
	double delivered_wh = sharing_delivered_wh(l);
	return sharing_cost(t, l->net_wh - delivered_wh) + delivered_wh / 1e3 * l->worth -
	       fabs(delivered_wh) / 1e3 * l->price;
}

static void keep_account(const struct sharing_terms *t, const struct sharing_line *l,
			 struct sharing_account *a)
{
	double asked_wh = fabs(sharing_asked_wh(l)), delivered_wh = sharing_delivered_wh(l);
	a->alone += sharing_cost(t, l->net_wh - delivered_wh);
	a->paid += owed(t, l);
	a->burden_wh = a->burden_wh * t->keep + fabs(delivered_wh);
	a->asked_wh += asked_wh;
	a->delivered_wh += fabs(delivered_wh);
	a->off_wh += fabs(l->net_wh - l->target_wh);
	a->intervals++;
}

int sharing_settle(const struct sharing_terms *t, const struct sharing_line *line, int members,
		   struct sharing_account *account, double *fund)
{
	double net_wh = t->own_wh, surplus = t->own_worth;
	int settled = 0;
	for (int i = 0; i < members; i++) {
		if (line[i].metered) {
			net_wh += line[i].net_wh;
			surplus += owed(t, &line[i]);
			keep_account(t, &line[i], &account[i]);
			settled++;
		}
	}
	if (settled == 0) {
		return 0;
	}
	*fund += surplus - sharing_cost(t, net_wh);
	double part = *fund > 0 ? *fund / settled : 0;
	for (int i = 0; part > 0 && i < members; i++) {
		account[i].paid -= line[i].metered ? part : 0;
		account[i].saved += line[i].metered ? part : 0;
	}
	*fund = part > 0 ? 0 : *fund;
	return settled;
}
