/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/orders_csv.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "daemon/market/mechanism.h"
#include "test.h"

/* Each broken file, and what is said of it behind "file:line: ". */
static const struct {
	const char *file;
	const char *line;
	const char *expected;
} broken[] = {
	{ "orders-action", "2", "action 'drop', expected new, cancel or replace" },
	{ "orders-arrival", "2", "arrival 'noon', expected a number that grows with time" },
	{ "orders-block-interval", "3", "block 'x' stands in this interval already" },
	{ "orders-block-owner", "3", "block 'x' of another owner or side than in line 2" },
	{ "orders-cancel-unknown", "2", "action on order '1', expected it new before" },
	{ "orders-cap", "2", "price '1000.01', expected a price per kWh from -1000 to 1000" },
	{ "orders-cap", "3", "price '-1000.01', expected a price per kWh from -1000 to 1000" },
	{ "orders-column", "1", "column 'colour' is not known, expected order,owner,side" },
	{ "orders-duplicate", "4", "order '1' stands in line 2 already, expected it once" },
	{ "orders-empty", NULL, "empty file, expected a header with order,owner,side" },
	{ "orders-fields", "2", "4 fields, expected 5 as in the header" },
	{ "orders-long", "2", "line too long, expected at most 16383 characters and 512 fields" },
	{ "orders-long", "3", "quantity '-1', expected an energy" },
	{ "orders-missing", "1", "no column quantity, expected order,owner,side" },
	{ "orders-nan", "2", "price 'nan', expected a price" },
	{ "orders-nan", "3", "quantity 'inf', expected an energy from 0.000001 to 1000000 kWh" },
	{ "orders-negative", "2", "quantity '-1', expected an energy" },
	{ "orders-negative", "3", "quantity '0', expected an energy" },
	{ "orders-none", NULL, "no orders, expected at least one row" },
	{ "orders-nul", "3", "a NUL byte, expected text in UTF-8" },
	{ "orders-old", "1", "a carriage return in the line, expected lines that end in LF or" },
	{ "orders-owner", "2", "owner '', expected a name of 1 to 63 characters" },
	{ "orders-price", "2", "price 'cheap', expected a price" },
	{ "orders-quote", "2", "a quote at a field's end, expected fields without quotes" },
	{ "orders-quote", "3", "a quote at a field's end, expected fields without quotes" },
	{ "orders-quote", "4", "quantity '-1', expected an energy" },
	{ "orders-ratio", "2", "min_ratio '0', expected a share above 0, up to 1" },
	{ "orders-ratio-alone", "2", "min_ratio '0.5', expected none without a block" },
	{ "orders-ratio-differs", "3", "min_ratio of block 'x' other than in line 2" },
	{ "orders-return", "2", "a carriage return in the line, expected lines that end in LF or" },
	{ "orders-side", "2", "side 'buys', expected buy or sell" },
	{ "orders-tiny", "2", "quantity '0.0000001', expected an energy" },
	{ "orders-twice-column", "1", "column price given twice" },
	{ "orders-whole", NULL, "all orders together are more than 1000 GWh, expected less" },
	{ "orders-wide", "1", "a NUL byte, expected text in UTF-8" },
	{ "orders-zone", "2", "zone 'nroth', expected a zone of the file with the grid's fees" },
	{ "orders-zone-no-fees", "1", "column zone, expected the grid's fees with it (--fees)" },
	{ "fees-header", "1", "no header, expected from,to,fee" },
	{ "fees-missing", NULL, "no fee from 'north' to 'west', expected one" },
	{ "fees-negative", "2", "fee '-0.02', expected one per kWh from 0 to 1000" },
	{ "fees-nul", "3", "a NUL byte, expected text in UTF-8" },
	{ "fees-quote", "2", "a quote at a field's end, expected fields without quotes" },
	{ "fees-twice", "3", "this pair of zones stands twice" },
};
enum { BROKEN = sizeof(broken) / sizeof(*broken) };

static int read_to(const char *path, const char *fees, struct orders_file *f, char *said,
		   size_t size)
{
	memset(said, 0, size);
	struct diag d = { .to = fmemopen(said, size, "w") };
	assert_non_null(d.to);
	int r = orders_csv_read(f, path, fees, PRICE_MAX, &d);
	assert_int_equal(fclose(d.to), 0);
	assert_int_equal(r<0, d.errors> 0);
	return r;
}

