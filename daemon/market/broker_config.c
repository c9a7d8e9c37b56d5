/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/broker_config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/durable.h"
#include "daemon/base/json_out.h"
#include "daemon/market/broker_acl.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD = 2, GO_ON = -1 };
enum { PATH_ROOM = PATH_MAX + 16, QUEUED_MIN = 1000, QUEUED_A_HOME = 4 };

static const char help[] =
	"Usage: lec-market broker-config MARKET.conf... --out DIR\n"
	"Write a configuration of mosquitto for this community, or these: TLS with a certificate\n"
	"for each client, and who may do what. The certificates are made by etc/broker/make-ca.\n"
	"  --out DIR    where mosquitto.conf and acl go, and the certificates are expected\n"
	"  --help\n";

struct options {
	char **conf;
	int confs;
	const char *out;
};

/* All whose broker it is. */
struct communities {
	struct market_conf *of; /* owned */
	int count;
};

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "out", required_argument, NULL, 'o' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
		if (c != 'o') {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_FINE : EXIT_BAD;
		}
		o->out = optarg;
	}
	if (argc == optind || !o->out) {
		fputs("lec-market broker-config: expected MARKET.conf and --out DIR\n", stderr);
		return EXIT_BAD;
	}
	o->conf = &argv[optind];
	o->confs = argc - optind;
	return GO_ON;
}

static int port_of(const struct market_conf *c)
{
	bool tls;
	return mqtt_broker_port(c->mqtt.broker, &tls);
}

/* Of one community. */
static void check_one(const struct market_conf *c, struct diag *d)
{
	for (int i = 0; i < c->rounds.named; i++) {
		const struct named_limits *home = &c->rounds.home[i];
		if (broker_acl_reserved(home->id)) {
			diag_error(d, c->path, home->limits.line,
				   "[home %s], expected a name that no service on the broker has",
				   home->id);
		}
	}
	bool tls;
	(void)mqtt_broker_port(c->mqtt.broker, &tls);
	if (!tls) {
		diag_error(d, c->path, 0, "[mqtt] broker = %s, expected mqtts://host[:port]",
			   c->mqtt.broker);
	}
}

/* Of one among others, after the first. A home is known by its certificate to all of them: which of
 * them it belongs to is to be told. */
static void check_among(const struct communities *all, int at, struct diag *d)
{
	const struct market_conf *c = &all->of[at];
	if (!c->rounds.listed) {
		diag_error(d, c->path, 0,
			   "[market] members = any, expected listed on a broker of several "
			   "communities");
	}
	if (port_of(c) != port_of(&all->of[0])) {
		diag_error(d, c->path, 0, "[mqtt] broker = %s, expected the port %d that %s has",
			   c->mqtt.broker, port_of(&all->of[0]), all->of[0].path);
	}
	for (int i = 0; i < at; i++) {
		if (strcmp(all->of[i].community, c->community) == 0) {
			diag_error(d, c->path, 0,
				   "[market] community = %s, expected another than that of %s",
				   c->community, all->of[i].path);
		}
	}
}

