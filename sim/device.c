/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/device.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/diag.h"
#include "daemon/base/json_out.h"
#include "drivers/wire.h"
#include "sim/device_options.h"
#include "sim/house.h"
#include "sim/journal.h"
#include "sim/server.h"
#include "sim/steer.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1 };
enum { ANNOUNCE_MAX = 256 * (1 + HOUSE_DEVICES_MAX) };
enum { SECOND_US = 1000000, TICK_MIN_US = 10000, WAIT_MAX_MS = 1000 };

struct simulation {
	struct clock clock;
	struct house house;
	struct server server;
	struct journal journal;
	struct steer_input input;
	int signals;
	bool listening; /* to standard input */
	bool until_eof;
	bool over;
	int64_t end_us; /* real; INT64_MAX: none */
};

/* --- getting up ---------------------------------------------------------------------------- */

static void start_clock(struct simulation *s, const struct device_options *o)
{
	clock_init(&s->clock, o->speed, o->start_s, o->anchor_s);
	plant_start(&s->house.plant, clock_now_us(&s->clock), clock_wall_s(&s->clock));
	s->end_us = o->for_s > 0 ? clock_real_us() + (int64_t)(o->for_s * SECOND_US) : INT64_MAX;
}

/* An earlier device at the same line, or -1. */
static int neighbour(const struct house *h, int device)
{
	for (int i = 0; i < device; i++) {
		if (h->device[i].served &&
		    modbus_address_same_line(&h->device[i].listen, &h->device[device].listen)) {
			return i;
		}
	}
	return -1;
}

/* Open a device's line, or find it open. Returns the port or -errno. */
static int open_line(struct simulation *s, const struct house_device *dev, bool ephemeral)
{
	struct modbus_address a = dev->listen;
	int64_t byte_us = dev->throttle ? wire_bytes_us(&a, 1) : 0;
	if (ephemeral) {
		memcpy(a.port, "0", 2);
	}
	return server_listen(&s->server, &a, byte_us);
}

static int listen_device(struct simulation *s, int device, bool ephemeral, int port[],
			 struct diag *d)
{
	struct house_device *dev = &s->house.device[device];
	const struct modbus_address *a = &dev->listen;
	int other = neighbour(&s->house, device);
	if (other >= 0 && !modbus_address_same_settings(a, &s->house.device[other].listen)) {
		return diag_error(d, s->house.path, dev->line,
				  "%s listens on the line of %s, expected its baud rate, parity "
				  "and stop bits",
				  dev->name, s->house.device[other].name);
	}
	port[device] = other >= 0 ? port[other] : open_line(s, dev, ephemeral);
	if (port[device] < 0) {
		return diag_error(d, s->house.path, dev->line, "%s cannot listen on %s%s%s: %s",
				  dev->name, a->host, *a->port ? ":" : "", a->port,
				  strerror(-port[device]));
	}
	struct server_unit unit = { .port = port[device],
				    .unit = a->unit,
				    .handler = dev->sunspec ? &sunspec_face_handler : &face_handler,
				    .device = dev->sunspec ? (void *)dev->sunspec : &dev->face,
				    .faults = house_faults(dev),
				    .timeout_us = dev->profile.timeout_us };
	if (!dev->joined && server_add(&s->server, &unit) < 0) {
		return diag_error(d, s->house.path, dev->line,
				  "%s listens as unit %d of a port that has one, expected another",
				  dev->name, a->unit);
	}
	return 0;
}

/* A device's address as a controller takes it. */
static void print_address(const struct modbus_address *a, const struct server_port *p, char *out,
			  size_t size)
{
	if (a->line == LINE_SERIAL) {
		snprintf(out, size, "rtu://%s/%d?baud=%d&parity=%c&stop-bits=%d", a->host, a->unit,
			 a->baud, a->parity, a->stop_bits);
		return;
	}
	bool v6 = strchr(p->host, ':');
	snprintf(out, size, "%s://%s%s%s:%d/%d", a->line == LINE_TCP ? "tcp" : "rtu+tcp",
		 v6 ? "[" : "", p->host, v6 ? "]" : "", p->number, a->unit);
}

