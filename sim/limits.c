/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/limits.h"

static const double power_slack = 0.01;
static const double charge_slack = 0.005;
/* A cloud goes on while the house answers it. */
static const double connection_slack = 0.03, connection_slack_w = 60;
static const int reaction_cycles = 6;
/* A battery that is nearer to its end than this is not counted on to help. */
static const double near_charge = 0.02, near_power = 0.02;

static bool power_kept(const struct battery_model *m, double w)
{
	return w <= m->discharge_limit_w * (1 + power_slack) &&
	       -w <= m->charge_limit_w * (1 + power_slack);
}

/* What it loses by itself is not discharged. */
static bool charge_kept(const struct battery_model *m, double soc, double w)
{
	return (soc >= m->soc_min - charge_slack || w <= m->discharge_limit_w * power_slack) &&
	       (soc <= m->soc_max + charge_slack || -w <= m->charge_limit_w * power_slack);
}

/* Whether battery b could give more (import) or take more (export). */
static bool can_help(const struct battery_model *m, double soc, double w, bool import)
{
	if (import) {
		return soc > m->soc_min + near_charge &&
		       w < m->discharge_limit_w * (1 - near_power);
	}
	return soc < m->soc_max - near_charge && -w < m->charge_limit_w * (1 - near_power);
}

static bool connection_kept(const struct site *site, const struct plant *p)
{
	bool import =
		p->grid_w > site->import_limit_w * (1 + connection_slack) + connection_slack_w;
	bool export =
		-p->grid_w > site->export_limit_w * (1 + connection_slack) + connection_slack_w;
	bool help = false;
	for (int b = 0; b < site->batteries; b++) {
		help |= can_help(&site->battery[b].model, plant_soc(p, b), p->battery[b].w, import);
	}
	return !(import || export) || !help;
}

void limits_look(struct limits *l, const struct site *site, const struct plant *p, bool trial)
{
	bool power = true, charge = true;
	for (int b = 0; b < site->batteries; b++) {
		power = power && power_kept(&site->battery[b].model, p->battery[b].w);
		charge = charge &&
			 charge_kept(&site->battery[b].model, plant_soc(p, b), p->battery[b].w);
	}
	l->power += !power;
	l->charge += !charge;
	l->over = trial || connection_kept(site, p) ? 0 : l->over + 1;
	l->connection += l->over > reaction_cycles;
}
