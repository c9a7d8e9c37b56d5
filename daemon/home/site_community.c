/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A site as part of a community: a home towards its manager, or the manager with its members. */
#include "daemon/home/site_private.h"

#include <string.h>

void site_read_member(struct config *c, int at, struct site *s, struct diag *d)
{
	struct config_section *section = &c->section[at];
	if (strcmp(section->kind, "member") != 0) {
		return;
	}
	config_apply(c, at, NULL, 0, s, s->tariff.currency, d);
	if (s->members == MEMBERS_MAX) {
		diag_error(d, c->path, section->line, "one [member] too many, expected at most %d",
			   MEMBERS_MAX);
		return;
	}
	struct site_member *m = &s->member[s->members];
	const char *expected = config_parse_name(section->name, m->id, sizeof(m->id));
	if (expected) {
		diag_error(d, c->path, section->line, "[member %s], expected %s", section->name,
			   expected);
		return;
	}
	m->line = section->line;
	s->members++;
}

void site_check_community(const struct config *c, struct site *s, struct diag *d)
{
	int at = config_find(c, "community"), mqtt = config_find(c, "mqtt");
	int line = at >= 0 ? config_line(c, at, "manager") : 0;
	if (s->role == ROLE_HOME && s->members > 0) {
		diag_error(d, c->path, s->member[0].line,
			   "[member] with role = home, expected role = community");
	}
	if (s->role == ROLE_COMMUNITY && s->manner != MANNER_OFF) {
		diag_error(d, c->path, line,
			   "manager = %s with role = community, expected role = home: this is the "
			   "manager",
			   s->manner == MANNER_OWN ? "own" : "follow");
	}
	if ((s->manner != MANNER_OFF || s->members > 0) && mqtt < 0) {
		diag_error(d, c->path, s->members > 0 ? s->member[0].line : line,
			   "a community without a broker, expected a section [mqtt]");
	}
	if (s->role == ROLE_COMMUNITY) {
		if (mqtt >= 0 && config_has(c, mqtt, "bid") && s->bid) {
			diag_error(d, c->path, config_line(c, mqtt, "bid"),
				   "bid = yes with role = community, expected no: members bid "
				   "themselves");
		}
		s->bid = false;
	}
}
