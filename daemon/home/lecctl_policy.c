/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl policy: what a learned actor is, and what it answers to rows of observations. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/base/json_out.h"
#include "daemon/home/lecctl.h"
#include "policy/actor.h"

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

static int describe(const struct actor *a, const char *path)
{
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
			if (t->real) {
				fprintf(to, "%.9g", (double)t->real[k]);
			} else {
				fprintf(to, "%lld", (long long)t->whole[k]);
			}
		}
	}
	fputc('\n', to);
}

/* The fields of the row as numbers. The first row may be a header: 1 then. Returns 0, or -EINVAL.
 */
static int parse_row(const struct csv *c, const char *path, int expected, bool first, double *value,
		     struct diag *d)
{
	double ignored;
	if (first && csv_number(c->field[0], &ignored) < 0) {
		return 1;
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

/* All rows: once to see that they are sound, once to run them. */
static int walk(const struct actor *a, struct csv *c, const char *path, struct diag *d, FILE *to)
{
	static double value[CSV_FIELDS_MAX];
	int expected = count_numbers(a->input, a->inputs), rows = 0;
	bool first = true;
	for (int r; (r = csv_next(c)) != 0; first = false) {
		if (r < 0) {
			(void)diag_error(d, path, c->line, "%s",
					 r == -E2BIG ? "the row is too long" : "cannot be read");
			if (r != -E2BIG) {
				break;
			}
			continue;
		}
		if (parse_row(c, path, expected, first, value, d) != 0) {
			continue;
		}
		rows++;
		if (to) {
			take_row(a, value);
			actor_run(a);
			write_row(to, a);
		}
	}
	if (rows == 0 && d->errors == 0) {
		return diag_error(d, path, 0, "has no row of %d numbers", expected);
	}
	return d->errors > 0 ? -EINVAL : 0;
}

static int run(const struct lecctl *c, const struct actor *a)
{
	static struct csv csv;
	struct diag d = { .to = stderr };
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
	r = walk(a, &csv, c->input, &d, NULL);
	FILE *to = r < 0                                 ? NULL
		   : !c->out || strcmp(c->out, "-") == 0 ? stdout
							 : fopen(c->out, "we");
	if (r == 0 && to) {
		csv_rewind(&csv);
		write_header(to, a);
		(void)walk(a, &csv, c->input, &d, to);
	}
	csv_close(&csv);
	if (r < 0) {
		return 2;
	}
	bool failed = !to || ferror(to) || (to != stdout && fclose(to) != 0);
	if (failed) {
		fprintf(stderr, "%s: cannot be written: %s\n", c->out ? c->out : "the result",
			strerror(errno));
	}
	return failed;
}

int lecctl_policy(const struct lecctl *c)
{
	struct diag d = { .to = stderr };
	struct actor *a = NULL;
	if (c->words == 0) {
		fputs("lecctl: policy of nothing, expected an ACTOR.onnx\n", stderr);
		return 2;
	}
	if (c->out && !c->input) {
		fputs("lecctl: --out without --input, expected rows to run\n", stderr);
		return 2;
	}
	int r = actor_load(c->word[0], NULL, &a, &d);
	if (r < 0) {
		if (d.errors == 0) {
			fprintf(stderr, "%s: %s\n", c->word[0], strerror(-r));
		}
		return 2;
	}
	int code = c->input ? run(c, a) : describe(a, c->word[0]);
	actor_free(a);
	return code;
}
