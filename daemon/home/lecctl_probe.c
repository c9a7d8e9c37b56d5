/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl probe: what a device is and tells, as one document. Never writes to it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/csv.h"
#include "daemon/base/json_out.h"
#include "daemon/home/hunt.h"
#include "daemon/home/lecctl.h"
#include "daemon/home/lecctl_show.h"

static struct hunt hunt;
static char document[512 * 1024];

/* --- the document -------------------------------------------------------------------------------
 */

static const char *table_name(enum register_table table)
{
	return table == TABLE_INPUT ? "input" : "holding";
}

/* Registers in hex, as they came. */
static void put_words(struct json_out *o, const char *key, const uint16_t *words, int count)
{
	char hex[5];
	json_open_array(o, key);
	for (int i = 0; i < count; i++) {
		snprintf(hex, sizeof(hex), "%04X", words[i]);
		json_put_text(o, NULL, hex);
	}
	json_close(o);
}

static void put_registers(struct json_out *o, const struct point *point, uint16_t address,
			  const struct survey_point *s, int count)
{
	json_put_text(o, "table", table_name(point->table));
	json_put_integer(o, "register", address);
	if (point->other_unit) {
		json_put_integer(o, "unit_id", point->other_unit);
	}
	if (s->asked && s->result == 0) {
		put_words(o, "raw", s->words + (address - s->span.address), count);
	}
}

/* The other registers that a quantity is made of: scale factors, factors and terms. */
static void put_parts(struct json_out *o, const struct trial *t, enum quantity quantity)
{
	json_open_array(o, "with");
	for (int i = 0; i < PROFILE_PARTS; i++) {
		enum quantity of;
		const struct point *part = profile_part(&t->profile, i, &of);
		if (!part || of != quantity) {
			continue;
		}
		if (i >= QUANTITY_COUNT) {
			json_open_object(o, NULL);
			put_registers(o, part, part->address, &t->survey.part[i],
				      point_words(part->type));
			json_close(o);
		}
		if (part->factored) {
			json_open_object(o, NULL);
			json_put_flag(o, "factor", true);
			put_registers(o, part, part->factor_address, &t->survey.part[i], 1);
			json_close(o);
		}
	}
	json_close(o);
}

static void put_point(struct json_out *o, const char *name, const char *unit,
		      const struct point *point, const struct survey_point *s)
{
	json_put_text(o, "name", name);
	if (s->quality == QUALITY_GOOD) {
		json_put_number(o, "value", s->value, 6);
	} else {
		json_put_null(o, "value");
	}
	json_put_text(o, "unit", unit);
	json_put_text(o, "quality", quality_name(s->quality));
	json_put_flag(o, "unverified", point->unverified);
	put_registers(o, point, point->address, s, point_words(point->type));
	if (!s->asked || s->why) {
		json_put_text(o, "why", s->asked ? bus_result_text(s->why) : "not asked for");
	}
}

static void put_readings(struct json_out *o, const struct trial *t)
{
	json_open_array(o, "readings");
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		if (t->profile.reading[q].type == POINT_ABSENT) {
			continue;
		}
		json_open_object(o, NULL);
		put_point(o, quantity_name((enum quantity)q), quantity_unit((enum quantity)q),
			  &t->profile.reading[q], &t->survey.part[q]);
		put_parts(o, t, (enum quantity)q);
		json_close(o);
	}
	json_close(o);
}

/* What a control point is measured in, as far as it is in anything. */
static const char *control_unit(const struct point *point, int control)
{
	if (control == CONTROL_REVERT_S) {
		return "s";
	}
	if (control > CONTROL_PV_LIMIT_W && control < CONTROL_COPY_1) {
		return "";
	}
	return point->of_rating ? "of its rating" : "W";
}

static void put_controls(struct json_out *o, const struct trial *t)
{
	json_open_array(o, "controls");
	for (int c = 0; c < CONTROL_COUNT; c++) {
		const struct point *point = &t->profile.control[c];
		if (point->type == POINT_ABSENT) {
			continue;
		}
		json_open_object(o, NULL);
		put_point(o, control_name((enum control)c), control_unit(point, c), point,
			  &t->survey.control[c]);
		json_put_flag(o, "readable", point->readback);
		json_put_flag(o, "flash", point->flash);
		json_close(o);
	}
	json_close(o);
}

