/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A league as its file describes it: the communities, the lines between them, prices, which
 * framework they negotiate in, and what goes wrong on the way. See etc/examples/league.conf;
 * docs/lec-market.1 has every key. */
#ifndef LECD_SIM_LEAGUE_CONF_H
#define LECD_SIM_LEAGUE_CONF_H

#include <stdbool.h>

#include "daemon/base/diag.h"
#include "daemon/base/tariff.h"
#include "daemon/market/league.h"
#include "policy/member.h"
#include "sim/league_peers.h"
#include "sim/league_run.h"

/* [community NAME] */
struct league_community {
	char name[32];
	int line;              /* of its section in the file */
	char load[32], pv[32]; /* columns of the series */
	double capacity_wh, charge_limit_w, discharge_limit_w, efficiency; /* round trip */
	double soc_min, soc_max, soc_start;
	double wear;
	double buy, sell;                  /* its own, NaN: the tariff's */
	double trade_limit_w;              /* among homes */
	int64_t silent_from, unsound_from; /* rounds, -1: never */
};

/* [line NAME] */
struct league_wire {
	char name[32];
	int line;
	char from[32], to[32];
	double capacity_w; /* INFINITY: no bound */
	double fee;
};

enum { LEAGUE_COMMUNITIES_MAX = LEAGUE_MEMBERS_MAX - 1 }; /* one more stands for their bus */

struct league_conf {
	char path[256];
	/* [scenario] */
	int framework;
	char series[256], timezone[TIMEZONE_SIZE];
	int64_t start_s, seed;
	double horizon_s, step_s, loss;
	/* [negotiation] */
	double penalty, relaxation, tolerance_w;
	int64_t rounds, silence, concessions;
	struct tariff tariff;
	int communities, wires;
	struct league_community community[LEAGUE_COMMUNITIES_MAX];
	struct league_wire wire[LEAGUE_LINES_MAX];
	/* What follows from all that. */
	struct league league;
	struct member_model member[LEAGUE_MEMBERS_MAX];
};

/* Read path and its series; everything that is wrong goes to d, and *out is only then to be used
 * when nothing was. Sets the process's time zone. Returns 0 or -errno. */
int league_conf_read(const char *path, struct league_conf *out, struct diag *d);

/* Whether path is a scenario of this kind: it names a framework. */
bool league_conf_is(const char *path);

/* The member of that name, -1: there is none. */
int league_conf_find(const struct league_conf *c, const char *name);

struct consensus_terms league_conf_terms(const struct league_conf *c);
struct league_way league_conf_way(const struct league_conf *c);
struct peers_way league_conf_peers(const struct league_conf *c);

#endif
