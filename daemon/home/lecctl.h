/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl's commands. Each gets the options, prints its result to stdout and words to stderr, and
 * returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
#ifndef LECD_HOME_LECCTL_H
#define LECD_HOME_LECCTL_H

#include <stdbool.h>

struct lecctl {
	const char *config; /* --config: where the socket is told; NULL */
	const char *socket; /* of the running lecd */
	const char *site;   /* --site, for planning offline; NULL */
	const char *series; /* --series */
	const char *out;    /* --out: CSV; NULL: none */
	const char *from;   /* --from, --to: of history; NULL */
	const char *to;
	const char *kind;  /* --kind of history; NULL: quarters */
	const char *until; /* --until, for watch; NULL */
	const char *plot;  /* --plot: SVG; NULL: none */
	bool plan;         /* --plan: explain the plan, not the moment */
	bool explain;      /* --explain: of a plan made offline */
	bool json;         /* --json: the document as it came */
	int words;         /* what stands behind the command */
	char **word;
};

/* Offline: one plan, or the bid for its first interval, from a site and a series. */
int lecctl_plan_offline(const struct lecctl *c);
int lecctl_bid(const struct lecctl *c);

/* Draw a plan as SVG to path ("-": stdout). plan: its document, see plan_json.h. */
struct json_value;
int lecctl_plot(const struct json_value *plan, const char *path);

/* Of the running lecd. */
int lecctl_status(const struct lecctl *c);
int lecctl_watch(const struct lecctl *c);
int lecctl_devices(const struct lecctl *c);
int lecctl_explain(const struct lecctl *c);
int lecctl_plan_online(const struct lecctl *c);
int lecctl_history(const struct lecctl *c);
int lecctl_mode(const struct lecctl *c);

/* Ask the running lecd; says on stderr what went wrong. Returns 0 or -errno. */
int lecctl_ask(const struct lecctl *c, const char *request, char *reply, int size);
/* Say on stderr why lecd cannot be asked: error is a -errno of control.h's client side. */
void lecctl_complain(const struct lecctl *c, int error);

#endif