/* What has to be set at the device before it can be commanded. */
static void put_requirements(struct json_out *o, const struct trial *t)
{
	json_open_array(o, "requires");
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		const struct requirement *r = &t->profile.require[i];
		const struct survey_point *s = &t->survey.require[i];
		if (r->point.type == POINT_ABSENT) {
			continue;
		}
		json_open_object(o, NULL);
		put_point(o, "requirement", "", &r->point, s);
		json_put_number(o, "expected", r->value, 6);
		json_put_flag(o, "met", s->quality == QUALITY_GOOD && s->value == r->value);
		json_put_text(o, "hint", r->hint);
		json_close(o);
	}
	json_close(o);
}

/* What a person who lets it be commanded has to know. */
static void put_manners(struct json_out *o, const struct profile *p)
{
	const char letter[] = { liveness_letter(p->liveness), '\0' };
	json_put_text(o, "liveness", letter);
	if (p->revert_s > 0) {
		json_put_number(o, "falls_back_s", p->revert_s, 1);
	}
	json_open_array(o, "conflicts");
	for (int i = 0; i < p->conflicts; i++) {
		json_put_text(o, NULL, p->conflict[i]);
	}
	json_close(o);
	json_open_array(o, "never_written");
	for (int i = 0; i < p->denies; i++) {
		json_open_object(o, NULL);
		json_put_integer(o, "first", p->deny[i].first);
		json_put_integer(o, "last", p->deny[i].last);
		json_put_text(o, "why", p->deny[i].why);
		json_close(o);
	}
	json_close(o);
}

/* What speaks against a profile, a line for each point. */
static void put_against(struct json_out *o, const struct survey *s)
{
	char line[128];
	json_open_array(o, "against");
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		const struct survey_point *p = &s->part[q];
		if (p->asked && p->quality != QUALITY_GOOD) {
			snprintf(line, sizeof(line), "%s: %s", quantity_name((enum quantity)q),
				 p->why ? bus_result_text(p->why) : quality_name(p->quality));
			json_put_text(o, NULL, line);
		}
	}
	json_close(o);
}

static void put_trial(struct json_out *o, const struct trial *t)
{
	json_open_object(o, NULL);
	json_put_text(o, "profile", t->name);
	json_put_text(o, "name", t->profile.name);
	json_put_text(o, "kind", hunt_kind_name(t->profile.kind));
	json_put_flag(o, "fits", t->fits);
	json_put_flag(o, "chosen", t->chosen);
	json_put_flag(o, "unverified", t->profile.unverified);
	json_put_text(o, "source", t->profile.source);
	json_put_integer(o, "points", t->survey.points);
	json_put_integer(o, "good", t->survey.good);
	json_put_integer(o, "zero", t->survey.zero);
	put_against(o, &t->survey);
	put_manners(o, &t->profile);
	if (t->chosen) {
		put_readings(o, t);
		put_controls(o, t);
		put_requirements(o, t);
	}
	json_close(o);
}

static void put_models(struct json_out *o, const char *key, const struct sunspec_found *f,
		       int count)
{
	json_open_array(o, key);
	for (int i = 0; i < count; i++) {
		json_open_object(o, NULL);
		json_put_integer(o, "model", f[i].model);
		json_put_integer(o, "length", f[i].length);
		json_put_integer(o, "register", f[i].address);
		json_close(o);
	}
	json_close(o);
}

static void put_sunspec(struct json_out *o, const struct sunspec *s)
{
	json_open_object(o, "sunspec");
	json_put_integer(o, "register", s->base);
	json_put_text(o, "manufacturer", s->manufacturer);
	json_put_text(o, "model", s->product);
	json_put_text(o, "version", s->version);
	json_put_text(o, "serial", s->serial);
	put_models(o, "models", s->found, s->count);
	put_models(o, "passed_over", s->other, s->others);
	json_close(o);
}

static void put_units(struct json_out *o, const struct hunt *h)
{
	json_open_array(o, "units");
	for (int i = 0; i < h->units; i++) {
		json_open_object(o, NULL);
		json_put_integer(o, "unit", h->tried[i].unit);
		json_put_flag(o, "answers", h->tried[i].answers);
		json_put_text(o, "last", bus_result_text(h->tried[i].result));
		json_close(o);
	}
	json_close(o);
}

