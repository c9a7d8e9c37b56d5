/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "daemon/grid/network.h"

static void test_shipped(void **unused)
{
	/* Every feeder we ship loads, as one tree whose parents stand before their children. */
	(void)unused;
	glob_t found;
	assert_int_equal(glob("etc/feeders/*.csv", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 3);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct diag d = { .to = stderr };
		struct feeder f;
		struct network k;
		assert_int_equal(feeder_read(found.gl_pathv[i], &f, &d), 0);
		assert_int_equal(network_init(&k, &f), 0);
		for (int n = 1; n < k.nodes; n++) {
			assert_in_range(k.parent[n], 0, n - 1);
			assert_true(f.bus[k.bus[n]].kv > 0);
			assert_int_equal(k.node[k.bus[n]], n);
		}
		network_free(&k);
		feeder_free(&f);
	}
	globfree(&found);
}

static void test_broken(void **unused)
{
	/* What cannot be is refused, with its line and its name. */
	(void)unused;
	static const struct {
		const char *file, *words;
	} broken[] = {
		{ "meshed", "meshed.csv:7: 3-1 closes a loop: the feeder is meshed" },
		{ "sources", "sources.csv:5: bus 2 is a second source" },
		{ "island", "island.csv:3: bus 3 is an island" },
		{ "zero", "zero.csv:5: 1-2 has no impedance" },
		{ "no-bus", "no-bus.csv:6: there is no bus \"4\"" },
		{ "twice", "twice.csv:7: 3-2 is there twice, first in line 6" },
		{ "bus-twice", "bus-twice.csv:5: bus 2 is there twice, first in line 2" },
		{ "kind", "kind.csv:5: \"cable\" is no kind of row" },
		{ "number", "number.csv:5: r_ohm is \"nan\", expected a number from 0" },
		{ "volts", "volts.csv:9: a line joins 12.66 kV (bus 3) and 0.4 kV (bus 4)" },
		{ "no-source", "no-source.csv: has no source" },
		{ "fields", "fields.csv:5: 4 fields, expected line,FROM,TO" },
	};
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		char path[80], *said = NULL;
		size_t size = 0;
		struct feeder f;
		struct diag d = { .to = open_memstream(&said, &size) };
		snprintf(path, sizeof(path), "tests/broken/feeder-%s.csv", broken[i].file);
		assert_true(feeder_read(path, &f, &d) < 0);
		(void)fclose(d.to);
		if (d.errors != 1 || !strstr(said, broken[i].words)) {
			fail_msg("%s: said \"%s\", expected once \"%s\"", path, said,
				 broken[i].words);
		}
		free(said);
		feeder_free(&f);
	}
}

static void test_names(void **unused)
{
	/* A bus is found by its name among thousands, and one that is not there is not. */
	(void)unused;
	struct feeder f;
	char name[FEEDER_NAME_SIZE];
	feeder_init(&f, "made up");
	assert_int_equal(feeder_find(&f, "1"), -1);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "bus-%d", i);
		assert_int_equal(feeder_add_bus(&f, name, i + 1), i);
		assert_int_equal(feeder_add_bus(&f, name, i + 1), -17); /* -EEXIST */
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "bus-%d", i);
		assert_int_equal(feeder_find(&f, name), i);
	}
	assert_int_equal(feeder_find(&f, "bus-3000"), -1);
	feeder_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