static void test_broken(void **state)
{
	(void)state; /* Each broken file is refused with the words that say what is expected. */
	for (int i = 0; i < BROKEN; i++) {
		bool fees = strncmp(broken[i].file, "fees", 4) == 0;
		bool zone = strcmp(broken[i].file, "orders-zone") == 0;
		struct orders_file f;
		char path[80], line[200], said[2048];
		snprintf(path, sizeof(path), "tests/broken/%s.csv", broken[i].file);
		int r = read_to(fees ? "etc/examples/orders-zones.csv" : path,
				fees   ? path
				: zone ? "etc/examples/fees.csv"
				       : NULL,
				&f, said, sizeof(said));
		assert_int_equal(r, -EINVAL);
		orders_csv_free(&f);
		snprintf(line, sizeof(line), "%s:%s%s%s", path,
			 broken[i].line ? broken[i].line : "", broken[i].line ? ": " : " ",
			 broken[i].expected);
		if (!strstr(said, line)) {
			fail_msg("'%s' not in:\n%s", line, said);
		}
	}
}

static void test_directory(void **state)
{
	(void)state; /* A directory for a file is told as one, for orders and for fees. */
	struct orders_file f;
	char said[256];
	assert_int_equal(read_to("tests", NULL, &f, said, sizeof(said)), -EISDIR);
	assert_non_null(strstr(said, "tests: a directory, expected a file"));
	orders_csv_free(&f);
	assert_int_equal(read_to("etc/examples/orders-zones.csv", "etc", &f, said, sizeof(said)),
			 -EISDIR);
	assert_non_null(strstr(said, "etc: a directory, expected a file"));
	orders_csv_free(&f);
}

