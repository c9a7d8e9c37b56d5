/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "daemon/market/ledger.h"
#include "faulty_disk.h"

enum { START_S = 1764288000, DEATHS = 800, WHY = 200 };

static uint64_t seed;
static char folder[64], path[80];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/lecd-ledger-test-XXXXXX");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/ledger.db", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	char command[100];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static struct ledger *open_ledger(void)
{
	struct ledger *l = NULL;
	char why[WHY] = "";
	int r = ledger_open(path, 1000, &l, why, sizeof(why));
	if (r < 0) {
		fail_msg("%d: %s", r, why);
	}
	return l;
}

static struct ledger *open_reading(void)
{
	struct ledger *l = NULL;
	char why[WHY] = "";
	assert_int_equal(ledger_open_reading(path, &l, why, sizeof(why)), 0);
	return l;
}

static struct ledger_entry bid(int64_t interval_s, const char *home, int64_t revision,
			       const char *text)
{
	struct ledger_entry e = { .made_s = START_S,
				  .kind = LEDGER_BID,
				  .round = "intraday",
				  .interval_s = interval_s,
				  .revision = revision,
				  .text = text };
	snprintf(e.home, sizeof(e.home), "%s", home);
	return e;
}

static int put(struct ledger *l, struct ledger_entry e)
{
	return ledger_append(l, &e);
}

static void run_sql(const char *sql, int expected)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), expected);
	sqlite3_close(db);
}

/* Three intervals of two homes. */
static void fill(void)
{
	struct ledger *l = open_ledger();
	for (int i = 0; i < 3; i++) {
		int64_t at_s = START_S + 900 * i;
		assert_int_equal(put(l, bid(at_s, "home-2", 1, "{\"v\":1}")), 0);
		assert_int_equal(put(l, bid(at_s, "home-1", 1, "{\"v\":1}")), 0);
		assert_int_equal(put(l, bid(at_s, "home-1", 2, "{\"v\":1,\"orders\":[]}")), 0);
	}
	assert_int_equal(ledger_commit(l), 0);
	ledger_close(l);
}

static void a_fact_stands_once(void **state)
{
	/* The same fact again is told apart: with the same text it is a repetition, with another it
	 * is refused; the batch goes on, and the chain holds. */
	(void)state;
	fill();
	struct ledger *l = open_ledger();
	struct ledger_entry clearing = { .kind = LEDGER_CLEARING,
					 .round = "intraday",
					 .interval_s = START_S,
					 .text = "{\"price\":0.2}" };
	struct ledger_entry award = { .kind = LEDGER_AWARD,
				      .round = "intraday",
				      .home = "home-1",
				      .interval_s = START_S,
				      .text = "{\"v\":1}" };
	assert_int_equal(put(l, bid(START_S, "home-1", 1, "{\"v\":1}")), -EEXIST);
	assert_int_equal(put(l, bid(START_S, "home-1", 1, "{\"v\":2}")), -ENOTUNIQ);
	assert_int_equal(put(l, clearing), 0);
	assert_int_equal(put(l, clearing), -EEXIST); /* within the batch too */
	assert_int_equal(put(l, award), 0);
	award.text = "{\"v\":1,\"more\":1}";
	assert_int_equal(put(l, award), -ENOTUNIQ);
	strcpy(award.round, "day-ahead");
	assert_int_equal(put(l, award), 0);
	assert_int_equal(ledger_commit(l), 0);
	assert_int_equal(put(l, clearing), -EEXIST);
	clearing.text = "{\"price\":0.3}";
	assert_int_equal(put(l, clearing), -ENOTUNIQ);
	assert_int_equal(ledger_commit(l), 0);
	int64_t sequence;
	unsigned char hash[DIGEST_SIZE];
	struct ledger_fault fault;
	assert_int_equal(ledger_head(l, &sequence, hash), 0);
	assert_int_equal(sequence, 12);
	assert_int_equal(ledger_verify(l, NULL, NULL, &fault), 0);
	ledger_close(l);
}