/* Every device and where it is, as one JSON object. */
static int describe(const struct simulation *s, const int port[], char *out, size_t size)
{
	struct json_out j;
	json_begin(&j, out, size);
	json_open_object(&j, NULL);
	json_put_integer(&j, "pid", getpid());
	json_open_array(&j, "devices");
	for (int i = 0; i < s->house.devices; i++) {
		const struct house_device *dev = &s->house.device[i];
		if (!dev->served) {
			continue;
		}
		char address[192];
		const struct server_port *p = &s->server.port[port[i]];
		print_address(&dev->listen, p, address, sizeof(address));
		json_open_object(&j, NULL);
		json_put_text(&j, "name", dev->name);
		json_put_text(&j, "profile", dev->profile_name);
		json_put_text(&j, "address", address);
		if (p->line != LINE_SERIAL) {
			json_put_integer(&j, "port", p->number);
		}
		json_put_integer(&j, "unit", dev->listen.unit);
		json_close(&j);
	}
	json_close(&j);
	json_close(&j);
	return json_finish(&j);
}

/* Whole or not at all, for who waits for the file to appear. */
static int write_file(const char *path, const char *text)
{
	char draft[4096];
	if (snprintf(draft, sizeof(draft), "%s.new", path) >= (int)sizeof(draft)) {
		return -ENAMETOOLONG;
	}
	FILE *file = fopen(draft, "we");
	if (!file) {
		return -errno;
	}
	int r = fprintf(file, "%s\n", text) < 0 ? -EIO : 0;
	r = fclose(file) != 0 ? -errno : r;
	return r == 0 && rename(draft, path) < 0 ? -errno : r;
}

static int announce(const struct simulation *s, const int port[], const char *port_file)
{
	char text[ANNOUNCE_MAX];
	int r = describe(s, port, text, sizeof(text));
	if (r < 0) {
		return r;
	}
	/* The file first: who has read the line finds it. */
	r = port_file ? write_file(port_file, text) : 0;
	if (r < 0) {
		return r;
	}
	printf("%s\n", text);
	fflush(stdout);
	return 0;
}

/* Told by a face: each accepted write goes to the journal. */
static void note_write(void *context, const struct face *f, enum control control, double value)
{
	struct simulation *s = context;
	for (int i = 0; i < s->house.devices; i++) {
		if (&s->house.device[i].face == f) {
			journal_event(&s->journal, f->plant, s->house.device[i].name, "write",
				      control_name(control), value);
		}
	}
}

/* The same of a SunSpec device. */
static void note_point(void *context, const struct sunspec_face *f, enum device_kind kind,
		       const char *point, double value)
{
	struct simulation *s = context;
	for (int i = 0; i < s->house.devices; i++) {
		const struct house_device *dev = &s->house.device[i];
		if (dev->sunspec == f && dev->kind == kind) {
			journal_event(&s->journal, f->plant, dev->name, "write", point, value);
		}
	}
}

static void note_overwrite(void *context, const struct house_device *dev)
{
	struct simulation *s = context;
	journal_event(&s->journal, &s->house.plant, dev->name, "overwrite", "default", 1);
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
		return -errno;
	}
	/* In the background of a terminal, reading it must fail and not stop us. */
	(void)signal(SIGTTIN, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int start_faults(struct simulation *s, const struct device_options *o)
{
	for (int i = 0; i < o->faults; i++) {
		const char *expected = steer_fault(&s->house, &s->journal, o->fault[i]);
		if (expected) {
			fprintf(stderr, "lec-sim device: --fault %s, expected %s\n", o->fault[i],
				expected);
			return EXIT_USAGE;
		}
	}
	return 0;
}

/* --- the loop ------------------------------------------------------------------------------ */

/* When something happens by itself: the next second, or the end of a lease. */
static int64_t next_event_us(const struct simulation *s)
{
	const struct plant *p = &s->house.plant;
	int64_t at_us = (plant_wall_s(p) + 1) * SECOND_US - p->wall_offset_us;
	int64_t own_us = house_next_us(&s->house);
	at_us = own_us < at_us ? own_us : at_us;
	for (int i = 0; i < p->conf.pvs; i++) {
		const struct plant_command *c = &p->pv[i].command;
		at_us = c->active && c->expires_us < at_us ? c->expires_us : at_us;
	}
	for (int i = 0; i < p->conf.batteries; i++) {
		const struct plant_command *c = &p->battery[i].command;
		at_us = c->active && c->expires_us < at_us ? c->expires_us : at_us;
	}
	return at_us;
}

/* Move the house to now from event to event, and keep the journal on the way. */
static void advance(struct simulation *s)
{
	struct plant *p = &s->house.plant;
	int64_t now_us = clock_now_us(&s->clock);
	while (p->now_us < now_us) {
		int64_t event_us = next_event_us(s), before_s = plant_wall_s(p);
		plant_advance(p, event_us < now_us ? event_us : now_us);
		house_step(&s->house, note_overwrite, s);
		journal_changes(&s->journal, &s->house);
		if (plant_wall_s(p) != before_s) {
			journal_state(&s->journal, &s->house);
		}
	}
}

static int wait_ms(const struct simulation *s, int64_t real_us)
{
	int64_t left_us = clock_real_us_until(&s->clock, next_event_us(s));
	left_us = left_us < TICK_MIN_US && s->clock.speed > 1 ? TICK_MIN_US : left_us;
	left_us = s->end_us - real_us < left_us ? s->end_us - real_us : left_us;
	int64_t ms = (left_us + 999) / 1000;
	return ms < 0 ? 0 : ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)ms;
}

