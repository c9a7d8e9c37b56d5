/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecd-release: put back the devices that a lecd which died has left under a command that they keep
 * for ever. It knows nothing but the journals in the store, and writes nothing but what they hold.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/claim.h"
#include "daemon/base/clock.h"
#include "daemon/base/durable.h"
#include "daemon/home/restore_file.h"
#include "daemon/home/site.h"

enum { JOBS_MAX = 32, STEP_MS = 20, PATIENCE_US = 8000000 };

/* A device that answers and is not restored is tried again so often, and after this: its registers
 * may lie in flash. */
enum { TRIES_MAX = 3, PAUSE_US = 1000000 };

static const char usage[] =
	"usage: lecd-release --store FOLDER | --config FILE\n"
	"Put devices back to their own default where a lecd that died has left them commanded.\n"
	"  --store FOLDER  where lecd keeps its history and journals\n"
	"  --config FILE   the site, see lecd.conf(5), to take the folder from\n"
	"  --help --version\n"
	"Exit: 0 all are back, or none was left; 1 some are not; 2 bad usage or a damaged "
	"journal.\n";

/* A journal, and what came of it. */
struct job {
	struct bus_client client;
	char path[512];
	struct restore_file file;
	pthread_mutex_t lock; /* guards the next four */
	bool done;
	int result;       /* of the last try that was made */
	int tries;        /* that were answered, in vain */
	int64_t again_us; /* not before this */
};

static struct job jobs[JOBS_MAX];
static struct bus_hub hub;

/* --- on the buses' threads ----------------------------------------------------------------------
 */

static void work(struct bus_client *client, unsigned reasons)
{
	struct job *job = (struct job *)((char *)client - offsetof(struct job, client));
	(void)reasons;
	int r = restore_write(&job->file.restore, client);
	pthread_mutex_lock(&job->lock);
	job->done = r == 0;
	job->result = r == -EAGAIN ? job->result : r;
	if (r > 0 || r == -EREMOTEIO) {
		job->tries++;
		job->again_us = clock_real_us() + PAUSE_US;
	}
	pthread_mutex_unlock(&job->lock);
}

/* --- the devices --------------------------------------------------------------------------------
 */

/* Whether a device still has to be tried, now or later: then *now says. */
static bool is_open(struct job *job, bool *now)
{
	pthread_mutex_lock(&job->lock);
	bool open = job->client.bus && !job->done && job->tries < TRIES_MAX;
	*now = open && clock_real_us() >= job->again_us;
	pthread_mutex_unlock(&job->lock);
	return open;
}

/* Ask for one try of each that is due; returns how many are open. */
static int wake_all(int count)
{
	int left = 0;
	for (int i = 0; i < count; i++) {
		bool now;
		left += is_open(&jobs[i], &now);
		if (now) {
			bus_wake(&jobs[i].client, BUS_POLL); /* not while one is under way */
		}
	}
	return left;
}

static void begin(struct job *job)
{
	struct modbus_address address;
	const struct restore *r = &job->file.restore;
	(void)modbus_address_parse(job->file.address, &address); /* checked with the file */
	pthread_mutex_init(&job->lock, NULL);
	job->client = (struct bus_client){ .unit = r->block[0].unit,
					   .timeout_us = r->timeout_us,
					   .connect_delay_us = r->connect_delay_us,
					   .request_delay_us = r->request_delay_us,
					   .settle_us = r->settle_us,
					   .work = work };
	job->result = bus_attach(&hub, &address, &job->client);
	job->result = job->result < 0 ? job->result : -ETIMEDOUT; /* until something came */
}

/* Say what came of a device, and forget the journal of one that is back. Returns whether it is. */
static bool end(struct job *job)
{
	const char *device = job->file.device, *address = job->file.address;
	pthread_mutex_lock(&job->lock);
	bool done = job->done;
	int result = job->result;
	pthread_mutex_unlock(&job->lock);
	if (!done) {
		fprintf(stderr, "%s at %s: not restored: %s; %s is kept\n", device, address,
			result == -EREMOTEIO ? "it does not show what was written"
					     : bus_result_text(result),
			job->path);
		return false;
	}
	int r = durable_remove(job->path);
	if (r < 0) {
		fprintf(stderr, "%s at %s: restored, but %s stays: %s\n", device, address,
			job->path, strerror(-r));
		return false;
	}
	fprintf(stderr, "%s at %s: restored\n", device, address);
	return true;
}

