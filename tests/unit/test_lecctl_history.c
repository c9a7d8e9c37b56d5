/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lecctl_documents.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/home/lecctl_history.c"

static struct history history;
static char shown_text[65536];

/* The program's own, which lecctl.c brings along with main. */
int lecctl_ask(const struct lecctl *c, const char *request, char *reply, int size)
{
	return control_ask(c->socket, request, reply, (size_t)size);
}

void lecctl_complain(const struct lecctl *c, int error)
{
	(void)c;
	(void)error;
}

/* What these lines look like. */
static const char *shown(enum store_history which, bool csv, const char *lines)
{
	history = (struct history){ .column = columns[which], .csv = csv };
	FILE *fetched = tmpfile();
	history.out = tmpfile();
	assert_non_null(fetched);
	assert_non_null(history.out);
	fputs(lines, fetched);
	show_rows(&history, fetched);
	rewind(history.out);
	shown_text[fread(shown_text, 1, sizeof(shown_text) - 1, history.out)] = '\0';
	fclose(fetched);
	fclose(history.out);
	return shown_text;
}

static void rows_are_aligned(void **state)
{
	/* Numbers stand under their titles, what is not known is a dash, reasons are words. */
	(void)state;
	assert_string_equal(
		shown(STORE_QUARTERS, false,
		      "{\"start_s\":0,\"seconds\":900.0,\"import_wh\":12.25,\"cost\":null}\n"
		      "{\"start_s\":900,\"seconds\":10,\"import_wh\":1234.5,\"cost\":0.5}\n"),
		"start (UTC)          covered s   load Wh    sun Wh import Wh export Wh charge Wh "
		"disch. Wh     buy    sell     cost \n"
		"1970-01-01T00:00:00Z       900         -         -      12.2         -         - "
		"        -       -       -        - \n"
		"1970-01-01T00:15:00Z        10         -         -    1234.5         -         - "
		"        -       -       -   0.5000 \n");
	const char *samples = shown(STORE_SAMPLES, false,
				    "{\"time_s\":0,\"decider\":2,\"reasons\":129,\"soc\":0.5}\n");
	assert_non_null(strstr(samples, "0.5000"));
	assert_non_null(strstr(samples, "rules       power-limit+ramp\n"));
	assert_int_equal(history.rows, 1);
}

static void csv_quotes_what_it_must(void **state)
{
	/* CSV names the columns and quotes fields with commas or quotes, and unknown is empty. */
	(void)state;
	assert_string_equal(shown(STORE_LEDGER, true,
				  "{\"made_s\":60,\"kind\":\"bid\",\"interval_s\":null,"
				  "\"revision\":1,\"text\":\"{\\\"a\\\":1,2}\"}\n"),
			    "made_s,kind,interval_s,revision,import_wh,export_wh,text\n"
			    "1970-01-01T00:01:00Z,bid,,1,,,\"{\"\"a\"\":1,2}\"\n");
}

static void hostile_rows_stay_text(void **state)
{
	/* Control characters and absurd numbers in rows come out harmless. */
	(void)state;
	for (int which = STORE_SAMPLES; which <= STORE_LEDGER; which++) {
		for (const struct column *c = columns[which]; c->form != FORM_END; c++) {
			for (int v = 0; v < SPOILT_VALUES; v++) {
				char line[512];
				snprintf(line, sizeof(line), "{\"%s\":%s}\n", c->key,
					 spoilt_values[v]);
				assert_clean(shown((enum store_history)which, v % 2, line));
				assert_int_equal(history.rows, 1);
			}
		}
	}
}

static void ends_are_told(void **state)
{
	/* An error, a truncated answer and a broken line are told apart from rows. */
	(void)state;
	shown(STORE_QUARTERS, false, "{\"error\":\"No such file\"}\n");
	assert_string_equal(history.error, "No such file");
	assert_int_equal(history.rows, 0);
	shown(STORE_QUARTERS, false, "{\"start_s\":0}\n{\"truncated\":true}\n");
	assert_true(history.truncated);
	assert_int_equal(history.rows, 1);
	shown(STORE_QUARTERS, false, "{\"start_s\":");
	assert_non_null(strstr(history.error, "not understood"));
}

enum { ANSWER_LINES = 60000 };

/* Serve one client on the listening socket: many lines, and the end. */
static void *serve(void *argument)
{
	char request[256];
	int client = accept(*(int *)argument, NULL, NULL);
	FILE *to = fdopen(client, "r+");
	if (to && fgets(request, sizeof(request), to)) {
		for (int i = 0; i < ANSWER_LINES; i++) {
			fprintf(to, "{\"start_s\":%d,\"request\":\"%.4s\"}\n", i, request);
		}
	}
	if (to) {
		fclose(to);
	}
	return NULL;
}

static void answers_of_any_length_arrive_whole(void **state)
{
	/* An answer of megabytes is fetched to its end. */
	(void)state;
	char folder[] = "/tmp/lecd-test-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, serve, &fd), 0);
	FILE *out = tmpfile();
	assert_int_equal(control_fetch(address.sun_path, "history", out), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(ftell(out) > 1 << 20);
	history = (struct history){ .column = columns[STORE_QUARTERS], .out = tmpfile() };
	show_rows(&history, out);
	assert_int_equal(history.rows, ANSWER_LINES);
	fclose(history.out);
	fclose(out);
	close(fd);
	unlink(address.sun_path);
	rmdir(folder);
	assert_true(control_fetch(address.sun_path, "history", stdout) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_aligned),
		cmocka_unit_test(csv_quotes_what_it_must),
		cmocka_unit_test(hostile_rows_stay_text),
		cmocka_unit_test(ends_are_told),
		cmocka_unit_test(answers_of_any_length_arrive_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
