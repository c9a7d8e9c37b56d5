/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/manager.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/home/manager_private.h"

static const double energy_max_wh = 1e10;
static const double room_least_w = 1; /* of who is asked at all */
/* Of the connection's limits: the rest is for what nobody foresaw, the guard's and not the plan's.
 */
static const double planned_share = 0.95;

struct manager *manager_new(const struct site *site)
{
	struct manager *m = calloc(1, sizeof(*m));
	if (m) {
		m->site = site;
	}
	return m;
}

struct manager_interval *manager_interval_of(struct manager *m, int i, int64_t start_s)
{
	struct manager_interval *at = &m->member[i].interval[manager_place(m, start_s)];
	if (at->start_s != start_s) {
		*at = (struct manager_interval){ .start_s = start_s };
	}
	return at;
}

const struct manager_interval *manager_known_interval(const struct manager *m, int i,
						      int64_t start_s)
{
	const struct manager_interval *at = &m->member[i].interval[manager_place(m, start_s)];
	return at->start_s == start_s ? at : NULL;
}

int manager_find(const struct manager *m, const char *home)
{
	for (int i = 0; i < m->site->members; i++) {
		if (strcmp(m->site->member[i].id, home) == 0) {
			return i;
		}
	}
	return -1;
}

/* --- heard --------------------------------------------------------------------------------------
 */

static int read_meter(struct json_in *in, const struct manager *m, const char *home, int64_t wall_s,
		      int64_t *start_s, double *net_wh)
{
	int64_t version;
	double length, import_wh, export_wh, known_s;
	char whose[32], text[ISOTIME_SIZE];
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "home", whose, sizeof(whose));
	if (r == 0 && strcmp(whose, home) != 0) {
		snprintf(in->why, sizeof(in->why), "home: expected \"%s\"", home);
		return -EPERM;
	}
	double ours_s = m->site->interval_s;
	r = r < 0 ? r : json_get_number(in, in->root, "length_s", ours_s, ours_s, &length);
	r = r < 0 ? r : json_get_text(in, in->root, "interval", text, sizeof(text));
	r = r < 0 ? r : json_get_number(in, in->root, "import_wh", 0, energy_max_wh, &import_wh);
	r = r < 0 ? r : json_get_number(in, in->root, "export_wh", 0, energy_max_wh, &export_wh);
	r = r < 0 ? r : json_get_number(in, in->root, "known_s", 0, 2 * ours_s, &known_s);
	if (r < 0) {
		return r;
	}
	if (isotime_parse(text, start_s) < 0 || interval_start(ours_s, *start_s) != *start_s ||
	    *start_s + manager_length_s(m) > wall_s + manager_length_s(m) / 4) {
		snprintf(in->why, sizeof(in->why),
			 "interval: expected the UTC time at which one "
			 "began that is over");
		return -ERANGE;
	}
	if (known_s < ours_s / 2) { /* the rest of it is not known */
		return 1;
	}
	*net_wh = (import_wh - export_wh) * ours_s / fmin(known_s, ours_s);
	return 0;
}

/* A reading of an interval that is settled already comes too late, and that is no fault. */
static int take_meter(struct manager *m, int64_t wall_s, int i, const char *payload, size_t length,
		      char *why, size_t size)
{
	int64_t start_s = 0;
	double net_wh = 0;
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_meter(&in, m, m->site->member[i].id, wall_s, &start_s, &net_wh);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else if (r == 0 && start_s > m->settled_s &&
		   start_s > wall_s - MANAGER_INTERVALS * manager_length_s(m)) {
		struct manager_interval *at = manager_interval_of(m, i, start_s);
		at->metered = true;
		at->net_wh = net_wh;
	}
	json_free(&in);
	return r < 0 ? r : 0;
}

int manager_take(struct manager *m, int64_t wall_s, const char *home, const char *leaf,
		 const char *payload, size_t length, char *why, size_t size)
{
	int i = manager_find(m, home);
	if (i < 0) {
		snprintf(why, size, "%s is no member", home);
		return -EPERM;
	}
	if (strcmp(leaf, "flexibility") == 0) {
		return offer_take(&m->member[i].offer, home, m->site->interval_s, wall_s, payload,
				  length, why, size);
	}
	if (strcmp(leaf, "meter") == 0) {
		return take_meter(m, wall_s, i, payload, length, why, size);
	}
	if (strcmp(leaf, "status") == 0) {
		m->member[i].online = length == 6 && memcmp(payload, "online", 6) == 0;
		return 0;
	}
	snprintf(why, size, "not a topic of ours");
	return -EPERM;
}

