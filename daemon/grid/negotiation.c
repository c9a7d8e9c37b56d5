/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/grid/negotiation.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/grid/nodal.h"

struct grid_negotiation {
	const struct dso_conf *conf;
	struct dso *dso;
	bool ready; /* nodal is that of the negotiation at hand */
	struct nodal nodal;
	struct admm_head head; /* of the pass at hand */
	int parts, missing;    /* of its wish; 0 missing: it is answered */
	bool got[ADMM_PARTS_MAX];
	/* By home of the configuration: */
	bool *asked; /* the market knows it */
	double *gives;
	double *wish, *price; /* and step */
	double energy[ADMM_STEPS_MAX], loss[ADMM_STEPS_MAX];
	struct admm_part part; /* work */
};

int grid_negotiation_new(const struct dso_conf *conf, struct dso *dso,
			 struct grid_negotiation **out)
{
	struct grid_negotiation *g = calloc(1, sizeof(*g));
	size_t homes = (size_t)conf->homes + 1;
	if (!g) {
		return -ENOMEM;
	}
	g->conf = conf;
	g->dso = dso;
	g->asked = calloc(homes, sizeof(*g->asked));
	g->gives = calloc(homes, sizeof(*g->gives));
	g->wish = calloc(2 * homes * ADMM_STEPS_MAX, sizeof(*g->wish));
	if (!g->asked || !g->gives || !g->wish) {
		grid_negotiation_free(g);
		return -ENOMEM;
	}
	g->price = g->wish + homes * ADMM_STEPS_MAX;
	*out = g;
	return 0;
}

void grid_negotiation_free(struct grid_negotiation *g)
{
	if (g) {
		nodal_free(&g->nodal);
		free(g->asked);
		free(g->gives);
		free(g->wish);
		free(g);
	}
}

static int say(char why[ADMM_WHY_SIZE], int error, const char *what)
{
	snprintf(why, ADMM_WHY_SIZE, "%s", what);
	return error;
}

/* --- another negotiation ------------------------------------------------------------------------
 */

static int place_homes(struct grid_negotiation *g, int steps)
{
	const struct network *k = dso_network(g->dso);
	const struct dso_conf *c = g->conf;
	int *node = calloc((size_t)c->homes, sizeof(*node));
	if (!node) {
		return -ENOMEM;
	}
	for (int i = 0; i < c->homes; i++) {
		node[i] = k->node[c->home[i].bus];
	}
	nodal_free(&g->nodal);
	int r = nodal_init(&g->nodal, &c->feeder, k, c->feeder.source_v, c->homes, steps, node);
	g->nodal.margin = c->margin;
	free(node);
	return r;
}

/* The other loads of each interval, as the operator expects them. */
static void set_loads(struct grid_negotiation *g)
{
	size_t nodes = (size_t)dso_network(g->dso)->nodes, bytes = nodes * sizeof(double);
	for (int t = 0; t < g->head.steps; t++) {
		const double *p, *q;
		dso_loads(g->dso, g->head.start_s + t * g->head.length_s, &p, &q);
		memcpy(g->nodal.base_p + (size_t)t * nodes, p, bytes);
		memcpy(g->nodal.base_q + (size_t)t * nodes, q, bytes);
	}
}

static int begin(struct grid_negotiation *g, const struct admm_head *h)
{
	size_t homes = (size_t)g->conf->homes;
	g->ready = false;
	int r = place_homes(g, h->steps);
	if (r < 0) {
		return r;
	}
	g->head = *h;
	g->head.round = g->head.pass = 0;
	memset(g->asked, 0, homes * sizeof(*g->asked));
	memset(g->gives, 0, homes * sizeof(*g->gives));
	memset(g->wish, 0, homes * ADMM_STEPS_MAX * sizeof(*g->wish));
	set_loads(g);
	g->ready = true;
	return 0;
}

/* --- a pass -------------------------------------------------------------------------------------
 */

/* Whether h is of an earlier pass than the one at hand. */
static bool is_old(const struct grid_negotiation *g, const struct admm_head *h)
{
	return h->round < g->head.round || (h->round == g->head.round && h->pass < g->head.pass);
}