static void refuses_what_is_no_fact(void **state)
{
	/* Columns that a kind does not have, or lacks, and words that could not be chained are
	 * refused. */
	(void)state;
	struct ledger *l = open_ledger();
	struct ledger_entry good = bid(START_S, "home-1", 1, "{}");
	struct ledger_entry e = good;
	e.home[0] = '\0';
	assert_int_equal(put(l, e), -EINVAL);
	e = good;
	strcpy(e.round, "a\nb");
	assert_int_equal(put(l, e), -EINVAL);
	e = good;
	e.text = "{\"a\":\n1}";
	assert_int_equal(put(l, e), -EINVAL);
	e.text = "none";
	assert_int_equal(put(l, e), -EINVAL);
	e = good;
	e.kind = LEDGER_CLEARING;
	assert_int_equal(put(l, e), -EINVAL);
	e.home[0] = '\0';
	assert_int_equal(put(l, e), -EINVAL); /* a clearing with a revision */
	e.kind = LEDGER_KIND_COUNT;
	assert_int_equal(put(l, e), -EINVAL);
	e = good;
	memset(e.home, 'x', sizeof(e.home));
	assert_int_equal(put(l, e), -EINVAL);
	char *huge = malloc(LEDGER_TEXT_MAX + 1);
	memset(huge, '{', LEDGER_TEXT_MAX);
	huge[LEDGER_TEXT_MAX] = '\0';
	e = good;
	e.text = huge;
	assert_int_equal(put(l, e), -EINVAL);
	huge[LEDGER_TEXT_MAX - 1] = '\0';
	assert_int_equal(put(l, e), 0);
	assert_int_equal(ledger_commit(l), 0);
	ledger_close(l);
	free(huge);
}

struct seen {
	int count;
	char last[400];
	bool intact;
};

static int see(const struct ledger_entry *e, void *argument)
{
	struct seen *seen = argument;
	char now[400];
	/* Homes by name, revisions upwards. */
	snprintf(now, sizeof(now), "%020lld/%s/%s/%020lld", (long long)e->interval_s, e->round,
		 e->home, (long long)e->revision);
	assert_true(strcmp(now, seen->last) > 0);
	strcpy(seen->last, now);
	seen->count++;
	seen->intact = seen->intact && e->intact;
	return 0;
}

static int stop(const struct ledger_entry *e, void *argument)
{
	(void)e;
	++*(int *)argument;
	return 7;
}

static void reads_back_in_order(void **state)
{
	/* Entries come by interval, round, home, revision, of the intervals and the home that are
	 * asked for; who is not wanted any more is not called. */
	(void)state;
	fill();
	struct ledger *l = open_reading();
	struct ledger_query q = {
		.kind = LEDGER_BID, .from_s = 0, .to_s = INT64_MAX, .check = true
	};
	struct seen seen = { .intact = true };
	assert_int_equal(ledger_each(l, &q, see, &seen), 0);
	assert_true(seen.count == 9 && seen.intact);
	q.from_s = START_S + 900;
	q.to_s = START_S + 1800;
	seen = (struct seen){ .intact = true };
	assert_int_equal(ledger_each(l, &q, see, &seen), 0);
	assert_int_equal(seen.count, 3);
	q.home = "home-1";
	seen = (struct seen){ .intact = true };
	assert_int_equal(ledger_each(l, &q, see, &seen), 0);
	assert_int_equal(seen.count, 2);
	int calls = 0;
	assert_int_equal(ledger_each(l, &q, stop, &calls), 7);
	assert_int_equal(calls, 1);
	char text[40] = "";
	struct ledger_entry e = bid(START_S, "home-1", 2, NULL);
	assert_int_equal(ledger_find(l, &e, text, sizeof(text)), 0);
	assert_string_equal(text, "{\"v\":1,\"orders\":[]}");
	assert_int_equal(ledger_find(l, &e, text, 5), -ENOBUFS);
	e.revision = 3;
	assert_int_equal(ledger_find(l, &e, text, sizeof(text)), -ENOENT);
	assert_int_equal(ledger_append(l, &e), -EROFS);
	ledger_close(l);
}

