/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl policy: what a learned actor is, and what it answers to rows of observations. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/json_out.h"
#include "daemon/home/lecctl.h"
#include "daemon/home/site.h"
#include "daemon/home/site_actor.h"
#include "policy/actor_conf.h"

/* The actor, and what its numbers mean where that is given. */
static struct {
	struct actor *actor;
	const struct actor_conf *conf; /* NULL: plain numbers */
} asked;

static void put_ports(struct json_out *o, const char *key, const struct actor_port *port, int ports)
{
	json_open_array(o, key);
	for (int i = 0; i < ports; i++) {
		const struct tensor *t = port[i].tensor;
		json_open_object(o, NULL);
		json_put_text(o, "name", port[i].name);
		json_put_text(o, "type", element_name(t->type));
		json_open_array(o, "shape");
		for (int k = 0; k < t->rank; k++) {
			json_put_integer(o, NULL, t->dim[k]);
		}
		json_close(o);
		json_close(o);
	}
	json_close(o);
}

static void put_conf(struct json_out *o, const struct actor_conf *conf)
{
	json_put_text(o, "conf", conf->path);
	json_put_number(o, "interval_s", conf->interval_s, 3);
	json_open_array(o, "observations");
	for (int i = 0; i < conf->observations; i++) {
		json_put_text(o, NULL, source_name((enum source)conf->observation[i].source));
	}
	json_close(o);
	json_open_array(o, "actions");
	for (int i = 0; i < conf->actions; i++) {
		json_put_text(o, NULL, meaning_name((enum meaning)conf->action[i].meaning));
	}
	json_close(o);
}

static int describe(const char *path)
{
	const struct actor *a = asked.actor;
	static char text[65536];
	struct json_out o;
	json_begin(&o, text, sizeof(text));
	json_open_object(&o, NULL);
	json_put_text(&o, "file", path);
	json_put_text(&o, "producer", a->producer);
	json_put_integer(&o, "ir", a->ir);
	json_put_integer(&o, "opset", a->opset);
	put_ports(&o, "inputs", a->input, a->inputs);
	put_ports(&o, "outputs", a->output, a->outputs);
	json_open_object(&o, "operators");
	for (int i = 0; i < a->operators; i++) {
		json_put_integer(&o, a->operator[i].name, a->operator[i].nodes);
	}
	json_close(&o);
	json_put_integer(&o, "nodes", a->nodes);
	json_put_integer(&o, "needed", a->needed);
	json_put_integer(&o, "steps", a->steps);
	json_put_integer(&o, "parameters", a->parameters);
	json_put_integer(&o, "multiplications", a->work);
	if (asked.conf) {
		put_conf(&o, asked.conf);
	}
	json_close(&o);
	if (json_finish(&o) < 0) {
		fprintf(stderr, "%s: has too many inputs and outputs to describe\n", path);
		return 1;
	}
	puts(text);
	return 0;
}

static int count_numbers(const struct actor_port *port, int ports)
{
	int count = 0;
	for (int i = 0; i < ports; i++) {
		count += port[i].tensor->count;
	}
	return count;
}

/* One row into the inputs, one after the other. */
static void take_row(const struct actor *a, const double *value)
{
	for (int i = 0; i < a->inputs; i++) {
		struct tensor *t = a->input[i].tensor;
		for (int k = 0; k < t->count; k++, value++) {
			if (t->real) {
				t->real[k] = (float)*value;
			} else {
				t->whole[k] = (int64_t)*value;
			}
		}
	}
}

/* A row of observations, in their own units, into the input. Returns 0, or -EINVAL. */
static int observe(const double *row, const char *path, int line, struct diag *d)
{
	double value[SOURCE_COUNT] = { 0 };
	int which = 0;
	for (int i = 0; i < asked.conf->observations; i++) {
		value[asked.conf->observation[i].source] = row[i];
	}
	if (actor_conf_observe(asked.conf, asked.actor, value, &which) < 0) {
		char text[256];
		return diag_error(
			d, path, line, "%s",
			actor_conf_tell(asked.conf, which, row[which], text, sizeof(text)));
	}
	return 0;
}

static void write_meanings(FILE *to)
{
	for (int i = 0; i < asked.conf->actions; i++) {
		fprintf(to, "%s%s", i > 0 ? "," : "",
			meaning_name((enum meaning)asked.conf->action[i].meaning));
	}
	fputc('\n', to);
}