static int check(struct grid_negotiation *g, const struct admm_part *p, int home[ADMM_ROWS_MAX],
		 char why[ADMM_WHY_SIZE])
{
	if (p->head.length_s != llround(g->conf->interval_s)) {
		return say(why, -EINVAL, "length_s: not the length of our intervals");
	}
	for (int i = 0; i < p->rows; i++) {
		home[i] = dso_find_home(g->dso, p->row[i].home);
		if (home[i] < 0) {
			snprintf(why, ADMM_WHY_SIZE, "homes: %s is not on our feeder",
				 p->row[i].home);
			return -ENOENT;
		}
	}
	return 0;
}

static void open_pass(struct grid_negotiation *g, const struct admm_part *p)
{
	g->head = p->head;
	g->parts = g->missing = p->parts;
	memset(g->got, 0, sizeof(g->got));
}

static void take(struct grid_negotiation *g, const struct admm_part *p, const int *home)
{
	int steps = p->head.steps;
	size_t bytes = (size_t)steps * sizeof(double);
	for (int i = 0; i < p->rows; i++) {
		g->asked[home[i]] = true;
		g->gives[home[i]] = p->row[i].gives;
		memcpy(g->wish + (long)home[i] * steps, p->cell + (long)i * steps, bytes);
	}
	memcpy(g->energy, p->shared, bytes);
	g->missing -= !g->got[p->part];
	g->got[p->part] = true;
}

static int count_asked(const struct grid_negotiation *g)
{
	int asked = 0;
	for (int i = 0; i < g->conf->homes; i++) {
		asked += g->asked[i];
	}
	return asked;
}

static bool is_whole(const struct grid_negotiation *g)
{
	return g->head.round > 0 && g->missing == 0;
}

int grid_negotiation_hear(struct grid_negotiation *g, const char *payload, size_t length,
			  char why[ADMM_WHY_SIZE])
{
	struct admm_part *p = &g->part;
	int home[ADMM_ROWS_MAX] = { 0 };
	int r = admm_part_read(ADMM_WISH, payload, length, p, why);
	r = r < 0 ? r : check(g, p, home, why);
	if (r < 0) {
		return r;
	}
	bool same = g->ready && p->head.negotiation == g->head.negotiation &&
		    p->head.start_s == g->head.start_s && p->head.steps == g->head.steps;
	if (!same && begin(g, &p->head) < 0) {
		return say(why, -ENOMEM, "no memory");
	}
	if (is_old(g, &p->head)) {
		return 0;
	}
	if (p->head.round != g->head.round || p->head.pass != g->head.pass ||
	    p->parts != g->parts) {
		open_pass(g, p);
	}
	if (is_whole(g)) { /* asked again */
		return p->part == 0 ? admm_parts(count_asked(g), g->head.steps) : 0;
	}
	take(g, p, home);
	if (g->missing > 0) {
		return 0;
	}
	r = nodal_answer(&g->nodal, g->wish, g->gives, g->energy, g->loss, g->price);
	if (r < 0) {
		g->missing = g->parts; /* nothing to say again */
		memset(g->got, 0, sizeof(g->got));
		return say(why, r, "the voltage collapses at what homes wish for");
	}
	return admm_parts(count_asked(g), g->head.steps);
}

int grid_negotiation_write(struct grid_negotiation *g, int part, char *out, size_t size)
{
	struct admm_part *p = &g->part;
	int steps = g->head.steps, rows = admm_rows(steps), at = 0;
	size_t bytes = (size_t)steps * sizeof(double);
	p->head = g->head;
	p->part = part;
	p->parts = admm_parts(count_asked(g), steps);
	p->rows = 0;
	memcpy(p->shared, g->loss, bytes);
	for (int i = 0; i < g->conf->homes; i++) {
		if (!g->asked[i] || at++ / rows != part) {
			continue;
		}
		memcpy(p->row[p->rows].home, g->conf->home[i].id, ADMM_ID_SIZE);
		memcpy(p->cell + (long)p->rows++ * steps, g->price + (long)i * steps, bytes);
	}
	return admm_part_write(ADMM_PRICE, p, out, size);
}
