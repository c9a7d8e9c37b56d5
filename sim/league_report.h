/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What came of a league, for machines and for people: one JSON object, trades and rounds as CSV,
 * and a picture. Each returns 0, or -errno where it cannot be written; files are the caller's. */
#ifndef LECD_SIM_LEAGUE_REPORT_H
#define LECD_SIM_LEAGUE_REPORT_H

#include <stdio.h>

#include "sim/league_conf.h"

struct league_result {
	const struct league_conf *conf;
	double central;                           /* the optimum */
	const struct league_outcome *lines;       /* of the frameworks with lines, else NULL */
	const struct peers_outcome *peers, *pool; /* of p2p, else NULL */
};

int league_report_json(FILE *to, const struct league_result *r);
/* time,from,to,kwh,price: who gave to whom. */
int league_report_trades(FILE *to, const struct league_result *r);
/* round,residual_w; of p2p step by step: time,traded_kwh,price,pool_traded_kwh,pool_price. */
int league_report_trace(FILE *to, const struct league_result *r);
/* The graph with its flows, and the rounds; of p2p energy and prices over time. */
int league_plot(FILE *to, const struct league_result *r);

#endif
