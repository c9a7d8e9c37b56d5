/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl test-write: let a battery hold a small power for some seconds, watch what it does, and
 * give it back. The write goes the way all of lecd's go, as a lease: should this program die, the
 * device falls back by itself. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/json.h"
#include "daemon/base/json_out.h"
#include "daemon/home/hunt.h"
#include "daemon/home/lecctl.h"
#include "daemon/home/lecctl_show.h"
#include "daemon/home/verdict.h"
#include "daemon/home/tryout.h"
#include "drivers/orders.h"

#define POWER_DEFAULT_W 500.0
#define POWER_MAX_W     1000.0
#define SECONDS_DEFAULT 10.0

static struct test {
	const struct lecctl *c;
	double power_w, seconds;
	struct hunt hunt;
	struct trial *trial;
	struct tryout tryout;
	enum { RELEASED_UNKNOWN, RELEASED_NOT, RELEASED } released;
} test;

static char document[64 * 1024];

/* --- before anything is written -----------------------------------------------------------------
 */

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("lecctl: ", stderr);
	vfprintf(stderr, format, args);
	fputs("; nothing was written\n", stderr);
	va_end(args);
	return 1;
}

static int parse(struct test *t)
{
	const struct lecctl *c = t->c;
	struct diag d = { .to = stderr };
	const char *folder = c->profiles ? c->profiles : PROFILES_FOLDER;
	double timeout_s = 0;
	if (!c->profile) {
		fputs("lecctl: no --profile, expected the device's: lecctl probe finds it out\n",
		      stderr);
		return 2;
	}
	if (lecctl_address(c, &t->hunt.address) ||
	    lecctl_number("--power", c->power, -POWER_MAX_W, POWER_MAX_W, &t->power_w) ||
	    lecctl_number("--rating", c->rating, 1, 1e8, &t->hunt.rating_w) ||
	    lecctl_number("--seconds", c->seconds, 3, 60, &t->seconds) ||
	    lecctl_number("--timeout", c->timeout, 0.05, 30, &timeout_s)) {
		return 2;
	}
	if (fabs(t->power_w) < 1) {
		fprintf(stderr, "lecctl: --power %s, expected at least 1 W, + discharge\n",
			c->power);
		return 2;
	}
	t->hunt.timeout_us = (int64_t)(timeout_s * 1e6);
	int r = hunt_load(&t->hunt, folder, c->profile, &d);
	if (r == -ENOENT) {
		fprintf(stderr, "lecctl: profile \"%s\" is not in %s, expected one that is\n",
			c->profile, folder);
	}
	return r < 0 ? 2 : 0;
}

static struct trial *find_battery(struct hunt *h)
{
	for (int i = 0; i < h->trials; i++) {
		if (h->trial[i].profile.kind == DEVICE_BATTERY) {
			return &h->trial[i];
		}
	}
	return NULL;
}

/* Whether somebody else commands the battery right now. */
static bool is_engaged(const struct trial *t)
{
	const struct point *enable = &t->profile.control[CONTROL_ENABLE];
	const struct survey_point *s = &t->survey.control[CONTROL_ENABLE];
	return s->quality == QUALITY_GOOD && enable->has_off && point_commands(enable, s->value);
}

/* Why this battery cannot be written to as its profile is. Returns 0 or 1. */
static int examine_profile(const struct test *t)
{
	const struct profile *p = &t->trial->profile;
	if (!profile_controls(p)) {
		return refuse("by this profile the battery can be read and not commanded");
	}
	if (p->liveness == LIVENESS_LATCHED) {
		return refuse("it does as told for ever (class C): if this program died, nothing "
			      "would put it back");
	}
	if (profile_needs_rating(p)) {
		return refuse("its set-points are shares of its rating, expected --rating W");
	}
	struct point setpoint = profile_setpoint(p);
	if (t->power_w < setpoint.min || t->power_w > setpoint.max) {
		return refuse("it takes %g to %g W, not %g", setpoint.min, setpoint.max,
			      t->power_w);
	}
	return 0;
}

