/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl's commands. Each gets the options, prints its result to stdout and words to stderr, and
 * returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
#ifndef LECD_HOME_LECCTL_H
#define LECD_HOME_LECCTL_H

#include <stdbool.h>

struct json_value;
struct modbus_address;
struct page;

struct lecctl {
	const char *config; /* --config: where the socket is told; NULL */
	const char *socket; /* of the running lecd */
	const char *site;   /* --site, for planning offline; NULL */
	const char *series; /* --series */
	const char *out;    /* --out: CSV; NULL: none */
	const char *actor;  /* --actor: what an actor's numbers mean; NULL */
	const char *input;  /* --input: rows for policy; NULL */
	const char *from;   /* --from, --to: of history; NULL */
	const char *to;
	const char *kind;  /* --kind of history; NULL: quarters */
	const char *until; /* --until, for watch; NULL */
	/* Of probe and test-write, as they were given; NULL: */
	const char *profile;  /* --profile */
	const char *profiles; /* --profiles: a folder of them */
	const char *timeout;  /* --timeout, s */
	const char *rating;   /* --rating, W */
	const char *power;    /* --power, W */
	const char *seconds;  /* --seconds */
	bool yes;             /* --yes: do not ask */
	const char *plot;     /* --plot: SVG; NULL: none */
	bool plan;            /* --plan: explain the plan, not the moment */
	bool explain;         /* --explain: of a plan made offline */
	bool json;            /* --json: the document as it came */
	int words;            /* what stands behind the command */
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
int lecctl_reload(const struct lecctl *c);

/* Of a learned actor, without lecd. */
int lecctl_policy(const struct lecctl *c);

/* Of a device, without lecd. */
int lecctl_probe(const struct lecctl *c);
int lecctl_test_write(const struct lecctl *c);

/* The word behind the command as an address; or an option's number, *out as it is where the option
 * was not given. Say on stderr what is wrong. Return 0 or 2. */
int lecctl_address(const struct lecctl *c, struct modbus_address *out);
int lecctl_number(const char *option, const char *text, double min, double max, double *out);

/* Whether a lecd answers at the socket and has a device at that address's line. One that runs on
 * another machine cannot be known. */
bool lecctl_is_driven(const struct lecctl *c, const struct modbus_address *address);

/* Print a document as it is (--json) or as a page. Returns the exit code. */
int lecctl_print(const struct lecctl *c, const char *document,
		 void (*show)(struct page *p, const struct json_value *root));

/* Ask the running lecd; says on stderr what went wrong. Returns 0 or -errno. */
int lecctl_ask(const struct lecctl *c, const char *request, char *reply, int size);
/* Say on stderr why lecd cannot be asked: error is a -errno of control.h's client side. */
void lecctl_complain(const struct lecctl *c, int error);

#endif
