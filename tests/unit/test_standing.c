/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "test.h"

#include "daemon/base/standing.h"

static const int64_t now_s = 1780272000; /* 2026-06-01T00:00:00Z */

static const char sound[] =
	"{\"v\":1,\"home\":\"home-1\",\"issued\":\"2026-06-01T00:00:00Z\",\"until\":"
	"\"2026-06-01T01:00:00Z\",\"import_limit_w\":5000,\"export_limit_w\":3000,"
	"\"then_import_limit_w\":2000,\"then_export_limit_w\":0}";

static int take(struct standing *s, const char *text)
{
	char why[128] = "";
	int r = standing_take(s, "home-1", now_s, text, strlen(text), why, sizeof(why));
	assert_true((r < 0) == (*why != '\0'));
	return r;
}

/* The sound one with `what` replaced by `with`. */
static int take_changed(struct standing *s, const char *what, const char *with)
{
	char text[512];
	const char *at = strstr(sound, what);
	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - sound), sound, with, at + strlen(what));
	return take(s, text);
}

static void test_times(void **unused)
{
	/* A limit holds until its time, the cautious one from then on; never heard is no limit. */
	(void)unused;
	struct standing s = { 0 };
	assert_true(isinf(standing_at(&s, now_s).import_w));
	assert_int_equal(take(&s, sound), 0);
	assert_true(standing_at(&s, now_s + 3599).import_w == 5000);
	assert_true(standing_at(&s, now_s + 3599).export_w == 3000);
	assert_true(standing_at(&s, now_s + 3600).import_w == 2000);
	assert_true(standing_at(&s, now_s + 400 * 86400).export_w == 0);
	/* What is left out is no limit. */
	assert_int_equal(take_changed(&s, ",\"export_limit_w\":3000", ""), 0);
	assert_true(isinf(standing_at(&s, now_s).export_w));
	/* One whose time is over already is the cautious one at once. */
	assert_int_equal(take_changed(&s, "01T01:00", "01T00:00"), 0);
	assert_true(standing_at(&s, now_s).import_w == 2000);
}

static void test_refused(void **unused)
{
	/* What is wrong, another's, older or of a clock gone astray changes nothing. */
	(void)unused;
	static const struct {
		const char *what, *with;
	} broken[] = {
		{ "\"v\":1", "\"v\":2" },
		{ "home-1\"", "home-2\"" },
		{ "5000", "-1" },
		{ "5000", "null" },
		{ "5000", "\"5000\"" },
		{ "5000", "true" },
		{ "5000", "1e12" },
		{ "3000", "NaN" },
		{ "\"issued\":\"2026-06-01T00:00:00Z\",", "" },
		{ "01T01:00", "31T01:00" },
		{ "01T01:00:00Z", "now" },
		{ "0}", "0" },
		{ "01T00:00:00Z", "20T00:00:00Z" },
	};
	struct standing s = { 0 }, before;
	assert_int_equal(take_changed(&s, "01T00:00:00Z", "01T00:00:00Z"), 0);
	before = s;
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		if (take_changed(&s, broken[i].what, broken[i].with) >= 0) {
			fail_msg("\"%s\" was taken", broken[i].with);
		}
		assert_memory_equal(&s, &before, sizeof(s));
	}
	assert_int_equal(take_changed(&s, "2026-06-01T00:00:00Z", "2026-05-31T23:59:59Z"), -ESTALE);
	/* An operator's clock that was ahead does not shut it out for good. */
	assert_int_equal(take_changed(&s, "2026-06-01T00:00:00Z", "2026-06-03T00:00:00Z"), 0);
	assert_int_equal(take_changed(&s, "5000", "4000"), 0);
	assert_true(standing_at(&s, now_s).import_w == 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