bool manager_has_all(const struct manager *m, int64_t wall_s)
{
	int64_t start_s = interval_start(m->site->interval_s, wall_s);
	int offers = 0;
	for (int i = 0; i < m->site->members; i++) {
		const struct manager_member *member = &m->member[i];
		bool made =
			offer_counts(&member->offer, wall_s) && member->offer.start_s >= start_s;
		bool tells = offer_counts(&member->offer, wall_s);
		if (member->online && tells && !made) {
			return false;
		}
		offers += made;
	}
	return offers > 0;
}

/* --- planned ------------------------------------------------------------------------------------
 */

static int64_t middle_s(const struct step *s)
{
	return s->start_s + (int64_t)(s->hours * 1800);
}

/* What the members take in a step by what they say, or else did last. False: who counts does not
 * reach that far, or nobody counts. */
static bool members_net(const struct manager *m, int64_t wall_s, const struct step *s,
			double *net_w)
{
	int offers = 0;
	*net_w = m->rest_w;
	for (int i = 0; i < m->site->members; i++) {
		const struct manager_member *member = &m->member[i];
		if (!offer_counts(&member->offer, wall_s)) {
			*net_w += member->net_known ? member->net_w : 0;
			continue;
		}
		int k = offer_slot(&member->offer, m->site->interval_s, middle_s(s));
		if (k < 0) {
			return false;
		}
		*net_w += (double)member->offer.net_w[k];
		offers++;
	}
	return offers > 0;
}

double manager_offered_w(const struct manager_member *member, int64_t wall_s)
{
	const struct offer *o = &member->offer;
	double sum = 0;
	for (int k = 0; offer_counts(o, wall_s) && o->follows && k < o->slots; k++) {
		sum += (double)(o->high_w[k] - o->low_w[k]);
	}
	double mean = o->slots > 0 ? sum / o->slots : 0;
	return mean >= room_least_w ? mean : 0;
}

static void add_room(const struct manager *m, const struct manager_member *member,
		     struct problem *p)
{
	const struct offer *o = &member->offer;
	struct shift_model *shift = &p->shift[0];
	for (int t = 0; t < p->steps; t++) {
		int k = offer_slot(o, m->site->interval_s, middle_s(&p->step[t]));
		if (k >= 0) {
			shift->more_w[t] += (double)(o->high_w[k] - o->net_w[k]);
			shift->less_w[t] += (double)(o->net_w[k] - o->low_w[k]);
		}
		/* Beyond what it tells nothing moves, and what has moved stays. */
		k = k < 0 ? o->slots - 1 : k;
		shift->up_wh[t] += (double)o->up_wh[k];
		shift->down_wh[t] += (double)o->down_wh[k];
	}
}

/* All that can be asked as one: prices are means by what is offered. */
static void set_shift(const struct manager *m, int64_t wall_s, struct problem *p)
{
	double all_w = 0, price = 0, worth = 0;
	memset(&p->shift[0], 0, sizeof(p->shift[0]));
	for (int i = 0; i < m->site->members; i++) {
		const struct manager_member *member = &m->member[i];
		double w = manager_offered_w(member, wall_s);
		if (w > 0) {
			add_room(m, member, p);
			price += w * member->offer.price;
			worth += w * member->offer.worth;
			all_w += w;
		}
	}
	p->shift[0].price = price / fmax(all_w, 1);
	p->shift[0].worth = worth / fmax(all_w, 1);
	p->shifts = all_w > 0;
}

void manager_foresee(const struct manager *m, int64_t wall_s, struct problem *p)
{
	double net_w;
	int told = 0;
	p->shifts = 0;
	for (int t = 0; m->rest_known && t < p->steps; t++) {
		struct step *s = &p->step[t];
		if (members_net(m, wall_s, s, &net_w)) {
			s->load_w = fmax(net_w, 0);
			s->pv_w += fmax(-net_w, 0);
			s->import_limit_w *= planned_share;
			s->export_limit_w *= planned_share;
			told++;
		}
	}
	if (told > 0) {
		/* What members feed in is not ours to curtail; of days like this one nothing is
		 * known but what they say. */
		p->pv_curtailable = false;
		p->scenarios = p->tail = 0;
		set_shift(m, wall_s, p);
	}
}
