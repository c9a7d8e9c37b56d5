/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/community_residents.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/config_table.h"

enum { PATH_SIZE = 256 };
static const char expected_classes[] = "consumer, pv, pv-battery, pv-battery-ev or wind-battery";

/* What a section says. */
struct section {
	struct resident_traits traits;
	int class;
	int64_t count, held_out;
	bool held;
	char source[192]; /* a series or a folder of them */
};

/* What is read, and what of it is known so far. */
struct reader {
	struct config *c;
	struct residents *out;
	struct community_record *record;
	char *currency;
	struct diag *d;
	int errno_first; /* what is no fault of the file */
};

static int find_class(const char *name)
{
	int class = 0;
	while (class < CLASS_COUNT && strcmp(class_models[class].name, name) != 0) {
		class ++;
	}
	return class;
}

static const char *parse_class(const char *text, void *field)
{
	int class = find_class(text);
	if (class == CLASS_COUNT) {
		return expected_classes;
	}
	*(int *)field = class;
	return NULL;
}

#define OF(field)    offsetof(struct section, field)
#define TRAIT(field) offsetof(struct section, traits.field)

/* clang-format off */
#define TRAITS \
	QUANTITY("capacity", DIMENSION_ENERGY, TRAIT(capacity_wh), 100, 1e9, ""), \
	QUANTITY("charge-limit", DIMENSION_POWER, TRAIT(charge_limit_w), 0, 1e8, ""), \
	QUANTITY("discharge-limit", DIMENSION_POWER, TRAIT(discharge_limit_w), 0, 1e8, ""), \
	QUANTITY("round-trip-efficiency", DIMENSION_FRACTION, TRAIT(round_trip), 0.3, 1, ""), \
	QUANTITY("soc-min", DIMENSION_FRACTION, TRAIT(soc_min), 0, 1, ""), \
	QUANTITY("soc-max", DIMENSION_FRACTION, TRAIT(soc_max), 0, 1, ""), \
	QUANTITY("soc-start", DIMENSION_FRACTION, TRAIT(soc_start), 0, 1, ""), \
	QUANTITY("wear", DIMENSION_PER_KWH, TRAIT(wear), 0, 10, ""), \
	QUANTITY("import-limit", DIMENSION_POWER, TRAIT(import_limit_w), 0, 1e8, ""), \
	QUANTITY("export-limit", DIMENSION_POWER, TRAIT(export_limit_w), 0, 1e8, "")

static const struct option class_options[] = {
	INTEGER("count", OF(count), 1, COMMUNITY_HOMES_MAX, ""),
	TEXT("folder", struct section, source, ""),
	INTEGER("held-out", OF(held_out), 0, COMMUNITY_HOMES_MAX, "0"),
	TRAITS,
};

static const struct option home_options[] = {
	CUSTOM("class", OF(class), NULL, parse_class),
	TEXT("series", struct section, source, NULL),
	BOOL("held-out", OF(held), "no"),
	TRAITS,
};
/* clang-format on */

enum {
	CLASS_OPTIONS = sizeof(class_options) / sizeof(*class_options),
	HOME_OPTIONS = sizeof(home_options) / sizeof(*home_options)
};

static struct section nothing_said(void)
{
	return (struct section){ .class = CLASS_COUNT,
				 .traits = { NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN } };
}

static double or_else(double said, double otherwise)
{
	return isnan(said) ? otherwise : said;
}

void resident_apply(const struct resident *m, struct community_home *home)
{
	const struct resident_traits *t = &m->traits;
	struct battery_model *b = &home->battery;
	b->capacity_wh = or_else(t->capacity_wh, b->capacity_wh);
	b->charge_limit_w = or_else(t->charge_limit_w, b->charge_limit_w);
	b->discharge_limit_w = or_else(t->discharge_limit_w, b->discharge_limit_w);
	b->charge_efficiency = or_else(sqrt(t->round_trip), b->charge_efficiency);
	b->discharge_efficiency = or_else(sqrt(t->round_trip), b->discharge_efficiency);
	b->soc_min = or_else(t->soc_min, b->soc_min);
	b->soc_max = or_else(t->soc_max, b->soc_max);
	b->soc_start = or_else(t->soc_start, b->soc_start);
	b->wear = or_else(t->wear, b->wear);
	home->import_limit_w = or_else(t->import_limit_w, home->import_limit_w);
	home->export_limit_w = or_else(t->export_limit_w, home->export_limit_w);
}

