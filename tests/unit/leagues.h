/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random leagues for tests: communities with load, PV and batteries on a ring or a sparse graph. */
#ifndef LECD_LEAGUES_H
#define LECD_LEAGUES_H

#include <math.h>

#include "test.h"

#include "daemon/market/league.h"
#include "policy/member.h"

struct test_league {
	struct league l;
	struct member_model member[LEAGUE_MEMBERS_MAX];
};

/* A community: of those with much sun, or little, or wind by night; two in three have a battery. */
static inline void league_make_member(struct member_model *m, int steps, double hours,
				      uint64_t *seed)
{
	double homes = floor(random_between(seed, 5, 40)), sun = random_between(seed, 0, 6);
	double wind = random_between(seed, 0, 1) < 0.3 ? random_between(seed, 0, 1) : 0;
	double buy = random_between(seed, 0.25, 0.3), sell = random_between(seed, 0.05, 0.1);
	*m = (struct member_model){ .steps = steps,
				    .hours = hours,
				    .charge_efficiency = 0.95,
				    .discharge_efficiency = 0.95 };
	for (int t = 0; t < steps; t++) {
		double hour = 24.0 * t / steps;
		double day = fmax(0, sin((hour - 6) / 12 * 3.14159265));
		double evening = exp(-(hour - 19) * (hour - 19) / 8);
		m->net_kw[t] = homes * (0.4 + 1.2 * evening + random_between(seed, 0, 0.3) -
					sun * 0.5 * day - wind * random_between(seed, 0, 2));
		m->buy[t] = buy + (hour >= 16 && hour < 21 ? 0.1 : 0);
		m->sell[t] = sell;
	}
	if (random_between(seed, 0, 3) < 2) {
		m->capacity_kwh = homes * random_between(seed, 1, 8);
		m->start_kwh = m->capacity_kwh * random_between(seed, 0, 0.5);
		m->charge_max_kw = m->discharge_max_kw = m->capacity_kwh / 3;
		m->wear = random_between(seed, 0, 0.03);
	}
}

static inline void league_add_line(struct league *l, int a, int b, uint64_t *seed)
{
	struct league_line *line = &l->line[l->lines++];
	*line = (struct league_line){ a, b, { INFINITY, 0 } };
	if (random_between(seed, 0, 1) < 0.5) {
		line->terms.fee = floor(random_between(seed, 0, 30)) / 1000;
	}
	if (random_between(seed, 0, 1) < 0.4) {
		line->terms.capacity_kw = floor(random_between(seed, 0, 30));
	}
}

/* A ring, and as many chords across it; without a ring, a tree and chords. */
static inline void league_make(struct test_league *g, int members, int steps, bool ring, int chords,
			       uint64_t *seed)
{
	g->l = (struct league){ .members = members, .steps = steps, .hours = 24.0 / steps };
	for (int i = 0; i < members; i++) {
		league_make_member(&g->member[i], steps, g->l.hours, seed);
	}
	for (int i = 1; i < members; i++) {
		int to = ring ? i - 1 : (int)random_between(seed, 0, i);
		league_add_line(&g->l, to, i, seed);
	}
	if (ring) {
		league_add_line(&g->l, members - 1, 0, seed);
	}
	for (int i = 0; i < chords; i++) {
		int a = (int)random_between(seed, 0, members),
		    b = (int)random_between(seed, 0, members);
		if (a != b) {
			league_add_line(&g->l, a, b, seed);
		}
	}
}

#endif
