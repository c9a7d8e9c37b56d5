/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/hunt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/sunspec_profile.h"

/* Units that devices are known to come with; 1 is everybody's. */
static const int usual_units[] = { 1, 2, 3, 71, 100, 126, 200, 240, 247 };

enum {
	LIFE_US = 1000000,   /* patience with a unit that may not be there */
	LATENCY_READS = 20,  /* of one point, to know the device's pace ... */
	LATENCY_US = 3000000 /* ... within this time */
};

const char *hunt_kind_name(enum device_kind kind)
{
	static const char *const names[DEVICE_KIND_COUNT] = { "meter", "pv", "battery" };
	return names[kind];
}

/* --- profiles -----------------------------------------------------------------------------------
 */

static int load_one(struct hunt *h, const char *folder, const char *name, struct diag *d)
{
	struct trial *t = &h->trial[h->trials];
	char path[256];
	if (profiles_find(folder, name, path, sizeof(path)) < 0) {
		return -ENOENT;
	}
	if (profile_load(path, &t->profile, d) < 0) {
		return -EINVAL;
	}
	if (h->rating_w > 0) {
		profile_rate(&t->profile, h->rating_w);
	}
	snprintf(t->name, sizeof(t->name), "%s", name);
	h->trials++;
	return 0;
}

int hunt_load(struct hunt *h, const char *folder, const char *name, struct diag *d)
{
	static char names[PROFILES_MAX][PROFILES_NAME_SIZE];
	h->trials = 0;
	if (name) {
		return strcmp(name, "sunspec") == 0 ? 0 : load_one(h, folder, name, d);
	}
	int count = profiles_list(folder, names);
	for (int i = 0; i < count; i++) {
		(void)load_one(h, folder, names[i], d); /* a bad one is told, and left out */
	}
	return 0;
}

/* --- one unit -----------------------------------------------------------------------------------
 */

static void tell(const struct hunt *h, int unit, const char *what)
{
	if (h->progress) {
		h->progress(unit, what);
	}
}

/* Whether to go on. */
static bool patient(struct hunt *h)
{
	h->gave_up = h->gave_up || clock_real_us() > h->end_us;
	return !h->dead && !h->gave_up;
}

static int open_probe(struct hunt *h, int unit, const struct profile *manners, int64_t timeout_us,
		      struct probe *p)
{
	struct profile own = *manners;
	if (h->timeout_us || timeout_us) {
		own.timeout_us = h->timeout_us ? h->timeout_us : timeout_us;
	}
	return probe_open(&h->hub, &h->address, unit, &own, &h->tally, p);
}

/* Note how a unit was met last. */
static void note(struct hunt *h, int unit, const struct probe *p)
{
	int at = 0;
	while (at < h->units && h->tried[at].unit != unit) {
		at++;
	}
	if (at == HUNT_UNITS_MAX) {
		return;
	}
	if (at == h->units) {
		h->units++;
		h->tried[at].unit = unit;
		h->tried[at].answers = false;
	}
	bool answers = probe_is_answer(p->result);
	h->dead = h->dead || !p->connected;
	if (answers || !h->tried[at].answers) {
		h->tried[at].result = p->result;
	}
	h->tried[at].answers = h->tried[at].answers || answers;
}

static int read_holding(void *context, int address, int count, uint16_t *words)
{
	const struct block block = { .table = TABLE_HOLDING,
				     .address = (uint16_t)address,
				     .count = (uint16_t)count };
	return probe_read(context, &block, words);
}

/* Whether anybody answers there, whatever it says. */
static bool is_alive(struct hunt *h, int unit, int questions)
{
	static const struct block ask[] = { { 0, TABLE_HOLDING, 40000, 1 },
					    { 0, TABLE_HOLDING, 0, 1 },
					    { 0, TABLE_INPUT, 0, 1 } };
	struct profile manners;
	struct probe p;
	uint16_t word;
	bool alive = false;
	sunspec_profile_init(DEVICE_METER, &manners);
	tell(h, unit, "anybody there?");
	if (open_probe(h, unit, &manners, LIFE_US, &p) < 0) {
		return false;
	}
	for (int i = 0; i < questions && !alive && !h->dead; i++) {
		alive = probe_is_answer(probe_read(&p, &ask[i], &word));
		note(h, unit, &p);
	}
	probe_close(&p);
	return alive;
}