static void take_input(struct simulation *s)
{
	char line[sizeof(s->input.text)], answer[256];
	if (steer_receive(&s->input, STDIN_FILENO) == 0) {
		s->listening = false;
		s->over |= s->until_eof;
	}
	while (!s->over && steer_next(&s->input, line)) {
		s->over = steer(&s->house, &s->journal, line, answer, sizeof(answer));
		printf("%s\n", answer);
		fflush(stdout);
	}
}

static void turn(struct simulation *s)
{
	struct pollfd set[SERVER_FDS_MAX + 2];
	int64_t real_us = clock_real_us();
	int timeout_ms = wait_ms(s, real_us);
	int fds = server_poll_set(&s->server, set, real_us, &timeout_ms);
	set[fds] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	set[fds + 1] = (struct pollfd){ .fd = s->listening ? STDIN_FILENO : -1, .events = POLLIN };
	if (poll(set, (nfds_t)fds + 2, timeout_ms) < 0) {
		s->over |= errno != EINTR;
		return;
	}
	advance(s);
	if (set[fds + 1].revents) {
		take_input(s);
	}
	real_us = clock_real_us();
	server_dispatch(&s->server, set, fds, real_us);
	/* Writes that switched something on show at once. */
	journal_changes(&s->journal, &s->house);
	journal_flush(&s->journal);
	s->over |= set[fds].revents != 0 || real_us >= s->end_us;
}

static int serve(struct simulation *s, const struct device_options *o, struct diag *d)
{
	int port[HOUSE_DEVICES_MAX] = { 0 };
	for (int i = 0; i < s->house.devices; i++) {
		struct house_device *dev = &s->house.device[i];
		if (dev->served) {
			(void)listen_device(s, i, o->ephemeral, port, d);
			dev->face.written = note_write;
			dev->face.context = s;
			dev->sunspec_face.written = note_point;
			dev->sunspec_face.context = s;
		}
	}
	int r = d->errors ? EXIT_USAGE : start_faults(s, o);
	if (r || o->check) {
		return r;
	}
	r = announce(s, port, o->port_file);
	if (r < 0) {
		fprintf(stderr, "lec-sim device: %s: %s\n", o->port_file ? o->port_file : "stdout",
			strerror(-r));
		return EXIT_FAILED;
	}
	while (!s->over) {
		turn(s);
	}
	return EXIT_FINE;
}

static int run(struct simulation *s, const struct device_options *o)
{
	struct diag d = { .to = stderr };
	int r = server_init(&s->server);
	if (house_read(&s->house, o->config, o->profiles, &d) < 0) {
		return EXIT_USAGE;
	}
	start_clock(s, o);
	s->server.seed = s->house.conf.seed;
	s->signals = r < 0 ? -1 : open_signals();
	if (r < 0 || s->signals < 0) {
		fprintf(stderr, "lec-sim device: %s\n", strerror(r < 0 ? -r : -s->signals));
		return EXIT_FAILED;
	}
	r = journal_open(&s->journal, o->log);
	if (r < 0) {
		fprintf(stderr, "lec-sim device: %s: %s\n", o->log, strerror(-r));
		return EXIT_FAILED;
	}
	s->listening = true;
	s->until_eof = o->until_eof;
	return serve(s, o, &d);
}

int device_main(int argc, char **argv)
{
	struct device_options o;
	int r = device_options_parse(argc, argv, &o);
	if (r || o.help) {
		fputs(o.help ? DEVICE_HELP : "", stdout);
		return r;
	}
	struct simulation *s = calloc(1, sizeof(*s));
	if (!s) {
		fprintf(stderr, "lec-sim device: %s\n", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	s->signals = -1;
	r = run(s, &o);
	journal_close(&s->journal);
	server_close(&s->server);
	if (s->signals >= 0) {
		close(s->signals);
	}
	house_free(&s->house);
	free(s);
	return r;
}