static void test_other_systems(void **state)
{
	(void)state; /* A byte order mark, lines that end in CRLF and a last line without an end are
			read as any other file. */
	struct orders_file f;
	char path[64], said[256];
	write_temporary("\xef\xbb\xbforder,owner,side,price,quantity\r\n1,a,buy,0.2,1\r\n\r\n"
			"2,b,sell,0.1,2",
			path);
	assert_int_equal(read_to(path, NULL, &f, said, sizeof(said)), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(f.book.orders, 2);
	assert_string_equal(f.name[1], "2");
	assert_int_equal(f.order[0].quantity, MILLION);
	assert_int_equal(f.order[1].quantity, 2 * MILLION);
	orders_csv_free(&f);
}

static void test_all_told(void **state)
{
	(void)state; /* There is a word for each broken file. */
	glob_t found;
	assert_int_equal(glob("tests/broken/orders-*.csv", 0, NULL, &found), 0);
	assert_int_equal(glob("tests/broken/fees-*.csv", GLOB_APPEND, NULL, &found), 0);
	for (size_t k = 0; k < found.gl_pathc; k++) {
		bool told = false;
		for (int i = 0; i < BROKEN; i++) {
			const char *name = strrchr(found.gl_pathv[k], '/') + 1;
			told |= strncmp(name, broken[i].file, strlen(broken[i].file)) == 0;
		}
		if (!told) {
			fail_msg("no word on %s", found.gl_pathv[k]);
		}
	}
	globfree(&found);
}

/* A book of rows with names, which are then shuffled. */
enum { ROWS = 30 };
static int shuffled(uint64_t *seed, char row[ROWS][100], char *path)
{
	static char text[8000];
	int order[ROWS];
	size_t length = (size_t)snprintf(text, sizeof(text),
					 "arrival,order,owner,side,price,quantity,zone\n");
	for (int i = 0; i < ROWS; i++) {
		int j = (int)(random_next(seed) >> 33) % (i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < ROWS; i++) {
		length +=
			(size_t)snprintf(text + length, sizeof(text) - length, "%s", row[order[i]]);
	}
	write_temporary(text, path);
	return order[0];
}

/* Everything that clearing says of an order by name, and of the whole. */
static void clear_file(const char *path, const char *mechanism, int64_t *digest)
{
	struct orders_file f;
	struct result r = { .orders_max = 0 };
	char said[2048];
	const struct mechanism *m = mechanism_find(mechanism);
	const struct terms terms = { .k = MILLION / 3,
				     .pairs = true,
				     .utility_buy = 300000,
				     .utility_sell = 50000,
				     .importer_fee = 10000 };
	assert_int_equal(
		read_to(path, m->zones ? "etc/examples/fees.csv" : NULL, &f, said, sizeof(said)),
		0);
	assert_int_equal(book_check(&f.book, NULL), 0);
	assert_int_equal(mechanism_clear(m, &f.book, &terms, &r), 0);
	int n = 0;
	digest[n++] = r.quantity;
	digest[n++] = (int64_t)r.welfare;
	digest[n++] = r.price;
	digest[n++] = r.budget;
	digest[n++] = r.trades;
	for (int i = 0; i < f.book.orders; i++) {
		digest[n++] = atoi(f.name[i]);
		digest[n++] = r.filled[i];
		digest[n++] = r.amount[i];
	}
	for (int i = 0; i < r.trades; i++) {
		digest[n++] = r.trade[i].buy * 1000 + r.trade[i].sell;
		digest[n++] = r.trade[i].quantity;
	}
	result_free(&r);
	orders_csv_free(&f);
}

static void test_row_order(void **state)
{
	(void)state; /* The same book in any order of its rows gives the same result to the last
			digit, by every mechanism. */
	uint64_t seed = random_seed();
	for (int book = 0; book < 8 * MECHANISMS; book++) {
		const struct mechanism *m = &mechanisms[book % MECHANISMS];
		char row[ROWS][100], path[64];
		int64_t first[400] = { 0 }, other[400] = { 0 };
		for (int i = 0; i < ROWS; i++) {
			snprintf(row[i], sizeof(row[i]), "%d,%d,home-%d,%s,%.2f,%.6f,%s\n", i,
				 100 - i, (int)(random_next(&seed) >> 40) % 9,
				 random_next(&seed) >> 63 ? "buy" : "sell",
				 (double)((random_next(&seed) >> 40) % 8) / 20,
				 random_between(&seed, 0.1, 2),
				 random_next(&seed) >> 63 ? "north" : "south");
			if (!m->zones) { /* neither the column */
				*strrchr(row[i], ',') = '\n';
				strchr(row[i], '\n')[1] = '\0';
			}
		}
		for (int turn = 0; turn < 4; turn++) {
			(void)shuffled(&seed, row, path);
			if (!m->zones) {
				FILE *file = fopen(path, "r+");
				assert_non_null(file);
				assert_int_equal(
					fseek(file,
					      (long)strlen(
						      "arrival,order,owner,side,price,quantity"),
					      SEEK_SET),
					0);
				fputs("     ", file);
				assert_int_equal(fclose(file), 0);
			}
			clear_file(path, m->name, turn ? other : first);
			assert_int_equal(unlink(path), 0);
			assert_true(turn == 0 || memcmp(first, other, sizeof(first)) == 0);
		}
	}
}

static void test_numbers(void **state)
{
	(void)state; /* Prices and energies are exact to the millionth, names with numbers stand by
			their value, and a repeated order is a change of it. */
	struct orders_file f;
	char path[64], said[512];
	write_temporary("order,owner,side,price,quantity,action\n"
			"10,b,sell,-0.123457,0.000001,\n"
			"9,a,buy,1000,1000000,new\n"
			"9,a,buy,0.1,2,replace\n"
			"9,a,buy,,,cancel\n",
			path);
	assert_int_equal(read_to(path, NULL, &f, said, sizeof(said)), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(f.book.orders, 4);
	assert_string_equal(f.name[0], "9");
	assert_string_equal(f.name[3], "10");
	assert_int_equal(f.order[0].price, PRICE_MAX);
	assert_true(f.order[0].quantity == QUANTITY_MAX);
	assert_int_equal(f.order[3].price, -123457);
	assert_int_equal(f.order[3].quantity, 1);
	assert_int_equal(f.order[3].arrival, 0);
	assert_int_equal(f.order[1].action, ACTION_REPLACE);
	assert_int_equal(f.order[2].action, ACTION_CANCEL);
	assert_int_equal(f.order[2].earlier, 0);
	assert_string_equal(f.owners.name[f.order[3].owner], "b");
	orders_csv_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken),        cmocka_unit_test(test_directory),
		cmocka_unit_test(test_other_systems), cmocka_unit_test(test_all_told),
		cmocka_unit_test(test_row_order),     cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