static bool has_member(const struct communities *all, const char *community, const char *id)
{
	for (int i = 0; i < all->count; i++) {
		const struct market_conf *c = &all->of[i];
		for (int k = 0; k < c->rounds.named && strcmp(c->community, community) == 0; k++) {
			if (strcmp(c->rounds.home[k].id, id) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* Who trades in a market above on the same broker needs its rights there from here. */
static void check_upstream(const struct communities *all, const struct market_conf *c,
			   struct diag *d)
{
	const struct upstream_conf *up = &c->upstream;
	bool here = *up->community && strcmp(up->mqtt.broker, c->mqtt.broker) == 0;
	if (here && !has_member(all, up->community, up->id)) {
		diag_error(d, c->path, 0,
			   "[upstream] community = %s is on the same broker, expected its file as "
			   "well, with a section [home %s]",
			   up->community, up->id);
	}
}

/* What cannot be told apart on the broker is refused. */
static int check(const struct communities *all)
{
	struct diag d = { .to = stderr };
	for (int i = 0; i < all->count; i++) {
		check_one(&all->of[i], &d);
		check_upstream(all, &all->of[i], &d);
		if (all->count > 1) {
			check_among(all, i, &d);
		}
	}
	return d.errors ? -EINVAL : 0;
}

/* The text of a file that its writer makes, to be freed; NULL without memory. */
struct text {
	char *bytes;
	size_t size;
	FILE *to;
};

static FILE *text_begin(struct text *t)
{
	*t = (struct text){ .bytes = NULL };
	return t->to = open_memstream(&t->bytes, &t->size);
}

/* Put it into DIR/name, readable by all. */
static int text_end(struct text *t, const char *folder, const char *name)
{
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int r = fclose(t->to) == 0 ? durable_write(path, t->bytes, t->size) : -ENOMEM;
	r = r == 0 && chmod(path, 0644) < 0 ? -errno : r;
	if (r < 0) {
		fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(-r));
	}
	free(t->bytes);
	return r;
}

/* The most homes of a community: one market waits for all of them. */
static int most_homes(const struct communities *all)
{
	int most = 0;
	for (int i = 0; i < all->count; i++) {
		int homes = all->of[i].rounds.homes_max;
		most = homes > most ? homes : most;
	}
	return most;
}

static void write_conf(FILE *to, const struct communities *all, const char *folder)
{
	for (int i = 0; i < all->count; i++) {
		fprintf(to, "# The broker of community %s; written by lec-market broker-config.\n",
			all->of[i].community);
	}
	fprintf(to,
		"\n"
		"listener %d\n"
		"cafile %s/ca.crt\n"
		"certfile %s/broker.crt\n"
		"keyfile %s/broker.key\n"
		"crlfile %s/ca.crl\n"
		"tls_version tlsv1.2\n"
		"\n"
		"# A client is who its certificate says, and nobody else's name can be taken.\n"
		"require_certificate true\n"
		"use_identity_as_username true\n"
		"use_username_as_clientid true\n"
		"allow_anonymous false\n"
		"acl_file %s/acl\n"
		"\n"
		"max_packet_size 65536\n"
		"max_keepalive 300\n"
		"# All homes bid shortly before a gate: what waits for the market then is kept.\n"
		"max_queued_messages %d\n"
		"# A negotiation waits for each small message; none is held back for the next.\n"
		"set_tcp_nodelay true\n"
		"\n"
		"# A denied publish is told at the level of debugging only, what somebody asks to\n"
		"# hear as a subscription: etc/broker/denials makes of both what an operator "
		"reads.\n"
		"log_type error\n"
		"log_type warning\n"
		"log_type notice\n"
		"log_type information\n"
		"log_type subscribe\n"
		"log_type debug\n",
		port_of(&all->of[0]), folder, folder, folder, folder, folder,
		QUEUED_MIN + QUEUED_A_HOME * most_homes(all));
}

/* The folder's full path, made where only it is missing. */
static int make_folder(const char *out, char path[PATH_MAX])
{
	if ((mkdir(out, 0755) < 0 && errno != EEXIST) || !realpath(out, path)) {
		int r = -errno;
		fprintf(stderr, "%s: cannot be made: %s\n", out, strerror(-r));
		return r;
	}
	if (strpbrk(path, " \n")) {
		fprintf(stderr, "%s: expected a path without blanks\n", path);
		return -EINVAL;
	}
	return 0;
}

static int write_all(const struct communities *all, const char *folder)
{
	struct text t;
	FILE *to = text_begin(&t);
	if (!to) {
		return -ENOMEM;
	}
	broker_acl_write(to, all->of, all->count);
	int r = text_end(&t, folder, "acl");
	if (r < 0 || !(to = text_begin(&t))) {
		return r < 0 ? r : -ENOMEM;
	}
	write_conf(to, all, folder);
	return text_end(&t, folder, "mosquitto.conf");
}

static int tell(const struct communities *all, const char *folder)
{
	int homes = 0;
	for (int i = 0; i < all->count; i++) {
		homes += all->of[i].rounds.named;
	}
	char text[4 * PATH_ROOM], path[PATH_ROOM];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	snprintf(path, sizeof(path), "%s/mosquitto.conf", folder);
	json_put_text(&o, "config", path);
	snprintf(path, sizeof(path), "%s/acl", folder);
	json_put_text(&o, "acl", path);
	json_put_integer(&o, "homes", homes);
	json_close(&o);
	return json_finish(&o) > 0 && puts(text) >= 0 && fflush(stdout) == 0 ? EXIT_FINE
									     : EXIT_FAILED;
}

static void free_all(struct communities *all)
{
	for (int i = 0; i < all->count; i++) {
		market_conf_free(&all->of[i]);
	}
	free(all->of);
}

/* All files, each with what is wrong with it. */
static int read_all(const struct options *o, struct communities *all)
{
	struct diag d = { .to = stderr };
	*all = (struct communities){ .of = calloc((size_t)o->confs, sizeof(*all->of)) };
	for (int i = 0; all->of && i < o->confs; i++) {
		all->count += market_conf_read(o->conf[i], &all->of[all->count], &d) == 0;
	}
	return all->of && all->count == o->confs ? 0 : -EINVAL;
}

int broker_config_main(int argc, char **argv)
{
	struct options o = { .conf = NULL };
	struct communities all;
	char folder[PATH_MAX];
	int code = parse_options(argc, argv, &o);
	if (code != GO_ON) {
		return code;
	}
	if (read_all(&o, &all) < 0 || check(&all) < 0) {
		code = EXIT_BAD;
	} else if (make_folder(o.out, folder) < 0 || write_all(&all, folder) < 0) {
		code = EXIT_FAILED;
	} else {
		code = tell(&all, folder);
	}
	free_all(&all);
	return code;
}