/* What the answer means; "-" where it is no number. */
static void write_actions(FILE *to)
{
	double value[ACTIONS_MAX];
	bool sound = actor_conf_act(asked.conf, asked.actor, value) == 0;
	for (int i = 0; i < asked.conf->actions; i++) {
		fputs(i > 0 ? "," : "", to);
		if (sound) {
			fprintf(to, "%.9g", value[i]);
		} else {
			fputc('-', to);
		}
	}
	fputc('\n', to);
}

static void write_header(FILE *to, const struct actor *a)
{
	for (int i = 0; i < a->outputs; i++) {
		for (int k = 0; k < a->output[i].tensor->count; k++) {
			fputs(i + k > 0 ? "," : "", to);
			fputs(a->output[i].name, to);
			if (a->output[i].tensor->count > 1) {
				fprintf(to, "_%d", k);
			}
		}
	}
	fputc('\n', to);
}

static void write_row(FILE *to, const struct actor *a)
{
	for (int i = 0; i < a->outputs; i++) {
		const struct tensor *t = a->output[i].tensor;
		for (int k = 0; k < t->count; k++) {
			fputs(i + k > 0 ? "," : "", to);
			if (t->real ? isnan(t->real[k]) : t->whole[k] == TENSOR_NONE) {
				fputc('-', to);
			} else if (t->real) {
				fprintf(to, "%.9g", (double)t->real[k]);
			} else {
				fprintf(to, "%lld", (long long)t->whole[k]);
			}
		}
	}
	fputc('\n', to);
}

/* Whether a row names its columns: none of its fields is meant as a number, and be it NaN. */
static bool is_header(const struct csv *c)
{
	for (int i = 0; i < c->fields; i++) {
		char *rest;
		(void)strtod(c->field[i], &rest);
		if (rest != c->field[i] && *rest == '\0') {
			return false;
		}
	}
	return true;
}

static bool names_source(const char *field)
{
	int source = 0;
	while (source < SOURCE_COUNT && strcmp(source_name((enum source)source), field) != 0) {
		source++;
	}
	return source < SOURCE_COUNT;
}

/* A column that names an observation stands where the actor's conf has it. */
static int check_header(const struct csv *c, const char *path, struct diag *d)
{
	int before = d->errors;
	for (int i = 0; asked.conf && i < c->fields && i < asked.conf->observations; i++) {
		const char *name = source_name((enum source)asked.conf->observation[i].source);
		if (names_source(c->field[i]) && strcmp(c->field[i], name) != 0) {
			(void)diag_error(d, path, c->line, "field %d is %s, expected %s", i + 1,
					 c->field[i], name);
		}
	}
	return d->errors > before ? -EINVAL : 1;
}

/* The fields of the row as numbers. The first row may be a header: 1 then. Returns 0, or -EINVAL.
 */
static int parse_row(const struct csv *c, const char *path, int expected, bool first, double *value,
		     struct diag *d)
{
	if (first && is_header(c)) {
		return check_header(c, path, d);
	}
	if (c->fields != expected) {
		return diag_error(d, path, c->line, "%d numbers, expected %d", c->fields, expected);
	}
	for (int i = 0; i < c->fields; i++) {
		if (csv_number(c->field[i], &value[i]) < 0) {
			return diag_error(d, path, c->line,
					  "field %d is \"%s\", expected a finite number", i + 1,
					  c->field[i]);
		}
		if (value[i] < -1e18 || value[i] > 1e18) {
			return diag_error(d, path, c->line,
					  "field %d is \"%s\", expected at most 1e18 in size",
					  i + 1, c->field[i]);
		}
	}
	return 0;
}

/* All rows, and the answers to them as long as they are sound. */
static int walk(const struct actor *a, struct csv *c, const char *path, struct diag *d, FILE *to)
{
	static double value[CSV_FIELDS_MAX];
	int expected = count_numbers(a->input, a->inputs), rows = 0;
	bool first = true;
	for (int r; (r = csv_next(c)) != 0; first = false) {
		if (r < 0) {
			(void)diag_error(d, path, c->line, "%s", csv_wrong(r));
			if (r == -EIO) {
				break;
			}
			continue;
		}
		if (parse_row(c, path, expected, first, value, d) != 0) {
			continue;
		}
		rows++;
		if (asked.conf && observe(value, path, c->line, d) < 0) {
			continue;
		}
		if (!asked.conf) {
			take_row(a, value);
		}
		if (d->errors == 0) {
			actor_run(a);
			if (asked.conf) {
				write_actions(to);
			} else {
				write_row(to, a);
			}
		}
	}
	if (rows == 0 && d->errors == 0) {
		return diag_error(d, path, 0, "has no row of %d numbers", expected);
	}
	return d->errors > 0 ? -EINVAL : 0;
}

