/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A league: communities and the lines between those that are neighbours. What goes over a line is
 * counted positive from b to a. */
#ifndef LECD_MARKET_LEAGUE_H
#define LECD_MARKET_LEAGUE_H

enum {
	LEAGUE_MEMBERS_MAX = 64,
	LEAGUE_LINES_MAX = 256,
	LEAGUE_STEPS_MAX = 96,
	NEIGHBOURS_MAX = 16
};

struct line_terms {
	double capacity_kw; /* either way, >= 0; INFINITY: no bound */
	double fee;         /* of the grid for each kWh over it, >= 0; both ends pay half */
};

struct league_line {
	int a, b; /* members */
	struct line_terms terms;
};

struct league {
	int members, lines, steps;
	double hours; /* of a step */
	struct league_line line[LEAGUE_LINES_MAX];
};

/* The flow of least cost on a line for a step of `hours`, where a flow f costs the fee and
 * stiffness * (f - wanted_kw)^2: half of the stiffness is of either end. */
double line_flow(const struct line_terms *l, double hours, double stiffness, double wanted_kw);

/* The lines of a member: fills line[] (room for NEIGHBOURS_MAX) and returns how many; -E2BIG: more
 * than that. */
int league_lines_of(const struct league *l, int member, int *line);

/* A member that lines do not lead to from member 0; -1: there is none, the league is connected. */
int league_unreached(const struct league *l);

#endif
