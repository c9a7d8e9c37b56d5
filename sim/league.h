/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market negotiate, of a scenario with a framework: a league negotiates in one process, by a
 * platform, by consensus among neighbours, or as homes that trade with each other. */
#ifndef LECD_SIM_LEAGUE_H
#define LECD_SIM_LEAGUE_H

/* Where results go beside standard output; NULL: nowhere. */
struct league_files {
	const char *out;   /* who gave to whom, as CSV */
	const char *trace; /* the rounds as CSV; of p2p the steps, beside a pool's */
	const char *plot;  /* as SVG: the graph with its flows and the rounds; energy and prices */
};

/* Read the scenario, negotiate, and tell: the result beside the optimum as one JSON object on
 * standard output, what went wrong on standard error. Returns the exit code: 1 also where it was
 * not agreed within the rounds, 2: the scenario is not sound. */
int league_tell(const char *scenario, const struct league_files *files);

#endif
