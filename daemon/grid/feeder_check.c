/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a feeder is one tree: found with a union of the buses that closed branches join. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/grid/feeder.h"

enum { SAID_MAX = 20 }; /* islands are named one by one up to here */

static int root_of(int *join, int bus)
{
	while (join[bus] != bus) {
		join[bus] = join[join[bus]];
		bus = join[bus];
	}
	return bus;
}

/* Two closed branches between the same buses, told apart from any other loop. */
static const struct feeder_branch *twin_of(const struct feeder *f, int branch)
{
	const struct feeder_branch *b = &f->branch[branch];
	for (int i = 0; i < branch; i++) {
		const struct feeder_branch *o = &f->branch[i];
		if (o->closed && ((o->from == b->from && o->to == b->to) ||
				  (o->from == b->to && o->to == b->from))) {
			return o;
		}
	}
	return NULL;
}

static void join_branch(const struct feeder *f, int branch, int *join, struct diag *d)
{
	const struct feeder_branch *b = &f->branch[branch];
	const char *from = f->bus[b->from].name, *to = f->bus[b->to].name;
	const char *file = feeder_file(f, b->file);
	if (b->from == b->to) {
		diag_error(d, file, b->line, "joins bus %s with itself, expected two buses", to);
		return;
	}
	if (b->r == 0 && b->x == 0) {
		diag_error(d, file, b->line,
			   "%s-%s has no impedance, expected r or x that is not 0", from, to);
	}
	int one = root_of(join, b->from), other = root_of(join, b->to);
	if (one != other) {
		join[one] = other;
		return;
	}
	const struct feeder_branch *twin = twin_of(f, branch);
	if (twin) {
		diag_error(
			d, file, b->line,
			"%s-%s is there twice, first in line %d: expected one branch between two "
			"buses",
			from, to, twin->line);
	} else {
		diag_error(d, file, b->line,
			   "%s-%s closes a loop: the feeder is meshed, expected a tree (open one "
			   "branch of the loop)",
			   from, to);
	}
}

static void find_islands(const struct feeder *f, int *join, struct diag *d)
{
	int said = 0, more = 0;
	int source = root_of(join, f->source);
	for (int i = 0; i < f->buses; i++) {
		if (root_of(join, i) == source) {
			continue;
		}
		if (said++ < SAID_MAX) {
			diag_error(d, feeder_file(f, f->bus[i].file), f->bus[i].line,
				   "bus %s is an island: no closed branches lead to it from the "
				   "source, bus %s",
				   f->bus[i].name, f->bus[f->source].name);
		} else {
			more++;
		}
	}
	if (more) {
		diag_error(d, f->file, 0, "and %d buses more that are islands", more);
	}
}

int feeder_check(const struct feeder *f, struct diag *d)
{
	int errors = d->errors;
	if (f->source < 0) {
		return diag_error(d, f->file, 0, "has no source, expected one bus that feeds it");
	}
	if (f->buses < 2) {
		return diag_error(d, f->file, 0, "has %d bus, expected two or more", f->buses);
	}
	int *join = malloc((size_t)f->buses * sizeof(*join));
	if (!join) {
		return -ENOMEM;
	}
	for (int i = 0; i < f->buses; i++) {
		join[i] = i;
	}
	for (int i = 0; i < f->branches; i++) {
		if (f->branch[i].closed) {
			join_branch(f, i, join, d);
		}
	}
	find_islands(f, join, d);
	free(join);
	return d->errors > errors ? -EINVAL : 0;
}