/* --- checks -------------------------------------------------------------------------------------
 */

static void check_traits(const struct reader *r, int at, const struct section *s)
{
	static const char *const of_battery[] = { "capacity",        "charge-limit",
						  "discharge-limit", "round-trip-efficiency",
						  "soc-min",         "soc-max",
						  "soc-start",       "wear" };
	const struct config *c = r->c;
	const struct class_model *model = &class_models[s->class];
	bool battery = model->battery.capacity_wh > 0;
	for (size_t i = 0; i < sizeof(of_battery) / sizeof(*of_battery) && !battery; i++) {
		if (config_has(c, at, of_battery[i])) {
			(void)diag_error(r->d, c->path, config_line(c, at, of_battery[i]),
					 "%s stands in a home of class %s, expected none: it has "
					 "no battery",
					 of_battery[i], model->name);
		}
	}
	double low = or_else(s->traits.soc_min, model->battery.soc_min),
	       high = or_else(s->traits.soc_max, model->battery.soc_max),
	       start = or_else(s->traits.soc_start, model->battery.soc_start);
	if (battery && !(low <= start && start <= high)) {
		(void)diag_error(r->d, c->path, config_line(c, at, "soc-start"),
				 "soc-start is %g %%, expected between soc-min and soc-max, %g and "
				 "%g %%",
				 100 * start, 100 * low, 100 * high);
	}
}

/* --- residents
 * ------------------------------------------------------------------------------------
 */

static struct resident *add(struct reader *r, const struct section *s)
{
	struct residents *m = r->out;
	if (m->count == COMMUNITY_HOMES_MAX) {
		(void)diag_error(r->d, r->c->path, 0, "has more than %d homes, expected 1 to %d",
				 COMMUNITY_HOMES_MAX, COMMUNITY_HOMES_MAX);
		return NULL;
	}
	if (!m->resident) {
		m->resident = calloc(COMMUNITY_HOMES_MAX, sizeof(*m->resident));
	}
	if (!m->resident) {
		r->errno_first = -ENOMEM;
		return NULL;
	}
	struct resident *one = &m->resident[m->count++];
	*one = (struct resident){ .class = s->class, .traits = s->traits };
	return one;
}

/* A path of a community file is one from the file's folder on. */
static int join(const struct reader *r, int line, const char *name, char out[PATH_SIZE])
{
	const char *slash = strrchr(r->c->path, '/');
	int folder = *name != '/' && slash ? (int)(slash - r->c->path) + 1 : 0;
	if (snprintf(out, PATH_SIZE, "%.*s%s", folder, r->c->path, name) >= PATH_SIZE) {
		return diag_error(r->d, r->c->path, line,
				  "%s is too long a path, expected at most %d characters", name,
				  PATH_SIZE - 1);
	}
	return 0;
}

static void add_recorded(struct reader *r, const struct section *s, const char *name,
			 const char *path, bool held)
{
	struct resident *m = add(r, s);
	if (!m) {
		return;
	}
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	m->held_out = held;
	int e = community_record_read(r->record, path, s->class != CLASS_CONSUMER, &m->power, r->d);
	r->errno_first = e == -ENOMEM ? e : r->errno_first;
}

static void read_home(struct reader *r, int at)
{
	struct section s = nothing_said();
	char path[PATH_SIZE];
	const char *name = r->c->section[at].name;
	config_apply(r->c, at, home_options, HOME_OPTIONS, &s, r->currency, r->d);
	if (!*name) {
		(void)diag_error(r->d, r->c->path, r->c->section[at].line,
				 "a [home] without a name, expected [home NAME]");
	}
	if (s.class == CLASS_COUNT || !*s.source) {
		return;
	}
	check_traits(r, at, &s);
	if (join(r, config_line(r->c, at, "series"), s.source, path) == 0) {
		add_recorded(r, &s, name, path, s.held);
	}
}