/* Walk the models, from another place on where one is never answered. */
static int walk(struct probe *p, struct sunspec *out)
{
	const struct sunspec_reader reader = { .read = read_holding, .context = p };
	int r = -ETIMEDOUT;
	for (unsigned turn = 0; turn < 3 && r == -ETIMEDOUT && (turn == 0 || p->connected);
	     turn++) {
		r = sunspec_walk(&reader, turn, out);
	}
	return r;
}

/* Hold each kind of device that the models tell of against it. */
static void survey_sunspec(struct hunt *h, struct probe *p)
{
	const struct sunspec_reader reader = { .read = read_holding, .context = p };
	h->trials = 0;
	for (int kind = 0; kind < DEVICE_KIND_COUNT; kind++) {
		struct trial *t = &h->trial[h->trials];
		sunspec_profile_init((enum device_kind)kind, &t->profile);
		if (sunspec_profile(&h->sunspec, &reader, &t->profile) != 0) {
			continue;
		}
		snprintf(t->name, sizeof(t->name), "sunspec");
		survey_take(p, &t->profile, 0, &t->survey);
		t->fits = t->chosen = true;
		h->trials++;
	}
}

static bool try_sunspec(struct hunt *h, int unit)
{
	struct profile manners;
	struct probe p;
	sunspec_profile_init(DEVICE_METER, &manners);
	tell(h, unit, "SunSpec");
	if (open_probe(h, unit, &manners, 0, &p) < 0) {
		return false;
	}
	h->is_sunspec = walk(&p, &h->sunspec) == 0;
	note(h, unit, &p);
	if (h->is_sunspec) {
		survey_sunspec(h, &p);
	}
	probe_close(&p);
	return h->is_sunspec;
}

/* Hold a profile against the unit, at the profile's own pace. */
static void try_profile(struct hunt *h, int unit, struct trial *t, int silent_max)
{
	struct probe p;
	tell(h, unit, t->name);
	memset(&t->survey, 0, sizeof(t->survey));
	if (open_probe(h, unit, &t->profile, 0, &p) == 0) {
		survey_take(&p, &t->profile, silent_max, &t->survey);
		note(h, unit, &p);
		probe_close(&p);
	}
	t->fits = survey_fits(&t->profile, &t->survey);
}

static int better(const void *a, const void *b)
{
	const struct trial *x = a, *y = b;
	if (x->fits != y->fits) {
		return x->fits ? -1 : 1;
	}
	int weight = survey_weight(&y->survey) - survey_weight(&x->survey);
	int against = x->survey.absent + x->survey.wrong - y->survey.absent - y->survey.wrong;
	return weight ? weight : against ? against : strcmp(x->name, y->name);
}

/* Whether a profile's power is made of registers that another has another use for. */
static bool contradicts(const struct profile *p, const struct profile *other)
{
	struct block power = profile_span(&p->reading[survey_power(p->kind)]);
	for (int i = 0; i < PROFILE_PARTS; i++) {
		enum quantity quantity;
		const struct point *part = profile_part(other, i, &quantity);
		struct block b = part ? profile_span(part) : (struct block){ 0 };
		if (b.count > 0 && b.table == power.table && b.other_unit == power.other_unit &&
		    b.address < power.address + power.count &&
		    power.address < b.address + b.count) {
			return true;
		}
	}
	return false;
}

/* Whether a trial that fits is the best of its kind, and can be true beside what was chosen before
 * it. The trials are in order. */