static void one_writer(void **state)
{
	/* A second writer is turned away, readers are not, and see what was committed. */
	(void)state;
	fill();
	struct ledger *l = open_ledger(), *second = NULL;
	char why[WHY] = "";
	assert_int_equal(ledger_open(path, 0, &second, why, sizeof(why)), -EBUSY);
	assert_non_null(strstr(why, "another process"));
	struct ledger *reader = open_reading();
	assert_int_equal(put(l, bid(START_S, "home-3", 1, "{}")), 0);
	int64_t sequence;
	unsigned char hash[DIGEST_SIZE];
	assert_int_equal(ledger_head(reader, &sequence, hash), 0);
	assert_int_equal(sequence, 9);
	assert_int_equal(ledger_commit(l), 0);
	assert_int_equal(ledger_head(reader, &sequence, hash), 0);
	assert_int_equal(sequence, 10);
	assert_int_equal(ledger_holds(reader, 10, hash), 0);
	assert_int_equal(ledger_holds(reader, 9, hash), -EBADMSG);
	assert_int_equal(ledger_holds(reader, 11, hash), -ENOENT);
	ledger_close(reader);
	ledger_close(l);
}

static void only_grows(void **state)
{
	/* The table itself refuses to change or delete a row. */
	(void)state;
	fill();
	run_sql("UPDATE entry SET text = '{}' WHERE sequence = 3", SQLITE_CONSTRAINT);
	run_sql("DELETE FROM entry WHERE sequence = 9", SQLITE_CONSTRAINT);
}

