/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page of lecctl probe. */
#include <string.h>

#include "daemon/base/json.h"
#include "daemon/home/lecctl_show.h"

enum { NAME_AT = 2, VALUE_AT = 27, VALUE_WIDTH = 13, QUALITY_AT = 46, RAW_AT = 64 };

static bool flag(const struct json_value *object, const char *key)
{
	bool value = false;
	(void)json_flag(json_member(object, key), &value);
	return value;
}

static int integer(const struct json_value *object, const char *key)
{
	return (int)show_number(object, key, 0);
}

static void put_words(struct page *p, const struct json_value *words)
{
	for (int i = 0; i < json_items(words); i++) {
		const char *word = json_text(json_item(words, i));
		page_put(p, " %s", word ? word : "?");
	}
}

/* --- a profile's points -------------------------------------------------------------------------
 */

static void put_registers(struct page *p, const struct json_value *point)
{
	if (json_has(point, "unit_id")) {
		page_put(p, "unit %d ", integer(point, "unit_id"));
	}
	page_put(p, "%s %d:", show_text(point, "table"), integer(point, "register"));
	put_words(p, json_member(point, "raw"));
}

static void put_origin(struct page *p, const struct json_value *point)
{
	const struct json_value *with = json_member(point, "with");
	put_registers(p, point);
	for (int i = 0; i < json_items(with); i++) {
		const struct json_value *part = json_item(with, i);
		page_put(p, "%s", flag(part, "factor") ? ", factor in " : ", with ");
		put_registers(p, part);
	}
	if (*show_text(point, "why")) {
		page_put(p, " %s", show_text(point, "why"));
	}
	if (flag(point, "unverified")) {
		page_ink(p, INK_YELLOW);
		page_put(p, "  unverified");
		page_ink(p, INK_PLAIN);
	}
}

static void put_point(struct page *p, const struct json_value *point)
{
	double value = 0;
	const char *quality = show_text(point, "quality");
	bool known = json_number(json_member(point, "value"), &value);
	page_to(p, NAME_AT);
	page_put(p, "%s", show_text(point, "name"));
	page_to(p, VALUE_AT);
	page_number(p, known, value, 3, VALUE_WIDTH);
	page_put(p, " %s", show_text(point, "unit"));
	page_to(p, QUALITY_AT);
	page_ink(p, known ? INK_PLAIN : INK_RED);
	page_put(p, "%s", quality);
	page_ink(p, INK_PLAIN);
	page_to(p, RAW_AT);
	put_origin(p, point);
	page_end(p);
}

static void put_points(struct page *p, const struct json_value *points)
{
	for (int i = 0; i < json_items(points); i++) {
		put_point(p, json_item(points, i));
	}
}

static void put_requirements(struct page *p, const struct json_value *requires)
{
	for (int i = 0; i < json_items(requires); i++) {
		const struct json_value *r = json_item(requires, i);
		page_ink(p, flag(r, "met") ? INK_PLAIN : INK_RED);
		page_put(p, "  %s ", flag(r, "met") ? "set as required:" : "must be set before:");
		put_registers(p, r);
		page_put(p, ", expected %g: %s", show_number(r, "expected", 0),
			 show_text(r, "hint"));
		page_ink(p, INK_PLAIN);
		page_end(p);
	}
}

/* What a person has to know before it is commanded. */
static void put_manners(struct page *p, const struct json_value *trial)
{
	static const struct {
		const char *letter, *words;
	} classes[] = {
		{ "A", "falls back when its revert timer ends" },
		{ "B", "falls back a fixed time after the last write" },
		{ "C", "does as it was told for ever: nothing makes it fall back" },
		{ "D", "falls back when its heartbeat stops" },
	};
	const struct json_value *conflicts = json_member(trial, "conflicts");
	const struct json_value *denied = json_member(trial, "never_written");
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (strcmp(show_text(trial, "liveness"), classes[i].letter) == 0) {
			page_put(p, "  left alone it %s (class %s)", classes[i].words,
				 classes[i].letter);
			page_end(p);
		}
	}
	for (int i = 0; i < json_items(conflicts); i++) {
		const char *line = json_text(json_item(conflicts, i));
		page_ink(p, INK_YELLOW);
		page_put(p, "  may be overruled: %s", line ? line : "?");
		page_ink(p, INK_PLAIN);
		page_end(p);
	}
	for (int i = 0; i < json_items(denied); i++) {
		const struct json_value *d = json_item(denied, i);
		page_put(p, "  never written: holding %d to %d, %s", integer(d, "first"),
			 integer(d, "last"), show_text(d, "why"));
		page_end(p);
	}
}

static void put_chosen(struct page *p, const struct json_value *trial)
{
	const struct json_value *controls = json_member(trial, "controls");
	page_end(p);
	page_ink(p, INK_STRONG);
	page_put(p, "%s", show_text(trial, "name"));
	page_ink(p, INK_PLAIN);
	page_put(p, ", as a %s, by profile %s", show_text(trial, "kind"),
		 show_text(trial, "profile"));
	page_end(p);
	if (flag(trial, "unverified")) {
		page_ink(p, INK_YELLOW);
		page_put(p, "  unverified: not all of this profile was tried on such a device");
		page_ink(p, INK_PLAIN);
		page_end(p);
	}
	put_points(p, json_member(trial, "readings"));
	if (json_items(controls) > 0) {
		page_put(p, "  what could be written, and was only read:");
		page_end(p);
		put_points(p, controls);
		put_requirements(p, json_member(trial, "requires"));
		put_manners(p, trial);
	}
}