static int is_series(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return length > 4 && strcmp(entry->d_name + length - 4, ".csv") == 0;
}

/* Each of the folder's series is a home, in the order of their names; the last are held out. */
static void read_folder(struct reader *r, int at, const struct section *s)
{
	char folder[PATH_SIZE], path[2 * PATH_SIZE];
	struct dirent **entry = NULL;
	int line = config_line(r->c, at, "folder");
	if (join(r, line, s->source, folder) < 0) {
		return;
	}
	int count = scandir(folder, &entry, is_series, alphasort);
	if (count <= 0) {
		(void)diag_error(r->d, r->c->path, line, "%s: %s, expected a folder of series",
				 folder, count < 0 ? strerror(errno) : "has no *.csv");
	} else if (s->held_out >= count) {
		(void)diag_error(r->d, r->c->path, config_line(r->c, at, "held-out"),
				 "held-out is %lld, expected fewer than the %d series of %s",
				 (long long)s->held_out, count, folder);
	}
	for (int i = 0; i < count; i++) {
		char name[32];
		int length = (int)strlen(entry[i]->d_name) - 4;
		(void)snprintf(name, sizeof(name), "%.*s", length, entry[i]->d_name);
		(void)snprintf(path, sizeof(path), "%s/%.255s", folder, entry[i]->d_name);
		add_recorded(r, s, name, path, i >= count - s->held_out);
		free(entry[i]);
	}
	free(entry);
}

static void read_class(struct reader *r, int at)
{
	struct section s = nothing_said();
	const struct config_section *section = &r->c->section[at];
	s.class = find_class(section->name);
	if (s.class == CLASS_COUNT) {
		r->c->section[at].known = true;
		(void)diag_error(r->d, r->c->path, section->line,
				 "[homes %s] is no class, expected %s", section->name,
				 expected_classes);
		return;
	}
	config_apply(r->c, at, class_options, CLASS_OPTIONS, &s, r->currency, r->d);
	check_traits(r, at, &s);
	if (config_has(r->c, at, "count") == config_has(r->c, at, "folder")) {
		(void)diag_error(r->d, r->c->path, section->line,
				 "[homes %s] has %s count and folder, expected one of them",
				 section->name, *s.source ? "both" : "neither");
	} else if (s.count > 0 && s.held_out > 0) {
		(void)diag_error(r->d, r->c->path, config_line(r->c, at, "held-out"),
				 "held-out stands beside count, expected it beside folder: homes "
				 "made up anew are unseen");
	} else if (*s.source) {
		read_folder(r, at, &s);
	}
	for (int64_t i = 0; i < s.count && add(r, &s); i++) {
	}
}

/* By class, else as they stand. */
static int sort(struct residents *m)
{
	struct resident *sorted = calloc(COMMUNITY_HOMES_MAX, sizeof(*sorted));
	int count = 0;
	if (!sorted) {
		return -ENOMEM;
	}
	for (int class = 0; class < CLASS_COUNT; class ++) {
		for (int i = 0; i < m->count; i++) {
			if (m->resident[i].class == class) {
				sorted[count++] = m->resident[i];
			}
		}
	}
	free(m->resident);
	m->resident = sorted;
	return 0;
}

int residents_read(struct config *c, struct residents *out, struct community_record *record,
		   char *currency, struct diag *d)
{
	struct reader r = { .c = c, .out = out, .record = record, .currency = currency, .d = d };
	*out = (struct residents){ .count = 0 };
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, "homes") == 0) {
			read_class(&r, i);
		} else if (strcmp(c->section[i].kind, "home") == 0) {
			read_home(&r, i);
		}
	}
	int e = r.errno_first < 0 || out->count == 0 ? r.errno_first : sort(out);
	return e;
}

void residents_free(struct residents *m)
{
	for (int i = 0; i < m->count; i++) {
		free(m->resident[i].power);
	}
	free(m->resident);
	*m = (struct residents){ .count = 0 };
}
