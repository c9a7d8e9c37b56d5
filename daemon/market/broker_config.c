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
	"Usage: lec-market broker-config MARKET.conf --out DIR\n"
	"Write a configuration of mosquitto for this community: TLS with a certificate for each\n"
	"client, and who may do what. The certificates are made by etc/broker/make-ca.\n"
	"  --out DIR    where mosquitto.conf and acl go, and the certificates are expected\n"
	"  --help\n";

struct options {
	const char *conf, *out;
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
	if (argc - optind != 1 || !o->out) {
		fputs("lec-market broker-config: expected MARKET.conf and --out DIR\n", stderr);
		return EXIT_BAD;
	}
	o->conf = argv[optind];
	return GO_ON;
}

/* What cannot be told apart on the broker is refused. */
static int check(const struct market_conf *c)
{
	struct diag d = { .to = stderr };
	for (int i = 0; i < c->rounds.named; i++) {
		const struct named_limits *home = &c->rounds.home[i];
		if (broker_acl_reserved(home->id)) {
			diag_error(&d, c->path, home->limits.line,
				   "[home %s], expected a name that no service on the broker has",
				   home->id);
		}
	}
	bool tls;
	(void)mqtt_broker_port(c->mqtt.broker, &tls);
	if (!tls) {
		diag_error(&d, c->path, 0, "[mqtt] broker = %s, expected mqtts://host[:port]",
			   c->mqtt.broker);
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

static void write_conf(FILE *to, const struct market_conf *c, const char *folder)
{
	bool tls;
	fprintf(to,
		"# The broker of community %s; written by lec-market broker-config.\n"
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
		c->community, mqtt_broker_port(c->mqtt.broker, &tls), folder, folder, folder,
		folder, folder, QUEUED_MIN + QUEUED_A_HOME * c->rounds.homes_max);
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

static int write_all(const struct market_conf *c, const char *folder)
{
	struct text t;
	FILE *to = text_begin(&t);
	if (!to) {
		return -ENOMEM;
	}
	broker_acl_write(to, c);
	int r = text_end(&t, folder, "acl");
	if (r < 0 || !(to = text_begin(&t))) {
		return r < 0 ? r : -ENOMEM;
	}
	write_conf(to, c, folder);
	return text_end(&t, folder, "mosquitto.conf");
}

static int tell(const struct market_conf *c, const char *folder)
{
	char text[4 * PATH_ROOM], path[PATH_ROOM];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	snprintf(path, sizeof(path), "%s/mosquitto.conf", folder);
	json_put_text(&o, "config", path);
	snprintf(path, sizeof(path), "%s/acl", folder);
	json_put_text(&o, "acl", path);
	json_put_integer(&o, "homes", c->rounds.named);
	json_close(&o);
	return json_finish(&o) > 0 && puts(text) >= 0 && fflush(stdout) == 0 ? EXIT_FINE
									     : EXIT_FAILED;
}

int broker_config_main(int argc, char **argv)
{
	struct options o = { .conf = NULL };
	struct market_conf c;
	struct diag d = { .to = stderr };
	char folder[PATH_MAX];
	int code = parse_options(argc, argv, &o);
	if (code != GO_ON) {
		return code;
	}
	if (market_conf_read(o.conf, &c, &d) < 0) {
		return EXIT_BAD;
	}
	if (check(&c) < 0) {
		code = EXIT_BAD;
	} else if (make_folder(o.out, folder) < 0 || write_all(&c, folder) < 0) {
		code = EXIT_FAILED;
	} else {
		code = tell(&c, folder);
	}
	market_conf_free(&c);
	return code;
}