/* --- profiles in a line each --------------------------------------------------------------------
 */

static void put_trial(struct page *p, const struct json_value *trial)
{
	enum { KIND_AT = 30, COUNT_AT = 39, AGAINST_MAX = 3 };
	const struct json_value *against = json_member(trial, "against");
	int count = json_items(against);
	page_to(p, NAME_AT);
	page_ink(p, flag(trial, "fits") ? INK_GREEN : INK_PLAIN);
	page_put(p, "%s", show_text(trial, "profile"));
	page_ink(p, INK_PLAIN);
	page_to(p, KIND_AT);
	page_put(p, "%s", show_text(trial, "kind"));
	page_to(p, COUNT_AT);
	page_put(p, "%d of %d points good", integer(trial, "good"), integer(trial, "points"));
	if (integer(trial, "zero") > 0) {
		page_put(p, ", %d of them 0", integer(trial, "zero"));
	}
	for (int i = 0; i < count && i < AGAINST_MAX; i++) {
		const char *line = json_text(json_item(against, i));
		page_put(p, "%s%s", i ? ", " : "; ", line ? line : "?");
	}
	page_put(p, "%s", count > AGAINST_MAX ? ", ..." : "");
	page_end(p);
}

static int put_trials(struct page *p, const struct json_value *trials, bool fits, const char *title)
{
	int count = 0;
	for (int i = 0; i < json_items(trials); i++) {
		const struct json_value *trial = json_item(trials, i);
		if (flag(trial, "fits") != fits) {
			continue;
		}
		if (count++ == 0) {
			page_put(p, "%s", title);
			page_end(p);
		}
		put_trial(p, trial);
	}
	return count;
}

/* Of each kind one that fits is chosen, unless several do equally. */
static void put_choice(struct page *p, const struct json_value *trials)
{
	int chosen = 0;
	for (int i = 0; i < json_items(trials); i++) {
		chosen += flag(json_item(trials, i), "chosen");
	}
	if (chosen == 0) {
		page_put(p, "Several fit equally well: look at one with --profile NAME.");
		page_end(p);
	}
}

/* --- the device ---------------------------------------------------------------------------------
 */

static void put_models(struct page *p, const char *title, const struct json_value *models)
{
	for (int i = 0; i < json_items(models); i++) {
		const struct json_value *m = json_item(models, i);
		page_put(p, "%s%d (length %d at %d)", i ? ", " : title, integer(m, "model"),
			 integer(m, "length"), integer(m, "register"));
	}
	if (json_items(models) > 0) {
		page_end(p);
	}
}

static void put_sunspec(struct page *p, const struct json_value *s)
{
	page_put(p, "SunSpec from register %d: %s %s, version %s, serial number %s",
		 integer(s, "register"), show_text(s, "manufacturer"), show_text(s, "model"),
		 show_text(s, "version"), show_text(s, "serial"));
	page_end(p);
	put_models(p, "  models ", json_member(s, "models"));
	put_models(p,
		   "  passed over, unknown or of another length: ", json_member(s, "passed_over"));
}

static void put_units(struct page *p, const struct json_value *units)
{
	for (int i = 0; i < json_items(units); i++) {
		const struct json_value *u = json_item(units, i);
		page_put(p, "  unit %d", integer(u, "unit"));
		page_to(p, 12);
		page_put(p, "%s", flag(u, "answers") ? "answers" : show_text(u, "last"));
		page_end(p);
	}
}

static void put_link(struct page *p, const struct json_value *link)
{
	const struct json_value *exceptions = json_member(link, "exceptions");
	static const char *const codes[] = { "1", "2", "3", "4",  "5",  "6",
					     "7", "8", "9", "10", "11", "other" };
	page_put(p, "link: %d requests, %d answers, %d without, %d that did not fit",
		 integer(link, "requests"), integer(link, "answers"), integer(link, "timeouts"),
		 integer(link, "rejected"));
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (integer(exceptions, codes[i]) > 0) {
			page_put(p, ", exception %s %d times", codes[i],
				 integer(exceptions, codes[i]));
		}
	}
	if (json_has(link, "latency_p50_ms")) {
		page_put(p, "; half of the answers within %.3g ms, 99 %% within %.3g ms",
			 show_number(link, "latency_p50_ms", 0),
			 show_number(link, "latency_p99_ms", 0));
	}
	page_end(p);
}

void show_probe(struct page *p, const struct json_value *probe)
{
	const struct json_value *trials = json_member(probe, "profiles");
	const struct json_value *sunspec = json_member(probe, "sunspec");
	page_put(p, "%s: %s", show_text(probe, "address"),
		 flag(probe, "found") ? "found at " : "not found out; tried:");
	if (flag(probe, "found")) {
		page_put(p, "unit %d", integer(probe, "unit"));
	}
	page_end(p);
	put_units(p, json_member(probe, "units"));
	if (flag(probe, "gave_up")) {
		page_put(p, "  and no further: it took too long");
		page_end(p);
	}
	if (sunspec) {
		put_sunspec(p, sunspec);
	} else {
		int fits = put_trials(p, trials, true, "Profiles that fit:");
		(void)put_trials(p, trials, false, "Profiles that do not:");
		if (fits > 0) {
			put_choice(p, trials);
		}
	}
	for (int i = 0; i < json_items(trials); i++) {
		if (flag(json_item(trials, i), "chosen")) {
			put_chosen(p, json_item(trials, i));
		}
	}
	page_end(p);
	put_link(p, json_member(probe, "link"));
}