/* Restore them, for so long that a service manager does not lose its patience. Returns how many are
 * not. A try that is under way at the end dies with us. */
static int restore_all(int count)
{
	int left = 0;
	int64_t end_us = clock_real_us() + PATIENCE_US;
	for (int i = 0; i < count; i++) {
		begin(&jobs[i]);
	}
	while (wake_all(count) > 0 && clock_real_us() < end_us) {
		(void)poll(NULL, 0, STEP_MS); /* the buses' threads are at work */
	}
	for (int i = 0; i < count; i++) {
		bool attached = jobs[i].client.bus;
		bool back = end(&jobs[i]);
		left += !back;
		if (back && attached) {
			bus_detach(&hub, &jobs[i].client);
		}
	}
	return left;
}

/* --- the journals -------------------------------------------------------------------------------
 */

/* Read all journals below folder. Returns how many are good; what is wrong goes to d. */
static int read_journals(const char *folder, struct diag *d)
{
	char pattern[300];
	struct stat found;
	glob_t files;
	int count = 0;
	if (stat(folder, &found) < 0 || !S_ISDIR(found.st_mode)) {
		diag_error(d, folder, 0, "no such folder, expected lecd's store");
		return 0;
	}
	snprintf(pattern, sizeof(pattern), "%s/restore/*.restore", folder);
	int r = glob(pattern, GLOB_ERR, NULL, &files);
	if (r == GLOB_NOMATCH || (r == GLOB_ABORTED && errno == ENOENT)) {
		return 0; /* nor is there a folder before the first of them */
	}
	if (r != 0) {
		diag_error(d, pattern, 0, "cannot be looked for: %s", strerror(errno));
		return 0;
	}
	for (size_t i = 0; i < files.gl_pathc; i++) {
		if (count == JOBS_MAX) {
			diag_error(d, folder, 0, "more than %d journals, expected fewer", JOBS_MAX);
			break;
		}
		struct job *job = &jobs[count];
		snprintf(job->path, sizeof(job->path), "%s", files.gl_pathv[i]);
		count += restore_file_read(job->path, &job->file, d) == 0;
	}
	globfree(&files);
	return count;
}

/* A lecd in control of these devices would lose them to us. Returns -1 to go on, else the exit
 * code; the claim ends with the process. */
static int claim_store(const char *store)
{
	int claim;
	int r = claim_folder(store, &claim);
	if (r == -EWOULDBLOCK) {
		fprintf(stderr, "lecd-release: a lecd works with %s: stop it first\n", store);
		return 1;
	}
	return -1; /* what else is wrong with it is told when it is read */
}

/* --- the command line ---------------------------------------------------------------------------
 */

static int bad_usage(const char *what, const char *expected)
{
	fprintf(stderr, "lecd-release: %s, expected %s\n%s", what, expected, usage);
	return 2;
}

/* The store of a site. Returns -1, or the exit code. */
static int store_of(const char *config, char store[128])
{
	struct diag d = { .to = stderr };
	struct site site;
	if (site_read(config, &site, &d) < 0) {
		return 2;
	}
	memcpy(store, site.store, sizeof(site.store));
	return -1;
}

/* Fill store. Returns -1 to go on, else the exit code. */
static int parse(int argc, char **argv, char store[128])
{
	static const struct option longs[] = {
		{ "store", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *config = NULL;
	for (int c; (c = getopt_long(argc, argv, "hc:", longs, NULL)) >= 0;) {
		switch (c) {
		case 's':
			if (strlen(optarg) >= 128) {
				return bad_usage("--store", "a shorter path");
			}
			memcpy(store, optarg, strlen(optarg) + 1);
			break;
		case 'c':
			config = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("lecd-release " LECD_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		return bad_usage(argv[optind], "options only");
	}
	if (!config == !*store) {
		return bad_usage("no or two places", "--store or --config");
	}
	return config ? store_of(config, store) : -1;
}

int main(int argc, char **argv)
{
	char store[128] = "";
	struct clock clock;
	struct diag d = { .to = stderr };
	int code = parse(argc, argv, store);
	code = code < 0 ? claim_store(store) : code;
	if (code >= 0) {
		return code;
	}
	clock_init_real(&clock);
	bus_hub_init(&hub, &clock);
	int count = read_journals(store, &d);
	int left = restore_all(count);
	return d.errors ? 2 : left > 0;
}
