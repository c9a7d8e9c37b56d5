/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/lines.h"

#include <string.h>

static struct line *find_line(struct lines *l, const struct modbus_address *address, int at)
{
	for (int i = 0; i < l->count; i++) {
		if (modbus_address_same_line(&l->line[i].address, address)) {
			return &l->line[i];
		}
	}
	if (l->count == BUSES_MAX) {
		return NULL;
	}
	l->line[l->count] = (struct line){ .address = *address, .at = at };
	return &l->line[l->count++];
}

int lines_add(struct lines *l, const struct site *site, const struct site_link *link,
	      const struct modbus_address *address, const struct profile *profile, struct diag *d)
{
	struct line *line = find_line(l, address, link->line);
	if (!line) {
		return 0;
	}
	if (!modbus_address_same_settings(&line->address, address)) {
		return diag_error(d, site->path, link->line,
				  "%s is set otherwise for the device of line %d, expected the "
				  "same baud, parity and stop-bits for all devices at one port",
				  address->host, line->at);
	}
	load_add(&line->load, profile, address);
	return 0;
}

static void refuse(const struct line *line, const struct site *site, struct diag *d)
{
	const struct modbus_address *a = &line->address;
	bool serial = a->line == LINE_SERIAL;
	const char *colon = serial ? "" : ":";
	diag_error(
		d, site->path, line->at,
		"the devices at %s%s%s would keep it busy for %.0f %% of each cycle: %d requests "
		"with %.0f ms before each; expected at most %.0f %%: a longer cycle, %sa shorter "
		"request-delay, or another line for some of them",
		a->host, colon, a->port, 100 * load_share(&line->load, site->cycle_s),
		line->load.requests, (double)line->load.delay_us / 1000, 100 * LINE_SHARE_MAX,
		serial ? "a higher baud rate, " : "");
}

/* The kernel gives these names in the order of plugging in. */
static bool is_fleeting(const struct modbus_address *a)
{
	return a->line == LINE_SERIAL && (strncmp(a->host, "/dev/ttyUSB", 11) == 0 ||
					  strncmp(a->host, "/dev/ttyACM", 11) == 0);
}

void lines_check(const struct lines *l, const struct site *site, struct diag *d)
{
	for (int i = 0; i < l->count; i++) {
		if (load_share(&l->line[i].load, site->cycle_s) > LINE_SHARE_MAX) {
			refuse(&l->line[i], site, d);
		}
		if (is_fleeting(&l->line[i].address)) {
			diag_warning(d, site->path, l->line[i].at,
				     "%s may be another device after replugging, expected a "
				     "/dev/serial/by-id path that survives it",
				     l->line[i].address.host);
		}
	}
}