static int examine_state(const struct test *t)
{
	const struct profile *p = &t->trial->profile;
	const struct survey *s = &t->trial->survey;
	const struct survey_point *power = &s->part[BATTERY_W];
	if (power->quality != QUALITY_GOOD) {
		return refuse("its power cannot be read: %s",
			      power->why ? bus_result_text(power->why)
					 : quality_name(power->quality));
	}
	for (int i = 0; i < REQUIREMENTS_MAX; i++) {
		const struct requirement *r = &p->require[i];
		const struct survey_point *now = &s->require[i];
		if (r->point.type != POINT_ABSENT &&
		    (now->quality != QUALITY_GOOD || now->value != r->value)) {
			return refuse("register %u does not hold %g, expected: %s",
				      r->point.address, r->value, r->hint);
		}
	}
	if (is_engaged(t->trial)) {
		return refuse("somebody else commands it now: control_enable reads %g",
			      s->control[CONTROL_ENABLE].value);
	}
	return 0;
}

/* Look at the device by questions, and say why it is not to be written to. Returns 0 or 1. */
static int examine(struct test *t)
{
	if (lecctl_is_driven(t->c, &t->hunt.address)) {
		return refuse("the lecd at %s has a device at that line, expected it stopped",
			      t->c->socket);
	}
	hunt_run(&t->hunt, true);
	t->trial = find_battery(&t->hunt);
	if (!t->trial) {
		return refuse(t->hunt.trials
				      ? "this is no profile of a battery"
				      : "no SunSpec device, or none with a battery, answers");
	}
	int code = examine_profile(t);
	return code ? code : examine_state(t);
}

/* --- announcing ---------------------------------------------------------------------------------
 */

/* The writes of so many orders, each with the control points in it. */
static void announce_orders(const struct profile *p, const struct orders *o)
{
	bool told[CONTROL_COUNT] = { false };
	for (int c = 0; c < CONTROL_COUNT; c++) {
		struct request r;
		if (!o->on[c] || told[c] || orders_request(p, o, (enum control)c, &r) < 0) {
			continue;
		}
		fprintf(stderr, "  holding %d:", r.address);
		for (int i = 0; i < r.count; i++) {
			fprintf(stderr, " %04X", r.words[i]);
		}
		for (int k = 0; k < CONTROL_COUNT; k++) {
			if (r.holds[k]) {
				told[k] = true;
				fprintf(stderr, "  %s = %g%s", control_name((enum control)k),
					o->value[k],
					p->control[k].unverified ? " (unverified)" : "");
			}
		}
		fputc('\n', stderr);
	}
}

static void announce(const struct test *t)
{
	const struct profile *p = &t->trial->profile;
	struct orders command, off;
	orders_command(p, t->power_w, t->seconds + TRYOUT_MARGIN_S, &command);
	orders_release(p, &command, &off);
	fprintf(stderr, "%s, unit %d of %s%s: for %g s it is to %s %g W. To be written:\n", p->name,
		t->hunt.unit, t->c->word[0], p->unverified ? " (unverified)" : "", t->seconds,
		t->power_w > 0 ? "discharge with" : "charge with", fabs(t->power_w));
	announce_orders(p, &command);
	if (p->control[CONTROL_HEARTBEAT].type != POINT_ABSENT) {
		fprintf(stderr, "  holding %u: a heartbeat, each second\n",
			p->control[CONTROL_HEARTBEAT].address);
	}
	fputs("and in the end:\n", stderr);
	announce_orders(p, &off);
}

