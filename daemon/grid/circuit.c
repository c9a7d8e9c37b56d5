/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/circuit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/grid/network.h"

void circuit_init(struct circuit *c)
{
	*c = (struct circuit){ .feeder.source = -1 };
	feeder_init(&c->feeder, "");
	c->feeder.base_va = 1e6;
}

void circuit_free(struct circuit *c)
{
	feeder_free(&c->feeder);
	free(c->branch);
	free(c->load);
	for (int i = 0; i < c->shapes; i++) {
		free(c->shape[i].value);
	}
	free(c->shape);
	for (int i = 0; i < c->files; i++) {
		free(c->file[i]);
	}
	free(c->file);
	*c = (struct circuit){ .feeder.source = -1 };
}

/* Make room for one more. Returns the items, or NULL: no memory, and they stay as they are. */
static void *grown(void *items, int count, int *room, size_t size)
{
	if (count < *room) {
		return items;
	}
	int more = *room ? 2 * *room : 64;
	void *wider = realloc(items, (size_t)more * size);
	*room = wider ? more : *room;
	return wider;
}

const char *circuit_keep_file(struct circuit *c, const char *path)
{
	for (int i = 0; i < c->files; i++) {
		if (strcmp(c->file[i], path) == 0) {
			return c->file[i];
		}
	}
	char **file = grown(c->file, c->files, &c->file_room, sizeof(*file));
	if (!file) {
		return NULL;
	}
	c->file = file;
	file[c->files] = strdup(path);
	if (!file[c->files]) {
		return NULL;
	}
	if (c->files == 0) {
		c->feeder.file = file[0];
	}
	return file[c->files++];
}

int circuit_add_branch(struct circuit *c, const struct feeder_branch *branch,
		       const struct circuit_branch *phases)
{
	struct circuit_branch *all =
		grown(c->branch, c->feeder.branches, &c->branch_room, sizeof(*all));
	if (!all) {
		return -ENOMEM;
	}
	c->branch = all;
	int added = feeder_add_branch(&c->feeder, branch);
	if (added >= 0) {
		all[added] = *phases;
	}
	return added;
}

int circuit_add_load(struct circuit *c, const struct circuit_load *load)
{
	struct circuit_load *all = grown(c->load, c->loads, &c->load_room, sizeof(*all));
	if (!all) {
		return -ENOMEM;
	}
	c->load = all;
	all[c->loads] = *load;
	return c->loads++;
}

int circuit_add_shape(struct circuit *c, const struct circuit_shape *shape)
{
	struct circuit_shape *all = grown(c->shape, c->shapes, &c->shape_room, sizeof(*all));
	if (!all) {
		return -ENOMEM;
	}
	c->shape = all;
	all[c->shapes] = *shape;
	return c->shapes++;
}

int circuit_find_shape(const struct circuit *c, const char *name)
{
	int i = c->shapes - 1;
	while (i >= 0 && strcmp(c->shape[i].name, name) != 0) {
		i--;
	}
	return i;
}

void circuit_power(const struct circuit *c, const struct circuit_load *load, int step, double *p_w,
		   double *q_var)
{
	double part = 1;
	if (step >= 0 && load->shape >= 0) {
		const struct circuit_shape *shape = &c->shape[load->shape];
		part = shape->value[step];
		if (shape->actual) {
			part *= 1e3 * load->share / load->p_w;
		}
	}
	*p_w = part * load->p_w;
	*q_var = part * load->q_var;
}

/* --- checks -------------------------------------------------------------------------------------
 */

static const char *phases_text(unsigned phases, char out[8])
{
	char *at = out;
	for (int i = 0; i < PHASES; i++) {
		if (phases >> i & 1) {
			at += snprintf(at, 3, ".%d", i + 1);
		}
	}
	*at = '\0';
	return out;
}

/* Hand voltage and phases on from a node's parent. */
static void check_node(struct circuit *c, const struct network *k, int n, unsigned *phases,
		       struct diag *d)
{
	const struct feeder_branch *fb = &c->feeder.branch[k->branch[n]];
	const struct circuit_branch *b = &c->branch[k->branch[n]];
	struct feeder_bus *bus = &c->feeder.bus[k->bus[n]];
	const struct feeder_bus *up = &c->feeder.bus[k->bus[k->parent[n]]];
	const char *file = feeder_file(&c->feeder, fb->file);
	char has[8], wants[8];
	phases[n] = b->phases;
	bus->kv = fb->tapped ? b->to_kv : up->kv;
	if (fb->tapped && k->turned[n]) {
		diag_error(d, file, fb->line,
			   "the transformer is fed at its second winding, bus %s, expected the "
			   "first towards the source",
			   up->name);
	} else if (fb->tapped && fabs(b->from_kv / up->kv - 1) > 0.25) {
		diag_error(d, file, fb->line,
			   "the transformer has %g kV at bus %s, expected about the %g kV that are "
			   "there",
			   b->from_kv, up->name, up->kv);
	}
	unsigned lacks = b->phases & ~phases[k->parent[n]];
	if (lacks) {
		diag_error(d, file, fb->line,
			   "bus %s hangs on phases %s of bus %s, expected some of the %s that are "
			   "there",
			   bus->name, phases_text(lacks, wants), up->name,
			   phases_text(phases[k->parent[n]], has));
	}
}

static void check_load(const struct circuit *c, const struct circuit_load *l, unsigned phases,
		       struct diag *d)
{
	char has[8];
	unsigned wants = (1U << l->phase | 1U << l->against) & ALL_PHASES;
	if (wants & ~phases) {
		diag_error(
			d, l->file, l->line,
			"the load is on phase %d of bus %s, expected some of the %s that are there",
			(wants & ~phases) >> l->phase & 1 ? l->phase + 1 : l->against + 1,
			c->feeder.bus[l->bus].name, phases_text(phases, has));
	}
}

int circuit_check(struct circuit *c, struct diag *d)
{
	struct network k;
	int errors = d->errors, result = feeder_check(&c->feeder, d);
	if (result < 0) {
		return result;
	}
	unsigned *phases = calloc((size_t)c->feeder.buses, sizeof(*phases));
	if (!phases || network_init(&k, &c->feeder) < 0) {
		free(phases);
		return -ENOMEM;
	}
	phases[0] = ALL_PHASES;
	for (int n = 1; n < k.nodes; n++) {
		check_node(c, &k, n, phases, d);
	}
	for (int i = 0; i < c->loads; i++) {
		check_load(c, &c->load[i], phases[k.node[c->load[i].bus]], d);
	}
	network_free(&k);
	free(phases);
	return d->errors > errors ? -EINVAL : 0;
}
