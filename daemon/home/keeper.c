/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/config.h"
#include "daemon/base/durable.h"
#include "daemon/base/isotime.h"
#include "drivers/modbus.h"

enum { DAY_S = 86400 };

/* --- what the driver calls ----------------------------------------------------------------------
 */

static int journal(void *context, const struct restore *r)
{
	struct keeper *k = context;
	if (k->unusable) {
		return -EUCLEAN;
	}
	if (!r) {
		return durable_remove(k->restore_path);
	}
	k->file.restore = *r;
	return restore_file_write(k->restore_path, &k->file);
}

static int count(void *context, const struct budget *b)
{
	const struct keeper *k = context;
	char text[128], day[ISOTIME_SIZE];
	isotime_format(b->day * DAY_S, day);
	int length =
		snprintf(text, sizeof(text), "[flash]\nday = %s\nwrites = %d\n", day, b->writes);
	return durable_write(k->flash_path, text, (size_t)length);
}

/* --- what an earlier life has left --------------------------------------------------------------
 */

struct flash_section {
	int64_t day_s;
	int64_t writes;
};

static const char *parse_day(const char *text, void *target)
{
	return isotime_parse(text, target) < 0 ? "a day in UTC" : NULL;
}

static const struct option flash_options[] = {
	{ .key = "day",
	  .type = OPTION_CUSTOM,
	  .offset = offsetof(struct flash_section, day_s),
	  .parse = parse_day },
	{ .key = "writes",
	  .type = OPTION_INTEGER,
	  .offset = offsetof(struct flash_section, writes),
	  .max = 1e9 },
};

/* What is not known is taken for spent. */
static void read_count(const struct keeper *k, int64_t wall_s, struct budget *out, struct diag *d)
{
	struct config c;
	struct flash_section s = { .day_s = wall_s, .writes = BUDGET_A_DAY_MAX };
	int errors = d->errors;
	if (access(k->flash_path, F_OK) < 0 && errno == ENOENT) {
		return;
	}
	if (config_read(&c, k->flash_path, d) == 0) {
		int at = config_find(&c, "flash");
		if (at >= 0) {
			config_apply(&c, at, flash_options, 2, &s, NULL, d);
		} else {
			diag_error(d, k->flash_path, 0, "no [flash] section, expected one");
		}
	}
	config_free(&c);
	if (d->errors > errors) {
		s = (struct flash_section){ .day_s = wall_s, .writes = BUDGET_A_DAY_MAX };
	}
	*out = (struct budget){ .day = s.day_s / DAY_S, .writes = (int)s.writes };
}

/* A way back that is here is the device's default, whatever it shows by now. */
static void read_restore(struct keeper *k, struct diag *d)
{
	struct restore_file left;
	int r = restore_file_read(k->restore_path, &left, d);
	if (r == 0 && strcmp(left.address, k->file.address) != 0) {
		r = diag_error(d, k->restore_path, 0,
			       "is of a device at %s, expected %s: run lecd-release, then start "
			       "lecd again",
			       left.address, k->file.address);
	}
	k->unusable = r < 0 && r != -ENOENT;
	if (r == 0) {
		k->file.restore = left.restore;
	}
}

void keeper_open(struct keeper *k, const struct site *site, const char *kind,
		 const struct site_link *link, int64_t wall_s, struct modbus_keeper *out,
		 struct diag *d)
{
	*k = (struct keeper){ .unusable = false };
	snprintf(k->file.device, sizeof(k->file.device), "%s%s%s", kind, *link->name ? "-" : "",
		 link->name);
	memcpy(k->file.address, link->address, sizeof(k->file.address));
	snprintf(k->restore_path, sizeof(k->restore_path), "%s/restore/%s.restore", site->store,
		 k->file.device);
	snprintf(k->flash_path, sizeof(k->flash_path), "%s/restore/%s.flash", site->store,
		 k->file.device);
	*out = (struct modbus_keeper){ .journal = journal, .count = count, .context = k };
	read_restore(k, d);
	read_count(k, wall_s, &out->spent, d);
	out->left = k->file.restore;
}