static void a_changed_past_shows(void **state)
{
	/* A row that was changed, taken out, exchanged or put in by force is named by its sequence;
	 * the ledger takes no more, and can still be read. */
	(void)state;
	static const struct {
		const char *sql;
		int64_t sequence;
		const char *what;
	} cases[] = {
		{ "UPDATE entry SET text = '{\"v\":9}' WHERE sequence = 3", 3, "its hash is not" },
		{ "UPDATE entry SET made_s = made_s + 1 WHERE sequence = 5", 5, "its hash is not" },
		{ "UPDATE entry SET home = 'home-9' WHERE sequence = 1", 1, "its hash is not" },
		{ "UPDATE entry SET revision = 7 WHERE sequence = 9", 9, "its hash is not" },
		{ "DELETE FROM entry WHERE sequence = 4", 4, "it is missing" },
		{ "DELETE FROM entry WHERE sequence = 1", 1, "it is missing" },
		{ "UPDATE entry SET kind = 'bet' WHERE sequence = 2", 2, "no such kind" },
		{ "UPDATE entry SET hash = zeroblob(32) WHERE sequence = 6", 6, "its hash is not" },
		{ "UPDATE entry SET hash = x'00' WHERE sequence = 6", 6, "no hash" },
		{ "INSERT INTO entry SELECT 10, made_s, kind, round, interval_s, home, 5, text, "
		  "hash FROM entry WHERE sequence = 9",
		  10, "its hash is not" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sql[400], why[WHY] = "", expected[80];
		fill();
		snprintf(sql, sizeof(sql), "DROP TRIGGER no_update; DROP TRIGGER no_delete; %s",
			 cases[i].sql);
		run_sql(sql, SQLITE_OK);
		struct ledger *l = NULL;
		snprintf(expected, sizeof(expected), "entry %lld: %s", (long long)cases[i].sequence,
			 cases[i].what);
		assert_int_equal(ledger_open(path, 1000, &l, why, sizeof(why)), -EBADMSG);
		print_message("%s\n", why);
		assert_true(strncmp(why, expected, strlen(expected)) == 0);
		struct ledger_fault fault = { 0 };
		l = open_reading();
		assert_int_equal(ledger_verify(l, NULL, NULL, &fault), -EBADMSG);
		assert_int_equal(fault.sequence, cases[i].sequence);
		assert_non_null(strstr(fault.what, cases[i].what));
		ledger_close(l);
		assert_int_equal(unlink(path), 0);
	}
}

static void a_file_that_is_none(void **state)
{
	/* What is no ledger is refused with a reason and left as it is. */
	(void)state;
	struct ledger *l = NULL;
	char why[WHY] = "";
	assert_int_not_equal(ledger_open_reading(path, &l, why, sizeof(why)), 0);
	assert_true(why[0] != '\0' && access(path, F_OK) != 0);
	FILE *file = fopen(path, "w");
	for (int i = 0; i < 1000; i++) {
		fputs("no database", file);
	}
	fclose(file);
	assert_int_equal(ledger_open(path, 0, &l, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "not a database"));
	assert_int_equal(ledger_open_reading(path, &l, why, sizeof(why)), -EBADMSG);
}

static void reads_from_a_medium_that_cannot_be_written(void **state)
{
	/* A ledger on a medium that is read-only can be read and proven. */
	(void)state;
	if (mount("lecd-test", folder, "tmpfs", 0, "size=1m") < 0) {
		print_message("mounting needs root\n");
		skip();
	}
	fill();
	assert_int_equal(mount("lecd-test", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	struct ledger *l = NULL;
	struct ledger_fault fault;
	char why[WHY] = "";
	assert_int_not_equal(ledger_open(path, 0, &l, why, sizeof(why)), 0);
	l = open_reading();
	assert_int_equal(ledger_verify(l, NULL, NULL, &fault), 0);
	ledger_close(l);
	assert_int_equal(umount(folder), 0);
}

static void anyone_can_follow(void **state)
{
	/* The chain is what the header says, worked out by another program. */
	(void)state;
	fill();
	char command[700], line[400] = "";
	snprintf(command, sizeof(command),
		 "h=%064d; for i in 1 2 3 4 5 6 7 8 9; do h=$(printf '%%s\\n%%s' $h \"$(sqlite3 "
		 "-separator '\n' '%s' \"SELECT sequence, made_s, kind, round, interval_s, home, "
		 "revision, text FROM entry WHERE sequence = $i\")\" | sha256sum | cut -d' ' -f1); "
		 "done; echo $h",
		 0, path);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(line, sizeof(line), p));
	assert_int_equal(pclose(p), 0);
	line[strcspn(line, "\n")] = '\0';
	unsigned char theirs[DIGEST_SIZE], ours[DIGEST_SIZE];
	int64_t sequence;
	assert_int_equal(digest_parse(line, theirs), 0);
	struct ledger *l = open_reading();
	assert_int_equal(ledger_head(l, &sequence, ours), 0);
	assert_memory_equal(ours, theirs, DIGEST_SIZE);
	ledger_close(l);
}

/* --- a disk that fails ------------------------------------------------------------------------ */

static int use_disk(void **state)
{
	int r = make_folder(state);
	disk_install();
	return r;
}

static int leave_disk(void **state)
{
	disk_uninstall();
	return remove_folder(state);
}

/* Bids are numbered; that many are known to be on the disk. */
struct promise {
	int64_t acknowledged, appended;
};

static struct ledger_entry numbered(int64_t n)
{
	static char text[2000];
	int padding = (int)(n * 7919 % 1500);
	snprintf(text, sizeof(text), "{\"n\":%lld,\"padding\":\"%*s\"}", (long long)n, padding, "");
	return bid(START_S + 900 * (n % 96), "home-1", n, text);
}

/* Append batches until the disk dies. */
static void write_until_dead(struct ledger *l, struct promise *p)
{
	for (;;) {
		int64_t batch = 1 + (int64_t)(random_next(&seed) % 12);
		p->appended = p->acknowledged + batch;
		for (int64_t n = p->acknowledged; n < p->appended; n++) {
			(void)put(l, numbered(n));
		}
		if (ledger_commit(l) < 0) {
			return;
		}
		p->acknowledged = p->appended;
	}
}

/* How many stand: all that are acknowledged, and of the batch that was not, all or nothing. */
static int64_t count_standing(struct ledger *l, const struct promise *p)
{
	char text[2100];
	int64_t standing = 0, before;
	unsigned char hash[DIGEST_SIZE];
	assert_int_equal(ledger_head(l, &standing, hash), 0);
	assert_true(standing == p->acknowledged || standing == p->appended);
	before = p->acknowledged > 30 ? p->acknowledged - 30 : 0;
	for (int64_t n = before; n < p->appended; n++) {
		struct ledger_entry e = numbered(n);
		int r = ledger_find(l, &e, text, sizeof(text));
		assert_int_equal(r, n < standing ? 0 : -ENOENT);
		if (r == 0) {
			assert_string_equal(text, e.text);
		}
	}
	return standing;
}

static void survives_any_death(void **state)
{
	/* Killed, or without power, at any write: what was acknowledged stands, a batch is there
	 * whole or not at all, and the chain holds. */
	(void)state;
	struct promise p = { 0 };
	int survived = 0;
	for (int i = 0; i < (is_watched() ? DEATHS / 5 : DEATHS); i++) {
		struct ledger *l = NULL;
		char why[WHY] = "";
		disk_die_after(1 +
			       (long)(random_next(&seed) % (random_next(&seed) % 4 ? 60 : 900)));
		if (ledger_open(path, 0, &l, why, sizeof(why)) == 0) {
			write_until_dead(l, &p);
			ledger_close(l);
		}
		disk_revive(random_next(&seed) % 2 ? DISK_KILLED : DISK_POWER_CUT, &seed);
		l = open_ledger(); /* follows the chain's end */
		int64_t standing = count_standing(l, &p);
		survived += standing > p.acknowledged;
		p.acknowledged = p.appended = standing;
		if (i % 100 == 0) {
			struct ledger_fault fault;
			assert_int_equal(ledger_verify(l, NULL, NULL, &fault), 0);
		}
		ledger_close(l);
		if (standing > 400) { /* and from the first write on */
			disk_format();
			p = (struct promise){ 0 };
		}
	}
	print_message("%ld writes, %d batches stood that nobody acknowledged\n", disk.changes,
		      survived);
	assert_true(survived > 0);
}

static void full_disk(void **state)
{
	/* On a full disk a batch is refused whole with -ENOSPC, what stood stands, and it goes on
	 * when there is room. */
	(void)state;
	struct ledger *l = open_ledger();
	struct promise p = { 0 };
	int full = 0;
	for (int i = 0; i < 400; i++) {
		disk.bytes_max = i % 2 ? 1 : 0; /* no file may grow */
		p.appended = p.acknowledged + 1 + (int64_t)(random_next(&seed) % 200);
		int told = 0;
		for (int64_t n = p.acknowledged; n < p.appended; n++) {
			int r = put(l, numbered(n));
			told = told ? told : r;
			assert_true(r == told); /* once lost, the batch stays so */
		}
		int r = ledger_commit(l);
		assert_true(r == 0 || r == -ENOSPC);
		assert_true(told == 0 || told == r);
		full += r == -ENOSPC;
		p.acknowledged = r == 0 ? p.appended : p.acknowledged;
		p.appended = p.acknowledged;
		assert_int_equal(count_standing(l, &p), p.acknowledged);
	}
	disk.bytes_max = 0;
	print_message("%d batches refused, %lld bids stand\n", full, (long long)p.acknowledged);
	assert_true(full > 20 && p.acknowledged > 0);
	struct ledger_fault fault;
	assert_int_equal(ledger_verify(l, NULL, NULL, &fault), 0);
	ledger_close(l);
}

#define FRESH(test)   cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, use_disk, leave_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(a_fact_stands_once),  FRESH(refuses_what_is_no_fact),
		FRESH(reads_back_in_order), FRESH(one_writer),
		FRESH(only_grows),          FRESH(a_changed_past_shows),
		FRESH(a_file_that_is_none), FRESH(reads_from_a_medium_that_cannot_be_written),
		FRESH(anyone_can_follow),   ON_DISK(survives_any_death),
		ON_DISK(full_disk),
	};
	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
