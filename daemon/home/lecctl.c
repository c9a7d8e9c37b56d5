/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl: what the running controller sees, did and why; and plans offline. */
#include "daemon/home/lecctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/home/control.h"
#include "daemon/home/site.h"

static int plan(const struct lecctl *c)
{
	return c->site || c->series ? lecctl_plan_offline(c) : lecctl_plan_online(c);
}

static const struct {
	const char *name;
	int (*run)(const struct lecctl *c);
	int words; /* at most this many behind it */
	const char *about;
} commands[] = {
	{ "status", lecctl_status, 0, "what lecd sees and does now" },
	{ "watch", lecctl_watch, 0, "the same, live on one screen; [--until TIME]" },
	{ "explain", lecctl_explain, 0,
	  "why it does what it does, a line for each reason; --plan: for each slot of the plan" },
	{ "devices", lecctl_devices, 0, "each device with its readings and its link" },
	{ "history", lecctl_history, 0,
	  "what was; [--kind samples|minutes|quarters|ledger] [--from TIME] [--to TIME] [--out "
	  "CSV]" },
	{ "plan", plan, 0,
	  "the current plan, [--plot SVG]; or one offline: --site FILE --series CSV [--out CSV] "
	  "[--explain]" },
	{ "bid", lecctl_bid, 0, "the bid for a series' first interval: --site FILE --series CSV" },
	{ "policy", lecctl_policy, 1,
	  "what a learned ACTOR.onnx is; [--input CSV]: what it answers to rows of observations, "
	  "[--out CSV] [--actor CONF [--site FILE]]" },
	{ "reload", lecctl_reload, 0,
	  "read the policy's actor again; one that is refused leaves the old one in place" },
	{ "mode", lecctl_mode, 1, "auto, self, hold or off: what a person wants" },
	{ "probe", lecctl_probe, 1,
	  "what the device at an ADDRESS is and tells; never writes; [--profile NAME] [--profiles "
	  "FOLDER] [--rating W] [--timeout S]" },
	{ "test-write", lecctl_test_write, 1,
	  "let the battery at an ADDRESS hold a power, and give it back: --profile NAME "
	  "[--power W] [--seconds S] [--rating W] [--yes]" },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void help(FILE *to)
{
	fputs("usage: lecctl COMMAND [--config FILE | --socket PATH] [--json] [OPTION]...\n", to);
	for (int i = 0; i < COMMANDS; i++) {
		fprintf(to, "  %-10s  %s\n", commands[i].name, commands[i].about);
	}
	fputs("  --config FILE  the site of the lecd to ask (default: the socket "
	      "/run/lecd/lecd.sock)\n"
	      "  --json         print the document as it came\n"
	      "  --help --version\n",
	      to);
}

/* Fill c. Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct lecctl *c)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 'S' },
		{ "site", required_argument, NULL, 's' },
		{ "series", required_argument, NULL, 'r' },
		{ "out", required_argument, NULL, 'o' },
		{ "actor", required_argument, NULL, 'a' },
		{ "input", required_argument, NULL, 'i' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "kind", required_argument, NULL, 'k' },
		{ "until", required_argument, NULL, 'u' },
		{ "profile", required_argument, NULL, 'p' },
		{ "profiles", required_argument, NULL, 'P' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "rating", required_argument, NULL, 'R' },
		{ "power", required_argument, NULL, 'w' },
		{ "seconds", required_argument, NULL, 'd' },
		{ "yes", no_argument, NULL, 'y' },
		{ "plot", required_argument, NULL, 'g' },
		{ "plan", no_argument, NULL, 'n' },
		{ "explain", no_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char **const text[128] = {
		['c'] = &c->config, ['S'] = &c->socket,  ['s'] = &c->site,     ['r'] = &c->series,
		['o'] = &c->out,    ['f'] = &c->from,    ['t'] = &c->to,       ['k'] = &c->kind,
		['u'] = &c->until,  ['p'] = &c->profile, ['P'] = &c->profiles, ['T'] = &c->timeout,
		['R'] = &c->rating, ['w'] = &c->power,   ['d'] = &c->seconds,  ['g'] = &c->plot,
		['i'] = &c->input,  ['a'] = &c->actor,
	};
	bool *const flag[128] = {
		['j'] = &c->json,
		['y'] = &c->yes,
		['n'] = &c->plan,
		['e'] = &c->explain,
	};
	for (int o; (o = getopt_long(argc, argv, "c:h", longs, NULL)) >= 0;) {
		if (o == 'h') {
			help(stdout);
			return 0;
		}
		if (o == 'v') {
			puts("lecctl " LECD_VERSION);
			return 0;
		}
		if (flag[o]) {
			*flag[o] = true;
		} else if (text[o]) {
			*text[o] = optarg;
		} else {
			help(stderr);
			return 2;
		}
	}
	c->words = argc - optind;
	c->word = argv + optind;
	return -1;
}

/* The socket is told by --socket, else by the site of --config, else the usual one. */
static int find_socket(struct lecctl *c)
{
	static struct site site;
	if (c->socket) {
		return 0;
	}
	c->socket = "/run/lecd/lecd.sock";
	if (c->config) {
		struct diag d = { .to = stderr };
		if (site_read(c->config, &site, &d) < 0) {
			return 2;
		}
		c->socket = site.socket;
	}
	return 0;
}

void lecctl_complain(const struct lecctl *c, int error)
{
	if (error == -EACCES) {
		fprintf(stderr, "lecctl: %s: not allowed, try it as root\n", c->socket);
	} else {
		fprintf(stderr, "lecctl: lecd does not answer at %s (%s): is it running?\n",
			c->socket, strerror(-error));
	}
}

int lecctl_ask(const struct lecctl *c, const char *request, char *reply, int size)
{
	int r = control_ask(c->socket, request, reply, (size_t)size);
	if (r < 0) {
		lecctl_complain(c, r);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct lecctl c = { 0 };
	int code = parse_options(argc, argv, &c);
	if (code >= 0) {
		return code;
	}
	for (int i = 0; c.words > 0 && i < COMMANDS; i++) {
		if (strcmp(c.word[0], commands[i].name) != 0) {
			continue;
		}
		c.words--;
		c.word++;
		if (c.words > commands[i].words) {
			fprintf(stderr, "lecctl: \"%s\" is one word too many behind %s\n",
				c.word[commands[i].words], commands[i].name);
			return 2;
		}
		code = find_socket(&c);
		return code ? code : commands[i].run(&c);
	}
	if (c.words > 0) {
		fprintf(stderr, "lecctl: \"%s\" is no command, expected one of these\n", c.word[0]);
	}
	help(stderr);
	return 2;
}