/* Read all rows and answer them, into *answers, to be freed: nothing is written, not even over the
 * rows themselves, before all are known to be sound. Returns 0, -EINVAL or -ENOMEM. */
static int answer_rows(const char *path, struct csv *csv, struct diag *d, char **answers)
{
	size_t size;
	FILE *to = open_memstream(answers, &size);
	if (!to) {
		return -ENOMEM;
	}
	if (asked.conf) {
		write_meanings(to);
	} else {
		write_header(to, asked.actor);
	}
	int r = walk(asked.actor, csv, path, d, to);
	bool failed = ferror(to);
	failed = fclose(to) != 0 || failed;
	return failed ? -ENOMEM : r;
}

/* Returns the exit code. */
static int write_answers(const char *path, const char *answers)
{
	FILE *to = !path || strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	bool failed = !to || fputs(answers, to) < 0 || fflush(to) != 0;
	failed = (to && to != stdout && fclose(to) != 0) || failed;
	if (failed) {
		fprintf(stderr, "%s: cannot be written: %s\n", path ? path : "the result",
			strerror(errno));
	}
	return failed;
}

static int run(const struct lecctl *c)
{
	const struct actor *a = asked.actor;
	static struct csv csv;
	struct diag d = { .to = stderr };
	char *answers = NULL;
	if (count_numbers(a->input, a->inputs) > CSV_FIELDS_MAX) {
		fprintf(stderr, "%s: takes %d numbers, a row holds at most %d\n", c->word[0],
			count_numbers(a->input, a->inputs), CSV_FIELDS_MAX);
		return 2;
	}
	int r = csv_open(&csv, c->input);
	if (r < 0) {
		fprintf(stderr, "%s: cannot be read: %s\n", c->input, strerror(-r));
		return 2;
	}
	r = answer_rows(c->input, &csv, &d, &answers);
	csv_close(&csv);
	if (r == -ENOMEM) {
		fprintf(stderr, "%s: its answers take more memory than there is\n", c->input);
	}
	int code = r == -EINVAL ? 2 : r < 0 ? 1 : write_answers(c->out, answers);
	free(answers);
	return code;
}

/* What its numbers mean, held against the actor and, with --site, against the house. */
static int read_conf(const struct lecctl *c, struct diag *d)
{
	static struct actor_conf conf;
	static struct site site;
	struct actor_house house;
	if (!c->actor) {
		return 0;
	}
	int r = actor_conf_read(c->actor, &conf, d);
	if (c->site) {
		int other = site_read(c->site, &site, d);
		r = r < 0 ? r : other;
	}
	if (r < 0) {
		return r;
	}
	if (c->site) {
		site_actor_house(&site, &house);
	}
	asked.conf = &conf;
	return actor_conf_check(&conf, asked.actor, c->site ? &house : NULL, d);
}

int lecctl_policy(const struct lecctl *c)
{
	struct diag d = { .to = stderr };
	if (c->words == 0) {
		fputs("lecctl: policy of nothing, expected an ACTOR.onnx\n", stderr);
		return 2;
	}
	if (c->out && !c->input) {
		fputs("lecctl: --out without --input, expected rows to run\n", stderr);
		return 2;
	}
	if (c->site && !c->actor) {
		fputs("lecctl: --site without --actor, expected what the actor's numbers mean\n",
		      stderr);
		return 2;
	}
	int r = actor_load(c->word[0], NULL, &asked.actor, &d);
	if (r < 0 && d.errors == 0) {
		fprintf(stderr, "%s: %s\n", c->word[0], strerror(-r));
	}
	r = r < 0 ? r : read_conf(c, &d);
	int code = r < 0 ? 2 : c->input ? run(c) : describe(c->word[0]);
	actor_free(asked.actor);
	return code;
}
