/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/feeder.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/hash.h"
#include "daemon/grid/feeder_private.h"

void feeder_init(struct feeder *f, const char *file)
{
	*f = (struct feeder){ .file = file, .source = -1, .source_v = 1 };
}

void feeder_free(struct feeder *f)
{
	free(f->bus);
	free(f->branch);
	free(f->slot);
	*f = (struct feeder){ .source = -1 };
}

/* Where that name is in the hash, or the empty slot where it belongs. */
static int find_slot(const struct feeder *f, const char *name)
{
	uint64_t at = hash_bytes(name, strlen(name));
	for (;; at++) {
		int slot = (int)(at % (uint64_t)f->slots);
		int bus = f->slot[slot];
		if (bus < 0 || strcmp(f->bus[bus].name, name) == 0) {
			return slot;
		}
	}
}

int feeder_find(const struct feeder *f, const char *name)
{
	return f->slots ? f->slot[find_slot(f, name)] : -1;
}

static int grow_buses(struct feeder *f)
{
	int room = f->bus_room ? 2 * f->bus_room : 64;
	struct feeder_bus *bus = realloc(f->bus, (size_t)room * sizeof(*bus));
	if (!bus) {
		return -ENOMEM;
	}
	f->bus = bus;
	f->bus_room = room;
	int *slot = realloc(f->slot, 2 * (size_t)room * sizeof(*slot));
	if (!slot) {
		return -ENOMEM;
	}
	f->slot = slot;
	f->slots = 2 * room;
	memset(slot, -1, (size_t)f->slots * sizeof(*slot));
	for (int i = 0; i < f->buses; i++) {
		slot[find_slot(f, f->bus[i].name)] = i;
	}
	return 0;
}

int feeder_add_bus(struct feeder *f, const char *name, int line)
{
	struct feeder_bus bus = { .line = line, .v_min = 0.9, .v_max = 1.1 };
	snprintf(bus.name, sizeof(bus.name), "%s", name);
	if (feeder_find(f, bus.name) >= 0) {
		return -EEXIST;
	}
	if (f->buses == FEEDER_BUSES_MAX) {
		return -E2BIG;
	}
	if (f->buses == f->bus_room && grow_buses(f) < 0) {
		return -ENOMEM;
	}
	f->slot[find_slot(f, bus.name)] = f->buses;
	f->bus[f->buses] = bus;
	return f->buses++;
}

int feeder_add_branch(struct feeder *f, const struct feeder_branch *branch)
{
	if (f->branches == 2 * FEEDER_BUSES_MAX) {
		return -E2BIG;
	}
	if (f->branches == f->branch_room) {
		int room = f->branch_room ? 2 * f->branch_room : 64;
		struct feeder_branch *all = realloc(f->branch, (size_t)room * sizeof(*all));
		if (!all) {
			return -ENOMEM;
		}
		f->branch = all;
		f->branch_room = room;
	}
	f->branch[f->branches] = *branch;
	return f->branches++;
}

int feeder_read(const char *path, struct feeder *out, struct diag *d)
{
	size_t length = strlen(path);
	bool matpower = length > 2 && strcmp(path + length - 2, ".m") == 0;
	feeder_init(out, path);
	int r = matpower ? feeder_read_matpower(path, out, d) : feeder_read_csv(path, out, d);
	return r < 0 ? r : feeder_check(out, d);
}

const char *feeder_file(const struct feeder *f, const char *file)
{
	return file ? file : f->file;
}

int feeder_locate(const char *name, char *out, int size)
{
	static const char *const places[] = { "etc/feeders", LECD_DATA "/feeders" };
	if (strchr(name, '/') || strchr(name, '.')) {
		snprintf(out, (size_t)size, "%s", name);
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		snprintf(out, (size_t)size, "%s/%s.csv", places[i], name);
		if (access(out, R_OK) == 0) {
			return 0;
		}
	}
	return -ENOENT;
}