static bool agreed(const struct test *t)
{
	char answer[16];
	if (t->c->yes) {
		return true;
	}
	fputs("Go on? [y/N] ", stderr);
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* --- what came of it ----------------------------------------------------------------------------
 */

/* See by questions whether all that is put back in the end, and can be read, is. */
static void check_release(struct test *t)
{
	hunt_again(&t->hunt, t->trial);
	for (int c = 0; c < CONTROL_COUNT && t->released != RELEASED_NOT; c++) {
		const struct point *point = &t->trial->profile.control[c];
		const struct survey_point *s = &t->trial->survey.control[c];
		if (point->type != POINT_ABSENT && point->has_off && s->quality == QUALITY_GOOD) {
			bool off = fabs(s->value - point->off) <= fabs(point->scale) / 2;
			t->released = off ? RELEASED : RELEASED_NOT;
		}
	}
}

static const char *verdict(const struct test *t)
{
	const struct tryout *o = &t->tryout;
	if (!o->during.known) {
		return o->interrupted ? "interrupted" : "unknown";
	}
	return verdict_name(verdict_of(o->before.w, o->during.w, t->power_w));
}

static void put_power(struct json_out *o, const char *key, const struct tryout_power *p)
{
	if (p->known) {
		json_put_number(o, key, p->w, 1);
	} else {
		json_put_null(o, key);
	}
}

static void show_test_write(struct page *p, const struct json_value *root)
{
	struct figure during = figure_of(root, "during_w", NULL, NULL);
	bool released = false;
	page_put(p, "%s: ", show_text(root, "verdict"));
	page_power(p, show_number(root, "power_w", 0));
	page_put(p, " was wanted, ");
	if (during.known) {
		page_power(p, during.value);
	} else {
		page_put(p, "nothing");
	}
	page_put(p, " was measured, ");
	page_power(p, show_number(root, "before_w", 0));
	page_put(p, " before");
	page_end(p);
	if (*show_text(root, "trouble")) {
		page_put(p, "the device's last trouble: %s", show_text(root, "trouble"));
		page_end(p);
	}
	double falls_back_s;
	page_put(p, "%s",
		 !json_flag(json_member(root, "released"), &released)
			 ? "whether it was given back cannot be read: look at the device"
		 : released ? "it was given back: what was on is off again"
			    : "it is NOT given back: look at the device");
	if (json_number(json_member(root, "falls_back_s"), &falls_back_s)) {
		page_put(p, "; left alone it falls back by itself within %g s", falls_back_s);
	}
	page_end(p);
}

static int conclude(struct test *t)
{
	struct json_out o;
	const char *word = verdict(t);
	json_begin(&o, document, sizeof(document));
	json_open_object(&o, NULL);
	json_put_text(&o, "address", t->c->word[0]);
	json_put_integer(&o, "unit", t->hunt.unit);
	json_put_text(&o, "profile", t->trial->name);
	json_put_number(&o, "power_w", t->power_w, 1);
	json_put_number(&o, "seconds", t->seconds, 1);
	put_power(&o, "before_w", &t->tryout.before);
	put_power(&o, "during_w", &t->tryout.during);
	put_power(&o, "after_w", &t->tryout.after);
	json_put_flag(&o, "accepted", t->tryout.accepted);
	json_put_flag(&o, "interrupted", t->tryout.interrupted);
	json_put_text(&o, "verdict", word);
	json_put_text(&o, "trouble", t->tryout.trouble);
	if (t->released == RELEASED_UNKNOWN) {
		json_put_null(&o, "released");
	} else {
		json_put_flag(&o, "released", t->released == RELEASED);
	}
	if (t->trial->profile.revert_s > 0) {
		json_put_number(&o, "falls_back_s", t->trial->profile.revert_s, 1);
	}
	json_close(&o);
	(void)json_finish(&o);
	int code = lecctl_print(t->c, document, show_test_write);
	bool good = strcmp(word, "obeyed") == 0 && t->released != RELEASED_NOT;
	return code ? code : !good;
}

static void progress(double after_s, const struct tryout_power *power, const char *why)
{
	if (power->known) {
		fprintf(stderr, "  after %4.1f s: %5.0f W\n", after_s, power->w);
	} else {
		fprintf(stderr, "  unknown: %s\n", *why ? why : "no new answer");
	}
}

/* Write, once it is known what the device does by itself. */
static int try_it(struct test *t)
{
	struct tryout *o = &t->tryout;
	struct modbus_address address = t->hunt.address;
	address.unit = t->hunt.unit;
	o->progress = progress;
	int r = tryout_open(o, &address, &t->trial->profile);
	if (r < 0) {
		return refuse("%s", r == -EINTR     ? "interrupted"
				    : r == -ENODATA ? o->trouble
						    : strerror(-r));
	}
	if (fabs(o->before.w - t->power_w) <= verdict_tolerance_w(t->power_w)) {
		tryout_close(o);
		return refuse("it does that already: %.0f W, expected another --power",
			      o->before.w);
	}
	tryout_run(o, t->power_w, t->seconds);
	tryout_close(o);
	check_release(t);
	return conclude(t);
}

int lecctl_test_write(const struct lecctl *c)
{
	struct test *t = &test;
	t->c = c;
	t->power_w = POWER_DEFAULT_W;
	t->seconds = SECONDS_DEFAULT;
	int code = parse(t);
	code = code ? code : examine(t);
	if (code) {
		return code;
	}
	announce(t);
	return agreed(t) ? try_it(t) : refuse("not agreed to");
}
