/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/league.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

double line_flow(const struct line_terms *l, double hours, double stiffness, double wanted_kw)
{
	double dead_kw = hours * l->fee / (2 * stiffness);
	double flow_kw = fmax(fabs(wanted_kw) - dead_kw, 0);
	return copysign(fmin(flow_kw, l->capacity_kw), wanted_kw);
}

int league_lines_of(const struct league *l, int member, int *line)
{
	int count = 0;
	for (int i = 0; i < l->lines; i++) {
		if (l->line[i].a != member && l->line[i].b != member) {
			continue;
		}
		if (count == NEIGHBOURS_MAX) {
			return -E2BIG;
		}
		line[count++] = i;
	}
	return count;
}

int league_unreached(const struct league *l)
{
	bool reached[LEAGUE_MEMBERS_MAX] = { true };
	for (bool grown = true; grown;) { /* once a member at most */
		grown = false;
		for (int i = 0; i < l->lines; i++) {
			int a = l->line[i].a, b = l->line[i].b;
			grown |= reached[a] != reached[b];
			reached[a] = reached[b] = reached[a] || reached[b];
		}
	}
	int i = 0;
	while (i < l->members && reached[i]) {
		i++;
	}
	return i < l->members ? i : -1;
}