static void put_link(struct json_out *o, const struct probe_tally *t)
{
	char code[8];
	json_open_object(o, "link");
	json_put_integer(o, "requests", (int64_t)t->requests);
	json_put_integer(o, "answers", (int64_t)t->answers);
	json_put_integer(o, "timeouts", (int64_t)t->timeouts);
	json_put_integer(o, "rejected", (int64_t)t->rejected);
	json_open_object(o, "exceptions");
	for (int i = 0; i < PROBE_EXCEPTIONS; i++) {
		snprintf(code, sizeof(code), i ? "%d" : "other", i);
		if (t->exceptions[i]) {
			json_put_integer(o, code, (int64_t)t->exceptions[i]);
		}
	}
	json_close(o);
	if (t->answers) {
		const struct histogram *h = &t->latency_us;
		json_put_number(o, "latency_p50_ms", (double)histogram_quantile(h, 0.5) / 1e3, 3);
		json_put_number(o, "latency_p99_ms", (double)histogram_quantile(h, 0.99) / 1e3, 3);
	}
	json_close(o);
}

/* Returns 0 or -ENOBUFS. */
static int write_document(const struct hunt *h, const char *address)
{
	struct json_out o;
	json_begin(&o, document, sizeof(document));
	json_open_object(&o, NULL);
	json_put_text(&o, "address", address);
	json_put_flag(&o, "found", h->found);
	if (h->unit >= 0) {
		json_put_integer(&o, "unit", h->unit);
	}
	json_put_flag(&o, "gave_up", h->gave_up);
	put_units(&o, h);
	if (h->is_sunspec) {
		put_sunspec(&o, &h->sunspec);
	}
	json_open_array(&o, "profiles");
	for (int i = 0; i < h->trials && h->tally.answers; i++) {
		put_trial(&o, &h->trial[i]);
	}
	json_close(&o);
	put_link(&o, &h->tally);
	json_close(&o);
	int r = json_finish(&o);
	return r < 0 ? r : 0;
}

/* --- the command --------------------------------------------------------------------------------
 */

static void progress(int unit, const char *what)
{
	fprintf(stderr, "\r\033[Kunit %d: %s", unit, what);
	fflush(stderr);
}

int lecctl_address(const struct lecctl *c, struct modbus_address *out)
{
	const char *expected = c->words == 1 ? modbus_address_parse(c->word[0], out)
					     : "an address like tcp://192.168.1.10:502/1";
	if (expected) {
		fprintf(stderr, "lecctl: %s is no address, expected %s\n",
			c->words == 1 ? c->word[0] : "nothing", expected);
		return 2;
	}
	return 0;
}

int lecctl_number(const char *option, const char *text, double min, double max, double *out)
{
	double value;
	if (!text) {
		return 0;
	}
	if (csv_number(text, &value) < 0 || value < min || value > max) {
		fprintf(stderr, "lecctl: %s %s, expected a number from %g to %g\n", option, text,
			min, max);
		return 2;
	}
	*out = value;
	return 0;
}

static int prepare(const struct lecctl *c, struct hunt *h)
{
	struct diag d = { .to = stderr };
	double timeout_s = 0;
	const char *folder = c->profiles ? c->profiles : PROFILES_FOLDER;
	if (lecctl_address(c, &h->address) ||
	    lecctl_number("--rating", c->rating, 1, 1e8, &h->rating_w) ||
	    lecctl_number("--timeout", c->timeout, 0.05, 30, &timeout_s)) {
		return 2;
	}
	h->timeout_us = (int64_t)(timeout_s * 1e6);
	int r = hunt_load(h, folder, c->profile, &d);
	if (r == -ENOENT) {
		fprintf(stderr, "lecctl: profile \"%s\" is not in %s, expected one that is\n",
			c->profile, folder);
	}
	return r < 0 ? 2 : 0;
}

int lecctl_probe(const struct lecctl *c)
{
	struct hunt *h = &hunt;
	int code = prepare(c, h);
	if (code) {
		return code;
	}
	h->progress = isatty(STDERR_FILENO) ? progress : NULL;
	hunt_run(h, c->profile != NULL);
	if (h->progress) {
		fputs("\r\033[K", stderr);
	}
	if (write_document(h, c->word[0]) < 0) {
		fputs("lecctl: the device tells more than there is room for\n", stderr);
		return 1;
	}
	code = lecctl_print(c, document, show_probe);
	return code ? code : !h->found;
}