static bool is_clear(const struct hunt *h, const struct trial *t)
{
	for (const struct trial *u = h->trial; u < h->trial + h->trials && u->fits; u++) {
		bool same = u != t && u->profile.kind == t->profile.kind;
		if (same && survey_weight(&u->survey) >= survey_weight(&t->survey)) {
			return false;
		}
		if (u < t && contradicts(&t->profile, &u->profile)) {
			return false;
		}
	}
	return true;
}

static bool try_profiles(struct hunt *h, int unit)
{
	for (int i = 0; i < h->trials; i++) {
		h->trial[i].fits = h->trial[i].chosen = false;
		if (patient(h)) {
			try_profile(h, unit, &h->trial[i], 1);
		}
	}
	qsort(h->trial, (size_t)h->trials, sizeof(*h->trial), better);
	for (int i = 0; i < h->trials && h->trial[i].fits; i++) {
		h->trial[i].chosen = is_clear(h, &h->trial[i]);
	}
	return h->trials > 0 && h->trial[0].fits;
}

static bool identify(struct hunt *h, int unit)
{
	h->unit = unit;
	h->found = try_sunspec(h, unit) || (patient(h) && try_profiles(h, unit));
	return h->found;
}

/* --- all units ----------------------------------------------------------------------------------
 */

static int add_unit(int units, int *unit, int value)
{
	for (int i = 0; i < units; i++) {
		if (unit[i] == value) {
			return units;
		}
	}
	if (units < HUNT_UNITS_MAX) {
		unit[units++] = value;
	}
	return units;
}

static void scan(struct hunt *h)
{
	int unit[HUNT_UNITS_MAX], units = 0;
	int lowest = h->address.line == LINE_TCP ? 0 : 1;
	for (size_t i = 0; i < sizeof(usual_units) / sizeof(*usual_units); i++) {
		units = add_unit(units, unit, usual_units[i]);
	}
	for (int i = 0; i < h->trials; i++) {
		if (h->trial[i].profile.unit >= lowest) {
			units = add_unit(units, unit, h->trial[i].profile.unit);
		}
	}
	for (int i = 0; i < units && patient(h); i++) {
		if (is_alive(h, unit[i], h->found ? 1 : 3) && !h->found) {
			(void)identify(h, unit[i]);
		}
	}
}

/* Read one point of what was found again and again. */
static void time_answers(struct hunt *h)
{
	const struct trial *t = h->trials > 0 ? &h->trial[0] : NULL;
	int64_t end_us = clock_real_us() + LATENCY_US;
	uint16_t words[125];
	struct probe p;
	if (!h->found || !t || open_probe(h, h->unit, &t->profile, 0, &p) < 0) {
		return;
	}
	struct block b = profile_span(&t->profile.reading[survey_power(t->profile.kind)]);
	tell(h, h->unit, "how fast it answers");
	for (int i = 0; i < LATENCY_READS && clock_real_us() < end_us; i++) {
		(void)probe_read(&p, &b, words);
	}
	probe_close(&p);
}

/* What was named is tried whatever speaks against it. */
static void run_named(struct hunt *h)
{
	int unit = h->address.unit >= 0 ? h->address.unit
		   : h->trials > 0      ? h->trial[0].profile.unit
					: 1;
	h->unit = unit;
	if (h->trials == 0) {
		h->found = try_sunspec(h, unit);
		return;
	}
	try_profile(h, unit, &h->trial[0], 3);
	h->trial[0].chosen = true;
	h->found = h->trial[0].survey.good > 0;
}

void hunt_run(struct hunt *h, bool named)
{
	clock_init_real(&h->clock);
	bus_hub_init(&h->hub, &h->clock);
	h->end_us = clock_real_us() + HUNT_PATIENCE_S * INT64_C(1000000);
	h->unit = -1;
	if (named) {
		run_named(h);
	} else if (h->address.unit >= 0) {
		(void)identify(h, h->address.unit);
	} else {
		scan(h);
	}
	time_answers(h);
}

void hunt_again(struct hunt *h, struct trial *t)
{
	try_profile(h, h->unit, t, 3);
}
